import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { compileRegistry } from '../../src/scim/registry.ts';
import { standardResourceTypes, standardSchemas } from '../../src/scim/standard.ts';
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
import { lab, labRegistry, sampleSchema, seal, twin } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server, { tenant: 'default' });
});
after(() => server.close());

const created = (body: unknown, path = '/Users') => client.create(path, body);
const found = (filter: string, path = '/Users') => client.find(path, filter);

const newSample = (more: Record<string, unknown> = {}) => ({
  schemas: [sampleSchema, seal],
  name: 'Basalt',
  [seal]: { number: 7 },
  ...more,
});

test('S-3-04: id, externalId and meta are on every resource, though its schema does not have them', async () => {
  const sample = await created(newSample({ externalId: 'S-1' }), '/Samples');
  assert.match(sample.id, /./);
  assert.equal(sample.externalId, 'S-1');
  assert.equal(sample.meta.resourceType, 'Sample');
  assert.equal(sample.meta.location, `${server.base}/Samples/${sample.id}`);
  assert.deepEqual((await server.request('GET', `/Samples/${sample.id}`)).json, sample);
  assert.deepEqual(await found('externalId eq "S-1" and meta.created pr', '/Samples'), [sample.id]);
});

test('S-3.1-22: what a schema says of id, externalId and meta does not count', async () => {
  const sample = await created(newSample({ id: 'mine', externalId: 'Twice' }), '/Samples');
  assert.notEqual(sample.id, 'mine');
  await created(newSample({ externalId: 'Twice' }), '/Samples');
  assert.deepEqual(await found('externalId eq "twice"', '/Samples'), []);
  const { json } = await server.request('GET', `/Schemas/${sampleSchema}`);
  const listed = new Map(json.attributes.map((each: { name: string }) => [each.name, each]));
  const facts = (name: string) => {
    const { caseExact, mutability, returned, uniqueness } = listed.get(name) as Record<string, unknown>;
    return [caseExact, mutability, returned, uniqueness];
  };
  assert.deepEqual(facts('id'), [true, 'readOnly', 'always', 'server']);
  assert.deepEqual(facts('externalId'), [true, 'readWrite', 'default', 'none']);
});

test('S-3.2-01: a further resource type has its name, endpoint, schema and extensions, and works', async () => {
  const type = (await server.request('GET', '/ResourceTypes/Sample')).json;
  assert.deepEqual(type, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: 'Sample',
    name: 'Sample',
    description: 'Sample',
    endpoint: '/Samples',
    schema: sampleSchema,
    schemaExtensions: [{ schema: seal, required: true }],
    meta: { resourceType: 'ResourceType', location: `${server.base}/ResourceTypes/Sample` },
  });
  for (const urn of [sampleSchema, seal]) {
    assert.equal((await server.request('GET', `/Schemas/${urn}`)).json.id, urn);
  }
  const sample = await created(newSample({ name: 'Obsidian' }), '/Samples');
  assert.deepEqual(await found(`name eq "obsidian" and ${seal}:number eq 7`, '/Samples'), [sample.id]);
  const path = `/Samples/${sample.id}`;
  const patched = await server.request('PATCH', path, {
    body: patchOp({ op: 'add', path: `${seal}:colour`, value: 'red' }),
  });
  assert.deepEqual(patched.json[seal], { number: 7, colour: 'red' });
  assert.equal((await server.request('DELETE', path)).status, 204);
  refused(await server.request('GET', path), 404);
});

test('S-3.3-01: schemas holds at least the base schema', async () => {
  for (const [path, schemas, body] of [
    ['/Users', [enterpriseSchema], newUser()],
    ['/Samples', [seal], newSample()],
    ['/Groups', [userSchema], newGroup()],
  ] as const) {
    refused(await server.request('POST', path, { body: { ...body, schemas } }), 400, 'invalidSyntax');
    const resource = await created(body, path);
    const one = `${path}/${resource.id}`;
    refused(await server.request('PUT', one, { body: { ...resource, schemas } }), 400, 'invalidSyntax');
    assert.deepEqual((await server.request('GET', one)).json, resource);
  }
});

test('S-3.3-02: extension attributes live in an object named by the URI as registered', async () => {
  const user = await created(newUser({ [enterpriseSchema.toLowerCase()]: { department: 'Tours' } }));
  const json = (await server.request('GET', `/Users/${user.id}`)).json;
  assert.deepEqual(json[enterpriseSchema], { department: 'Tours' });
  assert.ok(!('department' in json) && !(enterpriseSchema.toLowerCase() in json));
});

test('S-3.3-03: extensions are additive: two that define one name keep two values', async () => {
  const user = await created(newUser({ [lab]: { label: 'from lab' }, [twin]: { label: 'from twin' } }));
  assert.deepEqual(user.schemas, [userSchema, lab, twin]);
  assert.deepEqual([user[lab], user[twin]], [{ label: 'from lab' }, { label: 'from twin' }]);
  assert.deepEqual(await found(`${twin}:label eq "from twin"`), [user.id]);
  assert.deepEqual(await found(`${lab}:label eq "from twin"`), []);
  const ambiguous = await server.request('GET', `/Users?${new URLSearchParams({ filter: 'label pr' })}`);
  refused(ambiguous, 400, 'invalidFilter');
  const patch = patchOp({ op: 'replace', path: `${twin}:label`, value: 'changed' });
  const { json } = await server.request('PATCH', `/Users/${user.id}`, { body: patch });
  assert.deepEqual([json[lab], json[twin]], [{ label: 'from lab' }, { label: 'changed' }]);
  refused(
    await server.request('PATCH', `/Users/${user.id}`, { body: patchOp({ op: 'remove', path: 'label' }) }),
    400,
    'invalidPath',
  );
});

