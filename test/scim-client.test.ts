/** The client of other SCIM servers, against servers over a real socket. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { type ClientOptions, retryAfter, ScimClient } from '../src/scim-client.ts';

async function listening(handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(base: string, more: Partial<ClientOptions> = {}): ScimClient {
  return new ScimClient({
    base,
    token: 'token',
    program: 'scimd-test',
    timeoutSeconds: 5,
    answerBytes: 1000,
    signal: new AbortController().signal,
    patience: () => undefined,
    ...more,
  });
}

describe('the client', () => {
  test('a request on a connection that the server has closed is sent again on another, and is known as such', async () => {
    const seen = new Set<Socket>();
    let done = 0;
    const base = await listening((request, response) => {
      // It takes one request on each connection, without telling so.
      if (seen.has(request.socket)) {
        request.socket.destroy();
        return;
      }
      seen.add(request.socket);
      done++;
      response.end('{}');
    });
    const client = clientOf(base);
    let again = 0;
    for (let sent = 0; sent < 10; sent++) {
      const { answer, repeated } = await client.send({ method: 'POST', path: '/Users' });
      assert.equal(answer?.status, 200);
      again += Number(repeated);
      // For the client to find the connection free again.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(done, 10);
    assert.ok(again > 0);
  });

  test('a server that is not there is a failure with its code, and is not asked twice', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const base = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
    gone.close();
    await once(gone, 'close');
    const { answer, failure, repeated } = await clientOf(base).send({ method: 'GET', path: '/Users' });
    assert.deepEqual([answer, failure?.code, repeated], [undefined, 'ECONNREFUSED', false]);
  });

  test('no answer in time, and more than an answer may have, are failures', async () => {
    const base = await listening((request, response) => {
      if (request.url === '/slow') return;
      response.end('x'.repeat(2000));
    });
    const slow = await clientOf(base, { timeoutSeconds: 0.2 }).send({ method: 'GET', path: '/slow' });
    assert.equal(slow.failure?.code, 'TIMEOUT');
    const large = await clientOf(base).send({ method: 'GET', path: '/large' });
    assert.match(large.failure?.message ?? '', /an answer of more than 1000 bytes/);
  });

  test('the token goes to the given base only: a redirect is an answer', async () => {
    let elsewhere = 0;
    const other = await listening((_, response) => {
      elsewhere++;
      response.end();
    });
    const base = await listening((_, response) => response.writeHead(307, { location: other }).end());
    const { answer } = await clientOf(base).send({ method: 'GET', path: '/Users' });
    assert.deepEqual([answer?.status, elsewhere], [307, 0]);
  });

  test('it is as patient as it is told, and waits as long as the server asks: seconds, or a date', async () => {
    let asked = 0;
    const base = await listening((_, response) => {
      const headers = { 'retry-after': asked === 0 ? '0' : new Date(Date.now() + 1000).toUTCString() };
      response.writeHead(asked++ < 2 ? 503 : 200, headers).end();
    });
    const waits: (number | undefined)[] = [];
    const client = clientOf(base, {
      patience({ answer }) {
        if (answer?.status !== 503) return undefined;
        const wait = retryAfter(answer);
        waits.push(wait);
        return wait;
      },
    });
    const { answer } = await client.send({ method: 'GET', path: '/Users' });
    assert.deepEqual([answer?.status, asked], [200, 3]);
    assert.equal(waits[0], 0);
    assert.ok(waits[1] !== undefined && waits[1] >= 0 && waits[1] <= 1000, `${waits[1]} ms`);
  });
});
