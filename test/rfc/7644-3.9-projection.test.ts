import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bulkSchema,
  enterpriseSchema,
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
before(async () => {
  server = await startScimd();
  client = await newClient(server);
});
after(() => server.close());

const values = () =>
  newUser({
    schemas: [userSchema, enterpriseSchema],
    name: { givenName: 'Barbara', familyName: 'Jensen' },
    displayName: 'Babs',
    emails: [
      { value: 'a@example.com', type: 'work', primary: true },
      { value: 'b@example.com', type: 'home' },
    ],
    [enterpriseSchema]: { employeeNumber: '7', department: 'Tours', manager: { value: 'm' } },
  });

/** The user as each operation that returns it shows it under these parameters. */
async function shown(search: string): Promise<readonly (readonly [string, Record<string, unknown>])[]> {
  const parameters = `?${search}`;
  const post = await client.request('POST', `/Users${parameters}`, { body: values() });
  assert.equal(post.status, 201, post.text);
  const whole = values();
  const { id } = post.json;
  const put = await client.request('PUT', `/Users/${id}${parameters}`, { body: whole });
  const patch = await client.request('PATCH', `/Users/${id}${parameters}`, {
    body: patchOp({ op: 'replace', path: 'displayName', value: 'Barbara' }),
  });
  const get = await client.request('GET', `/Users/${id}${parameters}`);
  const list = await client.request('GET', `/Users${parameters}&filter=id+eq+"${id}"`);
  const root = await client.request('GET', `/${parameters}&filter=id+eq+"${id}"`);
  const [name = '', names = ''] = search.split('=');
  const searched = await client.request('POST', '/Users/.search', {
    body: {
      schemas: [searchSchema],
      filter: `id eq "${id}"`,
      [name]: decodeURIComponent(names).split(','),
    },
  });
  for (const answer of [put, patch, get, list, root, searched]) assert.equal(answer.status, 200, answer.text);
  return [
    ['POST', post.json],
    ['PUT', put.json],
    ['PATCH', patch.json],
    ['GET', get.json],
    ['list', list.json.Resources[0]],
    ['root', root.json.Resources[0]],
    ['search', searched.json.Resources[0]],
  ];
}

test('P-3.9-01: whatever returns a resource returns what is returned always and by default, unless told otherwise', async () => {
  const expected = [
    'active',
    'displayName',
    'emails',
    'id',
    'meta',
    'name',
    'schemas',
    enterpriseSchema,
    'userName',
  ];
  for (const [what, user] of await shown('ignored=1')) {
    assert.deepEqual(Object.keys(user).sort(), [...expected].sort(), what);
  }
  const bulk = await client.request('POST', '/Bulk', {
    body: {
      schemas: [bulkSchema],
      Operations: [{ method: 'POST', path: '/Users', bulkId: 'a', data: values() }],
    },
  });
  assert.ok(!('response' in bulk.json.Operations[0]), 'a bulk answer need not hold the resource');
});

test('P-3.4.2.5-01, P-3.4.2.5-02, P-3.9-02: attributes gives those named and what is always returned, on every operation', async () => {
  for (const [what, user] of await shown('attributes=userName,emails')) {
    assert.deepEqual(Object.keys(user).sort(), ['emails', 'id', 'schemas', 'userName'], what);
  }
  for (const [what, user] of await shown('attributes=displayName')) {
    assert.deepEqual(Object.keys(user).sort(), ['displayName', 'id', 'schemas'], what);
  }
  for (const [what, user] of await shown('attributes=nope')) {
    assert.deepEqual(Object.keys(user).sort(), ['id', 'schemas'], what);
  }
});

test('P-3.4.2.5-01, P-3.9-03: excludedAttributes takes away what is named and nothing else, on every operation', async () => {
  const rest = ['active', 'displayName', 'emails', 'id', 'schemas', enterpriseSchema, 'userName'].sort();
  for (const [what, user] of await shown('excludedAttributes=name,meta')) {
    assert.deepEqual(Object.keys(user).sort(), rest, what);
  }
  for (const [what, user] of await shown('excludedAttributes=name.givenName')) {
    assert.deepEqual(user.name, { familyName: 'Jensen' }, what);
  }
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }, { value: 'b' }] }));
  const read = await client.read(`/Groups/${group.id}`, { excludedAttributes: 'members' });
  const { members: _, ...others } = group;
  assert.deepEqual(read, others);
  const [listed] = (await client.read('/Groups', { excludedAttributes: 'members' })).Resources;
  assert.deepEqual(listed, others);
});

