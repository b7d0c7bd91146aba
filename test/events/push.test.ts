/** Push-based delivery of security event tokens (RFC 8935) by the delivery thread, and the keys that sign them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { SigningKeys } from '../../src/events/streams/signing-keys.ts';
import { createScimd, type Scimd } from '../../src/index.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { newUser, patchOp } from '../server.ts';
import { openTestStore } from '../store-under-test.ts';
import { until } from '../until.ts';
import { prov, push, sessionRevoked, streamUpdated, verification } from './receiver-client.ts';
import { type SetReceiver, startSetReceiver } from './set-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-push-'));
let scimd: Scimd;
let origin: string;
let provider: string;
let events: string;
let receiver: SetReceiver;
const receivers: SetReceiver[] = [];
let server: Awaited<ReturnType<Scimd['listen']>>;

before(async () => {
  scimd = await createScimd({ database: join(folder, 'scimd.db'), privateReceivers: true });
  server = await scimd.listen({ port: 0 });
  origin = new URL(server.url).origin;
  provider = (await scimd.createToken({ name: 'okta', idp: 'okta' })).token;
  events = (await scimd.createToken({ name: 'app', scope: 'events' })).token;
});
after(async () => {
  for (const each of receivers) await each.close();
  await server.close();
  await scimd.close();
  rmSync(folder, { recursive: true, force: true });
});

async function send(token: string, method: string, url: string, body?: object) {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
const scim = (method: string, path: string, body?: object) => send(provider, method, server.url + path, body);
const ssf = (method: string, path: string, body?: object) =>
  send(events, method, `${origin}/ssf${path}`, body);

/** A stream to a receiver of its own: one that is deleted may get something for three seconds more. */
async function stream(more: object = {}): Promise<{ stream_id: string; aud: string }> {
  for (const { stream_id } of await ssf('GET', '/streams'))
    await ssf('DELETE', `/streams?stream_id=${stream_id}`);
  receiver = await startSetReceiver(() => origin);
  receivers.push(receiver);
  const delivery = {
    method: push,
    endpoint_url: receiver.url,
    authorization_header: 'Bearer of-the-receiver',
  };
  return ssf('POST', '/streams', { delivery, ...more });
}
const arrived = (count: number) => until(`${count} tokens`, () => receiver.pushed.length >= count);

