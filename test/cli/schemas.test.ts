/** Schemas and resource types in scim.config.json, from the command line's side: what is refused, and what changes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { create } from '../store/writes.ts';
import { until } from '../until.ts';
import { running, type Serving, scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const device = 'urn:ietf:params:scim:schemas:core:2.0:Device';
const acme = 'urn:example:params:scim:schemas:extension:acme:2.0:User';

interface Definitions {
  readonly schemas?: readonly object[];
  readonly resourceTypes?: readonly object[];
}

/** The extension with these attributes, on User. */
const acmeWith = (...attributes: readonly object[]): Definitions => ({
  schemas: [{ id: acme, attributes }],
  resourceTypes: [{ name: 'User', schemaExtensions: [{ schema: acme }] }],
});

function fixture(name: string): Definitions {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));
}

function configure(folder: string, definitions: Definitions): void {
  writeFileSync(join(folder, 'scim.config.json'), JSON.stringify({ port: 0, ...definitions }));
}

/** Starts the server of the folder under a configuration, with a token of its own to ask it with. */
async function start(folder: string, definitions: Definitions): Promise<Client> {
  configure(folder, definitions);
  const server = await serving([], { folder });
  const token = (
    await scimd(['token', 'create', '--name', `t${Date.now()}${Math.random()}`.slice(0, 30)], { folder })
  ).stdout.trim();
  assert.match(token, secretPattern);
  const request = async (method: string, path: string, body?: object) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: text === '' ? undefined : JSON.parse(text) };
  };
  return {
    ...server,
    request,
    count: async (filter) =>
      (await request('GET', `/Users?filter=${encodeURIComponent(filter)}`)).json.totalResults,
  };
}

interface Client extends Serving {
  request(
    method: string,
    path: string,
    body?: object,
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  ): Promise<{ status: number; text: string; json: any }>;
  /** How many users the filter finds. */
  count(filter: string): Promise<number>;
}

const newUser = (userName: string, extension: object) => ({
  schemas: [userSchema, acme],
  userName,
  [acme]: extension,
});

/** Users u0, u1, …, written as a server under these definitions would have. */
async function fill(
  folder: string,
  definitions: Definitions,
  count: number,
  extension: (index: number) => object,
): Promise<void> {
  const registry = configuredRegistry(definitions);
  const type = registry.resourceTypes.find(({ name }) => name === 'User');
  assert.ok(type);
  const store = openSqliteStore({ file: join(folder, 'scimd.db'), registry });
  const creations = Array.from({ length: count }, (_, index) =>
    create(store, {
      tenant: 1,
      type,
      actor: { kind: 'system' },
      document: newUser(`u${index}`, extension(index)),
    }),
  );
  await Promise.all(creations);
  await store.close();
}

/** Log lines with this message. */
function logged(stderr: string, message: string): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg.startsWith(message));
}

