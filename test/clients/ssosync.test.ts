import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, provider } from './provider.ts';

const ssosync = provider({ 'content-type': 'application/json' });

test('AWS ssosync: a hundred members are added in one operation and removed by a list', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 100; i++) ids.push((await ssosync.user()).id);
  const group = await ssosync.group([], { members: [] });
  const list = (some: readonly string[]) => some.map((value) => ({ value }));
  const full = await ssosync.patch(group, { op: 'add', path: 'members', value: list(ids) });
  assert.deepEqual(memberIds(full), [...ids].sort());
  const left = await ssosync.patch(group, { op: 'remove', path: 'members', value: list(ids.slice(1)) });
  assert.deepEqual(memberIds(left), [ids[0]]);
});

test('AWS ssosync: renames a group and sets its externalId; members stay', async () => {
  const user = await ssosync.user();
  const now = await ssosync.patch(
    await ssosync.group([user]),
    { op: 'replace', path: 'displayName', value: 'Riggers' },
    { op: 'replace', path: 'externalId', value: '01ab' },
  );
  assert.deepEqual([now.displayName, now.externalId, memberIds(now)], ['Riggers', '01ab', [user.id]]);
});

test('AWS ssosync: looks for memberships by id and members.value', async () => {
  const [a, b] = [await ssosync.user(), await ssosync.user()];
  const group = await ssosync.group([a]);
  assert.deepEqual(await ssosync.find('/Groups', `id eq "${group.id}" and members eq "${a.id}"`), [group.id]);
  assert.deepEqual(await ssosync.find('/Groups', `id eq "${group.id}" and members.value eq "${b.id}"`), []);
});
