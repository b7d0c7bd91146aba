import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  patchSchema,
  searchSchema,
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
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

const user = (more: Record<string, unknown> = {}) => client.create('/Users', newUser(more));

test('P-3.5-02: PATCH is supported and announced', async () => {
  assert.deepEqual((await client.read('/ServiceProviderConfig')).patch, { supported: true });
  const { id } = await user();
  assert.equal(
    (await client.patch(`/Users/${id}`, { op: 'add', path: 'title', value: 'x' })).json.title,
    'x',
  );
});

test('P-3.5.2-02: JSON Patch is another protocol: no pointers, no indexes, no move, copy or test', async () => {
  const before = await user({ emails: [{ value: 'a@example.com' }] });
  for (const path of ['/emails/0', '/title', 'emails[0]', 'emails/0/value', '#/title']) {
    refused(
      await client.patch(`/Users/${before.id}`, { op: 'replace', path, value: 'x' }),
      400,
      'invalidPath',
    );
  }
  for (const op of ['move', 'copy', 'test']) {
    const operation = { op, path: 'title', from: 'nickName', value: 'x' };
    refused(await client.patch(`/Users/${before.id}`, operation), 400, 'invalidSyntax');
  }
  const body = [{ op: 'replace', path: '/title', value: 'x' }];
  refused(await client.request('PATCH', `/Users/${before.id}`, { body }), 400, 'invalidSyntax');
  const headers = { 'content-type': 'application/json-patch+json' };
  refused(await client.request('PATCH', `/Users/${before.id}`, { body, headers }), 415);
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.5.2-03, P-3.5.2-04, P-3.12-19: the body is a PatchOp message with at least one operation', async () => {
  const before = await user();
  const Operations = [{ op: 'add', path: 'title', value: 'x' }];
  for (const body of [
    { Operations },
    { schemas: [], Operations },
    { schemas: [userSchema], Operations },
    { schemas: [searchSchema], Operations },
    { schemas: patchSchema, Operations },
    { schemas: [patchSchema] },
    { schemas: [patchSchema], Operations: {} },
    { schemas: [patchSchema], Operations: [] },
    { schemas: [patchSchema], Operations: ['add'] },
    { schemas: [patchSchema], Operations: [null] },
    { schemas: [patchSchema], Operations: Operations[0] },
    [],
    'x',
  ]) {
    refused(await client.request('PATCH', `/Users/${before.id}`, { body }), 400, 'invalidSyntax');
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.5.2-05: each operation has one op: add, remove or replace', async () => {
  const before = await user();
  for (const op of [undefined, null, '', 'set', 'adds', 1, ['add'], 'Add']) {
    const answer = await client.patch(`/Users/${before.id}`, { op, path: 'title', value: 'x' });
    refused(answer, 400, 'invalidSyntax', /op/);
  }
  for (const operation of [
    '{"op":"add","op":"remove","path":"title","value":"x"}',
    '{"op":"add","OP":"remove","path":"title","value":"x"}',
    '{"op":"add","path":"title","path":"nickName","value":"x"}',
  ]) {
    const body = `{"schemas":["${patchSchema}"],"Operations":[${operation}]}`;
    refused(await client.request('PATCH', `/Users/${before.id}`, { body }), 400, 'invalidSyntax');
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.5.2-06, P-3.5.2.2-01: add and replace need no path, remove does', async () => {
  const { id } = await user();
  assert.equal((await client.patch(`/Users/${id}`, { op: 'add', value: { title: 'a' } })).json.title, 'a');
  assert.equal(
    (await client.patch(`/Users/${id}`, { op: 'replace', value: { title: 'b' } })).json.title,
    'b',
  );
  refused(await client.patch(`/Users/${id}`, { op: 'remove' }), 400, 'noTarget', /path/);
  refused(await client.patch(`/Users/${id}`, { op: 'remove', value: { title: 'b' } }), 400, 'noTarget');
  assert.equal((await client.read(`/Users/${id}`)).title, 'b');
});

test('P-3.5.2-07, P-3.12-20: a path that is malformed or names nothing of the schema is 400 invalidPath', async () => {
  const before = await user({ emails: [{ value: 'a@example.com', type: 'work' }] });
  for (const path of [
    '',
    ' ',
    'emails[',
    'emails[]',
    'emails[type eq "work"',
    'emails]',
    'a..b',
    '.title',
    'title.',
    'name.givenName.x',
    'emails[type eq "work"].',
    'emails[type eq "work"].value.x',
    'emails[type eq "work"]value',
    'nope',
    'name.nope',
    'emails[type eq "work"].nope',
    'title[value eq "x"]',
    'emails.value[type eq "work"]',
    `${groupSchema}:displayName`,
    `${enterpriseSchema}:nope`,
    'urn:unknown:title',
    'title eq "x"',
    5,
  ]) {
    const answer = await client.patch(`/Users/${before.id}`, { op: 'replace', path, value: 'x' });
    refused(answer, 400, 'invalidPath', /^Operations\[0\]\.path/);
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.12-15: a value filter that asks what the attribute does not have is 400', async () => {
  const before = await user({ emails: [{ value: 'a@example.com', type: 'work' }] });
  for (const path of [
    'emails[nope eq "x"]',
    'emails[type xx "work"]',
    'emails[primary gt true]',
    'emails[type eq 5]',
  ]) {
    const answer = await client.patch(`/Users/${before.id}`, { op: 'remove', path });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.scimType, /^invalid(Filter|Path)$/, path);
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.5.2-08, P-3.10-01: a path may carry its URN, before a value filter too, or be the URN of an extension', async () => {
  const { id } = await user({ emails: [{ value: 'a@example.com', type: 'work' }] });
  const answer = await client.patch(
    `/Users/${id}`,
    { op: 'add', path: `${userSchema}:name.givenName`, value: 'Barbara' },
    { op: 'replace', path: `${userSchema}:emails[type eq "work"].value`, value: 'b@example.com' },
    { op: 'add', path: `${enterpriseSchema}:manager.value`, value: 'm' },
    { op: 'add', path: enterpriseSchema, value: { department: 'Tours' } },
    { op: 'add', path: `${lab}:contacts`, value: [{ value: 'c', type: 'work' }] },
    { op: 'replace', path: `${lab}:contacts[type eq "work"].value`, value: 'd' },
  );
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json.name, { givenName: 'Barbara' });
  assert.deepEqual(answer.json.emails, [{ value: 'b@example.com', type: 'work' }]);
  assert.deepEqual(answer.json[enterpriseSchema], { department: 'Tours', manager: { value: 'm' } });
  assert.deepEqual(answer.json[lab], { contacts: [{ value: 'd', type: 'work' }] });
  const removed = await client.patch(
    `/Users/${id}`,
    { op: 'remove', path: enterpriseSchema },
    { op: 'remove', path: `${lab}:contacts[value eq "d"]` },
  );
  assert.deepEqual(removed.json.schemas, [userSchema]);
  assert.ok(!(enterpriseSchema in removed.json) && !(lab in removed.json));
});

test('P-3.5.2-09, P-3.12-18, P-3.12-22: what mutability or schema do not allow is 400 mutability or invalidValue', async () => {
  const before = await user({ emails: [{ value: 'a@example.com' }] });
  for (const [operation, scimType] of [
    [{ op: 'replace', path: 'id', value: 'x' }, 'mutability'],
    [{ op: 'add', path: 'groups', value: [{ value: 'g' }] }, 'mutability'],
    [{ op: 'replace', path: 'meta.created', value: '1999-01-01T00:00:00Z' }, 'mutability'],
    [{ op: 'replace', value: { id: 'x' } }, 'mutability'],
    [{ op: 'add', path: `${lab}:issued`, value: 'x' }, 'mutability'],
    [{ op: 'replace', path: 'active', value: 'x' }, 'invalidValue'],
    [{ op: 'replace', path: 'active', value: 'true' }, 'invalidValue'],
    [{ op: 'replace', path: 'title', value: 5 }, 'invalidValue'],
    [{ op: 'replace', path: 'title', value: {} }, 'invalidValue'],
    [{ op: 'add', path: 'name', value: ['x'] }, 'invalidValue'],
    [{ op: 'add', path: 'emails', value: 'a@example.com' }, 'invalidValue'],
    [{ op: 'replace', path: 'emails[value eq "a@example.com"].primary', value: 'x' }, 'invalidValue'],
    [{ op: 'replace', path: `${lab}:floor`, value: 1.5 }, 'invalidValue'],
    [{ op: 'add', value: 'x' }, 'invalidValue'],
  ] as const) {
    refused(await client.patch(`/Users/${before.id}`, operation), 400, scimType);
  }
  assert.deepEqual(await client.read(`/Users/${before.id}`), before);
});

test('P-3.5.2-10: an immutable attribute may be added once', async () => {
  const { id } = await user();
  const add = (value: string) =>
    client.patch(`/Users/${id}`, { op: 'add', path: `${lab}:birthplace`, value });
  assert.equal((await add('Berlin')).json[lab].birthplace, 'Berlin');
  assert.equal((await add('Berlin')).status, 200);
  refused(await add('Paris'), 400, 'mutability', /birthplace/);
  refused(await client.patch(`/Users/${id}`, { op: 'remove', path: `${lab}:birthplace` }), 400, 'mutability');
});

test('P-3.5.2-11: paths and values are read by the schemas of the resource; the message names only PatchOp', async () => {
  const { id } = await user({
    schemas: [userSchema, enterpriseSchema],
    [enterpriseSchema]: { employeeNumber: '1' },
  });
  const answer = await client.patch(
    `/Users/${id}`,
    { op: 'replace', path: 'title', value: 'x' },
    { op: 'replace', path: `${enterpriseSchema}:employeeNumber`, value: '2' },
    { op: 'replace', value: { nickName: 'n', [enterpriseSchema]: { department: 'd' } } },
  );
  assert.equal(answer.json.title, 'x');
  assert.equal(answer.json.nickName, 'n');
  assert.deepEqual(answer.json[enterpriseSchema], { employeeNumber: '2', department: 'd' });
});

test('P-3.5.2-12: later operations see the schemas as earlier ones left them', async () => {
  const { id } = await user();
  const answer = await client.patch(
    `/Users/${id}`,
    { op: 'add', path: 'schemas', value: [enterpriseSchema] },
    { op: 'add', path: 'employeeNumber', value: '1' },
    { op: 'add', path: `${enterpriseSchema}:department`, value: 'd' },
  );
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json.schemas, [userSchema, enterpriseSchema]);
  assert.deepEqual(answer.json[enterpriseSchema], { employeeNumber: '1', department: 'd' });
});

test('P-3.5.2-13: writing an extension attribute adds its URN to schemas', async () => {
  const { id } = await user();
  const path = `${enterpriseSchema}:employeeNumber`;
  const added = await client.patch(`/Users/${id}`, { op: 'add', path, value: '1' });
  assert.deepEqual(added.json.schemas, [userSchema, enterpriseSchema]);
  const removed = await client.patch(`/Users/${id}`, { op: 'remove', path });
  assert.deepEqual(removed.json.schemas, [userSchema]);
});

test('P-3.5.2-14: operations run in order, each on what the one before left', async () => {
  const { id } = await user({ emails: [{ value: 'a@example.com' }] });
  const answer = await client.patch(
    `/Users/${id}`,
    { op: 'add', path: 'title', value: 'a' },
    { op: 'replace', path: 'title', value: 'b' },
    { op: 'remove', path: 'emails' },
    { op: 'add', path: 'emails', value: [{ value: 'b@example.com', type: 'work' }] },
    { op: 'replace', path: 'emails[type eq "work"].value', value: 'c@example.com' },
    { op: 'add', path: 'nickName', value: 'n' },
    { op: 'remove', path: 'nickName' },
  );
  assert.equal(answer.json.title, 'b');
  assert.deepEqual(answer.json.emails, [{ value: 'c@example.com', type: 'work' }]);
  assert.ok(!('nickName' in answer.json));
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }, { value: 'b' }] }));
  const members = await client.patch(
    `/Groups/${group.id}`,
    { op: 'add', path: 'members', value: [{ value: 'c' }] },
    { op: 'remove', path: 'members' },
    { op: 'add', path: 'members', value: [{ value: 'd' }, { value: 'e' }] },
    { op: 'remove', path: 'members[value eq "d"]' },
  );
  assert.deepEqual(members.json.members, [{ value: 'e' }]);
});

