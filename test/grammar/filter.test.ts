import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { sExpression } from './s-expression.ts';

type Cases = Readonly<Record<string, string>>;

function cases(section: string, table: Cases): void {
  describe(section, () => {
    for (const [text, expected] of Object.entries(table)) {
      test(text, () => assert.equal(sExpression(parseFilter(text)), expected));
    }
  });
}

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

cases('RFC 7644 §3.4.2.2: attrExp is an attribute path with an operator and perhaps a value', {
  'userName eq "alice"': '(eq userName "alice")',
  'userName ne "alice"': '(ne userName "alice")',
  'displayName co "li"': '(co displayName "li")',
  'name.familyName sw "O\'M"': '(sw name.familyName "O\'M")',
  'emails.value ew "@example.org"': '(ew emails.value "@example.org")',
  'meta.lastModified gt "2020-01-01T00:00:00Z"': '(gt meta.lastModified "2020-01-01T00:00:00Z")',
  'age ge 21': '(ge age 21)',
  'age lt 65': '(lt age 65)',
  'age le 65': '(le age 65)',
  'title pr': '(pr title)',
});

cases('RFC 7644 §3.4.2.2: attribute operators and logical operators are case-insensitive', {
  'userName Eq "x"': '(eq userName "x")',
  'userName SW "x" AND title PR': '(and (sw userName "x") (pr title))',
  'a Pr oR nOt (b pR)': '(or (pr a) (not (pr b)))',
});

cases('RFC 7644 §3.4.2.2: attribute names keep the spelling they were written in', {
  'USERNAME eq "x"': '(eq USERNAME "x")',
  'Name.FamilyName pr': '(pr Name.FamilyName)',
});

cases('RFC 7644 §3.4.2.2: not binds tighter than and, and tighter than or', {
  'a pr or b pr and c pr': '(or (pr a) (and (pr b) (pr c)))',
  'a pr and b pr or c pr': '(or (and (pr a) (pr b)) (pr c))',
  'a pr and b pr or c pr and d pr': '(or (and (pr a) (pr b)) (and (pr c) (pr d)))',
  'not (a pr) and b pr': '(and (not (pr a)) (pr b))',
  'a pr or not (b pr) and c pr': '(or (pr a) (and (not (pr b)) (pr c)))',
  '(a pr or b pr) and not (c pr or d pr)': '(and (or (pr a) (pr b)) (not (or (pr c) (pr d))))',
});

cases('and and or are n-ary: groups of the same connective dissolve, redundant groups vanish', {
  'a pr and b pr and c pr': '(and (pr a) (pr b) (pr c))',
  'a pr and (b pr and (c pr and d pr))': '(and (pr a) (pr b) (pr c) (pr d))',
  '((a pr or b pr) or c pr)': '(or (pr a) (pr b) (pr c))',
  '(((a pr)))': '(pr a)',
  'not (not ((a pr)))': '(not (not (pr a)))',
  '(a pr and b pr) or (c pr and d pr)': '(or (and (pr a) (pr b)) (and (pr c) (pr d)))',
});

cases('Erratum 7319: not may touch its parenthesis', {
  'not(a pr)': '(not (pr a))',
  'a pr and not(b pr)': '(and (pr a) (not (pr b)))',
  'not \t\n (a pr)': '(not (pr a))',
});

cases('RFC 7644 §3.4.2.2: valuePath, with and, or, not and groups in its brackets (errata 4690, 7322)', {
  'emails[type eq "work"]': '(valuePath emails (eq type "work"))',
  'emails[type eq "work" and value co "@a"]': '(valuePath emails (and (eq type "work") (co value "@a")))',
  'emails[not (type eq "work") or (primary eq true and value pr)]':
    '(valuePath emails (or (not (eq type "work")) (and (eq primary true) (pr value))))',
  'a pr and emails[type pr] or ims[type pr]':
    '(or (and (pr a) (valuePath emails (pr type))) (valuePath ims (pr type)))',
  'not (emails[type pr])': '(not (valuePath emails (pr type)))',
  'emails[value eq "a]b[c"]': '(valuePath emails (eq value "a]b[c"))',
});

