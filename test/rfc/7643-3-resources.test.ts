import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
let strict: string;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { tenant: 'default' });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

const created = (body: unknown, path = '/Users') => client.post(path, body);
const found = (filter: string, path = '/Users') => client.find(path, filter);

test('S-3-01: schemas is a non-empty array of distinct URIs', async () => {
  const { schemas: _, ...without } = newUser();
  for (const schemas of [
    undefined,
    null,
    [],
    userSchema,
    [userSchema, userSchema],
    [userSchema, userSchema.toUpperCase()],
    [7],
    {},
  ]) {
    const body = { ...without, ...(schemas === undefined ? {} : { schemas }) };
    refused(await server.request('POST', '/Users', { body, token: strict }), 400, 'invalidSyntax', /schemas/);
  }
  for (const schemas of [[userSchema, userSchema], [7], [[]], {}, 7]) {
    const body = { ...without, schemas };
    refused(await server.request('POST', '/Users', { body }), 400, 'invalidSyntax', /schemas/);
  }
  assert.deepEqual(await found(`userName eq "${without.userName}"`), []);
});

test('S-3-02: schemas holds nothing but the schema and the extensions of the resource type', async () => {
  for (const foreign of [groupSchema, 'urn:ietf:params:scim:api:messages:2.0:PatchOp']) {
    refused(
      await server.request('POST', '/Users', { body: newUser({ schemas: [userSchema, foreign] }) }),
      400,
      'invalidSyntax',
    );
  }
  const unknown = 'urn:example:params:scim:schemas:extension:nobody:2.0:User';
  const body = newUser({ schemas: [userSchema, unknown], [unknown]: { shoeSize: 43 } });
  refused(await server.request('POST', '/Users', { body, token: strict }), 400, 'invalidSyntax', /nobody/);
  refused(
    await server.request('POST', '/Users', { body: newUser({ [unknown]: { shoeSize: 43 } }), token: strict }),
    400,
    'invalidSyntax',
  );
  const tolerated = (await created(body)).json;
  assert.deepEqual(tolerated.schemas, [userSchema]);
  assert.ok(!(unknown in tolerated));
  const path = `/Users/${tolerated.id}`;
  const put = { ...tolerated, schemas: [userSchema, groupSchema] };
  refused(await server.request('PUT', path, { body: put }), 400, 'invalidSyntax');
  for (const foreign of [groupSchema, unknown]) {
    const add = patchOp({ op: 'add', path: 'schemas', value: [foreign] });
    const answer = await server.request('PATCH', path, { body: add, token: strict });
    assert.equal(answer.status, 400, answer.text);
    await server.request('PATCH', path, { body: add });
  }
  assert.deepEqual((await server.request('GET', path)).json, tolerated);
});

test('S-3-03: the order of schemas changes nothing', async () => {
  const answers = [];
  for (const schemas of [
    [userSchema, enterpriseSchema],
    [enterpriseSchema, userSchema],
  ]) {
    const { json } = await created(newUser({ schemas, [enterpriseSchema]: { department: 'Tours' } }));
    const { id: _, meta: __, userName: ___, ...rest } = json;
    answers.push(rest);
  }
  assert.deepEqual(answers[0], answers[1]);
  const user = (await created(newUser({ [enterpriseSchema]: { department: 'Tours' } }))).json;
  const swapped = { ...user, schemas: [...user.schemas].reverse() };
  const put = await server.request('PUT', `/Users/${user.id}`, { body: swapped });
  assert.deepEqual(put.json, user);
});

test('S-3-05: extension attributes stand only in the object of their URI', async () => {
  const user = (await created(newUser({ employeeNumber: '701984' }))).json;
  assert.ok(!('employeeNumber' in user) && !(enterpriseSchema in user));
  assert.deepEqual(await found(`id eq "${user.id}" and ${enterpriseSchema}:employeeNumber pr`), []);
  const inside = (await created(newUser({ [enterpriseSchema]: { employeeNumber: '701984', title: 'x' } })))
    .json;
  assert.deepEqual(inside[enterpriseSchema], { employeeNumber: '701984' });
  assert.ok(!('title' in inside));
});

