import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  bulkSchema,
  enterpriseSchema,
  listSchema,
  newGroup,
  newUser,
  patchOp,
  searchSchema,
  startScimd,
  type TestServer,
} from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

/** One answer of each kind that has a body. */
async function answers(): Promise<readonly (readonly [string, Answer])[]> {
  const client = await newClient(server);
  const { id } = await client.create('/Users', newUser());
  const bulk = {
    schemas: [bulkSchema],
    Operations: [{ method: 'POST', path: '/Users', bulkId: 'a', data: newUser() }],
  };
  const requests: readonly (readonly [string, string, unknown?])[] = [
    ['POST', '/Users', newUser()],
    ['GET', `/Users/${id}`],
    ['PUT', `/Users/${id}`, newUser()],
    ['PATCH', `/Users/${id}`, patchOp({ op: 'add', path: 'title', value: 'x' })],
    ['GET', '/Users'],
    ['GET', '/'],
    ['POST', '/Users/.search', { schemas: [searchSchema] }],
    ['POST', '/Bulk', bulk],
    ['GET', '/ServiceProviderConfig'],
    ['GET', '/Schemas'],
    ['GET', '/ResourceTypes/User'],
    ['GET', '/Users/unknown'],
    ['GET', '/Nope'],
    ['POST', '/Users', '{'],
    ['DELETE', '/Users'],
    ['GET', '/Schemas?filter=id%20pr'],
  ];
  const all: [string, Answer][] = [];
  for (const [method, path, body] of requests) {
    all.push([`${method} ${path}`, await client.request(method, path, { body })]);
  }
  all.push(['401', await server.request('GET', '/Users', { token: null })]);
  all.push([
    '415',
    await client.request('POST', '/Users', { body: 'x', headers: { 'content-type': 'text/plain' } }),
  ]);
  all.push(['406', await client.request('GET', '/Users', { headers: { accept: 'text/html' } })]);
  return all;
}

test('P-3.1-01, P-8.1-01: every answer with a body, errors included, is application/scim+json', async () => {
  for (const [what, answer] of await answers()) {
    assert.equal(answer.headers.get('content-type'), 'application/scim+json', what);
    assert.equal(typeof answer.json, 'object', what);
  }
});

test('P-3.1-02: protocol messages are identified by a URI that begins urn:ietf:params:scim:api:', async () => {
  const message = 'urn:ietf:params:scim:api:messages:2.0:';
  for (const [what, { status, json }] of await answers()) {
    const kind =
      status >= 400
        ? 'Error'
        : what === 'POST /Bulk'
          ? 'BulkResponse'
          : Array.isArray(json.Resources)
            ? 'ListResponse'
            : undefined;
    if (kind === undefined) assert.ok(!json.schemas[0].startsWith('urn:ietf:params:scim:api:'), what);
    else assert.deepEqual(json.schemas, [message + kind], what);
  }
});

test('P-3.1-03: message schemas are no schemas: neither in /Schemas nor fetchable there', async () => {
  const { json } = await server.request('GET', '/Schemas');
  assert.deepEqual(
    json.Resources.filter((schema: { id: string }) => schema.id.includes(':api:')),
    [],
  );
  for (const name of ['Error', 'ListResponse', 'PatchOp', 'SearchRequest', 'BulkRequest', 'BulkResponse']) {
    const id = `urn:ietf:params:scim:api:messages:2.0:${name}`;
    refused(await server.request('GET', `/Schemas/${id}`), 404);
  }
});

test('P-3.1-04: an answer shows the state that the server holds and not what was sent', async () => {
  const sent = newUser({
    id: 'mine',
    meta: { resourceType: 'Group', created: '1999-01-01T00:00:00Z', version: 'W/"99"' },
    groups: [{ value: 'none' }],
    NickName: 'Babs',
    title: null,
    roles: [],
    unknown: 'x',
    active: 'True',
    emails: [
      { value: 'a@example.com', type: 'work' },
      { value: 'a@example.com', type: 'work' },
    ],
  });
  const { status, json } = await server.request('POST', '/Users', { body: sent });
  assert.equal(status, 201);
  assert.deepEqual(json, (await server.request('GET', `/Users/${json.id}`)).json);
  const { id, meta, ...rest } = json;
  assert.notEqual(id, 'mine');
  assert.equal(meta.resourceType, 'User');
  assert.equal(meta.version, 'W/"1"');
  assert.ok(meta.created > '2020');
  assert.deepEqual(rest, {
    schemas: sent.schemas,
    userName: sent.userName,
    nickName: 'Babs',
    active: true,
    emails: [{ value: 'a@example.com', type: 'work' }],
  });
});

