import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { firstAnswer, head, sendRaw } from '../http/raw.ts';
import {
  bulkSchema,
  newGroup,
  newUser,
  patchOp,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
let id: string;
let path: string;
before(async () => {
  server = await startScimd();
  id = (await server.request('POST', '/Users', { body: newUser() })).json.id;
  path = `/Users/${id}`;
});
after(() => server.close());

test('H-9110-01: every 401 has a challenge', async () => {
  for (const [token, headers] of [
    [null, {}],
    ['scimd_unknown', {}],
    [null, { authorization: 'Basic YTpi' }],
    [null, { authorization: 'Bearer' }],
  ] as const) {
    for (const [method, target] of [
      ['GET', path],
      ['POST', '/Users'],
      ['GET', '/nowhere'],
      ['GET', '/Schemas'],
      ['DELETE', path],
    ] as const) {
      const answer = await server.request(method, target, {
        token,
        headers,
        ...(method === 'POST' ? { body: newUser() } : {}),
      });
      refused(answer, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="[^"]+"/);
    }
  }
});

test('H-9110-02: a 405 says what is allowed', async () => {
  for (const [method, target, allowed] of [
    ['POST', '/Schemas', ['GET', 'HEAD', 'OPTIONS']],
    ['DELETE', '/Users', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['POST', path, ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'PUT']],
    ['GET', '/Bulk', ['OPTIONS', 'POST']],
    ['GET', '/Users/.search', ['OPTIONS', 'POST']],
  ] as const) {
    const answer = await server.request(method, target, method === 'POST' ? { body: {} } : {});
    refused(answer, 405);
    assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), allowed, target);
  }
});

test('H-9110-03: HEAD is GET without a body', async () => {
  for (const target of [path, '/Users', '/Schemas', '/ServiceProviderConfig', '/Users/nobody']) {
    const get = await server.request('GET', target);
    const answer = await server.request('HEAD', target);
    assert.equal(answer.status, get.status, target);
    assert.equal(answer.text, '');
    for (const field of ['content-type', 'etag', 'vary', 'cache-control', 'content-location'])
      assert.equal(answer.headers.get(field), get.headers.get(field), `${target} ${field}`);
    const raw = await sendRaw(server, [head(server, `HEAD /scim/v2${target}`)]);
    assert.equal(raw.slice(raw.indexOf('\r\n\r\n')), '\r\n\r\n');
  }
});

test('H-9110-04: an Accept that cannot be met is 406, a Content-Type that is not JSON 415', async () => {
  for (const accept of ['image/png', 'text/html', 'application/xml', 'application/scim+json;q=0']) {
    for (const target of [path, '/Users'])
      refused(await server.request('GET', target, { headers: { accept } }), 406);
  }
  for (const accept of [
    '*/*',
    'application/*',
    'text/html, application/scim+json;q=0.5',
    'application/json',
    null,
  ]) {
    assert.equal((await server.request('GET', path, { headers: { accept } })).status, 200);
  }
  const body = JSON.stringify(newUser());
  const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;
  const before = await total();
  for (const contentType of [
    'text/xml',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/scim+json; charset=utf-16',
  ]) {
    refused(await server.request('POST', '/Users', { body, headers: { 'content-type': contentType } }), 415);
  }
  refused(await server.request('POST', '/Users', { body, headers: { 'content-encoding': 'gzip' } }), 415);
  assert.equal(await total(), before);
});

test('H-9110-05, H-9110-06: If-None-Match compares weakly; a 304 has the ETag and no body', async () => {
  const etag = (await server.request('GET', path)).headers.get('etag') as string;
  const strong = etag.replace(/^W\//, '');
  for (const field of [etag, strong, '*', `"other", ${etag}`, `W/"x",${strong}`]) {
    const answer = await server.request('GET', path, { headers: { 'if-none-match': field } });
    assert.equal(answer.status, 304, field);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('etag'), etag);
    assert.equal(answer.headers.get('content-type'), null);
  }
  for (const field of ['"other"', 'W/"999"', strong.slice(1, -1), '']) {
    assert.equal(
      (await server.request('GET', path, { headers: { 'if-none-match': field } })).status,
      200,
      field,
    );
  }
});

