import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema } from '../server.ts';
import { memberIds, pathOf, provider } from './provider.ts';

const sdk = provider();

test('SCIM-SDK: the JSON text of an object where an object belongs, alone and in lists', async () => {
  const [a, b] = [await sdk.user(), await sdk.user()];
  const group = await sdk.group([a]);
  const text = (value: unknown) => JSON.stringify(value, null, 2);
  assert.deepEqual(
    memberIds(await sdk.patch(group, { op: 'add', path: 'members', value: [text({ value: b.id })] })),
    [a.id, b.id].sort(),
  );
  assert.deepEqual(
    memberIds(await sdk.patch(group, { op: 'remove', path: 'members', value: [text({ value: a.id })] })),
    [b.id],
  );
  assert.deepEqual(
    memberIds(await sdk.patch(group, { op: 'replace', path: 'members', value: text([{ value: a.id }]) })),
    [a.id],
  );
  const now = await sdk.patch(
    a,
    { op: 'replace', path: 'name', value: text({ givenName: 'Una' }) },
    { op: 'add', path: `${enterpriseSchema}:manager`, value: text({ value: b.id }) },
    { op: 'replace', value: [text({ nickName: 'U' })] },
  );
  assert.equal(now.name.givenName, 'Una');
  assert.equal(now.name.familyName, a.name.familyName);
  assert.equal(now[enterpriseSchema].manager.value, b.id);
  assert.equal(now.nickName, 'U');
});

test('SCIM-SDK: broken JSON text is 400, and is stored neither as an id nor as an address', async () => {
  const created = await sdk.user();
  const group = await sdk.group([created]);
  const user = await sdk.read(created);
  for (const [resource, path] of [
    [group, 'members'],
    [user, 'emails'],
    [user, 'emails[type eq "work"]'],
    [user, 'emails[type eq "work"].value'],
    [user, `${enterpriseSchema}:manager`],
    [user, `${enterpriseSchema}:manager.value`],
  ]) {
    for (const value of [
      '{"value":',
      '{"value":"x"',
      '[{"value"',
      '{}',
      '[]',
      '["\\u0000"]',
      '{"value":"\\u0000"}',
    ]) {
      for (const each of [value, [value]]) {
        const body = {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path, value: each }],
        };
        const answer = await sdk.send('PATCH', pathOf(resource), body);
        assert.equal(answer.status, 400, `${path} ${JSON.stringify(each)}`);
        assert.equal(answer.json.scimType, 'invalidValue');
      }
    }
    assert.deepEqual(await sdk.read(resource), resource);
  }
});

test('SCIM-SDK: a text in braces that is no JSON is an id like others', async () => {
  const id = '{8F3C0B5E-1D52-4A57-9D3B-0B1F3E3D2A11}';
  const group = await sdk.group();
  const now = await sdk.patch(group, { op: 'add', path: 'members', value: [id] });
  assert.deepEqual(memberIds(now), [id]);
});

test('SCIM-SDK: a search by POST has numbers as texts, and attributes in one text with commas', async () => {
  const users = [await sdk.user({ title: 'Cook' }), await sdk.user({ title: 'Cook' })];
  const search = async (more: object) => {
    const { status, json, text } = await sdk.send('POST', '/Users/.search', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
      filter: `id eq "${users[0]?.id}" or id eq "${users[1]?.id}"`,
      startIndex: '2',
      count: '1',
      ...more,
    });
    assert.equal(status, 200, text);
    assert.deepEqual([json.totalResults, json.startIndex, json.itemsPerPage], [2, 2, 1]);
    return Object.keys(json.Resources[0]).sort();
  };
  assert.deepEqual(await search({ attributes: 'userName, title' }), ['id', 'schemas', 'title', 'userName']);
  const rest = await search({ excludedAttributes: 'userName,title,meta', sortBy: 'userName' });
  assert.ok(!rest.includes('title') && !rest.includes('meta') && rest.includes('active'));
  assert.ok((await search({ attributes: '', sortOrder: 'descending' })).includes('active'));
});

test('SCIM-SDK: failOnErrors of a bulk request may be a text', async () => {
  const wrong = { method: 'POST', path: '/Users', bulkId: 'a', data: {} };
  const { json } = await sdk.send('POST', '/Bulk', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    failOnErrors: '1',
    Operations: [wrong, { ...wrong, bulkId: 'b' }],
  });
  assert.equal(json.Operations.length, 1);
});
