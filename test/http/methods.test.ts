/** Which methods a path takes, what HEAD and OPTIONS say, and what a path that is not there answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newGroup, newUser, startScimd, type TestServer } from '../server.ts';
import { assertError, firstAnswer, head, sendRaw } from './raw.ts';

let server: TestServer;
let user: string;
before(async () => {
  server = await startScimd();
  user = (await server.request('POST', '/Users', { body: newUser() })).json.id;
  await server.request('POST', '/Groups', { body: newGroup() });
});
after(() => server.close());

const resource = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const discovery = ['GET', 'HEAD', 'OPTIONS'];
const endpoints: Readonly<Record<string, readonly string[]>> = {
  '/': discovery,
  '/Users': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  '/Groups': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  '/Users/some-id': resource,
  '/Groups/some-id': resource,
  '/Users/.search': ['POST', 'OPTIONS'],
  '/Groups/.search': ['POST', 'OPTIONS'],
  '/.search': ['POST', 'OPTIONS'],
  '/Bulk': ['POST', 'OPTIONS'],
  '/ServiceProviderConfig': discovery,
  '/Schemas': discovery,
  '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User': discovery,
  '/ResourceTypes': discovery,
  '/ResourceTypes/User': discovery,
};
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

for (const [path, allowed] of Object.entries(endpoints)) {
  test(`${path} says in OPTIONS what it takes, and refuses the rest with 405 and Allow`, async () => {
    const options = await server.request('OPTIONS', path);
    assert.equal(options.status, 204);
    assert.deepEqual(options.headers.get('allow')?.split(', ').sort(), [...allowed].sort());
    assert.equal(options.headers.has('accept-patch'), allowed.includes('PATCH'));
    for (const method of methods.filter((each) => !allowed.includes(each))) {
      const answer = await server.request(method, path);
      assert.equal(answer.headers.get('allow'), options.headers.get('allow'), method);
      if (method === 'HEAD') assert.deepEqual([answer.status, answer.text], [405, '']);
      else assertError(answer, 405, new RegExp(`^${method} `));
    }
  });
}

test('/Me takes what a user takes, and POST is 501', async () => {
  const token = await server.newToken({ subject: user });
  const options = await server.request('OPTIONS', '/Me', { token });
  assert.deepEqual(options.headers.get('allow')?.split(', ').sort(), [...resource, 'POST'].sort());
  assertError(await server.request('POST', '/Me', { token, body: newUser() }), 501);
  assert.equal((await server.request('GET', '/Me', { token })).json.id, user);
  assertError(await server.request('GET', '/Me'), 404, /not associated with a user/);
});

test('Accept-Patch names the media types of a PATCH (RFC 5789 §3.1)', async () => {
  const { headers } = await server.request('OPTIONS', `/Users/${user}`);
  assert.equal(headers.get('accept-patch'), 'application/scim+json, application/json');
});

test('HEAD answers the fields of GET without its body', async () => {
  for (const path of [
    `/Users/${user}`,
    '/Users',
    '/Groups',
    '/Schemas',
    '/ServiceProviderConfig',
    '/Users/none',
  ]) {
    const get = await server.request('GET', path);
    const answer = await server.request('HEAD', path);
    assert.deepEqual([answer.status, answer.text], [get.status, ''], path);
    for (const name of ['content-type', 'etag', 'content-location', 'cache-control']) {
      assert.equal(answer.headers.get(name), get.headers.get(name), `${path} ${name}`);
    }
  }
});

test('nothing follows the head of a HEAD on the wire, and the connection can go on', async () => {
  const first = head(server, `HEAD /scim/v2/Users/${user}`).replace('Connection: close\r\n', '');
  const received = await sendRaw(server, [first + head(server, 'GET /scim/v2/Users?count=0')]);
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)+\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('TRACE and other methods are 405', async () => {
  for (const method of ['TRACE', 'PROPFIND', 'LINK', 'QUERY']) {
    const answer = firstAnswer(await sendRaw(server, [head(server, `${method} /scim/v2/Users`)]));
    assertError(answer, 405);
    assert.match(answer.head, /^allow: GET, HEAD, POST, OPTIONS/im);
  }
});

test('CONNECT opens no tunnel', async () => {
  const received = await sendRaw(server, [head(server, 'CONNECT example.com:443')]);
  assert.doesNotMatch(received, /^HTTP\/1\.1 2/);
  assert.equal((await server.request('GET', '/Users?count=0')).status, 200);
});

test('a method in lower case is none', async () => {
  assertError(firstAnswer(await sendRaw(server, [head(server, 'get /scim/v2/Users')])), 400);
});

for (const path of [
  '/Nothing',
  '/Nothing/x',
  '/Users/x/y',
  '/Schemas/urn:none',
  '/ResourceTypes/None',
  '/Users/none',
]) {
  test(`${path} is 404 with a SCIM error that names it`, async () => {
    const answer = await server.request('GET', path);
    assertError(answer, 404, /Nothing|x\/y|urn:none|None|none/);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/scim\+json/);
  });
}

for (const method of ['PUT', 'PATCH', 'DELETE']) {
  test(`${method} of a resource that is not there is 404`, async () => {
    for (const endpoint of ['/Users', '/Groups']) {
      const made = endpoint === '/Users' ? newUser() : newGroup();
      const patch = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'add', path: 'externalId', value: 'x' }],
      };
      const body = { PUT: made, PATCH: patch, DELETE: undefined }[method];
      assertError(await server.request(method, `${endpoint}/none`, { body }), 404, /none/);
    }
  });
}

test('a user is no group: its id under /Groups is 404', async () => {
  assertError(await server.request('GET', `/Groups/${user}`), 404);
  assertError(await server.request('DELETE', `/Groups/${user}`), 404);
  assert.equal((await server.request('GET', `/Users/${user}`)).status, 200);
});
