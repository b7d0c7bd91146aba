import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterpriseSchema, newGroup, newUser, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

const work = { value: 'a@example.com', type: 'work' };
const home = { value: 'b@example.com', type: 'home' };

/** Creates a resource, patches it and gives what it is then, as answered and as read. */
async function patched(path: string, body: unknown, ...operations: Record<string, unknown>[]) {
  const { id } = await client.create(path, body);
  const answer = await client.patch(`${path}/${id}`, ...operations);
  assert.equal(answer.status, 200, answer.text);
  const read = await client.read(`${path}/${id}`);
  assert.deepEqual(answer.json, read);
  return read;
}

const user = (more: Record<string, unknown>, ...operations: Record<string, unknown>[]) =>
  patched('/Users', newUser(more), ...operations);
const group = (more: Record<string, unknown>, ...operations: Record<string, unknown>[]) =>
  patched('/Groups', newGroup(more), ...operations);

test('P-3.5.2.1-01: add needs a value', async () => {
  const { id } = await client.create('/Users', newUser());
  for (const path of ['title', 'emails', undefined]) {
    refused(await client.patch(`/Users/${id}`, { op: 'add', path }), 400, 'invalidValue', /value/);
  }
  refused(await client.patch(`/Users/${id}`, { op: 'replace', path: 'title' }), 400, 'invalidValue', /value/);
});

test('P-3.5.2.1-02: add without path merges an object of attributes into the resource', async () => {
  const value = {
    emails: [home],
    nickName: 'Babs',
    name: { givenName: 'B' },
    [enterpriseSchema]: { department: 'd' },
  };
  const after = await user({ emails: [work], name: { familyName: 'J' } }, { op: 'add', value });
  assert.deepEqual(after.emails, [work, home]);
  assert.equal(after.nickName, 'Babs');
  assert.deepEqual(after.name, { familyName: 'J', givenName: 'B' });
  assert.deepEqual(after[enterpriseSchema], { department: 'd' });
});

test('P-3.5.2.1-03: add creates an attribute that is not there', async () => {
  const after = await user(
    {},
    { op: 'add', path: 'title', value: 'Guide' },
    { op: 'add', path: 'emails', value: [work] },
    { op: 'add', path: 'name.givenName', value: 'B' },
  );
  assert.equal(after.title, 'Guide');
  assert.deepEqual(after.emails, [work]);
  assert.deepEqual(after.name, { givenName: 'B' });
});

test('P-3.5.2.1-04: add to a complex attribute adds the sub-attributes given; a scalar is refused', async () => {
  const name = { familyName: 'J', honorificPrefix: 'Ms.' };
  const after = await user(
    { name },
    { op: 'add', path: 'name', value: { givenName: 'B', honorificPrefix: 'Dr.' } },
  );
  assert.deepEqual(after.name, { familyName: 'J', givenName: 'B', honorificPrefix: 'Dr.' });
  const { id } = await client.create('/Users', newUser({ name }));
  refused(
    await client.patch(`/Users/${id}`, { op: 'add', path: 'name', value: 'x' }),
    400,
    'invalidValue',
    /^Operations\[0\]\.value must be an object/,
  );
});