test('P-3.1-05: what GET gave can be PUT back as it is, and changes nothing', async () => {
  const client = await newClient(server, { idp: 'strict' });
  const user = await client.create(
    '/Users',
    newUser({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterpriseSchema],
      password: 'correct horse battery staple',
      name: { givenName: 'Barbara', familyName: 'Jensen' },
      emails: [{ value: 'a@example.com', primary: true }],
      [enterpriseSchema]: { employeeNumber: '1', manager: { value: '26118915' } },
    }),
  );
  await client.create('/Groups', newGroup({ members: [{ value: user.id }] }));
  const read = await client.read(`/Users/${user.id}`);
  assert.equal(read.groups.length, 1);
  const put = await client.request('PUT', `/Users/${user.id}`, { body: read });
  assert.equal(put.status, 200, put.text);
  assert.deepEqual(put.json, read);
  assert.deepEqual(await client.read(`/Users/${user.id}`), read);
  const group = (await client.read('/Groups')).Resources[0];
  const putGroup = await client.request('PUT', `/Groups/${group.id}`, { body: group });
  assert.deepEqual(putGroup.json, group);
});

test('P-3.2-01, P-3.2-02: endpoints are the plural of the resource type, as /ResourceTypes says', async () => {
  const { json } = await server.request('GET', '/ResourceTypes');
  const types = json.Resources as readonly { name: string; endpoint: string }[];
  assert.deepEqual(types.map(({ name }) => name).sort(), ['Group', 'User']);
  for (const { name, endpoint } of types) {
    assert.equal(endpoint, `/${name}s`);
    const list = await server.request('GET', endpoint);
    assert.equal(list.status, 200);
    assert.deepEqual(list.json.schemas, [listSchema]);
  }
});

test('P-3.2-03, P-3.5.1-01: PUT never creates', async () => {
  const client = await newClient(server);
  refused(await client.request('PUT', '/Users/unknown', { body: newUser() }), 404);
  refused(await client.request('PUT', '/Groups/unknown', { body: newGroup() }), 404);
  assert.equal((await client.read('/')).totalResults, 0);
});

test('P-3.2-04: /ServiceProviderConfig, /ResourceTypes and /Schemas answer GET', async () => {
  for (const path of ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas']) {
    assert.equal((await server.request('GET', path)).status, 200, path);
  }
});

test('P-3.2-05, P-3.12-01, P-3.12-02: an error says its status in the status line and again, as a text, in its body', async () => {
  const errors = (await answers()).filter(([, { status }]) => status >= 400);
  assert.deepEqual(
    [...new Set(errors.map(([, { status }]) => status))].sort(),
    [400, 401, 403, 404, 405, 406, 415],
  );
  for (const [, answer] of errors) refused(answer, answer.status, answer.json.scimType);
});

