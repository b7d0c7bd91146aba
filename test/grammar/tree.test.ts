import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  and,
  attrPaths,
  co,
  eq,
  ew,
  type Filter,
  ge,
  gt,
  le,
  lt,
  ne,
  not,
  or,
  parseFilter,
  parsePath,
  patchPath,
  pr,
  ScimFilterError,
  stringify,
  sw,
  valuePath,
  walk,
} from '../../grammar/index.ts';
import { sExpression, withoutRanges } from './s-expression.ts';

describe('stringify writes single blanks, lower-case operators and no parentheses but those needed', () => {
  const table: Readonly<Record<string, string>> = {
    '  userName   EQ\t"x"  ': 'userName eq "x"',
    'NOT(a PR)': 'not (a pr)',
    '((a pr) AND ((b pr OR c pr)))': 'a pr and (b pr or c pr)',
    '(a pr and b pr) or (c pr)': 'a pr and b pr or c pr',
    'not ((not (a pr or b pr)))': 'not (not (a pr or b pr))',
    'emails[ (type eq "work") and(value pr) ].value   sw"x"':
      'emails[type eq "work" and value pr].value sw "x"',
    'emails[type pr].value PR': 'emails[type pr].value pr',
    'active eq True and x ne NULL': 'active eq true and x ne null',
    'x eq 1.50e+01': 'x eq 1.50e+01',
    'x eq -0': 'x eq -0',
    'x eq 12345678901234567890': 'x eq 12345678901234567890',
    'x eq "\\u00e9\\/"': 'x eq "\\u00e9\\/"',
    'x eq "a\\"b\\\\"': 'x eq "a\\"b\\\\"',
    'URN:a:b.c PR': 'URN:a:b.c pr',
  };
  for (const [text, expected] of Object.entries(table)) {
    test(text, () => {
      const filter = parseFilter(text);
      assert.equal(stringify(filter), expected);
      assert.deepEqual(withoutRanges(parseFilter(expected)), withoutRanges(filter));
    });
  }

  test('attribute paths and PATCH paths', () => {
    const path = parsePath('urn:a:b:emails[ type EQ "work" ].value');
    assert.equal(stringify(path), 'urn:a:b:emails[type eq "work"].value');
    assert.equal(stringify(path.attrPath), 'urn:a:b:emails');
    assert.equal(stringify(parsePath('name.familyName')), 'name.familyName');
  });

  test('the raw text counts only while it says the same as the value', () => {
    const filter = parseFilter('x eq 1.0');
    assert.ok(filter.type === 'compare');
    assert.equal(stringify(filter), 'x eq 1.0');
    assert.equal(stringify({ ...filter, value: 2 }), 'x eq 2');
    assert.equal(stringify({ ...filter, value: 'y', raw: '"x" or a pr' }), 'x eq "y"');
    assert.equal(stringify({ ...filter, value: '1.0' }), 'x eq "1.0"');
  });
});

