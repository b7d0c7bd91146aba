import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audience, newKey, sign, startIssuer } from '../http/issuer.ts';
import {
  type Answer,
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
let config: Answer['json'];
before(async () => {
  server = await startScimd({
    documentationUri: 'https://docs.example.com/scim',
    limits: { maxPageSize: 5, bulkOperations: 3, bulkBytes: 20_000 },
  });
  config = (await server.request('GET', '/ServiceProviderConfig')).json;
});
after(() => server.close());

const core = 'urn:ietf:params:scim:schemas:core:2.0';

async function writesAreRefused(path: string): Promise<void> {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await server.request(method, path, { body: {} });
    refused(answer, 405);
    assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), ['GET', 'HEAD', 'OPTIONS']);
  }
}

test('S-5-01: the service provider’s configuration has its schema and can only be read', async () => {
  assert.deepEqual(config.schemas, [`${core}:ServiceProviderConfig`]);
  assert.deepEqual(config.meta, {
    resourceType: 'ServiceProviderConfig',
    location: `${server.base}/ServiceProviderConfig`,
  });
  await writesAreRefused('/ServiceProviderConfig');
  const { json } = await server.request('GET', `/Schemas/${core}:ServiceProviderConfig`);
  const check = (attribute: Definition): void => {
    assert.equal(attribute.mutability, 'readOnly', attribute.name);
    attribute.subAttributes?.forEach(check);
  };
  json.attributes.forEach(check);
});

test('S-5-02: patch.supported is there and true', async () => {
  assert.deepEqual(config.patch, { supported: true });
  const user = await server.request('POST', '/Users', { body: newUser() });
  const patch = { body: patchOp({ op: 'add', path: 'title', value: 'x' }) };
  assert.equal((await server.request('PATCH', `/Users/${user.json.id}`, patch)).json.title, 'x');
});

test('S-5-03: bulk and its limits are there, as integers, and hold', async () => {
  assert.deepEqual(config.bulk, { supported: true, maxOperations: 3, maxPayloadSize: 20_000 });
  const bulk = (count: number, padding = 0) =>
    server.request('POST', '/Bulk', {
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: Array.from({ length: count }, (_, index) => ({
          method: 'POST',
          path: '/Users',
          bulkId: `b${index}`,
          data: newUser({ title: 'x'.repeat(padding) }),
        })),
      },
    });
  assert.equal((await bulk(3)).status, 200);
  refused(await bulk(4), 413, undefined, /3/);
  refused(await bulk(1, 20_000), 413, undefined, /20000/);
});

test('S-5-04: filter.supported and filter.maxResults are there, and no list is longer', async () => {
  assert.deepEqual(config.filter, { supported: true, maxResults: 5 });
  for (let i = 0; i < 7; i++) await server.request('POST', '/Users', { body: newUser({ title: 'many' }) });
  for (const query of ['', '?count=1000', '?filter=title%20eq%20%22many%22&count=6']) {
    const { json } = await server.request('GET', `/Users${query}`);
    assert.ok(json.totalResults >= 7);
    assert.equal(json.Resources.length, 5);
    assert.equal(json.itemsPerPage, 5);
  }
});

test('S-5-05: changePassword.supported is there, and PATCH changes a password', async () => {
  assert.deepEqual(config.changePassword, { supported: true });
  const user = (await server.request('POST', '/Users', { body: newUser() })).json;
  const patch = { body: patchOp({ op: 'replace', path: 'password', value: 'correct horse' }) };
  const answer = await server.request('PATCH', `/Users/${user.id}`, patch);
  assert.equal(answer.status, 200);
  assert.notEqual(answer.json.meta.version, user.meta.version);
});

test('S-5-06: sort.supported is there, and sortBy sorts', async () => {
  assert.deepEqual(config.sort, { supported: true });
  for (const nickName of ['b', 'c', 'a'])
    await server.request('POST', '/Users', { body: newUser({ nickName, title: 'sorted' }) });
  const { json } = await server.request('GET', '/Users?filter=title%20eq%20%22sorted%22&sortBy=nickName');
  assert.deepEqual(
    json.Resources.map((user: { nickName: string }) => user.nickName),
    ['a', 'b', 'c'],
  );
});