test('P-3.4.2.5-03: excludedAttributes never takes away what is always returned', async () => {
  for (const [what, user] of await shown('excludedAttributes=id,schemas,userName')) {
    assert.ok(user.id, what);
    assert.deepEqual(user.schemas, [userSchema, enterpriseSchema], what);
  }
  for (const [what, user] of await shown('excludedAttributes=id.x,ID')) assert.ok(user.id, what);
});

test('P-3.4.2.5-04, P-3.10-01: attributes are named in standard notation, with URN and sub-attributes, in any case', async () => {
  for (const names of [
    `name.givenName,${enterpriseSchema}:employeeNumber`,
    `${userSchema}:name.givenName,${enterpriseSchema}:employeeNumber`,
    `NAME.GIVENNAME,${enterpriseSchema.toUpperCase()}:EMPLOYEENUMBER`,
  ]) {
    for (const [what, user] of await shown(`attributes=${encodeURIComponent(names)}`)) {
      assert.deepEqual(Object.keys(user).sort(), ['id', 'name', 'schemas', enterpriseSchema].sort(), what);
      assert.deepEqual(user.name, { givenName: 'Barbara' }, what);
      assert.deepEqual(user[enterpriseSchema], { employeeNumber: '7' }, what);
    }
  }
  for (const [what, user] of await shown(`attributes=${encodeURIComponent(enterpriseSchema)}`)) {
    assert.deepEqual(
      user[enterpriseSchema],
      { employeeNumber: '7', department: 'Tours', manager: { value: 'm' } },
      what,
    );
  }
  for (const [what, user] of await shown(
    `excludedAttributes=${encodeURIComponent(`${enterpriseSchema}:manager`)}`,
  )) {
    assert.deepEqual(user[enterpriseSchema], { employeeNumber: '7', department: 'Tours' }, what);
  }
});

test('P-3.9-04: attributes and excludedAttributes exclude one another', async () => {
  const { id } = await client.create('/Users', newUser());
  const both = 'attributes=userName&excludedAttributes=name';
  refused(await client.request('GET', `/Users?${both}`), 400, 'invalidValue', /excludedAttributes/);
  refused(await client.request('GET', `/Users/${id}?${both}`), 400, 'invalidValue');
  const before = (await client.read('/Users')).totalResults;
  refused(await client.request('POST', `/Users?${both}`, { body: newUser() }), 400, 'invalidValue');
  refused(
    await client.request('PATCH', `/Users/${id}?${both}`, { body: patchOp({ op: 'remove', path: 'title' }) }),
    400,
    'invalidValue',
  );
  const put = { body: newUser({ title: 'x' }) };
  refused(await client.request('PUT', `/Users/${id}?${both}`, put), 400, 'invalidValue');
  refused(await client.request('GET', `/?${both}`), 400, 'invalidValue');
  const body = { schemas: [searchSchema], attributes: ['userName'], excludedAttributes: ['name'] };
  for (const path of ['/Users/.search', '/.search'])
    refused(await client.request('POST', path, { body }), 400, 'invalidValue', /excludedAttributes/);
  assert.equal((await client.read('/Users')).totalResults, before);
  assert.equal((await client.read(`/Users/${id}`)).meta.version, 'W/"1"');
});

test('P-3.9-05: names are separated by commas with or without blanks; unknown ones are ignored', async () => {
  for (const names of ['userName,%20nope', '%20userName%20,', ',,userName', 'userName,a%5Bb,1x,name.nope']) {
    for (const [what, user] of await shown(`attributes=${names}`)) {
      assert.deepEqual(Object.keys(user).sort(), ['id', 'schemas', 'userName'], `${what} ${names}`);
    }
  }
});

test('P-3.9-06: a sub-attribute is returned within its parent, one object for each value', async () => {
  for (const [what, user] of await shown('attributes=emails.value,name.familyName')) {
    assert.deepEqual(user.emails, [{ value: 'a@example.com' }, { value: 'b@example.com' }], what);
    assert.deepEqual(user.name, { familyName: 'Jensen' }, what);
    assert.deepEqual(Object.keys(user).sort(), ['emails', 'id', 'name', 'schemas'], what);
  }
  for (const [what, user] of await shown('attributes=meta.version')) {
    assert.deepEqual(Object.keys(user.meta as object), ['version'], what);
  }
});
