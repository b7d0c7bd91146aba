/** Members of a group over HTTP: who is named goes or comes, nobody else does, and what names nobody is refused. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newGroup, newUser, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let lenient: Client;
let strict: Client;
let ann: { readonly id: string };
let bob: { readonly id: string };
let inner: { readonly id: string };
before(async () => {
  server = await startScimd();
  lenient = await newClient(server);
  strict = await newClient(server, { tenant: lenient.tenant, idp: 'strict' });
  ann = await lenient.create('/Users', newUser({ displayName: 'Ann Ames' }));
  bob = await lenient.create('/Users', newUser({ displayName: 'Bob Bell' }));
  inner = await lenient.create('/Groups', newGroup({ displayName: 'Inner' }));
});
after(() => server.close());

/** A group of two people, another group and somebody unknown. */
async function team() {
  const members = [...[ann, bob, inner].map(({ id }) => ({ value: id })), { value: 'ext-1', display: 'Eve' }];
  return lenient.create('/Groups', newGroup({ members }));
}

async function memberIds(group: { readonly id: string }): Promise<string[]> {
  const { members = [] } = await lenient.read(`/Groups/${group.id}`);
  return members.map(({ value }: { value: string }) => value).sort();
}

const everybody = () => [ann.id, bob.id, inner.id, 'ext-1'].sort();
const without = (...ids: string[]) => everybody().filter((id) => !ids.includes(id));

const nobody: readonly unknown[] = [
  {},
  [{}],
  [null],
  [''],
  [[]],
  [{ value: null }],
  [{ value: '' }],
  [{ id: 'x' }],
  { id: 'x' },
  [{ display: 'Ann Ames' }],
  [{ value: 'x' }, { id: 'y' }],
  '{"value":',
  '[]',
  5,
];

for (const value of nobody) {
  test(`P-3.5.2.3-03, P-3.5.1-02: replacing members by ${JSON.stringify(value)}, which names nobody, is 400 in PATCH and PUT and empties no group`, async () => {
    const group = await team();
    const path = `/Groups/${group.id}`;
    for (const client of [lenient, strict]) {
      for (const operation of [
        { op: 'replace', path: 'members', value },
        { op: 'add', path: 'members', value },
        { op: 'replace', value: { members: value } },
        { op: 'replace', value: { displayName: 'New', members: value } },
      ])
        refused(await client.patch(path, operation), 400, 'invalidValue', /members|value/);
      const put = await client.request('PUT', path, { body: newGroup({ members: value }) });
      refused(put, 400, 'invalidValue', /members/);
    }
    assert.deepEqual(await lenient.read(path), group);
  });
}

test('P-3.5.2.3-03: [], null and, by default, the empty string clear members', async () => {
  for (const [value, client] of [
    [[], strict],
    [null, strict],
    ['', lenient],
  ] as const) {
    const group = await team();
    const answer = await client.patch(`/Groups/${group.id}`, { op: 'replace', path: 'members', value });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(await memberIds(group), []);
  }
});

test('reading A-08: remove with a value removes the members that have all that it says', async () => {
  for (const [value, gone] of [
    [[{ value: ann.id }], [ann.id]],
    [{ value: ann.id }, [ann.id]],
    [[ann.id], [ann.id]],
    [`{"value":"${ann.id}"}`, [ann.id]],
    [{ members: [{ value: ann.id }, { value: bob.id }] }, [ann.id, bob.id]],
    [[{ display: 'ann ames' }], [ann.id]],
    [[{ display: 'Eve' }], ['ext-1']],
    [[{ display: 'Nobody' }], []],
    [[{ type: 'user' }], [ann.id, bob.id]],
    [
      [{ type: 'Group' }, { display: 'Bob Bell' }],
      [inner.id, bob.id],
    ],
    [[{ type: 'User', display: 'Bob Bell' }], [bob.id]],
    [[{ type: 'Group', display: 'Bob Bell' }], []],
    [[{ $ref: `${server.base}/Users/${bob.id}` }], [bob.id]],
    [[{ $ref: `../Groups/${inner.id}` }], [inner.id]],
    [[{ $ref: `../Users/${inner.id}` }], []],
    [[{ $ref: null, value: bob.id }], [bob.id]],
    [[{ value: bob.id, type: 'User', display: 'BOB BELL', $ref: `/Users/${bob.id}` }], [bob.id]],
    [[{ value: bob.id, type: 'Group' }], []],
    [[{ value: bob.id, display: 'Ann Ames' }], []],
    // Of an id that is unknown here nobody can say that its type is another.
    [[{ value: 'ext-1', type: 'User', $ref: '../Users/ext-1' }], ['ext-1']],
    [[{ value: 'ext-1', display: 'Ann Ames' }], []],
    [[{ value: 'nobody' }], []],
    [[], []],
  ] as const) {
    const group = await team();
    const operation = { op: 'remove', path: 'members', value };
    refused(await strict.patch(`/Groups/${group.id}`, operation), 400, 'invalidValue', /remove/);
    assert.deepEqual(await memberIds(group), everybody());
    const answer = await lenient.patch(`/Groups/${group.id}`, operation);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(await memberIds(group), without(...gone), JSON.stringify(value));
  }
});

test('reading A-08: remove by a value path with a value removes who is both', async () => {
  for (const [path, value, gone] of [
    ['members[type eq "User"]', [{ value: ann.id }], [ann.id]],
    ['members[type eq "Group"]', [{ value: ann.id }], []],
    [`members[value eq "${ann.id}"]`, [{ value: bob.id }], []],
    [`members[value eq "${ann.id}"]`, [{ value: ann.id }], [ann.id]],
    [`members[value eq "${ann.id}"]`, '', [ann.id]],
  ] as const) {
    const group = await team();
    const answer = await lenient.patch(`/Groups/${group.id}`, { op: 'remove', path, value });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(await memberIds(group), without(...gone), `${path} ${JSON.stringify(value)}`);
  }
});

