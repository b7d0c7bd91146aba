import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { type Engines, openEngines } from './engines.ts';
import { staff, staffType, staffUri } from './staff.ts';

const S = staffUri;
const E = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** Filter → the ids that it finds. Each group is a rule of the RFC. */
const rules: Record<string, readonly (readonly [filter: string, ids: string])[]> = {
  'RFC 7643 §2.1: attribute names are case-insensitive, in the filter and in the resource': [
    ['USERNAME eq "dee"', 'dee'],
    ['name.GIVENNAME eq "Ada"', 'ada'],
    ['displayName sw "\'; DROP"', 'dee'],
    ['emails[TYPE eq "work" and vAlUe sw "dee"]', 'dee'],
  ],
  'RFC 7643 §2.2 caseExact: text is compared folded unless the schema says otherwise': [
    ['userName eq "ada.lovelace"', 'ada'],
    ['userName eq "bob"', 'bob'],
    ['userName sw "ADA"', 'ada'],
    ['userName ew "LACE"', 'ada'],
    ['externalId eq "hr-1"', ''],
    ['externalId eq "HR-1"', 'ada'],
    ['profileUrl co "ada"', ''],
    ['profileUrl co "Ada"', 'ada'],
    ['displayName eq "σίσυφος"', 'cha'],
    ['displayName ew "φος"', 'cha'],
    [`${S}:desk eq "a-1"`, ''],
    [`${S}:seal eq "AbC="`, 'cha'],
    [`${S}:seal eq "abc="`, ''],
  ],
  'RFC 7644 §3.4.2.2: wildcards and quotes of SQL are letters like others': [
    ['displayName co "%"', 'bob'],
    ['displayName co "_"', 'bob'],
    ['displayName ew "\\\\"', 'bob'],
    ['displayName co "\'"', 'dee'],
    [`${S}:skills sw "100%"`, 'bob'],
    ['displayName co "%bob"', ''],
  ],
  'RFC 7644 §3.4.2.2: text is ordered by code point': [
    ['nickName ge "\uffff"', 'cha dee'],
    ['nickName gt "\uffff"', 'cha'],
    ['nickName lt "😀"', 'dee'],
    ['nickName sw "😀"', 'cha'],
    ['userName gt "b"', 'bob cha dee'],
    ['userName le "bob"', 'ada bob'],
  ],
  'RFC 7643 §2.5: null, [] and absent are one unassigned state, "" is a value': [
    ['title eq null', 'cha dee'],
    ['title ne null', 'ada bob'],
    ['title eq ""', 'bob'],
    ['title co ""', 'ada bob'],
    ['title ne "analyst"', 'bob cha dee'],
    ['not (title eq "analyst")', 'bob cha dee'],
    ['title lt "b"', 'ada bob'],
    ['emails eq null', 'cha'],
    ['emails ne null', 'ada bob dee'],
    ['phoneNumbers eq null', 'ada bob cha dee'],
    ['name eq null', 'cha dee'],
    [`${E} eq null`, 'bob cha dee'],
    ['active eq false', 'bob'],
    ['active ne true', 'bob dee'],
    ['not (active eq true)', 'bob dee'],
    ['not (not (active eq true))', 'ada cha'],
  ],
  'RFC 7644 §3.4.2.2 pr: a non-empty value, or a complex one with a non-empty part': [
    ['title pr', 'ada'],
    ['not (title pr)', 'bob cha dee'],
    ['active pr', 'ada bob cha'],
    ['name pr', 'ada bob'],
    ['emails pr', 'ada bob dee'],
    ['phoneNumbers pr', ''],
    ['emails.primary pr', 'ada bob dee'],
    ['meta pr', 'ada bob'],
    [`${E} pr`, 'ada'],
    [`${S} pr`, 'ada bob cha'],
    [`${S}:floor pr`, 'ada bob cha'],
    [`${S}:skills pr`, 'ada bob'],
    ['urn:ietf:params:scim:schemas:core:2.0:User:title pr', 'ada'],
  ],
  'RFC 7644 §3.4.2.2: a comparison with a multi-valued attribute holds for any of its values': [
    ['emails.value ew "@engine.example"', 'ada bob dee'],
    ['emails co "home"', 'ada bob'],
    ['emails.type eq "home" and emails.value ew "engine.example"', 'ada bob'],
    ['emails.value eq "bob@home.example" and emails.value eq "bob@engine.example"', 'bob'],
    ['not (emails.type eq "work")', 'bob cha'],
    [`${S}:skills eq "MATHS"`, 'ada'],
    [`${S}:shifts ge 5`, 'ada bob'],
    [`${S}:shifts eq 1 and ${S}:shifts eq 5`, 'ada'],
    [`${S}:lockers.labels eq "blue"`, 'ada'],
  ],
  'RFC 7644 §3.4.2.2 ne: some value differs, or there is none': [
    ['emails.type ne "home"', 'ada cha dee'],
    [`${S}:shifts ne 5`, 'ada cha dee'],
    [`${S}:skills ne "100%"`, 'ada cha dee'],
    ['emails[type ne "home"]', 'ada bob dee'],
  ],
  'RFC 7644 §3.4.2.2 value paths: one value satisfies the whole bracket': [
    ['emails[type eq "work" and value ew "engine.example"]', 'ada dee'],
    ['emails[type eq "home" and value ew "engine.example"]', ''],
    ['emails[not (type pr)]', 'bob'],
    ['not (emails[type eq "home"])', 'cha dee'],
    ['emails[type eq "work"].value sw "ada"', 'ada'],
    ['emails[type eq "home"].value sw "ada"', ''],
    ['emails[value sw "bob"].type pr', 'bob'],
    ['name[givenName eq "Ada" and familyName pr]', 'ada'],
    ['name[not (familyName pr)]', 'bob'],
    [`${S}:skills[value eq "maths" or value eq "100%"]`, 'ada bob'],
    [`${S}:shifts[value gt 1 and value lt 5]`, ''],
    [`${S}:lockers[number eq "L1" and locked eq true]`, ''],
    [`${S}:lockers[number eq "l1" and locked eq true]`, 'ada'],
    [`${S}:lockers[size eq 2 and not (number pr)]`, 'cha'],
    [`${S}:lockers[labels eq "red" and labels eq "blue"]`, 'ada'],
    [`${S}:lockers[labels eq "red" and size gt 2]`, ''],
    ['phoneNumbers[type ne "work"]', ''],
  ],
  'RFC 7643 §2.4: an element without primary compares as false, but is not pr': [
    ['emails.primary eq false', 'ada bob dee'],
    ['emails.primary ne true', 'ada bob cha dee'],
    ['emails[primary eq false and type eq "home"]', 'ada'],
    ['emails[primary ne true and type eq "home"]', 'ada'],
    ['emails[primary ne false]', 'ada bob'],
    ['emails[primary eq null]', 'ada bob'],
    [`${S}:lockers[locked ne true]`, 'ada cha'],
    [`${S}:lockers.locked eq false`, 'ada'],
  ],
  'RFC 7644 §3.4.2.2: numbers are numbers': [
    [`${S}:floor eq 3.0`, 'ada'],
    [`${S}:floor gt -2.5`, 'ada bob cha'],
    [`${S}:floor eq -0`, 'cha'],
    [`${S}:floor ne 3`, 'bob cha dee'],
    [`${S}:rating lt 1e-6`, 'bob'],
    [`${S}:rating ge 4.5`, 'ada'],
    [`${S}:floor lt 9007199254740993`, 'ada bob cha'],
  ],
  'RFC 7643 §2.3.5: dateTimes are instants, with every digit of the fraction': [
    ['meta.created eq "2020-01-01T01:00:00+01:00"', 'ada bob'],
    [`${S}:joined eq "2020-01-01T00:00:00"`, 'ada'],
    ['meta.lastModified gt "2024-05-01T12:00:00.25Z"', 'bob'],
    ['meta.lastModified le "2024-05-01T12:00:00.250Z"', 'ada'],
    ['meta.created ne "2020-01-01T00:00:00Z"', 'cha dee'],
  ],
  'RFC 7644 §3.4.2.2: a complex attribute without sub-attribute means its value': [
    [`${E}:manager eq "cha"`, 'ada'],
    [`${E}:manager ne "cha"`, 'bob cha dee'],
    [`manager.displayName eq "CHARLES"`, 'ada'],
  ],
  'RFC 7644 §3.4.2.2: not before and before or': [
    ['active eq true and title pr or userName eq "dee"', 'ada dee'],
    ['active eq true and (title pr or userName eq "charles")', 'ada cha'],
    ['not (active eq true) and userName pr', 'bob dee'],
  ],
};

