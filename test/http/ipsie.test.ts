/**
 * `--profile ipsie`: each MUST of OpenID's IPSIE AL SCIM 2.0 profile (draft 00), and of the SCIM interoperability profile
 * that it builds on, against a server with the profile.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SignJWT } from 'jose';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { configuredRegistry, DefinitionError } from '../../src/scim/custom-schemas.ts';
import { refused } from '../rfc/refused.ts';
import {
  type Answer,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { newKey, type SigningKey, startIssuer } from './issuer.ts';

let server: TestServer;
let key: SigningKey;
let clientId: string;
/** An access token that was given for an assertion. */
let token: string;
const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
let count = 0;

before(async () => {
  server = await startScimd({ registry: configuredRegistry({ profile: 'ipsie' }) });
  key = await newKey('one');
  clientId = await newClient({ jwks: JSON.stringify({ keys: [key.jwk] }) });
  token = (await granted()).json.access_token;
});
after(() => server.close());

async function newClient(keys: { jwks: string } | { jwksUri: string }, scope: 'scim' | 'admin' = 'scim') {
  const made = await server.store?.createToken({
    hash: hashSecret(newSecret()),
    name: `client-${++count}`,
    tenant: 1,
    idp: 'okta',
    scope,
  });
  assert.ok(made !== undefined);
  await server.store?.clients.setKeys(made.id, keys);
  return made.id;
}

interface Said {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string;
  readonly jti?: string;
  /** Seconds from now. */
  readonly end?: number;
  readonly by?: SigningKey;
}

async function assertion({
  iss = clientId,
  sub = iss,
  aud,
  jti = `jti-${++count}`,
  end = 300,
  by = key,
}: Said = {}) {
  return new SignJWT({})
    .setProtectedHeader({ alg: by.alg, kid: by.kid })
    .setIssuer(iss)
    .setSubject(sub)
    .setAudience(aud ?? `${server.base}/oauth/token`)
    .setJti(jti)
    .setExpirationTime(Math.floor(Date.now() / 1000) + end)
    .sign(by.privateKey);
}

function ask(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  return server.request('POST', '/oauth/token', {
    token: null,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
  });
}

const granted = async (said: Said = {}, more: Record<string, string> = {}): Promise<Answer> =>
  ask({ client_assertion_type: type, client_assertion: await assertion(said), ...more });

const scim = (method: string, path: string, body?: unknown): Promise<Answer> =>
  server.request(method, path, { token, ...(body === undefined ? {} : { body }) });

async function create(path: string, body: object): Promise<string> {
  const { status, json, text } = await scim('POST', path, body);
  assert.equal(status, 201, text);
  return json.id;
}