test('S-3-06: an extension is named in schemas exactly while it has a value', async () => {
  const user = (await created(newUser({ schemas: [userSchema, enterpriseSchema] }))).json;
  assert.deepEqual(user.schemas, [userSchema]);
  const patch = async (op: string, path: string, value?: unknown) =>
    (
      await server.request('PATCH', `/Users/${user.id}`, {
        body: patchOp({ op, path, ...(value === undefined ? {} : { value }) }),
      })
    ).json;
  const added = await patch('add', `${enterpriseSchema}:department`, 'Tours');
  assert.deepEqual(added.schemas, [userSchema, enterpriseSchema]);
  const twice = await patch('add', `${enterpriseSchema}:manager.value`, 'm');
  assert.deepEqual(twice.schemas, [userSchema, enterpriseSchema]);
  await patch('remove', `${enterpriseSchema}:department`);
  const emptied = await patch('remove', `${enterpriseSchema}:manager`);
  assert.deepEqual(emptied.schemas, [userSchema]);
  assert.ok(!(enterpriseSchema in emptied));
  assert.deepEqual(await found(`id eq "${user.id}" and schemas eq "${enterpriseSchema}"`), []);
});

test('S-3.1-01, S-3.1-05, S-3.1-13: id and meta are the server’s, whatever the client sends', async () => {
  const meta = {
    resourceType: 'Group',
    created: '1999-01-01T00:00:00Z',
    lastModified: 'never',
    version: 'W/"99"',
  };
  const user = (await created(newUser({ id: 'mine', meta }))).json;
  assert.match(user.id, /^[0-9a-f-]{36}$/);
  assert.equal(user.meta.resourceType, 'User');
  assert.equal(user.meta.version, 'W/"1"');
  const age = Date.now() - Date.parse(user.meta.created);
  assert.ok(age >= 0 && age < 60_000);
  refused(await server.request('GET', '/Users/mine'), 404);
  const put = await server.request('PUT', `/Users/${user.id}`, { body: { ...user, id: 'mine', meta } });
  assert.equal(put.status, 200);
  assert.deepEqual(put.json, user);
  for (const path of ['meta', 'meta.created', 'id']) {
    const body = patchOp({ op: 'replace', path, value: path === 'meta' ? meta : '1999-01-01T00:00:00Z' });
    refused(await server.request('PATCH', `/Users/${user.id}`, { body }), 400, 'mutability');
  }
  assert.deepEqual((await server.request('GET', `/Users/${user.id}`)).json, user);
});

test('S-3.1-02, S-7-16: every representation has the id, whatever attributes are asked for', async () => {
  const body = newUser({ nickName: 'x' });
  for (const parameters of [
    '',
    '?attributes=nickName',
    '?excludedAttributes=id,nickName',
    '?attributes=userName',
    '?attributes=none',
  ]) {
    const user = await created({ ...body, userName: newUser().userName }, `/Users${parameters}`);
    const path = `/Users/${user.json.id}`;
    const answers = [
      user.json,
      (await server.request('GET', path + parameters)).json,
      (await server.request('PUT', path + parameters, { body })).json,
      (
        await server.request('PATCH', path + parameters, {
          body: patchOp({ op: 'add', path: 'nickName', value: 'y' }),
        })
      ).json,
      ...(await server.request('GET', `/Users${parameters}`)).json.Resources,
    ];
    for (const json of answers) {
      assert.match(json.id, /./);
      assert.equal(json.schemas[0], userSchema);
    }
    assert.equal((await server.request('DELETE', path)).status, 204);
  }
});

