import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Log } from '../../src/http/options.ts';
import type { ResourceTypeDefinition, SchemaDefinition } from '../../src/scim/definitions.ts';
import { compileRegistry } from '../../src/scim/registry.ts';
import { standardResourceTypes, standardSchemas } from '../../src/scim/standard.ts';
import { newGroup, newUser, searchSchema, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

const device = 'urn:ietf:params:scim:schemas:core:2.0:Device';
const endpointApp = 'urn:ietf:params:scim:schemas:core:2.0:EndpointApp';
const extension = (name: string) => `urn:ietf:params:scim:schemas:extension:${name}:2.0:Device`;
const [ble, dpp, mab, fdo, zigbee, apps] = [
  'ble',
  'dpp',
  'ethernet-mab',
  'fido-device-onboard',
  'zigbee',
  'endpointAppsExt',
].map(extension) as [string, string, string, string, string, string];

interface Definitions {
  readonly schemas: readonly SchemaDefinition[];
  readonly resourceTypes: readonly ResourceTypeDefinition[];
}

function definitionsIn(fixture: string): Definitions {
  return JSON.parse(readFileSync(new URL(`../fixtures/${fixture}.json`, import.meta.url), 'utf8'));
}

/** Device with all its extensions, EndpointApp, and the standard types. */
function deviceRegistry() {
  const { schemas, resourceTypes } = definitionsIn('devices');
  const more = definitionsIn('device-extensions').schemas;
  const extensions = more.map(({ id }) => ({ schema: id, required: false }));
  return compileRegistry(
    [...standardSchemas, ...schemas, ...more],
    [
      ...standardResourceTypes,
      ...resourceTypes.map((type) =>
        type.name === 'Device'
          ? { ...type, schemaExtensions: [...(type.schemaExtensions ?? []), ...extensions] }
          : type,
      ),
    ],
  );
}

const lines: string[] = [];
let server: TestServer;
let client: Client;
before(async () => {
  const write = (fields: object, message?: string) => void lines.push(JSON.stringify([fields, message]));
  const log: Log = { info: write, warn: write, error: write };
  server = await startScimd({ registry: deviceRegistry(), log });
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

const newDevice = (more: object = {}) => ({ schemas: [device], active: true, ...more });
const app = (more: object = {}) => ({
  schemas: [endpointApp],
  applicationType: 'deviceControl',
  applicationName: `App ${Math.random()}`,
  ...more,
});

test('D-2-01: Device is a resource type with its schema, its endpoint and the common attributes', async () => {
  const type = await client.read('/ResourceTypes/Device');
  assert.equal(type.endpoint, '/Devices');
  assert.equal(type.schema, device);
  const schema = await client.read(`/Schemas/${device}`);
  assert.deepEqual(
    schema.attributes.map(({ name }: { name: string }) => name),
    ['displayName', 'active', 'mudUrl', 'groups'],
  );
  const made = await client.create('/Devices', newDevice({ displayName: 'Pulse', externalId: 'x-1' }));
  assert.equal(made.externalId, 'x-1');
  assert.equal(made.meta.resourceType, 'Device');
  assert.equal(made.meta.location, `${server.base}/Devices/${made.id}`);
  assert.deepEqual(await client.read(`/Devices/${made.id}`), made);
});

test('D-2-01: devices are filtered, sorted, changed, replaced and deleted as other resources are', async () => {
  const own = await newClient(server);
  const [a, b] = [
    await own.create('/Devices', newDevice({ displayName: 'B' })),
    await own.create('/Devices', newDevice({ displayName: 'a', active: false })),
  ];
  assert.deepEqual(await own.find('/Devices', 'displayName eq "b" and active eq true'), [a.id]);
  assert.deepEqual(await own.find('/', 'meta.resourceType eq "Device" and active eq false'), [b.id]);
  const sorted = await own.read('/Devices', { sortBy: 'displayName', attributes: 'displayName' });
  assert.deepEqual(
    sorted.Resources.map(({ displayName }: { displayName: string }) => displayName),
    ['a', 'B'],
  );
  const patch = await own.patch(`/Devices/${a.id}`, { op: 'replace', path: 'displayName', value: 'C' });
  assert.equal(patch.json.displayName, 'C');
  assert.equal(patch.headers.get('etag'), 'W/"2"');
  const put = await own.request('PUT', `/Devices/${a.id}`, { body: newDevice({ displayName: 'D' }) });
  assert.equal(put.json.displayName, 'D');
  const body = { schemas: [searchSchema], filter: 'displayName eq "d"' };
  assert.equal((await own.request('POST', '/Devices/.search', { body })).json.Resources[0].id, a.id);
  assert.equal((await own.request('DELETE', `/Devices/${a.id}`)).status, 204);
  refused(await own.request('GET', `/Devices/${a.id}`), 404);
  refused(await own.request('GET', `/Users/${b.id}`), 404);
});

test('D-2-02: active is required; mudUrl is a case-exact reference; groups are read-only', async () => {
  refused(
    await client.request('POST', '/Devices', { body: { schemas: [device] } }),
    400,
    'invalidValue',
    /active/,
  );
  refused(
    await client.request('POST', '/Devices', { body: newDevice({ active: 'yes' }) }),
    400,
    'invalidValue',
  );
  const { id } = await client.create(
    '/Devices',
    newDevice({ mudUrl: 'https://example.com/Mud.json', groups: [{ value: 'g' }] }),
  );
  assert.ok(!('groups' in (await client.read(`/Devices/${id}`))));
  assert.deepEqual(await client.find('/Devices', 'mudUrl eq "https://example.com/Mud.json"'), [id]);
  assert.deepEqual(await client.find('/Devices', 'mudUrl eq "https://example.com/mud.json"'), []);
  const path = `/Devices/${id}`;
  refused(await client.patch(path, { op: 'remove', path: 'active' }), 400, 'mutability', /active/);
  refused(
    await client.patch(path, { op: 'add', path: 'groups', value: [{ value: 'g' }] }),
    400,
    'mutability',
  );
});

test('D-2-03: the type of a group’s member is that of the device or of the application', async () => {
  const [made, user] = [
    await client.create('/Devices', newDevice()),
    await client.create('/Users', newUser()),
  ];
  const control = await client.create('/EndpointApps', app());
  const group = await client.create(
    '/Groups',
    newGroup({
      members: [
        { value: made.id, type: 'Device' },
        { value: control.id, type: 'EndpointApp' },
        { value: user.id },
      ],
    }),
  );
  const typeOf = new Map(
    group.members.map((each: { value: string; type: string }) => [each.value, each.type]),
  );
  assert.equal(typeOf.get(made.id), 'Device');
  assert.equal(typeOf.get(control.id), 'EndpointApp');
  assert.equal(typeOf.get(user.id), 'User');
  const refs = group.members.map(({ $ref }: { $ref: string }) => $ref).sort();
  assert.deepEqual(refs, [made, control, user].map(({ meta }) => meta.location).sort());
  assert.deepEqual(
    (await client.read(`/Devices/${made.id}`)).groups.map(({ value }: { value: string }) => value),
    [group.id],
  );
  assert.deepEqual(await client.find('/Groups', 'members[type eq "Device"]'), [group.id]);
  await client.patch(`/Groups/${group.id}`, { op: 'remove', path: `members[value eq "${made.id}"]` });
  assert.ok(!('groups' in (await client.read(`/Devices/${made.id}`))));
});

test('D-2-04: EndpointApp has an immutable type, a name, certificateInfo and a clientToken that no client writes', async () => {
  const { attributes } = await client.read(`/Schemas/${endpointApp}`);
  const mutability = Object.fromEntries(
    attributes.map((each: { name: string; mutability: string }) => [each.name, each.mutability]),
  );
  assert.equal(mutability.clientToken, 'readOnly');
  assert.equal(mutability.applicationType, 'immutable');
  assert.deepEqual(Object.keys(mutability).sort(), [
    'applicationName',
    'applicationType',
    'certificateInfo',
    'clientToken',
  ]);
  const made = await client.create('/EndpointApps', app({ clientToken: 'mine' }));
  assert.ok(!('clientToken' in made));
  const path = `/EndpointApps/${made.id}`;
  refused(await client.patch(path, { op: 'add', path: 'clientToken', value: 'mine' }), 400, 'mutability');
  refused(
    await client.patch(path, { op: 'replace', path: 'applicationType', value: 'telemetry' }),
    400,
    'mutability',
  );
  for (const missing of ['applicationType', 'applicationName']) {
    const body = app({ [missing]: undefined });
    refused(
      await client.request('POST', '/EndpointApps', { body }),
      400,
      'invalidValue',
      new RegExp(missing),
    );
  }
});

test('D-2-05: an application with certificateInfo gets no clientToken', async () => {
  const certificateInfo = { rootCA: 'd2hhdHNVcA==', subjectName: 'CN=EX1,O=Example,C=US' };
  const made = await client.create('/EndpointApps', app({ certificateInfo }));
  assert.deepEqual(made.certificateInfo, certificateInfo);
  assert.ok(!('clientToken' in made));
  assert.ok(!('clientToken' in (await client.read(`/EndpointApps/${made.id}?attributes=clientToken`))));
});

test('D-2-06: the extensions of Device are those of RFC 9944, none of them required, each of use alone', async () => {
  const { schemaExtensions } = await client.read('/ResourceTypes/Device');
  assert.deepEqual(
    new Map(
      schemaExtensions.map((each: { schema: string; required: boolean }) => [each.schema, each.required]),
    ),
    new Map([ble, apps, dpp, mab, fdo, zigbee].map((schema) => [schema, false])),
  );
  const controls = await client.create('/EndpointApps', app());
  for (const [schema, values] of [
    [ble, { versionSupport: ['5.3'], deviceMacAddress: '2C:54:91:88:C9:E2', isRandom: false }],
    [mab, { deviceMacAddress: '2C:54:91:88:C9:E3' }],
    [zigbee, { versionSupport: ['3.0'], deviceEui64Address: '50:32:5F:FF:FE:E7:67:28' }],
    [apps, { applications: [{ value: controls.id, $ref: controls.meta.location }] }],
  ] as const) {
    const made = await client.create('/Devices', newDevice({ schemas: [device, schema], [schema]: values }));
    assert.deepEqual(made.schemas, [device, schema]);
    assert.deepEqual(made[schema], values);
    const name = Object.keys(values).at(-1);
    assert.deepEqual(await client.find('/Devices', `${schema}:${name} pr`), [made.id]);
  }
  const body = newDevice({ schemas: [device, ble], [ble]: { isRandom: true } });
  refused(
    await client.request('POST', '/Devices', { body }),
    400,
    'invalidValue',
    /versionSupport|deviceMacAddress/,
  );
});

test('D-2-07: keys for bootstrapping are never answered, searched, sorted by or logged', async () => {
  const [bootstrapKey, fdoVoucher] = ['MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADURz', 'voucher-of-ownership'];
  const secrets = [bootstrapKey, fdoVoucher];
  const sent = newDevice({
    schemas: [device, dpp, fdo],
    [dpp]: { dppVersion: 2, bootstrapKey, serialNumber: 'S-1' },
    [fdo]: { fdoVoucher },
  });
  const post = await client.request('POST', `/Devices?attributes=${dpp}:bootstrapKey,${fdo}`, { body: sent });
  assert.equal(post.status, 201, post.text);
  const path = `/Devices/${post.json.id}`;
  const token = await server.newToken({ tenant: client.tenant, scope: 'read' });
  const answers = [
    post,
    await client.request('PUT', path, { body: sent }),
    await client.patch(path, { op: 'replace', path: `${dpp}:bootstrapKey`, value: `${bootstrapKey}2` }),
    await client.request('GET', path),
    await server.request('GET', `${path}?attributes=${dpp}`, { token }),
    await server.request('GET', `/Devices?attributes=${dpp}:bootstrapKey,${fdo}:fdoVoucher`, { token }),
    await client.request('GET', '/'),
  ];
  for (const { status, text } of answers) {
    assert.ok(status < 300, text);
    for (const secret of secrets) assert.ok(!text.includes(secret), text);
  }
  assert.equal(answers[3]?.json[dpp].serialNumber, 'S-1');
  for (const filter of [`${dpp}:bootstrapKey sw "M"`, `${dpp}:bootstrapKey pr`, `${fdo}:fdoVoucher co "v"`]) {
    const asked = await client.request('GET', `/Devices?${new URLSearchParams({ filter })}`);
    refused(asked, 400, 'invalidFilter');
  }
  refused(await client.request('GET', `/Devices?sortBy=${dpp}:bootstrapKey`), 400, 'invalidValue');
  assert.ok(lines.length > 10);
  for (const line of lines) for (const secret of secrets) assert.ok(!line.includes(secret), line);
});
