/** Groups of one name: 409 where `uniqueDisplayName` is set, and for the POST of an Entra token anywhere. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bulkSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
} from '../server.ts';
import { assertError } from './raw.ts';

let unique: TestServer;
let plain: TestServer;
before(async () => {
  unique = await startScimd({ uniqueDisplayName: true });
  plain = await startScimd();
});
after(() => Promise.all([unique.close(), plain.close()]));

let count = 0;
const newName = () => `Crew ${++count}`;

async function group(server: TestServer, displayName: string, token = server.token) {
  const answer = await server.request('POST', '/Groups', { body: newGroup({ displayName }), token });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

const inUse = /^displayName ".*" is already in use$/;

test('a name that another group has is 409 uniqueness, whatever its letter case, by POST, PUT, PATCH and Bulk', async () => {
  const name = newName();
  await group(unique, name);
  const other = await group(unique, newName());
  const path = `/Groups/${other.id}`;
  for (const displayName of [name, name.toUpperCase()]) {
    const rename = { op: 'replace', path: 'displayName', value: displayName };
    const data = newGroup({ displayName });
    const Operations = [{ method: 'POST', path: '/Groups', bulkId: 'a', data }];
    const bulk = await unique.request('POST', '/Bulk', { body: { schemas: [bulkSchema], Operations } });
    for (const answer of [
      await unique.request('POST', '/Groups', { body: data }),
      await unique.request('PUT', path, { body: data }),
      await unique.request('PATCH', path, { body: patchOp(rename) }),
      {
        status: Number(bulk.json.Operations[0].status),
        text: JSON.stringify(bulk.json.Operations[0].response),
      },
    ]) {
      assertError(answer, 409, inUse);
      assert.equal(JSON.parse(answer.text).scimType, 'uniqueness');
    }
  }
  assert.deepEqual((await unique.request('GET', path)).json, other);
});

test('a group keeps its own name, in another letter case too; one that is given up is free', async () => {
  const name = newName();
  const { id } = await group(unique, name);
  const put = (displayName: string) =>
    unique.request('PUT', `/Groups/${id}`, { body: { schemas: [groupSchema], displayName } });
  for (const displayName of [name, name.toUpperCase(), newName()])
    assert.equal((await put(displayName)).status, 200);
  await group(unique, name);
  assertError(await put(name), 409);
});

test('of many POSTs and renames at once one has the name', async () => {
  const others = await Promise.all(Array.from({ length: 10 }, () => group(unique, newName())));
  const displayName = newName();
  const answers = await Promise.all([
    ...Array.from({ length: 10 }, () =>
      unique.request('POST', '/Groups', { body: newGroup({ displayName }) }),
    ),
    ...others.map(({ id }) =>
      unique.request('PATCH', `/Groups/${id}`, {
        body: patchOp({ op: 'replace', value: { displayName } }),
      }),
    ),
  ]);
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status < 300).length, 1);
  assert.equal(statuses.filter((status) => status === 409).length, 19);
  const filter = encodeURIComponent(`displayName eq "${displayName}"`);
  assert.equal((await unique.request('GET', `/Groups?filter=${filter}`)).json.totalResults, 1);
});

test('names are those of a tenant, and users may share theirs', async () => {
  const name = newName();
  await group(unique, name);
  await group(unique, name, await unique.newToken({ tenant: 'other' }));
  for (let i = 0; i < 2; i++) {
    const body = newUser({ displayName: name });
    assert.equal((await unique.request('POST', '/Users', { body })).status, 201);
  }
});

test('/Schemas says so of groups, and of users no more than before', async () => {
  const uniqueness = async (server: TestServer, schema: string) => {
    const { json } = await server.request('GET', `/Schemas/${schema}`);
    return json.attributes.find(({ name }: { name: string }) => name === 'displayName').uniqueness;
  };
  const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
  assert.deepEqual(
    [await uniqueness(unique, groupSchema), await uniqueness(unique, userSchema)],
    ['server', 'none'],
  );
  assert.equal(await uniqueness(plain, groupSchema), 'none');
});

test('without the setting names may be shared; a token of Entra is refused a second group, not a rename', async () => {
  const entra = await plain.newToken({ idp: 'entra' });
  const name = newName();
  const groups = [await group(plain, name), await group(plain, name)];
  const body = newGroup({ displayName: name.toLowerCase() });
  assertError(await plain.request('POST', '/Groups', { body, token: entra }), 409, inUse);
  const other = await group(plain, newName(), entra);
  const rename = patchOp(
    { op: 'Replace', path: 'displayName', value: name },
    { op: 'Add', path: 'members', value: [{ value: 'a' }] },
  );
  const path = `/Groups/${other.id}`;
  assert.equal((await plain.request('PATCH', path, { body: rename, token: entra })).status, 204);
  const { displayName, members } = (await plain.request('GET', path)).json;
  assert.deepEqual([displayName, members], [name, [{ value: 'a' }]]);
  const put = { schemas: [groupSchema], displayName: name, externalId: 'x' };
  assert.equal((await plain.request('PUT', `/Groups/${groups[0].id}`, { body: put })).status, 200);
});
