/** Tokens and tenants: the part of the store that knows nothing of resource types. */
import type { Actor } from '../change.ts';
import { keyOfTime } from '../layout/instant.ts';
import { restoredNotice } from '../restored.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { violatedUnique } from '../sql/postgres-errors.ts';
import { resourceSql } from '../sql/resource.ts';
import { beginningAt, tenantSql } from '../sql/tenant.ts';
import { tokenSql } from '../sql/token.ts';
import type { AccessStore, NewNotice, Tenant, Token } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { isConnection, tokenNotice } from '../token-notice.ts';
import { clientsOver } from './clients.ts';
import type { Connection, Value } from './driver.ts';
import { writeSql } from './statements.ts';
import { lockedWriter, type Transactions } from './transactions.ts';

interface Tools {
  readonly transactions: Transactions;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** Records notices. */
  readonly note: (notices: readonly NewNotice[]) => Promise<unknown>;
}

/** How often the use of a token is written down, in milliseconds. */
const lastUsedInterval = 60_000;
/** How often it is looked whether the time of a revocation has come, in milliseconds. */
const endsInterval = 10_000;
/** For how long a token stays known, in milliseconds: as long as that a revocation by another server may be unknown here. */
const knownFor = 1000;
/** Milliseconds by which the clocks of two processes may seem to differ. */
const leeway = 30_000;

interface KnownToken {
  /** At hand once the database has answered. */
  token: Promise<Token | undefined> | Token;
  readonly until: number;
}

type Row = [
  id: string,
  name: string,
  tenant: number,
  tenantName: string,
  idp: string,
  scope: Token['scope'],
  created: string,
  expires: string | null,
  revoked: string | null,
  ordered: string | null,
  ended: number,
  lastUsed: string | null,
  subject: string | null,
  paused: string | null,
];

function toToken(row: readonly unknown[], now: Date): Token {
  const [id, name, tenant, tenantName, idp, scope, created, expires, revoked, ordered, ended, ...more] =
    row as Row;
  const [lastUsed, subject, paused] = more;
  // A clock that was right when the revocation was asked for has been set back: nobody knows how late it is.
  const isBack = ordered !== null && now.getTime() < Date.parse(ordered) - leeway;
  return {
    ...{ id, name, tenant, tenantName, idp, scope, created },
    expires: expires ?? undefined,
    revoked: revoked ?? undefined,
    ...(ended === 1 || isBack ? { ended: true } : {}),
    lastUsed: lastUsed ?? undefined,
    subject: subject ?? undefined,
    ...(paused === null ? {} : { paused }),
  };
}

/** The caller decides; what is refused for certain is no use of it. */
function isTaken({ ended, expires }: Token, now: number): boolean {
  return ended !== true && (expires === undefined || Date.parse(expires) > now);
}

const moves = [
  tenantSql.succeedRecord,
  tenantSql.succeedEndpoints,
  tenantSql.succeedConsumers,
  tenantSql.succeedTokens,
];

/** However much that is: nobody else waits for it. */
async function removeAll(connection: Connection, tenant: number): Promise<void> {
  connection.longest = Number.POSITIVE_INFINITY;
  await connection.script('SET LOCAL statement_timeout = 0');
  for (const sql of [
    tenantSql.deleteMembers,
    tenantSql.deleteResources,
    tenantSql.deleteChanges,
    tenantSql.deleteChangeMembers,
    tenantSql.delete,
  ])
    await connection.run(sql, [tenant]);
}

