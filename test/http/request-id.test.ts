/** X-Request-Id: what client, proxy and log can find a request by; and the other fields of every answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startScimd, type TestServer } from '../server.ts';
import { assertError } from './raw.ts';

interface Line {
  readonly requestId?: string;
  readonly message: string | undefined;
}

const lines: Line[] = [];
const write = (fields: object, message?: string) => void lines.push({ ...fields, message });
let server: TestServer;
before(async () => {
  server = await startScimd({ log: { info: write, warn: write, error: write } });
});
after(() => server.close());

test('a well-formed X-Request-Id comes back and is in the log', async () => {
  for (const id of [
    '4bf92f3577b34da6a3ce929d0e0e4736',
    'a',
    'Root=1-67891233-abc/def:x~y.z_0+',
    'x'.repeat(128),
  ]) {
    const answer = await server.request('GET', '/Users', { headers: { 'x-request-id': id } });
    assert.equal(answer.headers.get('x-request-id'), id);
    assert.equal(lines.at(-1)?.requestId, id);
  }
});

test('any other is replaced by a new one', async () => {
  const made = new Set<string>();
  for (const id of [null, '', 'a b', 'a@example.com', 'x"y', '<x>', 'x'.repeat(129), 'ä']) {
    const answer = await server.request('GET', '/Users', { headers: { 'x-request-id': id } });
    const given = answer.headers.get('x-request-id') ?? '';
    assert.match(given, /^[0-9a-f-]{36}$/);
    assert.equal(lines.at(-1)?.requestId, given);
    made.add(given);
  }
  assert.equal(made.size, 8);
});

test('errors have it too, and an unforeseen one names it where it says nothing else', async () => {
  for (const [path, token, status] of [
    ['/Users', null, 401],
    ['/Nothing', undefined, 404],
  ] as const) {
    const answer = await server.request('GET', path, {
      headers: { 'x-request-id': 'mine' },
      ...(token === undefined ? {} : { token }),
    });
    assertError(answer, status);
    assert.equal(answer.headers.get('x-request-id'), 'mine');
  }
  let works = true;
  const clock = (): Date => {
    if (works) return new Date();
    throw new Error('what nobody foresaw');
  };
  const broken = await startScimd({ clock, log: { info: write, warn: write, error: write } });
  works = false;
  const answer = await broken.request('GET', '/Users', { headers: { 'x-request-id': 'lost-1' } });
  works = true;
  await broken.close();
  assertError(answer, 500, /^Internal error; request id lost-1$/);
  assert.ok(lines.some(({ requestId, message }) => requestId === 'lost-1' && message === 'request failed'));
});

test('no answer can be sniffed, framed, run as a page or kept by a shared cache', async () => {
  const created = await server.request('POST', '/Users', { body: { userName: 'headers' } });
  for (const answer of [
    created,
    await server.request('GET', '/Users'),
    await server.request('GET', '/Users', { token: null }),
    await server.request('GET', '/Nothing'),
    await server.request('DELETE', `/Users/${created.json.id}`),
  ]) {
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
    assert.equal(answer.headers.get('cache-control'), 'private, no-cache');
    assert.equal(answer.headers.get('strict-transport-security'), null, 'plain HTTP (RFC 6797 §7.2)');
  }
});
