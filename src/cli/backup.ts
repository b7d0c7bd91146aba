/** scimd backup and scimd restore. */
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { backUp, type Contents, restore } from '../store/sqlite/backup.ts';
import { CommandError, exitStatus, type Invocation, UsageError } from './command.ts';

function databaseOf({ settings }: Invocation): string {
  const { database } = settings().settings;
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
  const contents = await backUp(file, destination, progressOn(invocation));
  if (json) terminal.print(JSON.stringify({ backup: destination, ...contents }));
  else terminal.print(`${destination}: ${summary(contents)}, verified`);
  return exitStatus.done;
}

/** Through a verified file, so that what is piped away is whole. */
async function toStandardOutput(file: string, { terminal }: Invocation): Promise<number> {
  if (terminal.interactive)
    throw new UsageError('a backup is no text for a terminal: scimd backup - > FILE', 'backup');
  const folder = mkdtempSync(join(tmpdir(), 'scimd-backup-'));
  try {
    const copy = join(folder, 'backup');
    const contents = await backUp(file, copy);
    await pipeline(createReadStream(copy), process.stdout, { end: false });
    terminal.note(`${summary(contents)}, verified`);
    return exitStatus.done;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function restoreDatabase(invocation: Invocation): Promise<number> {
  const { operand = '', json, terminal } = invocation;
  const file = databaseOf(invocation);
  const piped = operand === '-';
  if (piped && process.stdin.isTTY)
    throw new UsageError('a backup is no text to be typed: scimd restore - < FILE', 'restore');
  if (!piped && !existsSync(operand))
    throw new CommandError(`there is no backup ${operand}`, 'Give the file that scimd backup wrote.');
  const { contents, kept } = await restore(piped ? process.stdin : operand, file);
  if (json) terminal.print(JSON.stringify({ database: file, kept, ...contents }));
  else {
    const before = kept === undefined ? '' : `; what was there is now ${kept}`;
    terminal.print(`${file}: ${summary(contents)}, verified${before}`);
  }
  return exitStatus.done;
}

function summary({ resources, members, changes, tokens, tenants }: Contents): string {
  return `${resources} resources, ${members} memberships, ${changes} changes, ${tokens} tokens, ${tenants} tenants`;
}

function progressOn({ terminal, json }: Invocation): (done: number, total: number) => void {
  if (!terminal.errorIsTerminal || json) return () => {};
  let shown = -1;
  return (done, total) => {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    if (percent === shown) return;
    shown = percent;
    process.stderr.write(`\rbacking up ${percent} %${percent === 100 ? '\n' : ''}`);
  };
}
