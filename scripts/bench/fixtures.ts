/** The databases of a run, made once for each number of users and copied for each server that writes. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { isBulk } from './bulk-memberships.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export class Fixtures {
  readonly folder: string;
  readonly #keep: boolean;
  readonly #memberships: number;

  /** On the disk of the project: the system's temporary folder may be in memory. */
  constructor(directory: string | undefined, memberships = 0) {
    this.#memberships = memberships;
    this.#keep = directory !== undefined;
    const cache = join(root, 'node_modules', '.cache');
    mkdirSync(directory ?? cache, { recursive: true });
    this.folder = directory ?? mkdtempSync(join(cache, 'scimd-bench-'));
  }

  /** The path of a copy of its own for `purpose`; with very many memberships of the one that there is room for. */
  database(users: number, groups: boolean, purpose: string): string {
    const hasGroups = groups || this.#memberships > 0;
    const original = join(
      this.folder,
      `${users}${hasGroups ? '-groups' : ''}${this.#memberships > 0 ? `-${this.#memberships}` : ''}.db`,
    );
    if (!existsSync(original)) {
      const unfinished = `${original}.part`;
      for (const ending of ['', '-wal', '-shm']) rmSync(unfinished + ending, { force: true });
      const seed = fileURLToPath(new URL('seed.ts', import.meta.url));
      const args = [
        '--import',
        'tsx',
        seed,
        unfinished,
        String(users),
        hasGroups ? 'groups' : 'users',
        String(this.#memberships),
      ];
      execFileSync(process.execPath, args, { stdio: 'inherit' });
      renameSync(unfinished, original);
    }
    if (isBulk(this.#memberships)) {
      // Each server brings its own first token, which those of the servers before would keep out.
      const db = new Sqlite(original);
      db.exec('DELETE FROM token');
      db.close();
      return original;
    }
    const copy = this.path(purpose);
    copyFileSync(original, copy);
    return copy;
  }

  /** The path of a file that is not there. */
  path(purpose: string): string {
    const file = join(this.folder, `${purpose.replaceAll(' ', '-')}.copy.db`);
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    return file;
  }

  /** Of a database with all that stands beside it, in bytes. */
  static size(file: string): number {
    return ['', '-wal'].reduce(
      (sum, ending) => sum + (statSync(file + ending, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }

  remove(): void {
    if (!this.#keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