describe('wrong definitions are refused at the start, all at once, each with its line', () => {
  const cases: readonly (readonly [what: string, file: string, problems: readonly string[]])[] = [
    [
      'of the wrong form',
      `{
  "port": "x",
  "schemas": [
    {
      "id": "acme",
      "attributes": [
        { "name": "a", "type": "text" },
        { "nme": "b" },
        { "name": "3rd", "multivalued": true }
      ]
    },
    {}
  ],
  "resourceTypes": {}
}`,
      [
        '2:11: port must be a whole number from 0 to 65535, not "x"',
        '5:13: schemas.0.id must be a URI such as urn:example:params:scim:schemas:extension:acme:2.0:User',
        '7:32: schemas.0.attributes.0.type must be one of string, boolean, decimal, integer, dateTime, binary, reference, complex',
        '8:9: schemas.0.attributes.1.name is required',
        '8:18: schemas.0.attributes.1.nme is unknown, did you mean "name"?',
        '9:19: schemas.0.attributes.2.name must be a letter, then letters, digits, $, - and _ (RFC 7643 §2.1)',
        '9:41: schemas.0.attributes.2.multivalued is unknown, did you mean "multiValued"?',
        '12:5: schemas.1.id is required',
        '12:5: schemas.1.attributes is required',
        '14:20: resourceTypes must be an array of resource types',
      ],
    ],
    [
      'that contradict themselves or the standard',
      `{
  "schemas": [
    {
      "id": "urn:example:params:scim:schemas:extension:acme:2.0:User",
      "attributes": [
        { "name": "badge", "type": "complex" },
        { "name": "Badge" },
        { "name": "constructor" },
        { "name": "userName" },
        { "name": "home", "type": "reference" },
        { "name": "boss", "type": "reference", "referenceTypes": ["Usr"] },
        { "name": "secret", "mutability": "writeOnly" },
        { "name": "seen", "type": "boolean", "uniqueness": "server" },
        { "name": "given", "mutability": "readOnly", "required": true },
        { "name": "car", "type": "complex", "indexed": true, "subAttributes": [{ "name": "plate" }] },
        {
          "name": "keys", "type": "complex", "multiValued": true, "indexed": true,
          "subAttributes": [{ "name": "label", "indexed": true }]
        }
      ]
    },
    { "id": "urn:ietf:params:scim:schemas:core:2.0:Group", "attributes": [{ "name": "a" }] },
    {
      "id": "urn:example:params:scim:schemas:2.0:Team",
      "attributes": [
        {
          "name": "members", "type": "complex", "multiValued": true,
          "subAttributes": [{ "name": "value" }, { "name": "role" }]
        }
      ]
    }
  ],
  "resourceTypes": [
    {
      "name": "User",
      "schemaExtensions": [
        { "schema": "urn:example:params:scim:schemas:extension:acme:2.0:User" },
        { "schema": "urn:example:none" }
      ]
    },
    { "name": "Group", "endpoint": "/Teams" },
    { "name": "Team", "endpoint": "/Bulk", "schema": "urn:example:params:scim:schemas:2.0:Team" },
    { "name": "Crew", "endpoint": "/users", "schema": "urn:example:params:scim:schemas:2.0:Crew" },
    { "name": "Band" }
  ]
}`,
      [
        '22:13: schemas.1.id urn:ietf:params:scim:schemas:core:2.0:Group is defined already',
        '6:9: schemas.0.attributes.0 is complex and needs subAttributes',
        '7:19: schemas.0.attributes.1.name Badge is defined already',
        '8:19: schemas.0.attributes.2.name constructor is a reserved word',
        '10:9: schemas.0.attributes.4 is a reference and needs referenceTypes (RFC 7643 §7)',
        '11:67: schemas.0.attributes.5.referenceTypes.0 Usr is not a resource type, external or uri',
        '12:43: schemas.0.attributes.6.mutability writeOnly is for a single string with returned never, such as a password (RFC 7643 §7)',
        '13:60: schemas.0.attributes.7.uniqueness does not apply to type boolean (RFC 7643 §2.3)',
        '14:66: schemas.0.attributes.8.required cannot be true for a readOnly attribute, which clients cannot set',
        '15:56: schemas.0.attributes.9.indexed belongs on its subAttributes',
        '17:78: schemas.0.attributes.10.indexed needs a sub-attribute value to index',
        '18:59: schemas.0.attributes.10.subAttributes.0.indexed applies only to value in a multi-valued attribute',
        '37:21: resourceTypes.0.schemaExtensions.0.schema redefines userName of urn:ietf:params:scim:schemas:core:2.0:User (RFC 7643 §3.3)',
        '37:21: resourceTypes.0.schemaExtensions.0.schema urn:example:params:scim:schemas:extension:acme:2.0:User has a writeOnly attribute, which only a base schema can have',
        '38:21: resourceTypes.0.schemaExtensions.1.schema urn:example:none is not defined',
        '41:36: resourceTypes.1.endpoint of Group cannot be changed; only schemaExtensions can be added',
        '42:35: resourceTypes.2.endpoint /Bulk is reserved by the protocol (RFC 7644 §3.2)',
        '42:54: resourceTypes.2.schema members of urn:example:params:scim:schemas:2.0:Team can have value, display, type and $ref, not role',
        '43:35: resourceTypes.3.endpoint /users belongs to User already',
        '43:55: resourceTypes.3.schema urn:example:params:scim:schemas:2.0:Crew is not defined',
        '44:5: resourceTypes.4.endpoint is required for a new resource type',
        '44:5: resourceTypes.4.schema is required for a new resource type',
      ],
    ],
  ];
  for (const [what, file, problems] of cases)
    test(what, async () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'scim.config.json'), file);
      const { status, stdout, stderr } = await scimd(['config', 'check', '--json'], { folder });
      assert.equal(stdout, '');
      assert.deepEqual(
        JSON.parse(stderr).error.problems.toSorted(),
        problems.map((problem) => `scim.config.json:${problem}`).toSorted(),
      );
      assert.equal(status, 2);
      const served = await scimd(['serve'], { folder });
      assert.equal(served.status, 2);
      assert.match(served.stderr, new RegExp(`^scimd: the configuration has ${problems.length} problems\n`));
    });
});