export function accessOver({
  transactions,
  clock,
  newId,
  note,
}: Tools): Omit<AccessStore, 'close'> & { readonly close: () => void } {
  const { pool } = transactions;
  const known = new Map<string, KnownToken>();
  /** When uses were written down, by token, in milliseconds since 1970. */
  const noted = new Map<string, number>();
  const write = async (sql: string, parameters: readonly Value[]): Promise<unknown[][]> => {
    known.clear();
    const { rows } = await transactions.run((connection) => connection.run(sql, parameters));
    known.clear();
    return rows;
  };
  const byId = async (id: string): Promise<Token | undefined> => {
    const [row] = await pool.lookUp(tokenSql.get, [id]);
    return row === undefined ? undefined : toToken(row, clock());
  };

  const lookUp = async (hash: string): Promise<Token | undefined> => {
    const [row] = await pool.lookUp(tokenSql.find, [Buffer.from(hash, 'hex')]);
    return row === undefined ? undefined : toToken(row, clock());
  };

  /** Every request names its token: those that come again within a second are not looked for again. */
  const find = (hash: string): Promise<Token | undefined> | Token => {
    const now = performance.now();
    const before = known.get(hash);
    if (before !== undefined && before.until > now) return before.token;
    const looking = lookUp(hash);
    const found: KnownToken = { token: looking, until: now + knownFor };
    known.set(hash, found);
    if (known.size > 10_000) for (const [each, { until }] of known) if (until <= now) known.delete(each);
    const forget = (): void => {
      if (known.get(hash) === found) known.delete(hash);
    };
    looking.then((token) => {
      if (token === undefined) forget();
      else found.token = token;
    }, forget);
    return looking;
  };

  /** Uses that are on their way: whoever lists tokens sees them. */
  const pending = new Set<Promise<unknown>>();
  const noteUse = ({ id, lastUsed }: Token): void => {
    const now = clock().getTime();
    const last = Math.max(noted.get(id) ?? 0, lastUsed === undefined ? 0 : Date.parse(lastUsed));
    if (now - last < lastUsedInterval) return;
    noted.set(id, now);
    // Whether it could be written down is no matter of the request that used the token.
    const noting = write(tokenSql.use, [clock().toISOString(), id])
      .catch(() => {})
      .finally(() => pending.delete(noting));
    pending.add(noting);
  };

  // When revocations that were to come will have, by a clock that nobody can set back.
  const due = new Map<string, number>();
  const hasCome = (id: string, revoked: string): boolean => {
    const left = Date.parse(revoked) - clock().getTime();
    const at = Math.min(due.get(id) ?? Number.POSITIVE_INFINITY, performance.now() + left);
    due.set(id, at);
    return at <= performance.now();
  };
  const end = (id: string): void => {
    // One that cannot be written down is written down later.
    write(tokenSql.end, [id]).catch(() => {});
  };
  const endDue = async (): Promise<void> => {
    const rows = (await pool.read(tokenSql.ending)) as [string, string][];
    for (const [id, revoked] of rows) if (hasCome(id, revoked)) end(id);
  };
  const lookForDue = (): void => {
    // Whoever asks for something is told what is the matter with the database.
    endDue().catch(() => {});
  };
  lookForDue();
  const timer = setInterval(lookForDue, endsInterval).unref();

  /** Endpoints, tokens and the end of the record go over to a tenant that nobody sees, and are told there. */
  const tell = async (
    connection: Connection,
    number: number,
    name: string,
    actor: Actor | undefined,
  ): Promise<void> => {
    const now = clock();
    const { rows } = await connection.run(`${tenantSql.succeed} RETURNING number`, [
      ...[`\n${number}`, now.toISOString(), number],
    ]);
    const [[successor]] = rows as [[number]];
    await connection.run(tenantSql.deleteDeliveries, [number]);
    for (const move of moves) await connection.run(move, [successor, number]);
    const counts = await connection.run(tenantSql.counts, [number]);
    const writer = await lockedWriter(connection, successor, () => 'Tenant');
    writer?.append(
      noticeEntry(
        {
          ...{ tenant: successor, event: 'tenant.deleted', subject: { type: 'Tenant', id: name } },
          ...(actor === undefined ? {} : { actor }),
          data: {
            priority: 'leaver',
            data: null,
            counts: Object.fromEntries(counts.rows as [string, number][]),
          },
        },
        keyOfTime(now.getTime()),
        newId(),
      ),
    );
    writer?.sendRest();
    await writer?.settle();
  };

  const used = (token: Token | undefined): Token | undefined => {
    if (token === undefined) return undefined;
    if (token.ended !== true && token.revoked !== undefined && hasCome(token.id, token.revoked)) {
      end(token.id);
      return { ...token, ended: true };
    }
    if (isTaken(token, clock().getTime())) noteUse(token);
    return token;
  };

  return {
    /** At once where it is known: shown by the workload `get` of npm run bench -- --postgres. */
    findToken(hash) {
      const found = find(hash);
      return found instanceof Promise ? found.then(used) : used(found);
    },

    async createToken({ hash, name, tenant, idp, scope, expires, subject }) {
      const id = newId();
      await write(tokenSql.insert, [
        ...[id, Buffer.from(hash, 'hex'), name, tenant, idp, scope, clock().toISOString()],
        ...[expires ?? null, subject ?? null],
      ]);
      return (await byId(id)) as Token;
    },

    async listTokens(tenant) {
      await Promise.all(pending);
      const rows =
        tenant === undefined
          ? await pool.read(tokenSql.list)
          : await pool.read(tokenSql.listOfTenant, [tenant]);
      return rows.map((row) => toToken(row, clock()));
    },

    async revokeToken(id, at) {
      const now = clock().toISOString();
      await write(tokenSql.revoke, [at, now, at <= now ? 1 : 0, id]);
      return byId(id);
    },

    async pauseToken(id, since) {
      await write(tokenSql.pause, [since ?? null, id]);
      return byId(id);
    },

    async pauseTenant(number, since) {
      await write(tenantSql.pause, [since ?? null, number]);
    },

    clients: clientsOver(transactions, lookUp),

    async noteFirstUses() {
      await Promise.all(pending);
      const untold = (await pool.read(tokenSql.untold)).map((row) => toToken(row, clock()));
      for (const token of untold) {
        // Of several servers the one that marks it tells it.
        const marked = await write(`${tokenSql.tell} AND first_told = 0 RETURNING 1`, [token.id]);
        if (marked.length > 0 && isConnection(token))
          await note([tokenNotice('connection.first_request', token, { lastRequest: token.lastUsed })]);
      }
      return untold.length;
    },

    async noteRestored(actor) {
      const rows = (await pool.read(tenantSql.list)) as [number][];
      await note(rows.map(([number]) => restoredNotice(number, clock(), actor)));
      return rows.length;
    },

    async hasResource(tenant, id) {
      return (await pool.lookUp(resourceSql.exists, [tenant, id])).length > 0;
    },

    async tenants() {
      const rows = (await pool.read(tenantSql.list)) as [number, string, string, string | null][];
      return rows.map(([number, name, created, paused]) => ({
        ...{ number, name, created },
        ...(paused === null ? {} : { paused }),
      }));
    },

    async createTenant(name) {
      const created = clock().toISOString();
      try {
        return await transactions.run(async (connection): Promise<Tenant> => {
          const { rows } = await connection.run(`${tenantSql.insert} RETURNING number`, [name, created]);
          const [[number]] = rows as [[number]];
          await connection.run(tenantSql.begin, [number, ...beginningAt(clock())]);
          return { number, name, created };
        });
      } catch (error) {
        if (violatedUnique(error) !== 'tenant_name_key') throw error;
        throw new StoreError('tenant-exists', `there is a tenant ${name} already`, 'Give another name.', {
          cause: error,
        });
      }
    },

    async tenant(number) {
      const [row] = (await pool.lookUp(tenantSql.get, [number])) as [number, string, string][];
      return row === undefined ? undefined : { number: row[0], name: row[1], created: row[2] };
    },

    async deleteTenant(name, actor) {
      known.clear();
      const isDeleted = await transactions.run(async (connection) => {
        const { rows } = await connection.run(tenantSql.number, [name]);
        const [found] = rows as [number][];
        if (found === undefined) return false;
        const [number] = found;
        await connection.run(writeSql.lock, [number]);
        const { rows: listeners } = await connection.run(tenantSql.hasListeners, [number]);
        if (listeners.length > 0) await tell(connection, number, name, actor);
        await removeAll(connection, number);
        return true;
      });
      known.clear();
      return isDeleted;
    },

    async forgetTenants(before) {
      const rows = (await pool.read(tenantSql.forgotten, [before.toISOString()])) as [number][];
      for (const [number] of rows) await transactions.run((connection) => removeAll(connection, number));
      return rows.length;
    },

    async checkReady() {
      await pool.lookUp(tenantSql.any);
      // Whether it can be written again: the lock is refused by a standby as a write is.
      if (transactions.isFailing)
        await transactions.run((connection) => connection.run('SELECT 1 FROM tenant LIMIT 1 FOR KEY SHARE'));
    },

    close: () => clearInterval(timer),
  };
}
