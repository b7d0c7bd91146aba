/** Bodies of POST and PUT whose members are named by paths, as those of a PATCH value may be: read, or refused. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  bulkSchema,
  enterpriseSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { assertError } from './raw.ts';

const records: { readonly status: number; readonly tolerances?: readonly string[] }[] = [];
let server: TestServer;
let strict: string;
before(async () => {
  server = await startScimd({
    log: { info: (fields) => void records.push(fields as never), warn() {}, error() {} },
  });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

const post = (members: object, token?: string): Promise<Answer> =>
  server.request('POST', '/Users', {
    body: newUser(members as Record<string, unknown>),
    ...(token === undefined ? {} : { token }),
  });

const workEmail = 'emails[type eq "work"].value';

const unknownKeys = { 'shoe.size': 43, 'a[b': 1, '@odata.type': 'x', [`${userSchema}:shoe`]: 43 };

/** What is sent beside schemas and userName, and what is then there; the tolerances that the log names. */
const read: Readonly<Record<string, readonly [sent: object, stored: object, tolerances: readonly string[]]>> =
  {
    'an attribute of an extension under its URN': [
      { [`${enterpriseSchema}:department`]: 'Cider' },
      { [enterpriseSchema]: { department: 'Cider' } },
      ['qualifiedKey'],
    ],
    'in any letter case': [
      { [`${enterpriseSchema}:DEPARTMENT`.replace('urn', 'URN')]: 'Cider', 'NAME.givenname': 'Til' },
      { [enterpriseSchema]: { department: 'Cider' }, name: { givenName: 'Til' } },
      ['qualifiedKey', 'dottedKey'],
    ],
    'beside the extension’s object': [
      { [`${enterpriseSchema}:department`]: 'Cider', [enterpriseSchema]: { division: 'Drinks' } },
      { [enterpriseSchema]: { department: 'Cider', division: 'Drinks' } },
      ['qualifiedKey'],
    ],
    'a sub-attribute of an extension': [
      { [`${enterpriseSchema}:manager.value`]: '26118915' },
      { [enterpriseSchema]: { manager: { value: '26118915' } } },
      ['qualifiedKey'],
    ],
    'a dotted name within the extension’s object': [
      { [enterpriseSchema]: { 'manager.value': '26118915', department: 'Cider' } },
      { [enterpriseSchema]: { manager: { value: '26118915' }, department: 'Cider' } },
      ['dottedKey'],
    ],
    'a dot behind the URN': [
      { [`${enterpriseSchema}.costCenter`]: 'CC-1' },
      { [enterpriseSchema]: { costCenter: 'CC-1' } },
      ['urnDotPath'],
    ],
    'a core attribute under its URN': [
      { [`${userSchema}:title`]: 'Cook', [`${userSchema}:name.givenName`]: 'Til' },
      { title: 'Cook', name: { givenName: 'Til' } },
      ['qualifiedKey'],
    ],
    'core attributes in an object under their URN': [
      { [userSchema]: { title: 'Cook', name: { givenName: 'Til' }, 'name.familyName': 'Ton' } },
      { title: 'Cook', name: { givenName: 'Til', familyName: 'Ton' } },
      ['coreSchemaObject', 'dottedKey'],
    ],
    'a sub-attribute beside the others': [
      { 'name.givenName': 'Til', name: { familyName: 'Ton' } },
      { name: { givenName: 'Til', familyName: 'Ton' } },
      ['dottedKey'],
    ],
    'one value by its type': [
      { [workEmail]: 'til@example.com', 'emails[type eq "work"].primary': true },
      { emails: [{ value: 'til@example.com', type: 'work', primary: true }] },
      ['dottedKey'],
    ],
    'one value of several': [
      {
        emails: [{ value: 'a@example.com', type: 'home' }, { type: 'Work' }],
        [workEmail]: 'til@example.com',
      },
      {
        emails: [
          { value: 'a@example.com', type: 'home' },
          { value: 'til@example.com', type: 'Work' },
        ],
      },
      ['dottedKey'],
    ],
    'the only value of a multi-valued attribute': [
      { 'phoneNumbers.value': '+1 555 0100', 'phoneNumbers.type': 'work' },
      { phoneNumbers: [{ value: '+1 555 0100', type: 'work' }] },
      ['dottedKey'],
    ],
    'the same by two spellings': [
      { title: 'Cook', [`${userSchema}:title`]: 'Cook', 'name.givenName': 'Til', name: { givenName: 'Til' } },
      { title: 'Cook', name: { givenName: 'Til' } },
      ['qualifiedKey', 'dottedKey'],
    ],
    'what the schema has as read-only, which is ignored however it is spelled': [
      { 'meta.resourceType': 'Group', [`${userSchema}:groups`]: [{ value: 'x' }] },
      {},
      [],
    ],
    'what no schema has, which is ignored as any such name is': [
      {
        ...unknownKeys,
        [enterpriseSchema]: { 'shoe.size': 43, department: 'x' },
      },
      { [enterpriseSchema]: { department: 'x' } },
      [],
    ],
  };

for (const [what, [sent, stored, tolerances]] of Object.entries(read)) {
  test(`POST and PUT read ${what}`, async () => {
    const made = await post(sent);
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(records.at(-1)?.tolerances ?? [], tolerances);
    const path = `/Users/${made.json.id}`;
    const { schemas: _, id, meta, userName, active, ...rest } = (await server.request('GET', path)).json;
    assert.deepEqual(rest, stored);
    assert.equal(
      (await server.request('PUT', path, { body: { schemas: [userSchema], userName } })).status,
      200,
    );
    const put = await server.request('PUT', path, { body: newUser({ ...sent, userName }) });
    assert.equal(put.status, 200, put.text);
    assert.deepEqual({ ...put.json, meta }, { ...made.json, meta });
    assert.deepEqual([id, active, meta.resourceType], [made.json.id, true, 'User']);
  });
}

