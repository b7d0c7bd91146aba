/**
 * SQLite's native addon, where the program is one file with the addon inside. Bundling for that (scripts/binary.ts)
 * puts this in the place of better-sqlite3's own search for it.
 */
import { tmpdir } from 'node:os';
import { getRawAsset } from 'node:sea';
import { workerData } from 'node:worker_threads';
import { StoreError } from '../store-error.ts';
import { load, loadKept, loadOnce } from './addon-file.ts';
import type { ScanThreadData } from './scan-thread.ts';

let addon: object | undefined;

export function getBinding(): object {
  const { addon: file } = (workerData ?? {}) as Partial<ScanThreadData>;
  if (file !== undefined) addon ??= load(file);
  addon ??= loadAsset();
  return addon;
}

function loadAsset(): object {
  const bytes = getRawAsset('better_sqlite3.node') as ArrayBuffer;
  const loaded = loadFrom(new Uint8Array(bytes));
  // Its memory, where it is not the program's own (scripts/binary/main.ts).
  if (bytes.resizable) bytes.resize(0);
  return loaded;
}

const windows = process.platform === 'win32';

/** The second is for systems whose temporary folder is read-only or may not hold programs. */
const folders = new Set(windows ? [tmpdir()] : [tmpdir(), '/dev/shm']);

function loadFrom(bytes: Uint8Array): object {
  const failures: Error[] = [];
  for (const folder of folders)
    try {
      return windows ? loadKept(bytes, folder) : loadOnce(bytes, folder);
    } catch (error) {
      failures.push(error as Error);
    }
  throw new StoreError(
    'no-addon',
    `SQLite cannot be loaded: ${failures.map(({ message }) => message).join('; ')}`,
    `Its addon is inside this program and must be a file for a moment. Set ${windows ? 'TEMP' : 'TMPDIR'} to a folder that is writable and not mounted noexec.`,
    { cause: new AggregateError(failures) },
  );
}
