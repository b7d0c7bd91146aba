/** What Microsoft's published "SCIM Tests" ask of a server, as behaviours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema, userSchema } from '../server.ts';
import { memberIds, pathOf, person, provider } from './provider.ts';

const microsoft = provider();

test('SCIM Tests: an empty server lists no users and no groups', async () => {
  for (const endpoint of ['/Users', '/Groups']) {
    const { status, json } = await microsoft.send('GET', endpoint);
    assert.deepEqual([status, json.totalResults], [200, 0]);
  }
});

test('SCIM Tests: sub-attributes in capitals (Primary) are read', async () => {
  const user = await microsoft.user({
    emails: [
      { Primary: true, type: 'work', value: 'a@example.com' },
      { Primary: false, type: 'home', value: 'b@example.com' },
    ],
  });
  assert.deepEqual(
    user.emails.map(({ primary }: { primary: boolean }) => primary),
    [true, false],
  );
});

test('SCIM Tests: the extension’s URN may stand before the core one', async () => {
  const user = await microsoft.user({
    schemas: [enterpriseSchema, userSchema],
    [enterpriseSchema]: { department: 'bob', manager: { Value: 'SuzzyQ' } },
  });
  assert.deepEqual(user[enterpriseSchema], { department: 'bob', manager: { value: 'SuzzyQ' } });
});

test('SCIM Tests: addresses half null keep their other half', async () => {
  const user = await microsoft.user({
    addresses: [
      { country: 'Bermuda', type: 'work', primary: false },
      {
        country: null,
        formatted: '18522 Lisa Unions\nEast Gregory',
        locality: null,
        type: 'home',
        primary: false,
      },
    ],
  });
  assert.deepEqual(user.addresses[1], {
    formatted: '18522 Lisa Unions\nEast Gregory',
    type: 'home',
    primary: false,
  });
});

test('SCIM Tests: a list shows the attributes asked for, and a filter may follow a trailing slash', async () => {
  const user = await microsoft.user({ displayName: 'BobIsAmazing' });
  const list = (await microsoft.send('GET', '/Users?attributes=userName,emails')).json.Resources;
  assert.ok(list.every((each: object) => !('displayName' in each) && 'userName' in each));
  const found = await microsoft.send('GET', '/Users/?filter=DisplayName+eq+%22BobIsAmazing%22');
  assert.deepEqual(
    found.json.Resources.map(({ id }: { id: string }) => id),
    [user.id],
  );
});

test('SCIM Tests: PATCH and PUT of userName are seen by the next GET', async () => {
  const user = await microsoft.user();
  assert.equal(
    (await microsoft.patch(user, { op: 'replace', path: 'userName', value: 'ryan3' })).userName,
    'ryan3',
  );
  const put = await microsoft.send('PUT', pathOf(user), person({ id: user.id, userName: 'replaced2' }));
  assert.equal(put.status, 200);
  assert.equal((await microsoft.read(user)).userName, 'replaced2');
});

test('SCIM Tests: PUT without userName is 400, PUT with a misspelled attribute leaves that out', async () => {
  const user = await microsoft.user();
  const refused = await microsoft.send('PUT', pathOf(user), person({ userName: undefined, userame: 'X' }));
  assert.deepEqual([refused.status, refused.json.scimType], [400, 'invalidValue']);
  const put = await microsoft.send('PUT', pathOf(user), person({ userName: user.userName, adreses: [{}] }));
  assert.deepEqual([put.status, 'adreses' in put.json], [200, false]);
});

test('SCIM Tests: the same userName twice is 409 both times', async () => {
  const body = person();
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await microsoft.send('POST', '/Users', body)).status);
  assert.deepEqual(statuses, [201, 409, 409]);
});

test('SCIM Tests: filters combine and with or, start with, and compare dates with seven decimals', async () => {
  const user = await microsoft.user({ name: { familyName: 'Employee' }, userName: 'OMalley' });
  const [{ value }] = user.emails;
  for (const filter of [
    `name.FamilyName eq "Employee" and (emails.Value co "${value.slice(2)}" or emails.Value co "example.org")`,
    'userName sw "O"',
    'name.familyName eq "Employee" and meta.Created gt "2015-10-10T14:38:21.8617979-07:00"',
  ]) {
    assert.deepEqual(await microsoft.find('/Users', filter), [user.id], filter);
  }
});

test('SCIM Tests: a group is made, replaced with members, renamed and emptied', async () => {
  const [a, b] = [await microsoft.user(), await microsoft.user()];
  const group = await microsoft.group([a], { externalId: 'e-1' });
  const put = await microsoft.send('PUT', pathOf(group), {
    schemas: group.schemas,
    id: group.id,
    displayName: 'putName',
    members: [
      { value: a.id, display: 'VP' },
      { value: b.id, display: 'SenorVP' },
    ],
  });
  assert.deepEqual([put.status, put.json.displayName], [200, 'putName']);
  assert.deepEqual(memberIds(put.json), [a.id, b.id].sort());
  assert.equal('externalId' in put.json, false);
  assert.equal('members' in (await microsoft.patch(group, { op: 'remove', path: 'members' })), false);
});
