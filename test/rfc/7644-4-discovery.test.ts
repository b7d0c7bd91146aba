import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  groupSchema,
  listSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

const core = 'urn:ietf:params:scim:schemas:core:2.0:';
const get = (path: string) => server.request('GET', path);

test('P-4-01: /ServiceProviderConfig is one object of its schema', async () => {
  const { status, json } = await get('/ServiceProviderConfig');
  assert.equal(status, 200);
  assert.deepEqual(json.schemas, [`${core}ServiceProviderConfig`]);
  assert.ok(!('Resources' in json));
  for (const feature of ['patch', 'bulk', 'filter', 'changePassword', 'sort', 'etag']) {
    assert.equal(typeof json[feature].supported, 'boolean', feature);
  }
});

test('P-4-02: /Schemas is a list of all schemas', async () => {
  const { json } = await get('/Schemas');
  assert.deepEqual(json.schemas, [listSchema]);
  const ids = json.Resources.map(({ id }: { id: string }) => id);
  assert.equal(json.totalResults, ids.length);
  assert.deepEqual(
    ids.sort(),
    [
      userSchema,
      groupSchema,
      enterpriseSchema,
      `${core}ServiceProviderConfig`,
      `${core}ResourceType`,
      `${core}Schema`,
    ].sort(),
  );
});

test('P-4-03: /Schemas/{urn} is one schema, whether its colons are encoded or not', async () => {
  const { json } = await get('/Schemas');
  for (const schema of json.Resources) {
    for (const id of [schema.id, encodeURIComponent(schema.id)]) {
      const one = await get(`/Schemas/${id}`);
      assert.equal(one.status, 200);
      assert.deepEqual(one.json, schema);
    }
    assert.deepEqual((await get(schema.meta.location)).json, schema);
  }
  refused(await get('/Schemas/urn:ietf:params:scim:schemas:core:2.0:Device'), 404);
  refused(await get('/Schemas/User'), 404);
});

test('P-4-04: /ResourceTypes is a list, /ResourceTypes/{name} one of them', async () => {
  const { json } = await get('/ResourceTypes');
  assert.deepEqual(json.schemas, [listSchema]);
  assert.deepEqual(
    json.Resources.map(({ name }: { name: string }) => name),
    ['User', 'Group'],
  );
  for (const type of json.Resources) {
    const one = await get(`/ResourceTypes/${type.name}`);
    assert.deepEqual(one.json, type);
    assert.ok(!('Resources' in one.json));
  }
  refused(await get('/ResourceTypes/Device'), 404);
  refused(await get('/ResourceTypes/user'), 404);
});

test('P-4-05: paging and sorting are ignored on discovery endpoints', async () => {
  for (const path of ['/Schemas', '/ResourceTypes']) {
    const whole = (await get(path)).json;
    assert.deepEqual(
      (await get(`${path}?count=1&startIndex=2&sortBy=id&sortOrder=descending&cursor=x`)).json,
      whole,
    );
  }
  for (const path of ['/ServiceProviderConfig', `/Schemas/${userSchema}`, '/ResourceTypes/User']) {
    const whole = (await get(path)).json;
    const search = 'count=0&startIndex=9&sortBy=id&sortOrder=descending&cursor=x';
    assert.deepEqual((await get(`${path}?${search}`)).json, whole, path);
  }
});

test('P-4-06: a filter on a discovery endpoint is 403, so that no answer is taken for a filtered one', async () => {
  for (const path of [
    '/Schemas',
    '/ResourceTypes',
    '/ServiceProviderConfig',
    `/Schemas/${userSchema}`,
    '/ResourceTypes/User',
  ]) {
    for (const filter of ['id%20pr', 'nonsense', '']) {
      refused(await get(`${path}?filter=${filter}`), 403);
    }
  }
});

test('P-4-01: the schemas and resource types are open to all where the operator says so', async () => {
  const own = await startScimd({ publicDiscovery: true });
  try {
    for (const path of ['/ServiceProviderConfig', '/Schemas', '/ResourceTypes', `/Schemas/${userSchema}`]) {
      assert.equal((await own.request('GET', path, { token: null })).status, 200, path);
    }
    refused(await own.request('GET', '/Users', { token: null }), 401);
    refused(await own.request('GET', '/Schemas', { token: 'wrong' }), 401);
  } finally {
    await own.close();
  }
});