test('S-3.3-04: the standard extension redefines no core attribute', async () => {
  const names = async (urn: string) =>
    (await server.request('GET', `/Schemas/${urn}`)).json.attributes.map(
      (each: { name: string }) => each.name,
    );
  const core = new Set([...(await names(userSchema)), 'id', 'externalId', 'meta', 'schemas']);
  const extension = await names(enterpriseSchema);
  assert.equal(extension.length, 6);
  assert.deepEqual(
    extension.filter((name: string) => core.has(name)),
    [],
  );
});

test('S-3.3-05, S-6-06: a required extension must be there, with what it requires', async () => {
  const { [seal]: _, ...without } = newSample();
  for (const body of [
    without,
    { ...without, [seal]: null },
    { ...without, [seal]: {} },
    { ...without, [seal]: { colour: 'red' } },
  ]) {
    refused(await server.request('POST', '/Samples', { body }), 400, 'invalidValue', new RegExp(seal));
  }
  const sample = await created(newSample(), '/Samples');
  const path = `/Samples/${sample.id}`;
  refused(await server.request('PUT', path, { body: without }), 400, 'invalidValue');
  refused(
    await server.request('PATCH', path, { body: patchOp({ op: 'remove', path: seal }) }),
    400,
    'mutability',
  );
  refused(
    await server.request('PATCH', path, { body: patchOp({ op: 'remove', path: `${seal}:number` }) }),
    400,
    'mutability',
  );
  assert.deepEqual((await server.request('GET', path)).json, sample);
  const renamed = await server.request('PATCH', path, {
    body: patchOp({ op: 'replace', path: 'name', value: 'Granite' }),
  });
  assert.equal(renamed.status, 200, renamed.text);
});

test('S-6-06: an extension that is not required may be left out, but not be incomplete', async () => {
  const badge: SchemaDefinition = {
    id: 'urn:example:params:scim:schemas:extension:badge:2.0:User',
    attributes: [{ name: 'number', required: true }, { name: 'colour' }],
  };
  const mark: SchemaDefinition = {
    id: 'urn:example:params:scim:schemas:extension:mark:2.0:Group',
    attributes: [{ name: 'level', required: true }],
  };
  const own = await startScimd({
    registry: compileRegistry(
      [...standardSchemas, badge, mark],
      standardResourceTypes.map((type) => ({
        ...type,
        schemaExtensions:
          type.name === 'User'
            ? [{ schema: badge.id, required: false }]
            : [{ schema: mark.id, required: true }],
      })),
    ),
  });
  try {
    const user = await own.request('POST', '/Users', { body: newUser() });
    assert.equal(user.status, 201, user.text);
    const incomplete = { [badge.id]: { colour: 'red' } };
    refused(await own.request('POST', '/Users', { body: newUser(incomplete) }), 400, 'invalidValue');
    const patch = { body: patchOp({ op: 'add', path: `${badge.id}:colour`, value: 'red' }) };
    refused(await own.request('PATCH', `/Users/${user.json.id}`, patch), 400, 'invalidValue');
    refused(await own.request('POST', '/Groups', { body: newGroup() }), 400, 'invalidValue');
    const group = await own.request('POST', '/Groups', {
      body: newGroup({ schemas: [groupSchema, mark.id], [mark.id]: { level: 'high' } }),
    });
    assert.equal(group.status, 201, group.text);
    // The members of a group are changed without reading the rest of it.
    const joined = await own.request('PATCH', `/Groups/${group.json.id}`, {
      body: patchOp({ op: 'add', path: 'members', value: [{ value: user.json.id }] }),
    });
    assert.equal(joined.status, 200, joined.text);
    assert.deepEqual(joined.json[mark.id], { level: 'high' });
    assert.equal(joined.json.members[0].value, user.json.id);
  } finally {
    await own.close();
  }
});

test('S-2.3.7-04, S-4.1.2-11: a user refers to a group of another resource type where that is', async () => {
  const crew: SchemaDefinition = {
    id: 'urn:example:params:scim:schemas:2.0:Crew',
    attributes: [
      { name: 'displayName', required: true },
      {
        name: 'members',
        type: 'complex',
        multiValued: true,
        subAttributes: [
          { name: 'value', caseExact: true },
          { name: '$ref', type: 'reference', referenceTypes: ['User', 'Group'] },
        ],
      },
    ],
  };
  const own = await startScimd({
    registry: compileRegistry(
      [...standardSchemas, crew],
      [...standardResourceTypes, { name: 'Crew', endpoint: '/Crews', schema: crew.id }],
    ),
  });
  try {
    const { id } = (await own.request('POST', '/Users', { body: newUser() })).json;
    const members = [{ value: id }];
    const body = { schemas: [crew.id], displayName: 'Nostromo', members };
    const ship = (await own.request('POST', '/Crews', { body })).json;
    assert.equal(ship.members[0].$ref, `${own.base}/Users/${id}`);
    const group = (await own.request('POST', '/Groups', { body: newGroup({ members }) })).json;
    const { groups } = (await own.request('GET', `/Users/${id}`)).json;
    assert.deepEqual(
      groups.map((each: { $ref: string }) => each.$ref),
      [ship.meta.location, group.meta.location],
    );
    for (const { $ref, value } of groups) {
      assert.equal((await own.request('GET', $ref)).json.id, value);
      const filter = new URLSearchParams({ filter: `groups.$ref eq "${$ref}"` });
      assert.equal((await own.request('GET', `/Users?${filter}`)).json.totalResults, 1);
    }
  } finally {
    await own.close();
  }
});
