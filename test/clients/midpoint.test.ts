import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, provider } from './provider.ts';

const midpoint = provider();

test('midPoint (ConnId): values are removed by a value path with or', async () => {
  const user = await midpoint.user({
    emails: ['work', 'home', 'other'].map((type) => ({ value: `${type}@example.com`, type })),
  });
  const now = await midpoint.patch(user, {
    op: 'remove',
    path: 'emails[value eq "work@example.com" or value eq "home@example.com"]',
  });
  assert.deepEqual(now.emails, [{ value: 'other@example.com', type: 'other' }]);
});

test('midPoint (ConnId): members are removed by a value path with or', async () => {
  const users = [await midpoint.user(), await midpoint.user(), await midpoint.user()];
  const [a, b, c] = users;
  const group = await midpoint.group(users);
  const now = await midpoint.patch(group, {
    op: 'remove',
    path: `members[value eq "${a.id}" or value eq "${b.id}"]`,
  });
  assert.deepEqual(memberIds(now), [c.id]);
});

test('midPoint (ConnId): learns what is there from the discovery endpoints before anything else', async () => {
  for (const path of ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas']) {
    const { status, json } = await midpoint.send('GET', path);
    assert.equal(status, 200);
    assert.ok(Array.isArray(json.schemas));
  }
});