test('a remove names a hundred members without their ids at most, since each is looked for in the whole group', async () => {
  const group = await team();
  const value = Array.from({ length: 101 }, (_, index) => ({ display: `Somebody ${index}` }));
  const remove = (some: unknown) =>
    lenient.patch(`/Groups/${group.id}`, { op: 'remove', path: 'members', value: some });
  refused(await remove(value), 413, undefined, /at most 100 members/);
  assert.equal((await remove(value.slice(1))).status, 200);
  assert.equal((await remove(value.map((_, index) => ({ value: `id-${index}`, type: 'User' })))).status, 200);
  assert.deepEqual(await memberIds(group), everybody());
});

test('reading A-08: a remove whose value names nobody is 400, and nobody goes', async () => {
  const group = await team();
  for (const value of [{}, [{}], [null], '', [''], [{ value: null }], [{ id: ann.id }], { other: 1 }, 5]) {
    const operation = { op: 'remove', path: 'members', value };
    refused(await lenient.patch(`/Groups/${group.id}`, operation), 400, 'invalidValue');
  }
  assert.deepEqual(await memberIds(group), everybody());
});

test('P-3.5.2-16: a filter over members that selects nobody is noTarget in strict, and undoes what came before', async () => {
  const group = await team();
  const answer = await strict.patch(
    `/Groups/${group.id}`,
    { op: 'replace', path: 'displayName', value: 'New' },
    { op: 'remove', path: `members[value eq "${ann.id}"]` },
    { op: 'remove', path: 'members[display eq "Ann Ames"]' },
  );
  refused(answer, 400, 'noTarget', /Operations\[2\].*members/);
  assert.deepEqual(await lenient.read(`/Groups/${group.id}`), group);
});

test('P-3.5.2.1-03: add by a value path adds the member, strict only to a group that has none', async () => {
  const empty = await lenient.create('/Groups', newGroup());
  const add = (id: string) => ({ op: 'add', path: `members[value eq "${id}"]`, value: { value: id } });
  assert.equal((await strict.patch(`/Groups/${empty.id}`, add(ann.id))).status, 200);
  refused(await strict.patch(`/Groups/${empty.id}`, add(bob.id)), 400, 'noTarget');
  assert.equal((await strict.patch(`/Groups/${empty.id}`, add(ann.id))).status, 200);
  assert.equal((await lenient.patch(`/Groups/${empty.id}`, add(bob.id))).status, 200);
  assert.deepEqual(await memberIds(empty), [ann.id, bob.id].sort());
});

test('P-3.5.2.2-02, P-3.5.1-03: active of a leaver stays false, whatever clears it', async () => {
  const leaver = await lenient.create('/Users', newUser({ active: false }));
  const path = `/Users/${leaver.id}`;
  for (const client of [lenient, strict]) {
    for (const operation of [
      { op: 'remove', path: 'active' },
      { op: 'replace', path: 'active', value: null },
      { op: 'replace', value: { active: null } },
      { op: 'add', path: 'active', value: null },
    ])
      assert.equal((await client.patch(path, operation)).json.active, false, JSON.stringify(operation));
    for (const more of [{}, { active: null }]) {
      const put = await client.request('PUT', path, { body: { ...newUser(), ...more } });
      assert.equal(put.json.active, false);
    }
  }
  for (const active of [[], { value: null }]) {
    const put = await lenient.request('PUT', path, { body: { ...newUser(), active } });
    assert.equal(put.json.active, false, put.text);
  }
  const empty = await lenient.create('/Users', newUser({ active: [] }));
  assert.equal(empty.active, true);
});

test('P-3.5.1-02: a PUT whose values name nothing is 400, and nothing is cleared', async () => {
  const person = await lenient.create(
    '/Users',
    newUser({ emails: [{ value: 'a@example.com' }], name: { givenName: 'A' } }),
  );
  for (const more of [
    { emails: [{ email: 'b@example.com' }] },
    { emails: [{}] },
    { emails: {} },
    { name: { name: { givenName: 'B' } } },
    { name: {} },
    { 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { id: '7' } } },
  ]) {
    const put = await lenient.request('PUT', `/Users/${person.id}`, { body: { ...newUser(), ...more } });
    refused(put, 400, 'invalidValue', /contains no attribute of|has no value/);
  }
  assert.deepEqual(await lenient.read(`/Users/${person.id}`), person);
});

test('P-3.3-08: a POST whose values name nothing is 400; null and empty objects say nothing there', async () => {
  for (const more of [{ emails: [{ email: 'b@example.com' }] }, { name: { first: 'B' } }])
    refused(
      await lenient.request('POST', '/Users', { body: newUser(more) }),
      400,
      'invalidValue',
      /contains no attribute of/,
    );
  const person = await lenient.create(
    '/Users',
    newUser({ emails: [null], name: {}, phoneNumbers: [{ value: null }] }),
  );
  assert.deepEqual([person.emails, person.name, person.phoneNumbers], [undefined, undefined, undefined]);
  const emails = [{}, { value: 'a@example.com' }, { value: null, type: null }, { Value: 'b@example.com' }];
  const two = await lenient.create('/Users', newUser({ emails }));
  assert.deepEqual(two.emails, [{ value: 'a@example.com' }, { value: 'b@example.com' }]);
  // The places of the others are those in the request.
  const wrong = newUser({ emails: [{}, { value: 7 }] });
  refused(
    await lenient.request('POST', '/Users', { body: wrong }),
    400,
    'invalidValue',
    /emails\[1\]\.value/,
  );
});
