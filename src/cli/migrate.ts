/** scimd migrate: brings a database up to date without serving it. */
import { existsSync } from 'node:fs';
import { CommandError } from '../ops/command-error.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { isPostgresUrl, withoutPassword } from '../store/open.ts';
import { openPostgresStore, postgresVersion } from '../store/postgres/index.ts';
import { currentVersion as postgresCurrent } from '../store/postgres/upgrade.ts';
import { openSqliteStore } from '../store/sqlite/index.ts';
import { backUpBeforeUpgrade, currentVersion, versionOf } from '../store/sqlite/upgrade.ts';
import { exitStatus, type Invocation } from './command.ts';
import { databaseOf, registryFor, upgradeText } from './database.ts';

export async function migrateDatabase({ settings, json, terminal }: Invocation): Promise<number> {
  const inForce = settings();
  const file = inForce.settings.database;
  if (isPostgresUrl(file)) return migratePostgres(inForce, json, terminal);
  if (file === ':memory:' || !existsSync(file))
    throw new CommandError(
      `there is no database ${file}`,
      'Give the file that the server uses: --database FILE',
    );
  const before = versionOf(file);
  const upgrade = await backUpBeforeUpgrade(file);
  let rebuilt = 0;
  const store = openSqliteStore({
    file,
    registry: registryFor(inForce),
    sensitive: inForce.settings.sensitiveAttributes,
    onNotice: (notice) => {
      if (notice.kind === 'rebuilt') rebuilt += notice.resources;
    },
  });
  await store.close();
  const [from, to] = [before ?? 0, currentVersion];
  if (json) terminal.print(JSON.stringify({ database: file, from, to, backup: upgrade?.backup, rebuilt }));
  else {
    const indexes = rebuilt === 0 ? '' : `; rebuilt the indexes of ${rebuilt} resources`;
    terminal.print(
      upgrade === undefined
        ? `${file}: version ${to}, nothing to do${indexes}`
        : upgradeText(file, upgrade) + indexes,
    );
  }
  return exitStatus.done;
}

/** No copy is made before: what can bring the tables back is PostgreSQL's own backup. */
async function migratePostgres(
  inForce: SettingsInForce,
  json: boolean,
  terminal: Invocation['terminal'],
): Promise<number> {
  const url = databaseOf(inForce.settings);
  const from = await postgresVersion(url);
  let rebuilt = 0;
  let missing: string | undefined;
  const store = await openPostgresStore({
    url,
    registry: registryFor(inForce),
    sensitive: inForce.settings.sensitiveAttributes,
    onNotice: (notice) => {
      if (notice.kind === 'rebuilt') rebuilt += notice.resources;
      else if (notice.kind === 'no-contains-index') missing = notice.reason;
    },
  });
  await store.close();
  const [database, to] = [withoutPassword(url), postgresCurrent];
  if (json) terminal.print(JSON.stringify({ database, from, to, rebuilt, noContainsIndex: missing }));
  else {
    const indexes = rebuilt === 0 ? '' : `; rebuilt the indexes of ${rebuilt} resources`;
    const what =
      from === 0
        ? `made the tables of version ${to}`
        : from === to
          ? `version ${to}, nothing to do`
          : `from version ${from} to ${to}`;
    terminal.print(`${database}: ${what}${indexes}`);
    if (missing !== undefined)
      terminal.print(`No index for containsIndex could be made, and filters with co are slower: ${missing}`);
  }
  return exitStatus.done;
}
