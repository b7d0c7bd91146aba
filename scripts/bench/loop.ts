/**
 * The store by itself against a bare loop of the same statements, commit for commit, without HTTP:
 * `loop.ts FOLDER ROWS LANES ROUNDS` prints microseconds a row, each round of both. With --expose-gc.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { userDocument, userId } from './data.ts';
import { bareInserts } from './inserts.ts';

const [folder = '.', rowCount = '1000', laneCount = '32', roundCount = '3'] = process.argv.slice(2);
const rows = Number(rowCount);
const lanes = Number(laneCount);

/** Rows of one and of the other by turns: what else the machine does meets both. */
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
  const documents = Array.from({ length: rows }, (_, number) => userDocument(number));
  const actor = { token: userId(0), origin: 'http' };
  return {
    async write(from, to) {
      let next = from;
      const lane = async (): Promise<void> => {
        while (next < to) {
          const document = documents[next++];
          if (document !== undefined) await store.create({ tenant: 1, type, actor, document });
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    },
    close: () => store.close(),
  };
}

function bareLoop(): Contestant {
  const db = openConnection(fileFor('bare.db'));
  const inserts = bareInserts(db, 0);
  inserts.prepare(Array.from({ length: rows }, (_, number) => number));
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

const result: { store: number[]; bare: number[] } = { store: [], bare: [] };
for (let round = 0; round < Number(roundCount); round++) {
  const [store = 0, bare = 0] = await race([throughStore(), bareLoop()]);
  result.store.push(store);
  result.bare.push(bare);
}
for (const name of ['store.db', 'bare.db']) fileFor(name);
console.log(JSON.stringify(result));
