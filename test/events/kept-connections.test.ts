/** The connections that messages to one receiver go over, one after another: kept, replaced, cut off, and never led elsewhere. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Connections } from '../../src/events/webhook/connections.ts';
import type { Answer } from '../../src/events/webhook/management.ts';
import { type SendOptions, send } from '../../src/events/webhook/send.ts';
import { newCertificate } from '../http/certificates.ts';

/** Listens until the test ends; what it has accepted, in order. */
async function listening(t: TestContext, server: Server): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** Sends over connections of one receiver. */
function sender(t: TestContext, url: string, more: Partial<SendOptions> = {}): () => Promise<Answer> {
  const connections = new Connections(2);
  t.after(() => connections.close());
  return () =>
    send(url, { 'webhook-id': 'evt_1' }, '{}', { allowPrivate: true, connections, timeout: 5000, ...more });
}

const taking: RequestListener = (request, response) => {
  request.resume().on('end', () => response.writeHead(204).end());
};

describe('connections that are kept', () => {
  test('messages one after another go over one, two at once over two', async (t) => {
    const { port, sockets } = await listening(t, createHttpServer(taking));
    const message = sender(t, `http://127.0.0.1:${port}/`);
    for (let each = 0; each < 5; each++) assert.equal((await message()).status, 204);
    assert.equal(sockets.length, 1);
    for (let each = 0; each < 5; each++)
      assert.deepEqual(
        (await Promise.all([message(), message()])).map(({ status }) => status),
        [204, 204],
      );
    assert.equal(sockets.length, 2);
  });

  test('are closed with the endpoint', async (t) => {
    const { port, sockets } = await listening(t, createHttpServer(taking));
    const connections = new Connections(2);
    await send(`http://127.0.0.1:${port}/`, {}, '{}', { allowPrivate: true, connections });
    const closed = once(sockets[0] as Socket, 'close');
    connections.close();
    await closed;
    // What is sent later keeps none.
    await send(`http://127.0.0.1:${port}/`, {}, '{}', { allowPrivate: true, connections });
    if (sockets[1]?.destroyed === false) await once(sockets[1], 'close');
    assert.equal(sockets.length, 2);
  });

  test('one that the receiver has closed meanwhile is replaced, and no message fails for it', async (t) => {
    const { port, sockets } = await listening(t, createHttpServer(taking));
    const message = sender(t, `http://127.0.0.1:${port}/`);
    for (let each = 0; each < 3; each++) {
      assert.equal((await message()).status, 204);
      sockets.at(-1)?.destroy();
    }
    assert.equal((await message()).status, 204);
  });

  test('one that ends with the message on it costs a second connection; a new one that does so is a failure', async (t) => {
    let requests = 0;
    // The first message of the first connection is answered, and nothing else.
    const server = createHttpServer((request, response) => {
      requests++;
      if (requests === 1) taking(request, response);
      else request.socket.destroy();
    });
    const { port, sockets } = await listening(t, server);
    const message = sender(t, `http://127.0.0.1:${port}/`);
    assert.equal((await message()).status, 204);
    assert.match((await message()).error ?? '', /^ECONNRESET: /);
    assert.deepEqual([requests, sockets.length], [3, 2]);
    assert.match((await message()).error ?? '', /^ECONNRESET: /);
    assert.deepEqual([requests, sockets.length], [4, 3]);
  });

  test('an answer that has begun and ends early is a failure, and is not asked for again', async (t) => {
    let requests = 0;
    const server = createHttpServer((request, response) => {
      requests++;
      if (requests === 1) return taking(request, response);
      response.writeHead(200, { 'content-length': 100 }).write('begun', () => request.socket.destroy());
    });
    const { port } = await listening(t, server);
    const message = sender(t, `http://127.0.0.1:${port}/`);
    assert.equal((await message()).status, 204);
    assert.equal((await message()).error, 'the answer was cut off');
    assert.equal(requests, 2);
  });

  test('after an answer without end the next message has a connection of its own', async (t) => {
    let requests = 0;
    const server = createHttpServer((request, response) => {
      if (++requests > 1) return taking(request, response);
      response.writeHead(200);
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more));
      };
      more();
    });
    const { port, sockets } = await listening(t, server);
    const message = sender(t, `http://127.0.0.1:${port}/`);
    const first = await message();
    assert.deepEqual([first.status, first.body.length], [200, 1024]);
    assert.equal((await message()).status, 204);
    assert.equal(sockets.length, 2);
  });

  test('RFC 9110 §15.2: what is told before the answer is not taken for it', async (t) => {
    const server = createHttpServer((request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      taking(request, response);
    });
    const { port } = await listening(t, server);
    assert.equal((await sender(t, `http://127.0.0.1:${port}/`)()).status, 204);
  });

  test('nothing is left of a connection that was being made when the time was over', async (t) => {
    const { port, sockets } = await listening(t, createServer());
    const message = sender(t, `https://127.0.0.1:${port}/`, { timeout: 200 });
    assert.equal((await message()).error, 'no whole answer within 0.2 seconds');
    const [socket] = sockets;
    assert.ok(socket !== undefined);
    socket.resume();
    if (!socket.closed) await once(socket, 'close');
  });

  test('each new one goes to an address that was looked at for its message', async (t) => {
    const hosts: (string | undefined)[] = [];
    const server = createHttpServer((request, response) => {
      hosts.push(request.headers.host);
      response.setHeader('connection', 'close');
      taking(request, response);
    });
    const { port, sockets } = await listening(t, server);
    const answers = ['127.0.0.1', '127.0.0.1', '127.0.0.2'];
    let asks = 0;
    const message = sender(t, `http://hooks.example.com:${port}/`, {
      resolve: async () => [{ address: answers[asks++] ?? '' }],
    });
    assert.deepEqual([(await message()).status, (await message()).status], [204, 204]);
    // Nobody listens there.
    assert.match((await message()).error ?? '', /^ECONNREFUSED: /);
    assert.deepEqual([asks, sockets.length], [3, 2]);
    assert.deepEqual(hosts, [`hooks.example.com:${port}`, `hooks.example.com:${port}`]);
  });
});