test('a whole user may be under the core schema’s URN, and in a bulk request', async () => {
  const { schemas, userName } = newUser();
  const data = { schemas, [userSchema]: { userName, 'name.givenName': 'Til' } };
  const Operations = [{ method: 'POST', path: '/Users', bulkId: 'a', data }];
  const bulk = await server.request('POST', '/Bulk', { body: { schemas: [bulkSchema], Operations } });
  const { location, status } = bulk.json.Operations[0];
  assert.equal(status, '201', bulk.text);
  const user = (await server.request('GET', location)).json;
  assert.deepEqual([user.userName, user.name], [userName, { givenName: 'Til' }]);
});

const refusals: Readonly<Record<string, readonly [sent: object, detail: RegExp]>> = {
  'two values of one attribute': [{ title: 'a', [`${userSchema}:title`]: 'b' }, /title is given twice/],
  'two values of one sub-attribute': [
    { 'name.givenName': 'a', name: { givenName: 'b' } },
    /name\.givenName is given twice/,
  ],
  'a sub-attribute of what is cleared': [{ 'name.givenName': 'a', name: null }, /name is given twice/],
  'two values in an extension': [
    { [`${enterpriseSchema}:department`]: 'a', [enterpriseSchema]: { Department: 'b' } },
    /department is given twice/,
  ],
  'two values within the core schema’s object': [
    { title: 'a', [userSchema]: { TITLE: 'b' } },
    /title is given twice/,
  ],
  'an extension that is no object': [
    { [`${enterpriseSchema}:department`]: 'a', [enterpriseSchema]: 'b' },
    /enterprise:2\.0:User is given twice/,
  ],
  'a core schema’s URN without an object': [{ [userSchema]: 'a' }, /must not be a member/],
  'a value that is not described': [{ 'emails[type ne "work"].value': 'a@example.com' }, /emails itself/],
  'one value of several that are alike': [
    {
      emails: [
        { value: 'a@example.com', type: 'work' },
        { value: 'b@example.com', type: 'work' },
      ],
      'emails[type eq "work"].display': 'A',
    },
    /does not select one value of emails/,
  ],
  'no value in particular': [
    {
      emails: [{ value: 'a@example.com' }, { value: 'b@example.com' }],
      'emails.display': 'A',
    },
    /does not select one value of emails/,
  ],
  'a filter on what has one value': [{ 'name[givenName eq "a"].familyName': 'b' }, /has one value/],
  'a path under a known URN that is none': [{ [`${enterpriseSchema}:manager[value`]: 'a' }, /./],
  'a path that begins with an attribute and is none': [
    { 'emails[type eq work].value': 'a@example.com' },
    /A string needs double quotes: "work"/,
  ],
  'a value that the attribute cannot have': [{ 'name.givenName': 7 }, /name\.givenName must be a string/],
};

for (const [what, [sent, detail]] of Object.entries(refusals)) {
  test(`${what}: 400, and nothing is made`, async () => {
    const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;
    const before = await total();
    assertError(await post(sent), 400, detail);
    assert.equal(await total(), before);
  });
}

test('a PATCH value without a path ignores what names nothing, and refuses what names an attribute wrongly', async () => {
  const { id } = (await post({})).json;
  const patch = (value: object) =>
    server.request('PATCH', `/Users/${id}`, { body: patchOp({ op: 'replace', value }) });
  const done = await patch({ ...unknownKeys, 'foo:bar': 1, 'http://example.com/x': 1, title: 'Cook' });
  assert.deepEqual([done.status, done.json.title], [200, 'Cook'], done.text);
  assertError(await patch({ 'shoe.size': 43, '@odata.type': 'x' }), 400, /contains no attribute of User/);
  for (const key of ['emails[type eq work].value', 'name.nope', `${enterpriseSchema}:manager[value`])
    assertError(await patch({ title: 'Baker', [key]: 'x' }), 400, /^Operations\[0\]\.value/);
  assert.equal((await server.request('GET', `/Users/${id}`)).json.title, 'Cook');
});

test('strict refuses every such spelling of an attribute', async () => {
  for (const [sent, stored, tolerances] of Object.values(read)) {
    if (tolerances.length === 0) continue;
    assertError(await post(sent, strict), 400);
    assert.equal((await post(stored, strict)).status, 201);
  }
});

for (const [what, members] of Object.entries({
  'twenty thousand paths': Array.from({ length: 20_000 }, (_, i) => [`x${i}.y`, 1]),
  'two thousand paths into one attribute': Array.from({ length: 2000 }, (_, i) => [
    `emails[type eq "${i}"].value`,
    `e${i}@example.com`,
  ]),
  'paths into forty thousand values': [
    ['emails', Array.from({ length: 40_000 }, (_, i) => ({ value: `e${i}@example.com` }))],
    ...Array.from({ length: 50 }, (_, i) => [`emails[type eq "${i}"].value`, 'x@example.com']),
  ],
})) {
  test(`${what} are 413 before they keep the server busy`, async () => {
    assertError(await post(Object.fromEntries(members)), 413, /too many paths/);
  });
}

test('a group’s members may be named by paths too', async () => {
  const body = newGroup({ 'members[value eq "a"].type': 'User', externalId: 'x' });
  const made = await server.request('POST', '/Groups', { body });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.json.members, [{ value: 'a', type: 'User' }]);
});
