/** Access: who had what when, what changed, seats and orphans, on the page, over the API and as files that prove themselves. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readPublicKey, verifyEvidence } from '../../src/history/evidence.ts';
import { groupSchema, newUser, patchOp } from '../server.ts';
import { type AdminServer, startAdmin } from './admin-server.ts';

const keys = generateKeyPairSync('ed25519');
const publicKey = readPublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' }).toString());
/** The day after tomorrow: the tests may run over midnight. */
const inTheFuture = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);

describe('reports', () => {
  let server: AdminServer;
  let cookie: string;
  let jane: string;
  before(async () => {
    server = await startAdmin({ idp: 'okta', signingKey: keys.privateKey });
    cookie = await server.cookie();
    const user = await server.request('POST', '/Users', {
      body: newUser({ userName: 'jane@example.com', externalId: '=1+1' }),
    });
    jane = user.json.id;
    await server.request('POST', '/Users', { body: newUser({ userName: 'joe@example.com' }) });
    await server.request('POST', '/Groups', {
      body: { schemas: [groupSchema], displayName: 'Tour <b>Guides</b>', members: [{ value: jane }] },
    });
  });
  after(() => server.close());

  const get = async (path: string, as = cookie) => {
    const answer = await fetch(`${server.origin}/admin${path}`, {
      headers: { cookie: as },
      redirect: 'manual',
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const post = (path: string, fields: Record<string, string>, as = cookie) =>
    fetch(`${server.origin}/admin${path}`, {
      method: 'POST',
      headers: { cookie: as, origin: server.origin },
      body: new URLSearchParams(fields),
    });
  const proof = async (as = cookie): Promise<string> =>
    /name="proof" value="([^"]+)"/.exec((await get('', as)).text)?.[1] ?? '';

  test('access at a time has people with their groups, whatever these are called', async () => {
    const { status, text } = await get('/access/at');
    assert.equal(status, 200);
    assert.match(text, /jane@example\.com/);
    assert.match(text, /Tour &lt;b&gt;Guides&lt;\/b&gt;/);
    assert.match(text, /<code>scimd access<\/code> makes the same/);
    const only = await get('/access/at?group=nothing');
    assert.match(only.text, /role="alert">There was no group nothing at that time/);
  });

  test('files are evidence, signed where the server has a key, and their export is recorded', async () => {
    for (const name of ['access', 'seats', 'leavers', 'diff', 'history'])
      for (const format of ['csv', 'json']) {
        const more = { diff: '?from=2026-01-01', history: `?id=${jane}` }[name] ?? '';
        const { status, text, headers } = await get(`/access/files/${name}.${format}${more}`);
        assert.equal(status, 200, `${name}.${format}: ${text}`);
        assert.match(
          headers.get('content-disposition') ?? '',
          new RegExp(`^attachment; filename="${name}.${format}"$`),
        );
        const { header, signedBy, rows } = verifyEvidence(text, publicKey);
        assert.ok(signedBy !== undefined && rows === Number(header.rows));
        assert.match(String(header.query), new RegExp(`^scimd ${name}`));
        assert.match(String(header.author), /^tester at localhost:\d+$/);
        assert.throws(() => verifyEvidence(text.replace('tester', 'somebody'), publicKey), /was changed/);
      }
    const { text } = await get('/access/files/access.csv');
    assert.match(text, /,'=1\+1,/, 'no formula for a spreadsheet');
    // What is shown from a day to a day is in the file, and nothing else.
    const page = (await get('/access?from=2026-01-01&to=2026-01-31')).text;
    const [, file = ''] = /href="\/admin(\/access\/files\/leavers\.csv[^"]+)"/.exec(page) ?? [];
    assert.match(
      (await get(file.replaceAll('&amp;', '&'))).text,
      /\n# query: scimd leavers --since 2026-01-01 --until 2026-02-01 .*\n(?:# .*\n)*# rows: 0\n/,
    );
    const actions = await server.store.admin.actions({ limit: 100 });
    assert.ok(
      actions.some(
        ({ action, subject, actor }) =>
          action === 'report.export' && subject === 'access' && actor === 'tester',
      ),
    );
  });

  test('what changed between two days says who, what, when and by whom', async () => {
    const { status, text } = await get('/access/changes?show=1');
    assert.equal(status, 200);
    assert.match(text, /Choose the day from which on access is compared/);
    const later = await get(`/access/changes?from=${inTheFuture}`);
    assert.match(later.text, /role="alert">.*is in the future/);
  });

  test('seats count people, groups and what rules give', async () => {
    const { text } = await get('/access/seats');
    assert.match(text, /<td class="nowrap">people<\/td><td class="">all<\/td><td class="num">2<\/td>/);
  });

  test('orphans are found in a list that is pasted, and come as evidence', async () => {
    const list = 'login,email\r\njane,jane@example.com\r\nghost,ghost@example.com\r\n';
    const fields = { proof: await proof(), accounts: list, missing: 'on' };
    const page = await (await post('/access/orphans', fields)).text();
    assert.match(page, /ghost/);
    assert.match(page, /2 accounts, of which 1 belong to nobody who may sign in/);
    assert.match(page, /no account<\/td>.*joe@example\.com/);
    const file = await (await post('/access/orphans', { ...fields, as: 'csv' })).text();
    assert.equal(verifyEvidence(file, publicKey).rows, 2);
    const wrong = await (await post('/access/orphans', { ...fields, accounts: 'colour\nred\n' })).text();
    assert.match(
      wrong,
      /role="alert">The list has no column to compare by\. Call one id, externalId, userName or email/,
    );
    const foreign = await post('/access/orphans', { accounts: list });
    assert.equal(foreign.status, 403, 'no form of another site');
  });

  test('the API has the same rows, for who reads too, and for the own tenant alone', async () => {
    const reader = await server.cookie('read');
    const access = JSON.parse((await get('/api/reports/access', reader)).text);
    assert.deepEqual(
      [access.count, access.rows[0].userName, access.rows[0].group],
      [2, 'jane@example.com', 'Tour <b>Guides</b>'],
    );
    const acme = await server.store.createTenant('acme');
    const theirs = await server.cookie('admin', acme.number);
    const own = JSON.parse((await get('/api/reports/access', theirs)).text);
    assert.deepEqual([own.tenant, own.count], ['acme', 0]);
    for (const path of [
      '/api/reports/access?tenant=default',
      '/access/files/access.csv?tenant=default',
      '/access/at?tenant=default',
    ])
      assert.equal((await get(path, theirs)).status, 404, path);
    const history = await get(`/access/files/history.csv?id=${jane}`, theirs);
    assert.equal(history.status, 400, 'nothing of another tenant');
    assert.doesNotMatch(history.text, /jane@/);
    for (const path of [
      '/api/reports/diff',
      '/api/reports/access?at=yesterday',
      '/api/reports/access?at=2026-02-31',
      '/api/reports/history',
    ])
      assert.equal((await get(path)).status, 400, path);
    assert.equal((await get('/access/files/orphans.csv')).status, 404);
  });

  test('an application is asked of those who left since it is there, and its first word counts', async () => {
    const events = await server.newToken({ scope: 'events' });
    const leave = async (userName: string): Promise<void> => {
      const { json } = await server.request('POST', '/Users', { body: newUser({ userName }) });
      await server.request('PATCH', `/Users/${json.id}`, {
        body: patchOp({ op: 'replace', value: { active: false } }),
      });
    };
    const acknowledge = async (): Promise<void> => {
      const { newest } = await server.store.changeRange(1);
      const { status, text } = await server.request('POST', new URL('/events/ack', server.base).href, {
        token: events,
        body: JSON.stringify({ consumer: 'crm', sequence: String(newest) }),
        headers: { 'content-type': 'application/json', accept: 'application/json' },
      });
      assert.ok(status < 300, text);
    };
    await leave('early@example.com');
    await acknowledge();
    await leave('late@example.com');
    await acknowledge();
    const heard = async (): Promise<Record<string, { at?: string }[]>> => {
      const { leavers } = JSON.parse((await get('/api/leavers')).text);
      return Object.fromEntries(
        leavers.map((each: { name: string; confirmations: object[] }) => [each.name, each.confirmations]),
      );
    };
    const before = await heard();
    assert.deepEqual(before['early@example.com'], []);
    assert.ok(before['late@example.com']?.[0]?.at !== undefined);
    await leave('last@example.com');
    await acknowledge();
    assert.deepEqual((await heard())['late@example.com'], before['late@example.com']);
  });

  test('a lock shows in access: whoever is locked is among the people who may not sign in', async () => {
    const { json } = await server.request('POST', '/Users', {
      body: newUser({ userName: 'locked@example.com' }),
    });
    await post(`/api/resources/User/${json.id}/lock`, {
      proof: await proof(),
      reason: 'lost laptop',
      back: '/admin',
    });
    assert.doesNotMatch((await get('/access/at')).text, /locked@example\.com/);
    assert.match((await get('/access/at?inactive=on')).text, /locked@example\.com/);
    await server.request('PATCH', `/Users/${json.id}`, {
      body: patchOp({ op: 'replace', value: { active: false } }),
    });
    assert.match((await get('/access')).text, /locked@example\.com/);
  });
});
