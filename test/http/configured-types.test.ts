/** Schemas and resource types of an operator's own work as the standard ones do, over the wire. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { compileArms, pageSql } from '../../src/store/sql/list.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import {
  type Answer,
  bulkSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';

const acme = 'urn:example:params:scim:schemas:extension:acme:2.0:User';
const acmeGroup = 'urn:example:params:scim:schemas:extension:acme:2.0:Group';
const device = 'urn:ietf:params:scim:schemas:core:2.0:Device';
const endpointApp = 'urn:ietf:params:scim:schemas:core:2.0:EndpointApp';
const ble = 'urn:ietf:params:scim:schemas:extension:ble:2.0:Device';
const apps = 'urn:ietf:params:scim:schemas:extension:endpointAppsExt:2.0:Device';
const role = 'urn:example:params:scim:schemas:2.0:Role';
const entitlement = 'urn:example:params:scim:schemas:2.0:Entitlement';

function registryOf(fixture: string): Registry {
  const file = new URL(`../fixtures/${fixture}.json`, import.meta.url);
  return configuredRegistry(JSON.parse(readFileSync(file, 'utf8')));
}

async function serving(fixture: string): Promise<TestServer> {
  const server = await startScimd({ registry: registryOf(fixture) });
  after(() => server.close());
  return server;
}

function expectStatus(answer: Answer, status: number): Answer['json'] {
  assert.equal(answer.status, status, answer.text);
  return answer.json;
}

/** What the filter finds at the endpoint, by the attribute that tells the resources apart. */
async function found(server: TestServer, endpoint: string, query: string, name: string): Promise<string[]> {
  const body = expectStatus(await server.request('GET', `/${endpoint}?${query}`), 200);
  return body.Resources.map((each: Record<string, string>) => each[name]);
}

/** The steps of SQLite's plan for a filter, but for those of the documents of the page. */
function stepsOf(registry: Registry, typeName: string, filter: string): string {
  const db = openConnection(':memory:');
  try {
    const type = registry.resourceTypes.find(({ name }) => name === typeName);
    assert.ok(type);
    const target = { type, plan: bindFilter(parseFilter(filter), type) };
    const arms = compileArms(sqliteDialect, loadTypes(db, registry), {
      tenant: 1,
      limit: 10,
      targets: [target],
    });
    const { text, parameters } = pageSql(sqliteDialect, arms, { kind: 'all' }, false);
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...parameters, 10, 0) as { detail: string }[];
    return rows.map(({ detail }) => detail).join('\n');
  } finally {
    db.close();
  }
}

