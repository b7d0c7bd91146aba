import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  newGroup,
  newUser,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
const labUser = (userName: string, more: object, values: object = {}) =>
  newUser({ schemas: [userSchema, lab, enterpriseSchema], userName, ...more, [lab]: values });

const people = {
  ann: labUser(
    'Ann',
    {
      externalId: 'A-1',
      displayName: 'Ann "the \\ man" Müller',
      title: '100%_*',
      name: { givenName: 'Ann', familyName: 'Müller' },
      emails: [
        { value: 'ann@work.example', type: 'work', primary: true },
        { value: 'ann@home.example', type: 'home' },
      ],
      x509Certificates: [{ value: 'YWJj' }],
      profileUrl: 'https://example.com/Ann',
      [enterpriseSchema]: { employeeNumber: '7', manager: { value: 'm1' } },
    },
    { weight: 1.5, floor: 9, joined: '2011-05-13T04:42:34.5Z', cleared: true, home: 'https://a.example/X' },
  ),
  bob: labUser(
    'bob',
    {
      externalId: 'a-1',
      displayName: 'Bob',
      title: '100',
      active: false,
      name: { givenName: 'Bob' },
      emails: [{ value: 'bob@home.example', type: 'work' }],
    },
    { weight: 10.25, floor: 10, joined: '2011-05-13T06:42:34.5+02:00', cleared: false },
  ),
  cid: labUser('cid', { externalId: 'c-1', title: '' }),
};
type Person = keyof typeof people;
const names = new Map<string, Person>();

before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server);
  for (const name of Object.keys(people) as Person[]) {
    names.set((await client.create('/Users', people[name])).id, name);
  }
});
after(() => server.close());

async function finds(filter: string, ...expected: Person[]): Promise<void> {
  const found = (await client.find('/Users', filter)).map((id) => names.get(id)).sort();
  assert.deepEqual(found, expected, filter);
}

async function refuses(filter: string, detail = /\S/): Promise<void> {
  refused(
    await client.request('GET', `/Users?${new URLSearchParams({ filter })}`),
    400,
    'invalidFilter',
    detail,
  );
}

test('P-3.4.2.2-01, P-3.4.2.2-02: filters are announced, and only what matches is returned', async () => {
  assert.equal((await client.read('/ServiceProviderConfig')).filter.supported, true);
  await finds('userName eq "ann"', 'ann');
  await finds('userName pr', 'ann', 'bob', 'cid');
  await finds('userName eq "dan"');
});

test('P-3.4.2.2-03: attribute names and operators are case-insensitive', async () => {
  await finds('USERNAME Eq "ann"', 'ann');
  await finds('Emails[TYPE EQ "work" AND Value CO "bob"]', 'bob');
  await finds(`${enterpriseSchema.toUpperCase()}:EMPLOYEENUMBER eQ "7"`, 'ann');
});

test('P-3.4.2.2-04: a filter has at least one expression', async () => {
  for (const filter of ['', ' ', '()', 'not ()', 'emails[]', '(userName pr) and ()']) await refuses(filter);
});

test('P-3.4.2.2-05: eq holds for identical values, by the type and the case rule of the attribute', async () => {
  await finds('userName eq "ANN"', 'ann');
  await finds('externalId eq "A-1"', 'ann');
  await finds('externalId eq "a-1"', 'bob');
  await finds('active eq false', 'bob');
  await finds(`${lab}:cleared eq true`, 'ann');
  await finds(`${lab}:floor eq 10`, 'bob');
  await finds(`${lab}:floor eq 10.0`, 'bob');
  await finds(`${lab}:weight eq 1.5`, 'ann');
  await finds(`${lab}:weight eq 15e-1`, 'ann');
  await finds(`${lab}:joined eq "2011-05-13T04:42:34.500Z"`, 'ann', 'bob');
  await finds('profileUrl eq "https://example.com/Ann"', 'ann');
  await finds('profileUrl eq "https://example.com/ann"');
  await finds('x509Certificates.value eq "YWJj"', 'ann');
  await finds('x509Certificates.value eq "ywjj"');
});