test('P-3.5.2-15: making one value primary takes it from the others, whichever way it is written', async () => {
  const primaryOf = async (...operations: Record<string, unknown>[]) => {
    const { id } = await user({
      emails: [
        { value: 'a@example.com', type: 'work', primary: true },
        { value: 'b@example.com', type: 'home' },
      ],
    });
    const { json, status, text } = await client.patch(`/Users/${id}`, ...operations);
    assert.equal(status, 200, text);
    return json.emails
      .filter((email: { primary?: boolean }) => email.primary === true)
      .map((email: { value: string }) => email.value);
  };
  const c = { value: 'c@example.com', primary: true };
  assert.deepEqual(await primaryOf({ op: 'add', path: 'emails', value: [c] }), ['c@example.com']);
  assert.deepEqual(await primaryOf({ op: 'add', value: { emails: [c] } }), ['c@example.com']);
  const home = 'emails[type eq "home"]';
  assert.deepEqual(await primaryOf({ op: 'replace', path: `${home}.primary`, value: true }), [
    'b@example.com',
  ]);
  assert.deepEqual(await primaryOf({ op: 'add', path: `${home}.primary`, value: true }), ['b@example.com']);
  assert.deepEqual(await primaryOf({ op: 'add', path: home, value: { primary: true } }), ['b@example.com']);
  assert.deepEqual(await primaryOf({ op: 'replace', path: home, value: c }), ['c@example.com']);
  const again = { value: 'b@example.com', type: 'home', primary: true };
  assert.deepEqual(await primaryOf({ op: 'add', path: 'emails', value: [again] }), ['b@example.com']);
});

