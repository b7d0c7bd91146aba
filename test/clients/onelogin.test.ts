import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema } from '../server.ts';
import { memberIds, pathOf, person, provider } from './provider.ts';

const onelogin = provider({ 'user-agent': '', accept: '*/*' });

test('OneLogin: matches by userName, creates, reads, matches again; User-Agent is empty', async () => {
  const body = person({ externalId: '77105' });
  const filter = `userName eq "${body.userName}"`;
  assert.deepEqual(await onelogin.find('/Users', filter), []);
  const { status, json } = await onelogin.send('POST', '/Users', body, {
    'content-type': 'application/json',
  });
  assert.equal(status, 201);
  assert.equal((await onelogin.read(json)).externalId, '77105');
  assert.deepEqual(await onelogin.find('/Users', filter), [json.id]);
});

test('OneLogin: macros without value come as null, also within objects of arrays', async () => {
  const user = await onelogin.user({
    name: { givenName: 'Una', familyName: 'Voss', middleName: null },
    title: null,
    phoneNumbers: [{ value: null, type: 'work' }, null],
    [enterpriseSchema]: { department: null, manager: null, employeeNumber: '7' },
  });
  assert.equal('title' in user, false);
  assert.deepEqual(user.name, { familyName: 'Voss', givenName: 'Una' });
  assert.deepEqual(user[enterpriseSchema], { employeeNumber: '7' });
});

test('OneLogin: macros without value come as empty texts where objects and arrays belong', async () => {
  const user = await onelogin.user({ emails: '', addresses: '', [enterpriseSchema]: { manager: '' } });
  for (const name of ['emails', 'addresses', enterpriseSchema]) assert.equal(name in user, false);
});

test('OneLogin: an extension without values comes as an empty text or list, in POST, PUT and PATCH', async () => {
  for (const empty of ['', []]) {
    const user = await onelogin.user({ [enterpriseSchema]: empty });
    assert.equal(enterpriseSchema in user, false);
    const path = pathOf(user);
    const set = await onelogin.patch(user, { op: 'add', path: enterpriseSchema, value: [{ division: 'B' }] });
    assert.deepEqual(set[enterpriseSchema], { division: 'B' });
    const put = await onelogin.send('PUT', path, { ...set, [enterpriseSchema]: empty });
    assert.deepEqual([put.status, enterpriseSchema in put.json], [200, false]);
    await onelogin.send('PUT', path, { ...user, [enterpriseSchema]: [{ division: 'C' }] });
    assert.deepEqual((await onelogin.read(user))[enterpriseSchema], { division: 'C' });
    const cleared = await onelogin.patch(user, { op: 'replace', path: enterpriseSchema, value: empty });
    assert.equal(enterpriseSchema in cleared, false);
  }
});

test('OneLogin: emails as one object are a list of one', async () => {
  const user = await onelogin.user({ emails: { value: 'una@example.com', type: 'work', primary: true } });
  assert.deepEqual(user.emails, [{ value: 'una@example.com', type: 'work', primary: true }]);
});

for (const [text, value] of [
  ['true', true],
  ['False', false],
  ['FALSE', false],
] as const) {
  test(`OneLogin: active as the text "${text}" is ${value}, in POST, PUT and PATCH`, async () => {
    const user = await onelogin.user({ active: text });
    assert.equal(user.active, value);
    const { meta, ...rest } = user;
    const put = await onelogin.send('PUT', pathOf(user), { ...rest, active: text });
    assert.equal(put.json.active, value);
    assert.equal((await onelogin.patch(user, { op: 'replace', path: 'active', value: text })).active, value);
  });
}

test('OneLogin: a text that is neither true nor false is refused for active', async () => {
  const { status, json } = await onelogin.send('POST', '/Users', person({ active: 'enabled' }));
  assert.deepEqual([status, json.scimType], [400, 'invalidValue']);
  assert.match(json.detail, /^active must be true or false/);
});

test('OneLogin: SAML group rules add members to a group by PATCH and take them out by PUT', async () => {
  const [a, b] = [await onelogin.user(), await onelogin.user()];
  const group = await onelogin.group();
  const now = await onelogin.patch(group, {
    op: 'add',
    path: 'members',
    value: [{ value: a.id }, { value: b.id }],
  });
  assert.deepEqual(memberIds(now), [a.id, b.id].sort());
  const put = await onelogin.send('PUT', pathOf(group), {
    schemas: group.schemas,
    displayName: group.displayName,
    members: [{ value: b.id }],
  });
  assert.deepEqual(memberIds(put.json), [b.id]);
});
