/** RFC 9110 §5.5: fields that are written without node:http's own look at them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { FieldsResponse } from '../../src/http/fields-response.ts';

test('each field goes out once, and none whose value would be two of them', async () => {
  const errors: unknown[] = [];
  const server = createServer({ ServerResponse: FieldsResponse }, (request, response) => {
    const length = ['Content-Length', '2'];
    try {
      const value = decodeURIComponent(request.url ?? '');
      (response as FieldsResponse)
        .writeFields(200, ['X-Path', value, 'Connection', 'close'], length)
        .end('ok');
    } catch (error) {
      errors.push(error);
      response.writeHead(500, ['Connection', 'close', ...length]).end('no');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const { headers } = answer;
    return [answer.status, headers.get('x-path'), headers.get('x-other'), headers.get('connection')].join(
      ' ',
    );
  };
  assert.equal(await ask('/plain'), '200 /plain  close');
  assert.equal(await ask('/a%0D%0AX-Other:%20b'), '500   close');
  assert.equal(await ask('/%E2%82%AC'), '500   close');
  assert.ok(errors.length === 2 && errors.every((error) => error instanceof TypeError));
  server.close();
});
