import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, createScimd } from '../../src/index.ts';
import { scimd, temporaryFolder } from '../cli/scimd.ts';
import { newGroup, newUser, type ServerOptions, startScimd, type TestServer } from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

async function withServer(options: ServerOptions, body: (server: TestServer) => Promise<void>) {
  const server = await startScimd(options);
  try {
    await body(server);
  } finally {
    await server.close();
  }
}

/** Every absolute URL that the server generates, wherever in an answer it stands. */
function urlsIn(value: unknown): string[] {
  if (typeof value === 'string') return /^https?:/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    // Events are named by URIs, some of which look like addresses.
    ['specUri', 'attributes', 'securityEvents'].includes(name) ? [] : urlsIn(member),
  );
}

for (const basePath of ['', '/scim', '/scim/tenant/v2']) {
  test(`P-1-01: mounted under "${basePath || '/'}", every generated URL has that base and leads somewhere`, async () => {
    await withServer({ basePath }, async (server) => {
      assert.equal(new URL(server.base).pathname, basePath || '/');
      const user = await server.request('POST', '/Users', { body: newUser() });
      assert.equal(user.status, 201, user.text);
      const group = await server.request('POST', '/Groups', {
        body: newGroup({ members: [{ value: user.json.id }] }),
      });
      const urls = [user.headers.get('location') as string, group.headers.get('location') as string];
      for (const path of [
        '/Users',
        '/Groups',
        `/Users/${user.json.id}`,
        '/ServiceProviderConfig',
        '/Schemas',
        '/ResourceTypes',
      ]) {
        urls.push(...urlsIn((await server.request('GET', path)).json));
      }
      assert.ok(urls.length > 12, urls.join());
      for (const url of new Set(urls)) {
        assert.ok(url.startsWith(`${server.base}/`), url);
        assert.equal(new URL(url).search, '');
        assert.equal((await server.request('GET', url)).status, 200, url);
      }
    });
  });
}

