import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  enterpriseSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server, { tenant: 'default' });
});
after(() => server.close());

type Operation = Readonly<Record<string, unknown>>;
const created = (body: unknown, path = '/Users') => client.create(path, body);
const read = (id: string) => client.read(`/Users/${id}`);
const found = (filter: string, path = '/Users') => client.find(path, filter);
const patched = (id: string, ...operations: Operation[]) => client.patched(`/Users/${id}`, ...operations);

test('S-2.4-01: multi-valued attributes are arrays, also with one value', async () => {
  const user = await created(
    newUser({
      emails: [{ value: 'a@example.com' }],
      roles: [{ value: 'admin' }],
      [lab]: { tags: ['one'], scores: [1] },
    }),
  );
  const group = await created(newGroup({ members: [{ value: user.id }] }), '/Groups');
  const json = await read(user.id);
  assert.deepEqual(json.emails, [{ value: 'a@example.com' }]);
  assert.deepEqual(json.roles, [{ value: 'admin' }]);
  assert.deepEqual(json[lab], { tags: ['one'], scores: [1] });
  assert.deepEqual(json.schemas, [userSchema, lab]);
  assert.equal(json.groups.length, 1);
  assert.ok(Array.isArray(group.members) && Array.isArray(group.schemas));
  const strict = await server.newToken({ idp: 'strict' });
  const single = newUser({ emails: { value: 'a@example.com' } });
  refused(
    await server.request('POST', '/Users', { body: single, token: strict }),
    400,
    'invalidValue',
    /emails/,
  );
});

test('S-2.4-02: type, primary, display, value and $ref mean in every schema what the RFC says', async () => {
  const { json } = await server.request('GET', '/Schemas');
  type Definition = { name: string; type: string; multiValued: boolean; subAttributes?: Definition[] };
  const complex = json.Resources.filter(({ id }: { id: string }) => !id.includes(':core:2.0:Schema'))
    .flatMap((schema: { attributes: Definition[] }) => schema.attributes)
    .filter((each: Definition) => each.type === 'complex' && each.multiValued) as Definition[];
  const wanted: Record<string, readonly string[]> = {
    type: ['string'],
    primary: ['boolean'],
    display: ['string'],
    $ref: ['reference'],
    value: ['string', 'reference', 'binary'],
  };
  const checked = complex.flatMap((each) => each.subAttributes ?? []).filter((sub) => sub.name in wanted);
  assert.ok(checked.length > 30);
  for (const sub of checked) {
    assert.ok(wanted[sub.name]?.includes(sub.type), sub.name);
    assert.equal(sub.multiValued, false, sub.name);
  }
});

test('S-2.4-03: no two values of an attribute are primary', async () => {
  const two = [
    { value: 'a@example.com', primary: true },
    { value: 'b@example.com', primary: true },
  ];
  refused(
    await server.request('POST', '/Users', { body: newUser({ emails: two }) }),
    400,
    'invalidValue',
    /primary/,
  );
  const user = await created(newUser({ emails: [two[0], { value: 'b@example.com' }] }));
  const put = { body: { ...user, emails: two } };
  refused(await server.request('PUT', `/Users/${user.id}`, put), 400, 'invalidValue');
  refused(
    await server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op: 'replace', path: 'emails', value: two }),
    }),
    400,
    'invalidValue',
  );
  assert.deepEqual(await read(user.id), user);
  const primaries = (json: Answer['json']) =>
    json.emails
      .filter((each: { primary?: boolean }) => each.primary)
      .map((each: { value: string }) => each.value);
  const added = await patched(user.id, {
    op: 'add',
    path: 'emails',
    value: [{ value: 'c@example.com', primary: true }],
  });
  assert.deepEqual(primaries(added), ['c@example.com']);
  const set = await patched(user.id, {
    op: 'replace',
    path: 'emails[value eq "b@example.com"].primary',
    value: true,
  });
  assert.deepEqual(primaries(set), ['b@example.com']);
  assert.equal(set.emails.length, 3);
});

