/** Exchanges on their way to the thread of the exchange log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packed, unpacked } from '../../src/http/exchange-batch.ts';

test('what was packed comes out as it was, in whatever letters', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', 'ä', '€', '😀', '\ud83d', '\u0000') });
  const word = fc.constantFrom('GET', 'PATCH', '/Users/:id');
  const maybe = fc.option(text, { nil: undefined });
  const exchange = fc.record({
    at: fc.nat(),
    tenant: fc.constantFrom(undefined, 1, 2),
    token: fc.constantFrom(undefined, 'a', 'b'),
    tokenName: fc.constantFrom(undefined, 'okta', 'entra'),
    idp: fc.constantFrom(undefined, 'okta'),
    refused: fc.constantFrom(undefined, 'expired' as const, 'revoked' as const),
    agent: maybe,
    method: word,
    path: text,
    search: text,
    status: fc.nat(599),
    milliseconds: fc.double({ noNaN: true }),
    tolerances: fc.constantFrom([], ['operationCase'], ['operationCase', 'stringBooleans']),
    requestId: text,
    route: word,
    sent: maybe,
    sentLength: fc.nat(),
    answered: maybe,
    isBrief: fc.boolean(),
    alike: fc.constant(undefined),
  });
  const alike = fc.nat(1000).map((count) => ({ isBrief: true, alike: count + 1 }));
  const some = fc.tuple(exchange, fc.option(alike)).map(([one, reads]) => ({ ...one, ...reads }));
  fc.assert(
    fc.property(fc.array(some), (exchanges) => {
      assert.deepEqual([...unpacked(structuredClone(packed(exchanges)))], exchanges);
    }),
  );
});
