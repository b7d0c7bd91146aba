import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listSchema } from '../server.ts';
import { pathOf, person, provider } from './provider.ts';

const google = provider();

test('Google Workspace: probes /Users?count=1, creates, finds, suspends', async () => {
  const probe = await google.send('GET', '/Users?count=1');
  assert.equal(probe.status, 200);
  assert.deepEqual(probe.json.schemas, [listSchema]);
  const user = await google.user({ externalId: '10482' });
  assert.deepEqual(await google.find('/Users', `userName eq "${user.userName}"`), [user.id]);
  assert.equal((await google.patch(user, { op: 'replace', path: 'active', value: false })).active, false);
});

test('Google Workspace: a user that is taken over by PUT keeps its id', async () => {
  const user = await google.user();
  const { status, json } = await google.send(
    'PUT',
    pathOf(user),
    person({ userName: user.userName, title: 'Cook' }),
  );
  assert.deepEqual([status, json.id, json.title], [200, user.id, 'Cook']);
});

test('Google Workspace: languages, custom types and free addresses are kept as they are', async () => {
  const user = await google.user({
    preferredLanguage: 'en_GB',
    addresses: [{ type: 'custom', formatted: '1 Fore St', country: 'United Kingdom' }],
    phoneNumbers: [{ type: 'mobile', value: '(555) 010-0300 ext. 4' }],
  });
  assert.deepEqual(
    [user.preferredLanguage, user.addresses[0].country, user.phoneNumbers[0].value],
    ['en_GB', 'United Kingdom', '(555) 010-0300 ext. 4'],
  );
});

test('Google Workspace: deprovisioning is DELETE; a second one is 404', async () => {
  const user = await google.user();
  assert.equal((await google.send('DELETE', pathOf(user))).status, 204);
  assert.equal((await google.send('DELETE', pathOf(user))).status, 404);
});