test('config print shows the definitions: their names in a line each, and whole with --json', async () => {
  const folder = temporaryFolder();
  const definitions = fixture('devices');
  configure(folder, definitions);
  const { stdout } = await scimd(['config', 'print'], { folder });
  assert.match(stdout, /^resourceTypes +\["Device","EndpointApp"\] +scim\.config\.json:1:\d+$/m);
  const { settings } = JSON.parse((await scimd(['config', 'print', '--json'], { folder })).stdout);
  assert.deepEqual(settings.schemas.value, definitions.schemas);
  assert.match((await scimd(['config', 'check'], { folder })).stdout, /is valid/);
});

test('resource types of the file are served; without them their resources wait, and the server says so', async () => {
  const folder = temporaryFolder();
  const first = await start(folder, fixture('devices'));
  const created = await first.request('POST', '/Devices', {
    schemas: [device],
    active: true,
    displayName: 'Pump',
  });
  assert.equal(created.status, 201, created.text);
  const group = await first.request('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Pumps',
    members: [{ value: created.json.id }],
  });
  await first.stop();

  const without = await start(folder, {});
  assert.deepEqual(
    logged(without.output.stderr, 'kept, but not served').map(({ type, resources }) => [type, resources]),
    [['Device', 1]],
  );
  assert.equal((await without.request('GET', `/Devices/${created.json.id}`)).status, 404);
  assert.equal((await without.request('GET', '/Users')).json.totalResults, 0);
  const { members } = (await without.request('GET', `/Groups/${group.json.id}`)).json;
  assert.deepEqual(members, [{ value: created.json.id, display: 'Pump' }]);
  await without.stop();

  const again = await start(folder, fixture('devices'));
  assert.deepEqual((await again.request('GET', `/Devices/${created.json.id}`)).json.displayName, 'Pump');
  assert.doesNotMatch(again.output.stderr, /not served|rebuil/);
  await again.stop();
});

test('an extension that is taken out hides its data, and shows it again when it is back', async () => {
  const folder = temporaryFolder();
  const extended = acmeWith({ name: 'badge', uniqueness: 'server' }, { name: 'floor', type: 'integer' });
  const first = await start(folder, extended);
  const { id } = (await first.request('POST', '/Users', newUser('a', { badge: 'B1', floor: 3 }))).json;
  await first.stop();

  const plain = await start(folder, {});
  const hidden = (await plain.request('GET', `/Users/${id}`)).json;
  assert.deepEqual([hidden.schemas, hidden[acme]], [[userSchema], undefined]);
  const [told] = logged(plain.output.stderr, 'values that no schema defines');
  assert.deepEqual([told?.attribute, told?.resources, told?.ids], [acme, 1, [id]]);
  const patch = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'] };
  const Operations = [{ op: 'add', path: 'title', value: 'Guide' }];
  assert.equal((await plain.request('PATCH', `/Users/${id}`, { ...patch, Operations })).status, 200);
  await plain.stop();

  const again = await start(folder, extended);
  const shown = (await again.request('GET', `/Users/${id}`)).json;
  assert.deepEqual([shown[acme], shown.title], [{ badge: 'B1', floor: 3 }, 'Guide']);
  assert.equal(await again.count(`${acme}:floor eq 3`), 1);
  assert.equal((await again.request('POST', '/Users', newUser('b', { badge: 'B1' }))).status, 409);
  await again.stop();
});

