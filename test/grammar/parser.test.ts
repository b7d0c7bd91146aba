import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { FilterParser } from '../../grammar/parser.ts';
import { createTokenTypes } from '../../grammar/tokens.ts';
import { railroad } from '../../scripts/railroad.ts';

const FOLDER = new URL('../../grammar/', import.meta.url);

describe('The grammar', () => {
  test('passes the validations that the product skips: no ambiguity with one token of look-ahead', () => {
    assert.ok(new FilterParser(createTokenTypes(), false));
  });

  test('is what the railroad diagram shows; run scripts/railroad.ts after a change', () => {
    assert.equal(readFileSync(new URL('railroad.svg', FOLDER), 'utf8'), railroad());
  });

  test('imports Chevrotain and nothing else, and shows nothing of it', () => {
    for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.ts'))) {
      const source = readFileSync(new URL(file, FOLDER), 'utf8');
      for (const [, from] of source.matchAll(/from '([^']+)'/g)) {
        assert.match(from!, /^(?:\.\/[a-z-]+\.ts|chevrotain)$/, file);
      }
    }
    const index = readFileSync(new URL('index.ts', FOLDER), 'utf8');
    assert.doesNotMatch(index, /parser\.ts|tokens\.ts|lexer\.ts|chevrotain/);
  });
});
