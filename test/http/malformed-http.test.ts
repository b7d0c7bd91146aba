/** What no HTTP client sends, over a bare socket: each gets a whole error, and the server goes on. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { assertAlive, assertError, firstAnswer, head, sendRaw } from './raw.ts';

let server: TestServer;
const failures: object[] = [];
before(async () => {
  server = await startScimd({
    log: { info() {}, warn() {}, error: (fields) => void failures.push(fields) },
  });
});
afterEach(async () => {
  await assertAlive(server);
  assert.deepEqual(failures, [], 'nothing of this is an error of the server');
});
after(() => server.close());

const ask = async (...parts: readonly (string | Uint8Array)[]) => firstAnswer(await sendRaw(server, parts));
const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;

const user = () => JSON.stringify(newUser());
const post = (...fields: readonly string[]) =>
  head(server, 'POST /scim/v2/Users', 'Content-Type: application/scim+json', ...fields);

for (const [what, text] of [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a method that is none', 'GE T /scim/v2/Users HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an unknown method', 'BREW /scim/v2/Users HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['another protocol version', 'GET /scim/v2/Users HTTP/9.9\r\nHost: x\r\n\r\n'],
  ['a blank in the target', 'GET /scim/v2/Users?filter=userName eq HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a control character in the target', 'GET /scim/v2/Users\x01 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a field without a name', 'GET /scim/v2/Users HTTP/1.1\r\n: x\r\nHost: x\r\n\r\n'],
  ['a blank before the colon', 'GET /scim/v2/Users HTTP/1.1\r\nHost : x\r\n\r\n'],
  ['NUL in a field', 'GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n'],
  ['a folded field', 'GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-A: a\r\nb\r\n\r\n'],
  ['a length that is no number', 'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n'],
  ['a negative length', 'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
  [
    'two lengths',
    'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  ],
  [
    'a length and chunks',
    'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  [
    'an unknown transfer encoding',
    'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
  ],
] as const) {
  test(`${what} is 400 and a SCIM error`, async () => {
    const answer = await ask(text);
    assertError(answer, 400, /HTTP/);
    assert.match(answer.head, /^content-type: application\/scim\+json/im);
    assert.match(answer.head, /^connection: close/im);
  });
}

test('a request without Host is 400 (RFC 9112 §3.2)', async () => {
  const answer = await ask('GET /scim/v2/Users HTTP/1.1\r\nConnection: close\r\n\r\n');
  assertError(answer, 400, /Host/);
});

test('HTTP/1.0 without Host is answered, as that version allows', async () => {
  const answer = await ask('GET /scim/v2/ServiceProviderConfig HTTP/1.0\r\n\r\n');
  assert.equal(answer.status, 200);
});

test('a Host that is none does not come back in a location', async () => {
  for (const host of ['a b', '"><script>', 'x/../y', 'user@evil.example', '']) {
    const text = `GET /scim/v2/ServiceProviderConfig HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const { body } = await ask(text);
    assert.match(JSON.parse(body).meta?.location ?? 'http://localhost/', /^http:\/\/localhost\//, host);
  }
});

test('header fields over 16 KB are 431, in one field or in many', async () => {
  for (const fields of [
    [`X-Long: ${'x'.repeat(20_000)}`],
    Array.from({ length: 2000 }, (_, i) => `X-${i}: ${'y'.repeat(10)}`),
  ]) {
    assertError(await ask(head(server, 'GET /scim/v2/Users', ...fields)), 431, /16384 bytes/);
  }
});

test('a filter of a megabyte in the target is 431', async () => {
  const target = `/scim/v2/Users?filter=userName%20eq%20%22${'x'.repeat(1 << 20)}%22`;
  assertError(await ask(head(server, `GET ${target}`)), 431);
});

test('an Expect that nobody knows is 417, 100-continue is honoured', async () => {
  const body = user();
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  assertError(await ask(post(length, 'Expect: miracles')), 417, /miracles/);
  const received = await sendRaw(server, [post(length, 'Expect: 100-continue'), body]);
  assert.match(received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
});

// ---- bodies ----------------------------------------------------------------------------------------------------

test('a body in chunks, cut within characters, is read whole', async () => {
  const body = Buffer.from(JSON.stringify(newUser({ title: 'Zoë 🧭' })));
  const parts: (string | Buffer)[] = [post('Transfer-Encoding: chunked')];
  for (let i = 0; i < body.length; i += 3) {
    const piece = body.subarray(i, i + 3);
    parts.push(`${piece.length.toString(16)}\r\n`, piece, '\r\n');
  }
  parts.push('0\r\n\r\n');
  const answer = await ask(...parts);
  assert.equal(answer.status, 201);
  assert.equal(JSON.parse(answer.body).title, 'Zoë 🧭');
});

test('chunks over the limit are 413 without waiting for their end', async () => {
  const piece = 'x'.repeat(64 * 1024);
  const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`;
  const answer = await ask(post('Transfer-Encoding: chunked'), ...Array.from({ length: 80 }, () => chunk));
  assertError(answer, 413, /4194304 bytes/);
  assert.match(answer.head, /^connection: close/im);
});

test('a length over the limit is 413 before the body comes', async () => {
  assertError(await ask(post('Content-Length: 99999999999')), 413, /4194304 bytes/);
});

test('chunks that are none are 400 or end the connection, and nothing is made', async () => {
  const before = await total();
  for (const chunks of [
    'zz\r\n{}\r\n0\r\n\r\n',
    '2\r\n{}{}\r\n0\r\n\r\n',
    '-2\r\n{}\r\n',
    'ffffffffffffffffff\r\n{}',
  ]) {
    const answer = await ask(post('Transfer-Encoding: chunked'), chunks);
    assertError(answer, 400);
  }
  assert.equal(await total(), before);
});

test('a body that ends before its length makes nothing', async () => {
  const before = await total();
  const body = user();
  for (const fields of [[`Content-Length: ${body.length + 10}`], ['Transfer-Encoding: chunked']]) {
    const sent = fields[0]?.startsWith('Transfer') ? `${body.length.toString(16)}\r\n${body}\r\n` : body;
    await sendRaw(server, [post(...fields), sent], { end: true });
  }
  assert.equal(await total(), before);
});

test('a body longer than its length is cut there, and the rest is no request', async () => {
  const body = user();
  const alive = post(`Content-Length: ${body.length}`).replace('Connection: close\r\n', '');
  const received = await sendRaw(server, [alive, `${body}DELETE everything`], { end: true });
  assert.match(received, /^HTTP\/1\.1 201 [\s\S]+HTTP\/1\.1 400 /);
});

test('a length shorter than the JSON is 400 for its end', async () => {
  const body = user();
  assertError(await ask(post(`Content-Length: ${body.length - 1}`), body), 400, /ends too early/);
});

test('a body that comes byte by byte is read', async () => {
  const body = user();
  assert.equal((await ask(post(`Content-Length: ${body.length}`), ...body)).status, 201);
});

test('a client that goes away while its body is awaited disturbs nobody', async () => {
  const slow = sendRaw(server, [post('Content-Length: 1000'), '{"schemas"']);
  const quick = await server.request('POST', '/Users', { body: newUser() });
  assert.equal(quick.status, 201);
  await sendRaw(server, [post('Content-Length: 1000'), '{'], { end: true });
  await assert.rejects(slow, /no end of the answer/);
});

test('GET and DELETE with a body are carried out without it', async () => {
  const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
  const fields = ['Content-Type: text/plain', 'Content-Length: 3'];
  assert.equal((await ask(head(server, `GET /scim/v2/Users/${id}`, ...fields), 'abc')).status, 200);
  assert.equal((await ask(head(server, `DELETE /scim/v2/Users/${id}`, ...fields), 'abc')).status, 204);
});

test('requests in one write are answered in order', async () => {
  const one = (path: string) => head(server, `GET ${path}`).replace('Connection: close\r\n', '');
  const received = await sendRaw(server, [
    one('/scim/v2/Users/none') + head(server, 'GET /scim/v2/Users?count=0'),
  ]);
  assert.match(received, /^HTTP\/1\.1 404 [\s\S]+HTTP\/1\.1 200 /);
});

// ---- targets ---------------------------------------------------------------------------------------------------

test('the absolute form names the same resource (RFC 9112 §3.2.2)', async () => {
  assert.equal((await ask(head(server, 'GET http://other.example/scim/v2/Users?count=0'))).status, 200);
  assert.equal((await ask(head(server, 'GET HTTPS://other.example:8443/scim/v2/Users?count=0'))).status, 200);
});

for (const target of [
  '*',
  '//',
  '/scim',
  '/scim/v2x/Users',
  '//scim/v2/Users',
  '/SCIM/V2/Users',
  '/scim/v2/../admin',
  '/scim/v2/Users/../Groups',
  '/scim/v2/Users/..',
  '/scim/v2/Users/.',
  '/scim/v2/Users/%2e%2e',
  '/scim/v2/Users/%2E%2e/Groups',
  '/scim/v2/./Users',
  '/scim/v2\\Users',
  '/scim/v2/Users\\..\\Groups',
  '/scim/v2/Users%2Fx',
  '/scim/v2/Users;x=1',
  '/scim/v2/Users/x/y',
  '/scim/v2/Users/x/y/../..',
  '/scim/v2/%55sers%00',
]) {
  for (const method of ['GET', 'DELETE']) {
    test(`${method} ${target} is 404 and touches nothing`, async () => {
      const before = await total();
      const answer = await ask(head(server, `${method} ${target}`));
      assertError(answer, 404);
      assert.equal(await total(), before);
    });
  }
}

for (const target of ['/', 'http://other.example']) {
  test(`GET ${target} says where SCIM is, and DELETE is 405 and touches nothing`, async () => {
    const before = await total();
    const found = await ask(head(server, `GET ${target}`));
    assert.equal(found.status, 200);
    assert.match(found.body, /\/scim\/v2/);
    const deleted = await ask(head(server, `DELETE ${target}`));
    assert.equal(deleted.status, 405);
    assert.equal(await total(), before);
  });
}

test('percent-encoding of letters that need none names the same resource', async () => {
  assert.equal((await ask(head(server, 'GET /scim/v2/%55sers?count=0'))).status, 200);
});

for (const [target, detail] of [
  ['/scim/v2/Users/%', /path/i],
  ['/scim/v2/Users/%zz', /path/i],
  ['/scim/v2/Users/%ff', /path/i],
  ['/scim/v2/%c0%af', /path/i],
  ['/scim/v2/Users?filter=%', /parameter filter/],
  ['/scim/v2/Users?filter=%e2%82', /parameter filter/],
  ['/scim/v2/Users?%ff=1', /query/],
  ['/scim/v2/Users?filter=userName%00', /parameter filter contains a NUL character/],
  ['/scim/v2/Users?filter=a%20pr&filter=b%20pr', /filter is duplicated/],
  ['/scim/v2/Users?count=1&count=2', /count is duplicated/],
  ['/scim/v2/Users?startIndex=1&startIndex=1', /startIndex is duplicated/],
  ['/scim/v2/Users?attributes=id&%61ttributes=userName', /attributes is duplicated/],
  ['/scim/v2/Users?count=1e9', /count must be an integer/],
  ['/scim/v2/Users?count=', /count must be an integer/],
  ['/scim/v2/Users?startIndex=99999999999999999999', /startIndex must be an integer/],
  ['/scim/v2/Users?sortOrder=sideways', /sortOrder/],
  ['/scim/v2/Users?filter=', /filter is empty/],
  ['/scim/v2/Users?attributes=id&excludedAttributes=id', /exclude one another/],
] as const) {
  test(`GET ${target} is 400 that names the place`, async () => {
    assertError(await ask(head(server, `GET ${target}`)), 400, detail);
  });
}

test('a very long id is 404', async () => {
  assertError(await ask(head(server, `GET /scim/v2/Users/${'x'.repeat(10_000)}`)), 404);
});

test('another version of SCIM is refused by that name (RFC 7644 §3.13)', async () => {
  const answer = await ask(head(server, 'GET /scim/v1/Users'));
  assertError(answer, 400, /v1/);
  assert.equal(JSON.parse(answer.body).scimType, 'invalidVers');
});

test('quotes that are not encoded are read as they stand', async () => {
  const { id, userName } = (await server.request('POST', '/Users', { body: newUser() })).json;
  const answer = await ask(head(server, `GET /scim/v2/Users?filter=userName+eq+"${userName}"`));
  assert.equal(JSON.parse(answer.body).Resources[0].id, id);
});

test('UTF-8 in the target that is not encoded is no crash', async () => {
  const answer = await ask(Buffer.from(head(server, 'GET /scim/v2/Users?filter=userName+eq+"zoë"')));
  assert.ok(answer.status === 200 || answer.status === 400);
});
