import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eq, parseFilter, parsePath, ScimFilterError } from '../../grammar/index.ts';
import { bindFilter, bindValueFilter } from '../../src/query/bind.ts';
import { staffType, staffUri } from './staff.ts';

const S = staffUri;

/** Filter → the whole message that a person reads. */
const refusals: Record<string, Record<string, string>> = {
  'RFC 7644 §3.12 invalidFilter: an attribute that the schemas do not define': {
    'userNam eq "x"': `
User has no attribute userNam (character 1).
  userNam eq "x"
  ^^^^^^^
Did you mean userName?`,
    'active eq true and name.giveName pr': `
User has no attribute name.giveName (character 20).
  active eq true and name.giveName pr
                     ^^^^^^^^^^^^^
Did you mean name.givenName?`,
    'emails[kind eq "work"]': `
emails has no attribute kind (character 8).
  emails[kind eq "work"]
         ^^^^`,
    'emails[typ eq "work"]': `
emails has no attribute typ (character 8).
  emails[typ eq "work"]
         ^^^
Did you mean type?`,
    'departmnt eq "x"': `
User has no attribute departmnt (character 1).
  departmnt eq "x"
  ^^^^^^^^^
Did you mean urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department?`,
    'urn:example:elsewhere:1.0:User:x pr': `
User has no attribute urn:example:elsewhere:1.0:User:x (character 1).
  urn:example:elsewhere:1.0:User:x pr
  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  },
  'RFC 7644 §3.4.2.2: no order on boolean and binary': {
    'active gt true': `
active is a boolean and has no gt (character 1). Expected eq, ne or pr.
  active gt true
  ^^^^^^^^^^^^^^`,
    'x509Certificates.value le "A"': `
x509Certificates.value is binary and has no le (character 1). Expected eq, ne, co, sw, ew or pr.
  x509Certificates.value le "A"
  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  },
  'RFC 7644 §3.4.2.2: substrings are for text': {
    'active co "t"': `
active is a boolean and has no co (character 1). Expected eq, ne or pr.
  active co "t"
  ^^^^^^^^^^^^^`,
    'meta.created sw "2011"': `
meta.created is a dateTime and has no sw (character 1). Expected eq, ne, gt, ge, lt, le or pr.
  meta.created sw "2011"
  ^^^^^^^^^^^^^^^^^^^^^^`,
    'userName co null': `
co cannot compare with null (character 1). Expected eq or ne.
  userName co null
  ^^^^^^^^^^^^^^^^`,
  },
  'RFC 7644 §3.4.2.2: the literal is of the attribute’s type': {
    'userName eq 5': `
userName is a string (character 13). Expected a string in double quotes.
  userName eq 5
              ^`,
    'active eq "true"': `
active is a boolean (character 11). Expected true or false.
  active eq "true"
            ^^^^^^`,
    'meta.created gt "2011-02-30T00:00:00Z"': `
meta.created is a dateTime (character 17). Expected a dateTime in double quotes like "2011-05-13T04:42:34Z".
  meta.created gt "2011-02-30T00:00:00Z"
                  ^^^^^^^^^^^^^^^^^^^^^^`,
    'emails[type eq "work"].value eq 5': `
emails.value is a string (character 33). Expected a string in double quotes.
  emails[type eq "work"].value eq 5
                                  ^`,
  },
  'RFC 7644 §3.4.2.2: complex attributes are compared by their sub-attributes': {
    'name eq "x"': `
name is complex and has no value of its own (character 1). Expected name.formatted, name.familyName, name.givenName, name.middleName, name.honorificPrefix or name.honorificSuffix.
  name eq "x"
  ^^^^`,
    [`${S} eq "x"`]: `
${S} is a schema extension (character 1).
  ${S} eq "x"
  ${'^'.repeat(S.length)}
Name one of its attributes: ${S}:floor`,
    'userName[value eq "x"]': `
Only a complex or multi-valued attribute can have a filter in brackets (character 1).
  userName[value eq "x"]
  ^^^^^^^^`,
  },
};

describe('a filter that the schemas do not allow is refused in words', () => {
  for (const [rule, cases] of Object.entries(refusals)) {
    for (const [source, message] of Object.entries(cases)) {
      test(`${rule}: ${source}`, () => {
        assert.throws(
          () => bindFilter(parseFilter(source), staffType, { source }),
          (error: unknown) => {
            assert.ok(error instanceof ScimFilterError);
            assert.equal(error.message, message.trimStart());
            assert.equal(error.scimType, 'invalidFilter');
            return true;
          },
        );
      });
    }
  }
});

describe('RFC 7643 §2.2 returned never: what is never shown is not to be guessed either', () => {
  const sources = [
    'password eq "x"',
    'PASSWORD sw "x"',
    'password pr',
    'not (password eq null)',
    'urn:ietf:params:scim:schemas:core:2.0:User:password co "a"',
    'userName pr or not (not (password ne "x"))',
    `${S}:lockers[code eq "1"]`,
    `${S}:lockers[number eq "1"].code sw "1"`,
    `${S}:lockers.code pr`,
  ];
  for (const source of sources) {
    for (const unknown of ['error', 'noValue'] as const) {
      test(`${source} (unknown: ${unknown})`, () => {
        assert.throws(() => bindFilter(parseFilter(source), staffType, { source, unknown }), {
          code: 'forbiddenAttribute',
          scimType: 'invalidFilter',
        });
      });
    }
  }
});

test('a tolerance may read text as a boolean', () => {
  const booleanText = (text: string) => (text === 'True' ? true : undefined);
  const plan = bindFilter(parseFilter('active eq "True"'), staffType, { booleanText });
  assert.equal(plan.kind === 'compare' && plan.key, 1);
  assert.throws(() => bindFilter(parseFilter('active eq "yes"'), staffType, { booleanText }), {
    code: 'invalidValue',
  });
});

test('RFC 7644 §3.5.2: the value selector of a PATCH path is refused as invalidPath', () => {
  const source = 'emails[kind eq "work"]';
  const emails = staffType.attributes.get('emails')!;
  const { filter } = parsePath(source);
  assert.throws(() => bindValueFilter(filter!, emails, { source, scimType: 'invalidPath' }), {
    scimType: 'invalidPath',
    offset: 7,
  });
  assert.throws(() => bindValueFilter(filter!, staffType.attributes.get('username')!), {
    code: 'notSelectable',
  });
});

test('text that no database holds has no key, also when a program built the filter', () => {
  const built = { ...eq('userName', 'x'), value: '\ud800' };
  assert.throws(() => bindFilter(built, staffType), { code: 'invalidValue' });
});
