/**
 * Backups that a running server makes by itself: each by a process of its own, so that neither the copying nor the
 * check of the copy keeps a request waiting. The last ones are kept.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import type { Log } from '../http/options.ts';
import { CommandError } from '../ops/command-error.ts';
import type { Settings } from '../ops/options.ts';
import { parseSpan } from '../ops/span.ts';
import { isPostgresUrl } from '../store/open.ts';

/** After a failure, in milliseconds. */
const retryAfter = 60_000;
/** Timers take no more; longer waits are several. */
const longestWait = 3_600_000;

export interface BackupMetrics {
  backedUp(at: Date): void;
  backupFailed(): void;
}

/** Throws if they are configured and there is no file to copy. */
export function checkBackups({ database, backup }: Settings): void {
  if (backup.every === undefined) return;
  if (isPostgresUrl(database))
    throw new CommandError(
      'backups of a PostgreSQL database are made by PostgreSQL',
      'Leave out backup.every, and use pg_dump, pg_basebackup or what your provider has.',
    );
  if (database !== ':memory:') return;
  throw new CommandError(
    'a database in memory has no file to back up',
    'Leave out backup.every, or give a file: --database FILE.',
  );
}

/** Starts them if configured; returns a function that stops them. */
export function scheduleBackups(
  { database, backup }: Settings,
  metrics: BackupMetrics | undefined,
  log: Log,
  clock: () => Date = () => new Date(),
): () => void {
  const every = backup.every === undefined ? undefined : parseSpan(backup.every);
  if (every === undefined) return () => {};
  const folder = resolve(backup.folder ?? dirname(database));
  let timer: NodeJS.Timeout | undefined;
  let stopRunning = (): void => {};
  let stopped = false;

  const wait = (until: number): void => {
    if (stopped) return;
    const left = until - clock().getTime();
    timer = setTimeout(
      () => (left > longestWait ? wait(until) : run()),
      Math.max(0, Math.min(left, longestWait)),
    );
    timer.unref();
  };
  const run = (): void => {
    const at = clock();
    const file = join(folder, nameAt(database, at));
    stopRunning = backUpApart(database, folder, file, (failure) => {
      if (stopped) return;
      if (failure !== undefined) {
        metrics?.backupFailed();
        log.error({ file, reason: failure }, 'the scheduled backup failed');
        wait(clock().getTime() + Math.min(retryAfter, every));
        return;
      }
      metrics?.backedUp(at);
      const removed = prune(existing(database, folder, clock()), backup.keep, log);
      log.info({ file, removed }, 'backed up and verified');
      wait(at.getTime() + every);
    });
  };
  const last = existing(database, folder, clock()).at(-1);
  if (last !== undefined) metrics?.backedUp(last.at);
  wait(last === undefined ? clock().getTime() : last.at.getTime() + every);
  return () => {
    stopped = true;
    clearTimeout(timer);
    stopRunning();
  };
}

/** `scimd.db-scheduled-2026-03-01T120000Z.backup`; others, made by hand, are not removed. */
function nameAt(database: string, at: Date): string {
  return `${prefixOf(database)}${at.toISOString().slice(0, 19).replaceAll(':', '')}Z.backup`;
}

const prefixOf = (database: string): string => `${basename(database)}-scheduled-`;

interface Existing {
  readonly file: string;
  readonly at: Date;
}

/**
 * Oldest first. A clock that was set back leaves some of the future: they are not counted, or each new one would be the oldest,
 * and be removed at once.
 */
function existing(database: string, folder: string, now: Date): Existing[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const prefix = prefixOf(database);
  return names.sort().flatMap((name) => {
    const [, day, hours, minutes, seconds] =
      /^(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)Z\.backup$/.exec(
        name.startsWith(prefix) ? name.slice(prefix.length) : '',
      ) ?? [];
    const at = new Date(`${day}T${hours}:${minutes}:${seconds}Z`);
    return at <= now ? [{ file: join(folder, name), at }] : [];
  });
}

/** Removes all but the last ones; answers how many. */
function prune(all: readonly Existing[], keep: number, log: Log): number {
  const old = all.slice(0, -keep);
  for (const { file } of old) {
    try {
      rmSync(file);
    } catch (error) {
      log.warn({ err: error, file }, 'an old backup cannot be removed');
    }
  }
  return old.length;
}

/** `scimd: what happened`, and in the next line what to do, as one line of the log. */
const wordsOf = (stderr: string): string =>
  stderr
    .trim()
    .replace(/^scimd: /, '')
    .replaceAll('\n', '. ');

/** Runs scimd backup; `done` gets the reason if it fails. Returns a function that ends it. */
function backUpApart(
  database: string,
  folder: string,
  file: string,
  done: (failure?: string) => void,
): () => void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    done((error as Error).message);
    return () => {};
  }
  // A single executable is its own entry; else this process says what it runs.
  const self = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const child = execFile(
    process.execPath,
    [...self, 'backup', file, '--database', database],
    (error, _, stderr) => {
      if (error !== null) rmSync(`${file}.partial`, { force: true });
      done(error === null ? undefined : wordsOf(stderr) || error.message);
    },
  );
  return () => void child.kill();
}
