/**
 * The store by itself against a bare loop of the same statements, commit for commit, without HTTP; and group commit by
 * itself, of the same statements:
 * `loop.ts FOLDER ROWS LANES ROUNDS` prints microseconds a row, each round of all. With --expose-gc.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { walSync } from '../../src/store/sqlite/durability.ts';
import { groupCommit } from '../../src/store/sqlite/group-commit.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Document } from '../../src/store/store.ts';
import { userDocument, userId } from './data.ts';
import { type BareInserts, bareInserts } from './inserts.ts';

const [folder = '.', rowCount = '1000', laneCount = '32', roundCount = '3'] = process.argv.slice(2);
const rows = Number(rowCount);
const lanes = Number(laneCount);

/** Rows of each by turns: what else the machine does meets all. */
const slice = 800;

interface Contestant {
  /** Writes the rows with these numbers. */
  write(from: number, to: number): void | Promise<void>;
  close(): void | Promise<void>;
}

function fileFor(name: string): string {
  const file = join(folder, name);
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
  return file;
}

function throughStore(): Contestant {
  const registry = standardRegistry();
  const store = openSqliteStore({ file: fileFor('store.db'), registry });
  const type = registry.resourceTypes[0];
  if (type === undefined) throw new Error('no users in the registry');
  // As requests bring them.
  const documents = Array.from(
    { length: rows },
    (_, number): Document => JSON.parse(JSON.stringify(userDocument(number))),
  );
  const actor = { kind: 'token', id: userId(0), name: 'bench', idp: 'generic' } as const;
  return {
    write: (from, to) =>
      inLanes(from, to, (number) =>
        store.commit([
          {
            tenant: 1,
            context: { actor },
            commands: [{ kind: 'create', type, document: documents[number] ?? {} }],
          },
        ]),
      ),
    close: () => store.close(),
  };
}

interface Rows {
  readonly db: Database;
  readonly inserts: BareInserts;
}

function bareRows(name: string): Rows {
  const db = openConnection(fileFor(name));
  const inserts = bareInserts(db, 0);
  inserts.prepare(Array.from({ length: rows }, (_, number) => number));
  return { db, inserts };
}

/** One commit for so many rows as come together in the store. */
function bareLoop({ db, inserts }: Rows): Contestant {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    write(from, to) {
      for (let first = from; first < to; first += lanes) {
        begin.run();
        for (let n = first; n < Math.min(to, first + lanes); n++) inserts.insert(n);
        commit.run();
      }
    },
    close: () => void db.close(),
  };
}

/** The same rows by the store's way to commit. */
function groupCommits({ db, inserts }: Rows): Contestant {
  db.pragma('synchronous = NORMAL');
  const commit = groupCommit(db, walSync(db.name), { beforeWrite() {}, check() {} });
  return {
    write: (from, to) => inLanes(from, to, (number) => commit.run(() => inserts.insert(number))),
    close() {
      commit.close();
      db.close();
    },
  };
}

/** As many at once as there are lanes. */
async function inLanes(from: number, to: number, write: (number: number) => unknown): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) await write(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Microseconds a row of each. */
async function race(contestants: readonly Contestant[]): Promise<number[]> {
  // What was made beforehand is not theirs to tidy up.
  globalThis.gc?.();
  const took = contestants.map(() => 0);
  for (let from = 0; from < rows; from += slice) {
    for (const [index, contestant] of contestants.entries()) {
      const started = process.hrtime.bigint();
      await contestant.write(from, Math.min(rows, from + slice));
      took[index] = (took[index] as number) + Number(process.hrtime.bigint() - started) / 1000;
    }
  }
  for (const contestant of contestants) await contestant.close();
  return took.map((sum) => sum / rows);
}

const result: { store: number[]; bare: number[]; grouped: number[] } = { store: [], bare: [], grouped: [] };
// A round before those that count, in which all is compiled.
for (let round = -1; round < Number(roundCount); round++) {
  const [store = 0, bare = 0, grouped = 0] = await race([
    throughStore(),
    bareLoop(bareRows('bare.db')),
    groupCommits(bareRows('grouped.db')),
  ]);
  if (round < 0) continue;
  result.store.push(store);
  result.bare.push(bare);
  result.grouped.push(grouped);
}
for (const name of ['store.db', 'bare.db', 'grouped.db']) fileFor(name);
console.log(JSON.stringify(result));
