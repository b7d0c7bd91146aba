import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, pathOf, provider } from './provider.ts';

const jumpcloud = provider({ 'content-type': 'application/json', accept: 'application/json' });

test('JumpCloud: an update is one operation for each attribute, with paths; suspension is active false', async () => {
  const now = await jumpcloud.patch(
    await jumpcloud.user(),
    { op: 'replace', path: 'name.givenName', value: 'Pia' },
    { op: 'replace', path: 'displayName', value: 'Pia V.' },
    { op: 'replace', path: 'active', value: false },
  );
  assert.deepEqual(
    [now.name.givenName, now.name.familyName, now.displayName, now.active],
    ['Pia', 'Vance', 'Pia V.', false],
  );
});

test('JumpCloud: takes over a group by name; adding a member twice is a success without effect', async () => {
  const [a, b] = [await jumpcloud.user(), await jumpcloud.user()];
  const group = await jumpcloud.group();
  assert.deepEqual(await jumpcloud.find('/Groups', `displayName eq "${group.displayName}"`), [group.id]);
  const add = (id: string) => jumpcloud.patch(group, { op: 'add', path: 'members', value: [{ value: id }] });
  await add(a.id);
  await add(a.id);
  assert.deepEqual(memberIds(await add(b.id)), [a.id, b.id].sort());
});

test('JumpCloud: remove of members with a value list takes out only those', async () => {
  const [a, b] = [await jumpcloud.user(), await jumpcloud.user()];
  const group = await jumpcloud.group([a, b]);
  const now = await jumpcloud.patch(group, { op: 'remove', path: 'members', value: [{ value: a.id }] });
  assert.deepEqual(memberIds(now), [b.id]);
});

test('JumpCloud: PUT with emails null clears them', async () => {
  const user = await jumpcloud.user();
  const { meta, ...rest } = user;
  const { status, json } = await jumpcloud.send('PUT', pathOf(user), { ...rest, emails: null });
  assert.equal(status, 200);
  assert.equal('emails' in json, false);
});

test('JumpCloud: a client that takes only application/json gets that media type', async () => {
  const { headers } = await jumpcloud.send('GET', pathOf(await jumpcloud.user()));
  assert.match(headers.get('content-type') ?? '', /^application\/json/);
});

test('JumpCloud: ids are texts, which it insists on', async () => {
  assert.equal(typeof (await jumpcloud.user()).id, 'string');
});
