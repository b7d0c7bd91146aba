/** Where webhooks go, and where never: addresses, names, redirects, answers that do not end. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { AddressError, addressesOf, checkUrl, isPublic } from '../../src/events/webhook/address.ts';
import { succeeded } from '../../src/events/webhook/management.ts';
import { send } from '../../src/events/webhook/send.ts';

const refused = `
  0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.169.254
  172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7
  203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
  64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 100:0:0:1::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0
  fec0::1 ff02::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1
  2002:808:808::1 2620:4f:8000::1 3fff::1 5f00::1 4000::1`
  .trim()
  .split(/\s+/);

const allowed =
  '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888 2400:cb00::1'.split(
    ' ',
  );

test('addresses that are not of the public internet are refused, in every form of IPv6 too', () => {
  assert.deepEqual(refused.filter(isPublic), []);
  assert.deepEqual(
    allowed.filter((address) => !isPublic(address)),
    [],
  );
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '::g', '[::1]'])
    assert.equal(isPublic(text), false, text);
});

describe('URLs', () => {
  const wrong = [
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://017700000001/',
    'https://127.0.0.1./',
    'https://①②⑦.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[0:0:0:0:0:ffff:127.0.0.1]/',
    'https://[64:ff9b::127.0.0.1]/',
    'https://0/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
  ];
  for (const url of wrong)
    test(`${url} is refused`, () => {
      assert.throws(() => checkUrl(url, false), /is not an address of the public internet/);
      assert.equal(checkUrl(url, true) instanceof URL, true);
    });

  for (const [url, why] of [
    ['http://example.com/', /must begin with https:\/\//],
    ['ftp://example.com/', /must begin with https:\/\//],
    ['file:///etc/passwd', /must begin with https:\/\//],
    ['https://user:secret@example.com/', /user name or a password/],
    ['https://example.com/#part', /fragment/],
    ['example.com', /is not a URL/],
    ['https://', /is not a URL/],
    ['https://1.2.3.256/', /is not a URL/],
  ] as const)
    test(`${url} is refused`, () => assert.throws(() => checkUrl(url, false), why));
});

describe('names', () => {
  const asked =
    (...addresses: string[]) =>
    async () =>
      addresses.map((address) => ({ address }));
  const url = new URL('https://hooks.example.com/');

  test('a name with one private address among public ones is refused', async () => {
    for (const answer of [
      ['127.0.0.1'],
      ['8.8.8.8', '10.0.0.1'],
      ['::ffff:10.0.0.1'],
      ['8.8.8.8', 'fe80::1%eth0'],
    ])
      await assert.rejects(addressesOf(url, false, asked(...answer)), AddressError);
    assert.deepEqual(await addressesOf(url, false, asked('8.8.8.8', '2a00::1')), ['8.8.8.8', '2a00::1']);
    assert.deepEqual(await addressesOf(url, true, asked('10.0.0.1')), ['10.0.0.1']);
    await assert.rejects(addressesOf(url, false, asked()), /has no address/);
  });

  test('whatever the DNS answers is looked at as an address in the URL is', async () => {
    for (const address of refused) {
      await assert.rejects(addressesOf(url, false, asked(address)), AddressError, address);
      await assert.rejects(addressesOf(url, false, asked('8.8.8.8', address)), AddressError, address);
    }
    for (const address of allowed) assert.deepEqual(await addressesOf(url, false, asked(address)), [address]);
  });

  test('localhost, resolved by the system, is refused', async () => {
    await assert.rejects(addressesOf(new URL('https://localhost/'), false), AddressError);
  });

  test('a name that answers another address a moment later (DNS rebinding) is asked once and gets nothing', async () => {
    let reached = 0;
    await withServer(
      (_request, response) => {
        reached++;
        response.end();
      },
      async (port) => {
        let asks = 0;
        const rebinding = async () => [{ address: asks++ === 0 ? '192.0.1.1' : '127.0.0.1' }];
        const options = { allowPrivate: false, resolve: rebinding, timeout: 300 };
        const answer = await send(`https://rebind.example.com:${port}/`, {}, '{}', options);
        assert.equal(succeeded(answer), false);
        assert.equal(asks, 1);
        assert.equal(reached, 0);
      },
    );
  });
});

async function withServer(listener: RequestListener, action: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await action((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('answers', () => {
  const to = (port: number, more: object = {}) =>
    send(`http://127.0.0.1:${port}/hook`, { 'webhook-id': 'evt_1' }, '{"a":1}', {
      allowPrivate: true,
      timeout: 2000,
      ...more,
    });

  test('the body and the headers arrive; 2xx is success', () =>
    withServer(
      async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        response.writeHead(200, { date: new Date(Date.now() + 90_000).toUTCString() });
        response.end(`${request.method} ${request.url} ${request.headers['webhook-id']} ${body}`);
      },
      async (port) => {
        const answer = await to(port);
        assert.equal(answer.body, 'POST /hook evt_1 {"a":1}');
        assert.equal(succeeded(answer), true);
        assert.ok(Math.abs((answer.clockDifference ?? 0) - 90) <= 2, String(answer.clockDifference));
      },
    ));

  test('a redirect is a failure and is not followed', async () => {
    let requests = 0;
    await withServer(
      (_request, response) => {
        requests++;
        response.writeHead(307, { location: '/hook' }).end();
      },
      async (port) => {
        const answer = await to(port);
        assert.equal(answer.status, 307);
        assert.equal(succeeded(answer), false);
      },
    );
    assert.equal(requests, 1);
  });

  test('of an endless answer 64 kB are read, and 1 kB is kept', async () => {
    let sent = 0;
    await withServer(
      (_request, response) => {
        response.writeHead(200);
        const more = (): void => {
          while (!response.destroyed && sent < 10e9) {
            sent += 65_536;
            if (!response.write('x'.repeat(65_536))) {
              response.once('drain', more);
              return;
            }
          }
        };
        more();
      },
      async (port) => {
        const answer = await to(port);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.length, 1024);
        assert.ok(sent < 50e6, `${sent} bytes`);
      },
    );
  });

  test('an answer that does not come, or does not end, is cut off in time', () =>
    withServer(
      (request, response) => {
        if (request.url === '/hook') response.write('begun');
      },
      async (port) => {
        for (const path of ['hook', 'nothing']) {
          const answer = await send(`http://127.0.0.1:${port}/${path}`, {}, '{}', {
            allowPrivate: true,
            timeout: 200,
          });
          assert.equal(answer.error, 'no whole answer within 0.2 seconds');
          assert.ok(answer.milliseconds < 1500);
        }
      },
    ));

  test('garbage, a closed connection and a refused one are failures with their reason', async () => {
    await withServer(
      (request) => request.socket.end('this is no HTTP\r\n\r\n'),
      async (port) => assert.match((await to(port)).error ?? '', /HPE_INVALID/),
    );
    await withServer(
      (request) => request.socket.destroy(),
      async (port) => assert.match((await to(port)).error ?? '', /ECONNRESET/),
    );
    let free = 0;
    await withServer(
      () => {},
      async (port) => {
        free = port;
      },
    );
    assert.match((await to(free)).error ?? '', /ECONNREFUSED/);
  });

  test('Retry-After is told in milliseconds, whether it is seconds or a date', () =>
    withServer(
      (request, response) => {
        const inAMinute = new Date(Date.now() + 60_000).toUTCString();
        response.writeHead(503, { 'retry-after': request.url === '/hook' ? '120' : inAMinute }).end();
      },
      async (port) => {
        assert.equal((await to(port)).retryAfter, 120_000);
        const { retryAfter = 0 } = await send(`http://127.0.0.1:${port}/`, {}, '{}', { allowPrivate: true });
        assert.ok(retryAfter > 55_000 && retryAfter <= 60_000, String(retryAfter));
      },
    ));
});