describe('builders', () => {
  const table: readonly (readonly [Filter, string])[] = [
    [eq('userName', 'x'), 'userName eq "x"'],
    [ne('name.familyName', null), 'name.familyName ne null'],
    [co('a', 'b"c'), 'a co "b\\"c"'],
    [sw('a', ''), 'a sw ""'],
    [ew('a', 'é'), 'a ew "é"'],
    [gt('a', 1.5), 'a gt 1.5'],
    [ge('a', -1), 'a ge -1'],
    [lt('a', 1e21), 'a lt 1e+21'],
    [le('a', -0), 'a le 0'],
    [eq('a', false), 'a eq false'],
    [pr('urn:a:b:c.d'), 'urn:a:b:c.d pr'],
    [not(pr('a')), 'not (a pr)'],
    [and(pr('a'), or(pr('b'), pr('c'))), 'a pr and (b pr or c pr)'],
    [or(and(pr('a'), pr('b')), pr('c')), 'a pr and b pr or c pr'],
    [valuePath('emails', eq('type', 'work')), 'emails[type eq "work"]'],
    [valuePath('emails', eq('type', 'work'), ew('value', '@x')), 'emails[type eq "work"].value ew "@x"'],
    [valuePath('emails', eq('type', 'work'), pr('value')), 'emails[type eq "work"].value pr'],
  ];
  for (const [filter, text] of table) {
    test(text, () => {
      assert.equal(stringify(filter), text);
      assert.deepEqual(withoutRanges(parseFilter(text)), withoutRanges(filter));
      assert.deepEqual(filter.range, [0, 0]);
    });
  }

  test('and and or flatten; one filter is returned as it is', () => {
    assert.equal(
      sExpression(and(pr('a'), and(pr('b'), pr('c')), pr('d'))),
      '(and (pr a) (pr b) (pr c) (pr d))',
    );
    assert.equal(sExpression(or(or(pr('a'), pr('b')), and(pr('c')))), '(or (pr a) (pr b) (pr c))');
    const one = pr('a');
    assert.equal(and(one), one);
    assert.equal(or(one), one);
    assert.throws(() => and(), TypeError);
    assert.throws(() => or(), TypeError);
  });

  test('a path is checked, so that no text can smuggle in an operator', () => {
    for (const path of ['a pr or b', 'a"', '', '1', 'a b', 'a]']) {
      assert.throws(() => eq(path, 1), ScimFilterError);
      assert.throws(() => pr(path), ScimFilterError);
      assert.throws(() => valuePath(path, pr('b')), ScimFilterError);
    }
    const { attrPath } = pr('name.familyName');
    assert.equal(stringify(eq(attrPath, 'x')), 'name.familyName eq "x"');
  });

  test('a value that is no literal of the language is a TypeError', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 'a\0', '\ud800']) {
      assert.throws(() => eq('a', value), TypeError);
    }
    // As callers without types give them: `a eq undefined` is no filter.
    for (const value of [undefined, {}, [], 1n, new Date(0), Symbol('s')]) {
      assert.throws(() => eq('a', value as never), /^TypeError: A filter compares with a string, a number/);
    }
  });

  test('a value path holds no value path, and its tail is a plain name', () => {
    const inner = valuePath('b', pr('c'));
    assert.throws(() => valuePath('a', not(and(pr('x'), inner))), TypeError);
    assert.throws(() => patchPath('a', inner), TypeError);
    assert.throws(() => valuePath('a', pr('b'), pr('c.d')), TypeError);
    assert.throws(() => valuePath('a', pr('b'), pr('urn:x:y:c')), TypeError);
  });

  test('PATCH paths', () => {
    assert.equal(stringify(patchPath('members')), 'members');
    assert.equal(stringify(patchPath('name', undefined, 'familyName')), 'name.familyName');
    assert.equal(stringify(patchPath('emails', eq('type', 'work'))), 'emails[type eq "work"]');
    assert.equal(stringify(patchPath('emails', eq('type', 'work'), 'value')), 'emails[type eq "work"].value');
    assert.throws(() => patchPath('emails', undefined, 'a.b'), TypeError);
    assert.throws(() => patchPath('name.givenName', undefined, 'x'), TypeError);
  });
});

describe('walk', () => {
  test('visits parents before children, in source order, and tells the parent', () => {
    const seen: string[] = [];
    const note = (node: { type: string }, parent: { type: string } | undefined) => {
      seen.push(`${node.type}<${parent?.type ?? ''}`);
    };
    walk(parseFilter('a pr and not (b eq 1 or c[d pr])'), {
      attrPath: (node, parent) => void seen.push(`${node.name}<${parent?.type}`),
      and: note,
      or: note,
      not: note,
      compare: note,
      present: note,
      valuePath: note,
    });
    assert.deepEqual(seen, [
      'and<',
      'present<and',
      'a<present',
      'not<and',
      'or<not',
      'compare<or',
      'b<compare',
      'valuePath<or',
      'c<valuePath',
      'present<valuePath',
      'd<present',
    ]);
  });

  test('false keeps it from the children', () => {
    const names: string[] = [];
    walk(parseFilter('a pr and b[c pr]'), {
      valuePath: () => false,
      attrPath: (node) => void names.push(node.name),
    });
    assert.deepEqual(names, ['a']);
  });

  test('PATCH paths, and trees deeper than a stack', () => {
    const names: string[] = [];
    walk(parsePath('a[b pr].c'), { attrPath: (node) => void names.push(node.name) });
    assert.deepEqual(names, ['a', 'b']);
    let deep: Filter = pr('a');
    for (let i = 0; i < 100_000; i++) deep = not(deep);
    let count = 0;
    walk(deep, { not: () => void count++ });
    assert.equal(count, 100_000);
  });
});

describe('attrPaths', () => {
  test('returns paths in brackets whole (RFC 7644 §3.4.2.2 table 5)', () => {
    const filter = parseFilter(
      'userName eq "x" and urn:a:b:emails[type eq "work" and not (value pr)].display pr',
    );
    assert.deepEqual(attrPaths(filter).map(stringify), [
      'userName',
      'urn:a:b:emails.type',
      'urn:a:b:emails.value',
      'urn:a:b:emails.display',
    ]);
  });

  test('keeps repetitions, and the range of each', () => {
    assert.deepEqual(
      attrPaths(parseFilter('a pr or a eq 1')).map((path) => path.range),
      [
        [0, 1],
        [8, 9],
      ],
    );
  });
});
