/** Requests that two readers could read in two ways, or that are sent so that they never end (RFC 9110, RFC 9112). */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { assertAlive, assertError, firstAnswer, head, sendRaw } from '../http/raw.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { until } from '../until.ts';

let server: TestServer;
const failures: object[] = [];
before(async () => {
  server = await startScimd({
    log: { info() {}, warn() {}, error: (fields) => void failures.push(fields) },
  });
});
after(async () => {
  await assertAlive(server);
  await server.close();
  assert.deepEqual(failures, []);
});

const ask = async (...parts: readonly string[]) => firstAnswer(await sendRaw(server, parts));
const host = () => new URL(server.base).host;
const bearer = () => `Authorization: Bearer ${server.token}`;
const get = (target: string, ...fields: readonly string[]) =>
  [`GET ${target} HTTP/1.1`, ...fields, 'Connection: close', '', ''].join('\r\n');
const location = (body: string): string => JSON.parse(body).meta?.location;
const configuration = '/scim/v2/ServiceProviderConfig';

describe('Host (RFC 9112 §3.2)', () => {
  test('two fields are 400, also where they agree', async () => {
    for (const second of [host(), 'other.example', ''])
      assertError(await ask(get(configuration, `Host: ${host()}`, `Host: ${second}`)), 400, /several Host/);
  });

  for (const value of [
    'a b',
    'x/../y',
    'user@evil.example',
    '"><script>',
    'a:b',
    '[::1',
    'a,b:80:80',
    'x:999999',
  ])
    test(`${value} names no host and is 400`, async () => {
      assertError(await ask(get(configuration, `Host: ${value}`)), 400, /Host/);
    });

  for (const value of ['example.com', 'EXAMPLE.com:8443', '[2001:db8::1]:80', 'a_b', '127.0.0.1'])
    test(`${value} names one`, async () => {
      const { status, body } = await ask(get(configuration, `Host: ${value}`));
      assert.equal(status, 200);
      assert.equal(location(body), `http://${value}${configuration}`);
    });

  test('the authority of a target in absolute form is what counts (RFC 9112 §3.2.2)', async () => {
    const { status, body } = await ask(
      get(`http://id.example:81${configuration}?x=1`, 'Host: other.example'),
    );
    assert.equal(status, 200);
    assert.equal(location(body), `http://id.example:81${configuration}`);
  });

  test('a target in absolute form without a host, or with a user, is 400', async () => {
    for (const target of [
      `http://${configuration}`,
      `http://user@id.example${configuration}`,
      'http://:80/x',
    ])
      assertError(await ask(get(target, `Host: ${host()}`)), 400);
  });
});

test('two Authorization fields are 400, whichever would be right', async () => {
  for (const fields of [
    [bearer(), 'Authorization: Bearer wrong'],
    ['Authorization: Bearer wrong', bearer()],
    [bearer(), bearer()],
  ])
    assertError(await ask(get('/scim/v2/Users', `Host: ${host()}`, ...fields)), 400, /Authorization/);
});

