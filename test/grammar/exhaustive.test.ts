import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { safeParseFilter, safeParsePath, stringify } from '../../grammar/index.ts';
import { withoutRanges } from './s-expression.ts';

const ALPHABET = ['a', 'not', 'and', 'or', 'pr', 'eq', '(', ')', '[', ']', '].b', '"x"', '1'] as const;
const WORDS = new Set<string | undefined>(['a', 'not', 'and', 'or', 'pr', 'eq']);
const VALUES = new Set<string | undefined>(['"x"', '1']);

/**
 * The ABNF of RFC 7644 §3.4.2.2 with errata 4690, 7319 and 7322, by the book: each function returns all offsets at
 * which its production can end. It says what the language is, not what the tree looks like.
 */
function filterEnds(tokens: readonly string[], at: number, inBrackets: boolean): number[] {
  const ends = new Set<number>();
  const open = unitEnds(tokens, at, inBrackets);
  for (let end = open.pop(); end !== undefined; end = open.pop()) {
    if (ends.has(end)) continue;
    ends.add(end);
    if (tokens[end] === 'and' || tokens[end] === 'or') open.push(...unitEnds(tokens, end + 1, inBrackets));
  }
  return [...ends];
}

function unitEnds(tokens: readonly string[], at: number, inBrackets: boolean): number[] {
  const ends: number[] = [];
  const parenthesis = tokens[at] === '(' ? at : tokens[at] === 'not' && tokens[at + 1] === '(' ? at + 1 : -1;
  if (parenthesis >= 0) {
    for (const end of filterEnds(tokens, parenthesis + 1, inBrackets))
      if (tokens[end] === ')') ends.push(end + 1);
  }
  if (WORDS.has(tokens[at])) {
    ends.push(...testEnds(tokens, at + 1));
    if (tokens[at + 1] === '[' && !inBrackets) {
      for (const end of filterEnds(tokens, at + 2, true)) {
        if (tokens[end] === ']') ends.push(end + 1);
        if (tokens[end] === '].b') ends.push(...testEnds(tokens, end + 1));
      }
    }
  }
  return ends;
}

function testEnds(tokens: readonly string[], at: number): number[] {
  if (tokens[at] === 'pr') return [at + 1];
  return tokens[at] === 'eq' && VALUES.has(tokens[at + 1]) ? [at + 2] : [];
}

/** PATH of RFC 7644 §3.5.2. */
function isPath(tokens: readonly string[]): boolean {
  if (!WORDS.has(tokens[0])) return false;
  if (tokens.length === 1) return true;
  const last = tokens.length - 1;
  const closes = tokens[last] === ']' || tokens[last] === '].b';
  return tokens[1] === '[' && closes && filterEnds(tokens, 2, true).includes(last);
}

function* sequences(length: number): Generator<string[]> {
  const digits = new Array<number>(length).fill(0);
  for (;;) {
    yield digits.map((digit) => ALPHABET[digit]!);
    let place = length - 1;
    while (place >= 0 && ++digits[place]! === ALPHABET.length) digits[place--] = 0;
    if (place < 0) return;
  }
}

describe('every sequence of up to five tokens', () => {
  // The stack of some 300,000 errors is of no interest here.
  const before = Error.stackTraceLimit;
  test.before(() => {
    Error.stackTraceLimit = 0;
  });
  test.after(() => {
    Error.stackTraceLimit = before;
  });

  for (let length = 1; length <= 5; length++) {
    test(`of length ${length} is a filter where the ABNF says so, and then round-trips`, () => {
      let accepted = 0;
      for (const tokens of sequences(length)) {
        const text = tokens.join(' ');
        const result = safeParseFilter(text);
        const expected = filterEnds(tokens, 0, false).includes(length);
        if (result.ok !== expected) assert.fail(`${text}: ${result.ok ? 'accepted' : result.error.message}`);
        if (!result.ok) continue;
        accepted++;
        const again = safeParseFilter(stringify(result.filter));
        assert.ok(again.ok);
        assert.deepEqual(withoutRanges(again.filter), withoutRanges(result.filter), text);
      }
      assert.equal(accepted > 0, length > 1);
    });
  }

  for (let length = 1; length <= 4; length++) {
    test(`of length ${length} is a PATCH path where the ABNF says so, and then round-trips`, () => {
      for (const tokens of sequences(length)) {
        const text = tokens.join(' ');
        const result = safeParsePath(text);
        if (result.ok !== isPath(tokens))
          assert.fail(`${text}: ${result.ok ? 'accepted' : result.error.message}`);
        if (!result.ok) continue;
        const again = safeParsePath(stringify(result.path));
        assert.ok(again.ok);
        assert.deepEqual(withoutRanges(again.path), withoutRanges(result.path), text);
      }
    });
  }
});