test('P-3.5.2-16, P-3.5.2-17, P-3.12-26: PATCH is atomic: one operation that fails undoes the others and is reported', async () => {
  const before = await user({ emails: [{ value: 'a@example.com' }] });
  for (const last of [
    { op: 'replace', path: 'active', value: 'x' },
    { op: 'remove', path: 'userName' },
    { op: 'replace', path: 'nope', value: 'x' },
    { op: 'replace', path: 'emails[type eq "pager"].value', value: 'x' },
  ]) {
    const answer = await client.patch(
      `/Users/${before.id}`,
      { op: 'add', path: 'title', value: 'x' },
      { op: 'remove', path: 'emails' },
      last,
    );
    refused(answer, 400, answer.json.scimType, /Operations\[2\]/);
    const read = await client.request('GET', `/Users/${before.id}`);
    assert.deepEqual(read.json, before);
    assert.equal(read.headers.get('etag'), before.meta.version);
  }
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }] }));
  const failed = await client.patch(
    `/Groups/${group.id}`,
    { op: 'add', path: 'members', value: [{ value: 'b' }] },
    { op: 'remove', path: 'displayName' },
  );
  refused(failed, 400, 'mutability');
  assert.deepEqual(await client.read(`/Groups/${group.id}`), group);
});

test('P-3.5.2-18, P-3.5.2-19: success is 200 with the whole resource, with attributes 200 with those', async () => {
  const { id } = await user();
  const whole = await client.patch(`/Users/${id}`, { op: 'add', path: 'title', value: 'x' });
  assert.equal(whole.status, 200);
  assert.deepEqual(whole.json, await client.read(`/Users/${id}`));
  for (const headers of [{}, { prefer: 'return=minimal' }]) {
    const body = patchOp({ op: 'add', path: 'title', value: String(Object.keys(headers)) });
    const some = await client.request('PATCH', `/Users/${id}?attributes=userName`, { body, headers });
    assert.equal(some.status, 200);
    assert.deepEqual(Object.keys(some.json).sort(), ['id', 'schemas', 'userName']);
  }
  // As Entra ID sends it, which is answered with 204 where no attributes are asked for.
  const lenient = await newClient(server, { tenant: client.tenant });
  for (const value of ['entra', 'entra']) {
    const body = patchOp({ op: 'Replace', path: 'title', value });
    const some = await lenient.request('PATCH', `/Users/${id}?attributes=userName`, { body });
    assert.equal(some.status, 200);
    assert.deepEqual(Object.keys(some.json).sort(), ['id', 'schemas', 'userName']);
  }
});

