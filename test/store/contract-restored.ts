/** What a restored database does not give out again, and what it says of that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesBehind, gapAt, leastLeap } from '../../src/store/restored.ts';
import { actor, type Setting } from './setting.ts';

export function restoredContract(setting: () => Setting): void {
  const all = async (tenant = 1) => setting().store.changes({ tenant, limit: 1000 });
  const newest = async (tenant = 1) => (await setting().store.changeRange(tenant)).newest;

  test('the record goes on far behind, and says after which change; the chain holds, and knows the gap', async () => {
    const s = setting();
    await s.createUsers('a', 'b');
    const link = (await all()).at(-1)?.link ?? '';
    s.now += 1000;
    assert.ok((await s.store.noteRestored(actor)) >= 1);
    s.now += 1000;
    await s.createUsers('c');
    const changes = await all();
    const [, , restored, behind] = changes;
    assert.equal(restored?.sequence, (s.now - 1000) * 100);
    assert.equal(behind?.sequence, restored.sequence + 1);
    assert.deepEqual(restored.notice, { event: 'database.restored', data: { kept: 2 } });
    assert.deepEqual([restored.type, restored.actor], ['Database', actor]);

    const report = await s.store.past.verify({ tenant: 1 });
    const gap = { kept: 2, next: restored.sequence };
    assert.deepEqual([report.problems, report.changes, report.gaps], [[], 4, [gap]]);
    assert.equal(report.head?.sequence, behind.sequence);
    assert.deepEqual(
      (await s.store.past.verify({ tenant: 1, expected: { sequence: 2, link } })).problems,
      [],
      'a head that was noted before the backup still holds',
    );
    const lost = await s.store.past.verify({ tenant: 1, expected: { sequence: 3, link } });
    assert.match(
      lost.problems[0]?.problem ?? '',
      /the database was restored, and what came after change 2 is gone/,
    );

    const at = async (milliseconds: number) => s.store.past.sequenceAt(1, new Date(s.now + milliseconds));
    assert.deepEqual(
      [await at(-3000), await at(-1500), await at(-500), await at(0)],
      [0, 2, restored.sequence, behind.sequence],
    );
    assert.equal((await s.store.past.state({ tenant: 1, sequence: 2 }))?.resources.size, 2);
    assert.equal((await s.store.past.state({ tenant: 1 }))?.resources.size, 3);
  });

  test('a number of the gap is known as one, and none is counted', async () => {
    const s = setting();
    await s.createUsers('a', 'b');
    await s.store.noteRestored(actor);
    await s.createUsers('c');
    const end = await newest();
    const at = (sequence: number) => gapAt((asked) => s.store.changes(asked), 1, sequence, end);
    const gap = { kept: 2, next: end - 1 };
    assert.deepEqual([await at(0), await at(1), await at(2)], [undefined, undefined, undefined]);
    assert.deepEqual([await at(3), await at(4000), await at(end - 2)], [gap, gap, gap]);
    assert.deepEqual([await at(end - 1), await at(end)], [undefined, undefined]);
    const behind = (sequence: number) => changesBehind((asked) => s.store.changes(asked), 1, sequence, end);
    assert.deepEqual(
      [await behind(0), await behind(2), await behind(4000), await behind(end - 1), await behind(end)],
      [4, 2, 2, 1, 0],
    );
  });

  test('restored again it goes on behind all that was given out in between, also without a clock that goes on', async () => {
    const s = setting();
    await s.createUsers('a');
    await s.store.noteRestored(actor);
    const first = await newest();
    s.now += 60_000;
    await s.store.noteRestored(actor);
    const second = await newest();
    assert.equal(second, s.now * 100);
    s.now -= 3_600_000;
    await s.store.noteRestored(actor);
    assert.equal(await newest(), second + leastLeap);
    const report = await s.store.past.verify({ tenant: 1 });
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.gaps, [
      { kept: 1, next: first },
      { kept: first, next: second },
      { kept: second, next: second + leastLeap },
    ]);
    const changes = (asked: Parameters<typeof s.store.changes>[0]) => s.store.changes(asked);
    assert.equal(await changesBehind(changes, 1, 0, await newest()), 4);
    assert.equal((await gapAt(changes, 1, first + 7, await newest()))?.kept, first);
  });

  test('retention takes what is before the gap, and then the gap', async () => {
    const s = setting();
    await s.createUsers('a', 'b');
    s.now += 60_000;
    await s.store.noteRestored(actor);
    s.now += 60_000;
    await s.createUsers('c');
    await s.store.pruneChanges(new Date(s.now - 90_000), 100);
    assert.deepEqual((await s.store.past.verify({ tenant: 1 })).gaps.length, 1);
    assert.equal((await s.store.changeRange(1)).oldest, 3);
    assert.equal((await gapAt((asked) => s.store.changes(asked), 1, 3, await newest()))?.kept, 2);
    await s.store.pruneChanges(new Date(s.now - 30_000), 100);
    const report = await s.store.past.verify({ tenant: 1 });
    assert.deepEqual([report.problems, report.gaps, report.changes], [[], [], 1]);
    assert.equal((await s.store.changeRange(1)).oldest, await newest());
  });

  test('a tenant that is made later begins behind all that one of its name had; else at its beginning', async () => {
    const s = setting();
    const early = await s.store.createTenant('early');
    assert.deepEqual(await s.store.changeRange(early.number), { oldest: 1, newest: 0 });
    const count = await s.store.noteRestored(actor);
    assert.equal(count, (await s.store.tenants()).length);
    assert.deepEqual(
      (await all(early.number)).map(({ notice }) => notice?.data),
      [{ kept: 0 }],
    );
    const late = await s.store.createTenant('late');
    assert.deepEqual(await s.store.changeRange(late.number), {
      oldest: s.now * 100 + 1,
      newest: s.now * 100,
    });
    s.tenant = late.number;
    await s.createUsers('x');
    assert.equal(await newest(late.number), s.now * 100 + 1);
    const report = await s.store.past.verify({ tenant: late.number });
    assert.deepEqual([report.problems, report.changes, report.gaps], [[], 1, []]);
  });
}
