/** What src/docs/migrating.md says of other libraries and of ours, row by row. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scimPatch } from 'scim-patch';
import { parse, filter as theirFilter } from 'scim2-parse-filter';
import SCIMMY from 'scimmy';
import {
  applyPatch,
  compileMatcher,
  enterpriseUserSchema,
  ScimError,
  ScimFilterError,
  userSchema,
  validateCreate,
} from '../../src/filter.ts';
import { read } from '../house/sources.ts';

const schemas = [userSchema, enterpriseUserSchema];
const enterprise = enterpriseUserSchema.id;
const page = read('src/docs/migrating.md');

/** The cells of a table between its marks; code without its backticks. */
function rows(name: string): string[][] {
  const [, table = ''] = new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)<!-- /${name} -->`).exec(page) ?? [];
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  const found = lines.slice(2).map((line) => line.slice(2, -2).split(' | '));
  assert.ok(found.length > 5, name);
  return found.map(([example = '', ...others]) => [example.slice(1, -1), ...others]);
}

const people: readonly Readonly<Record<string, unknown>>[] = [
  {
    id: '1',
    userName: 'BJensen',
    title: 'Guide',
    active: true,
    nickName: '',
    name: { givenName: 'Barbara', familyName: 'Jensen' },
    emails: [
      { value: 'b@example.com', type: 'work', primary: true },
      { value: 'b@home.example', type: 'home' },
    ],
    meta: { created: '2020-01-01T00:00:00Z', lastModified: '2020-01-01T00:00:00.5Z' },
  },
  { id: '2', userName: 'ada', active: false, emails: [], [enterprise]: { department: 'Tours' } },
  { id: '3', userName: 'Σίσυφος', externalId: 'Ab', title: null },
];

/** Ids as the page writes them. */
function found(call: () => readonly Readonly<Record<string, unknown>>[], isOurs: boolean): string {
  try {
    const ids = call().map(({ id }) => id);
    return ids.length === 0 ? 'nobody' : ids.join(', ');
  } catch (error) {
    if (isOurs) assert.ok(error instanceof ScimFilterError, String(error));
    return 'error';
  }
}

const ours = (filter: string) =>
  found(() => people.filter((person) => compileMatcher(filter, { schemas })(person)), true);

describe('filters', () => {
  for (const [filter = '', theirs, here] of rows('filters'))
    test(`${filter}: scim2-parse-filter ${theirs}, scimd ${here}`, () => {
      const matches = () => people.filter(theirFilter(parse(filter)));
      assert.deepEqual([found(matches, false), ours(filter)], [theirs, here]);
    });

  for (const [filter = '', theirs, here] of rows('scimmy'))
    test(`${filter}: SCIMMY ${theirs}, scimd ${here}`, () => {
      const matches = () => new SCIMMY.Types.Filter(filter).match(structuredClone(people) as object[]);
      assert.deepEqual([found(matches as never, false), ours(filter)], [theirs, here]);
    });
});

const user = () => ({
  schemas: [userSchema.id],
  id: '1',
  userName: 'bjensen',
  title: 'Guide',
  active: true,
  emails: [
    { value: 'b@example.com', type: 'work', primary: true },
    { value: 'b@home.example', type: 'home' },
  ],
});
type Patched = ReturnType<typeof user> & Readonly<Record<string, unknown>>;

/** What the words of the page mean for the patched user. */
const outcomes: Readonly<Record<string, (user: Patched) => unknown>> = {
  'adds `TITLE`': (patched) => patched.TITLE === 'Boss' && patched.title === 'Guide',
  'sets `title`': (patched) => patched.title === 'Boss' && !('TITLE' in patched),
  'stores `"False"`': ({ active }) => (active as unknown) === 'False',
  'stores `false`': ({ active }) => active === false,
  'stores `null`': ({ title }) => (title as unknown) === null,
  'stores `[]`': ({ emails }) => emails.length === 0,
  'a second time': ({ emails }) => emails.length === 3 && emails[2]?.value === emails[0]?.value,
  'changes nothing': (patched) => assert.deepEqual(patched, user()) === undefined,
  'two are primary': ({ emails }) => emails.filter(({ primary }) => primary).length === 2,
  'one is primary': ({ emails }) =>
    emails.length === 3 && emails.findLast(({ primary }) => primary) === emails[2] && !emails[0]?.primary,
  'adds a value': ({ emails }) => emails.length === 3,
  'changes the work address': ({ emails }) => emails.length === 2 && emails[0]?.value === 'c@example.com',
  'adds `department`': ({ department }) => department === 'Tours',
  'sets it in the extension': (patched) =>
    assert.deepEqual([patched[enterprise], patched.department], [{ department: 'Tours' }, undefined]) ===
    undefined,
  'leaves `schemas`': (patched) => enterprise in patched && patched.schemas.length === 1,
  'completes `schemas`': (patched) => enterprise in patched && patched.schemas.includes(enterprise),
  'under `…:enterprise:2.0`': (patched) => enterprise.replace(/:User$/, '') in patched,
  'stores a text': (patched) => (patched[enterprise] as { manager: unknown }).manager === '26118915',
  'stores `{ value }`': (patched) =>
    assert.deepEqual(patched[enterprise], { manager: { value: '26118915' } }) === undefined,
};

describe('PATCH', () => {
  const check = (words: string, operation: { path: string; value?: unknown }, call: () => unknown) => {
    if (words === 'error') {
      assert.throws(call, (error) => error instanceof ScimError || error instanceof ScimFilterError);
      return;
    }
    const patched = call() as Patched;
    const { path, value } = operation;
    if (words === 'stores it') assert.equal(patched[path], value);
    else if (words === 'removes it') assert.equal(patched[path], undefined);
    else assert.equal(outcomes[words]?.(patched), true, `${words}: ${JSON.stringify(patched)}`);
  };

  for (const [text = '', theirs = '', here = ''] of rows('patches'))
    test(`${text}: scim-patch ${theirs}, scimd ${here}`, () => {
      const operation = JSON.parse(text);
      assert.notEqual(theirs, 'error');
      check(theirs, operation, () => scimPatch(user() as never, [structuredClone(operation)]));
      check(here, operation, () => applyPatch(user(), [operation], { schemas }).resource);
    });

  test('scim-patch changes the resource in place, scimd leaves it', () => {
    const [before, given] = [user(), user()];
    scimPatch(before as never, [{ op: 'replace', path: 'title', value: 'Boss' }]);
    assert.equal(before.title, 'Boss');
    applyPatch(given, [{ op: 'replace', path: 'title', value: 'Boss' }], { schemas });
    assert.equal(given.title, 'Guide');
  });
});

describe('POST', () => {
  const words: Readonly<Record<string, (resource: Readonly<Record<string, unknown>>) => unknown>> = {
    'stores `true`': ({ active }) => active === true,
    'stores an array': ({ emails }) => Array.isArray(emails) && emails.length === 1,
    'stores both': ({ emails }) => Array.isArray(emails) && emails.length === 2,
  };
  const check = (said: string, body: Record<string, unknown>, call: () => unknown) => {
    if (said === 'error') {
      assert.throws(call);
      return;
    }
    const resource = JSON.parse(JSON.stringify(call()));
    const holds =
      said === 'stores it'
        ? Object.entries(body).every(
            ([name, value]) => JSON.stringify(resource[name]) === JSON.stringify(value),
          )
        : words[said]?.(resource);
    assert.equal(holds, true, `${said}: ${JSON.stringify(resource)}`);
  };
  for (const [text = '', theirs = '', here = ''] of rows('bodies'))
    test(`${text}: SCIMMY ${theirs}, scimd ${here}`, () => {
      const body = JSON.parse(text.replace('"U"', JSON.stringify(userSchema.id)));
      check(theirs, body, () => new SCIMMY.Schemas.User(structuredClone(body), 'in'));
      check(here, body, () => validateCreate(body, { schemas }).resource);
    });
});
