import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  groupSchema,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
let strict: string;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server, { tenant: 'default' });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

const post = (body: unknown, token = server.token) => client.request('POST', '/Users', { body, token });
const created = (body: unknown) => client.create('/Users', body);
const found = (filter: string) => client.find('/Users', filter);
const patch = (id: string, path: string, value: unknown, token = server.token) =>
  client.request('PATCH', `/Users/${id}`, { body: patchOp({ op: 'replace', path, value }), token });

const withLab = (attributes: Record<string, unknown>) =>
  newUser({ schemas: [userSchema, lab], [lab]: attributes });

interface Definition {
  readonly name: string;
  readonly type: string;
  readonly caseExact?: boolean;
  readonly uniqueness?: string;
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Definition[];
}

async function published(): Promise<Definition[]> {
  const flat = (all: readonly Definition[]): Definition[] =>
    all.flatMap((each) => [each, ...flat(each.subAttributes ?? [])]);
  const { json } = await server.request('GET', '/Schemas');
  return json.Resources.flatMap((schema: { attributes: Definition[] }) => flat(schema.attributes));
}

test('S-2.2-01: an attribute defined by its name alone is an optional, case-insensitive, readable and writable text', async () => {
  const { json } = await server.request('GET', `/Schemas/${lab}`);
  assert.deepEqual(json.attributes[0], {
    name: 'bare',
    type: 'string',
    multiValued: false,
    description: '',
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
  });
  const first = await created(withLab({ bare: 'Some Text' }));
  const second = await created(withLab({ bare: 'some text' }));
  assert.equal(first[lab].bare, 'Some Text');
  assert.deepEqual(await found(`${lab}:bare eq "SOME TEXT"`), [first.id, second.id]);
  const changed = await patch(first.id, `${lab}:bare`, 'other');
  assert.equal(changed.json[lab].bare, 'other');
  const without = await server.request('GET', `/Users/${first.id}?attributes=userName`);
  assert.ok(!(lab in without.json));
  refused(await patch(first.id, `${lab}:bare`, 7), 400, 'invalidValue');
});

test('S-2.3-01: no schema has a type beyond the eight of RFC 7643', async () => {
  const types = new Set((await published()).map((each) => each.type));
  assert.deepEqual([...types].sort(), [
    'binary',
    'boolean',
    'complex',
    'dateTime',
    'decimal',
    'integer',
    'reference',
    'string',
  ]);
});

const wrongTypes: readonly [attribute: string, type: string, values: readonly unknown[]][] = [
  ['bare', 'string', [1, true, { value: 'x' }, ['x'], []]],
  ['weight', 'decimal', ['1.5', true, {}, [1.5]]],
  ['floor', 'integer', ['1', false, {}, [1]]],
  ['cleared', 'boolean', ['true', 'False', 1, 0, {}, [true]]],
  ['joined', 'dateTime', [1706659200, true, {}, ['2024-01-31T00:00:00Z']]],
  ['scan', 'binary', [1, true, {}, ['AAAA']]],
  ['home', 'reference', [1, true, {}, ['https://example.com/']]],
  ['origin', 'complex', ['here', 1, true, [{ place: 'x' }]]],
  ['tags', 'multi-valued string', ['x', { value: 'x' }, [1], [['x']]]],
  ['scores', 'multi-valued integer', [1, ['1'], [1.5]]],
  [
    'contacts',
    'multi-valued complex',
    [{ value: 'x' }, 'x', ['x'], [{ value: 1 }], [{ value: 'x', primary: 'true' }]],
  ],
];