test('S-2.4-04: a missing primary counts as false', async () => {
  const mark = `primary-${Date.now()}`;
  const [unstated, stated, only] = [
    await created(newUser({ title: mark, emails: [{ value: 'a@example.com' }] })),
    await created(newUser({ title: mark, emails: [{ value: 'a@example.com', primary: false }] })),
    await created(newUser({ title: mark, emails: [{ value: 'a@example.com', primary: true }] })),
  ];
  await created(newUser({ title: mark }));
  assert.deepEqual(await found(`title eq "${mark}" and emails[primary eq false]`), [unstated.id, stated.id]);
  assert.deepEqual(await found(`title eq "${mark}" and emails[primary ne true]`), [unstated.id, stated.id]);
  assert.deepEqual(await found(`title eq "${mark}" and emails[primary eq true]`), [only.id]);
  const json = await patched(unstated.id, { op: 'remove', path: 'emails[primary eq false]' });
  assert.ok(!('emails' in json));
});

test('S-2.4-05: $ref with a version segment, without one and with another one are equal', async () => {
  const user = await created(newUser());
  const group = await created(newGroup({ members: [{ value: user.id }] }), '/Groups');
  const origin = new URL(server.base).origin;
  for (const base of [server.base, `${origin}/scim`, `${origin}/scim/v1`, `${origin}/scim/v3`]) {
    const $ref = `${base}/Users/${user.id}`;
    assert.deepEqual(await found(`members.$ref eq "${$ref}"`, '/Groups'), [group.id], $ref);
    assert.deepEqual(await found(`members[$ref eq "${$ref}"]`, '/Groups'), [group.id], $ref);
    assert.deepEqual(await found(`groups.$ref eq "${base}/Groups/${group.id}"`), [user.id]);
    assert.deepEqual(await found(`meta.location eq "${$ref}"`), [user.id]);
  }
  assert.deepEqual(await found(`members.$ref eq "${server.base}/Groups/${user.id}"`, '/Groups'), []);
  const manager = { value: user.id, $ref: `${origin}/scim/v2/Users/${user.id}` };
  const report = await created(newUser({ [enterpriseSchema]: { manager } }));
  assert.deepEqual(report[enterpriseSchema].manager, manager);
  const filter = `${enterpriseSchema}:manager.$ref eq "${origin}/scim/Users/${user.id}"`;
  assert.deepEqual(await found(filter), [report.id]);
});

test('S-2.4-06, S-4.1.1-07: URLs compare in the normal form of RFC 3986 §6.2, and come back as they were sent', async () => {
  const sent = 'HTTP://EXAMPLE.com:80/%7Ea/./b/../c%3f?x=%7e';
  const user = await created(
    newUser({ profileUrl: sent, photos: [{ value: 'https://Photos.example.com/F.png', type: 'photo' }] }),
  );
  assert.equal(user.profileUrl, sent);
  const mine = `id eq "${user.id}" and `;
  for (const same of [
    sent,
    'http://example.com/~a/c%3F?x=~',
    'http://Example.com/%7Ea/c%3f?x=~',
    'http://example.com:80/~a/x/../c%3F?x=~',
  ]) {
    assert.deepEqual(await found(`${mine}profileUrl eq "${same}"`), [user.id], same);
  }
  for (const other of [
    'http://example.com/~A/c%3F?x=~',
    'https://example.com/~a/c%3F?x=~',
    'http://example.com/~a/c?',
    'http://example.com:8080/~a/c%3F?x=~',
  ]) {
    assert.deepEqual(await found(`${mine}profileUrl eq "${other}"`), [], other);
  }
  assert.deepEqual(await found(`${mine}photos.value eq "HTTPS://photos.EXAMPLE.com:443/F.png"`), [user.id]);
  assert.deepEqual(await found(`${mine}photos.value sw "https://photos.example.com"`), [user.id]);
  const json = await patched(user.id, {
    op: 'remove',
    path: 'photos[value eq "https://photos.example.com/F.png"]',
  });
  assert.ok(!('photos' in json));
});

test('S-2.4-07: a type is kept as sent and found in any letter case', async () => {
  const user = await created(newUser({ emails: [{ value: 'a@example.com', type: 'WORK' }] }));
  assert.equal(user.emails[0].type, 'WORK');
  assert.deepEqual(await found(`id eq "${user.id}" and emails[type eq "work"]`), [user.id]);
});

test('S-2.4-08: one value may stand there under several types', async () => {
  const emails = [
    { value: 'a@example.com', type: 'work' },
    { value: 'a@example.com', type: 'home' },
  ];
  assert.deepEqual((await created(newUser({ emails }))).emails, emails);
});