test('P-3.5.2.1-05: add to a multi-valued attribute appends, one value or several', async () => {
  assert.deepEqual((await user({ emails: [work] }, { op: 'add', path: 'emails', value: [home] })).emails, [
    work,
    home,
  ]);
  const after = await group(
    { members: [{ value: 'a' }] },
    { op: 'add', path: 'members', value: [{ value: 'b' }, { value: 'c' }] },
  );
  assert.deepEqual(after.members, [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
  const one = await group(
    { members: [{ value: 'a' }] },
    { op: 'add', path: 'members', value: { value: 'b' } },
    { op: 'add', value: { members: { value: 'c' } } },
  );
  assert.deepEqual(one.members, [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
  assert.deepEqual((await user({ emails: [work] }, { op: 'add', path: 'emails', value: home })).emails, [
    work,
    home,
  ]);
});

test('P-3.5.2.1-05: what is added to a value that is there is added to it, and the rest of it stays', async () => {
  const emails = [{ ...work, primary: true }, home];
  const after = await user(
    { emails },
    { op: 'add', path: 'emails', value: [{ ...work, display: 'At work' }] },
    { op: 'add', path: 'emails[type eq "home"]', value: { display: 'At home' } },
  );
  assert.deepEqual(after.emails, [
    { ...work, display: 'At work', primary: true },
    { ...home, display: 'At home' },
  ]);
});

test('P-3.5.2.1-06: add to a single-valued attribute replaces its value', async () => {
  const { userName } = newUser();
  const after = await user(
    { title: 'a' },
    { op: 'add', path: 'title', value: 'b' },
    { op: 'add', path: 'userName', value: userName },
  );
  assert.equal(after.title, 'b');
  assert.equal(after.userName, userName);
});

test('P-3.5.2.1-07, P-3.5.2.1-08: adding what is there succeeds and changes nothing, neither version nor lastModified', async () => {
  const person = await client.create(
    '/Users',
    newUser({ title: 'a', emails: [work], name: { givenName: 'B' } }),
  );
  const team = await client.create('/Groups', newGroup({ members: [{ value: person.id }] }));
  const unchanged = await client.read(`/Users/${person.id}`);
  for (const operation of [
    { op: 'add', path: 'title', value: 'a' },
    { op: 'add', path: 'emails', value: [work] },
    { op: 'add', path: 'name.givenName', value: 'B' },
    { op: 'add', value: { title: 'a', emails: [work], name: { givenName: 'B' } } },
    { op: 'replace', path: 'emails', value: [work] },
  ]) {
    const answer = await client.patch(`/Users/${person.id}`, operation);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, unchanged);
    assert.equal(answer.headers.get('etag'), person.meta.version);
  }
  for (const value of [[{ value: person.id }], [{ value: person.id, display: 'other' }]]) {
    const answer = await client.patch(`/Groups/${team.id}`, { op: 'add', path: 'members', value });
    assert.deepEqual(answer.json, team);
  }
  assert.deepEqual(await client.read(`/Users/${person.id}`), unchanged);
  assert.deepEqual(await client.read(`/Groups/${team.id}`), team);
});

test('P-3.5.2.2-02, P-3.5.2.2-03: remove unassigns a single value, and all values of a multi-valued attribute', async () => {
  const after = await user(
    { title: 'a', emails: [work, home], name: { givenName: 'B', familyName: 'J' }, nickName: 'n' },
    { op: 'remove', path: 'title' },
    { op: 'remove', path: 'emails' },
    { op: 'remove', path: 'name.givenName' },
  );
  assert.ok(!('title' in after) && !('emails' in after));
  assert.deepEqual(after.name, { familyName: 'J' });
  assert.equal(after.nickName, 'n');
  assert.deepEqual(await client.find('/Users', `id eq "${after.id}" and (title pr or emails pr)`), []);
  assert.ok(!('members' in (await group({ members: [{ value: 'a' }] }, { op: 'remove', path: 'members' }))));
});

test('P-3.5.2.2-04: remove with a filter removes what matches, and unassigns the attribute when nothing is left', async () => {
  const emails = [work, home, { value: 'c@example.net', type: 'work' }];
  const remove = (path: string) => user({ emails }, { op: 'remove', path });
  assert.deepEqual((await remove('emails[type eq "home"]')).emails, [emails[0], emails[2]]);
  assert.deepEqual((await remove('emails[type eq "work" and value ew ".com"]')).emails, [
    emails[1],
    emails[2],
  ]);
  assert.ok(!('emails' in (await remove('emails[value pr]'))));
  const members = [{ value: 'a' }, { value: 'b' }];
  assert.deepEqual((await group({ members }, { op: 'remove', path: 'members[value eq "a"]' })).members, [
    members[1],
  ]);
  const all = await group({ members }, { op: 'remove', path: 'members[value eq "a" or value eq "b"]' });
  assert.ok(!('members' in all));
});

test('P-3.5.2.2-05: remove with a filter and a sub-attribute removes just that', async () => {
  const addresses = [
    { type: 'work', postalCode: '1', locality: 'L' },
    { type: 'home', postalCode: '2' },
  ];
  const after = await user({ addresses }, { op: 'remove', path: 'addresses[type eq "work"].postalCode' });
  assert.deepEqual(after.addresses, [{ type: 'work', locality: 'L' }, addresses[1]]);
});

test('P-3.5.2.2-06: what is required or read-only cannot be removed or emptied', async () => {
  const person = await client.create('/Users', newUser());
  const team = await client.create('/Groups', newGroup({ members: [{ value: person.id }] }));
  for (const operation of [
    { op: 'remove', path: 'userName' },
    { op: 'replace', path: 'userName', value: null },
    { op: 'remove', path: 'id' },
    { op: 'remove', path: 'meta' },
    { op: 'remove', path: 'meta.version' },
    { op: 'remove', path: 'groups' },
    { op: 'remove', path: `groups[value eq "${team.id}"]` },
    { op: 'remove', path: 'schemas' },
  ]) {
    refused(await client.patch(`/Users/${person.id}`, operation), 400, 'mutability');
  }
  refused(await client.patch(`/Groups/${team.id}`, { op: 'remove', path: 'displayName' }), 400, 'mutability');
  assert.equal((await client.read(`/Users/${person.id}`)).groups.length, 1);
  assert.deepEqual(await client.read(`/Groups/${team.id}`), team);
});

test('P-3.5.2.2-07: removing what is not there succeeds and changes nothing', async () => {
  const team = await client.create('/Groups', newGroup({ members: [{ value: 'a' }] }));
  const person = await client.create('/Users', newUser({ emails: [work] }));
  for (const [path, operation, before] of [
    [`/Groups/${team.id}`, { op: 'remove', path: 'members[value eq "unknown"]' }, team],
    [`/Users/${person.id}`, { op: 'remove', path: 'title' }, person],
    [`/Users/${person.id}`, { op: 'remove', path: 'name.givenName' }, person],
  ] as const) {
    const answer = await client.patch(path, operation);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, before);
  }
});

test('P-3.12-21: a filter that matches nothing is 400 noTarget for every operation, by default only where nothing can be made of it', async () => {
  const lenient = await newClient(server, { tenant: client.tenant });
  const name = { givenName: 'B', familyName: 'J' };
  const person = await client.create('/Users', newUser({ emails: [work], name }));
  const team = await client.create('/Groups', newGroup({ members: [{ value: 'a', type: 'User' }] }));
  for (const [path, before, operation, accepted] of [
    [`/Users/${person.id}`, person, { op: 'remove', path: 'emails[type eq "other"]' }, true],
    [`/Users/${person.id}`, person, { op: 'remove', path: 'emails[type eq "other"].display' }, true],
    [`/Users/${person.id}`, person, { op: 'remove', path: 'name[givenName eq "X"]' }, true],
    [`/Users/${person.id}`, person, { op: 'remove', path: 'phoneNumbers[type eq "work"]' }, true],
    [
      `/Users/${person.id}`,
      person,
      { op: 'add', path: 'name[givenName eq "X"].familyName', value: 'C' },
      false,
    ],
    [`/Users/${person.id}`, person, { op: 'replace', path: 'name[givenName eq "X"]', value: name }, false],
    [`/Groups/${team.id}`, team, { op: 'remove', path: 'members[type eq "Group"]' }, true],
  ] as const) {
    const strict = await client.patch(path, operation);
    refused(strict, 400, 'noTarget');
    const answer = await lenient.patch(path, operation);
    if (accepted) assert.deepEqual(answer.json, before, operation.path);
    else assert.equal(answer.status, 400, operation.path);
    assert.deepEqual(await client.read(path), before);
  }
  for (const op of ['add', 'replace']) {
    const operation = { op, path: 'members[value eq "b"]', value: { value: 'b' } };
    refused(await client.patch(`/Groups/${team.id}`, operation), 400, 'noTarget', /members/);
  }
  const added = { op: 'add', path: 'emails[type eq "other"].value', value: 'o@example.com' };
  refused(await client.patch(`/Users/${person.id}`, added), 400, 'noTarget');
  const { json } = await lenient.patch(`/Users/${person.id}`, added);
  assert.deepEqual(json.emails, [work, { value: 'o@example.com', type: 'other' }]);
});

test('P-3.5.2.1-03: add by a value path to an attribute without a value creates it (strict too: there is no target yet)', async () => {
  const after = await user(
    {},
    { op: 'add', path: 'emails[type eq "work"]', value: { Type: 'work', VALUE: 'a@example.com' } },
  );
  assert.deepEqual(after.emails, [work]);
});

test('P-3.5.2.3-01: replace without path replaces the attributes of its value and no others', async () => {
  const value = { emails: [home], nickName: 'new' };
  const after = await user({ emails: [work], nickName: 'old', title: 'kept' }, { op: 'replace', value });
  assert.deepEqual(after.emails, [home]);
  assert.equal(after.nickName, 'new');
  assert.equal(after.title, 'kept');
});

test('P-3.5.2.3-02, P-3.5.2.3-04: replace replaces a single value, and adds one that is not there', async () => {
  const { userName } = newUser();
  const after = await user(
    { nickName: 'old' },
    { op: 'replace', path: 'userName', value: userName },
    { op: 'replace', path: 'nickName', value: 'new' },
    { op: 'replace', path: 'title', value: 'first' },
    { op: 'replace', path: 'name.givenName', value: 'B' },
    { op: 'replace', path: 'emails', value: [work] },
  );
  assert.equal(after.userName, userName);
  assert.equal(after.nickName, 'new');
  assert.equal(after.title, 'first');
  assert.deepEqual(after.name, { givenName: 'B' });
  assert.deepEqual(after.emails, [work]);
});

test('P-3.5.2.3-03: replace of a multi-valued attribute replaces all its values', async () => {
  assert.deepEqual(
    (await user({ emails: [work, home] }, { op: 'replace', path: 'emails', value: [home] })).emails,
    [home],
  );
  const after = await group(
    { members: [{ value: 'a' }, { value: 'b' }] },
    { op: 'replace', path: 'members', value: [{ value: 'c' }, { value: 'b' }] },
  );
  assert.deepEqual(after.members, [{ value: 'b' }, { value: 'c' }]);
  for (const value of [[], null]) {
    assert.ok(!('emails' in (await user({ emails: [work] }, { op: 'replace', path: 'emails', value }))));
    assert.ok(
      !('members' in (await group({ members: [{ value: 'a' }] }, { op: 'replace', path: 'members', value }))),
    );
  }
});

test('P-3.5.2.3-05: replace of a complex attribute replaces the sub-attributes given and keeps the others', async () => {
  const name = { familyName: 'J', givenName: 'A' };
  const after = await user(
    { name },
    { op: 'replace', path: 'name', value: { givenName: 'B', middleName: 'M' } },
  );
  assert.deepEqual(after.name, { familyName: 'J', givenName: 'B', middleName: 'M' });
});

test('P-3.5.2.3-06: replace with a filter replaces every value that matches, as a whole', async () => {
  const addresses = [
    { type: 'work', locality: 'old 1', postalCode: '1' },
    { type: 'home', locality: 'home' },
    { type: 'work', locality: 'old 2', region: 'r' },
  ];
  const one = await user(
    { addresses },
    { op: 'replace', path: 'addresses[type eq "home"]', value: { type: 'other', region: 'x' } },
  );
  assert.deepEqual(one.addresses[1], { region: 'x', type: 'other' });
  const both = await user(
    { emails: [work, home, { value: 'c@example.com', type: 'work', display: 'C' }] },
    { op: 'replace', path: 'emails[type eq "work"]', value: { value: 'new@example.com', type: 'work' } },
  );
  assert.ok(!JSON.stringify(both.emails).includes('"C"'));
  assert.deepEqual(
    both.emails.filter((email: { type: string }) => email.type === 'work'),
    [{ value: 'new@example.com', type: 'work' }],
    'both became the same value, which is there once',
  );
});

test('P-3.5.2.3-07: replace with a filter and a sub-attribute replaces it in every value that matches', async () => {
  const emails = [work, home, { value: 'c@example.com', type: 'work' }];
  const after = await user({ emails }, { op: 'replace', path: 'emails[type eq "work"].display', value: 'D' });
  assert.deepEqual(
    after.emails.map((email: { display?: string }) => email.display),
    ['D', undefined, 'D'],
  );
  const one = await user(
    { emails },
    { op: 'replace', path: 'emails[type eq "home"].value', value: 'n@example.com' },
  );
  assert.equal(one.emails[1].value, 'n@example.com');
  assert.equal(one.emails[0].value, work.value);
});

test('P-3.5.2.3-08, P-3.12-21: replace with a filter that matches nothing is 400 noTarget', async () => {
  const before = await client.create('/Users', newUser({ emails: [work] }));
  for (const operation of [
    { op: 'replace', path: 'emails[type eq "pager"].value', value: 'x@example.com' },
    { op: 'replace', path: 'emails[type eq "pager"]', value: { value: 'x@example.com' } },
    { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '1' },
    { op: 'replace', path: 'emails[value co "nobody"].type', value: 'home' },
  ]) {
    refused(await client.patch(`/Users/${before.id}`, operation), 400, 'noTarget');
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.12-21: by default a replace whose filter describes a value creates it; one that does not is noTarget still', async () => {
  const lenient = await newClient(server);
  const { id } = await lenient.create('/Users', newUser({ emails: [work] }));
  const path = 'phoneNumbers[type eq "work"].value';
  const created = await lenient.patch(`/Users/${id}`, { op: 'replace', path, value: '1' });
  assert.deepEqual(created.json.phoneNumbers, [{ value: '1', type: 'work' }]);
  const operation = { op: 'replace', path: 'emails[value co "nobody"].type', value: 'home' };
  refused(await lenient.patch(`/Users/${id}`, operation), 400, 'noTarget');
});
