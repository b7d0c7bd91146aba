import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { tenant: 'default' });
});
after(() => server.close());

const user = (more = {}) => client.create('/Users', newUser(more));
const group = (more = {}) => client.create('/Groups', newGroup(more));

test('S-4.2-01: a group has a displayName', async () => {
  for (const displayName of [undefined, null, '']) {
    const body = { schemas: [groupSchema], ...(displayName === undefined ? {} : { displayName }) };
    refused(await server.request('POST', '/Groups', { body }), 400, 'invalidValue', /displayName/);
  }
  const { id } = await group();
  for (const displayName of [undefined, null, '']) {
    const body = { schemas: [groupSchema], ...(displayName === undefined ? {} : { displayName }) };
    refused(await server.request('PUT', `/Groups/${id}`, { body }), 400, 'invalidValue', /displayName/);
  }
  refused(await client.patch(`/Groups/${id}`, { op: 'remove', path: 'displayName' }), 400, 'mutability');
  const emptied = await client.patch(`/Groups/${id}`, { op: 'replace', path: 'displayName', value: '' });
  refused(emptied, 400, 'invalidValue');
  const { attributes } = await client.read(`/Schemas/${groupSchema}`);
  assert.equal(attributes.find((each: { name: string }) => each.name === 'displayName').required, true);
});

test('S-4.2-02: members come and go one by one, and all at once', async () => {
  const [a, b, c] = [await user(), await user(), await user()];
  const { id } = await group({ members: [{ value: a.id }] });
  const members = async () =>
    (((await client.read(`/Groups/${id}`)).members ?? []) as { value: string }[]).map((each) => each.value);
  await client.patch(`/Groups/${id}`, {
    op: 'add',
    path: 'members',
    value: [{ value: b.id }, { value: c.id }, { value: a.id }],
  });
  assert.deepEqual((await members()).sort(), [a.id, b.id, c.id].sort());
  await client.patch(`/Groups/${id}`, { op: 'remove', path: `members[value eq "${b.id}"]` });
  assert.deepEqual((await members()).sort(), [a.id, c.id].sort());
  await client.patch(`/Groups/${id}`, { op: 'replace', path: 'members', value: [{ value: b.id }] });
  assert.deepEqual(await members(), [b.id]);
  await client.patch(`/Groups/${id}`, { op: 'remove', path: 'members' });
  assert.deepEqual(await members(), []);
  const put = await server.request('PUT', `/Groups/${id}`, {
    body: newGroup({ members: [{ value: c.id }] }),
  });
  assert.deepEqual(
    put.json.members.map((each: { value: string }) => each.value),
    [c.id],
  );
  assert.ok(!('members' in (await server.request('PUT', `/Groups/${id}`, { body: newGroup() })).json));
});

test('S-4.2-03: what a member is cannot be changed; the same member again changes nothing', async () => {
  const [member, other] = [await user(), await user()];
  const before = await group({ members: [{ value: member.id }] });
  const path = `/Groups/${before.id}`;
  const at = `members[value eq "${member.id}"]`;
  for (const operation of [
    { op: 'replace', path: `${at}.type`, value: 'Group' },
    { op: 'replace', path: `${at}.value`, value: other.id },
    { op: 'replace', path: `${at}.$ref`, value: 'x' },
    { op: 'remove', path: `${at}.display` },
    { op: 'replace', path: at, value: { value: other.id } },
    { op: 'replace', path: 'members.type', value: 'Group' },
  ]) {
    refused(await client.patch(path, operation), 400, 'mutability');
  }
  await client.patch(path, {
    op: 'add',
    path: 'members',
    value: [{ value: member.id, display: 'Other', type: 'Group' }],
  });
  assert.deepEqual(await client.read(path), before);
});