describe('authentication', () => {
  test('a client gets an access token for a JWT of its own (RFC 7523 §2.2), with the scope scim', async () => {
    const { status, json, headers } = await granted();
    assert.equal(status, 200);
    assert.equal(json.token_type, 'Bearer');
    assert.equal(json.scope, 'scim');
    assert.ok(json.expires_in <= 3600);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal((await server.request('GET', '/Users', { token: json.access_token })).status, 200);
  });

  test('its keys are at a URL, or in the database; the audience is the token endpoint or the issuer', async () => {
    const issuer = await startIssuer(key);
    const other = await newClient({ jwksUri: issuer.jwksUri });
    assert.equal((await granted({ iss: other })).status, 200);
    assert.equal((await granted({ aud: new URL(server.base).origin })).status, 200);
    issuer.close();
  });

  test('an access token gives no broader scope than scim', async () => {
    const admin = await newClient({ jwks: JSON.stringify({ keys: [key.jwk] }) }, 'admin');
    assert.equal((await granted({ iss: admin })).json.scope, 'scim');
    assert.equal((await granted({ iss: admin }, { scope: 'admin' })).json.scope, 'scim');
    assert.equal((await granted({}, { scope: 'admin' })).status, 400);
  });

  test('an assertion is taken once, within its time, from who signed it, for this server', async () => {
    const stranger = await newKey('one');
    const wrong: [string, Said, RegExp][] = [
      ['expired', { end: -60 }, /expired/],
      ['valid for too long', { end: 7200 }, /3600 seconds/],
      ['signed by somebody else', { by: stranger }, /cannot be verified/],
      ['for another server', { aud: 'https://other.example.com' }, /aud/],
      ['of an unknown client', { iss: 'nobody' }, /no client/],
      ['in another’s name', { sub: 'somebody' }, /sub/],
    ];
    for (const [what, said, why] of wrong) {
      const { status, json } = await granted(said);
      assert.equal(status, 401, what);
      assert.equal(json.error, 'invalid_client', what);
      assert.match(json.error_description, why);
    }
    assert.equal((await granted({ jti: 'once' })).status, 200);
    const again = await granted({ jti: 'once' });
    assert.equal(again.status, 401);
    assert.match(again.json.error_description, /before/);
    const both = await granted({}, { client_secret: 'x' });
    assert.equal(both.json.error, 'invalid_request');
  });

  test('client secrets, HTTP Basic and plain tokens are not taken', async () => {
    const secret = await server.newToken({});
    const client = (await server.store?.listTokens())?.at(-1);
    const asked = await ask({ client_id: client?.id ?? '', client_secret: secret });
    assert.equal(asked.status, 401);
    assert.match(asked.json.error_description, /client_assertion/);
    const plain = await server.request('GET', '/Users', { token: secret });
    assert.equal(plain.status, 401);
    assert.match(plain.headers.get('www-authenticate') ?? '', /invalid_token/);
    assert.equal((await server.request('GET', '/Users', { token: null })).status, 401);
  });

  test('RFC 8414 metadata names the token endpoint, and private_key_jwt alone', async () => {
    const { origin } = new URL(server.base);
    const url = `${origin}/.well-known/oauth-authorization-server`;
    const { status, json } = await server.request('GET', url, { token: null });
    assert.equal(status, 200);
    assert.equal(json.issuer, origin);
    assert.equal(json.token_endpoint, `${server.base}/oauth/token`);
    assert.deepEqual(json.token_endpoint_auth_methods_supported, ['private_key_jwt']);
    assert.ok(json.token_endpoint_auth_signing_alg_values_supported.includes('RS256'));
    assert.deepEqual(json.grant_types_supported, ['client_credentials']);
    assert.ok(json.scopes_supported.includes('scim'));
  });
});

test('rates are limited: more is 429 with Retry-After, and 25 a second are always taken', async () => {
  const limited = await startScimd({
    registry: configuredRegistry({ profile: 'ipsie' }),
    clock: () => new Date('2026-11-28T09:00:00Z'),
  });
  const made = await limited.store?.createToken({
    ...{ hash: hashSecret(newSecret()), name: 'okta', tenant: 1, idp: 'okta', scope: 'scim' as const },
  });
  await limited.store?.clients.setKeys(made?.id ?? '', { jwks: JSON.stringify({ keys: [key.jwk] }) });
  const signed = await new SignJWT({})
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setIssuer(made?.id ?? '')
    .setSubject(made?.id ?? '')
    .setAudience(`${limited.base}/oauth/token`)
    .setJti('1')
    .setExpirationTime(Date.parse('2026-11-28T09:05:00Z') / 1000)
    .sign(key.privateKey);
  const asked = await limited.request('POST', '/oauth/token', {
    token: null,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: type,
      client_assertion: signed,
    }).toString(),
  });
  let answer = asked;
  let taken = 0;
  for (; taken < 2000; taken++) {
    answer = await limited.request('GET', '/Users?count=0', { token: asked.json.access_token });
    if (answer.status !== 200) break;
  }
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.ok(taken >= 250, `${taken} within ten seconds’ worth`);
  await limited.close();
});