cases('Entra ID: a comparison on a sub-attribute behind the brackets', {
  'emails[type eq "work"].value eq "x"': '(valuePath emails (eq type "work") (eq value "x"))',
  'emails[type eq "work"].value pr': '(valuePath emails (eq type "work") (pr value))',
  'roles[primary eq "True"].value ne null and a pr':
    '(and (valuePath roles (eq primary "True") (ne value null)) (pr a))',
  'members[type eq "User"].$ref co "/Users/"': '(valuePath members (eq type "User") (co $ref "/Users/"))',
});

cases('Keywords are no reserved words', {
  'not eq 1': '(eq not 1)',
  'not pr and not (not pr)': '(and (pr not) (not (pr not)))',
  'not[not pr]': '(valuePath not (pr not))',
  'pr pr': '(pr pr)',
  'or pr or and pr and eq pr': '(or (pr or) (and (pr and) (pr eq)))',
  'eq EQ "eq"': '(eq eq "eq")',
  'true eq TRUE': '(eq true true)',
  'null ne null': '(ne null null)',
  'a.not eq 1 and and.or pr': '(and (eq a.not 1) (pr and.or))',
  'a[and pr and or pr].pr eq true': '(valuePath a (and (pr and) (pr or)) (eq pr true))',
  'android pr and orders pr or nothing pr': '(or (and (pr android) (pr orders)) (pr nothing))',
});

cases(
  'RFC 7643 §2.1 and §2.4: names begin with a letter and hold letters, digits, hyphen, underscore, dollar',
  {
    'x pr': '(pr x)',
    'a-b_c9 pr': '(pr a-b_c9)',
    'a- pr': '(pr a-)',
    '$ref pr': '(pr $ref)',
    'members.$ref pr': '(pr members.$ref)',
    'cost$ pr': '(pr cost$)',
  },
);

cases('RFC 7644 §3.10: a schema URI before the name; the last colon ends it', {
  [`${ENTERPRISE}:employeeNumber eq "1"`]: `(eq {${ENTERPRISE}}employeeNumber "1")`,
  [`${ENTERPRISE}:manager.displayName pr`]: `(pr {${ENTERPRISE}}manager.displayName)`,
  [`${ENTERPRISE}:manager.$ref pr`]: `(pr {${ENTERPRISE}}manager.$ref)`,
  [`${ENTERPRISE} pr`]: '(pr {urn:ietf:params:scim:schemas:extension:enterprise:2.0}User)',
  'urn:a:b[c pr]': '(valuePath {urn:a}b (pr c))',
  'a[urn:b:c:d eq 1]': '(valuePath a (eq {urn:b:c}d 1))',
  'urn:x:a.b+c,d=e@f;g%20:h pr': '(pr {urn:x:a.b+c,d=e@f;g%20}h)',
  'http://localhost:8080/schemas/User:name.givenName pr':
    '(pr {http://localhost:8080/schemas/User}name.givenName)',
  'u+r-n.1:x:y pr': '(pr {u+r-n.1:x}y)',
});

cases('RFC 8259 §6: numbers', {
  'x eq 0': '(eq x 0)',
  'x eq -0': '(eq x 0)',
  'x eq -1.50': '(eq x -1.5)',
  'x eq 1e3': '(eq x 1000)',
  'x eq 2.5E+2': '(eq x 250)',
  'x eq 25e-1': '(eq x 2.5)',
  'x eq 1e-400': '(eq x 0)',
  '(x eq 5)': '(eq x 5)',
});

cases('RFC 8259 §7: strings', {
  'x eq ""': '(eq x "")',
  'x eq "\\" \\\\ \\/ \\b\\f\\n\\r\\t"': '(eq x "\\" \\\\ / \\b\\f\\n\\r\\t")',
  'x eq "\\u00E9\\u00e9"': '(eq x "éé")',
  'x eq "\\ud83d\\ude00"': '(eq x "😀")',
  'x eq "😀 Zoë 日本"': '(eq x "😀 Zoë 日本")',
  'x eq "\\ud83d\ude00"': '(eq x "😀")',
  'x eq "\u007f\u2028"': '(eq x "\u007f\u2028")',
  'x eq "\'; DROP TABLE users; --"': '(eq x "\'; DROP TABLE users; --")',
  'x eq "__proto__"': '(eq x "__proto__")',
});

