/** Which version a database file has, and the copy that is made before it gets a newer one. */
import { existsSync, statSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { backUp, freeName } from './backup.ts';
import { applicationId } from './connection.ts';
import { withStoreErrors } from './errors.ts';
import { migrations } from './migrations.ts';

/** The version that this release brings a database to. */
export const currentVersion = migrations.length;

/** The version of a database of ours; undefined if there is none in that file yet. */
export function versionOf(file: string): number | undefined {
  if (file === ':memory:' || !existsSync(file) || statSync(file).size === 0) return undefined;
  return withStoreErrors(
    () => {
      const db = new Sqlite(file, { fileMustExist: true });
      try {
        if (db.pragma('application_id', { simple: true }) !== applicationId) return undefined;
        return Number(db.pragma('user_version', { simple: true }));
      } finally {
        db.close();
      }
    },
    { role: 'database', file },
  );
}

export interface BeforeUpgrade {
  readonly from: number;
  readonly to: number;
  /** The verified copy, which the older release can restore. */
  readonly backup: string;
}

/** Makes the copy if the file has an older version than `to`, and answers what it is for. */
export async function backUpBeforeUpgrade(
  file: string,
  to = currentVersion,
): Promise<BeforeUpgrade | undefined> {
  const from = versionOf(file);
  if (from === undefined || from >= to) return undefined;
  const backup = freeName(`${file}.v${from}.backup`);
  await backUp(file, backup);
  return { from, to, backup };
}