test('P-3.4.2.2-06: ne holds for what is not identical, an absent value too', async () => {
  await finds('userName ne "ann"', 'bob', 'cid');
  await finds('externalId ne "A-1"', 'bob', 'cid');
  await finds('active ne true', 'bob');
  await finds(`${lab}:floor ne 9`, 'bob', 'cid');
  await finds(`${lab}:weight ne 1.5`, 'bob', 'cid');
  await finds(`${lab}:joined ne "2011-05-13T04:42:34.5Z"`, 'cid');
  await finds('profileUrl ne "https://example.com/Ann"', 'bob', 'cid');
  await finds('x509Certificates.value ne "YWJj"', 'bob', 'cid');
  await finds('x509Certificates.value ne "ywjj"', 'ann', 'bob', 'cid');
  await finds(`${lab}:cleared ne true`, 'bob', 'cid');
  await finds(`${lab}:home ne "https://a.example/x"`, 'ann', 'bob', 'cid');
  await finds('emails.value ne "ann@work.example"', 'ann', 'bob', 'cid');
  await finds('not (emails.value eq "ann@work.example")', 'bob', 'cid');
});

test('P-3.4.2.2-07: co, sw and ew are substring, prefix and suffix, without wildcards; the identical text satisfies all', async () => {
  for (const operator of ['co', 'sw', 'ew']) {
    await finds(`userName ${operator} "ANN"`, 'ann');
    await finds(`externalId ${operator} "A-1"`, 'ann');
    await finds(`title ${operator} "100%_*"`, 'ann');
    await finds(`title ${operator} "%"`, ...((operator === 'co' ? ['ann'] : []) as Person[]));
  }
  await finds('title sw "100"', 'ann', 'bob');
  await finds('title co "00"', 'ann', 'bob');
  await finds('title ew "00"', 'bob');
  await finds('title co "_"', 'ann');
  await finds('title co "1*"');
  await finds('title co "0%0"');
  await finds('displayName co "ÜLL"', 'ann');
  await finds('displayName ew "üLLer"', 'ann');
  await finds('externalId co "a-"', 'bob');
  await finds('profileUrl sw "https://example.com/"', 'ann');
  for (const filter of ['active co "t"', `${lab}:floor sw 1`, `${lab}:joined sw "2011"`, 'title co 1']) {
    await refuses(filter);
  }
});

test('P-3.4.2.2-08: pr holds for a non-empty value, and for a complex one of which something is assigned', async () => {
  await finds('name pr', 'ann', 'bob');
  await finds('name.familyName pr', 'ann');
  await finds('emails pr', 'ann', 'bob');
  await finds('emails.primary pr', 'ann');
  await finds('title pr', 'ann', 'bob');
  await finds('nickName pr');
  await finds(`${enterpriseSchema}:manager pr`, 'ann');
  await finds(`${lab}:cleared pr`, 'ann', 'bob');
});

test('P-3.4.2.2-09: gt, ge, lt and le follow the order of texts, of instants and of numbers', async () => {
  await finds('userName gt "ann"', 'bob', 'cid');
  await finds('userName ge "ANN"', 'ann', 'bob', 'cid');
  await finds('userName lt "Bob"', 'ann');
  await finds('userName le "BOB"', 'ann', 'bob');
  await finds('externalId lt "a"', 'ann');
  await finds(`${lab}:floor gt 9`, 'bob');
  await finds(`${lab}:floor ge 9`, 'ann', 'bob');
  await finds(`${lab}:floor lt 10`, 'ann');
  await finds(`${lab}:floor le 8.9`);
  await finds(`${lab}:weight gt 2`, 'bob');
  await finds(`${lab}:weight le 1.5`, 'ann');
  await finds(`${lab}:joined ge "2011-05-13T00:42:34.5-04:00"`, 'ann', 'bob');
  await finds(`${lab}:joined gt "2011-05-13T00:42:34.5-04:00"`);
  await finds(`${lab}:joined lt "2011-05-13T04:42:34.501Z"`, 'ann', 'bob');
});

