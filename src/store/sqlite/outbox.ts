/** Consumers, endpoints, failed messages and attempts in SQLite. */
import type { Database } from 'better-sqlite3';
import type {
  Attempt,
  Confirmation,
  Consumer,
  Endpoint,
  EndpointChange,
  Outbox,
  Progress,
  StoredDelivery,
} from '../outbox.ts';
import { confirmationSql, handledUpTo } from '../sql/confirmation.ts';
import type { NewNotice } from '../store.ts';

/** So many attempts of an endpoint are kept. */
const keptAttempts = 5000;

interface EndpointRow {
  id: string;
  tenant: number;
  tenant_name: string;
  url: string;
  types: string | null;
  batch: number;
  private: 0 | 1;
  secrets: string;
  signing_keys: string;
  state: Endpoint['state'];
  reason: string | null;
  created: string;
  position: string;
  failing_since: string | null;
  kind: Endpoint['kind'];
  stream: string | null;
}

const endpointColumns = `e.id, e.tenant, coalesce(t.was, t.name) AS tenant_name, e.url, e.types, e.batch, e.private, e.secrets,
  e.signing_keys, e.state, e.reason, e.created, e.position, e.failing_since, e.kind, e.stream`;

function toEndpoint(row: EndpointRow): Endpoint {
  return {
    id: row.id,
    kind: row.kind,
    tenant: row.tenant,
    tenantName: row.tenant_name,
    url: row.url,
    ...(row.types === null ? {} : { types: JSON.parse(row.types) }),
    batch: row.batch,
    allowPrivate: row.private === 1,
    secrets: JSON.parse(row.secrets),
    signingKeys: JSON.parse(row.signing_keys),
    state: row.state,
    ...(row.reason === null ? {} : { reason: row.reason }),
    created: row.created,
    position: row.position,
    ...(row.failing_since === null ? {} : { failingSince: row.failing_since }),
    ...(row.stream === null ? {} : { stream: JSON.parse(row.stream) }),
  };
}

export interface OutboxTools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
  /** Records a notice, within the transaction. */
  readonly note: (notice: NewNotice) => unknown;
}