for (const [attribute, type, values] of wrongTypes) {
  test(`S-2.3-02: a ${type} that is of another JSON type is 400 invalidValue in POST, PUT and PATCH`, async () => {
    const user = await created(withLab({ bare: 'kept' }));
    for (const value of values) {
      const at = JSON.stringify(value);
      refused(await post(withLab({ [attribute]: value }), strict), 400, 'invalidValue');
      const put = { body: { ...user, [lab]: { [attribute]: value } }, token: strict };
      refused(await server.request('PUT', `/Users/${user.id}`, put), 400, 'invalidValue');
      refused(await patch(user.id, `${lab}:${attribute}`, value, strict), 400, 'invalidValue');
      // One object may be added to a multi-valued attribute (RFC 7644 §3.5.2.1), but does not replace its list.
      const op = type === 'multi-valued complex' ? 'replace' : 'add';
      const pathless = { body: patchOp({ op, value: { [lab]: { [attribute]: value } } }), token: strict };
      refused(await server.request('PATCH', `/Users/${user.id}`, pathless), 400, 'invalidValue');
      const { json } = await server.request('GET', `/Users/${user.id}`);
      assert.deepEqual(json, user, at);
    }
  });
}

const texts = {
  'the empty text': '',
  'characters beyond the basic plane': '👩🏽‍🚀 𝔘𝔫𝔦𝔠𝔬𝔡𝔢',
  'right-to-left text': 'שלום עולם مرحبا',
  'combining sequences': 'e\u0301 A\u030a \u1112\u1161\u11ab',
  'quotes, backslashes, controls and line ends': '"\\/\b\f\n\r\t\u0001\u2028</script>',
};

for (const [name, text] of Object.entries(texts)) {
  test(`S-2.3.1-01: ${name} come back as they were sent`, async () => {
    const user = await created(newUser({ displayName: text }));
    assert.equal(user.displayName, text);
    assert.equal((await server.request('GET', `/Users/${user.id}`)).json.displayName, text);
    assert.deepEqual(await found(`id eq "${user.id}" and displayName eq ${JSON.stringify(text)}`), [user.id]);
  });
}

test('S-2.3.1-02: a text that breaks the format of its attribute is 400 invalidValue', async () => {
  for (const [attribute, value] of [
    ['locale', 'en CA'],
    ['timezone', 'Mars/Olympus'],
    ['preferredLanguage', '@@'],
  ]) {
    refused(
      await post(newUser({ [attribute as string]: value }), strict),
      400,
      'invalidValue',
      new RegExp(`^${attribute}`),
    );
  }
});

test('S-2.3.1-03, S-7-08: canonical values are suggestions: any other is kept', async () => {
  const user = await created(newUser({ emails: [{ value: 'a@example.com', type: 'x-other' }] }));
  assert.equal(user.emails[0].type, 'x-other');
  const changed = await patch(user.id, 'emails[type eq "x-other"].type', 'X-Third');
  assert.equal(changed.json.emails[0].type, 'X-Third');
});

test('S-2.3.2-01: booleans are JSON true and false in every answer, also when they came as text', async () => {
  const body = newUser({ active: 'True', emails: [{ value: 'a@example.com', primary: 'TRUE' }] });
  const user = await created(body);
  const check = (json: Answer['json'], active: boolean) => {
    assert.equal(json.active, active);
    assert.equal(json.emails[0].primary, true);
  };
  check(user, true);
  check((await server.request('GET', `/Users/${user.id}`)).json, true);
  check((await server.request('GET', `/Users?filter=id%20eq%20%22${user.id}%22`)).json.Resources[0], true);
  check((await patch(user.id, 'active', 'False')).json, false);
  const bulk = await server.request('POST', '/Bulk', {
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        { method: 'GET', path: `/Users/${user.id}` },
        {
          method: 'PATCH',
          path: `/Users/${user.id}`,
          data: patchOp({ op: 'replace', path: 'active', value: 'true' }),
        },
      ],
    },
  });
  assert.equal(bulk.status, 200, bulk.text);
  assert.equal(bulk.json.Operations[1].status, '200');
  check((await server.request('GET', `/Users/${user.id}`)).json, true);
  const put = { body: { ...body, active: 'FALSE' } };
  check((await server.request('PUT', `/Users/${user.id}`, put)).json, false);
  const search = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
    filter: `id eq "${user.id}"`,
  };
  for (const path of ['/Users/.search', '/.search'])
    check((await server.request('POST', path, { body: search })).json.Resources[0], false);
  refused(await post(body, strict), 400, 'invalidValue');
});