test('P-3.4.2.2-10: the order of booleans and of binaries cannot be asked for', async () => {
  for (const operator of ['gt', 'ge', 'lt', 'le']) {
    await refuses(`active ${operator} true`, /active/);
    await refuses(`x509Certificates.value ${operator} "YWJj"`, /x509Certificates/);
    await refuses(`x509Certificates[value ${operator} "YWJj"]`, /x509Certificates|value/);
  }
});

test('P-3.4.2.2-11, P-3.4.2.2-12: not comes before and, and before or; parentheses change that', async () => {
  await finds('userName eq "cid" or userName eq "ann" and active eq false', 'cid');
  await finds('(userName eq "cid" or userName eq "ann") and active eq true', 'ann', 'cid');
  await finds('userName eq "ann" and active eq false or userName eq "cid"', 'cid');
  await finds('userName eq "ann" and (active eq false or userName eq "cid")');
  await finds('not (userName eq "ann") and active eq true', 'cid');
  await finds('not (userName eq "ann" and active eq true)', 'bob', 'cid');
  await finds('not(userName eq "ann") or userName eq "ann"', 'ann', 'bob', 'cid');
  await finds('((userName eq "ann" or (userName eq "bob")) and ((active eq false)))', 'bob');
});

test('P-3.4.2.2-13: within brackets all conditions bind to one and the same value', async () => {
  await finds('emails[type eq "work" and value co "@work"]', 'ann');
  await finds('emails[type eq "work" and value co "@home"]', 'bob');
  await finds('emails.type eq "work" and emails.value co "@home"', 'ann', 'bob');
  await finds('emails[type eq "home" and primary eq true]');
  await finds('emails[not (type eq "work")]', 'ann');
  await finds('not (emails[type eq "work"])', 'cid');
  await finds('emails[type eq "work" and (value co "ann" or value co "bob")]', 'ann', 'bob');
  await refuses('emails[userName eq "ann"]', /userName/);
  await refuses('emails[emails.value pr]');
});

test('P-3.4.2.2-14: what is not of the grammar is 400 invalidFilter', async () => {
  for (const filter of [
    'userName',
    'userName eq',
    'eq "ann"',
    'userName "ann"',
    'userName eq ann',
    "userName eq 'ann'",
    'userName eq "ann',
    'userNameeq "ann"',
    'userName pror active eq true',
    'active eq trueand userName pr',
    'userName eq "ann" and',
    'and userName eq "ann"',
    'userName eq "ann" userName eq "bob"',
    '(userName eq "ann"',
    'userName eq "ann")',
    'emails[type eq "work"',
    'emails type eq "work"]',
    'not userName eq "ann"',
    'userName eq "ann" && active eq true',
    'userName == "ann"',
    'userName pr "ann"',
    'userName eq TRUEE',
    'userName eq [1]',
    'userName eq {"a":1}',
    '"ann" eq userName',
    '1userName pr',
    'name..givenName pr',
    'name.givenName.x pr',
    `${lab}:floor eq 01`,
    `${lab}:floor eq +1`,
    `${lab}:floor eq .5`,
    'userName eq "\\x"',
    'userName eq "\u0001"',
  ]) {
    await refuses(filter);
  }
});

test('P-3.4.2.2-15: the escapes of JSON texts are honoured', async () => {
  await finds('displayName eq "Ann \\"the \\\\ man\\" M\\u00fcller"', 'ann');
  await finds('displayName co "\\"the"', 'ann');
  await finds('displayName co "\\\\"', 'ann');
  await finds('profileUrl eq "https:\\/\\/example.com\\/Ann"', 'ann');
  await finds('displayName co "\\n"');
});

test('P-3.4.2.2-16, P-3.10-01: a path may carry its schema URN, whose dots separate no sub-attribute', async () => {
  await finds(`${userSchema}:userName sw "A"`, 'ann');
  await finds(`${userSchema}:name.familyName eq "müller"`, 'ann');
  await finds(`${userSchema}:emails[type eq "home"]`, 'ann');
  await finds(`${enterpriseSchema}:manager.value eq "m1"`, 'ann');
  await finds(`${lab}:floor eq 9`, 'ann');
  await refuses('urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr');
  await refuses(`${enterpriseSchema}:userName pr`);
});

