/** What every store must do, whatever it is made of. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { StoredResource } from '../../src/store/store.ts';
import { accessContract } from './contract-access.ts';
import { budgetContract } from './contract-budgets.ts';
import { changeContract } from './contract-changes.ts';
import { edgeContract } from './contract-edges.ts';
import { pastContract } from './contract-past.ts';
import { readContract } from './contract-reads.ts';
import { restoreContract } from './contract-restore.ts';
import { restoredContract } from './contract-restored.ts';
import { tenancyContract } from './contract-tenancy.ts';
import { unitContract } from './contract-units.ts';
import { badgeUri, userDocument } from './registry.ts';
import { actor, type Open, Setting } from './setting.ts';
import { changeOf, create, createdBy, RefusedWrite, remove, update } from './writes.ts';

/** The errors with which these promises were rejected. */
async function failures(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

function isTaken(path: string, value: unknown): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RefusedWrite);
    assert.deepEqual(error.refusal, { outcome: 'taken', command: 0, path, value });
    return true;
  };
}

/**
 * Registers the contract's tests for the stores that `open` opens; each test has a store of its own. Where memberships
 * refer to rows, a group keeps no members that are not there; where time alone limits a request, values are not counted;
 * where a list is no snapshot, its total may be of another moment than its page.
 */
