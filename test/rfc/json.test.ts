import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newUser, startScimd, type TestServer, userSchema } from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

const post = (body: string | Uint8Array) => server.request('POST', '/Users', { body });

async function total(): Promise<number> {
  return (await server.request('GET', '/Users?count=0')).json.totalResults;
}

test('H-8259-01: answers are UTF-8 without a byte order mark; one on input is ignored', async () => {
  const bom = Buffer.from([0xef, 0xbb, 0xbf]);
  const answer = await post(Buffer.concat([bom, Buffer.from(JSON.stringify(newUser({ title: 'Ü' })))]));
  assert.equal(answer.status, 201, answer.text);
  const raw = await fetch(`${server.base}/Users/${answer.json.id}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  const bytes = Buffer.from(await raw.arrayBuffer());
  assert.equal(bytes[0], 0x7b);
  assert.equal(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).title, 'Ü');
  assert.ok(bytes.includes(Buffer.from('Ü', 'utf8')));
  for (const bad of [Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from(JSON.stringify(newUser()), 'utf16le')]) {
    refused(await post(bad), 400, 'invalidSyntax');
  }
});

test('H-8259-02: nesting, size and numbers are bounded, and quickly', async () => {
  const before = await total();
  const user = JSON.stringify(newUser()).slice(0, -1);
  for (const body of [
    '['.repeat(100_000),
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    `${user},"x":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
    `${user},"x":1e400}`,
    `${user},"x":-1e400}`,
  ]) {
    const start = performance.now();
    refused(await post(body), 400, 'invalidSyntax');
    assert.ok(performance.now() - start < 2000, body.slice(0, 20));
  }
  refused(await post(`${user},"x":"${'a'.repeat(5 * 1024 * 1024)}"}`), 413, undefined, /4194304/);
  assert.equal(await total(), before);
});

test('H-8259-02: what is not JSON is refused: NaN, comments, trailing commas, single quotes, more than one value', async () => {
  const before = await total();
  const user = JSON.stringify(newUser()).slice(0, -1);
  for (const body of [
    '',
    ' ',
    '{',
    `${user},"x":NaN}`,
    `${user},"x":Infinity}`,
    `${user},"x":01}`,
    `${user},"x":+1}`,
    `${user},"x":.5}`,
    `${user},"x":0x10}`,
    `${user},"x":undefined}`,
    `${user},}`,
    `${user}/* c */}`,
    `${user}} // c`,
    `${user}}{}`,
    `${user},'x':1}`,
    `${user},x:1}`,
    `${user},"x":"a\nb"}`,
    `${user},"x":"\\x41"}`,
    `${user},"x":1,"x":2}`,
  ]) {
    refused(await post(body), 400, 'invalidSyntax');
  }
  for (const body of ['[]', '"text"', '7', 'null', 'true']) refused(await post(body), 400, 'invalidSyntax');
  assert.equal(await total(), before);
});

test('H-8259-03: lone surrogates and NUL are refused wherever they stand; pairs are kept', async () => {
  const before = await total();
  const { userName } = newUser();
  for (const text of ['\\ud800', '\\udc00', 'a\\ud800b', '\\udc00\\ud800', '\\u0000', 'a\\u0000']) {
    refused(
      await post(`{"schemas":["${userSchema}"],"userName":"${userName}","title":"${text}"}`),
      400,
      'invalidSyntax',
    );
    refused(
      await post(`{"schemas":["${userSchema}"],"userName":"${userName}","${text}":1}`),
      400,
      'invalidSyntax',
    );
  }
  assert.equal(await total(), before);
  const pair = await post(`{"schemas":["${userSchema}"],"userName":"${userName}","title":"\\ud83d\\ude80"}`);
  assert.equal(pair.json.title, '🚀');
  for (const filter of ['title eq "\\ud800"', 'title eq "\\u0000"', 'title co "\\u0000"']) {
    const answer = await server.request('GET', `/Users?${new URLSearchParams({ filter })}`);
    refused(answer, 400, 'invalidFilter');
  }
  refused(await server.request('GET', '/Users?filter=title%20eq%20%22%00%22'), 400, 'invalidValue');
  refused(await server.request('GET', '/Users/%00'), 404);
});