test('P-3.5.2-19: a large group, which PATCH answers with 204, is still 200 where attributes are asked for', async () => {
  const members = Array.from({ length: 150 }, (_, index) => ({ value: `m${index}` }));
  const group = await client.create('/Groups', newGroup({ members }));
  const add = (search: string, value: string) =>
    client.request('PATCH', `/Groups/${group.id}${search}`, {
      body: patchOp({ op: 'add', path: 'members', value: [{ value }] }),
    });
  const plain = await add('', 'x');
  assert.equal(plain.status, 204);
  assert.equal(plain.text, '');
  assert.equal(plain.headers.get('etag'), 'W/"2"');
  assert.equal(plain.headers.get('location'), group.meta.location);
  const some = await add('?attributes=displayName', 'y');
  assert.equal(some.status, 200);
  assert.deepEqual(Object.keys(some.json).sort(), ['displayName', 'id', 'schemas']);
  assert.equal((await add('?attributes=members', 'z')).json.members.length, 153);
});

test('P-3.5.2-20, P-3.5.2-18: a 204 carries the new ETag and the Location', async () => {
  const lenient = await newClient(server, { tenant: client.tenant });
  const { id, meta } = await user();
  const minimal = await client.request('PATCH', `/Users/${id}`, {
    body: patchOp({ op: 'add', path: 'title', value: 'x' }),
    headers: { prefer: 'return=minimal' },
  });
  const entra = await lenient.patch(`/Users/${id}`, { op: 'Replace', path: 'title', value: 'y' });
  for (const [answer, version] of [
    [minimal, 'W/"2"'],
    [entra, 'W/"3"'],
  ] as const) {
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('etag'), version);
    assert.equal(answer.headers.get('location'), meta.location);
  }
});
