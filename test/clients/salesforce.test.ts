import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, pathOf, person, provider } from './provider.ts';

const salesforce = provider();

for (const op of ['add', 'replace', 'remove'] as const) {
  test(`Salesforce: ${op} of members with {"members": […]} as value, as its documentation has it`, async () => {
    const [a, b, c] = [await salesforce.user(), await salesforce.user(), await salesforce.user()];
    const group = await salesforce.group([a, b]);
    const value = { members: [{ value: b.id }, { value: c.id }] };
    const now = await salesforce.patch(group, { op, path: 'members', value });
    const expected = { add: [a, b, c], replace: [b, c], remove: [a] }[op];
    assert.deepEqual(memberIds(now), expected.map(({ id }) => id).sort());
  });
}

test('Salesforce: a group that is read with members that are named by id is put back as 400, never emptied', async () => {
  const user = await salesforce.user();
  const group = await salesforce.group([user]);
  const { schemas, displayName } = group;
  const body = { schemas, displayName, members: [{ id: user.id }] };
  assert.equal((await salesforce.send('PUT', pathOf(group), body)).status, 400);
  assert.deepEqual(await salesforce.read(group), group);
});

test('any client: an attribute within an object under its own name, by path, sub-attribute, extension and in a list', async () => {
  const user = await salesforce.user();
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
  const now = await salesforce.patch(
    user,
    { op: 'replace', path: 'name', value: { name: { givenName: 'Una' } } },
    { op: 'replace', path: 'title', value: { Title: 'Cook' } },
    { op: 'replace', path: 'name.familyName', value: { familyName: 'Voss' } },
    { op: 'add', path: `${enterprise}:department`, value: { [`${enterprise}:department`]: 'Galley' } },
    { op: 'add', path: enterprise, value: { [enterprise]: { costCenter: '7' } } },
    { op: 'replace', path: 'emails[type eq "work"]', value: [{ emails: [{ value: 'u@example.com' }] }] },
  );
  assert.deepEqual(now.name, { familyName: 'Voss', givenName: 'Una' });
  assert.equal(now.title, 'Cook');
  assert.deepEqual(now[enterprise], { costCenter: '7', department: 'Galley' });
  assert.deepEqual(now.emails, [{ value: 'u@example.com' }]);
  const { status } = await salesforce.send(
    'POST',
    '/Users',
    person({ name: { name: { givenName: 'Una' } } }),
  );
  assert.equal(status, 400, 'in a new user it is no attribute of name');
});