describe('users and groups', () => {
  test('the filters that the profile names find who they should', async () => {
    const email = `jane.${++count}@example.com`;
    const id = await create(
      '/Users',
      newUser({ userName: email, externalId: '00u1', emails: [{ value: email, type: 'work' }] }),
    );
    const group = await create('/Groups', newGroup({ externalId: 'g1', members: [{ value: id }] }));
    const filters: [string, string, string][] = [
      ['/Users', `userName eq "${email}"`, id],
      ['/Users', 'externalId eq "00u1"', id],
      ['/Users', `emails[value eq "${email}"]`, id],
      ['/Users', `emails[type eq "work" and value eq "${email}"]`, id],
      ['/Groups', `members[value eq "${id}"]`, group],
      ['/Groups', 'externalId eq "g1"', group],
    ];
    for (const [path, filter, found] of filters) {
      const { status, json } = await scim('GET', `${path}?filter=${encodeURIComponent(filter)}`);
      assert.equal(status, 200, filter);
      assert.deepEqual(
        json.Resources.map((each: { id: string }) => each.id),
        [found],
        filter,
      );
    }
  });

  test('a user is deactivated and reactivated, and a deleted one’s userName is free again', async () => {
    const body = newUser({ active: true });
    const id = await create('/Users', body);
    for (const value of [false, true]) {
      const { status, json } = await scim(
        'PATCH',
        `/Users/${id}`,
        patchOp({ op: 'replace', path: 'active', value }),
      );
      assert.equal(status, 200);
      assert.equal(json.active, value);
    }
    assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204);
    assert.equal((await scim('GET', `/Users/${id}`)).status, 404);
    await create('/Users', body);
  });

  test('one PATCH changes several attributes, and fifty members and more', async () => {
    const id = await create('/Users', newUser());
    const changed = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOp(
        { op: 'replace', path: 'title', value: 'A' },
        { op: 'add', path: 'name.givenName', value: 'Jane' },
        { op: 'add', path: 'externalId', value: '00u2' },
      ),
    );
    assert.equal(changed.status, 200);
    assert.deepEqual(
      [changed.json.title, changed.json.name.givenName, changed.json.externalId],
      ['A', 'Jane', '00u2'],
    );
    const ids: string[] = [];
    for (let made = 0; made < 60; made++) ids.push(await create('/Users', newUser()));
    const group = await create('/Groups', newGroup());
    const add = ids.map((value) => ({ op: 'add', path: 'members', value: [{ value }] }));
    assert.ok((await scim('PATCH', `/Groups/${group}`, patchOp(...add))).status < 300);
    const remove = ids.slice(1).map((each) => ({ op: 'remove', path: `members[value eq "${each}"]` }));
    assert.ok((await scim('PATCH', `/Groups/${group}`, patchOp(...remove))).status < 300);
    assert.deepEqual(
      (await scim('GET', `/Groups/${group}`)).json.members.map((each: { value: string }) => each.value),
      [ids[0]],
    );
    assert.ok(
      (await scim('PATCH', `/Groups/${group}`, patchOp({ op: 'remove', path: 'members' }))).status < 300,
    );
    assert.equal((await scim('GET', `/Groups/${group}`)).json.members, undefined);
  });

  test('/Bulk is there, and keeps to the profile too', async () => {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
    const { status, json } = await scim('POST', '/Bulk', {
      schemas,
      Operations: [
        { method: 'POST', path: '/Users', bulkId: 'a', data: newUser() },
        { method: 'POST', path: '/Users', bulkId: 'b', data: newUser({ shoeSize: 42 }) },
      ],
    });
    assert.equal(status, 200);
    assert.deepEqual(
      json.Operations.map((each: { status: string }) => each.status),
      ['201', '400'],
    );
    assert.equal(json.Operations[1].response.scimType, 'invalidSyntax');
  });

  test('pages are by index and by cursor; a count of 100 is honoured, and a greater one cut', async () => {
    const { json } = await scim('GET', '/ServiceProviderConfig');
    assert.equal(json.pagination.cursor, true);
    assert.equal(json.pagination.index, true);
    assert.ok(json.pagination.maxPageSize <= 1000 && json.pagination.maxPageSize >= 100);
    assert.equal((await scim('GET', '/Users?count=100000')).status, 200);
  });

  test('a group’s displayName is unique', async () => {
    const body = newGroup();
    await create('/Groups', body);
    refused(await scim('POST', '/Groups', body), 409, 'uniqueness');
  });

  test('every change is in the record with who made it', async () => {
    const id = await create('/Users', newUser());
    const changes = (await server.store?.changes({ tenant: 1, id, limit: 10 })) ?? [];
    assert.equal(changes.length, 1);
    assert.equal(changes[0]?.actor.id, clientId);
  });
});

