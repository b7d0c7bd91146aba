/** Consumers, endpoints, failed messages and attempts in scimd's own tables beside those of the embedder. */
import type {
  Attempt,
  Confirmation,
  Consumer,
  Endpoint,
  EndpointChange,
  Outbox,
  Progress,
  StoredDelivery,
  StreamSettings,
  WebhookSecret,
} from '../outbox.ts';
import { handledUpTo } from '../sql/confirmation.ts';
import type { NewNotice } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { one, type SqlRow, type Steps, statement } from './database.ts';

/** So many attempts of an endpoint are kept. */
const keptAttempts = 5000;

export interface OutboxTools {
  readonly dialect: 'sqlite' | 'postgres';
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
  readonly note: (notices: readonly NewNotice[]) => Steps<number>;
}

const columns = `e.id, e.tenant, coalesce(t.was, t.name) AS tenant_name, e.url, e.types, e.batch, e.private AS is_private, e.secrets,
  e.signing_keys, e.state, e.reason, e.created, e.position, e.failing_since, e.kind, e.stream`;
const from = 'FROM scimd_endpoint e JOIN scimd_tenant t ON t.number = e.tenant';

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parsed<T>(value: unknown): T {
  return JSON.parse(String(value)) as T;
}

function toEndpoint(row: SqlRow): Endpoint {
  const reason = text(row.reason);
  const failingSince = text(row.failing_since);
  return {
    id: String(row.id),
    tenant: Number(row.tenant),
    tenantName: String(row.tenant_name),
    url: String(row.url),
    ...(text(row.types) === undefined ? {} : { types: parsed<string[]>(row.types) }),
    batch: Number(row.batch),
    allowPrivate: Number(row.is_private) === 1,
    secrets: parsed<WebhookSecret[]>(row.secrets),
    signingKeys: parsed<string[]>(row.signing_keys),
    state: String(row.state) as Endpoint['state'],
    ...(reason === undefined ? {} : { reason }),
    created: String(row.created),
    position: String(row.position),
    ...(failingSince === undefined ? {} : { failingSince }),
    kind: String(row.kind) as Endpoint['kind'],
    ...(text(row.stream) === undefined ? {} : { stream: parsed<StreamSettings>(row.stream) }),
  };
}

function toConsumer({ name, position, acknowledged, created }: SqlRow): Consumer {
  return {
    name: String(name),
    position: String(position),
    acknowledged: String(acknowledged),
    created: String(created),
  };
}

function toAttempt(row: SqlRow): Attempt {
  const error = text(row.error);
  return {
    message: String(row.message),
    sequence: Number(row.sequence),
    try: Number(row.try),
    at: String(row.at),
    milliseconds: Number(row.milliseconds),
    ...(row.status === null ? {} : { status: Number(row.status) }),
    ...(error === undefined ? {} : { error }),
    answer: String(row.answer),
    ...(row.clock_difference === null ? {} : { clockDifference: Number(row.clock_difference) }),
  };
}

function* find(id: string): Steps<Endpoint | undefined> {
  const row = yield* one(`SELECT ${columns} ${from} WHERE e.id = ?`, id);
  return row === undefined ? undefined : toEndpoint(row);
}

function* change(id: string, changes: EndpointChange): Steps<Endpoint | undefined> {
  const known = yield* find(id);
  if (known === undefined) return undefined;
  const { url, types, batch, secrets, signingKeys, state, position, kind, stream } = { ...known, ...changes };
  const reason = changes.reason === undefined ? known.reason : changes.reason;
  // Who was given up on starts anew, where it was.
  const wakes = state === 'active' && known.state !== 'active';
  if (wakes) {
    yield statement('UPDATE scimd_delivery SET next = 0 WHERE endpoint = ?', id);
    yield statement('UPDATE scimd_endpoint SET told = 0 WHERE id = ?', id);
  }
  yield statement(
    `UPDATE scimd_endpoint SET url = ?, types = ?, batch = ?, secrets = ?, signing_keys = ?, state = ?, reason = ?,
       position = ?, failing_since = ?, kind = ?, stream = ? WHERE id = ?`,
    ...[
      url,
      types === undefined ? null : JSON.stringify(types),
      batch,
      JSON.stringify(secrets),
      JSON.stringify(signingKeys),
    ],
    ...[
      state,
      wakes ? null : (reason ?? null),
      position,
      wakes ? null : (known.failingSince ?? null),
      kind,
      stream === undefined ? null : JSON.stringify(stream),
      id,
    ],
  );
  return yield* find(id);
}

function* put(endpoint: string, delivery: StoredDelivery & { readonly body: string }): Steps<void> {
  const { message, sequence, place, subjects, leaver, tries, next, body } = delivery;
  yield statement(
    `INSERT INTO scimd_delivery (endpoint, message, sequence, place, subjects, leaver, tries, next, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (endpoint, message) DO UPDATE SET sequence = excluded.sequence, place = excluded.place,
       subjects = excluded.subjects, leaver = excluded.leaver, tries = excluded.tries, next = excluded.next, body = excluded.body`,
    ...[endpoint, message, sequence, place, JSON.stringify(subjects), leaver ? 1 : 0, tries, next, body],
  );
}

