/** What HR and governance systems (Workday, ADP, Rippling, CyberArk, Oracle) send is the RFC's own forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema } from '../server.ts';
import { memberIds, pathOf, person, provider } from './provider.ts';

const client = provider();

test('Rippling: offboarding is PATCH active false, then DELETE, then the same person anew', async () => {
  const body = person();
  const first = (await client.send('POST', '/Users', body)).json;
  assert.equal((await client.patch(first, { op: 'replace', value: { active: false } })).active, false);
  assert.equal((await client.send('DELETE', pathOf(first))).status, 204);
  const second = await client.send('POST', '/Users', body);
  assert.equal(second.status, 201);
  assert.notEqual(second.json.id, first.id);
});

test('CyberArk: members come with type, display and $ref', async () => {
  const user = await client.user();
  const now = await client.patch(await client.group(), {
    op: 'add',
    path: 'members',
    value: [{ type: 'User', value: user.id, display: user.userName, $ref: user.meta.location }],
  });
  assert.equal(now.members[0].type, 'User');
  assert.deepEqual(memberIds(now), [user.id]);
});

test('Workday: the enterprise extension follows an employee through a transfer', async () => {
  const boss = await client.user();
  const user = await client.user({ [enterpriseSchema]: { employeeNumber: '0042', department: 'Docks' } });
  const now = await client.patch(user, {
    op: 'replace',
    path: enterpriseSchema,
    value: { department: 'Yards', manager: { value: boss.id, $ref: `../Users/${boss.id}` } },
  });
  assert.equal(now[enterpriseSchema].employeeNumber, '0042');
  assert.equal(now[enterpriseSchema].department, 'Yards');
  assert.equal(now[enterpriseSchema].manager.value, boss.id);
});

test('ADP: a manager who is not there yet is kept as sent', async () => {
  const user = await client.user({ [enterpriseSchema]: { manager: { value: 'associate-991' } } });
  assert.equal(user[enterpriseSchema].manager.value, 'associate-991');
});

test('Oracle: polls for changes by meta.lastModified', async () => {
  const user = await client.user();
  const found = await client.find('/Users', `meta.lastModified ge "${user.meta.lastModified}"`);
  assert.ok(found.includes(user.id));
  assert.deepEqual(await client.find('/Users', 'meta.lastModified gt "2999-01-01T00:00:00Z"'), []);
});

test('CyberArk: /Me without a user behind the token, and a path that is not there, are SCIM errors', async () => {
  for (const path of ['/Me', '/NoSuchEndpoint']) {
    const { status, json } = await client.send('GET', path);
    assert.equal(status, 404);
    assert.equal(json.status, '404');
  }
});

test('a group of sixty made in one PATCH is read back whole, and one leaves by a value path', async () => {
  const users: string[] = [];
  for (let i = 0; i < 60; i++) users.push((await client.user()).id);
  const group = await client.group();
  const full = await client.patch(group, {
    op: 'add',
    path: 'members',
    value: users.map((value) => ({ value })),
  });
  assert.deepEqual(memberIds(full), [...users].sort());
  const left = await client.patch(group, { op: 'remove', path: `members[value eq "${users[59]}"]` });
  assert.deepEqual(memberIds(left), users.slice(0, 59).sort());
});