describe('RFC 8935: push', () => {
  test('§2.1: each token is a POST of application/secevent+jwt, with the receiver’s authorization', async () => {
    const { aud } = await stream();
    const { id } = await scim('POST', '/Users', newUser());
    await scim('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'active', value: false }));
    await arrived(3);
    const [create, patch, session] = receiver.pushed;
    assert.equal(create?.headers['content-type'], 'application/secevent+jwt');
    assert.equal(create?.headers.accept, 'application/json');
    assert.equal(create?.headers.authorization, 'Bearer of-the-receiver');
    assert.equal(create?.claims.aud, aud);
    assert.deepEqual(Object.keys(create?.claims.events), [prov('create:notice')]);
    assert.deepEqual(Object.keys(patch?.claims.events), [prov('patch:notice'), prov('deactivate')]);
    assert.deepEqual(Object.keys(session?.claims.events), [sessionRevoked]);
    assert.equal(session?.claims.txn, patch?.claims.txn);
  });

  test('§2.2: what is not accepted comes again under the same jti', async () => {
    await stream();
    const tried: string[] = [];
    receiver.answer = (token) => (tried.push(token) === 1 ? { status: 503 } : undefined);
    await scim('POST', '/Users', newUser());
    await arrived(1);
    assert.deepEqual(tried, [receiver.pushed[0]?.token, receiver.pushed[0]?.token]);
  });

  test('§2.3, §4: a token that the receiver calls unreadable is not sent again, and the next one comes', async () => {
    const { stream_id } = await stream();
    let tries = 0;
    receiver.answer = () =>
      ++tries === 1
        ? { status: 400, body: { err: 'invalid_request', description: 'no such event here' } }
        : undefined;
    const { id } = await scim('POST', '/Users', newUser());
    await scim('PATCH', `/Users/${id}`, patchOp({ op: 'add', path: 'title', value: 'A' }));
    await arrived(1);
    assert.deepEqual(Object.keys(receiver.pushed[0]?.claims.events), [prov('patch:notice')]);
    await until('two attempts', async () => (await scimd.streams.show(stream_id)).attempts.length === 2);
    const { attempts, waiting } = await scimd.streams.show(stream_id);
    assert.equal(waiting.length, 0);
    assert.match(attempts.at(-1)?.answer ?? '', /no such event here/);
  });

  test('a verification is pushed, and a stream that is paused and resumed by the operator tells so', async () => {
    const { stream_id } = await stream();
    await ssf('POST', '/verify', { stream_id, state: 'one' });
    await arrived(1);
    assert.deepEqual(receiver.pushed[0]?.claims.events, { [verification]: { state: 'one' } });
    await scimd.streams.pause(stream_id, 'maintenance');
    await arrived(2);
    assert.deepEqual(receiver.pushed[1]?.claims.events, {
      [streamUpdated]: { status: 'paused', reason: 'maintenance' },
    });
    assert.deepEqual(receiver.pushed[1]?.claims.sub_id, { format: 'opaque', id: stream_id });
    assert.equal((await ssf('GET', `/status?stream_id=${stream_id}`)).status, 'paused');
    await scim('POST', '/Users', newUser());
    assert.equal(receiver.pushed.length, 2);
    await scimd.streams.resume(stream_id);
    await arrived(4);
    const uris = receiver.pushed.slice(2).map(({ claims }) => Object.keys(claims.events)[0]);
    assert.deepEqual(uris.sort(), [prov('create:notice'), streamUpdated].sort());
  });

  test('a stream is no webhook: the commands of the one do not know the other', async () => {
    const { stream_id } = await stream();
    assert.deepEqual(await scimd.webhooks.list(), []);
    await assert.rejects(scimd.webhooks.pause(stream_id), /no endpoint/);
    assert.deepEqual(
      (await scimd.streams.list()).map(({ id }) => id),
      [stream_id],
    );
  });
});

describe('signing keys', () => {
  const published = async (): Promise<string[]> => {
    const { keys } = (await (await fetch(`${origin}/jwks.json`)).json()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };

  test('after a rotation tokens have the new key, and the old one can still be verified with; revoked ones are gone', async () => {
    await stream();
    await scim('POST', '/Users', newUser());
    await arrived(1);
    const old = decodeProtectedHeader(receiver.pushed[0]?.token ?? '').kid ?? '';
    const next = await scimd.streams.rotateKey();
    assert.deepEqual((await published()).sort(), [old, next].sort());
    await scim('POST', '/Users', newUser());
    await arrived(2);
    assert.equal(decodeProtectedHeader(receiver.pushed[1]?.token ?? '').kid, next);
    const last = await scimd.streams.rotateKey({ revoke: true });
    assert.deepEqual(await published(), [last]);
  });

  test('a key signs for 90 days; the next is published a day before, the last for a week after', async () => {
    const store = await openTestStore(join(folder, 'keys.db'), { registry: standardRegistry() });
    let now = Date.parse('2026-01-01T00:00:00Z');
    const day = 24 * 60 * 60 * 1000;
    const keys = new SigningKeys(store.streams, () => new Date(now));
    const kids = async () => (await keys.published()).keys.map(({ kid }) => kid);
    const signer = async () => {
      const claims = { jti: '1', iss: origin, aud: 'a', sub_id: {}, events: {} };
      return decodeProtectedHeader(await keys.sign(claims)).kid;
    };
    const [first, ...others] = await kids();
    assert.deepEqual(others, []);
    now += 88.9 * day;
    assert.deepEqual(await kids(), [first]);
    now += 0.2 * day;
    const [, second] = await kids();
    assert.notEqual(second, undefined);
    assert.equal(await signer(), first);
    now += day;
    assert.equal(await signer(), second);
    assert.deepEqual(await kids(), [first, second]);
    now += 7 * day;
    assert.deepEqual(await kids(), [second]);
    await store.close();
  });
});