test('H-9110-07: If-Match takes the weak tag that was given out; a stale one is 412 and changes nothing', async () => {
  const user = await server.request('POST', '/Users', { body: newUser() });
  const own = `/Users/${user.json.id}`;
  const first = user.headers.get('etag') as string;
  const write = (method: string, tag: string, title: string) =>
    server.request(method, own, {
      headers: { 'if-match': tag },
      body: method === 'PUT' ? { ...user.json, title } : patchOp({ op: 'add', path: 'title', value: title }),
    });
  const put = await write('PUT', first, 'a');
  assert.equal(put.status, 200);
  refused(await write('PUT', first, 'b'), 412);
  refused(await write('PATCH', first, 'b'), 412);
  refused(await server.request('DELETE', own, { headers: { 'if-match': first } }), 412);
  const second = put.headers.get('etag') as string;
  const patched = await write('PATCH', second, 'c');
  assert.equal(patched.json.title, 'c');
  assert.equal((await write('PATCH', '*', 'd')).json.title, 'd');
  const last = (await server.request('GET', own)).headers.get('etag') as string;
  assert.equal(
    (await server.request('DELETE', own, { headers: { 'if-match': `"x", ${last}` } })).status,
    204,
  );
});

test('H-9110-08: If-Match: * is not satisfied by what is not there', async () => {
  const headers = { 'if-match': '*' };
  refused(await server.request('PUT', '/Users/unknown', { headers, body: newUser() }), 404);
  refused(
    await server.request('PATCH', '/Users/unknown', {
      headers,
      body: patchOp({ op: 'add', path: 'title', value: 'x' }),
    }),
    404,
  );
  refused(await server.request('DELETE', '/Users/unknown', { headers }), 404);
  refused(await server.request('GET', '/Users/unknown'), 404);
});

test('H-9110-09: 204 and 304 have neither body nor length; every other answer has exactly one length', async () => {
  const etag = (await server.request('GET', path)).headers.get('etag');
  const empty = [
    [await sendRaw(server, [head(server, `GET /scim/v2${path}`, `If-None-Match: ${etag}`)]), 304],
    [await sendRaw(server, [head(server, `OPTIONS /scim/v2${path}`)]), 204],
    [
      await sendRaw(server, [
        head(
          server,
          `DELETE /scim/v2/Users/${(await server.request('POST', '/Users', { body: newUser() })).json.id}`,
        ),
      ]),
      204,
    ],
  ] as const;
  for (const [received, status] of empty) {
    const answer = firstAnswer(received);
    assert.equal(answer.status, status);
    assert.equal(answer.body, '');
    assert.doesNotMatch(answer.head, /^(content-length|transfer-encoding|content-type):/im);
  }
  for (const target of [path, '/Users', '/nowhere', '/Schemas']) {
    const answer = firstAnswer(await sendRaw(server, [head(server, `GET /scim/v2${target}`)]));
    const lengths = answer.head.match(/^(content-length|transfer-encoding):/gim) ?? [];
    assert.equal(lengths.length, 1, answer.head);
    JSON.parse(answer.body);
  }
});

test('H-9110-10: Vary names the request headers that an answer depends on', async () => {
  for (const target of [path, '/Users', '/Schemas', '/ServiceProviderConfig', '/nowhere']) {
    const answer = await server.request('GET', target, { headers: { 'accept-encoding': 'gzip' } });
    const vary = (answer.headers.get('vary') ?? '').toLowerCase().split(/, */);
    for (const field of ['accept', 'authorization']) assert.ok(vary.includes(field), `${target} ${field}`);
    assert.ok(answer.headers.get('content-encoding') === null || vary.includes('accept-encoding'));
  }
});

