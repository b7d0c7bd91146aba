/** The store of the commands that work on a database file, perhaps beside a running server. */
import { existsSync } from 'node:fs';
import { suggestion } from '../nearest.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { configuredRegistry } from '../scim/custom-schemas.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { openSqliteAccess, openSqliteStore } from '../store/sqlite/index.ts';
import { type BeforeUpgrade, backUpBeforeUpgrade } from '../store/sqlite/upgrade.ts';
import type { AccessStore, Store, Tenant } from '../store/store.ts';
import type { Invocation } from './command.ts';

/** The standard resource types with what the configuration adds to them. */
export function registryFor({ definitions }: Pick<SettingsInForce, 'definitions'>): Registry {
  return configuredRegistry(definitions);
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
    (file, inForce) => openSqliteStore({ file, registry: registryFor(inForce), rebuild: false }),
    action,
  );
}

/** The same for tokens and tenants alone, whatever resource types are configured there or here. */
export function withAccess<T>(
  invocation: Invocation,
  create: boolean,
  action: (store: AccessStore) => Promise<T>,
): Promise<T> {
  return withDatabase(invocation, create, (file) => openSqliteAccess({ file }), action);
}

/** What an upgrade did, and the way back. */
export function upgradeText(file: string, { from, to, backup }: BeforeUpgrade): string {
  return `${file}: from version ${from} to ${to}. Before, it was copied to ${backup}: an older release needs that, scimd restore ${backup}`;
}

async function withDatabase<S extends AccessStore, T>(
  { settings, terminal }: Invocation,
  create: boolean,
  open: (file: string, inForce: SettingsInForce) => S,
  action: (store: S) => Promise<T>,
): Promise<T> {
  const inForce = settings();
  for (const warning of inForce.warnings) terminal.note(`scimd: ${warning}`);
  const file = inForce.settings.database;
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
  const store = open(file, inForce);
  try {
    return await action(store);
  } finally {
    await store.close();
  }
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