describe('an extension of User', () => {
  const start = serving('acme');
  let count = 0;
  const person = (more: object = {}, acmeMore: object = {}) =>
    newUser({ schemas: [userSchema, acme], ...more, [acme]: { badge: `B-${++count}`, ...acmeMore } });
  const create = async (more: object = {}, acmeMore: object = {}) =>
    expectStatus(await (await start).request('POST', '/Users', { body: person(more, acmeMore) }), 201);

  test('is created, read, replaced and left out again', async () => {
    const server = await start;
    const user = await create({}, { floor: 3, licences: [{ value: 'L1', type: 'crane' }] });
    assert.deepEqual(user.schemas, [userSchema, acme]);
    assert.deepEqual(user[acme], {
      badge: 'B-1',
      floor: 3,
      licences: [{ value: 'L1', type: 'crane' }],
    });
    const path = `/Users/${user.id}`;
    assert.deepEqual((await server.request('GET', path)).json[acme], user[acme]);
    const body = { schemas: [userSchema, acme], userName: user.userName, [acme]: { badge: 'B-1a' } };
    assert.deepEqual(expectStatus(await server.request('PUT', path, { body }), 200)[acme], {
      badge: 'B-1a',
    });
    const without = { schemas: [userSchema], userName: user.userName };
    const left = expectStatus(await server.request('PUT', path, { body: without }), 200);
    assert.equal(left[acme], undefined);
    assert.deepEqual(left.schemas, [userSchema]);
  });

  test('without its required attribute is refused by its path', async () => {
    const server = await start;
    const answer = await server.request('POST', '/Users', {
      body: newUser({ schemas: [userSchema, acme], [acme]: { floor: 3 } }),
    });
    assert.equal(expectStatus(answer, 400).detail, `${acme}:badge is required`);
    assert.equal(answer.json.scimType, 'invalidValue');
  });

  test('keeps values unique on create, replace and PATCH: 409 uniqueness', async () => {
    const server = await start;
    const [one, two] = [await create({}, { badge: 'U-1', car: { plate: 'ZH 1' } }), await create()];
    const duplicate = await server.request('POST', '/Users', { body: person({}, { badge: 'U-1' }) });
    assert.equal(expectStatus(duplicate, 409).scimType, 'uniqueness');
    assert.match(duplicate.json.detail, /:badge "U-1" is already in use$/);
    const inOtherCase = await server.request('POST', '/Users', { body: person({}, { badge: 'u-1' }) });
    expectStatus(inOtherCase, 201);
    const patch = await server.request('PATCH', `/Users/${two.id}`, {
      body: patchOp({ op: 'replace', path: `${acme}:badge`, value: 'U-1' }),
    });
    assert.equal(expectStatus(patch, 409).scimType, 'uniqueness');
    const plate = await server.request('PATCH', `/Users/${two.id}`, {
      body: patchOp({ op: 'add', path: `${acme}:car.plate`, value: 'zh 1' }),
    });
    assert.equal(expectStatus(plate, 409).scimType, 'uniqueness');
    expectStatus(await server.request('DELETE', `/Users/${one.id}`), 204);
    const freed = await server.request('PATCH', `/Users/${two.id}`, {
      body: patchOp({ op: 'replace', path: `${acme}:badge`, value: 'U-1' }),
    });
    assert.equal(expectStatus(freed, 200)[acme].badge, 'U-1');
  });

  test('keeps an immutable value and gives a readOnly one to nobody', async () => {
    const server = await start;
    const user = await create({}, { birthplace: 'Bern', tenure: 7 });
    assert.equal(user[acme].birthplace, 'Bern');
    assert.equal(user[acme].tenure, undefined);
    const change = (path: string) =>
      server.request('PATCH', `/Users/${user.id}`, {
        body: patchOp({ op: 'replace', path, value: path.endsWith('tenure') ? 8 : 'Basel' }),
      });
    assert.equal(expectStatus(await change(`${acme}:birthplace`), 400).scimType, 'mutability');
    assert.equal(expectStatus(await change(`${acme}:tenure`), 400).scimType, 'mutability');
  });

  test('shows what is returned always, on request, and never', async () => {
    const server = await start;
    const user = await create({}, { anchor: 'A', callSign: 'Bear', safeCode: '1234' });
    // What the request itself wrote is answered once (RFC 7643 §7).
    assert.deepEqual([user[acme].anchor, user[acme].callSign, user[acme].safeCode], ['A', 'Bear', undefined]);
    const read = async (query: string) =>
      (await server.request('GET', `/Users/${user.id}${query}`)).json[acme];
    assert.deepEqual(await read(''), { badge: user[acme].badge, anchor: 'A' });
    assert.deepEqual(await read(`?attributes=${acme}:callSign`), { anchor: 'A', callSign: 'Bear' });
    assert.deepEqual(await read(`?attributes=${acme}:safeCode`), { anchor: 'A' });
    assert.deepEqual(await read(`?excludedAttributes=${acme}:anchor,${acme}:badge`), { anchor: 'A' });
    const filter = encodeURIComponent(`${acme}:safeCode eq "1234"`);
    const probe = await server.request('GET', `/Users?filter=${filter}`);
    assert.match(expectStatus(probe, 400).detail, /:safeCode is never returned, so it cannot be filtered by/);
  });

  test('is filtered and sorted by indexed and by other attributes alike', async () => {
    const server = await start;
    const people = [
      { floor: 12, desk: 'c', startsOn: '2020-01-01T00:00:00Z', licences: [{ value: 'X', type: 'crane' }] },
      {
        floor: 9,
        desk: 'B',
        startsOn: '2019-12-31T23:00:00-02:00',
        licences: [{ value: 'Y', type: 'forklift' }],
      },
      { floor: 10, desk: 'a', licences: [{ value: 'X', type: 'forklift', primary: true }] },
    ];
    for (const [index, each] of people.entries())
      await create({ title: 'sorted', nickName: String(index) }, each);
    const find = (filter: string, sort = '') =>
      found(
        server,
        'Users',
        `filter=${encodeURIComponent(`title eq "sorted" and (${filter})`)}${sort}`,
        'nickName',
      );
    assert.deepEqual(await find(`${acme}:floor gt 9`), ['0', '2']);
    assert.deepEqual(await find(`${acme}:desk eq "b"`), ['1']);
    assert.deepEqual(await find(`${acme}:startsOn gt "2020-01-01T00:30:00Z"`), ['1']);
    assert.deepEqual(await find(`${acme}:licences.value eq "X"`), ['0', '2']);
    assert.deepEqual(await find(`${acme}:licences[value eq "X" and type eq "forklift"]`), ['2']);
    assert.deepEqual(await find(`not (${acme}:startsOn pr)`), ['2']);
    assert.deepEqual(await find(`${acme}:floor pr`, `&sortBy=${acme}:floor`), ['1', '2', '0']);
    assert.deepEqual(await find(`${acme}:floor pr`, `&sortBy=${acme}:desk&sortOrder=descending`), [
      '0',
      '1',
      '2',
    ]);
    // A name that only one extension has needs no URN.
    assert.deepEqual(await find('floor lt 10'), ['1']);
  });

  test('is changed by value paths', async () => {
    const server = await start;
    const user = await create(
      {},
      {
        licences: [
          { value: 'L7', type: 'crane' },
          { value: 'L8', type: 'forklift' },
        ],
      },
    );
    const patch = (...operations: Readonly<Record<string, unknown>>[]) =>
      server.request('PATCH', `/Users/${user.id}`, { body: patchOp(...operations) });
    const changed = expectStatus(
      await patch(
        { op: 'replace', path: `${acme}:licences[value eq "L7"].until`, value: '2030-01-01T00:00:00Z' },
        { op: 'remove', path: `${acme}:licences[type eq "forklift"]` },
        { op: 'add', path: `${acme}:licences`, value: [{ value: 'L9', type: 'crane' }] },
        { op: 'add', path: `${acme}:car`, value: { plate: 'BE 7', colour: 'red' } },
      ),
      200,
    );
    assert.deepEqual(changed[acme].licences, [
      { value: 'L7', type: 'crane', until: '2030-01-01T00:00:00Z' },
      { value: 'L9', type: 'crane' },
    ]);
    assert.deepEqual(changed[acme].car, { plate: 'BE 7', colour: 'red' });
    const missing = await patch({ op: 'remove', path: `${acme}:licences[value eq "L7"].value` });
    assert.equal(expectStatus(missing, 400).scimType, 'mutability');
    const whole = expectStatus(await patch({ op: 'remove', path: `${acme}:car` }), 200);
    assert.equal(whole[acme].car, undefined);
    const filter = encodeURIComponent(`${acme}:licences.value eq "L8"`);
    assert.equal((await server.request('GET', `/Users?filter=${filter}`)).json.totalResults, 0);
  });

  test('that is required is required of every Group', async () => {
    const server = await start;
    const refused = await server.request('POST', '/Groups', { body: newGroup() });
    assert.equal(expectStatus(refused, 400).detail, `${acmeGroup} is required`);
    const group = expectStatus(
      await server.request('POST', '/Groups', {
        body: newGroup({ [acmeGroup]: { costCentre: 'K1', budget: 1.5 } }),
      }),
      201,
    );
    assert.equal(group[acmeGroup].budget, 1.5);
    const remove = await server.request('PATCH', `/Groups/${group.id}`, {
      body: patchOp({ op: 'remove', path: acmeGroup }),
    });
    assert.equal(remove.status, 400, remove.text);
  });

  test('stands in /ResourceTypes and /Schemas, without what is ours alone', async () => {
    const server = await start;
    const types = (await server.request('GET', '/ResourceTypes')).json.Resources;
    const extensionsOf = (name: string) =>
      types.find((each: { name: string }) => each.name === name).schemaExtensions;
    assert.deepEqual(extensionsOf('User').at(-1), { schema: acme, required: false });
    assert.deepEqual(extensionsOf('Group'), [{ schema: acmeGroup, required: true }]);
    const schema = (await server.request('GET', `/Schemas/${acme}`)).json;
    assert.equal(schema.name, 'Acme');
    const badge = schema.attributes.find((each: { name: string }) => each.name === 'badge');
    assert.deepEqual(badge, {
      name: 'badge',
      type: 'string',
      multiValued: false,
      description: '',
      required: true,
      caseExact: true,
      mutability: 'readWrite',
      returned: 'default',
      uniqueness: 'server',
    });
  });

  const registry = registryOf('acme');
  for (const filter of [
    `${acme}:badge eq "B-1"`,
    `${acme}:floor gt 3`,
    `${acme}:licences.value eq "L1"`,
    `${acme}:licences[value eq "L1" and type eq "crane"]`,
    `${acme}:car.plate sw "ZH"`,
    `${acme}:startsOn ge "2020-01-01T00:00:00Z"`,
  ])
    test(`an index finds ${filter.replaceAll(acme, 'acme')}`, () => {
      assert.match(
        stepsOf(registry, 'User', filter),
        /element_(?:value|number) \(tenant=\? AND attribute=\? AND (?:value|number)[=>]/,
      );
    });

  test('no index finds an attribute that is not declared indexed', () => {
    const steps = stepsOf(registry, 'User', `${acme}:desk eq "a"`);
    assert.doesNotMatch(steps, /element_/);
    assert.match(steps, /resource_order \(tenant=\? AND type=\?\)/);
  });
});

describe('new resource types: Device and EndpointApp of RFC 9944', () => {
  const start = serving('devices');
  const newDevice = (more: object = {}) => ({ schemas: [device], active: true, ...more });

  test('a device is created, found, sorted, changed and deleted at its own endpoint', async () => {
    const server = await start;
    const answer = await server.request('POST', '/Devices', {
      body: newDevice({
        displayName: 'Heart monitor',
        mudUrl: 'https://example.com/mud.json',
        [ble]: { versionSupport: ['5.3'], deviceMacAddress: '2C:54:91:88:C9:E2', isRandom: false },
      }),
    });
    const created = expectStatus(answer, 201);
    assert.equal(created.meta.resourceType, 'Device');
    assert.equal(created.meta.location, `${server.base}/Devices/${created.id}`);
    assert.deepEqual(created.schemas, [device, ble]);
    const filter = encodeURIComponent(`${ble}:deviceMacAddress eq "2c:54:91:88:c9:e2"`);
    assert.deepEqual(await found(server, 'Devices', `filter=${filter}`, 'id'), [created.id]);
    await server.request('POST', '/Devices', { body: newDevice({ displayName: 'Airbag' }) });
    assert.deepEqual(await found(server, 'Devices', 'sortBy=displayName', 'displayName'), [
      'Airbag',
      'Heart monitor',
    ]);
    const path = `/Devices/${created.id}`;
    const changed = await server.request('PATCH', path, {
      body: patchOp(
        { op: 'replace', path: 'active', value: false },
        { op: 'add', path: `${ble}:versionSupport`, value: ['5.4'] },
      ),
    });
    assert.deepEqual(expectStatus(changed, 200)[ble].versionSupport, ['5.3', '5.4']);
    assert.equal(changed.json.active, false);
    expectStatus(await server.request('GET', `/Users/${created.id}`), 404);
    expectStatus(await server.request('DELETE', path), 204);
    expectStatus(await server.request('GET', path), 404);
  });

  test('active is required of a device; its MAC address is its own', async () => {
    const server = await start;
    const { active: _, ...inactive } = newDevice();
    const answer = await server.request('POST', '/Devices', { body: inactive });
    assert.equal(expectStatus(answer, 400).detail, 'active is required');
    const body = newDevice({ [ble]: { versionSupport: ['5.3'], deviceMacAddress: 'AA:00' } });
    expectStatus(await server.request('POST', '/Devices', { body }), 201);
    const again = await server.request('POST', '/Devices', { body });
    assert.equal(expectStatus(again, 409).scimType, 'uniqueness');
  });

  test('a group has users, devices and applications as members, each by its own type', async () => {
    const server = await start;
    const id = async (endpoint: string, body: object) =>
      expectStatus(await server.request('POST', endpoint, { body }), 201).id as string;
    const user = await id('/Users', newUser());
    const tablet = await id('/Devices', newDevice({ displayName: 'Tablet' }));
    const control = await id('/EndpointApps', {
      schemas: [endpointApp],
      applicationType: 'deviceControl',
      applicationName: 'Control',
    });
    const body = newGroup({ members: [user, tablet, control].map((value) => ({ value })) });
    const group = expectStatus(await server.request('POST', '/Groups', { body }), 201);
    const members = new Map(group.members.map((each: { value: string }) => [each.value, each]));
    assert.deepEqual(members.get(tablet), {
      value: tablet,
      $ref: `${server.base}/Devices/${tablet}`,
      type: 'Device',
      display: 'Tablet',
    });
    assert.equal((members.get(control) as { type: string }).type, 'EndpointApp');
    const read = (await server.request('GET', `/Devices/${tablet}`)).json;
    assert.deepEqual(read.groups, [
      {
        value: group.id,
        $ref: `${server.base}/Groups/${group.id}`,
        display: body.displayName,
        type: 'direct',
      },
    ]);
    const filter = encodeURIComponent(`groups.value eq "${group.id}"`);
    assert.deepEqual(await found(server, 'Devices', `filter=${filter}`, 'id'), [tablet]);
    const ofType = encodeURIComponent('members[type eq "Device"]');
    assert.deepEqual(await found(server, 'Groups', `filter=${ofType}`, 'id'), [group.id]);
    const removed = await server.request('PATCH', `/Groups/${group.id}`, {
      body: patchOp({ op: 'remove', path: 'members[type eq "Device"]' }),
    });
    assert.equal(expectStatus(removed, 200).members.length, 2);
  });

  test('bulk makes an application and the device that refers to it by bulkId, in any order', async () => {
    const server = await start;
    const answer = await server.request('POST', '/Bulk', {
      body: {
        schemas: [bulkSchema],
        Operations: [
          {
            method: 'POST',
            path: '/Devices',
            bulkId: 'd',
            data: newDevice({
              displayName: 'Pump',
              [apps]: { applications: [{ value: 'bulkId:a', $ref: '/EndpointApps/bulkId:a' }] },
            }),
          },
          {
            method: 'POST',
            path: '/EndpointApps',
            bulkId: 'a',
            data: { schemas: [endpointApp], applicationType: 'telemetry', applicationName: 'Telemetry' },
          },
        ],
      },
    });
    const operations = expectStatus(answer, 200).Operations as { status: string; location: string }[];
    assert.deepEqual(
      operations.map(({ status }) => status),
      ['201', '201'],
    );
    const app = operations[1]?.location.split('/').at(-1);
    const filter = encodeURIComponent(`${apps}:applications.value eq "${app}"`);
    const list = (await server.request('GET', `/Devices?filter=${filter}`)).json;
    assert.deepEqual(list.Resources[0][apps].applications, [{ value: app, $ref: `/EndpointApps/${app}` }]);
    assert.match(
      stepsOf(registryOf('devices'), 'Device', `${apps}:applications.value eq "${app}"`),
      /element_value \(tenant=\? AND attribute=\? AND value=\?/,
    );
  });

  test('an immutable application type stays; a readOnly clientToken is nobody’s to give', async () => {
    const server = await start;
    const body = {
      schemas: [endpointApp],
      applicationType: 'deviceControl',
      applicationName: 'Immutable',
      clientToken: 'mine',
      certificateInfo: { rootCA: 'MIIB', subjectName: 'www.example.com' },
    };
    const created = expectStatus(await server.request('POST', '/EndpointApps', { body }), 201);
    assert.equal(created.clientToken, undefined);
    const path = `/EndpointApps/${created.id}`;
    const patch = await server.request('PATCH', path, {
      body: patchOp({ op: 'replace', path: 'applicationType', value: 'telemetry' }),
    });
    assert.equal(expectStatus(patch, 400).scimType, 'mutability');
    const put = await server.request('PUT', path, { body: { ...body, applicationType: 'telemetry' } });
    assert.equal(expectStatus(put, 400).scimType, 'mutability');
    const half = await server.request('PATCH', path, {
      body: patchOp({ op: 'remove', path: 'certificateInfo.subjectName' }),
    });
    assert.equal(expectStatus(half, 400).scimType, 'mutability');
  });

  test('a search at the root finds devices beside users', async () => {
    const server = await start;
    const user = expectStatus(
      await server.request('POST', '/Users', { body: newUser({ displayName: 'Rooted' }) }),
      201,
    );
    const gadget = expectStatus(
      await server.request('POST', '/Devices', { body: newDevice({ displayName: 'Rooted' }) }),
      201,
    );
    const filter = encodeURIComponent('displayName eq "rooted"');
    const list = expectStatus(await server.request('GET', `/?filter=${filter}`), 200);
    assert.deepEqual(
      list.Resources.map((each: { id: string }) => each.id).sort(),
      [user.id, gadget.id].sort(),
    );
  });

  test('both are discovered', async () => {
    const server = await start;
    const types = (await server.request('GET', '/ResourceTypes')).json.Resources;
    assert.deepEqual(
      types.map(({ name, endpoint }: { name: string; endpoint: string }) => [name, endpoint]),
      [
        ['User', '/Users'],
        ['Group', '/Groups'],
        ['Device', '/Devices'],
        ['EndpointApp', '/EndpointApps'],
      ],
    );
    const { schemaExtensions } = (await server.request('GET', '/ResourceTypes/Device')).json;
    assert.deepEqual(schemaExtensions, [
      { schema: ble, required: false },
      { schema: apps, required: false },
    ]);
    expectStatus(await server.request('GET', `/Schemas/${endpointApp}`), 200);
  });
});

describe('catalogues of roles and entitlements', () => {
  const start = serving('catalogues');

  test('publish what User.roles may hold; a token of scope read cannot write them', async () => {
    const server = await start;
    const post = (endpoint: string, body: object, token?: string) =>
      server.request('POST', endpoint, { body, ...(token === undefined ? {} : { token }) });
    const admin = { schemas: [role], value: 'admin', display: 'Administrator', supported: true };
    expectStatus(await post('/Roles', { ...admin, contains: [{ value: 'reader' }] }), 201);
    expectStatus(await post('/Roles', { ...admin, value: 'reader', display: 'Reader' }), 201);
    expectStatus(
      await post('/Entitlements', { schemas: [entitlement], value: 'admin', supported: true }),
      201,
    );
    assert.equal(expectStatus(await post('/Roles', admin), 409).scimType, 'uniqueness');
    const reader = await server.newToken({ scope: 'read' });
    expectStatus(await post('/Roles', { ...admin, value: 'x' }, reader), 403);
    const filter = encodeURIComponent('contains.value eq "reader" or display sw "read"');
    assert.deepEqual(await found(server, 'Roles', `filter=${filter}&sortBy=display`, 'value'), [
      'admin',
      'reader',
    ]);
    const count = (await server.request('GET', '/Entitlements?count=0')).json;
    assert.equal(count.totalResults, 1);
  });

  test('have no attributes of users', async () => {
    const server = await start;
    const answer = await server.request('GET', `/Roles?filter=${encodeURIComponent('userName eq "x"')}`);
    assert.equal(expectStatus(answer, 400).scimType, 'invalidFilter');
    assert.match(answer.json.detail, /^Role has no attribute userName /);
  });
});
