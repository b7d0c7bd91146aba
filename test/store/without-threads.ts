/** A program that may read and write files and load SQLite, and make no threads. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';

/** Runs the text of a module to its end. */
export function runWithoutThreads(program: string): SpawnSyncReturns<string> {
  const allowed = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons'];
  return spawnSync(process.execPath, [...allowed, '--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
}
