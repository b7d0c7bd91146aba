import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseFilter, parsePath } from '../../grammar/index.ts';
import { bindValueFilter } from '../../src/query/bind.ts';
import { FilterCache } from '../../src/query/cache.ts';
import { compileMatcher } from '../../src/query/compile.ts';
import {
  folded,
  foldedContains,
  foldedEndsWith,
  foldedEquals,
  foldedStartsWith,
} from '../../src/query/folded-text.ts';
import { matchElement } from '../../src/query/match.ts';
import { prefixEnd } from '../../src/query/sql.ts';
import { compareText, fold } from '../../src/scim/comparison.ts';
import { resolveAttrPath } from '../../src/scim/registry.ts';
import { staffSchemas, staffType, staffUri } from './staff.ts';

const schemas = staffSchemas;

describe('compileMatcher', () => {
  const cases: readonly (readonly [
    rule: string,
    filter: string,
    resource: Record<string, unknown>,
    matches: boolean,
  ])[] = [
    ['a value of another type than the schema’s is none', 'active eq true', { active: 'true' }, false],
    ['a value of another type than the schema’s is none', 'active pr', { active: 'true' }, false],
    ['a value of another type than the schema’s is none', 'userName eq "5"', { userName: 5 }, false],
    [
      'a value of another type than the schema’s is none',
      'meta.created pr',
      { meta: { created: 'soon' } },
      false,
    ],
    ['a value of another type than the schema’s is none', 'name.givenName pr', { name: 'Ada' }, false],
    [
      'a single object stands for an array of one',
      'emails[type eq "work"]',
      { emails: { type: 'Work' } },
      true,
    ],
    [
      'a single value stands for an array of one',
      `${staffUri}:skills eq "x"`,
      { [staffUri]: { skills: 'X' } },
      true,
    ],
    [
      'null among the values is none',
      `${staffUri}:skills ne "x"`,
      { [staffUri]: { skills: ['x', null] } },
      false,
    ],
    ['null among the elements is none', 'emails[type ne "x"]', { emails: [null] }, false],
    [
      'the registered spelling of a name comes first',
      'userName eq "a"',
      { USERNAME: 'b', userName: 'a' },
      true,
    ],
    [
      'an extension is found by its URI in any case',
      `${staffUri}:floor eq 1`,
      { [staffUri.toUpperCase()]: { FLOOR: 1 } },
      true,
    ],
    ['what every object inherits is no attribute', 'name pr', Object.create({ name: null }), false],
  ];
  for (const [rule, filter, resource, matches] of cases) {
    test(`${rule}: ${filter}`, () => assert.equal(compileMatcher(filter, { schemas })(resource), matches));
  }

  test('takes a tree as well as a text, and a resource type as well as schemas', () => {
    const matches = compileMatcher(parseFilter('userName eq "a"'), { resourceType: staffType });
    assert.equal(matches({ userName: 'A' }), true);
  });

  test('refuses what it cannot bind, with the position in the text', () => {
    assert.throws(() => compileMatcher('userName pr and nme pr', { schemas }), {
      code: 'unknownAttribute',
      offset: 16,
    });
    assert.throws(() => compileMatcher('a'.repeat(20), { schemas, limits: { characters: 10 } }), {
      code: 'tooLong',
    });
  });

  test('keeps what it compiled for the same text and schemas, but not across options', () => {
    const filter = 'nickName eq "kept"';
    assert.equal(compileMatcher(filter, { schemas }), compileMatcher(filter, { schemas }));
    assert.notEqual(compileMatcher(filter, { schemas }), compileMatcher(filter, { schemas: [...schemas] }));
    assert.equal(compileMatcher('members pr', { schemas, unknown: 'noValue' })({}), false);
    assert.throws(() => compileMatcher('members pr', { schemas }));
  });
});