let engines: Engines;
before(async () => {
  engines = await openEngines(staffType);
  await engines.load(staff);
});
after(() => engines.close());

for (const [rule, cases] of Object.entries(rules)) {
  describe(rule, () => {
    for (const [filter, expected] of cases) {
      test(filter, async () => {
        const found = await engines.select(bindFilter(parseFilter(filter), staffType, { source: filter }));
        for (const [engine, ids] of Object.entries(found)) assert.equal(ids.join(' '), expected, engine);
      });
    }
  });
}

describe('RFC 7644 §3.4.2.1: searched over several resource types, an attribute that one does not have has no value', () => {
  const cases: readonly (readonly [filter: string, ids: string])[] = [
    ['members pr', ''],
    ['members.value eq "x"', ''],
    ['members eq null', 'ada bob cha dee'],
    ['members ne "x"', 'ada bob cha dee'],
    ['members ne null', ''],
    ['not (members[value eq "x"])', 'ada bob cha dee'],
    ['emails[color eq "red"]', ''],
    ['members pr or userName eq "dee"', 'dee'],
    ['members pr and userName eq "dee"', ''],
  ];
  for (const [filter, expected] of cases) {
    test(filter, async () => {
      const found = await engines.select(bindFilter(parseFilter(filter), staffType, { unknown: 'noValue' }));
      for (const [engine, ids] of Object.entries(found)) assert.equal(ids.join(' '), expected, engine);
    });
  }
});
