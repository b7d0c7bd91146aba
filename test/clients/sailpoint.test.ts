import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema } from '../server.ts';
import { provider } from './provider.ts';

const sailpoint = provider({
  'content-type': 'application/json',
  accept: 'application/json, text/plain, */*',
});

test('SailPoint: replace of name with some sub-attributes keeps the others', async () => {
  const user = await sailpoint.user({
    name: { givenName: 'Nora', familyName: 'Vance', formatted: 'Nora Vance' },
  });
  const now = await sailpoint.patch(
    user,
    { op: 'replace', path: 'name', value: { givenName: 'Norah' } },
    { op: 'replace', path: 'active', value: false },
    { op: 'replace', path: `${enterpriseSchema}:department`, value: 'Ledger' },
  );
  assert.deepEqual(now.name, { formatted: 'Nora Vance', familyName: 'Vance', givenName: 'Norah' });
  assert.equal(now.active, false);
  assert.deepEqual(now[enterpriseSchema], { department: 'Ledger' });
});

test('SailPoint: entitlements are added as a list and removed one by one', async () => {
  const user = await sailpoint.user();
  await sailpoint.patch(user, {
    op: 'add',
    path: 'entitlements',
    value: [{ value: 'ledger-read' }, { value: 'ledger-write' }],
  });
  const now = await sailpoint.patch(user, { op: 'remove', path: 'entitlements[value eq "ledger-read"]' });
  assert.deepEqual(now.entitlements, [{ value: 'ledger-write' }]);
});

test('SailPoint: aggregation pages through accounts and groups with count and startIndex', async () => {
  await sailpoint.user();
  await sailpoint.group();
  for (const endpoint of ['/Users', '/Groups']) {
    const { json } = await sailpoint.send('GET', `${endpoint}?startIndex=1&count=250`);
    assert.equal(json.Resources.length, json.totalResults);
  }
});

test('SailPoint: the old account data is read by attributes and excludedAttributes', async () => {
  const user = await sailpoint.user();
  const { json } = await sailpoint.send('GET', `/Users/${user.id}?attributes=userName,active,groups`);
  assert.deepEqual(Object.keys(json).sort(), ['active', 'id', 'schemas', 'userName'].sort());
});