test('S-3.1-02, S-7-16: so has every representation of a group, of a list over all types and of a search', async () => {
  const member = (await created(newUser())).json;
  for (const [name, names] of [
    ['attributes', ['externalId']],
    ['attributes', ['members.display']],
    ['excludedAttributes', ['id', 'displayName', 'members']],
  ] as const) {
    const search = `?${name}=${names.join()}`;
    const members = [{ value: member.id }];
    const { id } = (await created(newGroup({ members }), `/Groups${search}`)).json;
    const path = `/Groups/${id}${search}`;
    const add = patchOp({ op: 'add', path: 'members', value: [{ value: 'other' }] });
    const query = { schemas: [searchSchema], filter: `id eq "${id}"`, [name]: names };
    const [listed, root, searched, everywhere] = [
      await server.request('GET', `/Groups${search}&filter=id%20eq%20%22${id}%22`),
      await server.request('GET', `/${search}&filter=id%20eq%20%22${id}%22`),
      await server.request('POST', '/Groups/.search', { body: query }),
      await server.request('POST', '/.search', { body: query }),
    ];
    for (const { json, text } of [
      await server.request('GET', path),
      await server.request('PATCH', path, { body: add }),
      await server.request('PUT', path, { body: newGroup({ members }) }),
    ]) {
      assert.equal(json?.id, id, text);
    }
    for (const { json, text } of [listed, root, searched, everywhere])
      assert.equal(json.Resources?.[0]?.id, id, text);
  }
});

test('S-3.1-03, S-3.1-06: ids are unique over all types and never hold the word bulkId', async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 40; i++) {
    ids.add((await created(newUser())).json.id);
    ids.add((await created(newGroup(), '/Groups')).json.id);
  }
  assert.equal(ids.size, 80);
  for (const id of ids) assert.ok(!/bulkid/i.test(id));
  const [user] = ids;
  refused(await server.request('GET', `/Groups/${user}`), 404);
});

test('S-3.1-04: an id outlives every change and is never given again', async () => {
  const body = newUser();
  const { id } = (await created(body)).json;
  const { userName } = newUser();
  const put = await server.request('PUT', `/Users/${id}`, {
    body: { ...body, userName, externalId: 'other' },
  });
  assert.equal(put.json.id, id);
  const patch = patchOp({ op: 'replace', path: 'userName', value: body.userName });
  assert.equal((await server.request('PATCH', `/Users/${id}`, { body: patch })).json.id, id);
  assert.equal((await server.request('DELETE', `/Users/${id}`)).status, 204);
  const again = (await created(body)).json;
  assert.notEqual(again.id, id);
  refused(await server.request('GET', `/Users/${id}`), 404);
});

test('S-3.1-07: id is case-exact', async () => {
  let id = '';
  while (!/[a-f]/.test(id)) ({ id } = (await created(newUser())).json);
  refused(await server.request('GET', `/Users/${id.toUpperCase()}`), 404);
  refused(await server.request('DELETE', `/Users/${id.toUpperCase()}`), 404);
  refused(await server.request('PUT', `/Users/${id.toUpperCase()}`, { body: newUser() }), 404);
  const title = patchOp({ op: 'add', path: 'title', value: 'x' });
  refused(await server.request('PATCH', `/Users/${id.toUpperCase()}`, { body: title }), 404);
  assert.deepEqual(await found(`id eq "${id}"`), [id]);
  assert.deepEqual(await found(`id eq "${id.toUpperCase()}"`), []);
});

test('S-3.1-07: id is readOnly and returned always', async () => {
  const user = (await created(newUser())).json;
  const path = `/Users/${user.id}`;
  for (const operation of [
    { op: 'replace', path: 'id', value: 'mine' },
    { op: 'add', value: { id: 'mine' } },
    { op: 'remove', path: 'id' },
  ]) {
    const answer = await server.request('PATCH', path, { body: patchOp(operation), token: strict });
    refused(answer, 400, 'mutability');
  }
  const put = await server.request('PUT', path, { body: { ...user, id: user.id.toUpperCase() } });
  assert.deepEqual(put.json, user);
  for (const search of ['attributes=userName', 'excludedAttributes=id', 'excludedAttributes=ID'])
    assert.equal((await server.request('GET', `${path}?${search}`)).json.id, user.id, search);
});