describe('RFC 7644 §3.5.2: the value selector of a PATCH path', () => {
  const select = (path: string) => {
    const { attrPath, filter } = parsePath(path);
    const resolved = resolveAttrPath(staffType, attrPath);
    assert.ok(resolved?.kind === 'attribute');
    const options = { source: path, scimType: 'invalidPath' } as const;
    return matchElement(bindValueFilter(filter!, resolved.attribute, options), resolved.attribute);
  };

  test('tests one value of a complex attribute', () => {
    const selects = select('emails[type eq "work" and not (primary eq true)]');
    assert.equal(selects({ type: 'WORK' }), true);
    assert.equal(selects({ type: 'work', primary: true }), false);
    assert.equal(selects('work'), false);
    assert.equal(selects(null), false);
  });

  test('tests a simple value as `value`', () => {
    const selects = select(`${staffUri}:skills[value sw "ma"]`);
    assert.deepEqual(['Maths', 'prose', null, 5].map(selects), [true, false, false, false]);
  });

  test('refuses a hidden sub-attribute', () => {
    assert.throws(() => select(`${staffUri}:lockers[code eq "1"]`), {
      code: 'forbiddenAttribute',
      scimType: 'invalidPath',
    });
  });
});

describe('comparison without folding', () => {
  const character = fc.constantFrom(
    'a',
    'A',
    'b',
    'Z',
    'z',
    '@',
    '[',
    'é',
    'e',
    'E',
    '\u0301',
    'K',
    'ſ',
    'ß',
    '가',
    '\u11a8',
    'σ',
    'ς',
    '😀',
    'ｚ',
    '\u037e',
    ';',
    '\u0338',
    '<',
  );
  const texts = fc.oneof(
    fc.array(character, { maxLength: 5 }).map((list) => list.join('')),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );

  test('says of any two texts what comparing the folded ones says', () => {
    fc.assert(
      fc.property(texts, texts, (text, other) => {
        const key = fold(other);
        assert.equal(foldedEquals(text, key), fold(text) === key);
        assert.equal(foldedStartsWith(text, key), fold(text).startsWith(key));
        assert.equal(foldedStartsWith(`${other}${text}`, key), fold(`${other}${text}`).startsWith(key));
        assert.equal(foldedEndsWith(text, key), fold(text).endsWith(key));
        assert.equal(foldedEndsWith(`${text}${other}`, key), fold(`${text}${other}`).endsWith(key));
        assert.equal(foldedContains(key)(text), fold(text).includes(key));
        assert.equal(foldedContains(key)(`${text}${other}`), fold(`${text}${other}`).includes(key));
        assert.equal(
          foldedContains(key)(`${text}${other}${text}`),
          fold(`${text}${other}${text}`).includes(key),
        );
        assert.equal(foldedEquals(other, key), true);
        assert.equal(fold(key), key);
        assert.equal(folded(text), fold(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('but four characters, nothing beyond ASCII folds into it', () => {
    const found: string[] = [];
    for (let code = 0x80; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      if (/[\0-\x7f]/.test(fold(character))) found.push(`${code.toString(16)} ${fold(character)}`);
    }
    assert.deepEqual(found, ['17f s', '37e ;', '1fef `', '212a k']);
  });

  test('a prefix is the range up to its end, by code point', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 4 }),
        fc.string({ unit: 'binary', maxLength: 4 }),
        (prefix, text) => {
          const end = prefixEnd(prefix);
          const inRange = compareText(text, prefix) >= 0 && (end === undefined || compareText(text, end) < 0);
          assert.equal(inRange, text.startsWith(prefix));
        },
      ),
      { numRuns: 3000 },
    );
    assert.equal(prefixEnd('a\u{10ffff}'), 'b');
    assert.equal(prefixEnd('\u{10ffff}'), undefined);
    assert.equal(prefixEnd('\ud7ff'), '\ue000');
  });
});

describe('FilterCache', () => {
  test('keeps what is asked for again, drops what is not, and never holds more than two generations', () => {
    const cache = new FilterCache<{ text: string }>(2);
    let made = 0;
    const get = (text: string) => cache.get(staffType, text, () => ({ text: `${text}${++made}` }));
    const first = get('a');
    get('b');
    get('c');
    assert.equal(get('a'), first, 'from the older generation');
    get('d');
    assert.equal(get('a'), first, 'moved to the younger one');
    assert.notEqual(get('b').text, 'b2', 'dropped');
  });

  test('does not keep long texts, nor what threw', () => {
    const cache = new FilterCache<{ text: string }>();
    const long = 'x'.repeat(2000);
    assert.notEqual(
      cache.get(staffType, long, (text) => ({ text })),
      cache.get(staffType, long, (text) => ({ text })),
    );
    assert.throws(() => cache.get(staffType, 'e', () => assert.fail()));
    assert.deepEqual(
      cache.get(staffType, 'e', (text) => ({ text })),
      { text: 'e' },
    );
  });
});