function* progressOne(owner: string, progress: Progress, newId: () => string): Steps<boolean> {
  const { endpoint } = progress;
  const owned = yield* one(
    "SELECT 1 AS owned FROM scimd_endpoint WHERE id = ? AND lease_owner = ? AND state = 'active'",
    ...[endpoint, owner],
  );
  if (owned === undefined) return false;
  const set = (column: string, value: string | null) =>
    statement(`UPDATE scimd_endpoint SET ${column} = ? WHERE id = ?`, value, endpoint);
  if (progress.position !== undefined) yield set('position', progress.position);
  for (const each of progress.put) yield* put(endpoint, each);
  for (const { message, tries, next } of progress.retried)
    yield statement(
      'UPDATE scimd_delivery SET tries = ?, next = ? WHERE endpoint = ? AND message = ?',
      ...[tries, next, endpoint, message],
    );
  for (const message of progress.removed)
    yield statement('DELETE FROM scimd_delivery WHERE endpoint = ? AND message = ?', endpoint, message);
  for (const each of progress.attempts)
    yield statement(
      `INSERT INTO scimd_attempt (id, endpoint, message, sequence, try, at, milliseconds, status, error, answer, clock_difference)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[newId(), endpoint, each.message, each.sequence, each.try, each.at, each.milliseconds],
      ...[each.status ?? null, each.error ?? null, each.answer, each.clockDifference ?? null],
    );
  if (progress.attempts.length > 0)
    yield statement(
      `DELETE FROM scimd_attempt WHERE endpoint = ? AND id <=
         (SELECT id FROM scimd_attempt WHERE endpoint = ? ORDER BY id DESC LIMIT 1 OFFSET ${keptAttempts})`,
      ...[endpoint, endpoint],
    );
  if (progress.failingSince !== undefined) yield set('failing_since', progress.failingSince);
  if (progress.state !== undefined) {
    yield set('state', progress.state);
    yield set('reason', progress.reason ?? null);
  }
  return true;
}

export function outboxOver({ dialect, clock, newId, read, write, note }: OutboxTools): Outbox {
  const held = dialect === 'postgres' ? ' FOR UPDATE' : '';
  const removed = function* (sql: string, ...parameters: readonly (string | number)[]): Steps<boolean> {
    return (yield statement(`${sql} RETURNING 1 AS done`, ...parameters)).length > 0;
  };
  return {
    // What was acknowledged last is kept, so that a consumer may have said so earlier than is told.
    confirmations: (tenant, sequences) =>
      read(function* () {
        const found: Confirmation[] = [];
        const consumers = yield statement(
          'SELECT name, position, acknowledged FROM scimd_consumer WHERE tenant = ? ORDER BY name',
          tenant,
        );
        for (const row of consumers)
          for (const sequence of sequences) {
            const [name, at] = [String(row.name), String(row.acknowledged)];
            if (handledUpTo(String(row.position)) >= sequence)
              found.push({ sequence, kind: 'consumer', key: name, name, at });
          }
        for (const sequence of sequences) {
          const rows = yield statement(
            `SELECT e.id, e.url, min(a.at) AS at FROM scimd_attempt a JOIN scimd_endpoint e ON e.id = a.endpoint
             WHERE e.tenant = ? AND a.sequence = ? AND a.status BETWEEN 200 AND 299 GROUP BY e.id, e.url`,
            ...[tenant, sequence],
          );
          for (const { id, url, at } of rows)
            found.push({ sequence, kind: 'endpoint', key: String(id), name: String(url), at: String(at) });
        }
        return found;
      }),
    consumers: (tenant) =>
      read(function* () {
        const rows = yield statement(
          'SELECT name, position, acknowledged, created FROM scimd_consumer WHERE tenant = ? ORDER BY name',
          tenant,
        );
        return rows.map(toConsumer);
      }),
    acknowledge: (tenant, name, position, isBehind) =>
      write(function* () {
        const now = clock().toISOString();
        const row = yield* one(
          `SELECT name, position, acknowledged, created FROM scimd_consumer WHERE tenant = ? AND name = ?${held}`,
          ...[tenant, name],
        );
        const known = row === undefined ? undefined : toConsumer(row);
        if (known !== undefined && known.position !== position && !isBehind(known.position)) return undefined;
        const created = known?.created ?? now;
        yield statement(
          `INSERT INTO scimd_consumer (tenant, name, position, acknowledged, created) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (tenant, name) DO UPDATE SET position = excluded.position, acknowledged = excluded.acknowledged`,
          ...[tenant, name, position, now, created],
        );
        return { name, position, acknowledged: now, created };
      }),
    forgetConsumer: (tenant, name) =>
      write(() => removed('DELETE FROM scimd_consumer WHERE tenant = ? AND name = ?', tenant, name)),
    endpoints: (tenant) =>
      read(function* () {
        const rows = yield tenant === undefined
          ? statement(`SELECT ${columns} ${from} ORDER BY e.created, e.id`)
          : statement(`SELECT ${columns} ${from} WHERE e.tenant = ? ORDER BY e.created, e.id`, tenant);
        return rows.map(toEndpoint);
      }),
    createEndpoint: ({
      tenant,
      url,
      types,
      batch,
      allowPrivate,
      secrets,
      signingKeys,
      position,
      kind = 'webhook',
      stream,
    }) =>
      write(function* () {
        const id = newId();
        yield statement(
          `INSERT INTO scimd_endpoint (id, tenant, url, types, batch, private, secrets, signing_keys, state, created, position, kind, stream)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?)`,
          ...[
            id,
            tenant,
            url,
            types === undefined ? null : JSON.stringify(types),
            batch,
            allowPrivate ? 1 : 0,
          ],
          ...[
            JSON.stringify(secrets),
            JSON.stringify(signingKeys),
            clock().toISOString(),
            position,
            kind,
            stream === undefined ? null : JSON.stringify(stream),
          ],
        );
        return (yield* find(id)) as Endpoint;
      }),
    changeEndpoint: (id, changes) => write(() => change(id, changes)),
    deleteEndpoint: (id) => write(() => removed('DELETE FROM scimd_endpoint WHERE id = ?', id)),
    attempts: (endpoint, limit) =>
      read(function* () {
        const rows = yield statement(
          `SELECT message, sequence, try, at, milliseconds, status, error, answer, clock_difference
           FROM scimd_attempt WHERE endpoint = ? ORDER BY id DESC LIMIT ?`,
          ...[endpoint, limit],
        );
        return rows.map(toAttempt);
      }),
    async noteDisabled() {
      const untold = function* (): Steps<readonly Endpoint[]> {
        const rows = yield statement(
          `SELECT ${columns} ${from} WHERE e.state = 'disabled' AND e.told = 0 ORDER BY e.id`,
        );
        return rows.map(toEndpoint);
      };
      // Mostly there are none, and nothing is to be written.
      if ((await read(untold)).length === 0) return 0;
      return write(function* () {
        const all = yield* untold();
        for (const { id, tenant, url, reason } of all) {
          const data = { endpoint: { id, url }, reason: reason ?? '' };
          yield* note([{ tenant, event: 'endpoint.disabled', subject: { type: 'Endpoint', id }, data }]);
          yield statement('UPDATE scimd_endpoint SET told = 1 WHERE id = ?', id);
        }
        return all.length;
      });
    },
    enqueue: (endpoint, messages) =>
      write(function* () {
        if ((yield* find(endpoint)) === undefined) return false;
        for (const each of messages) yield* put(endpoint, each);
        return true;
      }),
    lease: (owner, now, until) =>
      write(function* () {
        yield statement(
          `UPDATE scimd_endpoint SET lease_owner = ?, lease_until = ?
           WHERE state = 'active' AND kind <> 'poll' AND (lease_owner = ? OR lease_owner IS NULL OR lease_until < ? OR lease_until > ?)`,
          // Nobody holds one for so long: the clock was set back.
          ...[owner, until, owner, now, now + 2 * (until - now)],
        );
        const rows = yield statement(
          `SELECT ${columns} ${from} WHERE e.lease_owner = ? AND e.state = 'active' AND e.kind <> 'poll' ORDER BY e.created, e.id`,
          owner,
        );
        return rows.map(toEndpoint);
      }),
    owners: () =>
      read(function* () {
        const rows = yield statement(
          'SELECT DISTINCT lease_owner FROM scimd_endpoint WHERE lease_owner IS NOT NULL',
        );
        return rows.map(({ lease_owner: owner }) => String(owner));
      }),
    release: (owner) =>
      write(function* () {
        yield statement(
          'UPDATE scimd_endpoint SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = ?',
          owner,
        );
      }),
    deliveries: (endpoint) =>
      read(function* () {
        const rows = yield statement(
          `SELECT message, sequence, place, subjects, leaver, tries, next FROM scimd_delivery WHERE endpoint = ?
           ORDER BY sequence, place`,
          endpoint,
        );
        return rows.map((row) => ({
          message: String(row.message),
          sequence: Number(row.sequence),
          place: Number(row.place),
          subjects: parsed<string[]>(row.subjects),
          leaver: Number(row.leaver) === 1,
          tries: Number(row.tries),
          next: Number(row.next),
        }));
      }),
    deliveryBody: (endpoint, message) =>
      read(function* () {
        const row = yield* one(
          'SELECT body FROM scimd_delivery WHERE endpoint = ? AND message = ?',
          ...[endpoint, message],
        );
        return text(row?.body);
      }),
    progress: (owner, all) =>
      write(function* () {
        const outcomes: boolean[] = [];
        for (const each of all) outcomes.push(yield* progressOne(owner, each, newId));
        return outcomes;
      }),
  };
}
