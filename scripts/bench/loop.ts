/**
 * The store by itself against a bare loop of the same statements, commit for commit, without HTTP:
 * `loop.ts FOLDER ROWS LANES ROUNDS` prints microseconds a row, each round of one and of the other.
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
const file = join(folder, 'loop.db');

function clean(): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
}

async function throughStore(): Promise<number> {
  clean();
  const registry = standardRegistry();
  const store = openSqliteStore({ file, registry });
  const type = registry.resourceTypes[0];
  if (type === undefined) throw new Error('no users in the registry');
  const documents = Array.from({ length: rows }, (_, number) => userDocument(number));
  const actor = { token: userId(0), origin: 'http' };
  let next = 0;
  const started = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (;;) {
        const document = documents[next++];
        if (document === undefined) return;
        await store.create({ tenant: 1, type, actor, document });
      }
    }),
  );
  const took = Number(process.hrtime.bigint() - started) / 1000;
  await store.close();
  return took / rows;
}

function bareLoop(): number {
  clean();
  const db = openConnection(file);
  const inserts = bareInserts(db, 0);
  const numbers = Array.from({ length: rows }, (_, number) => number);
  inserts.prepare(numbers);
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const started = process.hrtime.bigint();
  for (let first = 0; first < rows; first += lanes) {
    begin.run();
    for (let n = first; n < Math.min(rows, first + lanes); n++) inserts.insert(n);
    commit.run();
  }
  const took = Number(process.hrtime.bigint() - started) / 1000;
  db.close();
  return took / rows;
}

const result: { store: number[]; bare: number[] } = { store: [], bare: [] };
for (let round = 0; round < Number(roundCount); round++) {
  result.bare.push(bareLoop());
  result.store.push(await throughStore());
}
clean();
console.log(JSON.stringify(result));
