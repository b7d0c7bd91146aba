import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, person, provider } from './provider.ts';

const authentik = provider();

test('authentik: discovers by GET and startIndex until all is read', async () => {
  await authentik.group();
  await authentik.group();
  const all = (await authentik.send('GET', '/Groups')).json;
  const rest = (await authentik.send('GET', '/Groups?startIndex=2')).json;
  assert.equal(all.Resources.length, all.totalResults);
  assert.equal(rest.Resources.length, all.totalResults - 1);
  assert.equal(rest.startIndex, 2);
});

test('authentik: updates a group by replace without a path, with schemas and the id; members stay', async () => {
  const user = await authentik.user();
  const group = await authentik.group([user]);
  const now = await authentik.patch(group, {
    op: 'replace',
    value: { schemas: group.schemas, id: group.id, externalId: 'pk-12', displayName: 'Sailors' },
  });
  assert.deepEqual([now.externalId, now.displayName], ['pk-12', 'Sailors']);
  assert.deepEqual(memberIds(now), [user.id]);
});

test('authentik: adopts a user after 409 by a filter with plus signs for blanks', async () => {
  const user = await authentik.user();
  const conflict = await authentik.send(
    'POST',
    '/Users',
    person({ userName: user.userName, externalId: 'pk-3' }),
  );
  assert.deepEqual([conflict.status, conflict.json.scimType], [409, 'uniqueness']);
  const filter = `userName+eq+%22${encodeURIComponent(user.userName)}%22`;
  const { json } = await authentik.send('GET', `/Users?filter=${filter}`);
  assert.deepEqual([json.totalResults, json.Resources[0].id], [1, user.id]);
});

test('authentik: finds a group by name with plus signs for blanks', async () => {
  const group = await authentik.group([], { displayName: 'Night Watch' });
  const { json } = await authentik.send('GET', '/Groups?filter=displayName+eq+%22Night+Watch%22');
  assert.deepEqual([json.totalResults, json.Resources[0].id], [1, group.id]);
});

test('authentik: adds and removes members by operations with a list', async () => {
  const [a, b] = [await authentik.user(), await authentik.user()];
  const group = await authentik.group([a]);
  const now = await authentik.patch(
    group,
    { op: 'add', path: 'members', value: [{ value: b.id }] },
    { op: 'remove', path: 'members', value: [{ value: a.id }] },
  );
  assert.deepEqual(memberIds(now), [b.id]);
});

test('authentik: a remove with an empty list names nobody and empties nothing', async () => {
  const user = await authentik.user();
  const now = await authentik.patch(await authentik.group([user]), {
    op: 'remove',
    path: 'members',
    value: [],
  });
  assert.deepEqual(memberIds(now), [user.id]);
});