test('P-3.2-06: an unknown endpoint is 404, an unsupported method 405 with what is allowed', async () => {
  for (const path of ['/Nope', '/Users/1/emails', '/Users/1/2/3', '/.well-known', '/Schemas/unknown']) {
    refused(await server.request('GET', path), 404);
  }
  for (const [method, path, allowed] of [
    ['DELETE', '/Users', 'GET, HEAD, POST, OPTIONS'],
    ['PUT', '/Users', 'GET, HEAD, POST, OPTIONS'],
    ['PATCH', '/Groups', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/Users/1', 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
    ['POST', '/Schemas', 'GET, HEAD, OPTIONS'],
    ['PUT', '/ServiceProviderConfig', 'GET, HEAD, OPTIONS'],
    ['GET', '/Bulk', 'POST, OPTIONS'],
    ['GET', '/Users/.search', 'POST, OPTIONS'],
    ['POST', '/', 'GET, HEAD, OPTIONS'],
  ] as const) {
    const answer = await server.request(method, path, method === 'GET' ? {} : { body: newUser() });
    refused(answer, 405, undefined, /not supported/);
    assert.equal(answer.headers.get('allow'), allowed, `${method} ${path}`);
    const options = await server.request('OPTIONS', path);
    assert.equal(options.status, 204);
    assert.equal(options.headers.get('allow'), allowed);
  }
});

test('P-3.2-06: a method that no endpoint has is 405 with what is allowed, wherever it is sent', async () => {
  const client = await newClient(server);
  const { id } = await client.create('/Users', newUser());
  for (const method of ['PURGE', 'PROPFIND', 'SEARCH', 'LOCK']) {
    for (const [path, allowed] of [
      ['/Users', 'GET, HEAD, POST, OPTIONS'],
      [`/Users/${id}`, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
      ['/Bulk', 'POST, OPTIONS'],
      ['/Me', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
      ['/Schemas', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await client.request(method, path);
      refused(answer, 405, undefined, /not supported/);
      assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), allowed.split(', ').sort(), path);
    }
    refused(await client.request(method, '/Nope'), 404);
  }
});

test('P-3.8-01: bodies are JSON in UTF-8, and nothing else', async () => {
  const displayName = 'Jörg 李 𝄞';
  for (const type of [
    'application/scim+json',
    'application/scim+json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ]) {
    const { status, json, text } = await server.request('POST', '/Users', {
      body: newUser({ displayName }),
      headers: { 'content-type': type },
    });
    assert.equal(status, 201, text);
    assert.equal(json.displayName, displayName);
  }
  const invalid = Buffer.concat([
    Buffer.from('{"schemas":["'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"]}'),
  ]);
  refused(await server.request('POST', '/Users', { body: invalid }), 400, 'invalidSyntax', /UTF-8/);
  for (const charset of ['utf-16', 'windows-1252', 'x', '""', '']) {
    const headers = { 'content-type': `application/json; charset=${charset}` };
    refused(await server.request('POST', '/Users', { body: newUser(), headers }), 415, undefined, /charset/);
  }
});

test('P-3.8-01: a body that is ASCII or ISO 8859-1, and said to be, is read as that', async () => {
  for (const [charset, encoding] of [
    ['us-ascii', 'ascii'],
    ['ISO-8859-1', 'latin1'],
    ['"iso-8859-1"', 'latin1'],
    ['latin1', 'latin1'],
    ['iso-8859-1', 'utf8'],
    ['utf8', 'utf8'],
  ] as const) {
    const displayName = encoding === 'ascii' ? 'Jorg' : 'Jörg Åström';
    const body = Buffer.from(JSON.stringify(newUser({ displayName })), encoding);
    const headers = { 'content-type': `application/scim+json; charset=${charset}` };
    const answer = await server.request('POST', '/Users', { body, headers });
    assert.equal(answer.status, 201, answer.text);
    assert.equal((await server.request('GET', `/Users/${answer.json.id}`)).json.displayName, displayName);
  }
  const body = Buffer.from(JSON.stringify(newUser({ displayName: 'Jörg' })), 'latin1');
  for (const charset of ['', '; charset=utf-8', '; charset=us-ascii']) {
    const headers = { 'content-type': `application/json${charset}` };
    refused(await server.request('POST', '/Users', { body, headers }), 400, 'invalidSyntax', /UTF-8/);
  }
});

test('P-3.8-02, P-3.8-03, P-3.8-04: the answer is scim+json unless only plain JSON is accepted', async () => {
  for (const [accept, type] of [
    ['application/scim+json', 'application/scim+json'],
    ['application/json', 'application/json'],
    ['*/*', 'application/scim+json'],
    [null, 'application/scim+json'],
    ['', 'application/scim+json'],
    ['application/*', 'application/scim+json'],
    ['text/html, application/json;q=0.9', 'application/json'],
    ['application/json, application/scim+json', 'application/scim+json'],
    ['application/scim+json;q=0, application/json', 'application/json'],
    ['APPLICATION/JSON; charset=utf-8', 'application/json'],
  ] as const) {
    for (const [method, path, body] of [
      ['GET', '/Users', undefined],
      ['POST', '/Users', newUser()],
      ['POST', '/.search', { schemas: [searchSchema] }],
    ] as const) {
      const { status, headers } = await server.request(method, path, { headers: { accept }, body });
      assert.ok(status < 300);
      assert.equal(headers.get('content-type'), type, `${method} ${path} ${accept}`);
    }
  }
});

test('P-3.8-05: what is neither JSON nor anything is 406, and nothing is written for it', async () => {
  const client = await newClient(server);
  for (const accept of ['text/xml', 'application/scim+json;q=0', 'image/png, text/*;q=0.1']) {
    refused(await client.request('GET', '/Users', { headers: { accept } }), 406);
    refused(await client.request('POST', '/Users', { headers: { accept }, body: newUser() }), 406);
  }
  assert.equal((await client.read('/Users')).totalResults, 0);
  const { id } = await client.create('/Users', newUser());
  refused(await client.request('GET', `/Users/${id}.scim`), 404);
});

test('P-3.8-06: scim+json and json are accepted as bodies, with parameters or without a type; all else is 415', async () => {
  for (const type of ['application/scim+json', 'application/json', 'Application/JSON; charset=UTF-8', null]) {
    const headers = { 'content-type': type };
    const body = new TextEncoder().encode(JSON.stringify(newUser()));
    assert.equal((await server.request('POST', '/Users', { body, headers })).status, 201, String(type));
  }
  for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'json']) {
    const headers = { 'content-type': type };
    refused(await server.request('POST', '/Users', { body: newUser(), headers }), 415);
  }
});