test('S-4.2-04: a member has the id of a resource, and its URI, type and name', async () => {
  const [member, inner] = [await user({ displayName: 'Babs' }), await group()];
  const { id, members } = await group({
    members: [
      { value: member.id, type: 'Group', display: 'wrong', $ref: 'https://elsewhere.example/x' },
      { value: inner.id },
    ],
  });
  assert.deepEqual(
    [...members].sort((x, y) => (x.value < y.value ? -1 : 1)),
    [
      { value: member.id, $ref: member.meta.location, type: 'User', display: 'Babs' },
      { value: inner.id, $ref: inner.meta.location, type: 'Group', display: inner.displayName },
    ],
  );
  for (const { $ref, value } of members) assert.equal((await client.read($ref)).id, value);
  assert.deepEqual(await client.find('/Groups', `members[type eq "Group" and value eq "${inner.id}"]`), [id]);
  assert.deepEqual(await client.find('/Groups', `members[type eq "Group" and value eq "${member.id}"]`), []);
});

test('S-4.2-04: members.display follows the name of the member', async () => {
  const member = await user({ displayName: 'Before' });
  const inner = await group({ members: [{ value: member.id }] });
  const outer = await group({ members: [{ value: inner.id }] });
  const display = async (id: string) => (await client.read(`/Groups/${id}`)).members[0].display;
  assert.deepEqual([await display(inner.id), await display(outer.id)], ['Before', inner.displayName]);
  await client.patch(`/Users/${member.id}`, { op: 'replace', path: 'displayName', value: 'After' });
  await client.patch(`/Groups/${inner.id}`, { op: 'replace', path: 'displayName', value: 'Renamed' });
  assert.deepEqual([await display(inner.id), await display(outer.id)], ['After', 'Renamed']);
  assert.deepEqual(await client.find('/Groups', `members.display eq "AFTER"`), [inner.id]);
  assert.equal((await client.read(`/Users/${member.id}`)).groups[0].display, 'Renamed');
});

test('S-4.2-05: groups nest, and cycles end', async () => {
  const member = await user();
  const a = await group({ members: [{ value: member.id }] });
  const b = await group({ members: [{ value: a.id }] });
  assert.equal(
    (
      await client.patch(`/Groups/${a.id}`, {
        op: 'add',
        path: 'members',
        value: [{ value: b.id }, { value: a.id }],
      })
    ).status,
    200,
  );
  const { groups } = await client.read(`/Users/${member.id}`);
  const types = groups.map((each: { value: string; type: string }) => [each.value, each.type]).sort();
  assert.deepEqual(
    types,
    [
      [a.id, 'direct'],
      [b.id, 'indirect'],
    ].sort(),
  );
  assert.deepEqual(await client.find('/Users', `groups.value eq "${b.id}"`), [member.id]);
  assert.equal((await client.read(`/Groups/${a.id}`)).members.length, 3);
  assert.equal((await server.request('DELETE', `/Groups/${a.id}`)).status, 204);
  assert.ok(!('members' in (await client.read(`/Groups/${b.id}`))));
  assert.ok(!('groups' in (await client.read(`/Users/${member.id}`))));
});

test('S-4.2-04, S-4.1.2-11: who is deleted is no member any more, and the group has a new version', async () => {
  const [leaver, stayer] = [await user(), await user()];
  const before = await group({ members: [{ value: leaver.id }, { value: stayer.id }] });
  assert.equal((await server.request('DELETE', `/Users/${leaver.id}`)).status, 204);
  const after = await client.read(`/Groups/${before.id}`);
  assert.deepEqual(
    after.members.map((each: { value: string }) => each.value),
    [stayer.id],
  );
  assert.notEqual(after.meta.version, before.meta.version);
  assert.ok(after.meta.lastModified > before.meta.lastModified);
  assert.deepEqual(await client.find('/Groups', `members.value eq "${leaver.id}"`), []);
});

test('S-4.2-06: a member without a value is refused', async () => {
  for (const member of [
    {},
    { display: 'Babs' },
    { value: '' },
    { value: null, type: 'User' },
    { type: 'User' },
  ]) {
    const answer = await server.request('POST', '/Groups', { body: newGroup({ members: [member] }) });
    if (Object.keys(member).length === 0) assert.ok(!('members' in answer.json));
    else refused(answer, 400, 'invalidValue', /members\[0\]/);
  }
});

const enterprise = {
  employeeNumber: '701984',
  costCenter: '4130',
  organization: 'Universal Studios',
  division: 'Theme Park',
  department: 'Tour Operations',
};

