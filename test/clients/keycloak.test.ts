import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf, person, provider } from './provider.ts';

const keycloak = provider();

const empties = {
  addresses: [],
  phoneNumbers: [],
  ims: [],
  photos: [],
  entitlements: [],
  roles: [],
  x509Certificates: [],
};

test('Keycloak (suvera): empty arrays are no values, and groups, which is read-only, is not looked at', async () => {
  const groups = [{ value: 'e0b1', display: 'staff', type: 'direct' }];
  const user = await keycloak.user({ ...empties, groups });
  for (const name of [...Object.keys(empties), 'groups']) assert.equal(name in user, false, name);
  const { status, json } = await keycloak.send(
    'PUT',
    pathOf(user),
    person({ id: user.id, userName: user.userName, emails: [], groups }),
  );
  assert.equal(status, 200);
  assert.equal('emails' in json || 'groups' in json, false);
});

test('Keycloak (SCIM SDK): a single value in an array of one is that value', async () => {
  const user = await keycloak.user();
  assert.equal(
    (await keycloak.patch(user, { op: 'replace', path: 'nickName', value: ['Til'] })).nickName,
    'Til',
  );
});

test('Keycloak (SCIM SDK): two values for a single-valued attribute are refused', async () => {
  const user = await keycloak.user();
  const { status, json } = await keycloak.send('PATCH', pathOf(user), {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'nickName', value: ['Til', 'Tilly'] }],
  });
  assert.deepEqual([status, json.scimType], [400, 'invalidValue']);
});

test('Keycloak (SCIM SDK): the client’s own id in a POST is not taken over', async () => {
  const user = await keycloak.user({ id: 'f:4b33e370:nora' });
  assert.notEqual(user.id, 'f:4b33e370:nora');
});

test('Keycloak: an externalId with colons is kept and found', async () => {
  const user = await keycloak.user({ externalId: 'f:4b33e370-278e:nora@example.com' });
  assert.deepEqual(await keycloak.find('/Users', 'externalId eq "f:4b33e370-278e:nora@example.com"'), [
    user.id,
  ]);
});

test('Keycloak (SCIM SDK): joins a base URL that ends in a slash to //Users', async () => {
  assert.equal((await keycloak.send('POST', '//Users', person({ locale: 'en_us' }))).status, 201);
});
