import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { tenant: 'default' });
});
after(() => server.close());

interface Definition {
  readonly name: string;
  readonly type: string;
  readonly subAttributes?: readonly Definition[];
}

function everyAttribute(definitions: readonly Definition[]): Definition[] {
  return definitions.flatMap((each) => [each, ...everyAttribute(each.subAttributes ?? [])]);
}

async function publishedAttributes(): Promise<Definition[]> {
  const { json } = await server.request('GET', '/Schemas');
  assert.equal(json.Resources.length, 6);
  return json.Resources.flatMap((schema: { attributes: Definition[] }) => everyAttribute(schema.attributes));
}

test('S-1.2-01: a simple attribute never carries sub-attributes', async () => {
  const simple = (await publishedAttributes()).filter((each) => each.type !== 'complex');
  assert.ok(simple.length > 100);
  assert.deepEqual(
    simple.filter((each) => 'subAttributes' in each),
    [],
  );
});

test('S-2-01: a request is judged attribute by attribute, not as one document to match', async () => {
  const user = (await client.post('/Users', newUser({ title: 'before' }))).json;
  const answer = await server.request('PUT', `/Users/${user.id}`, {
    body: {
      ...user,
      id: 'other',
      meta: { ...user.meta, created: '1999-01-01T00:00:00Z', resourceType: 'Group' },
      groups: [{ value: 'no-such-group' }],
      title: 'after',
      shoeSize: 43,
    },
  });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.title, 'after');
  assert.equal(answer.json.id, user.id);
  assert.equal(answer.json.meta.created, user.meta.created);
  assert.equal(answer.json.meta.resourceType, 'User');
  assert.ok(!('groups' in answer.json));
  assert.ok(!('shoeSize' in answer.json));
});

test('S-2.1-01: attribute names in JSON bodies are matched case-insensitively', async () => {
  const { userName } = newUser();
  const { json } = await client.post('/Users', {
    SCHEMAS: [userSchema],
    USERNAME: userName,
    Emails: [{ VALUE: 'a@example.com', Type: 'work', PRIMARY: true }],
    NAME: { givenname: 'Barbara' },
    [enterpriseSchema.toUpperCase()]: { EMPLOYEENUMBER: '701984' },
  });
  const { id, meta, ...rest } = (await server.request('GET', `/Users/${json.id}`)).json;
  assert.deepEqual(rest, {
    schemas: [userSchema, enterpriseSchema],
    userName,
    name: { givenName: 'Barbara' },
    active: true,
    emails: [{ value: 'a@example.com', type: 'work', primary: true }],
    [enterpriseSchema]: { employeeNumber: '701984' },
  });
  const patched = await server.request('PATCH', `/Users/${id}`, {
    body: {
      SCHEMAS: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      operations: [{ OP: 'replace', VALUE: { NICKNAME: 'Babs', NAME: { FamilyName: 'Jensen' } } }],
    },
  });
  assert.equal(patched.status, 200, patched.text);
  assert.equal(patched.json.nickName, 'Babs');
  assert.deepEqual(patched.json.name, { familyName: 'Jensen', givenName: 'Barbara' });
});

