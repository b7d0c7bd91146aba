/** Tokens and tenants: the part of the store that knows nothing of resource types. */
import type { Database } from 'better-sqlite3';
import { restoredNotice } from '../restored.ts';
import { resourceSql } from '../sql/resource.ts';
import { tenantSql } from '../sql/tenant.ts';
import type { AccessStore, NewNotice, Token } from '../store.ts';
import { isConnection, tokenNotice } from '../token-notice.ts';
import { clientsOver } from './clients.ts';
import type { GroupCommit } from './group-commit.ts';
import type { FileGuard } from './guards.ts';
import type { DataVersion, Snapshot } from './snapshot.ts';
import { tenantTable } from './tenant.ts';
import { tokenTable } from './token.ts';

/** How often the use of a token is written down, in milliseconds. */
const lastUsedInterval = 60_000;

interface Tools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly snapshot: Snapshot;
  readonly commit: GroupCommit;
  readonly others: DataVersion;
  readonly guard: FileGuard;
  /** Records a notice, within the transaction. */
  readonly note: (notice: NewNotice) => unknown;
  /** Brings the numbers of the record that the transaction has given out to the database. */
  readonly settle: () => void;
}

/** How often it is looked whether the time of a revocation has come, in milliseconds. */
const endsInterval = 10_000;

/** The caller decides; what is refused for certain is no use of it. */
function isTaken({ ended, expires }: Token, now: number): boolean {
  return ended !== true && (expires === undefined || Date.parse(expires) > now);
}

/** A token as it was found, and when its use was written down, in milliseconds since 1970. */
interface KnownToken {
  readonly token: Token;
  noted: number;
}

export function accessOver({
  db,
  clock,
  newId,
  snapshot: { read },
  commit,
  others,
  guard,
  note,
  settle,
}: Tools): Omit<AccessStore, 'close'> & { readonly close: () => void } {
  const tokens = tokenTable(db, clock, newId);
  const tenants = tenantTable({ db, clock, note, settle });

  const reads = db.prepare(tenantSql.any);
  const resource = db.prepare<[number, string]>(resourceSql.exists);
  // As much as a large request writes: that a page finds its place says little of a disk that is nearly full.
  const proof = db.prepare(
    "INSERT OR REPLACE INTO secret (name, bytes) VALUES ('proof of space', zeroblob(262144))",
  );
  const noProof = db.prepare("DELETE FROM secret WHERE name = 'proof of space'");

  // Every request names its token: those that were found stay known, by their hash, until tokens are written.
  const known = new Map<string, KnownToken>();
  others.onWrite(() => known.clear());
  const write = <T>(action: () => T): Promise<T> =>
    commit.run(() => {
      known.clear();
      return action();
    });

  const find = (hash: string): KnownToken | undefined => {
    const before = known.get(hash);
    if (before !== undefined) return before;
    const token = tokens.find(hash);
    if (token === undefined) return undefined;
    const found = { token, noted: token.lastUsed === undefined ? 0 : Date.parse(token.lastUsed) };
    known.set(hash, found);
    return found;
  };

  const noteUse = (used: KnownToken): void => {
    const now = clock().getTime();
    if (now - used.noted < lastUsedInterval || !isTaken(used.token, now)) return;
    used.noted = now;
    // Whether it could be written down is no matter of the request that used the token.
    write(() => tokens.use(used.token.id)).catch(() => {});
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
    write(() => tokens.end(id)).catch(() => {});
  };

  const endDue = (): void => {
    try {
      for (const { id, revoked } of read(() => tokens.ending())) if (hasCome(id, revoked)) end(id);
    } catch {
      // Whoever asks for something is told what is the matter with the database.
    }
  };
  endDue();
  const timer = setInterval(endDue, endsInterval).unref();

  return {
    clients: clientsOver({ db, read, write, tokenOf: tokens.find }),
    findToken(hash) {
      const found = read(() => find(hash));
      if (found === undefined) return undefined;
      const { token } = found;
      if (token.ended !== true && token.revoked !== undefined && hasCome(token.id, token.revoked)) {
        end(token.id);
        return { ...token, ended: true };
      }
      noteUse(found);
      return token;
    },
    createToken: (token) => write(() => tokens.create(token)),
    listTokens: (tenant) => read(() => tokens.list(tenant)),
    revokeToken: (id, at) => write(() => tokens.revoke(id, at)),

    async noteFirstUses() {
      // Mostly there are none, and nothing is to be written.
      if (read(() => tokens.untold()).length === 0) return 0;
      return write(() => {
        const untold = tokens.untold();
        for (const token of untold) {
          const more = { lastRequest: token.lastUsed };
          if (isConnection(token)) note(tokenNotice('connection.first_request', token, more));
          tokens.tell(token.id);
        }
        return untold.length;
      });
    },
    pauseToken: (id, since) => write(() => tokens.pause(id, since ?? null)),
    pauseTenant: (number, since) => write(() => tenants.pause(number, since ?? null)),

    hasResource: (tenant, id) => read(() => resource.get(tenant, id) !== undefined),

    tenants: () => read(() => tenants.list()),
    tenant: (number) => read(() => tenants.get(number)),
    noteRestored: (actor) =>
      write(() => {
        const there = tenants.list();
        for (const { number } of there) note(restoredNotice(number, clock(), actor));
        return there.length;
      }),

    async checkReady() {
      guard.check();
      read(() => reads.get());
      if (!commit.isFailing()) return;
      await commit.run(() => proof.run());
      await commit.run(() => noProof.run());
    },

    createTenant: (name) => write(() => tenants.create(name)),
    deleteTenant: (name, actor) => write(() => tenants.remove(name, actor)),
    forgetTenants: (before) => write(() => tenants.forget(before)),

    close: () => clearInterval(timer),
  };
}