test('S-3.1-08, S-7-10: externalId is never invented and comes back to the byte', async () => {
  assert.ok(!('externalId' in (await created(newUser())).json));
  assert.ok(!('externalId' in (await created(newGroup(), '/Groups')).json));
  for (const externalId of ['AbC', ' a b ', 'é', 'e\u0301', '00Ü/\\"?', '𝔘']) {
    const user = (await created(newUser({ externalId }))).json;
    assert.equal(user.externalId, externalId);
    assert.equal((await server.request('GET', `/Users/${user.id}`)).json.externalId, externalId);
    assert.deepEqual(await found(`externalId eq ${JSON.stringify(externalId)}`), [user.id]);
  }
});

test('S-3.1-09: externalId belongs to the tenant that set it', async () => {
  const other = await newClient(server, { tenant: 'elsewhere' });
  const mine = (await created(newUser({ externalId: 'shared' }))).json;
  const theirs = await other.create('/Users', newUser({ externalId: 'shared' }));
  assert.deepEqual(await found('externalId eq "shared"'), [mine.id]);
  assert.deepEqual(await other.find('/Users', 'externalId eq "shared"'), [theirs.id]);
});

test('S-3.1-10: externalId need not be unique', async () => {
  const ids = [];
  for (let i = 0; i < 2; i++) ids.push((await created(newUser({ externalId: 'twice' }))).json.id);
  assert.deepEqual(await found('externalId eq "twice"'), ids);
});

test('S-3.1-11, S-7-13: externalId is case-exact, and can be changed and cleared', async () => {
  const user = (await created(newUser({ externalId: 'Exact' }))).json;
  assert.deepEqual(await found('externalId eq "Exact"'), [user.id]);
  assert.deepEqual(await found('externalId eq "exact"'), []);
  const patch = (op: string, value?: string) =>
    server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op, path: 'externalId', ...(value === undefined ? {} : { value }) }),
    });
  assert.equal((await patch('replace', 'Other')).json.externalId, 'Other');
  assert.ok(!('externalId' in (await patch('remove')).json));
  const put = async (externalId?: string) =>
    (await server.request('PUT', `/Users/${user.id}`, { body: { ...user, externalId } })).json;
  assert.equal((await put('Third')).externalId, 'Third');
  assert.ok(!('externalId' in (await put())));
  assert.deepEqual(await found('externalId eq "Third"'), []);
});

test('S-3.1-12: groups have an externalId too', async () => {
  const group = (await created(newGroup({ externalId: 'G-1' }), '/Groups')).json;
  assert.equal(group.externalId, 'G-1');
  assert.deepEqual(await found('externalId eq "G-1"', '/Groups'), [group.id]);
});

test('S-3.1-14: meta and its parts are returned by default', async () => {
  const user = (await created(newUser())).json;
  const get = async (parameters: string) =>
    (await server.request('GET', `/Users/${user.id}?${parameters}`)).json;
  assert.ok(!('meta' in (await get('attributes=userName'))));
  assert.deepEqual((await get('attributes=meta.location')).meta, { location: user.meta.location });
  assert.deepEqual((await get('attributes=meta')).meta, user.meta);
  const { version: _, ...rest } = user.meta;
  assert.deepEqual((await get('excludedAttributes=meta.version')).meta, rest);
  assert.ok(!('meta' in (await get('excludedAttributes=meta'))));
  assert.deepEqual(Object.keys(user.meta).sort(), [
    'created',
    'lastModified',
    'location',
    'resourceType',
    'version',
  ]);
});

