/** Group.members and User.groups (RFC 7643 §4.1.2, §4.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberParts } from '../../src/store/member-parts.ts';
import type { Command, Member, MemberEdit, StoredResource } from '../../src/store/store.ts';
import { groupDocument, userDocument } from './registry.ts';
import { actor, add, base, type Setting, without } from './setting.ts';
import { create, createdBy, remove } from './writes.ts';

export function edgeContract(setting: () => Setting, keepsStrangers: boolean): void {
  const testWithStrangers = keepsStrangers ? test : without;
  test('a member is answered with $ref, type and display of the resource that it is', async () => {
    const s = setting();
    const user = await s.createUser('a', { displayName: 'Änne "A"' });
    const nested = await s.createGroup('nested');
    const nameless = await s.createUser('b', { displayName: undefined });
    const group = await s.createGroup('g', [user.id, nested.id, nameless.id]);
    assert.deepEqual(await s.members(group), [
      { value: user.id, $ref: `${base}/Users/${user.id}`, type: 'User', display: 'Änne "A"' },
      { value: nested.id, $ref: `${base}/Groups/${nested.id}`, type: 'Group', display: 'nested' },
      { value: nameless.id, $ref: `${base}/Users/${nameless.id}`, type: 'User' },
    ]);
  });

  test('an id is a segment of the URLs that name it, whatever an import has kept (RFC 3986 §3.3)', async () => {
    const s = setting();
    const odd = {
      '../../x': '..%2F..%2Fx',
      'a\'b"c': 'a%27b%22c',
      'a b%20c/d?e#f': 'a%20b%2520c%2Fd%3Fe%23f',
      'ada@example.com': 'ada@example.com',
      'Zoë 😀': 'Zo%C3%AB%20%F0%9F%98%80',
      '[x]*': '%5Bx%5D%2A',
    };
    const ids = Object.keys(odd).sort();
    const { tenant, user: type } = s;
    for (const [index, id] of ids.entries())
      await create(s.store, { tenant, type, actor, document: userDocument(`odd ${index}`), id });
    const group = await s.createGroup('g', ids);
    const members = await s.members(group);
    const refs = Object.fromEntries(members.map(({ value, $ref }) => [value, $ref]));
    const expected = Object.entries(odd).map(([id, segment]) => [id, `${base}/Users/${segment}`]);
    assert.deepEqual(refs, Object.fromEntries(expected));
    for (const [id, url] of expected) {
      assert.deepEqual(await s.find(`meta.location eq "${url}"`), [id]);
      assert.deepEqual(await s.find(`members[$ref eq "${url}"]`, s.group), [group.id]);
      await s.edit(group, { kind: 'removeWhere', plan: s.memberPlan(`$ref eq "${url}"`) });
      assert.equal((await s.memberIds(group)).includes(String(id)), false);
      await s.edit(group, add(String(id)));
    }
    for (const id of ['', '.', '..'])
      await assert.rejects(create(s.store, { tenant, type, actor, document: userDocument('dots'), id }), {
        refusal: { outcome: 'invalid-id', command: 0 },
      });
  });

  testWithStrangers('an unknown id is kept as it was given', async () => {
    const s = setting();
    const members = [{ value: 'who"is', type: 'User', display: 'Ünknown' }, { value: 'zz' }];
    const group = await s.create(s.group, groupDocument('g'), [{ kind: 'add', members }]);
    assert.deepEqual(await s.members(group), [
      { value: 'who"is', type: 'User', display: 'Ünknown' },
      { value: 'zz' },
    ]);
    assert.deepEqual(await s.find('members[display eq "üNKNOWN" and type eq "user"]', s.group), [group.id]);
  });

  testWithStrangers('an unknown id that comes to be is shown as what it is', async () => {
    const s = setting();
    const group = await s.createGroup('g', ['later']);
    await create(s.store, {
      tenant: s.tenant,
      type: s.group,
      actor,
      document: groupDocument('Late'),
      id: 'later',
    });
    assert.deepEqual(await s.members(group), [
      { value: 'later', $ref: `${base}/Groups/later`, type: 'Group', display: 'Late' },
    ]);
  });

  testWithStrangers(
    'so it is where both come together, in either order, and for a group in itself',
    async () => {
      const s = setting();
      const given = (id: string): Command => ({ ...s.newUser(`user-${id}`, { displayName: id }), id });
      const groupOf = (id: string, ...members: readonly string[]): Command => ({
        ...s.newGroup(`group ${id}`, ...members),
        id,
      });
      const units = [
        groupOf('g-first', 'late'),
        given('late'),
        given('early'),
        given('alone'),
        groupOf('g-second', 'early'),
        groupOf('g-self', 'g-self'),
      ];
      const outcomes = await s.store.commit(units.map((command) => s.unit(command)));
      const created = outcomes.map(createdBy);
      const grouped = created.map((each) => [each.id, each.grouped]);
      assert.deepEqual(grouped, [
        ...[
          ['g-first', false],
          ['late', true],
          ['early', false],
        ],
        ...[
          ['alone', false],
          ['g-second', false],
          ['g-self', true],
        ],
      ]);
      const membersOf = (of: string) => s.members(created.find(({ id }) => id === of) as StoredResource);
      const person = (id: string) => ({ value: id, $ref: `${base}/Users/${id}`, type: 'User', display: id });
      assert.deepEqual(await membersOf('g-first'), [person('late')]);
      assert.deepEqual(await membersOf('g-second'), [person('early')]);
      assert.deepEqual(await membersOf('g-self'), [
        { value: 'g-self', $ref: `${base}/Groups/g-self`, type: 'Group', display: 'group g-self' },
      ]);
    },
  );

  testWithStrangers(
    'members are counted as far as one asks, and none are counted for what is no group',
    async () => {
      const s = setting();
      const group = await s.createGroup('g', ['a', 'b', 'c']);
      const user = await s.createUser('u');
      const count = (id: string, most: number) => s.store.memberCount(s.tenant, id, most);
      assert.deepEqual(
        [await count(group.id, 2), await count(group.id, 3), await count(group.id, 10)],
        [2, 3, 3],
      );
      assert.deepEqual([await count(user.id, 10), await count('nobody', 10)], [0, 0]);
    },
  );

  testWithStrangers('a change may count members as they are behind it, as far as one asks', async () => {
    const s = setting();
    const group = await s.createGroup('g', ['a', 'b', 'c']);
    const counted = async (countMembers: number, ...members: readonly MemberEdit[]) => {
      const command: Command = {
        ...({ kind: 'update', type: s.group, id: group.id, operation: 'patch' } as const),
        ...{ members, countMembers },
      };
      const [outcome] = await s.store.commit([s.unit(command)]);
      const [result] = outcome?.outcome === 'done' ? outcome.results : [];
      assert.ok(result !== undefined && 'resource' in result);
      const { memberCount, members: shown } = result.resource;
      if (typeof shown === 'string')
        assert.equal((JSON.parse(`[${shown}]`) as unknown[]).length, memberCount, 'all that it has');
      return memberCount;
    };
    assert.equal(await counted(10, add('d', 'e')), 5);
    assert.equal(await counted(10, { kind: 'remove', values: ['a', 'b', 'c'] }), 2);
    assert.equal(await counted(10, { kind: 'remove', values: ['a'] }), 2);
    assert.equal(await counted(1, add('f')), 1);
    assert.equal(await counted(10, { kind: 'replace', members: [] }), 0);
  });

  testWithStrangers('of changes that are made together the last one counts what all have left', async () => {
    const s = setting();
    const group = await s.createGroup('g', ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const last = async (...edits: readonly MemberEdit[]) => {
      const units = edits.map((edit) =>
        s.unit({
          ...({ kind: 'update', type: s.group, id: group.id, operation: 'patch' } as const),
          ...{ members: [edit], countMembers: 3 },
        }),
      );
      const outcome = (await s.store.commit(units)).at(-1);
      const [result] = outcome?.outcome === 'done' ? outcome.results : [];
      return result !== undefined && 'resource' in result ? result.resource.memberCount : undefined;
    };
    const remove = (...values: readonly string[]): MemberEdit => ({ kind: 'remove', values });
    assert.equal(await last(remove('a'), remove('b'), add('h')), 3);
    assert.equal(await last(remove('c', 'nobody'), remove('d'), remove('e')), 3);
    assert.equal(await last(remove('f'), remove('x')), 2);
    assert.equal(await last(add('i', 'j', 'k', 'l'), { kind: 'replace', members: [] }, remove('i')), 0);
  });

  testWithStrangers(
    'members of a large group come in parts of one order, those of others at once',
    async () => {
      const s = setting();
      const ids = Array.from({ length: 1100 }, (_, i) => `m${String(i * 7919).padStart(8, '0')}`);
      const group = await s.createGroup('g', ids);
      const parts = await s.memberParts(group);
      assert.ok(parts.length > 1 && parts.every((part) => part.length > 0 && part.length <= 1000));
      assert.deepEqual(
        parts.flat().map(({ value }) => value),
        ids.toSorted(),
      );
      assert.equal((await s.memberParts(await s.createGroup('few', ids.slice(0, 7)))).length, 1);
      assert.deepEqual(await s.memberParts(await s.createGroup('none')), []);
      assert.equal(await s.store.get({ ...s.target(group), id: 'nobody', members: true }), undefined);
    },
  );

  testWithStrangers(
    'a large group is read to its end as it was, whatever becomes of it meanwhile',
    async () => {
      const s = setting();
      const ids = Array.from({ length: 1500 }, (_, i) => `m${String(i).padStart(5, '0')}`);
      const group = await s.createGroup('g', ids);
      const read = async () => (await s.store.get({ ...s.target(group), members: true })) ?? assert.fail();
      const [kept, closed] = [await read(), await read()];
      const [page, single] = [
        await s.list({ targets: [{ type: s.group }], members: true }),
        await s.list({
          targets: [{ type: s.group, plan: s.plan(`id eq "${group.id}"`, s.group) }],
          members: true,
        }),
      ];
      assert.ok(typeof closed.members === 'object');
      assert.match((await closed.members.next()) ?? '', /^\{"value":"m00000"\},/);
      closed.members.close();
      assert.equal(await closed.members.next(), undefined);
      await s.edit(group, { kind: 'replace', members: [{ value: 'another' }] });
      await remove(s.store, s.target(group));
      for (const found of [kept, page.resources[0] ?? assert.fail(), single.resources[0] ?? assert.fail()]) {
        const values: string[] = [];
        for await (const part of memberParts(found))
          values.push(...(JSON.parse(`[${part}]`) as { value: string }[]).map(({ value }) => value));
        assert.deepEqual([found.version, values], [1, ids]);
      }
      assert.equal(await s.store.get({ ...s.target(group), members: true }), undefined);
    },
  );

  testWithStrangers(
    'groups of a list come with their members, few and many, and those of other types without',
    async () => {
      const s = setting();
      const user = await s.createUser('u');
      const many = Array.from({ length: 1200 }, (_, i) => `m${String(i).padStart(5, '0')}`);
      await s.createGroup('few', [user.id]);
      await s.createGroup('none');
      const read = async () => {
        const page = await s.list({
          targets: [{ type: s.user }, { type: s.group }],
          members: true,
          groups: true,
        });
        return Promise.all(
          page.resources.map(async (resource) => {
            const values: string[] = [];
            for await (const part of memberParts(resource))
              values.push(...(JSON.parse(`[${part}]`) as { value: string }[]).map(({ value }) => value));
            const { displayName, userName } = JSON.parse(resource.body);
            return [userName ?? displayName, values, (resource.groups ?? []).map(({ display }) => display)];
          }),
        );
      };
      const small = [
        ['u', [], ['few']],
        ['few', [user.id], []],
        ['none', [], []],
      ];
      assert.deepEqual(await read(), small);
      await s.createGroup('many', many);
      assert.deepEqual(await read(), [...small, ['many', many, []]]);
    },
  );

  test('a display follows the resource when it is renamed', async () => {
    const s = setting();
    const user = await s.createUser('a', { displayName: 'Old' });
    const group = await s.createGroup('g', [user.id]);
    await s.change(user, { displayName: 'New' });
    assert.equal((await s.members(group))[0]?.display, 'New');
    assert.deepEqual(await s.find('members.display eq "new"', s.group), [group.id]);
    assert.deepEqual(await s.find('members.display eq "old"', s.group), []);
    const renamed = await s.get(user);
    await s.change(renamed!, { displayName: undefined });
    assert.deepEqual(await s.members(group), [
      { value: user.id, $ref: `${base}/Users/${user.id}`, type: 'User' },
    ]);
  });

  test('adding and removing changes the version of the group and the change log, and of nothing else', async () => {
    const s = setting();
    const [a, b, c] = await s.createUsers('a', 'b', 'c');
    assert.ok(a && b && c);
    const group = await s.createGroup('g', [a.id]);
    const result = await s.edit(group, add(b.id, c.id), { kind: 'remove', values: [a.id, 'nobody'] });
    assert.equal(result.outcome, 'updated');
    assert.ok('resource' in result && result.resource.version === 2);
    assert.deepEqual(await s.memberIds(group), [b.id, c.id]);
    const [change] = await s.store.changes({ tenant: 1, id: group.id, after: 4, limit: 10 });
    assert.deepEqual(
      [change?.operation, change?.edits, change?.added, change?.removed],
      ['patch', [], [b.id, c.id], [a.id]],
    );
    assert.deepEqual(await s.get(b), { ...b, grouped: true });
    assert.deepEqual(await s.get(a), a);
  });

  testWithStrangers('a resource says whether any group has it, however it was read or written', async () => {
    const s = setting();
    const known = 'ffffffff-0000-7000-8000-000000000000';
    const group = await s.createGroup('g', [known]);
    const { tenant, user: type } = s;
    const document = userDocument('known');
    const created = await create(s.store, { tenant, type, actor, document, id: known });
    const other = await s.createUser('other');
    assert.deepEqual([created.grouped, other.grouped], [true, false]);
    const page = await s.list({ targets: [{ type }] });
    assert.deepEqual(
      page.resources.map(({ grouped }) => grouped),
      [true, false],
    );
    const changed = await s.change(created, { title: 'Boss' });
    assert.ok('resource' in changed && changed.resource.grouped);
    await s.edit(group, { kind: 'remove', values: [known] });
    assert.equal((await s.get(created))?.grouped, false);
  });

  testWithStrangers('edits without effect leave version, lastModified and the change log alone', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const group = await s.createGroup('g', [user.id]);
    s.now += 1000;
    const before = (await s.store.changes({ tenant: 1, limit: 100 })).length;
    const results = [
      await s.edit(group, add(user.id)),
      await s.edit(group, { kind: 'remove', values: ['nobody'] }),
      await s.edit(group, { kind: 'replace', members: [{ value: user.id }] }),
      await s.edit(group, { kind: 'remove', values: [user.id] }, add(user.id)),
      await s.edit(group, add('x'), { kind: 'remove', values: ['x'] }),
      await s.edit(group, { kind: 'removeWhere', plan: s.memberPlan('type eq "Group"') }),
      await s.edit(group),
    ];
    for (const result of results) assert.deepEqual(result, { outcome: 'unchanged', resource: group });
    assert.equal((await s.store.changes({ tenant: 1, limit: 100 })).length, before);
  });

  testWithStrangers(
    'replace says anew what an unknown member is, which is a change; of a known one the store knows better',
    async () => {
      const s = setting();
      const user = await s.createUser('a', { displayName: 'A' });
      const group = await s.createGroup('g');
      const replace = (members: readonly Member[]) => s.edit(group, { kind: 'replace', members });
      const versions: number[] = [];
      for (const more of [
        { display: 'X' },
        { display: 'X' },
        { type: 'User' },
        { display: '', type: 'b' },
        {},
      ]) {
        const result = await replace([
          { value: user.id, ...more },
          { value: 'unknown', ...more },
        ]);
        assert.ok('resource' in result);
        versions.push(result.resource.version);
        const members = await s.members(group);
        assert.deepEqual(
          members.find(({ value }) => value === 'unknown'),
          { value: 'unknown', ...more },
        );
        assert.equal(members.find(({ value }) => value === user.id)?.display, 'A');
      }
      assert.deepEqual(versions, [2, 2, 3, 4, 5]);
      assert.deepEqual(await s.find('members.display eq "x"', s.group), []);
    },
  );

  test('replace leaves exactly the new members', async () => {
    const s = setting();
    const [a, b, c] = await s.createUsers('a', 'b', 'c');
    assert.ok(a && b && c);
    const group = await s.createGroup('g', [a.id, b.id]);
    await s.edit(group, { kind: 'replace', members: [{ value: b.id }, { value: c.id }, { value: c.id }] });
    assert.deepEqual(await s.memberIds(group), [b.id, c.id]);
    await s.edit(group, { kind: 'replace', members: [] });
    assert.deepEqual(await s.memberIds(group), []);
  });

  test('members are removed by what a value filter selects (RFC 7644 §3.5.2.2)', async () => {
    const s = setting();
    const user = await s.createUser('a', { displayName: 'Ann' });
    const nested = await s.createGroup('nested');
    const remaining = async (filter: string) => {
      const group = await s.createGroup('g', [user.id, nested.id]);
      await s.edit(group, { kind: 'removeWhere', plan: s.memberPlan(filter) });
      return s.memberIds(group);
    };
    assert.deepEqual(await remaining('type eq "user"'), [nested.id]);
    assert.deepEqual(await remaining(`value eq "${nested.id}"`), [user.id]);
    assert.deepEqual(await remaining('display sw "a" or display sw "n"'), []);
    assert.deepEqual(await remaining(`$ref eq "${base}/Users/${user.id}"`), [nested.id]);
    assert.deepEqual(await remaining('not (display pr)'), [user.id, nested.id]);
  });

  testWithStrangers(
    'what has to select a member and does not is refused as unmatched, and none of the command is done (RFC 7644 §3.12)',
    async () => {
      const s = setting();
      const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => s.createUser(name)));
      assert.ok(ann && bob);
      const group = await s.createGroup('g', [ann.id]);
      const require = (filter: string, orEmpty = false): MemberEdit => ({
        kind: 'require',
        plan: s.memberPlan(filter),
        orEmpty,
        detail: `nobody is ${filter}`,
      });
      const isBob = `value eq "${bob.id}"`;
      const unmatched = { refusal: { outcome: 'unmatched', command: 0, detail: `nobody is ${isBob}` } };
      await assert.rejects(async () => s.edit(group, add('x'), require(isBob)), unmatched);
      await assert.rejects(async () => s.edit(group, require(isBob, true), add(bob.id)), unmatched);
      assert.deepEqual(await s.memberIds(group), [ann.id]);
      assert.deepEqual(await s.get(group), group);
      const isAnn = require(`value eq "${ann.id}"`);
      assert.equal((await s.edit(group, isAnn)).outcome, 'unchanged');
      await s.edit(
        group,
        isAnn,
        { kind: 'replace', members: [] },
        require(isBob, true),
        add(bob.id),
        require(isBob),
      );
      assert.deepEqual(await s.memberIds(group), [bob.id]);
    },
  );

  test('groups are direct or, through nested groups, indirect', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const inner = await s.createGroup('inner', [user.id]);
    const middle = await s.createGroup('middle', [inner.id]);
    await s.createGroup('outer', [middle.id, user.id]);
    assert.deepEqual(await s.groupsOf(user), ['inner direct', 'outer direct', 'middle indirect']);
    assert.deepEqual(await s.find(`groups.value eq "${middle.id}"`), [user.id]);
    assert.deepEqual(await s.find(`groups[value eq "${inner.id}" and type eq "direct"]`), [user.id]);
    assert.deepEqual(await s.find(`groups[value eq "${middle.id}" and type eq "direct"]`), []);
    assert.deepEqual(await s.find('groups.display eq "MIDDLE"'), [user.id]);
    assert.deepEqual(await s.find(`groups.$ref eq "${base}/Groups/${inner.id}"`), [user.id]);
    await s.edit(inner, { kind: 'remove', values: [user.id] });
    assert.deepEqual(await s.groupsOf(user), ['outer direct']);
    assert.deepEqual(await s.find(`groups.value eq "${middle.id}"`), []);
  });

  test('groups that contain one another do not hang', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const one = await s.createGroup('one', [user.id]);
    const two = await s.createGroup('two', [one.id]);
    await s.edit(one, add(two.id, one.id));
    assert.deepEqual(await s.groupsOf(user), ['one direct', 'two indirect']);
    assert.deepEqual(await s.find(`groups.value eq "${two.id}"`), [user.id]);
    assert.deepEqual(await s.find('groups.display eq "two"'), [user.id]);
    assert.deepEqual(await remove(s.store, s.target(one)), { outcome: 'deleted' });
    assert.deepEqual(await s.groupsOf(user), []);
  });

  test('the groups of several resources come with their list; those without have none', async () => {
    const s = setting();
    const [a, b, c] = await s.createUsers('a', 'b', 'c');
    assert.ok(a && b && c);
    const group = await s.createGroup('g', [a.id, c.id]);
    const { resources } = await s.list({ targets: [{ type: s.user }], groups: true });
    const groups = [{ value: group.id, display: 'g', type: 'direct', resourceType: 'Group' }];
    assert.deepEqual(
      resources.map((each) => ({ ...each })),
      [{ ...a, grouped: true, groups }, b, { ...c, grouped: true, groups }],
    );
  });

  test('a list shows the groups that each resource is in, through nested groups too', async () => {
    const s = setting();
    const [a, b, c] = await s.createUsers('a', 'b', 'c');
    assert.ok(a && b && c);
    const inner = await s.createGroup('inner', [a.id]);
    await s.createGroup('outer', [inner.id, b.id]);
    await s.createGroup('flat', [a.id, b.id]);
    const { resources } = await s.list({ targets: [{ type: s.user }], groups: true });
    const listed = resources.map(({ groups = [] }) =>
      groups.map(({ display, type }) => `${display} ${type}`),
    );
    assert.deepEqual(listed, [
      ['inner direct', 'flat direct', 'outer indirect'],
      ['outer direct', 'flat direct'],
      [],
    ]);
    assert.deepEqual([await s.groupsOf(a), await s.groupsOf(b), await s.groupsOf(c)], listed);
  });

  test('a deleted resource leaves its groups, which change by that', async () => {
    const s = setting();
    const [a, b] = await s.createUsers('a', 'b');
    assert.ok(a && b);
    const group = await s.createGroup('g', [a.id, b.id]);
    const other = await s.createGroup('other', [b.id]);
    s.now += 10;
    await remove(s.store, s.target(a));
    assert.deepEqual(await s.memberIds(group), [b.id]);
    const changed = await s.get(group);
    assert.deepEqual([changed?.version, changed?.modified], [2, '2026-01-02T03:04:05.688Z']);
    assert.deepEqual(await s.get(other), other);
    const [change] = await s.store.changes({ tenant: 1, id: group.id, after: 3, limit: 10 });
    assert.deepEqual(
      [change?.version, change?.removed, change?.edits, change?.cause],
      [2, [a.id], [], { operation: 'delete', type: 'User', id: a.id }],
    );
    assert.deepEqual(await s.find(`members.value eq "${a.id}"`, s.group), []);
  });

  test('a deleted group leaves its members', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const group = await s.createGroup('g', [user.id]);
    await remove(s.store, s.target(group));
    assert.deepEqual(await s.groupsOf(user), []);
    assert.deepEqual(await s.get(user), user);
  });

  test('members.value finds the groups that a resource is directly in', async () => {
    const s = setting();
    const [a, b] = await s.createUsers('a', 'b');
    assert.ok(a && b);
    const one = await s.createGroup('one', [a.id]);
    const two = await s.createGroup('two', [a.id, b.id]);
    await s.createGroup('three', [two.id]);
    assert.deepEqual(await s.find(`members.value eq "${a.id}"`, s.group), [one.id, two.id]);
    assert.deepEqual(await s.find(`members[value eq "${b.id}" and type eq "User"]`, s.group), [two.id]);
    assert.deepEqual(await s.find(`not (members pr)`, s.group), []);
  });
}