test('S-5-07: etag.supported is there, and every resource has an ETag', async () => {
  assert.deepEqual(config.etag, { supported: true });
  for (const [path, body] of [
    ['/Users', newUser()],
    ['/Groups', newGroup()],
  ] as const) {
    const post = await server.request('POST', path, { body });
    assert.match(post.headers.get('etag') ?? '', /^W\/"/);
    const got = await server.request('GET', `${path}/${post.json.id}`);
    assert.equal(got.headers.get('etag'), post.headers.get('etag'));
  }
});

test('S-5-08, S-5-09: the authentication schemes are described, and can be read without a token', async () => {
  const anonymous = await server.request('GET', '/ServiceProviderConfig', { token: null });
  assert.equal(anonymous.status, 200);
  assert.deepEqual(anonymous.json.authenticationSchemes, config.authenticationSchemes);
  assert.equal(config.authenticationSchemes.length, 1);
  const [{ type, name, description, specUri }] = config.authenticationSchemes;
  assert.equal(type, 'oauthbearertoken');
  assert.match(name, /Bearer/);
  assert.match(description, /\w/);
  assert.match(new URL(specUri).href, /6750/);
});

test('S-5-08, P-2-02: each scheme that is taken is described and announced in the challenge, and no other', async () => {
  const key = await newKey('1');
  const issuer = await startIssuer(key);
  const own = await startScimd({
    basicAuth: true,
    tokenEndpoint: { seconds: 60 },
    jwt: { issuer: issuer.url, audience: [audience], jwksUri: issuer.jwksUri },
  });
  try {
    const { authenticationSchemes: schemes } = (await own.request('GET', '/ServiceProviderConfig')).json;
    assert.deepEqual(
      schemes.map(({ type }: { type: string }) => type),
      ['oauthbearertoken', 'oauthbearertoken', 'oauth2', 'httpbasic'],
    );
    for (const { name, description, specUri } of schemes) {
      assert.match(name, /\w/);
      assert.match(description, /\w/);
      assert.match(new URL(specUri).href, /rfc\d+$/);
    }
    assert.equal(schemes.filter(({ primary }: { primary: boolean }) => primary).length, 1);
    const basic = `Basic ${Buffer.from(`x:${own.token}`).toString('base64')}`;
    for (const authorization of [`Bearer ${own.token}`, `Bearer ${await sign(issuer, key)}`, basic])
      assert.equal((await own.request('GET', '/Users', { headers: { authorization } })).status, 200);
    for (const authorization of [null, 'Bearer wrong', 'Digest username="x"', 'Basic eDp5']) {
      const answer = await own.request('GET', '/Users', { headers: { authorization } });
      refused(answer, 401);
      const challenge = answer.headers.get('www-authenticate') ?? '';
      assert.match(challenge, /^Bearer realm="/);
      assert.match(challenge, /, Basic realm="/);
      assert.doesNotMatch(challenge, /Digest|DPoP|HOBA/);
    }
  } finally {
    await own.close();
    issuer.close();
  }
});

test('S-5-10: documentationUri is where the operator says; the resource needs no id', async () => {
  assert.equal(config.documentationUri, 'https://docs.example.com/scim');
  assert.ok(!('id' in config));
});

async function types(): Promise<Answer['json'][]> {
  const { json, status } = await server.request('GET', '/ResourceTypes');
  assert.equal(status, 200);
  assert.equal(json.totalResults, json.Resources.length);
  return json.Resources;
}

test('S-6-01, S-6-07: resource types have their schema, id and description, and can only be read', async () => {
  await writesAreRefused('/ResourceTypes');
  for (const type of await types()) {
    assert.deepEqual(type.schemas, [`${core}:ResourceType`]);
    assert.equal(type.id, type.name);
    assert.match(type.description, /\w/);
    assert.deepEqual(type.meta, {
      resourceType: 'ResourceType',
      location: `${server.base}/ResourceTypes/${type.name}`,
    });
    assert.deepEqual((await server.request('GET', type.meta.location)).json, type);
    await writesAreRefused(`/ResourceTypes/${type.name}`);
  }
});

test('S-6-02: the name of a resource type is unique and case-exact', async () => {
  assert.deepEqual(
    (await types()).map((type) => type.name),
    ['User', 'Group'],
  );
  refused(await server.request('GET', '/ResourceTypes/user'), 404);
  const { json } = await server.request('GET', `/Schemas/${core}:ResourceType`);
  const name = json.attributes.find((each: { name: string }) => each.name === 'name');
  assert.deepEqual([name.caseExact, name.required, name.uniqueness], [true, true, 'server']);
});

test('S-6-03: the endpoint of a resource type is relative to the base, unique, and answers', async () => {
  const endpoints = (await types()).map((type) => type.endpoint);
  assert.deepEqual(endpoints, ['/Users', '/Groups']);
  for (const endpoint of endpoints) {
    const { json, status } = await server.request('GET', server.base + endpoint);
    assert.equal(status, 200);
    assert.deepEqual(json.schemas, ['urn:ietf:params:scim:api:messages:2.0:ListResponse']);
  }
});

test('S-6-04, S-6-05: the schema and the extensions of a resource type are schemas that can be read', async () => {
  const [user, group] = await types();
  assert.deepEqual(
    [user.schema, user.schemaExtensions],
    [userSchema, [{ schema: enterpriseSchema, required: false }]],
  );
  assert.deepEqual([group.schema, group.schemaExtensions ?? []], [groupSchema, []]);
  for (const urn of [user.schema, group.schema, enterpriseSchema]) {
    assert.equal((await server.request('GET', `/Schemas/${urn}`)).json.id, urn);
  }
});

async function schemas(): Promise<Answer['json'][]> {
  const { json } = await server.request('GET', '/Schemas');
  assert.equal(json.totalResults, json.Resources.length);
  return json.Resources;
}

test('S-7-01: every schema URI that a resource names can be read at /Schemas', async () => {
  const body = newUser({ [enterpriseSchema]: { department: 'x' } });
  const resources = [
    (await server.request('POST', '/Users', { body })).json,
    (await server.request('POST', '/Groups', { body: newGroup() })).json,
    config,
    ...(await types()),
    ...(await schemas()),
  ];
  const seen = new Set<string>(resources.flatMap((resource) => resource.schemas));
  assert.deepEqual(
    [...seen].sort(),
    [
      `${core}:Group`,
      `${core}:ResourceType`,
      `${core}:Schema`,
      `${core}:ServiceProviderConfig`,
      userSchema,
      enterpriseSchema,
    ].sort(),
  );
  for (const urn of seen) {
    for (const spelled of [urn, urn.toUpperCase(), encodeURIComponent(urn)]) {
      const { json, status } = await server.request('GET', `/Schemas/${spelled}`);
      assert.equal(status, 200, spelled);
      assert.equal(json.id, urn);
    }
  }
  refused(await server.request('GET', `/Schemas/${core}:Nothing`), 404);
});

test('S-7-02, S-7-03, S-7-04: schemas have id, name, description and meta, and can only be read', async () => {
  await writesAreRefused('/Schemas');
  for (const schema of await schemas()) {
    assert.deepEqual(schema.schemas, [`${core}:Schema`]);
    assert.match(schema.id, /^urn:ietf:params:scim:schemas:/);
    assert.match(schema.name, /\w/);
    assert.match(schema.description, /\w/);
    assert.deepEqual(schema.meta, {
      resourceType: 'Schema',
      location: `${server.base}/Schemas/${schema.id}`,
    });
    assert.deepEqual((await server.request('GET', schema.meta.location)).json, schema);
    await writesAreRefused(`/Schemas/${schema.id}`);
    for (const search of ['attributes=name', 'excludedAttributes=id']) {
      const { json } = await server.request('GET', `${schema.meta.location}?${search}`);
      assert.equal(json.id, schema.id, search);
      assert.deepEqual(json.schemas, [`${core}:Schema`], search);
    }
  }
});

interface Definition {
  readonly [characteristic: string]: unknown;
  readonly name: string;
  readonly type: string;
  readonly subAttributes?: readonly Definition[];
}

test('S-7-05, S-7-06: every attribute states its characteristics, with the values that the RFC has; a complex one its sub-attributes', async () => {
  const legal: Readonly<Record<string, readonly unknown[]>> = {
    type: ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'reference', 'binary', 'complex'],
    multiValued: [true, false],
    required: [true, false],
    mutability: ['readOnly', 'readWrite', 'immutable', 'writeOnly'],
    returned: ['always', 'never', 'default', 'request'],
  };
  const check = (attribute: Definition): void => {
    for (const [characteristic, values] of Object.entries(legal)) {
      assert.ok(values.includes(attribute[characteristic]), `${attribute.name} ${characteristic}`);
    }
    assert.match(attribute.description as string, /\w/, attribute.name);
    if (attribute.type === 'string' || attribute.type === 'reference') {
      assert.equal(typeof attribute.caseExact, 'boolean', attribute.name);
      assert.ok(['none', 'server', 'global'].includes(attribute.uniqueness as string), attribute.name);
    }
    assert.equal(attribute.type === 'complex', (attribute.subAttributes?.length ?? 0) > 0, attribute.name);
    attribute.subAttributes?.forEach(check);
  };
  for (const schema of await schemas()) schema.attributes.forEach(check);
});

test('S-10-01: no schema claims a name of the IETF that is not registered', async () => {
  const registered = new Set([
    `${core}:User`,
    `${core}:Group`,
    `${core}:Schema`,
    `${core}:ResourceType`,
    `${core}:ServiceProviderConfig`,
    enterpriseSchema,
  ]);
  for (const { id } of await schemas()) assert.ok(registered.has(id), id);
});
