/** Checkpoints of the WAL: when what was committed is copied into the database, and that the WAL has a bound. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { Database } from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { checkpoints } from '../../src/store/sqlite/checkpoints.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-checkpoints-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);

/** A page of the WAL with its header. */
const frame = 4096 + 24;

interface Written {
  readonly file: string;
  readonly db: Database;
  /** Commits some frames. */
  write(): void;
}

function open(t: TestContext): Written {
  const file = newFile();
  const db = openConnection(file);
  t.after(() => db.close());
  db.exec('CREATE TABLE filler (number INTEGER PRIMARY KEY, bytes BLOB)');
  db.pragma('wal_checkpoint(TRUNCATE)');
  const insert = db.prepare('INSERT OR REPLACE INTO filler VALUES (?, randomblob(40000))');
  const committed = checkpoints(db);
  let number = 0;
  return {
    ...{ file, db },
    write() {
      insert.run(number++ % 100);
      committed();
    },
  };
}

/** How many frames the WAL has, and how many of them are in the database. */
function state(db: Database): { frames: number; copied: number } {
  const [row] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  return { frames: row?.log ?? 0, copied: row?.checkpointed ?? 0 };
}

test('where nobody reads on, the WAL begins anew after a thousand frames', (t) => {
  const { file, db, write } = open(t);
  let most = 0;
  for (let count = 0; count < 1000; count++) {
    write();
    most = Math.max(most, state(db).frames);
  }
  assert.ok(most >= 1000 && most < 1100, `${most} frames`);
  assert.ok(statSync(`${file}-wal`).size < 1200 * frame);
});

test('while snapshots follow one another it is copied after every thousand frames, not with every commit, and begins anew when they have ended', (t) => {
  const { file, db, write } = open(t);
  const readers = [openConnection(file), openConnection(file)];
  t.after(() => readers.map((reader) => reader.close()));
  const begin = (reader: Database | undefined): void => {
    reader?.exec('BEGIN');
    reader?.prepare('SELECT count(*) FROM filler').get();
  };
  begin(readers[0]);
  let [copies, before] = [0, 0];
  for (let count = 0; count < 600; count++) {
    write();
    const { copied } = state(db);
    if (copied !== before) copies++;
    before = copied;
    // There is always one.
    begin(readers[(count + 1) % 2]);
    readers[count % 2]?.exec('COMMIT');
  }
  const { frames, copied } = state(db);
  assert.ok(frames > 5000, `${frames} frames`);
  assert.ok(copied > frames - 2100, `${copied} of ${frames} frames`);
  assert.ok(copies <= frames / 1000, `${copies} copies of ${frames} frames`);
  for (const reader of readers) if (reader.inTransaction) reader.exec('COMMIT');
  for (let count = 0; count < 250; count++) write();
  assert.ok(state(db).frames < 2100, `${state(db).frames} frames`);
});

test('the WAL of a store has a bound, whatever is written', async () => {
  const file = newFile();
  const store = openSqliteStore({ file, registry: standardRegistry() });
  const type = store.registry.resourceTypes.find(({ name }) => name === 'User');
  assert.ok(type !== undefined);
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  for (let count = 0; count < 500; count++)
    await store.commit([
      {
        ...{ tenant: 1, context: { actor: { kind: 'import' } } },
        commands: [{ kind: 'create', type, document: { schemas, userName: `${count}@example.com` } }],
      },
    ]);
  const { size } = statSync(`${file}-wal`);
  assert.ok(size < 1200 * frame, `${size} bytes`);
  await store.close();
});
