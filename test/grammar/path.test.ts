import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAttrPath, parsePath, ScimFilterError, safeParsePath, stringify } from '../../grammar/index.ts';
import { sExpression } from './s-expression.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

describe('RFC 7644 §3.5.2 figure 7: PATH = attrPath / valuePath [subAttr]', () => {
  const table: Readonly<Record<string, string>> = {
    members: '(path members)',
    'name.familyName': '(path name.familyName)',
    'members.$ref': '(path members.$ref)',
    'addresses[type eq "work"]': '(path addresses (eq type "work"))',
    'members[value eq "2819c223"].displayName': '(path members (eq value "2819c223") displayName)',
    'emails[type eq "work" and value ew "@example.com"].value':
      '(path emails (and (eq type "work") (ew value "@example.com")) value)',
    'emails[not (type eq "work") or primary eq true]':
      '(path emails (or (not (eq type "work")) (eq primary true)))',
    'emails [ type eq "work" ].value': '(path emails (eq type "work") value)',
    ' members ': '(path members)',
    'emails[value eq "a].b[\\""].type': '(path emails (eq value "a].b[\\"") type)',
    [`${ENTERPRISE}:manager.value`]: `(path {${ENTERPRISE}}manager.value)`,
    [`${ENTERPRISE}:manager[value eq "1"].displayName`]: `(path {${ENTERPRISE}}manager (eq value "1") displayName)`,
    not: '(path not)',
    'not[pr pr].or': '(path not (pr pr) or)',
  };
  for (const [text, expected] of Object.entries(table)) {
    test(text, () => {
      const path = parsePath(text);
      assert.equal(sExpression(path), expected);
      assert.equal(sExpression(parsePath(stringify(path))), expected);
    });
  }

  test('the URN of an extension alone is read as a schema and a name: only the registered schemas can tell', () => {
    assert.deepEqual(parsePath(ENTERPRISE).attrPath, {
      type: 'attrPath',
      schema: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0',
      name: 'User',
      range: [0, ENTERPRISE.length],
    });
  });

  test('the whole tree', () => {
    assert.deepEqual(parsePath('e[t pr].v'), {
      type: 'path',
      attrPath: { type: 'attrPath', name: 'e', range: [0, 1] },
      filter: { type: 'present', attrPath: { type: 'attrPath', name: 't', range: [2, 3] }, range: [2, 6] },
      subAttr: 'v',
      range: [0, 9],
    });
  });
});

describe('RFC 7644 §3.12: a path that is none is answered with invalidPath', () => {
  const table: Readonly<Record<string, string>> = {
    '': 'empty',
    '  ': 'empty',
    '.': 'invalidName',
    'members.': 'invalidName',
    'a.b.c': 'invalidName',
    '/members': 'invalidName',
    'members,emails': 'invalidName',
    näme: 'invalidName',
    'urn:': 'invalidName',
    [`${ENTERPRISE}:.x`]: 'invalidName',
    'enterprise:manager': 'invalidName',
    'members]': 'unexpectedToken',
    '(members)': 'unexpectedToken',
    'not (members)': 'unexpectedToken',
    'members pr': 'unexpectedToken',
    'members eq "x"': 'unexpectedToken',
    'members emails': 'unknownOperator',
    'members[value]': 'unexpectedToken',
    'members[]': 'unexpectedToken',
    'members[0]': 'invalidName',
    'members[*]': 'invalidName',
    'members[value eq "a"': 'unexpectedEnd',
    'members[value eq a]': 'unquotedString',
    'members[value eq "a"].': 'invalidName',
    'members[value eq "a"].b.c': 'invalidName',
    'members[value eq "a"].b pr': 'unexpectedToken',
    'members[value eq "a"] .b': 'unexpectedToken',
    'members[value eq "a"] and b': 'unexpectedToken',
    'members[value eq "a"][value eq "b"]': 'unexpectedToken',
    'members[value[a pr]]': 'nestedValuePath',
  };
  for (const [text, code] of Object.entries(table)) {
    test(JSON.stringify(text), () => {
      const result = safeParsePath(text);
      assert.ok(!result.ok);
      assert.equal(result.error.code, code);
      assert.equal(result.error.scimType, 'invalidPath');
      assert.throws(() => parsePath(text), result.error);
    });
  }
});

describe('RFC 7644 §3.10: attribute notation', () => {
  test('parseAttrPath reads one path, as in sortBy', () => {
    assert.deepEqual(parseAttrPath('name.familyName'), {
      type: 'attrPath',
      name: 'name',
      subAttr: 'familyName',
      range: [0, 15],
    });
    assert.equal(sExpression(parseAttrPath(`${ENTERPRISE}:manager.$ref`)), `{${ENTERPRISE}}manager.$ref`);
  });

  test('its length is limited as that of a filter', () => {
    assert.throws(() => parseAttrPath('a'.repeat(16385)), { code: 'tooLong', scimType: 'invalidPath' });
  });

  for (const text of ['', ' a', 'a ', 'a b', 'a[b pr]', 'a,b', 'a.b.c', '1a', 'a:b', '(a)', 'a"b"']) {
    test(`nothing may stand around it: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseAttrPath(text),
        (error) => error instanceof ScimFilterError && error.scimType === 'invalidPath',
      );
    });
  }
});