test('S-2.4-09: the same pair of type and value is there once', async () => {
  const email = { value: 'a@example.com', type: 'work' };
  const user = await created(newUser({ emails: [email, email, { ...email, type: 'Work' }] }));
  assert.deepEqual(user.emails, [email]);
  const again = await patched(user.id, { op: 'add', path: 'emails', value: [email] });
  assert.deepEqual(again, user);
  const tagged = await patched(
    user.id,
    { op: 'add', path: `${lab}:tags`, value: ['a', 'b'] },
    { op: 'add', path: `${lab}:tags`, value: ['b', 'c'] },
  );
  assert.deepEqual(tagged[lab].tags, ['a', 'b', 'c']);
});

test('S-2.5-01: absent, null and [] are one state', async () => {
  const mark = `null-${Date.now()}`;
  const states: Record<string, unknown>[] = [
    {},
    { nickName: null, roles: null, name: null, [enterpriseSchema]: null },
    { roles: [], name: {}, [enterpriseSchema]: {} },
    { name: { givenName: null }, [enterpriseSchema]: { manager: { value: null }, department: null } },
  ];
  const users = [];
  for (const state of states) users.push(await created(newUser({ title: mark, ...state })));
  for (const user of users) {
    const { id: _, meta: __, userName: ___, ...rest } = user;
    assert.deepEqual(rest, { schemas: [userSchema], title: mark, active: true });
  }
  const ids = users.map((user) => user.id);
  for (const path of [
    'nickName',
    'roles',
    'name',
    'name.givenName',
    `${enterpriseSchema}:department`,
    `${enterpriseSchema}:manager`,
  ]) {
    assert.deepEqual(await found(`title eq "${mark}" and ${path} pr`), [], path);
    assert.deepEqual(await found(`title eq "${mark}" and ${path} eq null`), ids, path);
  }
});

test('S-2.5-02: writing null or [] makes an attribute unassigned', async () => {
  const full = {
    nickName: 'Babs',
    name: { givenName: 'B', familyName: 'J' },
    emails: [{ value: 'a@example.com' }],
    [enterpriseSchema]: { department: 'Tours', manager: { value: 'm' } },
    [lab]: { tags: ['a'], weight: 1.5, desk: { room: '1' } },
  };
  const empty = {
    nickName: null,
    name: { givenName: null, familyName: null },
    emails: [],
    [enterpriseSchema]: { department: null, manager: null },
    [lab]: { tags: [], weight: null, desk: null },
  };
  const gone = (json: Answer['json']) => {
    const { id: _, meta: __, userName: ___, ...rest } = json;
    assert.deepEqual(rest, { schemas: [userSchema], active: true });
  };
  const byPut = await created(newUser(full));
  const put = await server.request('PUT', `/Users/${byPut.id}`, { body: { ...byPut, ...empty } });
  gone(put.json);
  gone(await read(byPut.id));
  const byPath = await created(newUser(full));
  gone(
    await patched(
      byPath.id,
      { op: 'replace', path: 'nickName', value: null },
      { op: 'replace', path: 'name.givenName', value: null },
      { op: 'add', path: 'name.familyName', value: null },
      { op: 'replace', path: 'emails', value: [] },
      { op: 'replace', path: `${enterpriseSchema}:department`, value: null },
      { op: 'replace', path: `${enterpriseSchema}:manager.value`, value: null },
      { op: 'replace', path: `${lab}:tags`, value: [] },
      { op: 'replace', path: `${lab}:weight`, value: null },
      { op: 'remove', path: `${lab}:desk` },
    ),
  );
  gone(await read(byPath.id));
  const byValue = await created(newUser(full));
  gone(await patched(byValue.id, { op: 'replace', value: empty }));
  gone(await read(byValue.id));
});

test('S-2.5-03: what is unassigned is left out of every answer, and leaves no empty object behind', async () => {
  const user = await created(
    newUser({
      name: { givenName: 'B' },
      emails: [{ value: 'a@example.com' }],
      [lab]: { desk: { room: '1' } },
    }),
  );
  const json = await patched(
    user.id,
    { op: 'remove', path: 'name.givenName' },
    { op: 'remove', path: 'emails[value eq "a@example.com"]' },
    { op: 'remove', path: `${lab}:desk` },
  );
  const expected = { schemas: [userSchema], id: user.id, userName: user.userName, active: true };
  const shown = async (parameters: string) => {
    const { meta: _, ...rest } = (await server.request('GET', `/Users/${user.id}${parameters}`)).json;
    return rest;
  };
  const { meta: _, ...rest } = json;
  assert.deepEqual(rest, expected);
  assert.deepEqual(await shown(''), expected);
  assert.deepEqual(await shown('?attributes=name,emails,userName,active'), expected);
});