test('H-9110-11: no shared cache may keep an answer', async () => {
  const answers = [
    await server.request('GET', '/Users'),
    await server.request('GET', path),
    await server.request('POST', '/Users', { body: newUser() }),
    await server.request('GET', '/Users/unknown'),
    await server.request('GET', '/'),
    await server.request('GET', '/Groups'),
    await server.request('HEAD', path),
    await server.request('GET', path, { headers: { 'if-none-match': '*' } }),
    await server.request('PATCH', path, { body: patchOp({ op: 'add', path: 'title', value: 'x' }) }),
    await server.request('PUT', path, { body: newUser() }),
    await server.request('POST', '/Users/.search', { body: { schemas: [searchSchema] } }),
    await server.request('POST', '/.search', { body: { schemas: [searchSchema] } }),
    await server.request('POST', '/Bulk', {
      body: {
        schemas: [bulkSchema],
        Operations: [{ method: 'POST', path: '/Users', bulkId: 'a', data: newUser() }],
      },
    }),
    await server.request('GET', '/Me', { token: await server.newToken({ subject: id }) }),
    await server.request('GET', '/Users', { token: null }),
  ];
  for (const [index, { status, headers }] of answers.entries())
    assert.match(headers.get('cache-control') ?? '', /\b(private|no-store)\b/, `${index}: ${status}`);
});

test('H-5789-01: a PATCH whose last operation fails changes nothing, members included', async () => {
  const group = (await server.request('POST', '/Groups', { body: newGroup() })).json;
  const before = (await server.request('GET', path)).json;
  refused(
    await server.request('PATCH', path, {
      body: patchOp(
        { op: 'add', path: 'title', value: 'x' },
        { op: 'replace', path: 'emails', value: [{ value: 'a@example.com' }] },
        { op: 'replace', path: 'userName', value: '' },
      ),
    }),
    400,
    'invalidValue',
  );
  assert.deepEqual((await server.request('GET', path)).json, before);
  refused(
    await server.request('PATCH', `/Groups/${group.id}`, {
      body: patchOp(
        { op: 'add', path: 'members', value: [{ value: id }] },
        { op: 'remove', path: 'displayName' },
      ),
    }),
    400,
    'mutability',
  );
  assert.deepEqual((await server.request('GET', `/Groups/${group.id}`)).json, group);
});

test('H-5789-02: OPTIONS names the patch formats; another one is 415', async () => {
  const options = await server.request('OPTIONS', path);
  assert.equal(options.status, 204);
  assert.deepEqual(options.headers.get('accept-patch')?.split(', '), [
    'application/scim+json',
    'application/json',
  ]);
  assert.deepEqual(options.headers.get('allow')?.split(', ').sort(), [
    'DELETE',
    'GET',
    'HEAD',
    'OPTIONS',
    'PATCH',
    'PUT',
  ]);
  for (const contentType of ['application/json-patch+json', 'application/merge-patch+json']) {
    const answer = await server.request('PATCH', path, {
      headers: { 'content-type': contentType },
      body: JSON.stringify([{ op: 'add', path: '/title', value: 'x' }]),
    });
    refused(answer, 415);
    assert.match(answer.headers.get('accept-patch') ?? '', /application\/scim\+json/);
  }
});

test('H-9457-01: errors are SCIM Error messages, never problem+json', async () => {
  const accept = 'application/problem+json, application/json';
  for (const [method, target, status, options] of [
    ['GET', '/Users/unknown', 404, {}],
    ['GET', '/nowhere', 404, {}],
    ['GET', '/Users?filter=x', 400, {}],
    ['DELETE', '/Users', 405, {}],
    ['GET', '/Users', 401, { token: null }],
    ['POST', '/Users', 400, { body: '{' }],
    ['POST', '/Users', 400, { body: { schemas: [userSchema] } }],
  ] as const) {
    const answer = await server.request(method, target, { ...options, headers: { accept } });
    refused(answer, status, answer.json.scimType);
    for (const member of ['type', 'title', 'instance']) assert.ok(!(member in answer.json));
  }
});