test('S-2.3.2-02, S-2.3.5-02, S-2.3.6-03, S-2.3.8-03: boolean, dateTime, binary and complex have no uniqueness; only text-like types have letter case', async () => {
  const all = await published();
  for (const each of all) {
    if (['boolean', 'dateTime', 'binary', 'complex'].includes(each.type)) {
      assert.ok((each.uniqueness ?? 'none') === 'none', each.name);
    }
    if (!['string', 'reference', 'binary'].includes(each.type)) assert.ok(!('caseExact' in each), each.name);
  }
});

test('S-2.3.3-01: a decimal is a JSON number, never a text', async () => {
  const user = await created(withLab({ weight: 1.5 }));
  for (const weight of [2.25, -0.001, 1e3, 7, 1.0]) {
    const answer = await patch(user.id, `${lab}:weight`, weight);
    assert.equal(answer.json[lab].weight, weight);
    assert.deepEqual(await found(`id eq "${user.id}" and ${lab}:weight eq ${weight}`), [user.id]);
  }
  const written = await server.request('PATCH', `/Users/${user.id}`, {
    body: JSON.stringify(patchOp({ op: 'replace', path: `${lab}:weight`, value: 0 })).replace(
      '"value":0',
      '"value":3.0e0',
    ),
  });
  assert.equal(written.json[lab].weight, 3);
  refused(await patch(user.id, `${lab}:weight`, '1.5', strict), 400, 'invalidValue');
  assert.deepEqual(await found(`id eq "${user.id}" and ${lab}:weight gt 2.9 and ${lab}:weight lt 10`), [
    user.id,
  ]);
});