describe('TLS', () => {
  const resolve = async () => [{ address: '127.0.0.1' }];

  test('the certificate is checked for the name of the URL, whatever address it has; sessions are resumed', async (t) => {
    const { certificate, key } = newCertificate('01');
    const names: unknown[] = [];
    const resumed: boolean[] = [];
    const server = createHttpsServer({ cert: certificate, key }, (request, response) => {
      const socket = request.socket as TLSSocket;
      names.push((socket as TLSSocket & { servername?: unknown }).servername);
      resumed.push(socket.isSessionReused());
      response.setHeader('connection', 'close');
      taking(request, response);
    });
    const { port } = await listening(t, server);
    const message = sender(t, `https://localhost:${port}/`, { resolve, authorities: certificate });
    assert.equal((await message()).status, 204);
    assert.equal((await message()).status, 204);
    assert.deepEqual(names, ['localhost', 'localhost']);
    assert.deepEqual(resumed, [false, true]);
    const byAddress = sender(t, `https://127.0.0.1:${port}/`, { authorities: certificate });
    assert.equal((await byAddress()).status, 204);
    assert.equal(names[2], false);
    const otherName = sender(t, `https://hooks.example.com:${port}/`, { resolve, authorities: certificate });
    assert.match((await otherName()).error ?? '', /^ERR_TLS_CERT_ALTNAME_INVALID: /);
    assert.equal(names.length, 3);
  });

  test('a certificate that no authority vouches for is refused', async (t) => {
    const { certificate, key } = newCertificate('02');
    let requests = 0;
    const server = createHttpsServer({ cert: certificate, key }, (request, response) => {
      requests++;
      taking(request, response);
    });
    const { port } = await listening(t, server);
    const message = sender(t, `https://localhost:${port}/`, { resolve });
    assert.match((await message()).error ?? '', /^DEPTH_ZERO_SELF_SIGNED_CERT: /);
    assert.equal(requests, 0);
  });
});
