/** Endpoints that misbehave in every way harm no other, and cost bounded memory; SCIM answers as before. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { startReceiver } from '../events/receiver.ts';
import { processorTime } from '../processor-time.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { extent } from './extent.ts';

const place = {
  folder: temporaryFolder(),
  environment: {
    SCIMD_DATABASE: 'scimd.db',
    SCIMD_LOG_LEVEL: 'error',
    NODE_OPTIONS: '--max-old-space-size=256',
  },
};
const open: (Server | ReturnType<typeof createServer>)[] = [];
const sockets = new Set<Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of open) server.close();
});

async function listen(server: Server | ReturnType<typeof createServer>): Promise<string> {
  open.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}
const answering = (listener: RequestListener): Promise<string> => listen(createHttpServer(listener));

/** Endless answers, and the bytes of them that were taken from those who send them. */
let floods = 0;
let flooded = 0;
const wrong = {
  'takes connections and says nothing': () => listen(createServer(() => {})),
  'answers garbage': () => listen(createServer((socket) => socket.end(Buffer.alloc(100_000, 0xff)))),
  'closes at once': () => listen(createServer((socket) => socket.destroy())),
  'sends a head of 10 MB': () =>
    listen(createServer((socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000_000)}\r\n\r\n`))),
  'sends 10 GB': () =>
    answering((_request, response) => {
      const piece = Buffer.alloc(1 << 20, 'x');
      let left = 10 * 2 ** 30;
      floods++;
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && left > 0) {
          left -= piece.length;
          flooded += piece.length;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    }),
  'sends a byte a second': () =>
    answering((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 1000);
      response.once('close', () => clearInterval(timer));
    }),
  'redirects in a circle': () =>
    answering((request, response) => response.writeHead(307, { location: request.url ?? '/' }).end()),
  'redirects to the metadata of a cloud': () =>
    answering((_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end()),
  'answers 500 to all': () => answering((_request, response) => response.writeHead(500).end()),
  'asks to wait for a year': () =>
    answering((_request, response) => response.writeHead(429, { 'retry-after': '31536000' }).end()),
} as const;

function memoryOf(pid: number): number {
  return Number(/VmRSS:[ \t]+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

test('ten endpoints that misbehave, and one that is gone, beside one that takes everything', async () => {
  const server = await serving(['serve', '--port', '0'], place);
  const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';
  /** Milliseconds of the server, whoever else is on the processors. */
  const create = async (): Promise<number> => {
    const began = processorTime(server.pid, 'main thread');
    const response = await fetch(`${server.url}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(newUser()),
    });
    assert.equal(response.status, 201);
    await response.arrayBuffer();
    return processorTime(server.pid, 'main thread') - began;
  };
  const endpointAt = async (url: string): Promise<{ id: string; secret: string }> => {
    const made = await scimd(
      ['webhook', 'create', url, '--allow-private', '--type', 'user.created', '--json'],
      place,
    );
    assert.equal(made.status, 0, made.stderr);
    return JSON.parse(made.stdout);
  };
  const [gone, good] = [await startReceiver(), await startReceiver()];
  await gone.close();
  const ids: string[] = [];
  for (const start of Object.values(wrong)) ids.push((await endpointAt(await start())).id);
  ids.push((await endpointAt(gone.url)).id);
  good.secret = (await endpointAt(good.url)).secret;
  await create();
  await until('the first event', () => good.received.length === 1);
  const before = memoryOf(server.pid);

  const count = extent(150, 3000);
  const times: number[] = [];
  for (let each = 0; each < count; each++) times.push(await create());
  const different = (): number => new Set(good.events().map(({ id }) => id)).size;
  await until('all at the one that is well', () => different() === count + 1);
  // At least once: what is not answered within 15 seconds comes again, which a machine without a processor may bring about.
  assert.ok(good.events().length - different() <= Math.ceil(count / 500), `${good.events().length} events`);
  times.sort((a, b) => a - b);
  assert.ok((times[Math.floor(count * 0.95)] ?? 0) < 1000, `${times[Math.floor(count * 0.95)]} ms`);
  // Half of the sockets are for those that fail: all of them have had their turn.
  await until('an attempt at each', async () => {
    for (const id of ids) {
      const { attempts } = JSON.parse((await scimd(['webhook', 'show', id, '--json'], place)).stdout);
      if (attempts.length === 0) return false;
      assert.ok(
        attempts.every(
          ({ status }: { status?: number }) => status === undefined || status >= 300 || status === 200,
        ),
      );
    }
    return true;
  });
  const grown = memoryOf(server.pid) - before;
  assert.ok(grown < 200, `${grown} MB`);
  // What is not read stays where it is: some of it fills the buffers of the sockets.
  assert.ok(flooded < floods * 2 ** 24, `${flooded} bytes of ${floods} answers`);
  assert.ok(flooded < extent(2 ** 30, Number.POSITIVE_INFINITY), `${flooded} bytes`);
  const { status } = await server.stop();
  assert.equal(status, 0);
  await good.close();
});
