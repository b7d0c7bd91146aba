import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, provider } from './provider.ts';

const databricks = provider();

test('Databricks: an empty value beside a value path takes out that member alone', async () => {
  const [a, b] = [await databricks.user(), await databricks.user()];
  const now = await databricks.patch(await databricks.group([a, b]), {
    op: 'remove',
    path: `members[value eq "${a.id}"]`,
    value: '',
  });
  assert.deepEqual(memberIds(now), [b.id]);
});

test('Databricks: members are added without a path beside other attributes', async () => {
  const user = await databricks.user();
  const now = await databricks.patch(await databricks.group(), {
    op: 'add',
    value: { members: [{ value: user.id, $ref: `Users/${user.id}` }] },
  });
  assert.deepEqual(memberIds(now), [user.id]);
});

test('Databricks: lists what it needs by attributes, and counts by count=0', async () => {
  await databricks.user();
  const { json } = await databricks.send('GET', '/Users?attributes=id,userName&count=0');
  assert.ok(json.totalResults > 0);
  assert.deepEqual(json.Resources ?? [], []);
});
