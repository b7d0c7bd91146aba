/** scimd/consumer as it is published: in Node.js, and where there is nothing but what all runtimes have in common. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { Webhook } from 'standardwebhooks';
import { bundleSmall } from '../../scripts/consumer-bundle.ts';
import { consume, VerificationError, verify } from '../../src/consumer.ts';
import { newWebhookKey, newWebhookSecret, signatureHeaders } from '../../src/events/webhook/signature.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-consumer-'));
let server: TestServer;
let token: string;
before(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  await bundleSmall('consumer', folder);
  server = await startScimd();
  token = await server.newToken({ scope: 'events' });
  for (let count = 0; count < 3; count++) await server.request('POST', '/Users', { body: newUser() });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const body = '{"id":"evt_1","type":"user.created"}';
const now = (): number => Math.floor(Date.now() / 1000);

test('a connection that no waiting mends is an error at once', async () => {
  const wrong: [connection: object, message: RegExp][] = [
    [{ token }, /url must be the address of scimd, such as https:\/\/id.example.com, not undefined/],
    [{ url: 'id.example.com', token }, /url must be the address/],
    [{ url: 'http://127.0.0.1:1' }, /token must be a text or a function/],
  ];
  for (const [connection, message] of wrong)
    await assert.rejects(consume(connection as never).next(), { name: 'TypeError', message });
});

describe('verify', () => {
  const secret = newWebhookSecret();
  const other = newWebhookSecret();

  test('takes what standardwebhooks signs, as a Request and as headers with a body', async () => {
    const date = new Date();
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(Math.floor(date.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('evt_1', date, body),
    };
    const request = new Request('https://app.example.com/', { method: 'POST', headers, body });
    assert.deepEqual(await verify(request, { secret }), [JSON.parse(body)]);
    for (const given of [headers, new Headers(headers), { ...headers, 'Webhook-Id': 'evt_1' }])
      assert.deepEqual(await verify({ headers: given, body }, { secret }), [JSON.parse(body)]);
    // Of a framework that brings its own.
    const foreign = { get: (name: string) => new Headers(headers).get(name) } as Headers;
    assert.deepEqual(await verify({ headers: foreign, body }, { secret }), [JSON.parse(body)]);
    const more = { ...headers, 'webhook-signature': `v1,*** v2,x ${headers['webhook-signature']}` };
    assert.deepEqual(await verify({ headers: more, body }, { secret }), [JSON.parse(body)]);
    const bytes = new TextEncoder().encode(body);
    assert.deepEqual(await verify({ headers, body: bytes }, { secret: [other, secret] }), [JSON.parse(body)]);
  });

  test('takes either of two signatures, and ed25519', async () => {
    const { privateKey, publicKey } = newWebhookKey();
    const headers = signatureHeaders('evt_1', now(), body, {
      secrets: [other, secret],
      privateKeys: [privateKey],
    });
    for (const each of [secret, other, publicKey])
      assert.deepEqual(await verify({ headers, body }, { secret: each }), [JSON.parse(body)]);
    await assert.rejects(verify({ headers, body }, { secret: newWebhookKey().publicKey }), VerificationError);
    for (const secret of ['', [], undefined as never])
      await assert.rejects(verify({ headers, body }, { secret }), {
        ...{ name: 'VerificationError', message: 'the secret is missing' },
      });
  });

  test('gives the events of a batch', async () => {
    const batch = `{"type":"batch","events":[${body},${body}]}`;
    const headers = signatureHeaders('msg_1', now(), batch, { secrets: [secret], privateKeys: [] });
    assert.equal((await verify({ headers, body: batch }, { secret })).length, 2);
  });

  test('refuses another secret, another body, another time and what is missing, and says why', async () => {
    const sign = (seconds: number) =>
      signatureHeaders('evt_1', seconds, body, { secrets: [secret], privateKeys: [] });
    const headers = sign(now());
    const refused: [Record<string, string>, string, string, RegExp][] = [
      [headers, body, other, /no signature fits/],
      [headers, `${body} `, secret, /no signature fits/],
      [{ ...headers, 'webhook-id': 'evt_2' }, body, secret, /no signature fits/],
      [{ ...headers, 'webhook-signature': 'v1,AAAA' }, body, secret, /no signature fits/],
      [{ ...headers, 'webhook-signature': 'v2,AAAA' }, body, secret, /no signature fits/],
      [{ ...headers, 'webhook-timestamp': 'soon' }, body, secret, /not a time/],
      [sign(now() - 400), body, secret, /40\d seconds old/],
      [sign(now() + 400), body, secret, /clock/],
      [{}, body, secret, /webhook-id is missing/],
    ];
    for (const [given, text, key, why] of refused)
      await assert.rejects(verify({ headers: given, body: text }, { secret: key }), why);
  });
});

describe('scimd/consumer as it is published', () => {
  const round = `async ({ consume, snapshot, compare, verify }, url, token, secret, headers, body) => {
    const found = { events: [], items: 0 };
    const abort = new AbortController();
    for await (const event of consume({ url, token, position: '0', signal: abort.signal, types: ['user.created'] })) {
      found.events.push(event.type);
      if (found.events.length === 3) abort.abort();
    }
    const { items } = await snapshot({ url, token });
    for await (const item of items) found.items++;
    found.differences = (await compare({ url, token }, [])).ids.length;
    found.verified = await verify({ headers, body }, { secret });
    return JSON.stringify(found);
  }`;
  const secret = newWebhookSecret();
  const check = (text: string): void => {
    assert.deepEqual(JSON.parse(text), {
      events: ['user.created', 'user.created', 'user.created'],
      items: 3,
      differences: 3,
      verified: [JSON.parse(body)],
    });
  };
  const signed = () => signatureHeaders('evt_1', now(), body, { secrets: [secret], privateKeys: [] });

  test('runs in Node.js from its file', async () => {
    const published = await import(pathToFileURL(join(folder, 'consumer.js')).href);
    const run = runInContext(round, createContext({ AbortController }));
    check(await run(published, new URL(server.base).origin, token, secret, signed(), body));
  });

  // The npm packages of these names have them; DENO and BUN say where they are.
  for (const [name, command, flags] of [
    ['Deno', process.env.DENO ?? 'deno', ['run', '--quiet', '--allow-net', '--allow-read']],
    ['Bun', process.env.BUN ?? 'bun', ['run']],
  ] as const) {
    const isHere = spawnSync(command, ['--version']).status === 0;
    test(`runs in ${name}, and in a worker of it`, {
      skip: isHere ? false : `there is no ${command}`,
    }, async () => {
      const given = [new URL(server.base).origin, token, secret, signed(), body].map((each) =>
        JSON.stringify(each),
      );
      const answer = `(${round})(await import('./consumer.js'), ${given.join()})`;
      writeFileSync(join(folder, 'worker.mjs'), `postMessage(await ${answer});`);
      writeFileSync(
        join(folder, 'main.mjs'),
        `console.log(await ${answer});
         const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
         worker.onmessage = ({ data }) => {
           console.log(data);
           worker.terminate();
         };`,
      );
      // The server is in this process: it must not stand still meanwhile.
      const { stdout } = await promisify(execFile)(command, [...flags, join(folder, 'main.mjs')], {
        timeout: 60_000,
      });
      const lines = stdout.trim().split('\n');
      assert.equal(lines.length, 2, stdout);
      for (const line of lines) check(line);
    });
  }

  test('bundled, runs where there is fetch, Web Crypto and nothing of Node.js', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import * as consumer from './consumer.js'; globalThis.answer = (...given) => (${round})(consumer, ...given);`,
        resolveDir: folder,
      },
      bundle: true,
      write: false,
      platform: 'neutral',
      format: 'iife',
      logLevel: 'silent',
    });
    // What Node.js, Deno, Bun, workers and browsers have in common, and nothing else.
    const common = { AbortController, Headers, Request, Response, TextDecoder, TextEncoder, URLSearchParams };
    const context: { answer?: (...given: unknown[]) => Promise<string> } = Object.assign(
      Object.create(null),
      {
        ...common,
        ...{ Uint8Array, atob, clearTimeout, crypto, fetch, setTimeout },
      },
    );
    runInContext(outputFiles[0]?.text ?? '', createContext(context));
    check((await context.answer?.(new URL(server.base).origin, token, secret, signed(), body)) ?? '');
  });
});
