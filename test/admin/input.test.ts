/** What the admin API takes: nothing that it does not know, since whatever is misspelled would be done with a default. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyRules } from '../../src/directory/access-rules.ts';
import { readAccessRules } from '../../src/query/access-rules.ts';
import { until } from '../until.ts';
import { type AdminServer, startAdmin } from './admin-server.ts';

describe('input', () => {
  let server: AdminServer;
  let cookie: string;
  let proof: string;
  before(async () => {
    server = await startAdmin({ idp: 'okta' });
    const roles = { editor: { groups: 'externalId eq "e"' } };
    const rules = readAccessRules({ roles, entitlements: undefined }, server.store.registry);
    await applyRules(server.store, rules, { kind: 'cli' });
    cookie = await server.cookie();
    proof = /name="proof" value="([^"]+)"/.exec((await get('')).text)?.[1] ?? '';
  });
  after(() => server.close());

  const get = async (path: string) => {
    const answer = await fetch(`${server.origin}/admin${path}`, { headers: { cookie, accept: 'text/html' } });
    return { status: answer.status, text: await answer.text() };
  };
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`${server.origin}/admin/api${path}`, {
      method: 'POST',
      headers: {
        ...{ cookie, origin: server.origin, 'x-scimd-proof': proof, 'content-type': 'application/json' },
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, detail: ((await answer.json()) as { detail?: string }).detail };
  };

  test('older requests are a page on, by the numbers that exchanges have today', async () => {
    for (let count = 0; count < 3; count++) await server.request('POST', '/Users', { body: {} });
    const two = await until('three exchanges', async () => {
      const { exchanges, before } = JSON.parse((await get('/api/exchanges?limit=2')).text);
      return exchanges.length === 2 && before !== undefined ? { exchanges, before } : undefined;
    });
    assert.equal(String(two.before).length, 16);
    const older = await get(`/api/exchanges?limit=2&before=${two.before}`);
    assert.equal(older.status, 200, older.text);
    assert.ok(JSON.parse(older.text).exchanges.every(({ id }: { id: number }) => id < two.before));
    const href = /href="\/admin(\/traffic\?[^"]*before=[^"]*)"/.exec(
      (await get('/traffic?limit=2')).text,
    )?.[1];
    assert.ok(href !== undefined);
    assert.equal((await get(href.replaceAll('&amp;', '&'))).status, 200);
  });

  test('a request about what is no resource links to no page of one', async () => {
    await server.request('GET', '/Roles/editor');
    await server.request('GET', '/Roles/nobody');
    const exchanges = await until('two exchanges', async () => {
      const found = JSON.parse((await get('/api/exchanges')).text).exchanges as {
        id: number;
        path: string;
      }[];
      const roles = found.filter(({ path }) => path.includes('/Roles/'));
      return roles.length > 1 ? roles : undefined;
    });
    for (const { id } of exchanges) assert.doesNotMatch((await get(`/traffic/${id}`)).text, /undefined/);
  });

  test('a member or a parameter that is not known is refused by name, and nothing is done', async () => {
    assert.deepEqual(await post('/tokens', { name: 'one', expires: '2026-01-01' }), {
      status: 400,
      detail: 'The body has "expires", which is not known here; known are: name, idp, scope, days',
    });
    assert.doesNotMatch((await get('/api/tokens')).text, /"one"/);
    assert.deepEqual(await post('/guard/release', { for: '1m' }), {
      status: 400,
      detail: 'The body has "for", which is not known here; known are: minutes',
    });
    assert.deepEqual(await post('/guard/release', []), {
      status: 400,
      detail: 'The body must be an object',
    });
    const { status, text } = await get('/api/resources/User?filter=userName%20eq%20%22a%22');
    assert.equal(status, 400);
    assert.match(text, /The query has .*filter.*, which is not known here/);
  });

  test('a member that is missing is said to be required', async () => {
    assert.deepEqual(await post('/tokens', {}), { status: 400, detail: 'name: is required' });
  });

  test('admin.md, story 1: a wrong token is no silence; who sees one tenant sees only what is known to be theirs', async () => {
    const answer = await fetch(`${server.base}/Users`, {
      headers: { authorization: 'Bearer scimd_mistyped' },
    });
    assert.equal(answer.status, 401);
    const words = /A request came with no token, or one that this server does not know/;
    await until('the request', async () => words.test((await get('/traffic')).text));
    assert.match((await get('/traffic?status=401')).text, words);
    const now = JSON.parse((await get('/api/now')).text);
    assert.ok(now.errors.some(({ last }: { last: { text: string } }) => words.test(last.text)));
    const request = answer.headers.get('x-request-id') ?? '';
    assert.match((await get(`/find?q=${request}`)).text, words);
    const all = cookie;
    cookie = await server.cookie('admin', 1);
    try {
      assert.doesNotMatch((await get('/traffic')).text, words);
      const theirs = JSON.parse((await get('/api/now')).text);
      const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
      assert.equal(sum(theirs.traffic.refused), sum(now.traffic.refused) - 1);
    } finally {
      cookie = all;
    }
  });
});
