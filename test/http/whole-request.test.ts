/** RFC 9112 §6 and §9.6: bodies that come early, late, too large, in part or unwanted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ScimError } from '../../src/error.ts';
import { WholeRequest } from '../../src/http/whole-request.ts';

const limit = 2 ** 20;
const large = 'a'.repeat(limit);

/** What is asked of each path of the server. */
const handlers: Record<string, (request: WholeRequest) => Promise<string>> = {
  async '/at-once'(request) {
    return summary(await request.body(limit));
  },
  /** As one that has to ask an issuer who the client is. */
  async '/late'(request) {
    await pause(50);
    return summary(await request.body(limit));
  },
  async '/unwanted'(request) {
    await pause(50);
    await new Promise<void>((resolve) => request.discard(resolve));
    return 'discarded';
  },
  async '/answered'(request) {
    const [body] = await Promise.all([
      request.body(limit),
      new Promise<void>((resolve) => request.discard(resolve)),
    ]);
    return summary(body);
  },
  async '/unread'(request) {
    await pause(50);
    return request.complete ? 'complete' : 'not complete';
  },
};

function summary(body: Buffer): string {
  return `${body.length} ${body.subarray(0, 3)} ${body.subarray(-3)}`;
}

const refused: string[] = [];
const server = createServer(
  { IncomingMessage: WholeRequest },
  async (request: IncomingMessage, response: ServerResponse) => {
    try {
      response.end(await handlers[request.url ?? '']?.(request as WholeRequest));
    } catch (error) {
      assert.ok(error instanceof ScimError);
      refused.push(`${error.status}`);
      response.statusCode = error.status;
      response.end(error.message);
    }
  },
);
let port = 0;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
after(() => server.close());

function head(path: string, field: string, more = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\n${field}\r\n${more}\r\n`;
}

function request(path: string, body: string, more = ''): string {
  return `${head(path, `Content-Length: ${body.length}`, more)}${body}`;
}

const last = 'Connection: close\r\n';

/** The statuses and bodies of all answers. */
async function exchange(send: (socket: Socket) => void | Promise<void>): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  await once(socket, 'connect');
  await send(socket);
  await once(socket, 'close');
  const answers = text.split(/(?=HTTP\/1\.1 )/);
  return answers.map((answer) => `${answer.slice(9, 12)} ${answer.slice(answer.indexOf('\r\n\r\n') + 4)}`);
}

for (const path of ['/at-once', '/late']) {
  test(`${path}: a body of a mebibyte is whole, and the next request is answered`, async () => {
    const answers = await exchange((socket) => {
      socket.write(request(path, `bcd${large.slice(6)}efg`));
      socket.write(request(path, '{}', last));
    });
    assert.deepEqual(answers, [`200 ${limit} bcd efg`, '200 2 {} {}']);
  });

  test(`${path}: one byte more is refused with 413, and the rest of it is read`, async () => {
    const answers = await exchange((socket) => {
      socket.write(request(path, `${large}b`));
      socket.write(request(path, '{}', last));
    });
    assert.deepEqual(answers, [`413 The body is larger than the limit of ${limit} bytes`, '200 2 {} {}']);
  });

  test(`${path}: a chunked body is put together (RFC 9112 §7.1), an empty one is empty`, async () => {
    const answers = await exchange(async (socket) => {
      socket.write(head(path, 'Transfer-Encoding: chunked'));
      for (const chunk of ['abc', 'd', 'efg']) {
        socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
        await pause(20);
      }
      socket.write('0\r\n\r\n');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${last}\r\n`);
    });
    assert.deepEqual(answers, ['200 7 abc efg', '200 0  ']);
  });

  test(`${path}: a body that ends too early is refused with 400`, async () => {
    refused.length = 0;
    await exchange((socket) => {
      socket.write(head(path, 'Content-Length: 10'));
      socket.write('abc');
      setTimeout(() => socket.destroy(), 20);
    });
    while (refused.length === 0) await pause(5);
    assert.deepEqual(refused, ['400']);
  });
}

test('what nobody wants is read to its end, and the next request is answered', async () => {
  const answers = await exchange((socket) => {
    socket.write(request('/unwanted', large));
    socket.write(request('/at-once', '{}', last));
  });
  assert.deepEqual(answers, ['200 discarded', '200 2 {} {}']);
});

test('who waits for the body when the rest of it is given up on gets it whole, or not at all', async () => {
  const answers = await exchange((socket) => {
    socket.write(request('/answered', `bcd${large.slice(6)}efg`));
    socket.write(request('/answered', '{}', last));
  });
  assert.deepEqual(answers, [`200 ${limit} bcd efg`, '200 2 {} {}']);
});

test('what nobody reads stops at some 64 kibibytes until the answer, and the next request is answered', async () => {
  const answers = await exchange((socket) => {
    socket.write(request('/unread', large));
    socket.write(request('/unread', '{}', last));
  });
  assert.deepEqual(answers, ['200 not complete', '200 complete']);
});
