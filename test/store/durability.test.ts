/** Durability (RFC 7644 leaves it to the server; ours: no answer before the commit is on disk). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fdatasync, fdatasyncSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { type Disk, SyncPace, type WalSync, walOf, walSync } from '../../src/store/sqlite/durability.ts';
import { type GroupCommit, groupCommit } from '../../src/store/sqlite/group-commit.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { readSnapshot } from '../../src/store/sqlite/snapshot.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-wal-'));
after(() => rmSync(folder, { recursive: true }));

/** The system's disk, which notes when it has done its work, and takes as long as it is told, or until it is let go on, or fails. */
class SlowDisk implements Disk {
  milliseconds = 0;
  failure: NodeJS.ErrnoException | undefined;
  readonly done: string[] = [];
  #held = Promise.resolve();

  /** What it does in the thread pool is not done before the call of what this answers. */
  hold(): () => void {
    let release = (): void => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  sync(descriptor: number): void {
    if (this.failure !== undefined) throw this.failure;
    fdatasyncSync(descriptor);
    const end = performance.now() + this.milliseconds;
    while (performance.now() < end);
    this.done.push('on the spot');
  }

  syncInThread(descriptor: number, done: (error: Error | null) => void): void {
    fdatasync(descriptor, (error) => {
      const end = (): void => {
        this.done.push('in the thread pool');
        done(this.failure ?? error);
      };
      setTimeout(() => void this.#held.then(end), this.milliseconds);
    });
  }
}

/** One that takes no time but what it is told, which nobody would use for data. */
class NoDisk extends SlowDisk {
  override sync(): void {
    const end = performance.now() + this.milliseconds;
    while (performance.now() < end);
    this.done.push('on the spot');
  }

  override syncInThread(_: number, done: (error: Error | null) => void): void {
    const end = (): void => {
      this.done.push('in the thread pool');
      done(null);
    };
    if (this.milliseconds === 0) setImmediate(end);
    else setTimeout(end, this.milliseconds);
  }
}

interface Opened {
  readonly db: Database;
  readonly disk: SlowDisk;
  readonly wal: WalSync;
  readonly commit: GroupCommit;
  insert(name: string): Promise<unknown>;
  names(): unknown[];
}

let files = 0;

/** No snapshot to leave, and nothing to check. */
const unguarded = { beforeWrite() {}, check() {} };

function open(disk = new SlowDisk()): Opened {
  const file = join(folder, `${++files}.db`);
  const db = openConnection(file);
  db.pragma('synchronous = NORMAL');
  const wal = walSync(file, disk);
  const commit = groupCommit(db, wal, unguarded);
  const insert = db.prepare("INSERT INTO tenant (name, created) VALUES (?, 'now')");
  const names = db.prepare("SELECT name FROM tenant WHERE name <> 'default' ORDER BY number").pluck();
  return {
    db,
    disk,
    wal,
    commit,
    insert: (name) => commit.run(() => insert.run(name)),
    names: () => names.all(),
  };
}

test('a quick disk is waited for on the spot, and nothing is pending behind an acknowledged write', async () => {
  const { insert, disk, wal, commit, db } = open();
  await insert('a');
  assert.deepEqual(disk.done, ['on the spot']);
  assert.equal(wal.pending(), undefined);
  commit.close();
  db.close();
});

test('a slow disk is left to the thread pool, and no write is acknowledged before it has done its work', async () => {
  const { insert, names, disk, wal, commit, db } = open();
  disk.milliseconds = 100;
  await insert('slow');
  const release = disk.hold();
  const order: string[] = [];
  const write = insert('a').then(() => order.push('acknowledged'));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  // Committed, so that reads see it; but whoever answers them waits for this.
  assert.deepEqual(names(), ['slow', 'a']);
  const pending = wal.pending();
  assert.ok(pending !== undefined);
  const told = pending.then(() => order.push('on disk'));
  release();
  await told;
  await write;
  assert.deepEqual(order, ['on disk', 'acknowledged']);
  assert.deepEqual(disk.done, ['on the spot', 'in the thread pool']);
  assert.equal(wal.pending(), undefined);
  commit.close();
  db.close();
});

test('a quick disk is left to the thread pool where others have read in the same turn, and waited for all the same', async (t) => {
  // No sync takes any time, whatever a busy machine makes of it.
  t.mock.method(performance, 'now', () => 1000);
  const file = join(folder, `${++files}.db`);
  const db = openConnection(file);
  const disk = new SlowDisk();
  const wal = walSync(file, disk);
  const snapshot = readSnapshot(db, () => {}, 1000);
  const commit = groupCommit(db, wal, {
    ...{ othersRead: snapshot.othersRead, beforeWrite: snapshot.leave, check() {} },
  });
  const insert = db.prepare("INSERT INTO tenant (name, created) VALUES (?, 'now')");
  const count = db.prepare('SELECT count(*) FROM tenant').pluck();
  await commit.run(() => insert.run('a'));
  assert.deepEqual(disk.done, ['on the spot']);
  const read = (): unknown => snapshot.read(() => count.get());
  const write = commit.run(() => insert.run('b'));
  assert.deepEqual([read(), read()], [2, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(count.get(), 3, 'committed');
  assert.ok(wal.pending() !== undefined);
  await write;
  assert.deepEqual(disk.done, ['on the spot', 'in the thread pool']);
  // Who writes has read as well.
  assert.equal(read(), 3);
  await commit.run(() => insert.run('c'));
  assert.deepEqual(disk.done.slice(2), ['on the spot']);
  // Whose read came first has its transaction ended before the commit.
  assert.deepEqual([read(), read()], [4, 4]);
  await commit.run(() => insert.run('d'));
  assert.deepEqual(disk.done.slice(3), ['in the thread pool']);
  assert.equal(read(), 5);
  await commit.run(() => insert.run('e'));
  assert.deepEqual(disk.done.slice(4), ['on the spot']);
  snapshot.close();
  commit.close();
  db.close();
});

test('what nobody is kept waiting by is committed while nobody waits, and is on the disk with the next commit, or by itself in a moment', async () => {
  const { insert, names, disk, commit, db } = open();
  const write = db.prepare("INSERT INTO tenant (name, created) VALUES (?, 'now')");
  let settled = 0;
  const rides = ['a', 'b'].map((name) => commit.ride(() => write.run(name), 60_000).then(() => settled++));
  await until('both', () => names().length === 2);
  assert.deepEqual(names(), ['a', 'b']);
  assert.deepEqual([settled, disk.done.length], [0, 0], 'not on the disk yet');
  const before = commit.ride(() => write.run('c0'), 60_000);
  await Promise.all([insert('c'), before]);
  await Promise.all(rides);
  assert.deepEqual(names(), ['a', 'b', 'c0', 'c']);
  assert.equal(disk.done.length, 1, 'one sync for all');
  await commit.ride(() => write.run('d'), 1);
  assert.deepEqual(names(), ['a', 'b', 'c0', 'c', 'd']);
  const last = commit.ride(() => write.run('e'), 60_000);
  commit.close();
  await last;
  assert.deepEqual(names(), ['a', 'b', 'c0', 'c', 'd', 'e']);
  await assert.rejects(commit.ride(() => write.run('f'), 1));
  db.close();
});

test('what was committed while nobody waited is not told as done where the disk fails', async () => {
  const { insert, names, disk, commit, db } = open();
  const write = db.prepare("INSERT INTO tenant (name, created) VALUES (?, 'now')");
  await insert('a');
  const ride = commit.ride(() => write.run('b'), 60_000);
  ride.catch(() => {});
  await until('what rides', () => names().length === 2);
  disk.failure = Object.assign(new Error('i/o error'), { code: 'EIO' });
  await assert.rejects(insert('c'));
  await assert.rejects(ride);
  const late = commit.ride(() => write.run('d'), 1);
  await assert.rejects(late);
  commit.close();
  db.close();
});

test('what nobody is kept waiting by harms no command that it shares a commit with', async () => {
  const { insert, names, commit, db } = open();
  const failing = commit.ride(() => {
    throw new Error('no');
  }, 60_000);
  failing.catch(() => {});
  await insert('a');
  await assert.rejects(failing, /no/);
  assert.deepEqual(names(), ['a']);
  commit.close();
  db.close();
});

test('what another thread commits is durable when that thread says so, which is asked once for all that was seen', async () => {
  const file = join(folder, `${++files}.db`);
  const registry = standardRegistry();
  const writer = openSqliteStore({ file, registry });
  let asked = 0;
  let answer: () => void = () => {};
  let fails = false;
  const reader = openSqliteStore({
    file,
    registry,
    othersDurable: () => {
      asked++;
      if (fails) return Promise.reject(new Error('the disk failed'));
      return new Promise<void>((resolve) => {
        answer = resolve;
      });
    },
  });
  const read = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    await reader.tenants();
  };
  await writer.createTenant('a');
  await read();
  const [first, second] = [reader.durable(), reader.durable()];
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(asked, 1);
  let isDurable = false;
  void first.then(() => {
    isDurable = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isDurable, false);
  answer();
  await Promise.all([first, second]);
  assert.equal(reader.durable(), undefined);
  await read();
  assert.equal(reader.durable(), undefined, 'nothing new was seen');
  await writer.createTenant('b');
  await read();
  fails = true;
  await assert.rejects(Promise.resolve(reader.durable()), /the disk failed/);
  fails = false;
  const again = reader.durable();
  assert.ok(again !== undefined, 'it is asked again after a failure');
  answer();
  await again;
  await reader.close();
  await writer.close();
});

test('what is committed while the disk works goes to it together, afterwards', async () => {
  const { insert, names, disk, commit, db } = open();
  disk.milliseconds = 30;
  await insert('slow');
  const release = disk.hold();
  const first = insert('a');
  await until('the first commit', () => names().includes('a'));
  const second = insert('b');
  await until('the second', () => names().includes('b'));
  const third = insert('c');
  await until('the third', () => names().includes('c'));
  release();
  await first;
  assert.equal(disk.done.length, 2);
  await Promise.all([second, third]);
  assert.equal(disk.done.length, 3);
  commit.close();
  db.close();
});

/** So many syncs, one after the other, of a disk that takes as long as `takes` says; where each was waited for, and how long. */
function paced(pace: SyncPace, clock: { now: number }, count: number, takes: (index: number) => number) {
  const waited = { onTheSpot: 0, milliseconds: 0 };
  for (let index = 0; index < count; index++) {
    const milliseconds = takes(index);
    const isOnTheSpot = pace.isOnTheSpot(clock.now);
    // Two threads have to be woken for one in the pool.
    clock.now += milliseconds + (isOnTheSpot ? 0 : 0.3);
    if (isOnTheSpot) {
      waited.onTheSpot++;
      waited.milliseconds += milliseconds;
      pace.tookOnTheSpot(milliseconds, clock.now);
    } else pace.tookInPool(milliseconds + 0.3);
  }
  return waited;
}

test('a quick disk is waited for on the spot where every fourth sync takes long, since a processor is waited for', () => {
  const [pace, clock] = [new SyncPace(), { now: 1000 }];
  const { onTheSpot } = paced(pace, clock, 10_000, (index) => (index % 4 === 3 ? 3 : 0.2));
  assert.equal(onTheSpot, 10_000);
});

for (const milliseconds of [2, 10, 200]) {
  test(`a disk that takes ${milliseconds} ms holds up the event loop once, and where it was quick before no more than five times`, () => {
    const [pace, clock] = [new SyncPace(), { now: 1000 }];
    assert.equal(paced(pace, clock, 10_000, () => milliseconds).onTheSpot, 1);
    const later = new SyncPace();
    paced(later, clock, 1000, () => 0.1);
    const { onTheSpot } = paced(later, clock, 10_000, () => milliseconds);
    assert.ok(onTheSpot <= 5, `${onTheSpot} times`);
    if (milliseconds > 20) assert.equal(onTheSpot, 1);
  });
}

test('a disk that is slow by a little is tried again and again, which takes less than a hundredth of the time', () => {
  const [pace, clock] = [new SyncPace(), { now: 1000 }];
  const began = clock.now;
  const { onTheSpot, milliseconds } = paced(pace, clock, 100_000, () => 1.2);
  assert.ok(onTheSpot > 10, `${onTheSpot} times`);
  assert.ok(milliseconds < (clock.now - began) / 100, `${milliseconds} of ${clock.now - began} ms`);
});

test('a disk that was slow and is quick again is waited for on the spot within three seconds of writes', () => {
  for (const slow of [1, 10, 100]) {
    const [pace, clock] = [new SyncPace(), { now: 1000 }];
    paced(pace, clock, 5000, () => slow);
    paced(pace, clock, 3000 / 0.5, () => 0.2);
    assert.equal(paced(pace, clock, 1000, () => 0.2).onTheSpot, 1000, `after ${slow} ms`);
  }
});

test('after one sync that took very long a quick disk is waited for on the spot within a second', () => {
  const [pace, clock] = [new SyncPace(), { now: 1000 }];
  paced(pace, clock, 100, () => 0.2);
  paced(pace, clock, 1, () => 500);
  assert.equal(paced(pace, clock, 8, () => 0.2).onTheSpot, 0);
  paced(pace, clock, 1000, () => 0.2);
  assert.equal(paced(pace, clock, 100, () => 0.2).onTheSpot, 100);
});

test('a store on a slow disk goes back to waiting on the spot when the disk is quick again', async () => {
  const { insert, disk, commit, db } = open(new NoDisk());
  disk.milliseconds = 50;
  await insert('slow');
  disk.milliseconds = 0;
  const first = disk.done.length;
  await until('a sync on the spot', async () => {
    await insert(`${disk.done.length}`);
    return disk.done.slice(first).includes('on the spot');
  });
  commit.close();
  db.close();
});

for (const milliseconds of [0, 20]) {
  const kind = milliseconds === 0 ? 'quick' : 'slow';
  test(`a ${kind} disk that fails once is not believed again: nothing is acknowledged until the next start`, async () => {
    const { insert, names, disk, wal, commit, db } = open();
    disk.milliseconds = milliseconds;
    await insert('before');
    disk.failure = Object.assign(new Error('i/o error'), { code: 'EIO' });
    const refused = { name: 'StoreError', code: 'io', message: /EIO/, advice: /start the server again/ };
    await assert.rejects(insert('lost'), refused);
    disk.failure = undefined;
    await assert.rejects(insert('after'), refused);
    assert.ok(!names().includes('after'), 'what will not be acknowledged is not written');
    assert.equal(commit.isFailing(), true);
    assert.throws(() => wal.check(), refused);
    await assert.rejects(
      async () => wal.pending(),
      refused,
      'whoever read what may not be on disk is not answered',
    );
    commit.close();
    db.close();
  });
}

test('closing leaves the write that waits for the disk its time', async () => {
  const { insert, disk, commit, db } = open();
  disk.milliseconds = 20;
  await insert('slow');
  const write = insert('a');
  commit.close();
  db.close();
  await write;
  await assert.rejects(insert('b'), { code: 'closed' });
});

/** Reads in a snapshot of now for so many milliseconds. */
async function readElsewhere(file: string, milliseconds: number): Promise<void> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const db = require('better-sqlite3')(workerData.file);
    db.exec('BEGIN');
    db.prepare('SELECT count(*) FROM tenant').get();
    parentPort.postMessage('reads');
    setTimeout(() => db.close(), workerData.milliseconds);
  `;
  await once(new Worker(source, { eval: true, workerData: { file, milliseconds } }), 'message');
}

for (const [who, read] of [
  ['this connection', () => {}],
  ['another one', (file) => readElsewhere(file, 300)],
] as [string, (file: string) => unknown][])
  test(`a WAL that was removed while ${who} reads: all that was acknowledged is in the database`, {
    skip: process.platform === 'win32',
  }, async () => {
    const file = join(folder, `${++files}.db`);
    const db = openConnection(file);
    const snapshot = readSnapshot(db, () => {}, 1000);
    const wal = walOf(db, snapshot.leave);
    const commit = groupCommit(db, wal, { ...unguarded, beforeWrite: snapshot.leave });
    const insert = db.prepare("INSERT INTO tenant (name, created) VALUES (?, 'now')");
    const count = db.prepare('SELECT count(*) FROM tenant');
    await commit.run(() => insert.run('a'));
    await read(file);
    await commit.run(() => insert.run('b'));
    rmSync(`${file}-wal`);
    snapshot.read(() => count.get());
    await assert.rejects(async () => wal.sync(), /was removed while the server runs/);
    // As it is where the process ends now.
    const copy = join(folder, `${files}-copy.db`);
    writeFileSync(copy, readFileSync(file));
    const after = openConnection(copy);
    assert.equal(after.prepare("SELECT count(*) FROM tenant WHERE name IN ('a', 'b')").pluck().get(), 2);
    after.close();
    commit.close();
    db.close();
  });
