/** The store of the commands that work on a database file, perhaps beside a running server. */
import { existsSync } from 'node:fs';
import { standardRegistry } from '../scim/standard.ts';
import { openSqliteStore } from '../store/sqlite/index.ts';
import type { Store, Tenant } from '../store/store.ts';
import { CommandError, type Invocation } from './command.ts';

export function openStore(file: string): Store {
  return openSqliteStore({ file, registry: standardRegistry() });
}

/** Runs `action` on the configured database and closes it. A missing file is created only if `create` says so. */
export async function withStore<T>(
  { settings, terminal }: Invocation,
  create: boolean,
  action: (store: Store) => Promise<T>,
): Promise<T> {
  const { settings: inForce, warnings } = settings();
  for (const warning of warnings) terminal.note(`scimd: ${warning}`);
  const file = inForce.database;
  if (file === ':memory:')
    throw new CommandError(
      'a database in memory belongs to the server that runs on it',
      'Give the file that the server uses: --database FILE',
    );
  if (!create && !existsSync(file))
    throw new CommandError(
      `there is no database ${file}`,
      'Give the file that the server uses, --database FILE, or start it first: scimd serve',
    );
  const store = openStore(file);
  try {
    return await action(store);
  } finally {
    await store.close();
  }
}

/** The tenant of that name; `default` is made when it is first needed. */
export async function findTenant(store: Store, name: string): Promise<Tenant> {
  const tenant = (await store.tenants()).find((candidate) => candidate.name === name);
  if (tenant !== undefined) return tenant;
  if (name === defaultTenant) return store.createTenant(name);
  throw new CommandError(`there is no tenant ${name}`, `Make it: scimd tenant create ${name}`);
}

export const defaultTenant = 'default';