describe('a rule that is added to a filled database', () => {
  test('required: the server says who breaks it, and serves them', async () => {
    const folder = temporaryFolder();
    await fill(folder, acmeWith({ name: 'floor', type: 'integer' }, { name: 'desk' }), 15, (index) =>
      index === 0 ? { floor: 1 } : { desk: 'x' },
    );
    const server = await start(
      folder,
      acmeWith({ name: 'floor', type: 'integer', required: true }, { name: 'desk' }),
    );
    const [told] = logged(server.output.stderr, 'resources lack a value that the schema requires');
    assert.deepEqual(
      [told?.attribute, told?.resources, (told?.ids as [] | undefined)?.length],
      [`${acme}:floor`, 14, 10],
    );
    assert.equal(await server.count('userName pr'), 15);
    await server.stop();
  });

  test('uniqueness: what shares a value is named, nothing changes, the previous configuration still starts', async () => {
    const folder = temporaryFolder();
    const before = acmeWith({ name: 'badge', indexed: true });
    await fill(folder, before, 30, (index) => ({ badge: `B${index % 29}` }));
    configure(folder, acmeWith({ name: 'badge', indexed: true, uniqueness: 'server' }));
    const { status, stderr } = await scimd(['serve', '--log-level', 'warn'], { folder });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^scimd: the configuration now wants values of User unique that resources share:\n {2}\S+ and \S+ share a value of urn:\S+:badge\nNothing was changed\. Start with the previous configuration, /,
    );
    const server = await start(folder, before);
    assert.deepEqual(logged(server.output.stderr, 'rebuilding'), [], 'nothing had to be undone');
    const { Resources } = (
      await server.request('GET', `/Users?filter=${encodeURIComponent(`${acme}:badge eq "b0"`)}`)
    ).json;
    assert.equal(Resources.length, 2);
    assert.ok(stderr.includes(Resources[0].id) && stderr.includes(Resources[1].id));
    assert.equal((await server.request('DELETE', `/Users/${Resources[0].id}`)).status, 204);
    await server.stop();
    const unique = await start(folder, acmeWith({ name: 'badge', indexed: true, uniqueness: 'server' }));
    assert.equal((await unique.request('POST', '/Users', newUser('x', { badge: 'b0' }))).status, 409);
    await unique.stop();
  });
});

describe('an attribute that is declared indexed in a filled database', () => {
  const plain = acmeWith({ name: 'desk' }, { name: 'badge', uniqueness: 'server' });
  const indexed = acmeWith({ name: 'desk', indexed: true }, { name: 'badge', uniqueness: 'server' });
  const extension = (index: number) => ({ desk: `D${index % 100}`, badge: `B${index}` });

  /** Rows of the index, and whether a rebuild is under way and how far. */
  function look(folder: string): { elements: number; position: number | undefined } {
    const db = new Sqlite(join(folder, 'scimd.db'), { readonly: true });
    try {
      const pluck = (sql: string) => db.prepare(sql).pluck().get() as number | undefined;
      return {
        elements: pluck('SELECT count(*) FROM element') ?? 0,
        position: pluck('SELECT position FROM rebuild'),
      };
    } finally {
      db.close();
    }
  }

  /** Waits until a rebuild has come some way. */
  async function halfway(folder: string): Promise<void> {
    await until('some way of the rebuild', () => (look(folder).position ?? 0) > 0, 1);
  }

  test('gets its index at the next start, which shows how far it is and answers only then', async () => {
    const folder = temporaryFolder();
    await fill(folder, plain, 3000, extension);
    assert.equal(look(folder).elements, 0);
    const server = await start(folder, indexed);
    assert.deepEqual(look(folder), { elements: 3000, position: undefined });
    const [begun] = logged(server.output.stderr, 'rebuilding indexes');
    assert.deepEqual([begun?.type, begun?.done, begun?.total], ['User', 0, 3000]);
    const [ended] = logged(server.output.stderr, 'indexes rebuilt');
    assert.equal(ended?.resources, 3000);
    assert.equal(await server.count(`${acme}:desk eq "d7"`), 30);
    await server.stop();
    const again = await start(folder, indexed);
    assert.deepEqual(logged(again.output.stderr, 'rebuilding'), [], 'once');
    await again.stop();
  });

  for (const [signal, status, message] of [
    ['SIGKILL', null, undefined],
    ['SIGTERM', 0, 'stopped while rebuilding indexes; the next start resumes'],
  ] as const)
    test(`goes on at the next start where ${signal} ended the one before`, async () => {
      const folder = temporaryFolder();
      await fill(folder, plain, 12_000, extension);
      configure(folder, indexed);
      const killed = running([], { folder });
      await halfway(folder);
      killed.signal(signal);
      const end = await killed.end;
      assert.equal(end.status, status);
      assert.equal(end.stdout, '', 'it did not listen');
      if (message !== undefined) assert.equal(logged(end.stderr, message).length, 1);
      const { elements, position } = look(folder);
      assert.ok(elements > 0 && elements < 12_000, `${elements} rows were written`);
      assert.ok(position !== undefined && position > 0);

      const server = await start(folder, indexed);
      const [begun] = logged(server.output.stderr, 'rebuilding indexes');
      assert.equal(begun?.done, elements, 'what was done is not done again');
      assert.deepEqual(look(folder), { elements: 12_000, position: undefined });
      assert.equal(await server.count(`${acme}:desk eq "d7"`), 120);
      assert.equal(await server.count(`${acme}:badge eq "b11999"`), 1);
      await server.stop();
    });

  test('is rebuilt from the start where the configuration is yet another', async () => {
    const folder = temporaryFolder();
    await fill(folder, plain, 12_000, extension);
    configure(folder, indexed);
    const killed = running([], { folder });
    await halfway(folder);
    killed.signal('SIGKILL');
    await killed.end;
    const server = await start(folder, plain);
    assert.deepEqual(look(folder), { elements: 0, position: undefined });
    assert.equal(await server.count(`${acme}:desk eq "d7"`), 120);
    await server.stop();
  });
});

