/** Tokens and tenants: the part of the store that knows nothing of resource types. */
import type { Database } from 'better-sqlite3';
import type { AccessStore } from '../store.ts';
import type { GroupCommit } from './group-commit.ts';
import { tenantTable } from './tenants.ts';
import { tokenTable } from './tokens.ts';

/** How often the use of a token is written down, in milliseconds. */
const lastUsedInterval = 60_000;

interface Tools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly read: <T>(action: () => T) => T;
  readonly commit: GroupCommit;
}

export function accessOver({ db, clock, newId, read, commit }: Tools): Omit<AccessStore, 'close'> {
  const tokens = tokenTable(db, clock, newId);
  const tenants = tenantTable(db, clock);

  const reads = db.prepare('SELECT 1 FROM tenant LIMIT 1');
  // As much as a large request writes: that a page finds its place says little of a disk that is nearly full.
  const proof = db.prepare(
    "INSERT OR REPLACE INTO secret (name, bytes) VALUES ('proof of space', zeroblob(262144))",
  );
  const noProof = db.prepare("DELETE FROM secret WHERE name = 'proof of space'");

  const noteUse = (id: string, lastUsed: string | undefined): void => {
    if (lastUsed !== undefined && clock().getTime() - Date.parse(lastUsed) < lastUsedInterval) return;
    // Whether it could be written down is no matter of the request that used the token.
    commit.run(() => tokens.use(id)).catch(() => {});
  };

  return {
    findToken(hash) {
      const token = read(() => tokens.find(hash));
      if (token !== undefined) noteUse(token.id, token.lastUsed);
      return token;
    },
    createToken: (token) => commit.run(() => tokens.create(token)),
    listTokens: (tenant) => read(() => tokens.list(tenant)),
    revokeToken: (id, at) => commit.run(() => tokens.revoke(id, at)),

    tenants: () => read(() => tenants.list()),
    async checkReady() {
      read(() => reads.get());
      if (!commit.isFailing()) return;
      await commit.run(() => proof.run());
      await commit.run(() => noProof.run());
    },

    createTenant: (name) => commit.run(() => tenants.create(name)),
    deleteTenant: (name) => commit.run(() => tenants.remove(name)),
  };
}
