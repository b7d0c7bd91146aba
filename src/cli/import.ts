/** scimd import: what is asked for on the command line, and the database that it goes to. */
import { existsSync, fstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFAULT_LIMITS } from '../../grammar/index.ts';
import { Directory } from '../directory/directory.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { progressOn } from '../ops/progress.ts';
import { isPostgresUrl, withoutPassword } from '../store/open.ts';
import { backUp } from '../store/sqlite/backup.ts';
import type { Store } from '../store/store.ts';
import type { Format } from '../transfer/file-source.ts';
import { fileSource, type ImportSource, importFrom, remoteSource } from '../transfer/import.ts';
import { conflictAnswers, Importer, type OnConflict } from '../transfer/importer.ts';
import { findRemote, inOrder, type Remote } from '../transfer/remote.ts';
import { operatingSystemUser } from './actor.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, registryFor, resourceTypeNamed, withStore } from './database.ts';
import { guardText } from './guard.ts';
import { baseUrl, baseUrlProblem, tokenFor } from './other-server.ts';

export const defaultOnConflict = conflictAnswers[0];

export async function importResources(given: Invocation): Promise<number> {
  const { flags } = given;
  const from = flags.get('from');
  const operand = given.operand ?? (from === undefined && isPiped() ? '-' : undefined);
  const invocation = { ...given, operand };
  if ((from !== undefined) === (operand !== undefined))
    throw new UsageError('give either FILE or --from URL');
  if (operand !== undefined && operand !== '-') checkFile(operand);
  if (flags.has('resume') && (operand === '-' || flags.has('dry-run')))
    throw new UsageError('--resume is for a file or a server; a pipe goes on with --after LINE');
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const remote = from === undefined ? undefined : await remoteAt(from, invocation, stop.signal);
    return await onStore(invocation, (store, database) =>
      importInto(invocation, store, database, remote, stop.signal),
    );
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) return;
  throw new CommandError(
    found === undefined ? `there is no file ${file}` : `${file} is a folder`,
    'Give a file of NDJSON or CSV, or - for standard input.',
  );
}

/** Does something come on standard input? A terminal and what services have there, /dev/null, are nothing. */
function isPiped(): boolean {
  try {
    const input = fstatSync(0);
    return input.isFIFO() || input.isFile() || input.isSocket();
  } catch {
    return false;
  }
}

/** Checked before the database is created, so that a wrong address creates none. */
function remoteAt(from: string, { flags, settings }: Invocation, stop: AbortSignal): Promise<Remote> {
  const registry = registryFor(settings());
  const only = flags.get('type');
  const types = only === undefined ? inOrder(registry) : [resourceTypeNamed(registry, only)];
  return findRemote(baseOf(from), tokenFor(flags), types, stop);
}

/** A dry run does all of it, on a copy: nothing is guessed. */
async function onStore(
  invocation: Invocation,
  action: (store: Store, database: string) => Promise<number>,
): Promise<number> {
  const inForce = invocation.settings();
  const { database } = inForce.settings;
  if (!invocation.flags.has('dry-run'))
    return withStore(invocation, true, (store) => action(store, withoutPassword(database)));
  if (isPostgresUrl(database))
    throw new CommandError(
      'a dry run works on a copy of the database, which only an SQLite file gives',
      'Import into a schema that you drop afterwards: ?schema=trial; or try it on a file: --database trial.db',
    );
  const folder = mkdtempSync(join(tmpdir(), 'scimd-dry-run-'));
  try {
    const copy = join(folder, 'copy.db');
    if (existsSync(database)) await backUp(database, copy);
    const settings = { ...inForce.settings, database: copy };
    return await withStore({ ...invocation, settings: () => ({ ...inForce, settings }) }, true, (store) =>
      action(store, database),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function importInto(
  invocation: Invocation,
  store: Store,
  database: string,
  remote: Remote | undefined,
  stop: AbortSignal,
): Promise<number> {
  const { operand = '', flags, json, terminal } = invocation;
  const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
  const { uniqueDisplayName, guard } = invocation.settings().settings;
  const onConflict = (flags.get('on-conflict') ?? defaultOnConflict) as OnConflict;
  const progress = progressOn(terminal, json);
  const from = {
    note(text: string): void {
      progress.clear();
      terminal.note(`scimd: ${text}`);
    },
    registry: store.registry,
    resume: flags.has('resume'),
    identity: JSON.stringify([
      isPostgresUrl(database) ? database : resolve(database),
      tenant.name,
      flags.get('type') ?? null,
    ]),
  };
  const source: ImportSource =
    remote === undefined
      ? fileSource({
          ...from,
          file: operand,
          format: (flags.get('format') ?? (/\.csv$/i.test(operand) ? 'csv' : 'ndjson')) as Format,
          type: resourceTypeNamed(store.registry, flags.get('type') ?? 'User'),
          after: afterLine(flags.get('after')),
        })
      : remoteSource({
          ...from,
          remote,
          only: flags.get('type'),
        });
  const limits = { ...DEFAULT_LIMITS, characters: Number.POSITIVE_INFINITY };
  const directory = new Directory(store, {
    ...{ limits, uniqueDisplayName, guard },
    onGuard(news) {
      const text = guardText(news);
      if (text === undefined) return;
      progress.clear();
      terminal.note(`scimd: ${text}`);
    },
  });
  const whole = await importFrom(source, {
    importer: new Importer(directory, tenant.number, onConflict, operatingSystemUser()),
    stopAtConflict: onConflict === 'fail',
    dryRun: flags.has('dry-run'),
    json,
    terminal,
    progress,
    stop,
  });
  return whole ? exitStatus.done : exitStatus.failed;
}

function afterLine(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError('--after must be a line number');
  return Number(text);
}

function baseOf(text: string): string {
  if (baseUrlProblem(text) === undefined) return baseUrl(text);
  throw new UsageError(
    '--from must be the base URL of a SCIM server, such as https://id.example.com/scim/v2',
  );
}