test('S-2.1-02: filter, sortBy, attributes and excludedAttributes take any letter case in every facet', async () => {
  const mark = `mark-${Date.now()}`;
  for (const [familyName, employeeNumber] of [
    ['Zeta', '1'],
    ['Alpha', '2'],
  ]) {
    await client.post(
      '/Users',
      newUser({
        schemas: [userSchema, enterpriseSchema],
        title: mark,
        name: { familyName, givenName: 'G' },
        [enterpriseSchema]: { employeeNumber, department: mark },
      }),
    );
  }
  const ask = async (parameters: Record<string, string>) => {
    const answer = await server.request('GET', `/Users?${new URLSearchParams(parameters)}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  const plain = {
    filter: `${enterpriseSchema}:department eq "${mark}" and ${userSchema}:name.givenName eq "G"`,
    sortBy: `${userSchema}:name.familyName`,
    attributes: `name.familyName,${enterpriseSchema}:employeeNumber`,
  };
  const shouted = {
    filter: `${enterpriseSchema.toUpperCase()}:DEPARTMENT eq "${mark}" and ${userSchema.toUpperCase()}:NAME.GIVENNAME eq "G"`,
    sortBy: `${userSchema.toUpperCase()}:NAME.FAMILYNAME`,
    attributes: plain.attributes.toUpperCase(),
  };
  const expected = await ask(plain);
  assert.deepEqual(
    expected.Resources.map((user: { name: unknown }) => user.name),
    [{ familyName: 'Alpha' }, { familyName: 'Zeta' }],
  );
  assert.deepEqual(expected.Resources[0][enterpriseSchema], { employeeNumber: '2' });
  assert.deepEqual(await ask(shouted), expected);
  const { attributes: _, ...filtered } = plain;
  const without = { ...filtered, excludedAttributes: `name,${enterpriseSchema}:department` };
  const fewer = await ask(without);
  assert.ok(!('name' in fewer.Resources[0]));
  assert.deepEqual(fewer.Resources[0][enterpriseSchema], { employeeNumber: '2' });
  assert.deepEqual(
    await ask({ ...without, excludedAttributes: without.excludedAttributes.toUpperCase() }),
    fewer,
  );
});

test('S-2.1-02: a PATCH path takes any letter case in URN, attribute, filter and sub-attribute', async () => {
  const patched = async (shout: (path: string) => string) => {
    const { json } = await client.post(
      '/Users',
      newUser({ emails: [{ value: 'a@example.com', type: 'work' }] }),
    );
    const answer = await server.request('PATCH', `/Users/${json.id}`, {
      body: patchOp(
        { op: 'add', path: shout(`${enterpriseSchema}:department`), value: 'Tours' },
        { op: 'add', path: shout(`${userSchema}:name.givenName`), value: 'Barbara' },
        { op: 'replace', path: shout('emails[type eq "work"].value'), value: 'b@example.com' },
      ),
    });
    assert.equal(answer.status, 200, answer.text);
    const { id: _, meta: __, userName: ___, ...rest } = answer.json;
    return rest;
  };
  const expected = await patched((path) => path);
  assert.deepEqual(expected, {
    schemas: [userSchema, enterpriseSchema],
    name: { givenName: 'Barbara' },
    active: true,
    emails: [{ value: 'b@example.com', type: 'work' }],
    [enterpriseSchema]: { department: 'Tours' },
  });
  assert.deepEqual(await patched((path) => path.toUpperCase()), expected);
});

test('S-2.1-03: attribute names are a letter, then letters, digits, $, - and _; only $ref starts otherwise', async () => {
  const names = (await publishedAttributes()).map((each) => each.name);
  assert.ok(names.includes('$ref'));
  assert.deepEqual(
    names.filter((name) => name !== '$ref' && !/^[A-Za-z][$\-_0-9A-Za-z]*$/.test(name)),
    [],
  );
});

test('S-2.1-04: every resource body carries schemas', async () => {
  const user = await client.post('/Users', newUser());
  const group = await client.post('/Groups', newGroup());
  const schemas = async (path: string) => (await server.request('GET', path)).json.schemas;
  const core = 'urn:ietf:params:scim:schemas:core:2.0';
  assert.deepEqual(user.json.schemas, [userSchema]);
  assert.deepEqual(await schemas(`/Users/${user.json.id}`), [userSchema]);
  assert.deepEqual(await schemas(`/Groups/${group.json.id}`), [groupSchema]);
  assert.deepEqual(await schemas('/ServiceProviderConfig'), [`${core}:ServiceProviderConfig`]);
  assert.deepEqual(await schemas('/ResourceTypes/User'), [`${core}:ResourceType`]);
  assert.deepEqual(await schemas(`/Schemas/${userSchema}`), [`${core}:Schema`]);
  for (const list of ['/Users', '/Groups', '/Schemas', '/ResourceTypes']) {
    for (const { schemas: inList } of (await server.request('GET', list)).json.Resources) {
      assert.ok(inList.length > 0);
    }
  }
  for (const [endpoint, body, schema] of [
    ['/Users', newUser(), userSchema],
    ['/Groups', newGroup(), groupSchema],
  ] as const) {
    for (const search of ['', '?attributes=externalId', '?excludedAttributes=schemas']) {
      const { id } = (await client.post(`${endpoint}${search}`, { ...body, ...anotherName(endpoint) })).json;
      const path = `${endpoint}/${id}${search}`;
      const whole = { ...body, ...anotherName(endpoint) };
      const change = patchOp({ op: 'add', path: 'externalId', value: 'x' });
      for (const [method, sent] of [
        ['GET', undefined],
        ['PUT', whole],
        ['PATCH', change],
      ] as const) {
        const answer = await server.request(method, path, { body: sent });
        assert.deepEqual(answer.json.schemas, [schema], `${method} ${path}`);
      }
      for (const list of [endpoint, '/']) {
        const { json } = await server.request('GET', `${list}${search}`);
        for (const each of json.Resources) assert.ok(each.schemas.length > 0, `${list}${search}`);
      }
    }
  }
});

const anotherName = (endpoint: string) =>
  endpoint === '/Users' ? { userName: newUser().userName } : { displayName: newGroup().displayName };

test('S-2.1-05: operators and the words of a filter are case-insensitive', async () => {
  const { json } = await client.post('/Users', newUser({ title: 'Tour Guide' }));
  const found = async (filter: string) =>
    (await server.request('GET', `/Users?${new URLSearchParams({ filter })}`)).json.Resources.map(
      (user: { id: string }) => user.id,
    );
  const id = `id eq "${json.id}"`;
  for (const filter of [
    `userName eq "${json.userName}" and title pr`,
    `userName EQ "${json.userName}" AND title PR`,
    `${id} aNd (title Sw "tour" Or title eQ NULL)`,
    `${id} AND NOT (active Eq FALSE) and active eq True`,
  ]) {
    assert.deepEqual(await found(filter), [json.id], filter);
  }
});

test('S-2.1-06: two members that name one attribute in different case are a malformed body', async () => {
  const { userName } = newUser();
  const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;
  const before = await total();
  const body = { schemas: [userSchema], userName, USERNAME: `x${userName}` };
  refused(await server.request('POST', '/Users', { body }), 400, 'invalidSyntax', /USERNAME/);
  refused(
    await server.request('POST', '/Users', {
      body: newUser({ name: { givenName: 'A', GivenName: 'B' } }),
    }),
    400,
    'invalidSyntax',
  );
  refused(
    await server.request('POST', '/Users', {
      body: `{"schemas":["${userSchema}"],"userName":"${userName}","userName":"${userName}"}`,
    }),
    400,
    'invalidSyntax',
  );
  assert.equal(await total(), before);
  const user = (await client.post('/Users', newUser())).json;
  const path = `/Users/${user.id}`;
  const put = { ...user, title: 'a', TITLE: 'b' };
  refused(await server.request('PUT', path, { body: put }), 400, 'invalidSyntax', /TITLE/);
  for (const operation of [
    { op: 'add', value: { title: 'a', TITLE: 'b' } },
    { op: 'replace', path: 'name', value: { givenName: 'a', GIVENNAME: 'b' } },
    { op: 'add', path: 'emails', value: [{ value: 'a@example.com', VALUE: 'b@example.com' }] },
    {
      op: 'add',
      value: {
        [enterpriseSchema]: { department: 'a' },
        [enterpriseSchema.toLowerCase()]: { department: 'b' },
      },
    },
  ]) {
    refused(await server.request('PATCH', path, { body: patchOp(operation) }), 400, 'invalidSyntax');
  }
  assert.deepEqual((await server.request('GET', path)).json, user);
});