test('S-4.3-01: the enterprise extension has its six attributes under its URN', async () => {
  assert.equal(enterpriseSchema, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User');
  const { attributes } = await client.read(`/Schemas/${enterpriseSchema}`);
  assert.deepEqual(
    attributes.map((each: { name: string }) => each.name),
    ['employeeNumber', 'costCenter', 'organization', 'division', 'department', 'manager'],
  );
  const boss = await user();
  const full = { ...enterprise, manager: { value: boss.id, $ref: `../Users/${boss.id}` } };
  const json = await user({ schemas: [userSchema, enterpriseSchema], [enterpriseSchema]: full });
  assert.deepEqual(json[enterpriseSchema], full);
  for (const [name, value] of Object.entries(enterprise)) {
    assert.deepEqual(
      await client.find('/Users', `${enterpriseSchema}:${name} eq "${value.toUpperCase()}"`),
      [json.id],
      name,
    );
  }
});

test('S-4.3-02: a manager can be given by value alone, in the forms that PATCH has', async () => {
  const [boss, report] = [await user(), await user()];
  for (const operation of [
    { op: 'add', path: `${enterpriseSchema}:manager`, value: { value: boss.id } },
    { op: 'replace', path: `${enterpriseSchema}:manager.value`, value: boss.id },
    { op: 'replace', value: { [enterpriseSchema]: { manager: { value: boss.id } } } },
  ]) {
    await client.patch(`/Users/${report.id}`, { op: 'remove', path: `${enterpriseSchema}:manager` });
    const { json } = await client.patch(`/Users/${report.id}`, operation);
    assert.equal(json[enterpriseSchema].manager.value, boss.id);
  }
  assert.deepEqual(await client.find('/Users', `${enterpriseSchema}:manager.value eq "${boss.id}"`), [
    report.id,
  ]);
});

test('S-4.3-02: with manager.value its $ref goes, which would name somebody else, or nobody', async () => {
  const [boss, other] = [await user(), await user()];
  const manager = { value: boss.id, $ref: `${server.base}/Users/${boss.id}` };
  const path = `${enterpriseSchema}:manager.value`;
  for (const [operation, left] of [
    [{ op: 'replace', path, value: '' }, undefined],
    [{ op: 'remove', path }, undefined],
    [{ op: 'replace', path, value: null }, undefined],
    [{ op: 'replace', path, value: other.id }, { value: other.id }],
    [{ op: 'replace', path, value: boss.id }, manager],
    [{ op: 'replace', path: `${enterpriseSchema}:manager`, value: { value: other.id } }, { value: other.id }],
  ] as const) {
    const report = await user({ [enterpriseSchema]: { manager, department: 'Tours' } });
    const { status, json, text } = await client.patch(`/Users/${report.id}`, operation);
    assert.equal(status, 200, text);
    assert.deepEqual(json[enterpriseSchema].manager, left, JSON.stringify(operation));
    assert.equal(json[enterpriseSchema].department, 'Tours');
  }
});

test('S-4.3-03: manager.value is case-exact', async () => {
  let boss = await user();
  while (!/[a-f]/.test(boss.id)) boss = await user();
  const report = await user({ [enterpriseSchema]: { manager: { value: boss.id } } });
  const filter = (id: string) => client.find('/Users', `${enterpriseSchema}:manager.value eq "${id}"`);
  assert.deepEqual(await filter(boss.id), [report.id]);
  assert.deepEqual(await filter(boss.id.toUpperCase()), []);
});

test('S-4.3-04: manager.displayName is readOnly', async () => {
  const manager = { value: 'm', displayName: 'Invented' };
  const report = await user({ [enterpriseSchema]: { manager } });
  assert.deepEqual(report[enterpriseSchema].manager, { value: 'm' });
  const put = await server.request('PUT', `/Users/${report.id}`, {
    body: { ...report, [enterpriseSchema]: { manager } },
  });
  assert.equal(put.status, 200);
  assert.deepEqual(put.json[enterpriseSchema].manager, { value: 'm' });
  const operation = { op: 'replace', path: `${enterpriseSchema}:manager.displayName`, value: 'Invented' };
  refused(await client.patch(`/Users/${report.id}`, operation), 400, 'mutability');
});
