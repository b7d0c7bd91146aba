/** What every store must do, whatever it is made of. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ScimError } from '../../src/error.ts';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { StoredResource } from '../../src/store/store.ts';
import { edgeContract } from './contract-edges.ts';
import { readContract } from './contract-reads.ts';
import { tenancyContract } from './contract-tenancy.ts';
import { badgeUri, userDocument } from './registry.ts';
import { actor, type Open, Setting } from './setting.ts';

/** The errors with which these promises were rejected. */
async function failures(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

function isTaken(detail: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ScimError);
    assert.equal(error.status, 409);
    assert.equal(error.scimType, 'uniqueness');
    assert.equal(error.message, detail);
    return true;
  };
}

/** Registers the contract's tests for the stores that `open` opens; each test has a store of its own. */
export function storeContract(name: string, open: Open): void {
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
        const ids = users.map(({ id }) => id);
        assert.equal(new Set(ids).size, 300);
        assert.deepEqual(ids, [...ids].sort());
      });

      test('an import may give the id; one that is in use, or that says bulkId, is refused', async () => {
        const { tenant, user: type } = s;
        const create = async (id: string, userName: string) =>
          s.store.create({ tenant, type, actor, document: userDocument(userName), id });
        assert.equal((await create('2819c223', 'a')).id, '2819c223');
        await assert.rejects(create('2819c223', 'b'), isTaken('id "2819c223" is already in use'));
        await assert.rejects(create('bulkId:1', 'c'), { status: 400, scimType: 'invalidValue' });
      });

      test('userName is unique whatever the letter case, also in other scripts', async () => {
        await s.createUser('Ärger');
        await assert.rejects(s.createUser('äRGER'), isTaken('userName "äRGER" is already in use'));
        assert.equal((await s.list({ targets: [{ type: s.user }] })).total, 1);
      });

      test('a displayName in use is refused where the command says so, by its key, and only if it is new', async () => {
        const { tenant, group: type } = s;
        const document = (displayName: string) => ({ schemas: [type.schema.id], displayName });
        const create = async (displayName: string, uniqueDisplayName = true) =>
          s.store.create({ tenant, type, actor, document: document(displayName), uniqueDisplayName });
        const rename = async (group: StoredResource, displayName: string) => {
          const before = JSON.parse(group.body);
          const change = { before, after: { ...before, displayName } };
          const command = { operation: 'replace', attributes: [], document: change } as const;
          return s.store.update({ ...s.target(group), ...command, uniqueDisplayName: true });
        };
        const first = await create('Ärzte');
        const taken = isTaken('displayName "ÄRZTE" is already in use');
        await assert.rejects(create('ÄRZTE'), taken);
        const namesake = await create('ärzte', false);
        const other = await create('Other');
        await assert.rejects(rename(other, 'ÄRZTE'), taken);
        assert.equal((await rename(namesake, 'ÄRZTE')).outcome, 'updated');
        const results = await Promise.allSettled([create('New'), create('new'), rename(other, 'NEW')]);
        assert.deepEqual(
          results.map(({ status }) => status),
          ['fulfilled', 'rejected', 'rejected'],
        );
        await s.store.delete(s.target(first));
        assert.equal((await s.list({ targets: [{ type }] })).total, 3);
        await s.createUser('a', { displayName: 'Other' });
      });

      test('a configured attribute with uniqueness server is unique by its own letter case', async () => {
        const badge = (number: string) => ({ [badgeUri]: { number } });
        await s.createUser('a', badge('N1'));
        await s.createUser('b', badge('n1'));
        await assert.rejects(
          s.createUser('c', badge('N1')),
          isTaken(`${badgeUri}:number "N1" is already in use`),
        );
        assert.deepEqual(await s.find(`userName eq "c"`), []);
      });

      test('a unique value is free again once its owner has changed or is deleted', async () => {
        const a = await s.createUser('a', { [badgeUri]: { number: 'N1' } });
        await s.change(a, { userName: 'b', [badgeUri]: { number: 'N2' } });
        const c = await s.createUser('a', { [badgeUri]: { number: 'N1' } });
        await s.store.delete(s.target(c));
        await s.createUser('a', { [badgeUri]: { number: 'N1' } });
      });

      test('the password hash is kept apart from the document', async () => {
        const { tenant, user: type } = s;
        const created = await s.store.create({
          tenant,
          type,
          actor,
          document: userDocument('a'),
          credential: '$scrypt$1',
        });
        assert.equal(await s.store.credential(tenant, created.id), '$scrypt$1');
        assert.doesNotMatch(created.body, /scrypt/);
        const update = { ...s.target(created), operation: 'patch', attributes: ['password'] } as const;
        assert.equal((await s.store.update({ ...update, credential: '$scrypt$2' })).outcome, 'updated');
        assert.equal(await s.store.credential(tenant, created.id), '$scrypt$2');
        assert.equal((await s.store.update({ ...update, credential: null })).outcome, 'updated');
        assert.equal(await s.store.credential(tenant, created.id), undefined);
        assert.equal((await s.store.update({ ...update, credential: null })).outcome, 'unchanged');
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

      test('without effect leaves version, lastModified and the change log alone', async () => {
        const created = await s.createUser('a');
        s.now += 10;
        const reordered = Object.fromEntries(Object.entries(JSON.parse(created.body)).reverse());
        const result = await s.change(created, reordered);
        assert.deepEqual(result, { outcome: 'unchanged', resource: created });
        assert.equal((await s.store.changes({ limit: 10 })).length, 1);
      });

      test('of another version than expected is a conflict and changes nothing (compare and swap)', async () => {
        const created = await s.createUser('a');
        await s.change(created, { title: 'one' });
        const late = await s.change(created, { title: 'late' });
        assert.deepEqual(late, { outcome: 'conflict' });
        assert.deepEqual(await s.store.delete({ ...s.target(created), expected: 1 }), {
          outcome: 'conflict',
        });
        assert.deepEqual(await s.find('title eq "one"'), [created.id]);
      });

      test('of the same version at the same time: one wins, the others conflict', async () => {
        const created = await s.createUser('a');
        const results = await Promise.all(['x', 'y', 'z'].map((title) => s.change(created, { title })));
        assert.deepEqual(
          results.map(({ outcome }) => outcome),
          ['updated', 'conflict', 'conflict'],
        );
      });

      test('without expected version applies to what is stored, though it was read earlier', async () => {
        const created = await s.createUser('a', { emails: [{ value: 'old@x.example' }] });
        await s.change(created, { emails: [{ value: 'two@x.example' }, { value: 'three@x.example' }] });
        const before = JSON.parse(created.body);
        const after = { ...before, emails: [{ value: 'four@x.example' }] };
        await s.store.update({
          ...s.target(created),
          operation: 'replace',
          document: { before, after },
          attributes: ['emails'],
        });
        assert.deepEqual(await s.find('emails.value co "x.example"'), [created.id]);
        assert.deepEqual(await s.find('emails.value sw "t"'), []);
      });

      test('to a taken userName is refused and changes nothing', async () => {
        await s.createUser('a');
        const b = await s.createUser('b');
        await assert.rejects(
          s.change(b, { userName: 'A', title: 'x' }),
          isTaken('userName "A" is already in use'),
        );
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
          attributes: [],
        } as const;
        assert.deepEqual(await s.store.update(command), { outcome: 'missing' });
        assert.deepEqual(await s.store.delete({ ...command, id: 'nobody' }), { outcome: 'missing' });
        assert.equal(await s.store.get(s.tenant, s.group, user.id), undefined);
      });
    }),
  );

  describe(
    `${name}: deletion`,
    fresh(() => {
      test('takes everything of the resource with it', async () => {
        const user = await s.createUser('a');
        const keeper = await s.createUser('b');
        assert.deepEqual(await s.store.delete(s.target(user)), { outcome: 'deleted' });
        assert.equal(await s.get(user), undefined);
        assert.deepEqual(await s.find('emails.value pr'), [keeper.id]);
        assert.equal((await s.list({ targets: [{ type: s.user }], limit: 0 })).total, 1);
        assert.deepEqual(await s.store.delete(s.target(user)), { outcome: 'missing' });
      });
    }),
  );

  describe(
    `${name}: commands at the same time`,
    fresh(() => {
      test('a failing command among good ones takes back only itself', async () => {
        const names = ['a', 'b', 'A', 'c', 'B', 'd'];
        const refused = await failures(names.map((userName) => s.createUser(userName)));
        assert.deepEqual(
          refused.map((error) => (error as Error).message),
          ['userName "A" is already in use', 'userName "B" is already in use'],
        );
        const page = await s.list({ targets: [{ type: s.user }] });
        assert.deepEqual(
          page.resources.map(({ body }) => JSON.parse(body).userName),
          ['a', 'b', 'c', 'd'],
        );
        assert.equal((await s.store.changes({ limit: 10 })).length, 4);
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
    `${name}: reads`,
    fresh(() => readContract(() => s)),
  );
  describe(
    `${name}: edges`,
    fresh(() => edgeContract(() => s)),
  );
  describe(
    `${name}: tenants, tokens and changes`,
    fresh(() => tenancyContract(() => s)),
  );
}
