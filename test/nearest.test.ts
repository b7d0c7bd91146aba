import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest, suggestion } from '../src/nearest.ts';

const words = ['port', 'host', 'database', 'basePath', 'logLevel'];

for (const [typed, meant] of [
  ['prot', 'port'],
  ['por', 'port'],
  ['PORT', 'port'],
  ['datbase', 'database'],
  ['loglevel', 'logLevel'],
  ['xyzzy', undefined],
  ['', undefined],
] as const)
  test(`"${typed}" means ${meant ?? 'nothing'}`, () => {
    assert.equal(nearest(typed, words), meant);
  });

test('a suggestion is the end of a sentence, or nothing', () => {
  assert.equal(suggestion('prot', words, '--'), ', did you mean "--port"?');
  assert.equal(suggestion('xyzzy', words), '');
});