describe('transfer codings (RFC 9112 §6.1)', () => {
  const post = (...fields: readonly string[]) =>
    head(server, 'POST /scim/v2/Users', 'Content-Type: application/scim+json', ...fields);

  for (const coding of ['gzip, chunked', 'GZIP,chunked', 'identity, chunked', 'x, chunked'])
    test(`${coding} is 501 and the end of the connection`, async () => {
      const answer = await ask(post(`Transfer-Encoding: ${coding}`), '2\r\n{}\r\n0\r\n\r\n');
      assertError(answer, 501, /transfer coding/);
      assert.match(answer.head, /^connection: close/im);
    });

  for (const coding of ['gzip', 'chunked, gzip', 'identity', 'chunked, chunked', ' ,chunked,'])
    test(`${coding} cannot be framed: 400 or 501, and the end of the connection`, async () => {
      const answer = await ask(post(`Transfer-Encoding: ${coding}`), '2\r\n{}\r\n0\r\n\r\n');
      assertError(answer, answer.status === 501 ? 501 : 400);
      assert.match(answer.head, /^connection: close/im);
    });

  test('Chunked in any case is chunked', async () => {
    const body = JSON.stringify(newUser());
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    assert.equal((await ask(post('Transfer-Encoding: Chunked'), chunks)).status, 201);
  });

  test('HTTP/1.0 has none', async () => {
    const text = `POST /scim/v2/Users HTTP/1.0\r\nHost: x\r\n${bearer()}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
    assertError(await ask(text), 400);
  });
});

describe('Expect: 100-continue (RFC 9110 §10.1.1)', () => {
  const expecting = (line: string, ...fields: readonly string[]) =>
    sendRaw(server, [
      [`${line} HTTP/1.1`, `Host: ${host()}`, ...fields, 'Expect: 100-continue', '', ''].join('\r\n'),
    ]);
  const json = 'Content-Type: application/scim+json';

  for (const [what, status, line, fields] of [
    ['without a token', 401, 'POST /scim/v2/Users', [json, 'Content-Length: 100']],
    [
      'with a wrong one',
      401,
      'POST /scim/v2/Users',
      [json, 'Content-Length: 100', 'Authorization: Bearer no'],
    ],
    ['where nothing is', 404, 'POST /scim/v2/Nowhere', [json, 'Content-Length: 100', 'TOKEN']],
    [
      'of another type',
      415,
      'POST /scim/v2/Users',
      ['Content-Type: text/plain', 'Content-Length: 100', 'TOKEN'],
    ],
    ['that is too large', 413, 'POST /scim/v2/Users', [json, 'Content-Length: 99999999', 'TOKEN']],
    [
      'that cannot be answered',
      406,
      'POST /scim/v2/Users',
      [json, 'Content-Length: 100', 'TOKEN', 'Accept: text/html'],
    ],
  ] as const)
    test(`a body ${what} is refused before it is sent`, async () => {
      const received = await expecting(
        line,
        ...fields.map((field) => (field === 'TOKEN' ? bearer() : field)),
      );
      assert.doesNotMatch(received, /100 Continue/);
      const answer = firstAnswer(received);
      assertError(answer, status);
      assert.match(answer.head, /^connection: close/im);
    });

  test('a body that is taken is asked for', async () => {
    const body = JSON.stringify(newUser());
    const received = await sendRaw(server, [
      head(server, 'POST /scim/v2/Users', json, `Content-Length: ${body.length}`, 'Expect: 100-Continue'),
      body,
    ]);
    assert.match(received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });
});

/** Sends a head, then a byte every 50 ms, until the server closes; answers what came and after how many milliseconds. */
function trickle(...fields: readonly string[]): Promise<{ received: string; closedAfter: number }> {
  const { hostname, port } = new URL(server.base);
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    const timer = setInterval(() => socket.write(' '), 50);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      received += data;
    });
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ received, closedAfter: performance.now() - started });
    });
    const lines = ['POST /scim/v2/Users HTTP/1.1', `Host: ${host()}`, 'Content-Type: application/json'];
    socket.write([...lines, 'Content-Length: 100000', ...fields, '', ''].join('\r\n'));
  });
}

test('bodies that trickle in without a token are closed soon after their 401', async () => {
  for (const fields of [[], ['Authorization: Bearer wrong'], ['Connection: keep-alive']]) {
    const { received, closedAfter } = await trickle(...fields);
    assertError(firstAnswer(received), 401);
    assert.match(firstAnswer(received).head, /^connection: close/im);
    assert.ok(closedAfter < 4000, `closed after ${closedAfter} ms`);
  }
});

test('a body that comes a moment after its head keeps its connection, also where nobody wanted it', async () => {
  const body = JSON.stringify(newUser());
  const { hostname, port } = new URL(server.base);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data) => {
    received += data;
  });
  for (let i = 0; i < 2; i++) {
    socket.write(
      `POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await wait(60);
    socket.write(body);
    await until('an answer', () => received.match(/HTTP\/1\.1 /g)?.length === i + 1);
  }
  // Nor is it closed a moment later.
  await wait(200);
  assert.equal(socket.readableEnded || socket.destroyed, false);
  socket.destroy();
  assert.equal(received.match(/HTTP\/1\.1 401 /g)?.length, 2);
  assert.doesNotMatch(received, /connection: close/i);
});

test('a silent client is cut off, but not while it is owed an answer', async () => {
  const slow = await startScimd({
    limits: { idleSeconds: 1, headerSeconds: 1, requestSeconds: 5, answerSeconds: 300 },
  });
  try {
    const operations = Array.from({ length: 24 }, (_, i) => ({
      method: 'POST',
      path: '/Users',
      bulkId: String(i),
      data: newUser({ password: `Correct horse ${i}` }),
    }));
    const started = performance.now();
    const { status, json } = await slow.request('POST', '/Bulk', {
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        failOnErrors: 1,
        Operations: operations,
      },
    });
    assert.equal(status, 200);
    assert.ok(json.Operations.every((result: { status: string }) => result.status === '201'));
    assert.ok(performance.now() - started > 1500, 'it took longer than the idle limit');
    const { hostname, port } = new URL(slow.base);
    const idle = connect(Number(port), hostname);
    const from = performance.now();
    await new Promise((resolve) =>
      idle
        .on('error', () => {})
        .resume()
        .once('close', resolve),
    );
    assert.ok(performance.now() - from < 5000);
  } finally {
    await slow.close();
  }
});
