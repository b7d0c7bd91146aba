/** Tenants and tokens. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { until } from '../until.ts';
import { badgeUri } from './registry.ts';
import { add, type Setting, without } from './setting.ts';
import { createdBy, remove } from './writes.ts';

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function tenancyContract(setting: () => Setting, keepsStrangers: boolean): void {
  const testWithStrangers = keepsStrangers ? test : without;
  test('there is a tenant called default; others are made, and no name is given twice', async () => {
    const s = setting();
    const acme = await s.store.createTenant('acme');
    assert.equal(acme.created, '2026-01-02T03:04:05.678Z');
    assert.deepEqual(
      (await s.store.tenants()).map(({ name, number }) => [name, number]),
      [
        ['default', 1],
        ['acme', acme.number],
      ],
    );
    await assert.rejects(async () => s.store.createTenant('acme'), {
      name: 'StoreError',
      code: 'tenant-exists',
    });
  });

  testWithStrangers('tenants never see, find, count, change or reach one another’s resources', async () => {
    const s = setting();
    const acme = await s.store.createTenant('acme');
    const mine = await s.createUser('same', {
      externalId: 'x',
      [badgeUri]: { number: 'N', floor: 1, doors: [{ value: 'd' }] },
    });
    const group = await s.createGroup('g', [mine.id]);
    s.tenant = acme.number;
    assert.equal(await s.get(mine), undefined);
    assert.deepEqual((await s.list({ targets: [{ type: s.user }, { type: s.group }] })).total, 0);
    const theirs = await s.createUser('same', {
      [badgeUri]: { number: 'N', floor: 1, doors: [{ value: 'd' }] },
    });
    assert.deepEqual(
      [await s.store.hasResource(s.tenant, mine.id), await s.store.hasResource(s.tenant, theirs.id)],
      [false, true],
    );
    const filters = [
      'userName eq "same"',
      'emails.value sw "same"',
      'emails[type eq "work"]',
      `${badgeUri}:number eq "N"`,
      `${badgeUri}:floor eq 1`,
      `${badgeUri}:doors.value eq "d"`,
      'not (title pr)',
      'id pr',
      'meta.created pr',
    ];
    for (const filter of filters) assert.deepEqual(await s.find(filter), [theirs.id], filter);
    assert.deepEqual(await s.find(`groups.value eq "${group.id}"`), []);
    assert.deepEqual(await s.find('groups.display eq "g"'), []);
    assert.deepEqual(await s.find(`members.value eq "${mine.id}"`, s.group), []);
    assert.equal(await s.store.get({ ...s.target(group), members: true }), undefined);
    assert.equal(await s.store.get({ ...s.target(mine), groups: true }), undefined);
    assert.equal(await s.store.memberCount(s.tenant, group.id, 10), 0);
    assert.deepEqual(await s.edit(group, add(theirs.id)), { outcome: 'missing' });
    assert.deepEqual(await s.change(mine, { title: 'x' }), { outcome: 'missing' });
    assert.deepEqual(await remove(s.store, s.target(mine)), { outcome: 'missing' });
    // Another tenant's id is an unknown one: nothing of the resource behind it shows.
    const foreign = await s.createGroup('foreign', [mine.id]);
    assert.deepEqual(await s.members(foreign), [{ value: mine.id }]);
    s.tenant = 1;
    assert.deepEqual(await s.groupsOf(mine), ['g direct']);
    await remove(s.store, s.target(mine));
    s.tenant = acme.number;
    assert.deepEqual(await s.memberIds(foreign), [mine.id]);
    assert.equal((await s.get(foreign))?.version, 1);
  });

  test('totals are of what is there: not of a refused command, nor of a tenant that is removed in the same moment', async () => {
    const s = setting();
    const acme = await s.store.createTenant('acme');
    await s.createUser('taken');
    const both = [{ type: s.user }, { type: s.group }];
    const total = async (): Promise<number> => (await s.list({ targets: both })).total;
    const created = s.store.commit([
      s.unit(s.newUser('one')),
      s.unit(s.newUser('taken')),
      s.unit(s.newGroup('two')),
      { ...s.unit(s.newUser('one')), tenant: acme.number },
    ]);
    const removed = s.store.deleteTenant('acme');
    const outcomes = await created;
    const [one, two] = [createdBy(outcomes[0]), createdBy(outcomes[2])];
    assert.equal(outcomes[1]?.outcome, 'taken');
    assert.equal(await removed, true);
    assert.equal(await total(), 3);
    await s.store.commit([
      s.unit({ kind: 'delete', type: s.user, id: one.id }),
      s.unit(s.newUser('three')),
      s.unit({ kind: 'delete', type: s.group, id: two.id }),
    ]);
    assert.equal(await total(), 2);
    s.tenant = acme.number;
    assert.equal(await total(), 0);
  });

  test('deleting a tenant deletes all that is its own and nothing else', async () => {
    const s = setting();
    const acme = await s.store.createTenant('acme');
    const mine = await s.createUser('a');
    await s.createGroup('g', [mine.id]);
    s.tenant = acme.number;
    const theirs = await s.createUser('a');
    await s.createGroup('g', [theirs.id]);
    const token = {
      hash: hashOf('t'),
      name: 'okta',
      tenant: acme.number,
      idp: 'okta',
      scope: 'scim',
    } as const;
    await s.store.createToken(token);
    assert.equal(await s.store.deleteTenant('acme'), true);
    assert.equal(await s.store.deleteTenant('acme'), false);
    assert.equal(await s.get(theirs), undefined);
    assert.equal(await s.store.findToken(token.hash), undefined);
    assert.equal((await s.store.changes({ tenant: acme.number, limit: 10 })).length, 0);
    s.tenant = 1;
    assert.deepEqual(await s.groupsOf(mine), ['g direct']);
    const again = await s.store.createTenant('acme');
    assert.notEqual(again.number, acme.number);
  });

  test('a token is found by its hash only, with all that it was given', async () => {
    const s = setting();
    const token = await s.store.createToken({
      hash: hashOf('secret'),
      name: 'okta',
      tenant: 1,
      idp: 'okta',
      scope: 'read',
      expires: '2027-01-01T00:00:00.000Z',
      subject: 'someone',
    });
    assert.deepEqual(token, {
      id: token.id,
      name: 'okta',
      tenant: 1,
      tenantName: 'default',
      idp: 'okta',
      scope: 'read',
      created: '2026-01-02T03:04:05.678Z',
      expires: '2027-01-01T00:00:00.000Z',
      revoked: undefined,
      lastUsed: undefined,
      subject: 'someone',
    });
    assert.deepEqual(await s.store.findToken(hashOf('secret')), token);
    assert.equal(await s.store.findToken(hashOf('other')), undefined);
    await assert.rejects(async () =>
      s.store.createToken({ hash: hashOf('secret'), name: 'b', tenant: 1, idp: 'generic', scope: 'scim' }),
    );
  });

  test('the use of a token is noted to the minute', async () => {
    const s = setting();
    const { id } = await s.store.createToken({
      hash: hashOf('t'),
      name: 'a',
      tenant: 1,
      idp: 'generic',
      scope: 'scim',
    });
    const lastUsed = async () => {
      await s.store.findToken(hashOf('t'));
      await s.store.createTenant(`t${s.now}`);
      return (await s.store.listTokens()).find((token) => token.id === id)?.lastUsed;
    };
    /** It is written while the request goes on. */
    const noted = async (at: string) => {
      await s.store.findToken(hashOf('t'));
      await until(`the use of ${at}`, async () =>
        (await s.store.listTokens()).some((token) => token.id === id && token.lastUsed === at),
      );
    };
    await noted('2026-01-02T03:04:05.678Z');
    s.now += 59_000;
    assert.equal(await lastUsed(), '2026-01-02T03:04:05.678Z');
    s.now += 2_000;
    await noted('2026-01-02T03:05:06.678Z');
  });

  test('a revoked token stays listed; revoking what is not there answers nothing', async () => {
    const s = setting();
    const { id } = await s.store.createToken({
      hash: hashOf('t'),
      name: 'a',
      tenant: 1,
      idp: 'generic',
      scope: 'scim',
    });
    const revoked = await s.store.revokeToken(id, '2026-02-01T00:00:00.000Z');
    assert.equal(revoked?.revoked, '2026-02-01T00:00:00.000Z');
    assert.deepEqual(await s.store.listTokens(1), [revoked]);
    assert.deepEqual(await s.store.listTokens(2), []);
    assert.equal(await s.store.revokeToken('nobody', '2026-02-01T00:00:00.000Z'), undefined);
  });
}