test('P-3.4.2.2-17: a multi-valued attribute matches when any of its values does', async () => {
  await finds('emails.value co "home"', 'ann', 'bob');
  await finds('emails.value eq "ann@home.example"', 'ann');
  await finds('emails.type eq "work" and emails.type eq "home"', 'ann');
});

test('P-3.4.2.2-18: a complex attribute is compared by a sub-attribute', async () => {
  await finds('name.givenName eq "ann"', 'ann');
  await refuses('name eq "Ann"', /name/);
  await refuses('name co "Ann"', /name/);
  await refuses(`${enterpriseSchema}:manager.displayName.x eq "a"`);
});

test('P-3.4.2.2-19: a multi-valued complex attribute without sub-attribute means its value', async () => {
  await finds('emails co "home.example"', 'ann', 'bob');
  await finds('emails eq "bob@home.example"', 'bob');
  await finds('emails sw "ann@"', 'ann');
});

test('P-3.4.2.2-20: an attribute with a default compares by the value that its writer was told', async () => {
  const answer = await client.read('/Users', { filter: 'userName eq "cid"' });
  assert.equal(answer.Resources[0].active, true);
  await finds('active eq true', 'ann', 'cid');
});

test('P-3.4.2.2-22: an unknown operator is refused by name', async () => {
  await refuses('userName regex "^a"', /regex/);
  await refuses('userName like "a"', /like/);
  await refuses('userName in ("a")', /in/);
});

test('P-3.4.2.2-23: the comparison of texts follows caseExact', async () => {
  await finds('userName eq "aNN" and externalId eq "A-1"', 'ann');
  await finds('externalId sw "A"', 'ann');
  await finds('externalId ew "-1" and userName co "B"', 'bob');
  await finds('meta.resourceType eq "user"');
});

test('P-3.4.2.2-24: schemas can be filtered', async () => {
  await finds(`schemas eq "${enterpriseSchema}"`, 'ann');
  await finds(`schemas co "lab"`, 'ann', 'bob');
  await finds(`schemas eq "${userSchema}"`, 'ann', 'bob', 'cid');
});

test('P-3.4.2.2-25: eq null is without value, ne null is with one', async () => {
  await finds('nickName eq null', 'ann', 'bob', 'cid');
  await finds('emails eq null', 'cid');
  await finds('emails ne null', 'ann', 'bob');
  await finds('name.familyName eq null', 'bob', 'cid');
  await finds('not (name.familyName pr)', 'bob', 'cid');
  await finds(`${lab}:floor ne null`, 'ann', 'bob');
  for (const operator of ['gt', 'le', 'co', 'sw']) await refuses(`userName ${operator} null`);
});

test('P-3.4.2.2-26: a value of another JSON type than the attribute is 400 invalidFilter', async () => {
  const strict = await newClient(server, { idp: 'strict', tenant: client.tenant });
  for (const filter of [
    'active eq "true"',
    'active eq 1',
    'userName eq 5',
    'userName eq true',
    `${lab}:floor eq "9"`,
    `${lab}:weight gt "1"`,
    `${lab}:joined gt 5`,
    `${lab}:joined gt "yesterday"`,
    'emails[primary eq "true"]',
  ]) {
    const path = `/Users?${new URLSearchParams({ filter })}`;
    refused(await strict.request('GET', path), 400, 'invalidFilter');
  }
});

test('P-3.4.2.2-27: id, externalId, meta and extension attributes are filterable like others', async () => {
  const [ann] = (await client.read('/Users', { filter: 'userName eq "ann"' })).Resources;
  await finds(`id eq "${ann.id}"`, 'ann');
  await finds(`id eq "${ann.id.toUpperCase()}X"`);
  await finds('externalId eq "c-1"', 'cid');
  await finds('meta.resourceType eq "User"', 'ann', 'bob', 'cid');
  await finds(`meta.created le "${ann.meta.created}" and userName eq "ann"`, 'ann');
  await finds(`meta.lastModified gt "2011-05-13T04:42:34Z"`, 'ann', 'bob', 'cid');
  await finds('meta.lastModified lt "2011-05-13T04:42:34Z"');
  await finds(`meta.location eq "${ann.meta.location}"`, 'ann');
  await finds('meta.version eq "W/\\"1\\""', 'ann', 'bob', 'cid');
  await finds(`${enterpriseSchema}:employeeNumber eq "7"`, 'ann');
});