test('S-3.1-14: each part of meta is readOnly', async () => {
  const wrong: Record<string, string> = {
    resourceType: 'Thing',
    created: '1999-01-01T00:00:00Z',
    lastModified: '1999-01-01T00:00:00Z',
    location: 'https://elsewhere.example/Users/1',
    version: 'W/"99"',
  };
  for (const [endpoint, body] of [
    ['/Users', newUser({ meta: wrong })],
    ['/Groups', newGroup({ meta: wrong })],
  ] as const) {
    const resource = (await created(body, endpoint)).json;
    const path = `${endpoint}/${resource.id}`;
    for (const [name, value] of Object.entries(wrong)) {
      assert.notEqual(resource.meta[name], value, name);
      for (const operation of [
        { op: 'replace', path: `meta.${name}`, value },
        { op: 'add', path: `meta.${name}`, value },
        { op: 'remove', path: `meta.${name}` },
      ]) {
        refused(await server.request('PATCH', path, { body: patchOp(operation) }), 400, 'mutability');
      }
    }
    const put = await server.request('PUT', path, { body: { ...resource, meta: wrong } });
    assert.deepEqual(put.json, resource);
    assert.deepEqual((await server.request('GET', path)).json, resource);
  }
});

test('S-3.1-15, S-6-02: meta.resourceType is the name of the resource type', async () => {
  const { json } = await server.request('GET', '/ResourceTypes');
  for (const { name, endpoint } of json.Resources) {
    const body = endpoint === '/Users' ? newUser() : newGroup();
    const resource = (await created(body, endpoint)).json;
    assert.equal(resource.meta.resourceType, name);
    assert.deepEqual(await found(`id eq "${resource.id}" and meta.resourceType eq "${name}"`, endpoint), [
      resource.id,
    ]);
    assert.deepEqual(await found(`meta.resourceType eq "${name.toLowerCase()}"`, endpoint), []);
  }
});

test('S-3.1-16, S-3.1-17: created stays; lastModified begins with it and moves with every effective change', async () => {
  const before = Date.now();
  const user = (await created(newUser())).json;
  const path = `/Users/${user.id}`;
  const at = Date.parse(user.meta.created);
  assert.ok(at >= before - 1000 && at <= Date.now() + 1000);
  assert.equal(user.meta.lastModified, user.meta.created);
  let last = user.meta;
  const effective = [
    ['PATCH', patchOp({ op: 'add', path: 'nickName', value: 'Babs' })],
    ['PUT', { ...user, nickName: 'B' }],
    ['PATCH', patchOp({ op: 'remove', path: 'nickName' })],
  ] as const;
  for (const [method, body] of effective) {
    const { meta } = (await server.request(method, path, { body })).json;
    assert.equal(meta.created, user.meta.created);
    assert.ok(meta.lastModified > last.lastModified);
    assert.notEqual(meta.version, last.version);
    last = meta;
  }
  const without = [
    ['PATCH', patchOp({ op: 'replace', path: 'userName', value: user.userName })],
    ['PATCH', patchOp({ op: 'remove', path: 'title' })],
    ['PUT', user],
  ] as const;
  for (const [method, body] of without) {
    const answer = await server.request(method, path, { body });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json.meta, last);
  }
});

test('S-3.1-17: lastModified of a group moves when its members do, and only then', async () => {
  const group = (await created(newGroup(), '/Groups')).json;
  assert.equal(group.meta.lastModified, group.meta.created);
  const path = `/Groups/${group.id}`;
  let last = group.meta;
  const add = patchOp({ op: 'add', path: 'members', value: [{ value: 'a' }, { value: 'b' }] });
  const remove = patchOp({ op: 'remove', path: 'members[value eq "a"]' });
  for (const [body, effective] of [
    [add, true],
    [add, false],
    [remove, true],
    [remove, false],
    [patchOp({ op: 'replace', path: 'members', value: [{ value: 'b' }] }), false],
    [patchOp({ op: 'replace', path: 'members', value: [{ value: 'c' }] }), true],
  ] as const) {
    const { meta } = (await server.request('PATCH', path, { body })).json;
    if (effective) assert.ok(meta.lastModified > last.lastModified, JSON.stringify(body));
    else assert.deepEqual(meta, last, JSON.stringify(body));
    assert.equal(meta.created, group.meta.created);
    last = meta;
  }
});

