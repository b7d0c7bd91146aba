/**
 * The store that a test runs over: SQLite in a file, or PostgreSQL where SCIMD_TEST_POSTGRES has the address of a server, as
 * npm run test:postgres sets it.
 */
import { randomBytes } from 'node:crypto';
import { type OpenOptions, openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';

/** Is it PostgreSQL? */
export const isPostgres = process.env.SCIMD_TEST_POSTGRES !== undefined;

/** `file`, or the address of a schema of its own. */
export function databaseFor(file: string): string {
  const { SCIMD_TEST_POSTGRES: server } = process.env;
  return server === undefined ? file : `${server}&connections=5&schema=t${randomBytes(6).toString('hex')}`;
}

export function openTestStore(file: string, options: OpenOptions): Promise<Store> {
  return openStore(databaseFor(file), options);
}
