/** How much one client may ask, how fast it may guess, and how slow it may be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { FailedAttempts } from '../../src/http/failed-attempts.ts';
import type { Log } from '../../src/http/options.ts';
import { RateLimit } from '../../src/http/rate-limit.ts';
import { newUser, type ServerOptions, startScimd, type TestServer } from '../server.ts';
import { assertError, firstAnswer, head, sendRaw } from './raw.ts';

async function withServer(options: ServerOptions, action: (server: TestServer) => Promise<void>) {
  const server = await startScimd(options);
  try {
    await action(server);
  } finally {
    await server.close();
  }
}

test('over its rate a token gets 429 with Retry-After until time has passed; others go on', async () => {
  let now = new Date();
  await withServer({ clock: () => now, limits: { requestsPerSecond: 2 } }, async (server) => {
    const get = async (token = server.token) => server.request('GET', '/Users', { token });
    for (let i = 0; i < 20; i++) assert.equal((await get()).status, 200, 'ten seconds’ worth at once');
    const answer = await get();
    assertError(answer, 429, /try again in 1 s/);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal((await get(await server.newToken({}))).status, 200);
    assert.equal((await server.request('GET', '/ServiceProviderConfig', { token: null })).status, 200);
    now = new Date(now.getTime() + 1000);
    assert.deepEqual([(await get()).status, (await get()).status, (await get()).status], [200, 200, 429]);
  });
});

test('without the setting no token and no address has a limit', async () => {
  await withServer({}, async (server) => {
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => server.request('GET', '/Users?count=0')),
    );
    assert.ok(answers.every(({ status }) => status === 200));
  });
});

test('an address is who a trusted proxy says it is, whatever stands left of that; an IPv6 network is one', async () => {
  const now = new Date();
  const options = {
    clock: () => now,
    trustedProxies: ['127.0.0.1', '10.0.0.0/8'],
    limits: { requestsPerAddress: 1 },
  };
  await withServer(options, async (server) => {
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await server.request('GET', '/Users?count=0', { headers })).status;
    const exhaust = async (headers: Readonly<Record<string, string>>) => {
      for (let i = 0; i < 10; i++) assert.equal(await status(headers), 200);
      assert.equal(await status(headers), 429);
    };
    await exhaust({ 'x-forwarded-for': '192.0.2.1' });
    assert.equal(await status({ 'x-forwarded-for': '203.0.113.9, 192.0.2.1, 10.1.2.3' }), 429);
    assert.equal(await status({ 'x-forwarded-for': '192.0.2.1, 192.0.2.2' }), 200);
    assert.equal(await status({ forwarded: 'for=192.0.2.1;proto=https' }), 429);
    await exhaust({ forwarded: 'for="[2001:db8:1:2::3]:4711"' });
    assert.equal(await status({ 'x-forwarded-for': '2001:db8:1:2:ffff::1' }), 429);
    assert.equal(await status({ 'x-forwarded-for': '2001:db8:1:3::3' }), 200);
  });
});

test('a proxy that is not trusted cannot give an address', async () => {
  const now = new Date();
  await withServer({ clock: () => now, limits: { requestsPerAddress: 1 } }, async (server) => {
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      const headers = { 'x-forwarded-for': `192.0.2.${i}` };
      statuses.push((await server.request('GET', '/Users?count=0', { headers })).status);
    }
    assert.deepEqual(statuses, [...Array(10).fill(200), 429]);
  });
});

test('ten thousand keys are remembered and no more; a clock set back takes nothing away', () => {
  let now = 1_000_000;
  const limit = new RateLimit(1, () => new Date(now));
  for (let i = 0; i < 10; i++) limit.take('first');
  assert.throws(() => limit.take('first'), { status: 429 });
  now -= 5000;
  assert.throws(() => limit.take('first'), { status: 429 });
  for (let i = 0; i < 10_000; i++) limit.take(`key ${i}`);
  limit.take('first');
});

interface Waiting {
  readonly milliseconds: number;
  readonly end: () => void;
}

function attempts(free: number) {
  const waiting: Waiting[] = [];
  const clock = { now: new Date() };
  const failures = new FailedAttempts({
    free,
    clock: () => clock.now,
    wait: (milliseconds) => new Promise<void>((end) => waiting.push({ milliseconds, end })),
  });
  return { failures, waiting, clock };
}

test('wrong tokens wait longer and longer, up to three seconds; each address for itself', async () => {
  const { failures, waiting, clock } = attempts(3);
  for (let i = 0; i < 3; i++) await failures.note('192.0.2.1');
  assert.equal(waiting.length, 0);
  for (let i = 0; i < 8; i++) {
    const noted = failures.note('192.0.2.1');
    waiting.at(-1)?.end();
    await noted;
  }
  assert.deepEqual(
    waiting.map(({ milliseconds }) => milliseconds),
    [100, 200, 400, 800, 1600, 3000, 3000, 3000],
  );
  await failures.note('192.0.2.2');
  assert.equal(waiting.length, 8, 'another address does not wait');
  clock.now = new Date(clock.now.getTime() + 11 * 60 * 1000);
  await failures.note('192.0.2.1');
  assert.equal(waiting.length, 8, 'forgotten');
});

test('what waits is bounded, for an address and for all: more is 429', async () => {
  const { failures, waiting } = attempts(1);
  const note = async (address: string) => {
    const noted = failures.note(address);
    noted.catch(() => {});
    return Promise.race([
      noted.then(
        () => 'answered',
        ({ status }) => status,
      ),
      Promise.resolve()
        .then(() => undefined)
        .then(() => undefined)
        .then(() => undefined)
        .then(() => 'waits'),
    ]);
  };
  assert.equal(await note('a'), 'answered');
  for (let i = 0; i < 10; i++) assert.equal(await note('a'), 'waits');
  assert.equal(await note('a'), 429);
  for (let address = 0; waiting.length < 500; address++) {
    await note(`b ${address}`);
    for (let i = 0; i < 10; i++) await note(`b ${address}`);
  }
  assert.equal(await note('c'), 'answered');
  assert.equal(await note('c'), 429);
  for (const { end } of waiting) end();
});

test('an address that begins to be delayed is logged, once until it is forgotten; every wrong token is counted', async () => {
  let now = new Date();
  let wrong = 0;
  const warned: object[] = [];
  const log: Log = { info() {}, error() {}, warn: (fields) => void warned.push(fields) };
  const options = { log, limits: { failedAttempts: 2 }, onWrongToken: () => void wrong++ };
  const proxies = { clock: () => now, trustedProxies: ['127.0.0.1'] };
  await withServer({ ...options, ...proxies }, async (server) => {
    const guess = async (client: string) => {
      const headers = { 'x-forwarded-for': client };
      assertError(await server.request('GET', '/Users', { token: 'wrong', headers }), 401);
    };
    await guess('192.0.2.1');
    await guess('192.0.2.1');
    assert.deepEqual(warned, [], 'a mistyped token is no attack');
    await guess('192.0.2.1');
    await guess('192.0.2.1');
    for (let i = 0; i < 3; i++) await guess('2001:db8::1');
    assert.deepEqual(warned, [{ client: '192.0.2.1' }, { client: '2001:db8:0:0::/64' }]);
    now = new Date(now.getTime() + 11 * 60 * 1000);
    for (let i = 0; i < 3; i++) await guess('192.0.2.1');
    assert.equal(warned.length, 3);
    assert.equal(wrong, 10);
  });
});

test('a right token is answered at once while wrong ones from the same address wait', async () => {
  await withServer({ limits: { failedAttempts: 1 } }, async (server) => {
    const wrong = () => server.request('GET', '/Users', { token: 'wrong' });
    for (let i = 0; i < 5; i++) await wrong();
    // These wait for 1.6 s and longer.
    let answered = false;
    const waiting = wrong().then((answer) => {
      answered = true;
      return answer;
    });
    for (let i = 0; i < 5; i++) assert.equal((await server.request('GET', '/Users?count=0')).status, 200);
    assert.equal(answered, false);
    assertError(await waiting, 401);
    const many = await Promise.all(Array.from({ length: 12 }, wrong));
    const refused = many.filter(({ status }) => status === 429);
    assert.ok(refused.length > 0 && refused.length < 12);
    for (const answer of refused) assert.equal(answer.headers.get('retry-after'), '3');
  });
});

test('a request that gets no token wrong is not counted: none, one of another scheme', async () => {
  await withServer({ limits: { failedAttempts: 1 } }, async (server) => {
    const before = performance.now();
    for (let i = 0; i < 20; i++) {
      assertError(await server.request('GET', '/Users', { token: null }), 401);
      const headers = { authorization: 'Basic eDp5' };
      assertError(await server.request('GET', '/Users', { headers }), 401);
    }
    // Counted, they would wait for a minute and more.
    assert.ok(performance.now() - before < 30_000);
  });
});

test('a head that does not come to its end is 408', async () => {
  await withServer({ limits: { headerSeconds: 1 } }, async (server) => {
    const answer = firstAnswer(await sendRaw(server, ['GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n']));
    assertError(answer, 408, /in time/);
  });
});

test('a body that does not come to its end is 408, and nothing is written', async () => {
  await withServer({ limits: { headerSeconds: 1, requestSeconds: 1 } }, async (server) => {
    const fields = ['Content-Type: application/scim+json', 'Content-Length: 500'];
    const received = await sendRaw(server, [head(server, 'POST /scim/v2/Users', ...fields), '{"userName":']);
    assertError(firstAnswer(received), 408, /in time/);
    assert.equal((await server.request('GET', '/Users')).json.totalResults, 0);
  });
});

test('RFC 9112 §9.6: a client that still sends a body that is too large reads its 413 and is not reset', async () => {
  await withServer({}, async (server) => {
    const body = `{"x":"${'a'.repeat(5 * 1024 * 1024)}"}`;
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => server.request('POST', '/Users', { body })),
    );
    for (const answer of answers) assertError(answer, 413, /4194304/);
  });
});

test('a client that announces a body that is too large and sends no end of it has its answer at once, and no more', async () => {
  await withServer({}, async (server) => {
    const announced = head(server, 'POST /scim/v2/Users', 'Content-Length: 6000000');
    const started = performance.now();
    const answer = firstAnswer(await sendRaw(server, [announced, 'x'.repeat(1000)]));
    assert.equal(answer.status, 413);
    assert.ok(performance.now() - started < 8000);
  });
});

test('an answer that nobody reads is given up', async () => {
  await withServer({ limits: { idleSeconds: 1 } }, async (server) => {
    const title = 'x'.repeat(60_000);
    for (let i = 0; i < 100; i++) await server.request('POST', '/Users', { body: newUser({ title }) });
    const { hostname, port } = new URL(server.base);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    // Six megabytes each: more than the buffers of the system take in.
    socket.write(head(server, 'GET /scim/v2/Users').replace('Connection: close\r\n', '').repeat(4));
    // The first answer has begun, and is read no further.
    await once(socket, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.resume();
    await once(socket, 'close', { signal: AbortSignal.timeout(20_000) });
    assert.ok(received < 4 * 6_000_000, `${received} bytes`);
  });
});
