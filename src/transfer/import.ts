/** Imports from a file or another server: what was done, what was refused and where it goes on is told. */
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { CommandError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import type { Progress } from '../ops/progress.ts';
import type { Terminal } from '../ops/terminal.ts';
import { StoreError } from '../store/store-error.ts';
import { type FileInput, fileItems } from './file-source.ts';
import type { Importer, Outcome, Stranger } from './importer.ts';
import { type FileOffset, start } from './lines.ts';
import { type Counts, type Item, type Loaded, load } from './load.ts';
import {
  type FilePosition,
  filePosition,
  isStillThere,
  type PositionFile,
  positionFile,
} from './position.ts';
import { type RemoteInput, type RemotePosition, remoteItems } from './remote.ts';

/** What is imported, from where it goes on. */
export interface ImportSource {
  readonly items: AsyncIterable<Item<unknown>>;
  /** Undefined where the input cannot be read again. */
  readonly position: PositionFile<unknown> | undefined;
  /** What is written down of a position. */
  readonly kept: (position: unknown) => unknown;
}

export interface ImportOptions {
  readonly importer: Importer;
  readonly stopAtConflict: boolean;
  /** The store is a copy: each line is told of, and no position is kept. */
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly stop: AbortSignal;
}

/**
 * Takes all of the source in, or stops where it must. Answers whether everything is there now.
 * @throws CommandError if the store or the source fails; what came before is taken, and is told.
 */
export async function importFrom(source: ImportSource, options: ImportOptions): Promise<boolean> {
  const { importer, dryRun, json, terminal, progress, stop } = options;
  let lines = 0;
  let last: Counts = { created: 0, replaced: 0, same: 0, skipped: 0, refused: 0 };
  try {
    const loaded = await load(source.items, {
      importer,
      stopAtConflict: options.stopAtConflict && !dryRun,
      stop,
      report: (place, outcome) => report(options, place, outcome),
      reportStranger: (place, stranger) => reportStranger(options, place, stranger),
      progressed: (position, part, counts) => {
        if (position !== undefined && !dryRun) source.position?.note(source.kept(position));
        lines = (position as Partial<FileOffset> | undefined)?.lines ?? lines;
        last = counts;
        progress.show(part, shown(counts));
      },
    });
    progress.clear();
    return finish(options, loaded, source.position, lines);
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

interface Resumable {
  /** Go on where the last import stopped? */
  readonly resume: boolean;
  /** What is imported into what, beside the source itself: a position of another import is none. */
  readonly identity: string;
}

export function fileSource(input: Omit<FileInput, 'from'> & Resumable): ImportSource {
  const { file, format, resume, identity } = input;
  const position =
    file === '-'
      ? undefined
      : positionFile<FilePosition>(`${file}.position`, `${identity} ${format} ${resolve(file)}`);
  const from = resume ? position?.read() : undefined;
  if (from !== undefined && !isStillThere(file, from))
    throw new CommandError(
      `${file} is not as it was up to line ${from.lines}, where the import stopped`,
      'Import from the start, without --resume: what is there already stays.',
    );
  const items = fileItems({
    ...input,
    from: from === undefined ? start : { bytes: from.bytes, lines: from.lines },
  });
  return { items, position, kept: (place) => filePosition(file, place as FileOffset) };
}

export function remoteSource(input: Omit<RemoteInput, 'from'> & Resumable): ImportSource {
  const { base } = input.remote;
  const position = positionFile<RemotePosition>(
    `scimd-import-${new URL(base).host.replace(/[^\w.-]/g, '-')}.position`,
    `${input.identity} ${base}`,
  );
  const items = remoteItems({ ...input, from: input.resume ? position.read() : undefined });
  return { items, position, kept: (at) => at };
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
function report(options: ImportOptions, place: string, outcome: Outcome): void {
  const { dryRun, json, terminal, progress } = options;
  const { kind, name } = outcome;
  const isRefused = kind === 'refused' || kind === 'conflict';
  if (!isRefused && !dryRun) return;
  progress.clear();
  const why =
    'reason' in outcome ? outcome.reason : 'attributes' in outcome ? outcome.attributes.join(', ') : '';
  const print = isRefused ? terminal.note : terminal.print;
  if (json) print(JSON.stringify({ at: place, action: verbs[kind], ...outcome }));
  else if (isRefused) print(escapeControls(`${place}: ${kind === 'conflict' ? `${name} ` : ''}${why}`));
  else
    print(
      escapeControls(
        `${place}: ${verbs[kind]}${name === '' ? '' : ` ${name}`}${why === '' ? '' : `: ${why}`}`,
      ),
    );
}

/** Kept, so that what one server exports another has the same; but told, since it may be a name or a mistake. */
function reportStranger(
  { json, terminal, progress }: ImportOptions,
  place: string,
  stranger: Stranger,
): void {
  const { name, member } = stranger;
  progress.clear();
  terminal.note(
    json
      ? JSON.stringify({ at: place, warning: 'unknownMember', name, member })
      : escapeControls(`${place}: ${name} has the member ${member}, whose id nobody here has`),
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
  { importer, dryRun, json, terminal }: ImportOptions,
  { counts, stopped }: Loaded,
  position: PositionFile<unknown> | undefined,
  lines: number,
): boolean {
  for (const [name, count] of importer.unknown)
    terminal.note(`scimd: ${escapeControls(name)}, which ${count} had, is left out: no schema here has it`);
  for (const [name, count] of importer.readOnly)
    if (!(importer.tookMembers && name === 'groups'))
      terminal.note(
        `scimd: ${escapeControls(name)}, which ${count} had, is left out: only the server writes it`,
      );
  const complete = stopped === undefined;
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
  return complete && counts.refused === 0;
}

function goOn(position: PositionFile<unknown> | undefined, lines: number): string {
  return position === undefined ? `Go on with --after ${lines}.` : 'Go on with --resume.';
}