export function storeContract(name: string, open: Open, { keepsStrangers = true, counts = true } = {}): void {
  let s: Setting;
  const fresh = (tests: () => void) => () => {
    beforeEach(async () => {
      s = await Setting.open(open);
    });
    afterEach(() => s.store.close());
    tests();
  };

  describe(
    `${name}: creation`,
    fresh(() => {
      test('assigns an id behind schemas, version 1 and equal created and lastModified (RFC 7643 §3.1)', async () => {
        const created = await s.createUser('bjensen');
        assert.match(created.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.deepEqual(created, {
          id: created.id,
          type: 'User',
          version: 1,
          created: '2026-01-02T03:04:05.678Z',
          modified: '2026-01-02T03:04:05.678Z',
          body: JSON.stringify({ ...userDocument('bjensen') }).replace(
            ',"userName"',
            `,"id":"${created.id}","userName"`,
          ),
          grouped: false,
        });
        assert.deepEqual(await s.get(created), created);
      });

      test('gives every resource an id of its own, later ones sorting behind earlier ones', async () => {
        const users = await Promise.all(Array.from({ length: 300 }, (_, i) => s.createUser(`u${i}`)));
        assert.equal(new Set(users.map(({ id }) => id)).size, 300);
        const names = Array.from({ length: 300 }, (_, i) => s.unit(s.newUser(`v${i}`)));
        const ids = (await s.store.commit(names)).map((outcome) => createdBy(outcome).id);
        assert.deepEqual(ids, [...ids].sort());
        assert.ok(users.every(({ id }) => id < (ids[0] ?? '')));
      });

      test('an import may give the id; one that is in use, or that says bulkId, is refused', async () => {
        const { tenant, user: type } = s;
        const creation = async (id: string, userName: string) =>
          create(s.store, { tenant, type, actor, document: userDocument(userName), id });
        assert.equal((await creation('2819c223', 'a')).id, '2819c223');
        await assert.rejects(creation('2819c223', 'b'), isTaken('id', '2819c223'));
        await assert.rejects(creation('bulkId:1', 'c'), { refusal: { outcome: 'invalid-id', command: 0 } });
      });

      test('userName is unique whatever the letter case, also in other scripts', async () => {
        await s.createUser('Ärger');
        await assert.rejects(s.createUser('äRGER'), isTaken('userName', 'äRGER'));
        assert.equal((await s.list({ targets: [{ type: s.user }] })).total, 1);
      });

      test('a displayName in use is refused where the command says so, by its key, and only if it is new', async () => {
        const { tenant, group: type } = s;
        const document = (displayName: string) => ({ schemas: [type.schema.id], displayName });
        const createGroup = (displayName: string, uniqueDisplayName = true) =>
          create(s.store, { tenant, type, actor, document: document(displayName), uniqueDisplayName });
        const rename = async (group: StoredResource, displayName: string) => {
          const before = JSON.parse(group.body);
          const change = changeOf(type, before, { ...before, displayName });
          const command = { operation: 'replace', document: change } as const;
          return update(s.store, { ...s.target(group), ...command, uniqueDisplayName: true });
        };
        const first = await createGroup('Ärzte');
        const taken = isTaken('displayName', 'ÄRZTE');
        await assert.rejects(createGroup('ÄRZTE'), taken);
        const namesake = await createGroup('ärzte', false);
        const other = await createGroup('Other');
        await assert.rejects(rename(other, 'ÄRZTE'), taken);
        assert.equal((await rename(namesake, 'ÄRZTE')).outcome, 'updated');
        const results = await Promise.allSettled([createGroup('New'), createGroup('new')]);
        assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
        await assert.rejects(rename(other, 'NEW'), isTaken('displayName', 'NEW'));
        await remove(s.store, s.target(first));
        assert.equal((await s.list({ targets: [{ type }] })).total, 3);
        await s.createUser('a', { displayName: 'Other' });
      });

      test('a configured attribute with uniqueness server is unique by its own letter case', async () => {
        const badge = (number: string) => ({ [badgeUri]: { number } });
        await s.createUser('a', badge('N1'));
        await s.createUser('b', badge('n1'));
        await assert.rejects(s.createUser('c', badge('N1')), isTaken(`${badgeUri}:number`, 'N1'));
        assert.deepEqual(await s.find(`userName eq "c"`), []);
      });

      test('a unique value is free again once its owner has changed or is deleted', async () => {
        const a = await s.createUser('a', { [badgeUri]: { number: 'N1' } });
        await s.change(a, { userName: 'b', [badgeUri]: { number: 'N2' } });
        const c = await s.createUser('a', { [badgeUri]: { number: 'N1' } });
        await remove(s.store, s.target(c));
        await s.createUser('a', { [badgeUri]: { number: 'N1' } });
      });

      test('the password hash is kept apart from the document', async () => {
        const { tenant, user: type } = s;
        const created = await create(s.store, {
          tenant,
          type,
          actor,
          document: userDocument('a'),
          credential: '$scrypt$1',
        });
        assert.equal(await s.store.credential(tenant, created.id), '$scrypt$1');
        assert.doesNotMatch(created.body, /scrypt/);
        const command = { ...s.target(created), operation: 'patch' } as const;
        assert.equal((await update(s.store, { ...command, credential: '$scrypt$2' })).outcome, 'updated');
        assert.equal(await s.store.credential(tenant, created.id), '$scrypt$2');
        assert.equal((await update(s.store, { ...command, credential: null })).outcome, 'updated');
        assert.equal(await s.store.credential(tenant, created.id), undefined);
        assert.equal((await update(s.store, { ...command, credential: null })).outcome, 'unchanged');
      });
    }),
  );

  describe(
    `${name}: change`,
    fresh(() => {
      test('counts the version up and is found by its new values only', async () => {
        const created = await s.createUser('a', { [enterpriseUserSchema]: { department: 'Sales' } });
        s.now += 5;
        const result = await s.change(created, {
          userName: 'b',
          displayName: 'B',
          active: false,
          emails: [{ value: 'new@work.example', type: 'work' }],
          [enterpriseUserSchema]: { department: 'Tours' },
          [badgeUri]: { floor: 3, doors: [{ value: 'D1', level: 2, wings: ['North', 'South'] }] },
        });
        assert.equal(result.outcome, 'updated');
        assert.ok('resource' in result);
        assert.deepEqual(
          [result.resource.version, result.resource.created, result.resource.modified],
          [2, '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.683Z'],
        );
        assert.deepEqual(await s.get(created), result.resource);
        const now = [
          'userName eq "B"',
          'displayName eq "b"',
          'active eq false',
          'emails.value eq "NEW@work.example"',
          `${enterpriseUserSchema}:department eq "tours"`,
          `${badgeUri}:floor ge 3`,
          `${badgeUri}:doors[value eq "d1" and level eq 2 and wings eq "south"]`,
          'meta.lastModified eq "2026-01-02T03:04:05.683Z"',
          'meta.version eq "W/\\"2\\""',
        ];
        const before = [
          'userName eq "a"',
          'active eq true',
          'emails.value co "home"',
          `${enterpriseUserSchema}:department eq "sales"`,
          'meta.lastModified le "2026-01-02T03:04:05.678Z"',
        ];
        for (const filter of now) assert.deepEqual(await s.find(filter), [created.id], filter);
        for (const filter of before) assert.deepEqual(await s.find(filter), [], filter);
      });

      test('lastModified moves forward within one millisecond and when the clock goes back', async () => {
        const created = await s.createUser('a');
        await s.change(created, { title: 'one' });
        s.now -= 3_600_000;
        const second = await s.get(created);
        assert.equal(second?.modified, '2026-01-02T03:04:05.679Z');
        await s.change(second, { title: 'two' });
        assert.equal((await s.get(created))?.modified, '2026-01-02T03:04:05.680Z');
      });

      test('lastModified moves forward from one second to the next, and over a whole tenth', async () => {
        s.now = Date.parse('2026-01-02T03:04:59.998Z');
        const created = await s.createUser('a');
        const times: unknown[] = [];
        for (const title of ['one', 'two', 'three']) {
          await s.change((await s.get(created)) ?? created, { title });
          times.push((await s.get(created))?.modified);
        }
        assert.deepEqual(times, [
          '2026-01-02T03:04:59.999Z',
          '2026-01-02T03:05:00.000Z',
          '2026-01-02T03:05:00.001Z',
        ]);
        s.now = Date.parse('2026-01-02T03:05:00.099Z');
        const other = await s.createUser('b');
        await s.change(other, { title: 'one' });
        assert.equal((await s.get(other))?.modified, '2026-01-02T03:05:00.100Z');
        assert.deepEqual(await s.find('meta.lastModified eq "2026-01-02T03:05:00.1Z"'), [other.id]);
      });

      test('without effect leaves version, lastModified and the change log alone', async () => {
        const created = await s.createUser('a');
        s.now += 10;
        const reordered = Object.fromEntries(Object.entries(JSON.parse(created.body)).reverse());
        const result = await s.change(created, reordered);
        assert.deepEqual(result, { outcome: 'unchanged', resource: created });
        assert.equal((await s.store.changes({ tenant: 1, limit: 10 })).length, 1);
      });

      test('of another version than expected is a conflict and changes nothing (compare and swap)', async () => {
        const created = await s.createUser('a');
        await s.change(created, { title: 'one' });
        const late = await s.change(created, { title: 'late' });
        assert.deepEqual(late, { outcome: 'conflict' });
        assert.deepEqual(await remove(s.store, { ...s.target(created), expected: 1 }), {
          outcome: 'conflict',
        });
        assert.deepEqual(await s.find('title eq "one"'), [created.id]);
      });

      test('of the same version at the same time: one wins, the others conflict', async () => {
        const created = await s.createUser('a');
        const results = await Promise.all(['x', 'y', 'z'].map((title) => s.change(created, { title })));
        assert.deepEqual(results.map(({ outcome }) => outcome).sort(), ['conflict', 'conflict', 'updated']);
      });

      test('to a taken userName is refused and changes nothing', async () => {
        await s.createUser('a');
        const b = await s.createUser('b');
        await assert.rejects(s.change(b, { userName: 'A', title: 'x' }), isTaken('userName', 'A'));
        assert.deepEqual(await s.get(b), b);
      });

      test('of a resource that is not there, or is of another type, is missing', async () => {
        const user = await s.createUser('a');
        const command = {
          tenant: s.tenant,
          type: s.group,
          id: user.id,
          actor,
          operation: 'patch',
        } as const;
        assert.deepEqual(await update(s.store, command), { outcome: 'missing' });
        assert.deepEqual(await remove(s.store, { ...command, id: 'nobody' }), { outcome: 'missing' });
        assert.equal(await s.store.get({ tenant: s.tenant, type: s.group, id: user.id }), undefined);
      });
    }),
  );

  describe(
    `${name}: deletion`,
    fresh(() => {
      test('takes everything of the resource with it', async () => {
        const user = await s.createUser('a');
        const keeper = await s.createUser('b');
        assert.deepEqual(await remove(s.store, s.target(user)), { outcome: 'deleted' });
        assert.equal(await s.get(user), undefined);
        assert.deepEqual(await s.find('emails.value pr'), [keeper.id]);
        assert.equal((await s.list({ targets: [{ type: s.user }], limit: 0 })).total, 1);
        assert.deepEqual(await remove(s.store, s.target(user)), { outcome: 'missing' });
      });
    }),
  );

  describe(
    `${name}: commands at the same time`,
    fresh(() => {
      test('a failing command among good ones takes back only itself', async () => {
        const names = ['a', 'b', 'A', 'c', 'B', 'd'];
        const outcomes = await s.store.commit(names.map((userName) => s.unit(s.newUser(userName))));
        assert.deepEqual(
          outcomes.filter(({ outcome }) => outcome !== 'done'),
          ['A', 'B'].map((value) => ({ outcome: 'taken', command: 0, path: 'userName', value })),
        );
        const page = await s.list({ targets: [{ type: s.user }] });
        assert.deepEqual(
          page.resources.map(({ body }) => JSON.parse(body).userName),
          ['a', 'b', 'c', 'd'],
        );
        assert.equal((await s.store.changes({ tenant: 1, limit: 10 })).length, 4);
      });

      test('a command that fails after it has written leaves nothing of it', async () => {
        const user = await s.createUser('a', { [badgeUri]: { number: 'N1' } });
        await failures([
          s.createUser('b', { [badgeUri]: { number: 'N1' } }),
          s.createGroup('g', [user.id]),
          s.createUser('c'),
        ]);
        assert.deepEqual(await s.find('emails.value sw "b"'), []);
        assert.deepEqual(await s.groupsOf(user), ['g direct']);
        assert.equal((await s.list({ targets: [{ type: s.user }], limit: 0 })).total, 2);
      });

      test('whoever was told of a write reads it', async () => {
        for (let round = 0; round < 20; round++) {
          const created = await s.createUser(`u${round}`);
          assert.deepEqual(await s.get(created), created);
          assert.equal((await s.list({ targets: [{ type: s.user }], limit: 0 })).total, round + 1);
        }
      });

      test('what waits at the end is still written', async () => {
        const waiting = s.createUser('a');
        await s.store.close();
        assert.equal((await waiting).version, 1);
        await assert.rejects(s.createUser('b'), { name: 'StoreError', code: 'closed' });
      });
    }),
  );

  describe(
    `${name}: units`,
    fresh(() => unitContract(() => s)),
  );
  describe(
    `${name}: reads`,
    fresh(() => readContract(() => s)),
  );
  if (counts)
    describe(
      `${name}: budgets`,
      fresh(() => budgetContract(() => s)),
    );
  describe(
    `${name}: edges`,
    fresh(() => edgeContract(() => s, keepsStrangers)),
  );
  describe(
    `${name}: changes`,
    fresh(() => changeContract(() => s, keepsStrangers)),
  );
  describe(
    `${name}: the past`,
    fresh(() => pastContract(() => s)),
  );
  describe(
    `${name}: a restored database`,
    fresh(() => restoredContract(() => s)),
  );
  describe(
    `${name}: restoration and erasure`,
    fresh(() => restoreContract(() => s, keepsStrangers)),
  );
  describe(
    `${name}: access`,
    fresh(() => accessContract(() => s)),
  );
  describe(
    `${name}: tenants and tokens`,
    fresh(() => tenancyContract(() => s, keepsStrangers)),
  );
}
