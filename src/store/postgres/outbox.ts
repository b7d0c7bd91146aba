/** Consumers, endpoints, failed messages and attempts. Of several servers one at a time writes to an endpoint. */
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
import type { Connection, Value } from './driver.ts';
import type { Transactions } from './transactions.ts';

/** So many attempts of an endpoint are kept. */
const keptAttempts = 5000;

type EndpointRow = [
  id: string,
  tenant: number,
  tenantName: string,
  url: string,
  types: string | null,
  batch: number,
  isPrivate: number,
  secrets: string,
  signingKeys: string,
  state: Endpoint['state'],
  reason: string | null,
  created: string,
  position: string,
  failingSince: string | null,
  kind: Endpoint['kind'],
  stream: string | null,
];

type Body = StoredDelivery & { readonly body: string };

const endpointColumns = `e.id, e.tenant, coalesce(t.was, t.name), e.url, e.types, e.batch, e.private, e.secrets, e.signing_keys, e.state, e.reason,
  e.created, e.position, e.failing_since, e.kind, e.stream`;
const select = `SELECT ${endpointColumns} FROM endpoint e JOIN tenant t ON t.number = e.tenant`;
const order = 'ORDER BY e.created, e.id';

export const outboxSql = {
  consumers: 'SELECT name, position, acknowledged, created FROM consumer WHERE tenant = ? ORDER BY name',
  consumer:
    'SELECT name, position, acknowledged, created FROM consumer WHERE tenant = ? AND name = ? FOR UPDATE',
  insertConsumer: `INSERT INTO consumer (tenant, name, position, acknowledged, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING 1`,
  setConsumer: 'UPDATE consumer SET position = ?, acknowledged = ? WHERE tenant = ? AND name = ?',
  deleteConsumer: 'DELETE FROM consumer WHERE tenant = ? AND name = ? RETURNING 1',
  all: `${select} ${order}`,
  ofTenant: `${select} WHERE e.tenant = ? ${order}`,
  byId: `${select} WHERE e.id = ?`,
  /** Nobody else changes it until the transaction ends. */
  locked: `${select} WHERE e.id = ? FOR UPDATE OF e`,
  leased: `${select} WHERE e.lease_owner = ? AND e.state = 'active' AND e.kind <> 'poll' ${order}`,
  insert: `INSERT INTO endpoint (id, tenant, url, types, batch, private, secrets, signing_keys, state, created, position,
  kind, stream)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?)`,
  update: `UPDATE endpoint SET url = ?, types = ?, batch = ?, secrets = ?, signing_keys = ?, state = ?, reason = ?,
  position = ?, failing_since = ?, kind = ?, stream = ? WHERE id = ?`,
  delete: 'DELETE FROM endpoint WHERE id = ? RETURNING 1',
  take: `UPDATE endpoint SET lease_owner = ?, lease_until = ?
WHERE state = 'active' AND kind <> 'poll' AND (lease_owner = ? OR lease_owner IS NULL OR lease_until < ? OR lease_until > ?)`,
  give: 'UPDATE endpoint SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = ?',
  owners: 'SELECT DISTINCT lease_owner FROM endpoint WHERE lease_owner IS NOT NULL',
  owned: "SELECT 1 FROM endpoint WHERE id = ? AND lease_owner = ? AND state = 'active' FOR UPDATE",
  setPosition: 'UPDATE endpoint SET position = ? WHERE id = ?',
  setFailing: 'UPDATE endpoint SET failing_since = ? WHERE id = ?',
  setState: 'UPDATE endpoint SET state = ?, reason = ? WHERE id = ?',
  untold: `${select} WHERE e.state = 'disabled' AND e.told = 0 ORDER BY e.id`,
  /** Of several servers one changes it. */
  tell: 'UPDATE endpoint SET told = 1 WHERE id = ? AND told = 0 RETURNING 1',
  untell: 'UPDATE endpoint SET told = 0 WHERE id = ?',
  deliveries: `SELECT message, sequence, place, subjects, leaver, tries, next FROM delivery WHERE endpoint = ?
ORDER BY sequence, place`,
  body: 'SELECT body FROM delivery WHERE endpoint = ? AND message = ?',
  put: `INSERT INTO delivery (endpoint, message, sequence, place, subjects, leaver, tries, next, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (endpoint, message) DO UPDATE SET sequence = excluded.sequence, place = excluded.place,
  subjects = excluded.subjects, leaver = excluded.leaver, tries = excluded.tries, next = excluded.next, body = excluded.body`,
  retry: 'UPDATE delivery SET tries = ?, next = ? WHERE endpoint = ? AND message = ?',
  remove: 'DELETE FROM delivery WHERE endpoint = ? AND message = ?',
  dueNow: 'UPDATE delivery SET next = 0 WHERE endpoint = ?',
  insertAttempt: `INSERT INTO attempt (endpoint, message, sequence, try, at, milliseconds, status, error, answer, clock_difference)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  pruneAttempts: `DELETE FROM attempt WHERE endpoint = ? AND number <=
  (SELECT number FROM attempt WHERE endpoint = ? ORDER BY number DESC LIMIT 1 OFFSET ${keptAttempts})`,
  attempts: `SELECT message, sequence, try, at, milliseconds, status, error, answer, clock_difference
FROM attempt WHERE endpoint = ? ORDER BY number DESC LIMIT ?`,
} as const;

function toEndpoint(row: readonly unknown[]): Endpoint {
  const [id, tenant, tenantName, url, types, batch, isPrivate, secrets, signingKeys, state, ...more] =
    row as EndpointRow;
  const [reason, created, position, failingSince, kind, stream] = more;
  return {
    ...{ id, kind, tenant, tenantName, url },
    ...(types === null ? {} : { types: JSON.parse(types) }),
    ...{ batch, allowPrivate: isPrivate === 1 },
    ...{ secrets: JSON.parse(secrets), signingKeys: JSON.parse(signingKeys), state },
    ...(reason === null ? {} : { reason }),
    ...{ created, position },
    ...(failingSince === null ? {} : { failingSince }),
    ...(stream === null ? {} : { stream: JSON.parse(stream) }),
  };
}

function toConsumer(row: readonly unknown[]): Consumer {
  const [name, position, acknowledged, created] = row as [string, string, string, string];
  return { name, position, acknowledged, created };
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

export interface OutboxTools {
  readonly transactions: Transactions;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** Records notices. */
  readonly note: (notices: readonly NewNotice[]) => Promise<unknown>;
}

export function outboxOver({ transactions, clock, newId, note }: OutboxTools): Outbox {
  const { pool } = transactions;
  /** By endpoint, since the last time that old attempts were removed. */
  const written = new Map<string, number>();
  const write = async (sql: string, parameters: readonly Value[]): Promise<unknown[][]> =>
    (await transactions.run((connection) => connection.run(sql, parameters))).rows;
  const find = async (id: string): Promise<Endpoint | undefined> => {
    const [row] = await pool.read(outboxSql.byId, [id]);
    return row === undefined ? undefined : toEndpoint(row);
  };

  const change = async (connection: Connection, id: string, changes: EndpointChange): Promise<boolean> => {
    const [row] = (await connection.run(outboxSql.locked, [id])).rows;
    if (row === undefined) return false;
    const known = toEndpoint(row);
    const { url, types, batch, secrets, signingKeys, state, position, kind, stream } = {
      ...known,
      ...changes,
    };
    const reason = changes.reason === undefined ? known.reason : changes.reason;
    // Who was given up on starts anew, where it was.
    const wakes = state === 'active' && known.state !== 'active';
    if (wakes) {
      await connection.run(outboxSql.dueNow, [id]);
      await connection.run(outboxSql.untell, [id]);
    }
    await connection.run(outboxSql.update, [
      ...[url, jsonOrNull(types), batch, JSON.stringify(secrets), JSON.stringify(signingKeys), state],
      ...[
        wakes ? null : (reason ?? null),
        position,
        wakes ? null : (known.failingSince ?? null),
        kind,
        jsonOrNull(stream),
        id,
      ],
    ]);
    return true;
  };

  const put = (connection: Connection, endpoint: string, delivery: Body) => {
    const { message, sequence, place, subjects, leaver, tries, next, body } = delivery;
    return connection.run(outboxSql.put, [
      ...[endpoint, message, sequence, place, JSON.stringify(subjects), leaver ? 1 : 0, tries, next, body],
    ]);
  };

  const store = async (connection: Connection, owner: string, progress: Progress): Promise<boolean> => {
    const { endpoint } = progress;
    const owned = await connection.run(outboxSql.owned, [endpoint, owner]);
    if (owned.rows.length === 0) return false;
    const since = (written.get(endpoint) ?? 0) + progress.attempts.length;
    written.set(endpoint, since % 1000);
    // They follow one another over the connection; the first that fails takes all of it back.
    await Promise.all([
      ...(progress.position === undefined
        ? []
        : [connection.run(outboxSql.setPosition, [progress.position, endpoint])]),
      ...progress.put.map((each) => put(connection, endpoint, each)),
      ...progress.retried.map(({ message, tries, next }) =>
        connection.run(outboxSql.retry, [tries, next, endpoint, message]),
      ),
      ...progress.removed.map((message) => connection.run(outboxSql.remove, [endpoint, message])),
      ...progress.attempts.map((each) =>
        connection.run(outboxSql.insertAttempt, [
          ...[endpoint, each.message, each.sequence, each.try, each.at, each.milliseconds],
          ...[each.status ?? null, each.error ?? null, each.answer, each.clockDifference ?? null],
        ]),
      ),
      ...progress.attempts
        .filter(({ status = 0 }) => status >= 200 && status < 300)
        .map(({ at, sequence }) => connection.run(confirmationSql.ofEndpoint, [at, sequence, endpoint])),
      ...(since >= 1000 ? [connection.run(outboxSql.pruneAttempts, [endpoint, endpoint])] : []),
      ...(progress.failingSince === undefined
        ? []
        : [connection.run(outboxSql.setFailing, [progress.failingSince, endpoint])]),
      ...(progress.state === undefined
        ? []
        : [connection.run(outboxSql.setState, [progress.state, progress.reason ?? null, endpoint])]),
    ]);
    return true;
  };

  const confirm = async (
    connection: Connection,
    tenant: number,
    name: string,
    consumer: Consumer,
  ): Promise<void> => {
    const handled = handledUpTo(consumer.position);
    if (handled > 0)
      await connection.run(confirmationSql.ofConsumer, [tenant, name, handled, consumer.acknowledged]);
  };

  return {
    async confirmations(tenant, sequences) {
      const consumers = await pool.read(outboxSql.consumers, [tenant]);
      const endpoints = await pool.read(outboxSql.ofTenant, [tenant]);
      const applications = [
        ...consumers.map(toConsumer).map(({ name }) => ({ kind: 'consumer', key: name, name }) as const),
        ...endpoints
          .map(toEndpoint)
          .map(({ id, url }) => ({ kind: 'endpoint', key: id, name: url }) as const),
      ];
      const found: Confirmation[] = [];
      for (const sequence of sequences)
        for (const application of applications) {
          const { kind, key } = application;
          const sql = kind === 'consumer' ? confirmationSql.firstOfConsumer : confirmationSql.firstOfEndpoint;
          const [row] = await pool.read(sql, [tenant, key, sequence]);
          if (row !== undefined) found.push({ ...application, sequence, at: String(row[0]) });
        }
      return found;
    },
    async consumers(tenant) {
      return (await pool.read(outboxSql.consumers, [tenant])).map(toConsumer);
    },
    acknowledge: (tenant, name, position, isBehind) =>
      transactions.run(async (connection) => {
        const now = clock().toISOString();
        const inserted = await connection.run(outboxSql.insertConsumer, [tenant, name, position, now, now]);
        const [row] = (await connection.run(outboxSql.consumer, [tenant, name])).rows;
        const known = toConsumer(row as unknown[]);
        if (inserted.rows.length > 0) {
          await confirm(connection, tenant, name, known);
          return known;
        }
        if (known.position !== position && !isBehind(known.position)) return undefined;
        await connection.run(outboxSql.setConsumer, [position, now, tenant, name]);
        const consumer = { ...known, position, acknowledged: now };
        await confirm(connection, tenant, name, consumer);
        return consumer;
      }),
    async forgetConsumer(tenant, name) {
      return (await write(outboxSql.deleteConsumer, [tenant, name])).length > 0;
    },

    async endpoints(tenant) {
      const rows =
        tenant === undefined ? await pool.read(outboxSql.all) : await pool.read(outboxSql.ofTenant, [tenant]);
      return rows.map(toEndpoint);
    },
    async createEndpoint({ kind = 'webhook', stream, ...more }) {
      const { tenant, url, types, batch, allowPrivate, secrets, signingKeys, position } = more;
      const id = newId();
      await write(outboxSql.insert, [
        ...[id, tenant, url, jsonOrNull(types), batch, allowPrivate ? 1 : 0, JSON.stringify(secrets)],
        ...[JSON.stringify(signingKeys), clock().toISOString(), position, kind, jsonOrNull(stream)],
      ]);
      return (await find(id)) as Endpoint;
    },
    async changeEndpoint(id, changes) {
      const isThere = await transactions.run((connection) => change(connection, id, changes));
      return isThere ? find(id) : undefined;
    },
    async deleteEndpoint(id) {
      return (await write(outboxSql.delete, [id])).length > 0;
    },
    async attempts(endpoint, limit) {
      const rows = await pool.read(outboxSql.attempts, [endpoint, limit]);
      return rows.map((row): Attempt => {
        const [message, sequence, tried, at, milliseconds, status, error, answer, difference] = row as [
          string,
          number,
          number,
          string,
          number,
          number | null,
          string | null,
          string,
          number | null,
        ];
        return {
          ...{ message, sequence, try: tried, at, milliseconds, answer },
          ...(status === null ? {} : { status }),
          ...(error === null ? {} : { error }),
          ...(difference === null ? {} : { clockDifference: difference }),
        };
      });
    },

    enqueue: (endpoint, messages) =>
      transactions.run(async (connection) => {
        if ((await connection.run(outboxSql.locked, [endpoint])).rows.length === 0) return false;
        await Promise.all(messages.map((each) => put(connection, endpoint, each)));
        return true;
      }),

    lease: (owner, now, until) =>
      transactions.run(async (connection) => {
        // Nobody holds one for so long: the clock was set back.
        await connection.run(outboxSql.take, [owner, until, owner, now, now + 2 * (until - now)]);
        return (await connection.run(outboxSql.leased, [owner])).rows.map(toEndpoint);
      }),
    async owners() {
      return (await pool.read(outboxSql.owners, [])).map(([owner]) => owner as string);
    },
    async release(owner) {
      await write(outboxSql.give, [owner]);
    },
    async deliveries(endpoint) {
      const rows = await pool.read(outboxSql.deliveries, [endpoint]);
      return rows.map((row): StoredDelivery => {
        const [message, sequence, place, subjects, leaver, tries, next] = row as [
          string,
          number,
          number,
          string,
          number,
          number,
          number,
        ];
        return {
          message,
          sequence,
          place,
          subjects: JSON.parse(subjects),
          leaver: leaver === 1,
          tries,
          next,
        };
      });
    },
    async deliveryBody(endpoint, message) {
      const [row] = (await pool.read(outboxSql.body, [endpoint, message])) as [string][];
      return row?.[0];
    },
    async noteDisabled() {
      const untold = (await pool.read(outboxSql.untold)).map(toEndpoint);
      for (const { id, tenant, url, reason } of untold) {
        if ((await write(outboxSql.tell, [id])).length === 0) continue;
        const data = { endpoint: { id, url }, reason: reason ?? '' };
        await note([{ tenant, event: 'endpoint.disabled', subject: { type: 'Endpoint', id }, data }]);
      }
      return untold.length;
    },
    progress: (owner, all) =>
      transactions.run(async (connection) => {
        const stored: boolean[] = [];
        for (const each of all) stored.push(await store(connection, owner, each));
        return stored;
      }),
  };
}