export function outboxOver({ db, clock, newId, read, write, note }: OutboxTools): Outbox {
  const consumers = db.prepare<[number], Consumer>(
    'SELECT name, position, acknowledged, created FROM consumer WHERE tenant = ? ORDER BY name',
  );
  const consumer = db.prepare<[number, string], Consumer>(
    'SELECT name, position, acknowledged, created FROM consumer WHERE tenant = ? AND name = ?',
  );
  const putConsumer = db.prepare(
    `INSERT INTO consumer (tenant, name, position, acknowledged, created) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET position = excluded.position, acknowledged = excluded.acknowledged`,
  );
  const dropConsumer = db.prepare('DELETE FROM consumer WHERE tenant = ? AND name = ?');

  const confirmConsumer = db.prepare(confirmationSql.ofConsumer);
  const confirmEndpoint = db.prepare(confirmationSql.ofEndpoint);
  const firstOf = {
    consumer: db.prepare<[number, string, number], string>(confirmationSql.firstOfConsumer).pluck(),
    endpoint: db.prepare<[number, string, number], string>(confirmationSql.firstOfEndpoint).pluck(),
  };
  const confirmations = (tenant: number, sequences: readonly number[]): Confirmation[] => {
    const applications = [
      ...consumers.all(tenant).map(({ name }) => ({ kind: 'consumer', key: name, name }) as const),
      ...ofTenant.all(tenant).map(({ id, url }) => ({ kind: 'endpoint', key: id, name: url }) as const),
    ];
    return sequences.flatMap((sequence) =>
      applications.flatMap((application) => {
        const at = firstOf[application.kind].get(tenant, application.key, sequence);
        return at === undefined ? [] : [{ ...application, sequence, at }];
      }),
    );
  };

  const from = 'FROM endpoint e JOIN tenant t ON t.number = e.tenant';
  const all = db.prepare<[], EndpointRow>(`SELECT ${endpointColumns} ${from} ORDER BY e.created, e.id`);
  const ofTenant = db.prepare<[number], EndpointRow>(
    `SELECT ${endpointColumns} ${from} WHERE e.tenant = ? ORDER BY e.created, e.id`,
  );
  const byId = db.prepare<[string], EndpointRow>(`SELECT ${endpointColumns} ${from} WHERE e.id = ?`);
  const leased = db.prepare<[string], EndpointRow>(
    `SELECT ${endpointColumns} ${from} WHERE e.lease_owner = ? AND e.state = 'active' AND e.kind <> 'poll' ORDER BY e.created, e.id`,
  );
  const insert = db.prepare(
    `INSERT INTO endpoint (id, tenant, url, types, batch, private, secrets, signing_keys, state, created, position,
       kind, stream)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?)`,
  );
  const update = db.prepare(
    `UPDATE endpoint SET url = ?, types = ?, batch = ?, secrets = ?, signing_keys = ?, state = ?, reason = ?,
       position = ?, failing_since = ?, kind = ?, stream = ? WHERE id = ?`,
  );
  const drop = db.prepare('DELETE FROM endpoint WHERE id = ?');
  const take = db.prepare(
    `UPDATE endpoint SET lease_owner = ?, lease_until = ?
     WHERE state = 'active' AND kind <> 'poll' AND (lease_owner = ? OR lease_owner IS NULL OR lease_until < ? OR lease_until > ?)`,
  );
  const give = db.prepare('UPDATE endpoint SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = ?');
  const owners = db
    .prepare<[], string>('SELECT DISTINCT lease_owner FROM endpoint WHERE lease_owner IS NOT NULL')
    .pluck();
  const owned = db
    .prepare<[string, string], number>(
      "SELECT 1 FROM endpoint WHERE id = ? AND lease_owner = ? AND state = 'active'",
    )
    .pluck();
  const setPosition = db.prepare('UPDATE endpoint SET position = ? WHERE id = ?');
  const setFailing = db.prepare('UPDATE endpoint SET failing_since = ? WHERE id = ?');
  const setState = db.prepare('UPDATE endpoint SET state = ?, reason = ? WHERE id = ?');

  const untold = db.prepare<[], EndpointRow>(
    `SELECT ${endpointColumns} ${from} WHERE e.state = 'disabled' AND e.told = 0 ORDER BY e.id`,
  );
  const tell = db.prepare('UPDATE endpoint SET told = ? WHERE id = ?');

  const deliveries = db.prepare<
    [string],
    Omit<StoredDelivery, 'subjects' | 'leaver'> & { subjects: string; leaver: 0 | 1 }
  >(
    `SELECT message, sequence, place, subjects, leaver, tries, next FROM delivery WHERE endpoint = ?
     ORDER BY sequence, place`,
  );
  const body = db
    .prepare<[string, string], string>('SELECT body FROM delivery WHERE endpoint = ? AND message = ?')
    .pluck();
  const put = db.prepare(
    `INSERT OR REPLACE INTO delivery (endpoint, message, sequence, place, subjects, leaver, tries, next, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const retry = db.prepare('UPDATE delivery SET tries = ?, next = ? WHERE endpoint = ? AND message = ?');
  const remove = db.prepare('DELETE FROM delivery WHERE endpoint = ? AND message = ?');
  const dueNow = db.prepare('UPDATE delivery SET next = 0 WHERE endpoint = ?');

  const insertAttempt = db.prepare(
    `INSERT INTO attempt (endpoint, message, sequence, try, at, milliseconds, status, error, answer, clock_difference)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const pruneAttempts = db.prepare(
    `DELETE FROM attempt WHERE endpoint = ? AND number <=
       (SELECT number FROM attempt WHERE endpoint = ? ORDER BY number DESC LIMIT 1 OFFSET ${keptAttempts})`,
  );
  const attempts = db.prepare<
    [string, number],
    Omit<Attempt, 'status' | 'error' | 'clockDifference'> & {
      status: number | null;
      error: string | null;
      clock_difference: number | null;
    }
  >(
    `SELECT message, sequence, try, at, milliseconds, status, error, answer, clock_difference
     FROM attempt WHERE endpoint = ? ORDER BY number DESC LIMIT ?`,
  );
  /** By endpoint, since the last time that old ones were removed. */
  const written = new Map<string, number>();

  const find = (id: string): Endpoint | undefined => {
    const row = byId.get(id);
    return row === undefined ? undefined : toEndpoint(row);
  };

  const change = (id: string, changes: EndpointChange): Endpoint | undefined => {
    const known = find(id);
    if (known === undefined) return undefined;
    const { url, types, batch, secrets, signingKeys, state, position, kind, stream } = {
      ...known,
      ...changes,
    };
    const reason = changes.reason === undefined ? known.reason : changes.reason;
    // Who was given up on starts anew, where it was.
    const wakes = state === 'active' && known.state !== 'active';
    if (wakes) {
      dueNow.run(id);
      tell.run(0, id);
    }
    update.run(
      url,
      types === undefined ? null : JSON.stringify(types),
      batch,
      JSON.stringify(secrets),
      JSON.stringify(signingKeys),
      state,
      wakes ? null : (reason ?? null),
      position,
      wakes ? null : (known.failingSince ?? null),
      kind,
      stream === undefined ? null : JSON.stringify(stream),
      id,
    );
    return find(id);
  };

  const putDelivery = (endpoint: string, delivery: StoredDelivery & { readonly body: string }): void => {
    const { message, sequence, place, subjects, leaver, tries, next, body: text } = delivery;
    put.run(endpoint, message, sequence, place, JSON.stringify(subjects), leaver ? 1 : 0, tries, next, text);
  };

  const store = (owner: string, progress: Progress): boolean => {
    const { endpoint } = progress;
    if (owned.get(endpoint, owner) === undefined) return false;
    if (progress.position !== undefined) setPosition.run(progress.position, endpoint);
    for (const each of progress.put) putDelivery(endpoint, each);
    for (const { message, tries, next } of progress.retried) retry.run(tries, next, endpoint, message);
    for (const message of progress.removed) remove.run(endpoint, message);
    for (const each of progress.attempts)
      insertAttempt.run(
        endpoint,
        each.message,
        each.sequence,
        each.try,
        each.at,
        each.milliseconds,
        each.status ?? null,
        each.error ?? null,
        each.answer,
        each.clockDifference ?? null,
      );
    for (const { sequence, at, status = 0 } of progress.attempts)
      if (status >= 200 && status < 300) confirmEndpoint.run(at, sequence, endpoint);
    const since = (written.get(endpoint) ?? 0) + progress.attempts.length;
    written.set(endpoint, since % 1000);
    if (since >= 1000) pruneAttempts.run(endpoint, endpoint);
    if (progress.failingSince !== undefined) setFailing.run(progress.failingSince, endpoint);
    if (progress.state !== undefined) setState.run(progress.state, progress.reason ?? null, endpoint);
    return true;
  };

  return {
    confirmations: (tenant, sequences) => read(() => confirmations(tenant, sequences)),
    consumers: (tenant) => read(() => consumers.all(tenant)),
    acknowledge: (tenant, name, position, isBehind) =>
      write(() => {
        const now = clock().toISOString();
        const known = consumer.get(tenant, name);
        if (known !== undefined && known.position !== position && !isBehind(known.position)) return undefined;
        putConsumer.run(tenant, name, position, now, known?.created ?? now);
        const handled = handledUpTo(position);
        if (handled > 0) confirmConsumer.run(tenant, name, handled, now);
        return consumer.get(tenant, name);
      }),
    forgetConsumer: (tenant, name) => write(() => dropConsumer.run(tenant, name).changes > 0),

    endpoints: (tenant) =>
      read(() => (tenant === undefined ? all.all() : ofTenant.all(tenant)).map(toEndpoint)),
    createEndpoint: (endpoint) =>
      write(() => {
        const { tenant, url, types, batch, allowPrivate, secrets, signingKeys, position } = endpoint;
        const { kind = 'webhook', stream } = endpoint;
        const id = newId();
        insert.run(
          id,
          tenant,
          url,
          types === undefined ? null : JSON.stringify(types),
          batch,
          allowPrivate ? 1 : 0,
          JSON.stringify(secrets),
          JSON.stringify(signingKeys),
          clock().toISOString(),
          position,
          kind,
          stream === undefined ? null : JSON.stringify(stream),
        );
        return find(id) as Endpoint;
      }),
    changeEndpoint: (id, changes) => write(() => change(id, changes)),
    deleteEndpoint: (id) => write(() => drop.run(id).changes > 0),
    attempts: (endpoint, limit) =>
      read(() =>
        attempts.all(endpoint, limit).map(({ status, error, clock_difference, ...rest }) => ({
          ...rest,
          ...(status === null ? {} : { status }),
          ...(error === null ? {} : { error }),
          ...(clock_difference === null ? {} : { clockDifference: clock_difference }),
        })),
      ),

    enqueue: (endpoint, messages) =>
      write(() => {
        if (find(endpoint) === undefined) return false;
        for (const each of messages) putDelivery(endpoint, each);
        return true;
      }),

    lease: (owner, now, until) =>
      write(() => {
        // Nobody holds one for so long: the clock was set back.
        take.run(owner, until, owner, now, now + 2 * (until - now));
        return leased.all(owner).map(toEndpoint);
      }),
    owners: () => read(() => owners.all()),
    release: (owner) => write(() => void give.run(owner)),
    deliveries: (endpoint) =>
      read(() =>
        deliveries.all(endpoint).map(({ subjects, leaver, ...rest }) => ({
          ...rest,
          subjects: JSON.parse(subjects),
          leaver: leaver === 1,
        })),
      ),
    deliveryBody: (endpoint, message) => read(() => body.get(endpoint, message)),
    async noteDisabled() {
      // Mostly there are none, and nothing is to be written.
      if (read(() => untold.all()).length === 0) return 0;
      return write(() => {
        const all = untold.all();
        for (const { id, tenant, url, reason } of all) {
          const data = { endpoint: { id, url }, reason: reason ?? '' };
          note({ tenant, event: 'endpoint.disabled', subject: { type: 'Endpoint', id }, data });
          tell.run(1, id);
        }
        return all.length;
      });
    },
    progress: (owner, all) => write(() => all.map((each) => store(owner, each))),
  };
}
