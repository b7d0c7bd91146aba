/** The store of the commands that work on a database file, perhaps beside a running server. */
import { existsSync } from 'node:fs';
import { suggestion } from '../nearest.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import type { Settings } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import type { Terminal } from '../ops/terminal.ts';
import { configuredRegistry } from '../scim/custom-schemas.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { isPostgresUrl, openAccess, openStore, withoutPassword, withPassword } from '../store/open.ts';
import { postgresVersion } from '../store/postgres/index.ts';
import { type BeforeUpgrade, backUpBeforeUpgrade } from '../store/sqlite/upgrade.ts';
import type { AccessStore, Store, Tenant } from '../store/store.ts';
import type { Invocation } from './command.ts';

/** The standard resource types with what the configuration adds to them. */
export function registryFor({ definitions }: Pick<SettingsInForce, 'definitions'>): Registry {
  return configuredRegistry(definitions);
}

/** The path of the file, or the address with its password, which is for nobody to see. */
export function databaseOf({ database, databasePassword }: Settings): string {
  return withPassword(database, databasePassword);
}

/**
 * Runs `action` on the resources of the configured database and closes it. A missing file is created only if
 * `create` says so. A database that is served with another configuration is refused.
 */
export function withStore<T>(
  invocation: Invocation,
  create: boolean,
  action: (store: Store) => Promise<T>,
): Promise<T> {
  return withDatabase(
    invocation,
    create,
    (database, inForce) => openStore(database, { registry: registryFor(inForce), rebuild: false }),
    action,
  );
}

/** The same for tokens and tenants alone, whatever resource types are configured there or here. */
export function withAccess<T>(
  invocation: Invocation,
  create: boolean,
  action: (store: AccessStore & Pick<Store, 'admin'>) => Promise<T>,
): Promise<T> {
  return withDatabase(invocation, create, openAccess, action);
}

/** What an upgrade did, and the way back. */
export function upgradeText(file: string, { from, to, backup }: BeforeUpgrade): string {
  return `${file}: from version ${from} to ${to}. Before, it was copied to ${backup}: an older release needs that, scimd restore ${backup}`;
}

async function withDatabase<S extends AccessStore, T>(
  { settings, terminal }: Invocation,
  create: boolean,
  open: (database: string, inForce: SettingsInForce) => Promise<S>,
  action: (store: S) => Promise<T>,
): Promise<T> {
  const inForce = settings();
  for (const warning of inForce.warnings) terminal.note(`scimd: ${warning}`);
  const database = databaseOf(inForce.settings);
  if (isPostgresUrl(database)) await checkTables(database, create);
  else await checkFile(database, create, terminal);
  const store = await open(database, inForce);
  try {
    return await action(store);
  } finally {
    await store.close();
  }
}

async function checkTables(url: string, create: boolean): Promise<void> {
  if (create || (await postgresVersion(url)) > 0) return;
  throw new CommandError(
    `${withoutPassword(url)} has no tables of scimd`,
    'Give the address that the server uses, with its ?schema= if it has one, or start it first: scimd serve',
  );
}

async function checkFile(file: string, create: boolean, terminal: Terminal): Promise<void> {
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
  const upgrade = await backUpBeforeUpgrade(file);
  if (upgrade !== undefined) terminal.note(`scimd: ${upgradeText(file, upgrade)}`);
}

/** The tenant of that name; `default` is made when it is first needed. */
export async function findTenant(store: AccessStore, name: string): Promise<Tenant> {
  const tenant = (await store.tenants()).find((candidate) => candidate.name === name);
  if (tenant !== undefined) return tenant;
  if (name === defaultTenant) return store.createTenant(name);
  throw new CommandError(`there is no tenant ${name}`, `Create it: scimd tenant create ${name}`);
}

export const defaultTenant = 'default';

/** The resource type that `--type` names. */
export function resourceTypeNamed(registry: Registry, name: string): ResourceType {
  const type = registry.resourceTypes.find((each) => each.name === name);
  if (type !== undefined) return type;
  const names = registry.resourceTypes.map((each) => each.name);
  throw new UsageError(`--type must be one of ${names.join(', ')}, not "${name}"${suggestion(name, names)}`);
}
