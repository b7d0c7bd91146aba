/** RFC 9112 §9.3.2: large and small answers of one connection are whole, and in the order of their requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startScimd } from '../server.ts';
import { firstAnswer, head, sendRaw } from './raw.ts';

test('lists and single resources that are asked for in a row come whole and in order', async () => {
  const server = await startScimd();
  const title = 'Ä€😀'.repeat(200);
  const ids: string[] = [];
  for (let number = 0; number < 40; number++) {
    const { json } = await server.request('POST', '/Users', { body: { userName: `user${number}`, title } });
    ids.push(json.id);
  }
  const paths = ['/Users', `/Users/${ids[0]}`, '/Users?count=30', `/Users/${ids[1]}`, '/Users'];
  const { pathname } = new URL(server.base);
  const asked = paths.map((path, index) => {
    const request = head(server, `GET ${pathname}${path}`);
    return index < paths.length - 1 ? request.replace('Connection: close\r\n', '') : request;
  });
  let received = Buffer.from(await sendRaw(server, [asked.join('')]));
  const found: unknown[] = [];
  for (const _ of paths) {
    const { status, head: its } = firstAnswer(received.toString());
    assert.equal(status, 200);
    const start = received.indexOf('\r\n\r\n') + 4;
    const end = start + Number(/^content-length: (\d+)$/im.exec(its)?.[1]);
    const json = JSON.parse(received.subarray(start, end).toString());
    for (const user of json.Resources ?? [json]) assert.equal(user.title, title);
    found.push(json.Resources?.length ?? json.id);
    received = received.subarray(end);
  }
  assert.deepEqual(found, [40, ids[0], 30, ids[1], 40]);
  assert.equal(received.length, 0);
  await server.close();
});
