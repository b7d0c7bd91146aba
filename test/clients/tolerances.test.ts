/**
 * One recorded exchange for each tolerance: what `generic` makes of it, that the log names it, and that `strict`
 * answers as the RFC's letter has it and changes nothing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compileRegistry } from '../../src/scim/registry.ts';
import { standardResourceTypes, standardSchemas } from '../../src/scim/standard.ts';
import { idps, type ToleranceName, tolerances, toleratedFor } from '../../src/scim/tolerances.ts';
import type { Store } from '../../src/store/store.ts';
import {
  type Answer,
  enterpriseSchema,
  errorSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
} from '../server.ts';

const lockerSchema = 'urn:example:params:scim:schemas:locker:1.0:User';

/** The resources that a request may speak of, made anew for each. */
interface Scene {
  readonly user: string;
  readonly group: string;
}

interface Exchange {
  /** What is sent, and by whom, if known. */
  readonly sent: string;
  readonly request: (scene: Scene) => {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
  };
  /** Looks at the generic answer, and at the resource as it then is. */
  // biome-ignore lint/suspicious/noExplicitAny: resources of any shape
  readonly accepted: (now: any, answer: Answer, scene: Scene) => void;
  /** The strict answer; nothing is changed. */
  readonly strict: { readonly status: number; readonly scimType?: string };
}

/** A PATCH of the user with one operation. */
const patching =
  (...operations: readonly Record<string, unknown>[]): Exchange['request'] =>
  ({ user }) => ({ method: 'PATCH', path: `/Users/${user}`, body: patchOp(...operations) });

const invalidValue = { status: 400, scimType: 'invalidValue' };

