import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, provider } from './provider.ts';

const ping = provider();

test('PingFederate: membership and rename of a group are PATCHes', async () => {
  const user = await ping.user();
  const group = await ping.group();
  await ping.patch(group, { op: 'add', path: 'members', value: [{ value: user.id }] });
  const now = await ping.patch(group, { op: 'replace', path: 'displayName', value: 'Pilots' });
  assert.equal(now.displayName, 'Pilots');
  assert.deepEqual(memberIds(now), [user.id]);
});

test('PingOne: finds people by value paths over their e-mail', async () => {
  const user = await ping.user();
  const [{ value }] = user.emails;
  assert.deepEqual(await ping.find('/Users', `emails[value eq "${value}"]`), [user.id]);
  assert.deepEqual(await ping.find('/Users', `emails[type eq "work" and value eq "${value}"]`), [user.id]);
  assert.deepEqual(await ping.find('/Users', `emails[type eq "home" and value eq "${value}"]`), []);
  assert.deepEqual(await ping.find('/Users', `emails.value eq "${value.toUpperCase()}"`), [user.id]);
});

for (const path of ['/Users/?startIndex=1&count=1', '//Users?startIndex=1&count=1', '//Users/?count=1']) {
  test(`PingFederate: a base URL with a slash too many, ${path}, is answered and not redirected`, async () => {
    assert.equal((await ping.send('GET', path)).status, 200);
  });
}

test('PingFederate: a slash too many works for writing too', async () => {
  const user = await ping.user();
  const { status } = await ping.send('DELETE', `//Users/${user.id}/`);
  assert.equal(status, 204);
});