test('P-3.4.2.2-28: what nobody may read cannot be guessed by a filter either', async () => {
  const own = await newClient(server);
  await own.create('/Users', newUser({ password: 'correct horse' }));
  const asked = async (filter: string) => own.request('GET', `/Users?${new URLSearchParams({ filter })}`);
  for (const guess of ['correct horse', 'wrong']) {
    refused(await asked(`password eq "${guess}"`), 400, 'invalidFilter', /password/);
    refused(await asked(`password sw "${guess.slice(0, 1)}"`), 400, 'invalidFilter', /password/);
  }
  refused(await asked('password pr'), 400, 'invalidFilter');
  refused(await own.request('GET', '/Users?sortBy=password'), 400, 'invalidValue');
  for (const filter of ['password eq "correct horse"', 'password pr']) {
    const root = await own.request('POST', '/.search', { body: { schemas: [searchSchema], filter } });
    refused(root, 400, 'invalidFilter');
  }
});

test('P-3.4.2.2-29: length, depth and number of comparisons of a filter are bounded', async () => {
  const search = (filter: string) =>
    client.request('POST', '/Users/.search', { body: { schemas: [searchSchema], filter } });
  const deep = (depth: number) => `${'('.repeat(depth)}userName pr${')'.repeat(depth)}`;
  const wide = (terms: number) => Array(terms).fill('userName pr').join(' or ');
  assert.equal((await search(deep(30))).status, 200);
  assert.equal((await search(wide(200))).status, 200);
  for (const filter of [
    deep(10_000),
    deep(1000),
    '('.repeat(10_000),
    wide(300),
    wide(80_000),
    `userName eq "${'x'.repeat(1_000_000)}"`,
    `${'not ('.repeat(3000)}userName pr${')'.repeat(3000)}`,
    `${'emails['.repeat(2000)}type pr${']'.repeat(2000)}`,
  ]) {
    const start = performance.now();
    refused(await search(filter), 400, 'invalidFilter');
    assert.ok(performance.now() - start < 2000, `${filter.slice(0, 20)}… of ${filter.length} characters`);
  }
  const long = await client.request('GET', `/Users?filter=${'%28'.repeat(3000)}`);
  refused(long, 400, 'invalidFilter');
});

test('P-3.12-15: a malformed filter is answered with where it went wrong, pointed at by a caret', async () => {
  const { json } = await client.request(
    'GET',
    `/Users?${new URLSearchParams({ filter: 'userName eq "ann" und active eq true' })}`,
  );
  assert.equal(json.scimType, 'invalidFilter');
  assert.match(json.detail, /character 19/);
  assert.match(json.detail, /userName eq "ann" und active eq true\n {20}\^\^\^/);
});

test('P-3.4.2.2-13: members are filtered by the same rules as other values', async () => {
  const own = await newClient(server);
  const user = await own.create('/Users', newUser());
  const [empty, full] = [
    await own.create('/Groups', newGroup()),
    await own.create('/Groups', newGroup({ members: [{ value: user.id }, { value: 'other' }] })),
  ];
  for (const [filter, ...expected] of [
    [`members.value eq "${user.id}"`, full.id],
    [`members[value eq "${user.id}" and type eq "User"]`, full.id],
    [`members[value eq "other" and type eq "User"]`],
    [`members.$ref eq "${user.meta.location}"`, full.id],
    ['members pr', full.id],
    ['not (members pr)', empty.id],
    [`members eq "other"`, full.id],
  ] as const) {
    assert.deepEqual(await own.find('/Groups', filter), expected, filter);
  }
  assert.deepEqual(await own.find('/Users', `groups.value eq "${full.id}"`), [user.id]);
  assert.deepEqual(await own.find('/Users', `groups.value eq "${empty.id}"`), []);
});