describe('a command in a folder with another configuration', () => {
  const configured = acmeWith({ name: 'desk', indexed: true });

  test('on tokens and tenants neither needs nor changes what the server made of it', async () => {
    const folder = temporaryFolder();
    await fill(folder, configured, 10, () => ({ desk: 'x' }));
    const elsewhere = temporaryFolder();
    const database = ['--database', join(folder, 'scimd.db')];
    for (const args of [
      ['token', 'create', '--name', 'x'],
      ['token', 'list'],
      ['tenant', 'create', 'y'],
      ['tenant', 'list'],
    ])
      assert.equal((await scimd([...args, ...database], { folder: elsewhere })).status, 0);
    const server = await start(folder, configured);
    assert.doesNotMatch(server.output.stderr, /rebuil/);
    assert.equal(await server.count(`${acme}:desk eq "x"`), 10);
    await server.stop();
  });

  test('that is a second server makes the first one refuse, instead of mixing up their rows', async () => {
    const folder = temporaryFolder();
    const first = await start(folder, configured);
    assert.equal((await first.request('POST', '/Users', newUser('a', { desk: 'x' }))).status, 201);
    const elsewhere = temporaryFolder();
    const second = await serving(['serve', '--port', '0', '--database', join(folder, 'scimd.db')], {
      folder: elsewhere,
    });
    // It looks for webhooks once a second, and has met it there too.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal((await first.request('POST', '/Users', newUser('b', { desk: 'x' }))).status, 503);
    assert.equal((await first.request('GET', '/Users')).status, 503);
    await second.stop();
    const { stderr } = await first.stop();
    assert.match(stderr, /another process has opened the database with other schemas or resource types/);
    const again = await start(folder, configured);
    assert.equal(await again.count(`${acme}:desk eq "x"`), 1);
    await again.stop();
  });
});

test('SIGHUP says that definitions take effect after a restart', async () => {
  const folder = temporaryFolder();
  const server = await start(folder, acmeWith({ name: 'desk' }));
  configure(folder, acmeWith({ name: 'desk', indexed: true }));
  server.signal('SIGHUP');
  await until('the reload', () => server.output.stderr.includes('after a restart'));
  assert.match(server.output.stderr, /"settings":\["schemas"\],"msg":"these settings take effect after/);
  await server.stop();
});