test('S-3.1-18: meta.location is where the resource is, and what Location and Content-Location say', async () => {
  const answer = await created(newUser());
  const { location } = answer.json.meta;
  assert.equal(location, `${server.base}/Users/${answer.json.id}`);
  assert.equal(answer.headers.get('location'), location);
  const got = await server.request('GET', location);
  assert.equal(got.status, 200);
  assert.equal(got.json.id, answer.json.id);
  assert.equal(got.headers.get('location'), location);
  assert.equal(got.headers.get('content-location'), location);
  const put = await server.request('PUT', location, { body: answer.json });
  assert.equal(put.headers.get('content-location'), location);
});

test('S-3.1-18, S-3.1-19: Location, Content-Location and ETag are those of meta in the answer to every method, with and without a body', async () => {
  for (const [endpoint, body, change] of [
    ['/Users', newUser(), { op: 'add', path: 'externalId', value: 'x' }],
    ['/Groups', newGroup(), { op: 'add', path: 'externalId', value: 'x' }],
    ['/Groups', newGroup(), { op: 'add', path: 'members', value: [{ value: 'm' }] }],
  ] as const) {
    const post = await created(body, endpoint);
    const path = `${endpoint}/${post.json.id}`;
    const get = () => server.request('GET', path);
    const put = await server.request('PUT', path, { body: { ...body, externalId: 'y' } });
    const patch = await server.request('PATCH', path, { body: patchOp(change) });
    for (const { status, headers, json } of [
      post,
      await created({ ...body, ...other(endpoint) }, endpoint),
      put,
      patch,
    ]) {
      assert.ok(status < 300);
      assert.equal(headers.get('location'), json.meta.location);
      assert.equal(headers.get('content-location'), json.meta.location);
      assert.equal(headers.get('etag'), json.meta.version);
    }
    const minimal = { prefer: 'return=minimal' };
    for (const [method, sent] of [
      ['PUT', { ...body, externalId: 'z' }],
      ['PATCH', patchOp({ op: 'replace', path: 'externalId', value: 'w' })],
    ] as const) {
      const answer = await server.request(method, path, { body: sent, headers: minimal });
      const { meta } = (await get()).json;
      assert.equal(answer.status, 204);
      assert.equal(answer.headers.get('location'), meta.location, method);
      assert.equal(answer.headers.get('content-location'), meta.location, method);
      assert.equal(answer.headers.get('etag'), meta.version, method);
    }
    const read = await get();
    assert.equal(read.headers.get('location'), read.json.meta.location);
    assert.equal(read.headers.get('content-location'), read.json.meta.location);
    assert.equal(read.headers.get('etag'), read.json.meta.version);
  }
});

const other = (endpoint: string) =>
  endpoint === '/Users' ? { userName: newUser().userName } : { displayName: newGroup().displayName };

test('S-3.1-19, S-3.1-20: meta.version is the ETag, marked weak with W/', async () => {
  const post = await created(newUser());
  const path = `/Users/${post.json.id}`;
  const answers = [
    post,
    await server.request('GET', path),
    await server.request('PUT', path, { body: { ...post.json, title: 'a' } }),
    await server.request('PATCH', path, { body: patchOp({ op: 'add', path: 'title', value: 'b' }) }),
    await server.request('GET', path),
  ];
  const versions = answers.map((answer) => {
    assert.match(answer.json.meta.version, /^W\/"[\x21\x23-\x7e]+"$/);
    assert.equal(answer.headers.get('etag'), answer.json.meta.version);
    return answer.json.meta.version;
  });
  assert.equal(new Set(versions).size, 3);
});

test('S-3.1-21: a version is case-exact', async () => {
  const user = await created(newUser());
  const path = `/Users/${user.json.id}`;
  const ask = (tag: string) => server.request('GET', path, { headers: { 'if-none-match': tag } });
  const { version } = user.json.meta;
  assert.equal((await ask(version)).status, 304);
  assert.equal((await ask(version.replace('W/', 'w/'))).status, 200);
  refused(
    await server.request('DELETE', path, { headers: { 'if-match': version.replace('W/', 'w/') } }),
    412,
  );
  assert.deepEqual(
    await found(`id eq "${user.json.id}" and meta.version eq ${JSON.stringify(version.replace('W', 'w'))}`),
    [],
  );
});
