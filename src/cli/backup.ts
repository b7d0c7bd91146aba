/** scimd backup, scimd restore and scimd restored. */
import { createReadStream, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { progressOn } from '../ops/progress.ts';
import { isPostgresUrl } from '../store/open.ts';
import { backUp, type Contents, restore } from '../store/sqlite/backup.ts';
import type { AccessStore, Store } from '../store/store.ts';
import { commandActor } from './actor.ts';
import { exitStatus, type Invocation } from './command.ts';
import { withAccess } from './database.ts';
import { noteDeed } from './noted-deed.ts';

function databaseOf({ settings }: Invocation): string {
  const { database } = settings().settings;
  if (isPostgresUrl(database))
    throw new CommandError(
      'backups of a PostgreSQL database are made and restored by PostgreSQL',
      'Use pg_dump and pg_restore, or pg_basebackup; when it is restored, before a server starts: scimd restored.',
    );
  if (database === ':memory:') {
    throw new CommandError('a database in memory has no file to back up', 'Give the file: --database FILE');
  }
  return database;
}

export async function backUpDatabase(invocation: Invocation): Promise<number> {
  const { operand, json, terminal } = invocation;
  const file = databaseOf(invocation);
  if (!existsSync(file))
    throw new CommandError(
      `there is no database ${file}`,
      'Give the file that the server uses: --database FILE',
    );
  if (operand === '-') return toStandardOutput(file, invocation);
  const destination =
    operand ?? `${file}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z.backup`;
  if (existsSync(destination))
    throw new CommandError(`${destination} exists already`, 'Give another name, or remove it.');
  const progress = progressOn(terminal, json);
  const contents = await inOrder((check) =>
    backUp(file, destination, (done, total) => {
      check();
      progress.show(total === 0 ? 1 : done / total, 'backing up');
    }),
  ).finally(() => progress.clear());
  if (typeof contents === 'number') return contents;
  if (json) terminal.print(JSON.stringify({ backup: destination, ...contents }));
  else terminal.print(`${destination}: ${summary(contents)}, verified`);
  return exitStatus.done;
}

/** Through a verified file, so that what is piped away is whole. */
async function toStandardOutput(file: string, invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  if (terminal.interactive)
    throw new UsageError(
      'standard output is a terminal; redirect the backup: scimd backup - > FILE',
      'backup',
    );
  const copy = await inOrder((check) => namelessCopy(file, check));
  if (typeof copy === 'number') return copy;
  const { descriptor, contents } = copy;
  for await (const part of createReadStream('', { fd: descriptor })) await terminal.write(part);
  await terminal.written();
  terminal.note(`${summary(contents)}, verified`);
  return exitStatus.done;
}

/** A verified copy that is only open, so that none stays however its reading ends. */
async function namelessCopy(
  file: string,
  check: () => void,
): Promise<{ readonly descriptor: number; readonly contents: Contents }> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-backup-'));
  try {
    const copy = join(folder, 'backup');
    const contents = await backUp(file, copy, check);
    return { descriptor: openSync(copy, 'r'), contents };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Defers SIGINT, SIGTERM and SIGHUP to the next `check` of `work`, which throws, so that nothing is left half done. Returns
 * the exit status that shells use for that signal. After the work a signal ends the process as by default: removing the
 * listener would lose one that has arrived and is not delivered yet.
 */
async function inOrder<T extends object>(work: (check: () => void) => Promise<T>): Promise<T | number> {
  let status: number | undefined;
  let working = true;
  const end = (signal: NodeJS.Signals): void => {
    if (working) {
      status ??= 128 + constants.signals[signal];
    } else {
      process.off(signal, end);
      process.kill(process.pid, signal);
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  try {
    const result = await work(() => {
      if (status !== undefined) throw new Error('interrupted');
    });
    // Signals that came in its last step are delivered in the next event-loop tick.
    await nextTick();
    return status ?? result;
  } catch (error) {
    if (status === undefined) throw error;
    return status;
  } finally {
    working = false;
  }
}

export async function restoreDatabase(invocation: Invocation): Promise<number> {
  const { operand = '', json, terminal } = invocation;
  const file = databaseOf(invocation);
  const piped = operand === '-';
  if (piped && process.stdin.isTTY)
    throw new UsageError('standard input is a terminal; pipe a backup in: scimd restore - < FILE', 'restore');
  if (!piped && !existsSync(operand))
    throw new CommandError(`there is no backup ${operand}`, 'Give the file that scimd backup wrote.');
  const from = piped ? 'standard input' : operand;
  const { contents, kept } = await restore(piped ? process.stdin : operand, file, (store) =>
    tell(store, `from ${from}`),
  );
  if (json) terminal.print(JSON.stringify({ database: file, kept, ...contents }));
  else {
    const before = kept === undefined ? '' : `; what was there is now ${kept}`;
    terminal.print(`${file}: ${summary(contents)}, verified${before}`);
  }
  return exitStatus.done;
}

/** What restore does beside bringing the file back, where other tools have brought it. */
export async function noteRestored(invocation: Invocation): Promise<number> {
  const { json, terminal } = invocation;
  const tenants = await withAccess(invocation, false, (store) => tell(store, 'by other tools'));
  if (json) terminal.print(JSON.stringify({ tenants }));
  else
    terminal.print(
      `positions in the feed of ${tenants} ${tenants === 1 ? 'tenant' : 'tenants'} go on behind all that were given out; whoever was ahead of the database is told to begin with a snapshot`,
    );
  return exitStatus.done;
}

async function tell(store: AccessStore & Pick<Store, 'admin'>, detail: string): Promise<number> {
  const tenants = await store.noteRestored(commandActor());
  await noteDeed(store, { action: 'database.restore', detail });
  return tenants;
}

function summary({ resources, members, changes, tokens, tenants }: Contents): string {
  return `${resources} resources, ${members} memberships, ${changes} changes, ${tokens} tokens, ${tenants} tenants`;
}
