/** Standard Webhooks 1.0.0, verified with its own package. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { nextTry, parseRetryAfter, retryDelays } from '../../src/events/webhook/schedule.ts';
import {
  newWebhookKey,
  newWebhookSecret,
  publicKeyOf,
  signatureHeaders,
} from '../../src/events/webhook/signature.ts';

const body = '{"type":"user.created","subject":{"userName":"Jané@example.com"}}';
const now = (): number => Math.floor(Date.now() / 1000);

test('v1: both of two valid secrets sign, and either verifies', () => {
  const [first, second] = [newWebhookSecret(), newWebhookSecret()];
  const headers = signatureHeaders('evt_1', now(), body, { secrets: [first, second], privateKeys: [] });
  for (const secret of [first, second])
    assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  assert.throws(() => new Webhook(newWebhookSecret()).verify(body, headers), /signature/i);
  assert.throws(() => new Webhook(first).verify(`${body} `, headers), /signature/i);
  assert.throws(() => new Webhook(first).verify(body, { ...headers, 'webhook-id': 'evt_2' }), /signature/i);
});

test('v1a: ed25519 beside v1, which verifies still', () => {
  const secret = newWebhookSecret();
  const { privateKey, publicKey } = newWebhookKey();
  assert.equal(publicKeyOf(privateKey), publicKey);
  const seconds = now();
  const headers = signatureHeaders('evt_1', seconds, body, { secrets: [secret], privateKeys: [privateKey] });
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  const signature = / v1a,(\S+)/.exec(headers['webhook-signature'] ?? '')?.[1] ?? '';
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signed = Buffer.from(`evt_1.${seconds}.${body}`);
  assert.equal(verify(null, signed, key, Buffer.from(signature, 'base64')), true);
  assert.equal(verify(null, Buffer.from('other'), key, Buffer.from(signature, 'base64')), false);
});

test('retries: 0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h with 20 % jitter, then no more', () => {
  const seconds = retryDelays.map((delay) => delay / 1000);
  assert.deepEqual(seconds, [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
  for (const [tries, delay] of retryDelays.entries()) {
    assert.equal(
      nextTry(tries, 1000, undefined, () => 0),
      1000 + delay * 0.8,
    );
    const latest = nextTry(tries, 1000, undefined, () => 1) ?? 0;
    assert.ok(Math.abs(latest - 1000 - delay * 1.2) < 1);
  }
  assert.equal(nextTry(10, 1000, undefined), undefined);
});

test('Retry-After puts a try off, by a day at most, and never brings it forward', () => {
  assert.equal(
    nextTry(1, 0, 60_000, () => 0.5),
    60_000,
  );
  assert.equal(
    nextTry(2, 0, 1000, () => 0.5),
    300_000,
  );
  assert.equal(
    nextTry(1, 0, 1e12, () => 0.5),
    86_400_000,
  );
  assert.equal(parseRetryAfter('soon', 0), undefined);
  assert.equal(parseRetryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 20_000), 0);
});
