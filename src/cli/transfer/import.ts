/** scimd import. */
import { existsSync, fstatSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileReason } from '../../ops/file-error.ts';
import { harmless } from '../../ops/log-line.ts';
import { backUp } from '../../store/sqlite/backup.ts';
import type { Store } from '../../store/store.ts';
import { StoreError } from '../../store/store-error.ts';
import { CommandError, exitStatus, type Invocation, UsageError } from '../command.ts';
import { defaultTenant, findTenant, registryFor, withStore } from '../database.ts';
import { type Format, fileItems } from './file-source.ts';
import { conflictAnswers, Importer, type OnConflict, type Outcome } from './importer.ts';
import { type Place, start } from './lines.ts';
import { type Counts, type Item, type Loaded, load } from './load.ts';
import {
  type FilePosition,
  filePosition,
  isStillThere,
  type PositionFile,
  positionFile,
} from './position.ts';
import { type Progress, progressOn } from './progress.ts';
import { findRemote, inOrder, type Remote, type RemotePosition, remoteItems } from './remote.ts';
import { resourceTypeNamed } from './resource-type.ts';

export const defaultOnConflict = conflictAnswers[0];

export async function importResources(given: Invocation): Promise<number> {
  const { flags } = given;
  const from = flags.get('from');
  const operand = given.operand ?? (from === undefined && isPiped() ? '-' : undefined);
  const invocation = { ...given, operand };
  if ((from !== undefined) === (operand !== undefined))
    throw new UsageError('a FILE, or --from URL: one of them is what is imported');
  if (operand !== undefined && operand !== '-') checkFile(operand);
  if (flags.has('resume') && (operand === '-' || flags.has('dry-run')))
    throw new UsageError('--resume is for a file or a server; a pipe goes on with --after LINE');
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const remote = from === undefined ? undefined : await remoteAt(from, invocation, stop.signal);
    return await onStore(invocation, (store, database) =>
      run(invocation, store, database, remote, stop.signal),
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

/** Found before the database is made, which a wrong address is no reason for. */
function remoteAt(from: string, { flags, settings }: Invocation, stop: AbortSignal): Promise<Remote> {
  const registry = registryFor(settings());
  const only = flags.get('type');
  const types = only === undefined ? inOrder(registry) : [resourceTypeNamed(registry, only)];
  return findRemote(baseOf(from), tokenOf(flags.get('token-file')), types, stop);
}

/** A dry run does all of it, on a copy: nothing is guessed. */
async function onStore(
  invocation: Invocation,
  action: (store: Store, database: string) => Promise<number>,
): Promise<number> {
  const inForce = invocation.settings();
  const { database } = inForce.settings;
  if (!invocation.flags.has('dry-run'))
    return withStore(invocation, true, (store) => action(store, database));
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

/** What is imported, from where it goes on. */
interface Source {
  readonly items: AsyncIterable<Item<unknown>>;
  /** Undefined where the input cannot be read again. */
  readonly position: PositionFile<unknown> | undefined;
  /** What is written down of a position. */
  readonly kept: (position: unknown) => unknown;
}

async function run(
  invocation: Invocation,
  store: Store,
  database: string,
  remote: Remote | undefined,
  stop: AbortSignal,
): Promise<number> {
  const { flags, json, terminal } = invocation;
  const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
  const dryRun = flags.has('dry-run');
  const onConflict = (flags.get('on-conflict') ?? defaultOnConflict) as OnConflict;
  const importer = new Importer(store, tenant.number, onConflict, 'import');
  const progress = progressOn(terminal, json);
  const identity = JSON.stringify([resolve(database), tenant.name, flags.get('type') ?? null]);
  const source =
    remote !== undefined
      ? remoteSource(invocation, remote, store, identity, progress)
      : fileSource(invocation, store, identity);
  let lines = 0;
  let last: Counts = { created: 0, replaced: 0, same: 0, skipped: 0, refused: 0 };
  try {
    const loaded = await load(source.items, {
      importer,
      stopAtConflict: onConflict === 'fail' && !dryRun,
      stop,
      tell: (place, outcome) => tell(invocation, progress, place, outcome),
      progressed: (position, part, counts) => {
        if (position !== undefined && !dryRun) source.position?.note(source.kept(position));
        lines = (position as Partial<Place> | undefined)?.lines ?? lines;
        last = counts;
        progress.show(part, shown(counts));
      },
    });
    progress.clear();
    return finish(invocation, loaded, importer, source.position, lines);
  } catch (error) {
    progress.clear();
    source.position?.flush();
    // What came before is taken, and durable.
    if (Object.values(last).some((count) => count > 0))
      terminal.print(json ? JSON.stringify({ ...last, complete: false, dryRun }) : shown(last));
    if (!(error instanceof StoreError)) throw error;
    if (dryRun && error.code === 'full')
      throw new CommandError(
        `${tmpdir()} has no space left for the copy that a dry run works on`,
        'Free space there, or name another folder by TMPDIR.',
        { cause: error },
      );
    throw new CommandError(error.message, `${error.advice} ${goOn(source.position, lines)}`, {
      cause: error,
    });
  }
}

function fileSource({ operand = '', flags }: Invocation, store: Store, identity: string): Source {
  const format = (flags.get('format') ?? (/\.csv$/i.test(operand) ? 'csv' : 'ndjson')) as Format;
  const position =
    operand === '-'
      ? undefined
      : positionFile<FilePosition>(`${operand}.position`, `${identity} ${format} ${resolve(operand)}`);
  const from = flags.has('resume') ? position?.read() : undefined;
  if (from !== undefined && !isStillThere(operand, from))
    throw new CommandError(
      `${operand} is not as it was up to line ${from.lines}, where the import stopped`,
      'Import from the start, without --resume: what is there already stays.',
    );
  const input = {
    file: operand,
    format,
    registry: store.registry,
    type: resourceTypeNamed(store.registry, flags.get('type') ?? 'User'),
    from: from === undefined ? start : { bytes: from.bytes, lines: from.lines },
    after: afterLine(flags.get('after')),
  };
  return { items: fileItems(input), position, kept: (place) => filePosition(operand, place as Place) };
}

function afterLine(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError('--after must be the number of a line');
  return Number(text);
}

function remoteSource(
  { flags, terminal }: Invocation,
  remote: Remote,
  store: Store,
  identity: string,
  progress: Progress,
): Source {
  const { base } = remote;
  const position = positionFile<RemotePosition>(
    `scimd-import-${new URL(base).host.replace(/[^\w.-]/g, '-')}.position`,
    `${identity} ${base}`,
  );
  const items = remoteItems({
    remote,
    registry: store.registry,
    only: flags.get('type'),
    from: flags.has('resume') ? position.read() : undefined,
    note: (text) => {
      progress.clear();
      terminal.note(`scimd: ${text}`);
    },
  });
  return { items, position, kept: (at) => at };
}

function baseOf(text: string): string {
  const url = URL.parse(text);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash
  )
    throw new UsageError(
      '--from must be the base URL of a SCIM server, such as https://id.example.com/scim/v2',
    );
  return url.href.replace(/\/+$/, '');
}

function tokenOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CommandError(
      `--token-file ${file} cannot be read: ${fileReason(error)}`,
      'Give a file that holds the token alone.',
    );
  }
}