describe('no credentials', () => {
  test('there is no password: not in the schema, not in a body, and it cannot be changed', async () => {
    const { json } = await scim('GET', `/Schemas/${userSchema}`);
    assert.ok(!json.attributes.some(({ name }: { name: string }) => name === 'password'));
    refused(await scim('POST', '/Users', newUser({ password: 'correct horse' })), 400, 'invalidSyntax');
    const id = await create('/Users', newUser());
    const change = patchOp({ op: 'replace', path: 'password', value: 'correct horse' });
    refused(await scim('PATCH', `/Users/${id}`, change), 400, 'invalidSyntax');
    assert.equal((await scim('GET', '/ServiceProviderConfig')).json.changePassword.supported, false);
  });

  test('a schema of the operator’s own with a credential is refused, with its place', () => {
    const withAttribute = (attribute: object) => ({
      profile: 'ipsie' as const,
      schemas: [
        { id: 'urn:example:scim:1.0:User', name: 'Own', attributes: [{ multiValued: false, ...attribute }] },
      ],
    });
    for (const attribute of [
      { name: 'apiToken', type: 'string' },
      { name: 'vpnPassword', type: 'string' },
      { name: 'seed', type: 'string', returned: 'never' },
      {
        name: 'device',
        type: 'complex',
        subAttributes: [{ name: 'pin', type: 'string', multiValued: false }],
      },
    ])
      assert.throws(
        () => configuredRegistry(withAttribute(attribute)),
        (error: unknown) =>
          error instanceof DefinitionError &&
          /^schemas\.0\.attributes\.0 is a credential/.test(error.message),
        attribute.name,
      );
    assert.ok(configuredRegistry(withAttribute({ name: 'costCenter', type: 'string' })));
  });
});

test('nothing is changed by hand: people and groups are the provider’s', async () => {
  assert.ok(server.store !== undefined);
  const directory = new Directory(server.store);
  const [user] = server.store.registry.resourceTypes;
  assert.ok(user !== undefined);
  const id = await create('/Users', newUser());
  for (const kind of ['cli', 'import', 'admin', 'embedder'] as const) {
    const caller = operator(1, { kind }, 'generic');
    const tries = [
      () => directory.create(caller, user, newUser()),
      () => directory.replace(caller, user, id, newUser()),
      () => directory.patch(caller, user, id, patchOp({ op: 'add', path: 'title', value: 'A' })),
      () => directory.delete(caller, user, id),
    ];
    for (const attempt of tries) await assert.rejects(attempt, /profile ipsie leaves people and groups/);
  }
  assert.equal((await scim('GET', `/Users/${id}`)).json.title, undefined);
});

