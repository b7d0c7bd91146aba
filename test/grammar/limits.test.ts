import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DEFAULT_LIMITS,
  type Limits,
  parseFilter,
  parsePath,
  safeParseFilter,
  safeParsePath,
  stringify,
} from '../../grammar/index.ts';
import { processorTime } from '../processor-time.ts';

const UNLIMITED: Limits = {
  characters: Number.POSITIVE_INFINITY,
  depth: 256,
  terms: Number.POSITIVE_INFINITY,
};

function nested(depth: number): string {
  return `${'('.repeat(depth)}a pr${')'.repeat(depth)}`;
}

function chain(terms: number): string {
  return Array.from({ length: terms }, (_, i) => `a${i} pr`).join(' and ');
}

function codeOf(text: string, limits?: Partial<Limits>): string {
  const result = safeParseFilter(text, limits === undefined ? undefined : { limits });
  return result.ok ? 'ok' : result.error.code;
}

describe('RFC 7644 §7.4: what is parsed is limited', () => {
  test('the limits that hold by default', () => {
    assert.deepEqual(DEFAULT_LIMITS, { characters: 16384, depth: 32, terms: 256 });
  });

  test('characters', () => {
    const longest = `a eq "${'x'.repeat(16384 - 7)}"`;
    assert.equal(codeOf(longest), 'ok');
    assert.equal(codeOf(`${longest} `), 'tooLong');
    assert.equal(codeOf('a pr', { characters: 4 }), 'ok');
    assert.equal(codeOf('a pr ', { characters: 4 }), 'tooLong');
  });

  test('depth counts parentheses, negations and brackets, redundant ones included', () => {
    assert.equal(codeOf(nested(32)), 'ok');
    assert.equal(codeOf(nested(33)), 'tooDeep');
    assert.equal(codeOf('not (a[(b pr)])', { depth: 3 }), 'ok');
    assert.equal(codeOf('not (a[(b pr)])', { depth: 2 }), 'tooDeep');
    assert.equal(codeOf('(a pr) and (b pr) and c[d pr]', { depth: 1 }), 'ok');
    assert.equal(codeOf(nested(256), { depth: 256 }), 'ok');
    assert.equal(codeOf(nested(257), { depth: 256 }), 'tooDeep');
  });

  test('terms counts comparisons and presence tests, those in brackets included', () => {
    assert.equal(codeOf(chain(256)), 'ok');
    assert.equal(codeOf(chain(257)), 'tooManyTerms');
    assert.equal(codeOf('a[b pr and c eq 1].d pr', { terms: 3 }), 'ok');
    assert.equal(codeOf('a[b pr and c eq 1].d pr', { terms: 2 }), 'tooManyTerms');
  });

  test('they hold for PATCH paths as well, as invalidPath', () => {
    const result = safeParsePath(`a[${nested(32)}]`);
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'tooDeep');
    assert.equal(result.error.scimType, 'invalidPath');
    assert.ok(parsePath(`a[${nested(31)}]`));
  });

  test('an error earlier in the text is reported before a limit that is passed later', () => {
    assert.equal(codeOf(`a b pr and ${nested(40)}`), 'unknownOperator');
    assert.equal(codeOf(`a pr) and ${nested(40)}`), 'unexpectedToken');
  });

  test('a limit that is none is an error of the program', () => {
    for (const limits of [{ depth: 257 }, { depth: 0 }, { terms: Number.NaN }, { characters: -1 }]) {
      assert.throws(() => parseFilter('a pr', { limits }), RangeError);
    }
    assert.throws(() => parseFilter('a pr', { limits: { depth: 1000 } }), {
      message: 'limits.depth must be a number from 1 to 256, not 1000',
    });
    assert.throws(() => parseFilter('a pr', { limits: { terms: 0 } }), {
      message: 'limits.terms must be a number at least 1, not 0',
    });
  });

  test('what is no string is an error of the program', () => {
    for (const value of [undefined, null, 5, {}, ['a pr']]) {
      assert.throws(() => parseFilter(value as string), TypeError);
      assert.throws(() => parsePath(value as string), TypeError);
    }
  });
});

describe('No text hangs or crashes the parser, whatever the limits', () => {
  const table: Readonly<Record<string, readonly [text: string, code: string]>> = {
    '100,000 open parentheses': ['('.repeat(100_000), 'tooDeep'],
    '100,000 closing parentheses': [`a pr${')'.repeat(100_000)}`, 'unexpectedToken'],
    '100,000 open brackets': ['a['.repeat(100_000), 'nestedValuePath'],
    'a chain of 50,000 terms': [chain(50_000), 'ok'],
    'a group of 200,000 terms in a chain': [`(${'a pr and '.repeat(200_000)}b pr) and c pr`, 'ok'],
    '50,000 alternations': [`${'a pr and b pr or '.repeat(50_000)}c pr`, 'ok'],
    '50,000 negations side by side': [`${'not(a pr)and '.repeat(50_000)}b pr`, 'ok'],
    'a word of 1 MB': ['a'.repeat(1_000_000), 'unexpectedEnd'],
    'a string of 1 MB': [`a eq "${'x'.repeat(1_000_000)}"`, 'ok'],
    'a string of 1 MB that is not closed': [`a eq "${'x'.repeat(1_000_000)}`, 'unterminatedString'],
    '500,000 escaped backslashes': [`a eq "${'\\\\'.repeat(500_000)}"`, 'ok'],
    '500,000 escaped backslashes, not closed': [`a eq "${'\\\\'.repeat(500_000)}`, 'unterminatedString'],
    'a lone surrogate behind 160,000 escapes': [
      `a eq "${'\\u00e9'.repeat(160_000)}\\ud800"`,
      'loneSurrogate',
    ],
    '100,000 digits': [`a eq ${'9'.repeat(100_000)}`, 'numberOutOfRange'],
    '100,000 digits of a fraction': [`a eq 0.${'9'.repeat(100_000)}`, 'ok'],
    '500,000 colons': [`${'a:'.repeat(500_000)}b pr`, 'ok'],
    '500,000 dots': [`${'a.'.repeat(500_000)}b pr`, 'invalidName'],
    '1,000,000 blanks': [`a${' '.repeat(1_000_000)}pr`, 'ok'],
    '300,000 times not': [`${'not '.repeat(300_000)}(a pr)`, 'unknownOperator'],
    '1,000,000 quotes': ['"'.repeat(1_000_000), 'unexpectedToken'],
    '1 MB of commas in one word': [','.repeat(1_000_000), 'invalidName'],
  };
  for (const [name, [text, code]] of Object.entries(table)) {
    test(name, () => {
      const start = processorTime(process.pid, 'main thread');
      const result = safeParseFilter(text, { limits: UNLIMITED });
      // A bound against hanging and quadratic work; the expected time is some 10 ms.
      assert.ok(processorTime(process.pid, 'main thread') - start < 1000);
      assert.equal(result.ok ? 'ok' : result.error.code, code);
      if (result.ok) assert.ok(stringify(result.filter).length > 0);
      else assert.ok(result.error.message.length < 1000, 'the message stays short');
    });
  }
});