const exchanges: Record<ToleranceName, Exchange> = {
  operationCase: {
    sent: 'Entra ID writes Add, Replace and Remove',
    request: patching({ op: 'Add', path: 'title', value: 'Cook' }),
    accepted: (now) => assert.equal(now.title, 'Cook'),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  patchWithoutContent: {
    sent: 'Entra ID expects 204 of a PATCH',
    request: patching({ op: 'Replace', path: 'title', value: 'Cook' }),
    accepted: (now, { status, text }) => assert.deepEqual([now.title, status, text], ['Cook', 204, '']),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  booleanText: {
    sent: 'Entra ID and OneLogin write booleans as texts',
    request: patching({ op: 'replace', path: 'active', value: 'False' }),
    accepted: (now) => assert.equal(now.active, false),
    strict: invalidValue,
  },
  numberText: {
    sent: 'Entra ID writes the numbers of a configured schema as texts',
    request: patching({ op: 'replace', path: `${lockerSchema}:number`, value: '42' }),
    accepted: (now) => assert.equal(now[lockerSchema].number, 42),
    strict: invalidValue,
  },
  singleForArray: {
    sent: 'OneLogin sends one e-mail as an object',
    request: patching({ op: 'replace', path: 'emails', value: { value: 'n@example.com', type: 'work' } }),
    accepted: (now) => assert.deepEqual(now.emails, [{ value: 'n@example.com', type: 'work' }]),
    strict: invalidValue,
  },
  arrayForSingle: {
    sent: 'Entra ID and SCIM SDK send a single value in an array',
    request: patching({ op: 'replace', path: 'nickName', value: ['Til'] }),
    accepted: (now) => assert.equal(now.nickName, 'Til'),
    strict: invalidValue,
  },
  scalarForComplex: {
    sent: 'Entra ID sends the manager’s id alone',
    request: patching({ op: 'add', path: `${enterpriseSchema}:manager`, value: '26118915' }),
    accepted: (now) => assert.deepEqual(now[enterpriseSchema].manager, { value: '26118915' }),
    strict: invalidValue,
  },
  objectForScalar: {
    sent: 'Entra ID’s job of 2018 wraps simple values in $ref and value',
    request: patching({ op: 'replace', path: 'displayName', value: [{ $ref: null, value: 'Til' }] }),
    accepted: (now) => assert.equal(now.displayName, 'Til'),
    strict: invalidValue,
  },
  jsonText: {
    sent: 'clients made with SCIM-SDK send the JSON text of an object',
    request: patching({
      op: 'replace',
      path: 'emails[type eq "work"]',
      value: '{\n  "type" : "home",\n  "value" : "til@home.example"\n}',
    }),
    accepted: (now) => assert.deepEqual(now.emails, [{ value: 'til@home.example', type: 'home' }]),
    strict: invalidValue,
  },
  emptyText: {
    sent: 'OneLogin sends empty texts for macros without value',
    request: patching({ op: 'replace', path: 'emails', value: '' }),
    accepted: (now) => assert.equal('emails' in now, false),
    strict: invalidValue,
  },
  unknownSchema: {
    sent: 'Entra ID lists Microsoft’s own schema of 2006',
    request: ({ group }) => ({
      method: 'PUT',
      path: `/Groups/${group}`,
      body: {
        schemas: [
          'urn:ietf:params:scim:schemas:core:2.0:Group',
          'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
        ],
        displayName: 'Riggers',
      },
    }),
    accepted: (now) => assert.equal(now.schemas.length, 1),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  schemasLeftOut: {
    sent: 'Oxide, WSO2, Databricks and authentik leave schemas out',
    request: ({ user }) => ({
      method: 'PUT',
      path: `/Users/${user}`,
      body: { userName: `${user}@example.com`, title: 'Cook' },
    }),
    accepted: (now) => assert.equal(now.title, 'Cook'),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  messageSchemas: {
    sent: 'clients that make PATCH requests of resources give these the resource’s schema',
    request: ({ user }) => ({
      method: 'PATCH',
      path: `/Users/${user}`,
      body: {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        Operations: [{ op: 'replace', path: 'title', value: 'Cook' }],
      },
    }),
    accepted: (now) => assert.equal(now.title, 'Cook'),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  qualifiedKey: {
    sent: 'clients of scimitar write each attribute of an extension under its whole URN',
    request: ({ user }) => ({
      method: 'PUT',
      path: `/Users/${user}`,
      body: {
        ...newUser(),
        [`${enterpriseSchema}:department`]: 'Cider',
        [`${enterpriseSchema}:manager`]: { value: '26118915' },
      },
    }),
    accepted: (now) =>
      assert.deepEqual(now[enterpriseSchema], { department: 'Cider', manager: { value: '26118915' } }),
    strict: { status: 400, scimType: 'invalidSyntax' },
  },
  freeText: {
    sent: 'Entra ID’s validator sends LOCALE1 as a locale and Testland as a country, Saviynt blanks as URLs',
    request: patching({
      op: 'replace',
      value: {
        locale: 'LOCALE 1',
        addresses: [{ type: 'work', country: 'Testland' }],
        profileUrl: ' ',
        photos: [{ value: 'see the intranet' }],
      },
    }),
    accepted: (now) =>
      assert.deepEqual(
        [now.locale, now.addresses[0].country, now.profileUrl, now.photos[0].value],
        ['LOCALE 1', 'Testland', ' ', 'see the intranet'],
      ),
    strict: invalidValue,
  },
  dottedKey: {
    sent: 'Entra ID with aadOptscim062020 writes paths as member names',
    request: patching({
      op: 'replace',
      value: { 'name.givenName': 'Til', 'emails[type eq "work"].value': 'til@example.com' },
    }),
    accepted: (now) =>
      assert.deepEqual([now.name.givenName, now.emails[0].value], ['Til', 'til@example.com']),
    // To the letter these are names of no attribute: nothing would be done.
    strict: invalidValue,
  },
  pathlessArray: {
    sent: 'clients made with SCIM-SDK 1.30 send the value without path in an array',
    request: patching({ op: 'replace', value: [{ title: 'Cook', active: false }] }),
    accepted: (now) => assert.deepEqual([now.title, now.active], ['Cook', false]),
    strict: invalidValue,
  },
  wrappedValue: {
    sent: 'Salesforce’s documentation has {"members": […]} as the value of path members',
    request: ({ group, user }) => ({
      method: 'PATCH',
      path: `/Groups/${group}`,
      body: patchOp({ op: 'remove', path: 'members', value: { members: [{ value: user }] } }),
    }),
    accepted: (now) =>
      assert.deepEqual(
        now.members.map(({ value }: { value: string }) => value),
        ['someone else'],
      ),
    strict: invalidValue,
  },
  urnDotPath: {
    sent: 'Grouper writes a dot after the extension’s URN',
    request: patching({ op: 'replace', path: `${enterpriseSchema}.costCenter`, value: 'CC-1' }),
    accepted: (now) => assert.equal(now[enterpriseSchema].costCenter, 'CC-1'),
    strict: { status: 400, scimType: 'invalidPath' },
  },
  coreSchemaObject: {
    sent: 'clients that qualify everything wrap core attributes in an object under the core URN',
    request: patching({
      op: 'replace',
      value: { 'urn:ietf:params:scim:schemas:core:2.0:User': { displayName: 'Til' } },
    }),
    accepted: (now) => assert.equal(now.displayName, 'Til'),
    strict: { status: 400, scimType: 'invalidPath' },
  },
  readOnlyInValue: {
    sent: 'Okta and authentik send back what they have read, meta and groups too',
    request: patching({
      op: 'replace',
      value: { title: 'Cook', meta: { resourceType: 'User' }, groups: [] },
    }),
    accepted: (now) => assert.equal(now.title, 'Cook'),
    strict: { status: 400, scimType: 'mutability' },
  },
  removeWithValue: {
    sent: 'Entra ID and JumpCloud remove members by a list in value',
    request: ({ group, user }) => ({
      method: 'PATCH',
      path: `/Groups/${group}`,
      body: patchOp({ op: 'remove', path: 'members', value: [{ value: user }] }),
    }),
    accepted: (now) =>
      assert.deepEqual(
        now.members.map(({ value }: { value: string }) => value),
        ['someone else'],
      ),
    strict: invalidValue,
  },
  removeWithoutMatch: {
    sent: 'Entra ID removes what is gone already',
    request: patching({ op: 'remove', path: 'emails[type eq "other"]' }),
    accepted: (now) => assert.equal(now.emails.length, 1),
    strict: { status: 400, scimType: 'noTarget' },
  },
  addByValuePath: {
    sent: 'Entra ID adds by a path that selects nothing yet',
    request: patching({ op: 'add', path: 'emails[type eq "other"].value', value: 'o@example.com' }),
    accepted: (now) => assert.deepEqual(now.emails[1], { value: 'o@example.com', type: 'other' }),
    strict: { status: 400, scimType: 'noTarget' },
  },
  createByValuePath: {
    sent: 'Entra ID replaces values that are not there',
    request: patching({ op: 'replace', path: 'emails[type eq "other"].value', value: 'o@example.com' }),
    accepted: (now) => assert.deepEqual(now.emails[1], { value: 'o@example.com', type: 'other' }),
    strict: { status: 400, scimType: 'noTarget' },
  },
  memberByFilter: {
    sent: 'a connector from Entra ID’s gallery adds members by a value path with the value "[]"',
    request: ({ group }) => ({
      method: 'PATCH',
      path: `/Groups/${group}`,
      body: patchOp({ op: 'add', path: 'members[value eq "a third one"]', value: '[]' }),
    }),
    accepted: (now) => assert.ok(now.members.some(({ value }: { value: string }) => value === 'a third one')),
    strict: invalidValue,
  },
  extraSlash: {
    sent: 'scim-for-keycloak joins a base URL that ends in a slash to //Users',
    request: ({ user }) => ({ method: 'GET', path: `//Users/${user}` }),
    accepted: (_now, { json }, { user }) => assert.equal(json.id, user),
    strict: { status: 404 },
  },
  endpointCase: {
    sent: 'Entra ID’s configuration is typed by people: /users',
    request: ({ user }) => ({ method: 'GET', path: `/users/${user}` }),
    accepted: (_now, { json }, { user }) => assert.equal(json.id, user),
    strict: { status: 404 },
  },
};

const names = Object.keys(tolerances) as ToleranceName[];
const records: { readonly status: number; readonly tolerances?: readonly string[] }[] = [];
let server: TestServer;
let strict: string;

before(async () => {
  const locker = {
    id: lockerSchema,
    name: 'Locker',
    attributes: [{ name: 'number', type: 'integer' as const }],
  };
  const [user, ...others] = standardResourceTypes;
  const types = [
    {
      ...(user as (typeof standardResourceTypes)[number]),
      schemaExtensions: [
        { schema: enterpriseSchema, required: false },
        { schema: lockerSchema, required: false },
      ],
    },
    ...others,
  ];
  server = await startScimd({
    registry: compileRegistry([...standardSchemas, locker], types),
    log: { info: (fields) => void records.push(fields as never), warn() {}, error() {} },
  });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

async function scene(): Promise<Scene> {
  const emails = [{ value: 'til@example.org', type: 'work' }];
  const user = (await server.request('POST', '/Users', { body: newUser({ emails }) })).json.id;
  const members = [{ value: user }, { value: 'someone else' }];
  const group = (await server.request('POST', '/Groups', { body: newGroup({ members }) })).json.id;
  return { user, group };
}

test('every tolerance has its exchange', () => {
  assert.deepEqual(Object.keys(exchanges).sort(), [...names].sort());
});

for (const name of names) {
  const exchange = exchanges[name];
  test(`${name}: ${exchange.sent}`, async () => {
    const made = await scene();
    const { method, path, body } = exchange.request(made);
    const at = path.replace(/^\/+/, '/').replace('/users', '/Users');
    const answer = await server.request(method, path, { body });
    assert.ok(answer.status < 300, answer.text);
    assert.ok(records.at(-1)?.tolerances?.includes(name), 'the log names what was tolerated');
    exchange.accepted((await server.request('GET', at)).json, answer, made);
    assert.equal(records.at(-1)?.tolerances, undefined, 'and nothing where nothing was');
  });

  test(`${name}: strict answers ${exchange.strict.status} ${exchange.strict.scimType ?? ''}`, async () => {
    const { method, path, body } = exchange.request(await scene());
    const at = path.replace(/^\/+/, '/').replace('/users', '/Users');
    const before = (await server.request('GET', at)).json;
    const answer = await server.request(method, path, { body, token: strict });
    assert.equal(answer.status, exchange.strict.status, answer.text);
    assert.equal(records.at(-1)?.tolerances, undefined);
    if (answer.status >= 400) {
      assert.deepEqual(answer.json.schemas, [errorSchema]);
      assert.equal(answer.json.scimType, exchange.strict.scimType);
    }
    assert.deepEqual((await server.request('GET', at)).json, before, 'nothing is changed');
  });
}

test('generic has every tolerance, strict none, a provider those that name it', () => {
  for (const idp of idps) {
    const expected = names.filter(
      (name) =>
        idp === 'generic' ||
        (idp !== 'strict' && (tolerances[name].providers as readonly string[]).includes(idp)),
    );
    assert.deepEqual([...toleratedFor(idp).enabled], expected, idp);
  }
});

test('endpointCase is that of discovery, of bulk requests and of searches too', async () => {
  const send = (path: string, token: string, method = 'GET') =>
    server.request(method, path, { token, ...(method === 'POST' ? { body: {} } : {}) });
  for (const path of ['ServiceProviderConfig', 'Schemas', 'ResourceTypes', 'Roles', 'ResourceTypes/User']) {
    const spelled = await send(`/${path}`, server.token);
    assert.equal(spelled.status, 200);
    const lower = path.replace(/^[^/]+/, (name) => name.toLowerCase());
    const answer = await send(`/${lower}`, server.token);
    assert.deepEqual([answer.status, answer.json], [200, spelled.json], path);
    assert.equal((await send(`/${lower}`, strict)).status, 404);
  }
  assert.equal((await send('//serviceProviderConfig/', server.token)).status, 200);
  assert.match((await send('/bulk', server.token, 'POST')).json.detail, /^Operations is required/);
  assert.equal((await send('/bulk', server.token)).status, 405);
  assert.equal((await send('/users/.search', server.token, 'POST')).status, 200);
  for (const path of ['/nope', '/schemas/none', '/users/none', '/me']) {
    assert.equal((await send(path, server.token)).status, 404, path);
  }
});

test('a token of Okta has no tolerance that only Entra ID needs', async () => {
  const okta = await server.newToken({ idp: 'okta' });
  const { user } = await scene();
  const body = patchOp({ op: 'Add', path: 'title', value: 'Cook' });
  assert.equal((await server.request('PATCH', `/Users/${user}`, { body, token: okta })).status, 400);
});

test('the change record names what a PATCH needed only when it was applied', async () => {
  const { user } = await scene();
  const body = patchOp({ op: 'replace', path: 'emails[type eq "other"].value', value: 'o@example.com' });
  const { status, text } = await server.request('PATCH', `/Users/${user}`, { body });
  assert.equal(status, 200, text);
  const changes = await (server.store as Store).changes({ tenant: 1, id: user, limit: 1000 });
  assert.deepEqual(changes.at(-1)?.tolerances, ['createByValuePath']);
});
