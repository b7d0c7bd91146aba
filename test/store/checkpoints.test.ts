/** Checkpoints of the WAL: when what was committed is copied into the database, and that the WAL has a bound. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { Database } from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { type Checkpoints, checkpoints } from '../../src/store/sqlite/checkpoints.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { walOf } from '../../src/store/sqlite/durability.ts';
import { groupCommit } from '../../src/store/sqlite/group-commit.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { countThreads } from '../threads.ts';
import { until } from '../until.ts';
import { runWithoutThreads } from './without-threads.ts';

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
  const { committed } = checkpoints(db);
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

interface WrittenInTurn {
  readonly file: string;
  readonly db: Database;
  readonly copies: Checkpoints;
  /** Commits some frames, of rows that are new. */
  write(): Promise<unknown>;
  /** Writes until a copy is under way in the thread. */
  writeUntilCopied(): Promise<void>;
  readonly close: () => Promise<void>;
}

/** A connection whose WAL a thread may copy. */
function openBesideThread(idle?: number): WrittenInTurn {
  const file = newFile();
  const db = openConnection(file);
  db.exec('CREATE TABLE filler (bytes BLOB)');
  const wal = walOf(db, () => {});
  const copies = checkpoints(db, { file, check: wal.checkFile, idle });
  const commit = groupCommit(db, wal, { beforeWrite() {}, check() {}, copies });
  const insert = db.prepare('INSERT INTO filler VALUES (randomblob(40000))');
  const write = () => commit.run(() => insert.run());
  return {
    ...{ file, db, copies, write },
    async writeUntilCopied() {
      await until(
        'a copy in the thread',
        async () => {
          await write();
          return copies.isUnderWay();
        },
        0,
      );
    },
    async close() {
      await commit.close();
      await copies.close();
      db.close();
    },
  };
}

test('under load a thread copies the WAL, which begins anew all the same; what is rarely written has none', async () => {
  const threads = countThreads();
  const { db, copies, write, writeUntilCopied, close } = openBesideThread();
  try {
    for (let count = 0; count < 110; count++) await write();
    assert.ok(state(db).frames < 1000, 'copied here');
    assert.equal(threads.begun, 0);
    await writeUntilCopied();
    let [restarts, most, before] = [0, 0, 0];
    for (let count = 0; count < 2000; count++) {
      await write();
      const { frames } = state(db);
      if (frames < before) restarts++;
      most = Math.max(most, frames);
      before = frames;
    }
    assert.ok(restarts > 10, `${restarts} times anew`);
    assert.ok(most < 2500, `${most} frames`);
    assert.ok(!copies.hasFailed());
    assert.equal(threads.begun, 1);
  } finally {
    await close();
    threads.stop();
  }
});

test('the thread ends when nothing was copied for a while, and begins again', async () => {
  const threads = countThreads();
  const { writeUntilCopied, close } = openBesideThread(300);
  try {
    for (const turn of [1, 2]) {
      await writeUntilCopied();
      await until('the end of the thread', () => threads.ended >= turn);
    }
  } finally {
    await close();
    threads.stop();
  }
});

test('closing while a copy is under way leaves nothing beside the file', async () => {
  const { file, writeUntilCopied, close } = openBesideThread();
  await writeUntilCopied();
  await close();
  assert.deepEqual([existsSync(`${file}-wal`), existsSync(`${file}-shm`)], [false, false]);
});

test('a WAL that was removed while a copy is under way: all that was acknowledged is in the database', {
  skip: process.platform === 'win32',
}, async () => {
  const { file, db, write, writeUntilCopied, close } = openBesideThread();
  await writeUntilCopied();
  const all = db.prepare('SELECT count(*) FROM filler').pluck();
  const written = all.get();
  rmSync(`${file}-wal`);
  await assert.rejects(write(), { code: 'cannot-open' });
  // As it is where the process ends now.
  const copy = newFile();
  writeFileSync(copy, readFileSync(file));
  const after = openConnection(copy);
  assert.ok(Number(after.prepare('SELECT count(*) FROM filler').pluck().get()) >= Number(written));
  after.close();
  await close();
});

/** Of this process: the largest file that it may write, in bytes. */
const limitFiles = (size: number | 'unlimited'): boolean =>
  spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${size}:`]).status === 0;

test('a thread that cannot copy: it shows, the next write is told why, and all goes on when it can be done again', {
  skip: !limitFiles('unlimited'),
}, async () => {
  const { file, copies, write, writeUntilCopied, close } = openBesideThread();
  await writeUntilCopied();
  await until(
    'a database of some size',
    async () => {
      await write();
      return statSync(file).size > 12_000_000;
    },
    0,
  );
  try {
    // The WAL has room for more, the database has none.
    assert.ok(limitFiles(statSync(file).size));
    await assert.rejects(
      async () => {
        for (;;) await write();
      },
      { code: 'io' },
    );
    assert.ok(copies.hasFailed());
  } finally {
    assert.ok(limitFiles('unlimited'));
  }
  await write();
  assert.ok(!copies.hasFailed());
  await writeUntilCopied();
  await close();
});

test('where no thread may be made, the WAL is copied all the same', () => {
  const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const program = `
    import { statSync } from 'node:fs';
    import { standardRegistry } from ${module('scim/standard.ts')};
    import { openSqliteStore } from ${module('store/sqlite/index.ts')};
    const registry = standardRegistry();
    const [type] = registry.resourceTypes;
    const file = ${JSON.stringify(newFile())};
    const store = openSqliteStore({ file, registry });
    for (let count = 0; count < 300; count++)
      await store.commit([{
        tenant: 1,
        context: { actor: { kind: 'system' } },
        commands: [{ kind: 'create', type, document: { schemas: [], userName: 'u' + count, title: 'x'.repeat(40_000) } }],
      }]);
    console.log(statSync(file + '-wal').size < ${1200 * frame});
    await store.close();`;
  const { stdout, stderr } = runWithoutThreads(program);
  assert.equal(stdout, 'true\n', stderr);
  assert.equal(
    stderr.match(/CheckpointThreadFailure: the checkpoint thread cannot begin/g)?.length,
    1,
    stderr,
  );
});