test('P-1-01: a base with a query or a fragment, or that is none, is refused at the start', async () => {
  const refusals = [
    ...[
      'https://id.example.com/scim?x=1',
      'https://id.example.com/scim#x',
      '/scim',
      'ftp://id.example.com',
      '',
    ].map((baseUrl) => ['baseUrl', { baseUrl }] as const),
    ...['/scim?x=1', '/scim#x', 'scim', '/scim/', '/', '//'].map(
      (basePath) => ['basePath', { basePath }] as const,
    ),
  ];
  for (const [name, options] of refusals) {
    await assert.rejects(createScimd({ database: ':memory:', ...options }), (error: Error) => {
      assert.ok(error instanceof ConfigurationError, String(error));
      assert.equal(error.problems.length, 1, error.message);
      assert.match(error.problems[0] ?? '', new RegExp(`^${name} must .* not "`));
      return true;
    });
  }
  const folder = temporaryFolder();
  for (const [flag, value] of [
    ['--base-url', 'https://id.example.com/scim?x=1'],
    ['--base-path', '/scim?x=1'],
  ] as const) {
    const { status, stderr } = await scimd(['serve', '--port', '0', '--database', ':memory:', flag, value], {
      folder,
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /base(Url|Path) must/);
  }
});

test('P-1-02: a URL is decoded as UTF-8, and what cannot be is 400', async () => {
  await withServer({}, async (server) => {
    const client = await newClient(server);
    const { id } = await client.create('/Users', newUser({ displayName: 'Jörg Ω𝄞' }));
    await client.create('/Users', newUser({ displayName: 'Jorg' }));
    const found = await client.request(
      'GET',
      '/Users?filter=displayName%20eq%20%22J%C3%B6rg+%CE%A9%F0%9D%84%9E%22',
    );
    assert.deepEqual(
      found.json.Resources.map((user: { id: string }) => user.id),
      [id],
    );
    for (const search of ['filter=%zz', 'filter=%', 'filter=userName%20eq%20%22%FF%22', '%C3=1']) {
      refused(await client.request('GET', `/Users?${search}`), 400, 'invalidSyntax', /percent-encoding/);
    }
    refused(await client.request('GET', '/Users/%E0%A4'), 400, 'invalidSyntax', /percent-encoding/);
    assert.equal(
      (
        await client.request(
          'GET',
          `/Users/${encodeURIComponent(id).replace(/^./, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
        )
      ).status,
      200,
    );
  });
});

test('P-3.13-01, P-3.13-02: the version stands in the base, immediately before the endpoint', async () => {
  await withServer({}, async (server) => {
    assert.match(server.base, /\/v2$/);
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    assert.equal(json.meta.location, `${server.base}/Users/${json.id}`);
  });
});

test('P-3.13-03, P-3.12-23: a version that is not served is 400 invalidVers', async () => {
  await withServer({}, async (server) => {
    const { origin } = new URL(server.base);
    for (const path of ['/scim/v1/Users', '/scim/v9/Users', '/v1/Users', '/scim/v3']) {
      refused(await server.request('GET', origin + path), 400, 'invalidVers', /v\d.*v2/);
    }
    const before = (await server.request('GET', '/Users')).json.totalResults;
    refused(await server.request('POST', `${origin}/scim/v1/Users`, { body: newUser() }), 400, 'invalidVers');
    assert.equal((await server.request('GET', '/Users')).json.totalResults, before);
  });
});

test('P-3.13-04: a base without version is served as version 2', async () => {
  await withServer({ basePath: '/scim' }, async (server) => {
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    assert.deepEqual(json.schemas, ['urn:ietf:params:scim:schemas:core:2.0:User']);
    assert.equal(json.meta.location, `${server.base}/Users/${json.id}`);
    refused(await server.request('GET', `${new URL(server.base).origin}/scim/v1/Users`), 400, 'invalidVers');
  });
});

/** Locations that a POST with these header fields is answered with. */
async function locationsOf(server: TestServer, headers: Record<string, string>): Promise<string> {
  const { json, headers: answered } = await server.request('POST', '/Users', { body: newUser(), headers });
  const base = json.meta.location.slice(0, -`/Users/${json.id}`.length);
  assert.equal(answered.get('location'), json.meta.location);
  assert.equal(answered.get('content-location'), json.meta.location);
  const read = await server.request('GET', `/Users/${json.id}`, { headers });
  assert.equal(read.json.meta.location, json.meta.location);
  assert.equal(read.headers.get('content-location'), json.meta.location);
  const list = await server.request('GET', `/Users?filter=id%20eq%20%22${json.id}%22`, { headers });
  assert.equal(list.json.Resources[0].meta.location, json.meta.location);
  const group = await server.request('POST', '/Groups', {
    body: newGroup({ members: [{ value: json.id }] }),
    headers,
  });
  assert.equal(group.json.members[0].$ref, json.meta.location);
  const discovery = await server.request('GET', '/ServiceProviderConfig', { headers });
  assert.equal(discovery.json.meta.location, `${base}/ServiceProviderConfig`);
  return base;
}

test('P-3.3-06: with a configured base URL every location begins with it, whatever the request says', async () => {
  await withServer({ baseUrl: 'https://id.example.com/people/v2/' }, async (server) => {
    for (const headers of [
      {},
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
      { forwarded: 'host=evil.example;proto=http' },
    ]) {
      assert.equal(await locationsOf(server, headers), 'https://id.example.com/people/v2');
    }
  });
});

test('P-3.3-06: the host and the scheme that a trusted proxy names are those of every location', async () => {
  await withServer({ trustedProxies: ['10.0.0.0/8', '127.0.0.0/8', '::1'] }, async (server) => {
    const base = (headers: Record<string, string>) => locationsOf(server, headers);
    const { host } = new URL(server.base);
    assert.equal(await base({}), server.base);
    assert.equal(
      await base({ 'x-forwarded-host': 'id.example.com', 'x-forwarded-proto': 'https' }),
      'https://id.example.com/scim/v2',
    );
    assert.equal(await base({ 'x-forwarded-proto': 'https' }), `https://${host}/scim/v2`);
    assert.equal(
      await base({ forwarded: 'for=192.0.2.60;proto=https;by=203.0.113.43;host="id.example.com:8443"' }),
      'https://id.example.com:8443/scim/v2',
    );
    // The nearest proxy wrote the last element; what stands before it came from outside.
    assert.equal(
      await base({ forwarded: 'host=evil.example;proto=http, host=id.example.com;proto=https' }),
      'https://id.example.com/scim/v2',
    );
    assert.equal(
      await base({ 'x-forwarded-host': 'evil.example, id.example.com', 'x-forwarded-proto': 'http, https' }),
      'https://id.example.com/scim/v2',
    );
    assert.equal(
      await base({ 'x-forwarded-host': 'id.example.com:8443', 'x-forwarded-proto': 'HTTPS' }),
      'https://id.example.com:8443/scim/v2',
    );
    for (const host of ['evil.example/path?x=', 'a b', '"', 'javascript:alert(1)']) {
      assert.match(await base({ 'x-forwarded-host': host }), /^http:\/\/[\w.:]+\/scim\/v2$/, host);
    }
    assert.equal(await base({ 'x-forwarded-proto': 'javascript' }), server.base);
  });
});

test('P-3.3-06: Forwarded and X-Forwarded-* from anybody else are not believed', async () => {
  for (const trustedProxies of [[], ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']]) {
    await withServer({ trustedProxies }, async (server) => {
      for (const headers of [
        { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
        { forwarded: 'host=evil.example;proto=https' },
      ]) {
        assert.equal(await locationsOf(server, headers), server.base);
      }
    });
  }
});