cases('RFC 8259 §3: literals; Entra ID writes them with capitals', {
  'active eq true': '(eq active true)',
  'active eq False': '(eq active false)',
  'x eq NULL': '(eq x null)',
  'x eq "true"': '(eq x "true")',
});

cases('White space is any run of blank, tab, CR and LF, optional around parentheses, brackets and strings', {
  '  a pr\r\n': '(pr a)',
  'a\teq\n"x"': '(eq a "x")',
  'a eq"x"and b eq"y"or(c pr)': '(or (and (eq a "x") (eq b "y")) (pr c))',
  '( a pr )and( b pr )': '(and (pr a) (pr b))',
  'emails [ type eq "work" ] and a pr': '(and (valuePath emails (eq type "work")) (pr a))',
  'emails[type eq "work"]and a pr': '(and (valuePath emails (eq type "work")) (pr a))',
});

describe('Names of JavaScript objects are plain names', () => {
  for (const name of ['constructor', 'hasOwnProperty', 'toString', 'valueOf']) {
    test(`${name} eq "__proto__" and a.${name} pr`, () => {
      const filter = parseFilter(`${name} eq "__proto__" and a.${name} pr`);
      assert.equal(sExpression(filter), `(and (eq ${name} "__proto__") (pr a.${name}))`);
    });
  }
  test('they stay own data of the node', () => {
    const filter = parseFilter('constructor pr');
    assert.deepEqual(filter, {
      type: 'present',
      attrPath: { type: 'attrPath', name: 'constructor', range: [0, 11] },
      range: [0, 14],
    });
  });
});

describe('The whole tree', () => {
  test('of a comparison: value, raw text, ranges', () => {
    assert.deepEqual(parseFilter(' name.familyName sw "J\\u0065n" '), {
      type: 'compare',
      attrPath: { type: 'attrPath', name: 'name', subAttr: 'familyName', range: [1, 16] },
      operator: 'sw',
      value: 'Jen',
      raw: '"J\\u0065n"',
      range: [1, 30],
    });
  });

  test('of a qualified presence test', () => {
    assert.deepEqual(parseFilter('urn:x:y:a.b pr'), {
      type: 'present',
      attrPath: { type: 'attrPath', schema: 'urn:x:y', name: 'a', subAttr: 'b', range: [0, 11] },
      range: [0, 14],
    });
  });

  test('of a value path with a tail', () => {
    assert.deepEqual(parseFilter('e[t eq True].v gt 1.0'), {
      type: 'valuePath',
      attrPath: { type: 'attrPath', name: 'e', range: [0, 1] },
      filter: {
        type: 'compare',
        attrPath: { type: 'attrPath', name: 't', range: [2, 3] },
        operator: 'eq',
        value: true,
        raw: 'true',
        range: [2, 11],
      },
      subAttr: 'v',
      operator: 'gt',
      value: 1,
      raw: '1.0',
      range: [0, 21],
    });
  });

  test('of groups: a connective spans its operands with their parentheses, a negation its own', () => {
    const text = '(a pr or b pr) and not ( c pr )';
    const filter = parseFilter(text);
    assert.deepEqual(filter.range, [0, text.length]);
    assert.equal(filter.type, 'and');
    const [group, negation] = filter.type === 'and' ? filter.filters : [];
    assert.equal(text.slice(...group!.range), 'a pr or b pr');
    assert.equal(text.slice(...negation!.range), 'not ( c pr )');
  });

  test('keeps the digits that a double cannot hold', () => {
    const filter = parseFilter('x eq 9007199254740993');
    assert.ok(filter.type === 'compare');
    assert.equal(filter.value, 9007199254740992);
    assert.equal(filter.raw, '9007199254740993');
  });

  test('-0 is 0, and not the other zero of IEEE 754', () => {
    const filter = parseFilter('x eq -0');
    assert.ok(filter.type === 'compare' && Object.is(filter.value, 0));
  });

  test('is JSON', () => {
    const filter = parseFilter('a[b eq null].c pr and not (d eq 1)');
    assert.deepEqual(JSON.parse(JSON.stringify(filter)), filter);
  });
});
