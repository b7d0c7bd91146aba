/** Opens a store by the name of its database: the path of an SQLite file, or `postgres://…`. */
import type { Registry } from '../scim/registry.ts';
import type { CopySource, CopyTarget } from './copy.ts';
import { isPostgresUrl, withoutPassword } from './postgres/address.ts';
import { postgresCopySource, postgresCopyTarget } from './postgres/copy.ts';
import { openPostgresAccess, openPostgresStore } from './postgres/index.ts';
import { openSqliteAccess } from './sqlite/access-alone.ts';
import { sqliteCopySource, sqliteCopyTarget } from './sqlite/copy.ts';
import { openSqliteStoreAsync } from './sqlite/index.ts';
import type { AccessStore, OpeningNotice, Store } from './store.ts';

export interface OpenOptions {
  readonly registry: Registry;
  readonly clock?: () => Date;
  /** May rows that were written under another registry be made anew? Yes unless false. */
  readonly rebuild?: boolean;
  /** Attributes, in standard notation, of which the record of a rebuild keeps no values. */
  readonly sensitive?: readonly string[];
  readonly signal?: AbortSignal;
  /** SQLite: who brings to the disk what others commit, if not the store itself. */
  readonly othersDurable?: () => Promise<void>;
  /** Is told what the registry changes for what is stored already. */
  readonly onNotice?: (notice: OpeningNotice) => void;
}

/** @throws StoreError where the database cannot be opened, or what is stored contradicts the registry. */
export function openStore(database: string, options: OpenOptions): Promise<Store> {
  return isPostgresUrl(database)
    ? openPostgresStore({ url: database, ...options })
    : openSqliteStoreAsync({ file: database, ...options });
}

/** Tokens and tenants alone, whatever resource types there are. */
export async function openAccess(database: string): Promise<AccessStore & Pick<Store, 'admin'>> {
  return isPostgresUrl(database)
    ? openPostgresAccess({ url: database })
    : openSqliteAccess({ file: database });
}

/** All rows of a database as they are now, for a copy. @throws StoreError where there is none of this release. */
export async function openCopySource(database: string): Promise<CopySource> {
  return isPostgresUrl(database) ? postgresCopySource(database) : sqliteCopySource(database);
}

/** Where a copy goes to. @throws StoreError where something is there already. */
export async function openCopyTarget(database: string): Promise<CopyTarget> {
  return isPostgresUrl(database) ? postgresCopyTarget(database) : sqliteCopyTarget(database);
}

/** Puts a password that is kept apart into the address; a name of a file, or an address that has one, stays as it is. */
export function withPassword(database: string, password: string | undefined): string {
  if (password === undefined || !isPostgresUrl(database) || !URL.canParse(database)) return database;
  const url = new URL(database);
  if (url.password !== '') return database;
  url.password = encodeURIComponent(password);
  return url.href;
}

export { isPostgresUrl, withoutPassword };