test('S-2.3.4-01: an integer has neither fraction nor exponent', async () => {
  const user = await created(withLab({ floor: -3, scores: [1, 2] }));
  const write = (path: string, literal: string) =>
    server.request('PATCH', `/Users/${user.id}`, {
      body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"${lab}:${path}","value":${literal}}]}`,
    });
  for (const literal of ['1.0', '1e3', '1E+3', '1.5', '9007199254740993']) {
    refused(await write('floor', literal), 400, 'invalidValue');
    refused(await write('scores', `[5,${literal}]`), 400, 'invalidValue');
  }
  const { json } = await write('floor', '1000');
  assert.equal(json[lab].floor, 1000);
  assert.deepEqual(json[lab].scores, [1, 2]);
  assert.deepEqual(await found(`${lab}:floor ge 999 and id eq "${user.id}" and ${lab}:scores eq 2`), [
    user.id,
  ]);
});

test('S-2.3.5-01: a dateTime is an xsd:dateTime with date and time', async () => {
  for (const text of [
    '2024-01-31',
    '31/01/2024',
    '12:00:00Z',
    '2024-01-31 12:00:00Z',
    '2024-02-30T00:00:00Z',
    '2024-01-31T25:00:00Z',
    '',
  ]) {
    refused(await post(withLab({ joined: text })), 400, 'invalidValue');
  }
  const sent = '2008-01-23T04:56:22.123456+01:00';
  const user = await created(withLab({ joined: sent }));
  assert.equal(new Date(user[lab].joined).getTime(), new Date(sent).getTime());
  const xsd = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
  for (const text of [user[lab].joined, user.meta.created, user.meta.lastModified]) assert.match(text, xsd);
});

test('S-2.3.5-02: dateTimes are compared as instants, whatever their offset', async () => {
  const user = await created(withLab({ joined: '2011-05-13T06:42:34.5+02:00' }));
  const other = await created(withLab({ joined: '2011-05-13T04:42:34.499Z' }));
  const id = `(id eq "${user.id}" or id eq "${other.id}")`;
  assert.deepEqual(await found(`${lab}:joined eq "2011-05-13T04:42:34.500Z"`), [user.id]);
  assert.deepEqual(await found(`${lab}:joined ge "2011-05-12T23:42:34.5-05:00" and ${id}`), [user.id]);
  assert.deepEqual(await found(`${lab}:joined lt "2011-05-13T14:42:34.5+10:00" and ${id}`), [other.id]);
  const created1 = user.meta.created as string;
  const offset = new Date(new Date(created1).getTime() + 3_600_000).toISOString().replace('Z', '+01:00');
  const since = await found(`meta.created ge "${created1}"`);
  assert.ok(since.includes(user.id));
  assert.deepEqual(await found(`meta.created ge "${offset}"`), since);
});

test('S-2.3.6-01, S-2.3.6-02: binary is base64, its padding optional; the bytes come back', async () => {
  for (const text of ['!!', 'AAA A', 'A', 'AA=', 'AAA==', '-_-_']) {
    refused(await post(withLab({ scan: text })), 400, 'invalidValue');
  }
  refused(await post(newUser({ x509Certificates: [{ value: '!!' }] })), 400, 'invalidValue');
  const bytes = Buffer.from([0xfb, 0xff, 0xbf, 0x00]);
  for (const text of [bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, '')]) {
    const user = await created(withLab({ scan: text }));
    assert.deepEqual(Buffer.from(user[lab].scan, 'base64'), bytes);
  }
});

test('S-2.3.6-03, S-7-07: binary is case-exact and a legal type', async () => {
  for (const each of (await published()).filter(({ type }) => type === 'binary'))
    assert.equal(each.caseExact, true);
  const { json } = await server.request('GET', `/Schemas/${userSchema}`);
  const certificates = json.attributes.find((each: Definition) => each.name === 'x509Certificates');
  assert.equal(certificates.subAttributes[0].type, 'binary');
  const user = await created(withLab({ scan: 'AbCd' }));
  assert.deepEqual(await found(`${lab}:scan eq "AbCd"`), [user.id]);
  assert.deepEqual(await found(`${lab}:scan eq "ABCD"`), []);
});

test('S-2.3.7-01: a reference is a URI, absolute or relative', async () => {
  for (const text of ['::::', 'http://exa mple.com/', 'https://example.com/%zz', '<x>']) {
    refused(await post(withLab({ home: text })), 400, 'invalidValue');
  }
  for (const text of ['https://example.com/a?b#c', '/Users/1', 'Users/1', '../Users/1', 'urn:example:x']) {
    assert.equal((await created(withLab({ home: text })))[lab].home, text);
  }
  refused(await post(newUser({ profileUrl: '::::' }), strict), 400, 'invalidValue');
});

test('S-2.3.7-02: a relative reference resolves against the base that ends before the endpoint', async () => {
  const user = await created(newUser());
  const group = await server.request('POST', '/Groups', {
    body: {
      schemas: [groupSchema],
      displayName: 'relative',
      members: [{ value: user.id, $ref: `Users/${user.id}` }],
    },
  });
  assert.equal(group.json.members[0].$ref, `${server.base}/Users/${user.id}`);
  const filter = `members.$ref eq "${server.base}/Users/${user.id}"`;
  const { json } = await server.request('GET', `/Groups?${new URLSearchParams({ filter })}`);
  assert.deepEqual(
    json.Resources?.map((each: { id: string }) => each.id),
    [group.json.id],
  );
});

test('S-2.3.7-03: references are case-exact', async () => {
  for (const each of (await published()).filter(({ type }) => type === 'reference'))
    assert.equal(each.caseExact, true);
  const user = await created(withLab({ home: 'https://example.com/Path?Q=a' }));
  assert.deepEqual(await found(`${lab}:home eq "https://example.com/Path?Q=a"`), [user.id]);
  assert.deepEqual(await found(`${lab}:home eq "https://example.com/path?Q=a"`), []);
  assert.deepEqual(await found(`${lab}:home eq "https://example.com/Path?Q=A"`), []);
});

test('S-2.3.7-04: GET on every reference to a resource that an answer holds finds it', async () => {
  const user = await created(newUser());
  const group = (
    await server.request('POST', '/Groups', {
      body: { schemas: [groupSchema], displayName: 'g', members: [{ value: user.id }] },
    })
  ).json;
  const member = (await server.request('GET', `/Users/${user.id}`)).json;
  const references = [
    group.meta.location,
    group.members[0].$ref,
    member.meta.location,
    member.groups[0].$ref,
  ];
  const ids = [group.id, user.id, user.id, group.id];
  for (const [index, reference] of references.entries()) {
    const answer = await server.request('GET', reference);
    assert.equal(answer.status, 200, reference);
    assert.equal(answer.json.id, ids[index]);
  }
  await server.request('DELETE', `/Users/${user.id}`);
  refused(await server.request('GET', member.meta.location), 404);
});

test('S-2.3.7-05: a reference to a resource that does not exist is accepted, in members and in manager', async () => {
  const group = await server.request('POST', '/Groups', {
    body: {
      schemas: [groupSchema],
      displayName: 'ghosts',
      members: [{ value: 'no-such-id', display: 'Nobody' }],
    },
  });
  assert.equal(group.status, 201);
  assert.deepEqual(group.json.members, [{ value: 'no-such-id', display: 'Nobody' }]);
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
  const user = await created(newUser({ [enterprise]: { manager: { value: 'no-such-id' } } }));
  assert.equal(user[enterprise].manager.value, 'no-such-id');
});

test('S-2.3.7-06, S-7-25: referenceTypes stand on every reference and only there, as resource types, external or uri', async () => {
  const names = new Set(['external', 'uri', 'User', 'Group', 'Sample']);
  for (const each of await published()) {
    assert.equal(each.type === 'reference', 'referenceTypes' in each, each.name);
    if (each.referenceTypes === undefined) continue;
    assert.ok(Array.isArray(each.referenceTypes) && each.referenceTypes.length > 0, each.name);
    for (const name of each.referenceTypes) assert.ok(names.has(name), `${each.name} ${name}`);
  }
});

test('S-2.3.8-01: the order of members in an object means nothing', async () => {
  const address = { type: 'work', locality: 'Hollywood', country: 'US' };
  const one = await created(newUser({ name: { givenName: 'B', familyName: 'J' }, addresses: [address] }));
  const reversed = Object.fromEntries(Object.entries(address).reverse());
  const other = await server.request('PUT', `/Users/${one.id}`, {
    body: {
      addresses: [reversed],
      name: { familyName: 'J', givenName: 'B' },
      userName: one.userName,
      schemas: one.schemas,
    },
  });
  assert.deepEqual(other.json, one);
  const patched = await server.request('PATCH', `/Users/${one.id}`, {
    body: {
      Operations: [{ value: 'Babs', path: 'nickName', op: 'add' }],
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    },
  });
  assert.equal(patched.json.nickName, 'Babs');
});

test('S-2.3.8-02: no complex attribute holds a complex one, in schemas and in values', async () => {
  const { json } = await server.request('GET', '/Schemas');
  const schemas = json.Resources as { id: string; attributes: Definition[] }[];
  const nested = schemas
    .filter(({ id }) => id !== 'urn:ietf:params:scim:schemas:core:2.0:Schema')
    .flatMap(({ attributes }) => attributes.flatMap((each) => each.subAttributes ?? []))
    .filter((sub) => sub.type === 'complex');
  assert.deepEqual(nested, []);
  refused(
    await post(newUser({ name: { familyName: { value: 'Jensen' } } }), strict),
    400,
    'invalidValue',
    /name\.familyName/,
  );
});