const verbs = {
  created: 'create',
  same: 'the same already',
  replaced: 'change',
  skipped: 'skip',
  conflict: 'refuse',
  refused: 'refuse',
} as const;

/** A dry run tells of each; else only what was refused is worth a line. */
function tell(invocation: Invocation, progress: Progress, place: string, outcome: Outcome): void {
  const { flags, json, terminal } = invocation;
  const { kind, name } = outcome;
  const isRefused = kind === 'refused' || kind === 'conflict';
  const dryRun = flags.has('dry-run');
  if (!isRefused && !dryRun) return;
  progress.clear();
  const why =
    'reason' in outcome ? outcome.reason : 'attributes' in outcome ? outcome.attributes.join(', ') : '';
  const print = isRefused ? terminal.note : terminal.print;
  if (json) print(JSON.stringify({ at: place, action: verbs[kind], ...outcome }));
  else if (isRefused) print(harmless(`${place}: ${kind === 'conflict' ? `${name} ` : ''}${why}`));
  else
    print(
      harmless(`${place}: ${verbs[kind]}${name === '' ? '' : ` ${name}`}${why === '' ? '' : `: ${why}`}`),
    );
}

function shown({ created, replaced, same, skipped, refused }: Counts): string {
  return [
    [created, 'created'],
    [replaced, 'changed'],
    [same, 'the same already'],
    [skipped, 'skipped'],
    [refused, 'refused'],
  ]
    .filter(([count], index) => index === 0 || count !== 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

function finish(
  { flags, json, terminal }: Invocation,
  { counts, stopped }: Loaded,
  importer: Importer,
  position: PositionFile<unknown> | undefined,
  lines: number,
): number {
  for (const [name, count] of importer.unknown)
    terminal.note(`scimd: ${harmless(name)}, which ${count} had, is left out: no schema here has it`);
  const complete = stopped === undefined;
  const dryRun = flags.has('dry-run');
  if (complete) position?.remove();
  else position?.flush();
  if (json) terminal.print(JSON.stringify({ ...counts, complete, dryRun }));
  else terminal.print(`${shown(counts)}${dryRun ? ' (dry run: nothing is written)' : ''}`);
  if (stopped === 'conflict') {
    terminal.note('scimd: stopped at what is there already and is another');
    terminal.note(`Import with --on-conflict skip or replace. ${goOn(position, lines)}`);
  } else if (stopped === 'signal') {
    terminal.note(`scimd: interrupted. ${goOn(position, lines)}`);
  }
  return complete && counts.refused === 0 ? exitStatus.done : exitStatus.failed;
}

function goOn(position: PositionFile<unknown> | undefined, lines: number): string {
  return position === undefined ? `Go on with --after ${lines}.` : 'Go on with --resume.';
}