describe('SCIM interoperability profile', () => {
  test('it is advertised, and in the schema of what advertises it', async () => {
    assert.equal((await scim('GET', '/ServiceProviderConfig')).json.interopProfileConformant, true);
    const { json } = await scim(
      'GET',
      '/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig',
    );
    assert.ok(json.attributes.some(({ name }: { name: string }) => name === 'interopProfileConformant'));
  });

  test('attributes and schemas that are not defined are 400 invalidSyntax, in POST, PUT and PATCH', async () => {
    const id = await create('/Users', newUser());
    const wrong: [string, string, object][] = [
      ['POST', '/Users', newUser({ shoeSize: 42 })],
      ['POST', '/Users', newUser({ name: { shoeSize: 42 } })],
      ['POST', '/Users', newUser({ emails: [{ value: 'a@example.com', shoeSize: 42 }] })],
      ['POST', '/Users', newUser({ schemas: [userSchema, 'urn:example:unknown'] })],
      ['POST', '/Users', newUser({ 'urn:example:unknown': { a: 1 } })],
      ['PUT', `/Users/${id}`, newUser({ shoeSize: 42 })],
      ['PATCH', `/Users/${id}`, patchOp({ op: 'add', path: 'shoeSize', value: 42 })],
      ['PATCH', `/Users/${id}`, patchOp({ op: 'add', path: 'name.shoeSize', value: 42 })],
      ['PATCH', `/Users/${id}`, patchOp({ op: 'add', path: 'name', value: { shoeSize: 42 } })],
    ];
    for (const [method, path, body] of wrong) refused(await scim(method, path, body), 400, 'invalidSyntax');
    assert.equal((await scim('GET', `/Users/${id}`)).json.meta.version, 'W/"1"');
  });

  test('a PATCH without a path is 400 invalidSyntax; one that ends behind its filter 400 invalidPath', async () => {
    const id = await create('/Users', newUser({ emails: [{ value: 'a@example.com', type: 'work' }] }));
    refused(
      await scim('PATCH', `/Users/${id}`, patchOp({ op: 'add', value: { title: 'A' } })),
      400,
      'invalidSyntax',
    );
    const whole = patchOp({
      op: 'replace',
      path: 'emails[type eq "work"]',
      value: { value: 'b@example.com' },
    });
    refused(await scim('PATCH', `/Users/${id}`, whole), 400, 'invalidPath');
    const sub = patchOp({ op: 'replace', path: 'emails[type eq "work"].value', value: 'b@example.com' });
    assert.equal((await scim('PATCH', `/Users/${id}`, sub)).json.emails[0].value, 'b@example.com');
  });

  test('replace of a whole complex attribute replaces it, add merges', async () => {
    const id = await create('/Users', newUser({ name: { givenName: 'Jane', familyName: 'Doe' } }));
    const merged = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'add', path: 'name', value: { middleName: 'J' } }),
    );
    assert.deepEqual(merged.json.name, { familyName: 'Doe', givenName: 'Jane', middleName: 'J' });
    const replaced = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'replace', path: 'name', value: { familyName: 'Roe' } }),
    );
    assert.deepEqual(replaced.json.name, { familyName: 'Roe' });
  });

  test('a filter with an attribute that is not defined is 400 invalidFilter', async () => {
    refused(await scim('GET', '/Users?filter=shoeSize%20eq%2042'), 400, 'invalidFilter');
  });

  test('the id of a resource type is its name, and every type has its values listed', async () => {
    for (const { id, name } of (await scim('GET', '/ResourceTypes')).json.Resources) assert.equal(id, name);
    interface Described {
      readonly name: string;
      readonly multiValued: boolean;
      readonly canonicalValues?: readonly string[];
      readonly subAttributes?: readonly Described[];
    }
    let seen = 0;
    for (const { attributes } of (await scim('GET', '/Schemas')).json.Resources.filter(
      (each: { id: string }) => /core:2\.0:(?:User|Group)$/.test(each.id),
    ))
      for (const attribute of attributes as Described[]) {
        const kind = attribute.subAttributes?.find(({ name }) => name === 'type');
        if (!attribute.multiValued || kind === undefined) continue;
        seen++;
        assert.ok((kind.canonicalValues ?? []).length > 0, attribute.name);
      }
    assert.ok(seen >= 8);
  });
});
