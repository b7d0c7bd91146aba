/** The exchange log: every request and its answer, in words, without secrets, bounded, and never in the way. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { ExchangeWords } from '../../src/admin/explained.ts';
import { Directory } from '../../src/directory/directory.ts';
import { ExchangeLog } from '../../src/http/exchange-log.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { ExchangeQuery, NewExchange } from '../../src/store/exchanges.ts';
import { SqliteExchanges } from '../../src/store/sqlite/exchanges.ts';
import { sendRaw } from '../http/raw.ts';
import { processorTime } from '../processor-time.ts';
import { groupSchema, newUser, patchOp, startScimd, type TestServer, userSchema } from '../server.ts';
import { countThreads } from '../threads.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-exchanges-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Logged {
  readonly server: TestServer;
  readonly log: ExchangeLog;
  readonly words: ExchangeWords;
  readonly file: string;
  /** Sentences, newest first. */
  said(query?: Partial<ExchangeQuery>): Promise<string[]>;
}

let files = 0;

async function logged(
  options: {
    readonly idp?: string;
    readonly sensitiveAttributes?: readonly string[];
    readonly idle?: number;
  } = {},
): Promise<Logged> {
  const file = join(folder, `${++files}.db`);
  const log = new ExchangeLog({
    file,
    days: 14,
    megabytes: 256,
    bodies: true,
    registry: standardRegistry(),
    sensitive: options.sensitiveAttributes ?? [],
    addon: undefined,
    ...(options.idle === undefined ? {} : { idle: options.idle }),
    onTrouble: (reason) => assert.fail(reason),
  });
  const server = await startScimd({ idp: 'okta', ...options, exchangeLog: log });
  assert.ok(server.store);
  const words = new ExchangeWords(server.store, new Directory(server.store));
  return {
    server: {
      ...server,
      async close() {
        await server.close();
        await log.stop();
      },
    },
    log,
    words,
    file,
    said: async (query = {}) => {
      const { exchanges } = await log.find({ limit: 100, ...query });
      return (await words.explain(exchanges)).map(({ meaning }) => meaning.text);
    },
  };
}

describe('in words', () => {
  let it: Logged;
  before(async () => {
    it = await logged();
  });
  after(() => it.server.close());

  test('a look-up that finds nobody, a creation, a look-up that finds somebody', async () => {
    const { server, said } = it;
    const filter = encodeURIComponent('userName eq "jane@example.com"');
    await server.request('GET', `/Users?filter=${filter}`);
    await server.request('POST', '/Users', {
      body: { schemas: [userSchema], userName: 'jane@example.com', externalId: '00u1' },
    });
    await server.request('GET', `/Users?filter=${filter}`);
    assert.deepEqual(await said(), [
      'Okta looked up jane@example.com by userName: found.',
      'Okta created jane@example.com.',
      'Okta looked up jane@example.com by userName: nobody there has it.',
    ]);
  });

  test('the externalId of a create is what the client gave, whatever of it is answered', async () => {
    const { server, log } = it;
    const custom = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    const create = (path: string, more: Readonly<Record<string, unknown>>) =>
      server.request('POST', path, { body: newUser(more) });
    await create('/Users', { externalId: 'given "1"' });
    await create('/Users?attributes=userName', { externalId: 'given2' });
    await create('/Users', { [custom]: { department: '"externalId":"none"' } });
    const { exchanges } = await log.find({ limit: 3 });
    assert.deepEqual(
      exchanges.map(({ asked }) => asked),
      [
        { kind: 'create' },
        { kind: 'create', externalId: 'given2' },
        { kind: 'create', externalId: 'given "1"' },
      ],
    );
    for (const externalId of ['given "1"', 'given2'])
      assert.equal((await log.find({ limit: 3, about: [externalId] })).exchanges.length, 1);
  });

  test('a name that is taken: by whom, since when inactive, and whether it is the same externalId', async () => {
    const { server, said } = it;
    const jane = { schemas: [userSchema], userName: 'jane@example.com', externalId: '00u1' };
    await server.request('POST', '/Users', { body: jane });
    assert.match(
      (await said())[0] ?? '',
      /^Okta tried to create jane@example\.com: refused, the name is taken by a person created on \d+ \w+, same externalId\.$/,
    );
    const { json } = await server.request('GET', '/Users');
    await server.request('PATCH', `/Users/${json.Resources[0].id}`, {
      body: patchOp({ op: 'replace', value: { active: false } }),
    });
    await server.request('POST', '/Users', { body: { ...jane, externalId: 'another' } });
    const [last, before] = await said();
    assert.equal(before, 'Okta deactivated jane@example.com.');
    assert.match(
      last ?? '',
      /refused, the name is taken by a person deactivated on \d+ \w+, another externalId\.$/,
    );
  });

  test('members by their names, of a PATCH that was answered without a body, and of one who is gone', async () => {
    const { server, said } = it;
    const { json: bob } = await server.request('POST', '/Users', {
      body: newUser({ userName: 'bob@example.com' }),
    });
    const { json: team } = await server.request('POST', '/Groups', {
      body: { schemas: [groupSchema], displayName: 'Engineering' },
    });
    await server.request('PATCH', `/Groups/${team.id}`, {
      body: patchOp({ op: 'add', path: 'members', value: [{ value: bob.id }] }),
    });
    assert.equal((await said())[0], 'Okta added bob@example.com to Engineering.');
    await server.request('DELETE', `/Users/${bob.id}`);
    assert.deepEqual((await said()).slice(0, 2), [
      'Okta deleted bob@example.com.',
      'Okta added bob@example.com to Engineering.',
    ]);
  });

  test('a token that has ended, by its name; one that nobody knows, by its user agent', async () => {
    const { server, said } = it;
    const { store } = server;
    const old = await server.newToken({ idp: 'okta', expires: new Date(Date.now() - 86_400_000) });
    await server.request('GET', '/Users', { token: old });
    const name = (await store?.listTokens())?.at(-1)?.name;
    assert.match(
      (await said())[0] ?? '',
      new RegExp(`^A token that ended on \\d+ \\w+ \\(${name}\\) was used\\.$`),
    );
    await server.request('GET', '/Users', { token: 'nonsense', headers: { 'user-agent': 'SailPoint/8' } });
    assert.equal(
      (await said())[0],
      'A request came with no token, or one that this server does not know. It came from SailPoint/8.',
    );
  });

  test('a filter that cannot be read, with its caret, and the same reason for all that are alike', async () => {
    const { server, log, words } = it;
    for (const name of ['one', 'two'])
      await server.request('GET', `/Users?filter=${encodeURIComponent(`userName eqq "${name}"`)}`);
    const { exchanges } = await log.find({ limit: 2 });
    const [one, two] = await words.explain(exchanges);
    assert.match(one?.meaning.text ?? '', /Unknown operator "eqq" \(character 10\)/);
    assert.equal(one?.meaning.group, two?.meaning.group);
    assert.equal(one?.scimType, 'invalidFilter');
    assert.match((await log.get(one?.id ?? 0))?.answered ?? '', /\^/);
  });

  test('a reason in a list begins as it was said where it begins with a name, and ends with a whole word', async () => {
    const { server, log, words } = it;
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    const patch = (value: unknown, path: string) =>
      server.request('PATCH', `/Users/${json.id}`, { body: patchOp({ op: 'replace', path, value }) });
    await patch(1, 'emails[type eq');
    const [exchange] = (await log.find({ limit: 1 })).exchanges;
    assert.ok(exchange !== undefined);
    const detail = `At least one person must have it${', and so on'.repeat(20)}`;
    const explained = await words.explain([exchange, { ...exchange, detail }]);
    const [name, long] = explained.map(({ meaning }) => meaning.group ?? '');
    assert.match(name ?? '', /^\w+ · change a user: Operations\[…\]\.path: The path ends too early/);
    assert.match(
      long ?? '',
      /^\w+ · change a user: at least one person must have it.* and(?: so(?: on)?)?…$/,
    );
  });

  test('is found by a name, by an id, by a request id, by token, status and method', async () => {
    const { server, log, words, said } = it;
    const about = await words.about(undefined, 'jane@example.com');
    const ofJane = await said({ about });
    assert.ok(ofJane.length >= 5);
    assert.ok(ofJane.every((text) => text.includes('jane@example.com')));
    const answer = await server.request('GET', '/Nothing', { headers: { 'x-request-id': 'mine-1' } });
    assert.equal(answer.status, 404);
    const { exchanges } = await log.find({ limit: 10, requestId: 'mine-1' });
    assert.deepEqual(
      exchanges.map(({ status, requestId }) => [status, requestId]),
      [[404, 'mine-1']],
    );
    for (const [status, range] of [
      ['4xx', [400, 499]],
      ['2xx', [200, 299]],
      ['409', [409, 409]],
    ] as const) {
      const found = (await log.find({ limit: 100, status })).exchanges.map((each) => each.status);
      assert.ok(found.length > 0 && found.every((each) => each >= range[0] && each <= range[1]), status);
    }
    const all = await log.find({ limit: 100 });
    const [{ token, tokenName } = {}] = all.exchanges.filter((each) => each.tokenName !== undefined);
    const byName = await log.find({ limit: 100, token: tokenName });
    const byId = await log.find({ limit: 100, token });
    assert.ok(byName.exchanges.length > 0);
    assert.deepEqual(byName, byId);
    assert.ok(
      (await log.find({ limit: 100, method: 'delete' })).exchanges.every(({ method }) => method === 'DELETE'),
    );
  });

  test('pages go on where they ended, newest first, and what came since is told in its order', async () => {
    const { log } = it;
    const { exchanges: all } = await log.find({ limit: 1000 });
    const ids: number[] = [];
    let before: number | undefined;
    do {
      const page = await log.find({ limit: 3, before });
      ids.push(...page.exchanges.map(({ id }) => id));
      before = page.before;
    } while (before !== undefined);
    assert.deepEqual(
      ids,
      all.map(({ id }) => id),
    );
    const next = await log.find({ limit: 2, after: ids.at(-1) });
    assert.deepEqual(
      next.exchanges.map(({ id }) => id),
      ids.slice(-3, -1),
    );
  });

  test('of a long body the first characters are kept, and an ellipsis', async () => {
    const { server, log } = it;
    for (let n = 0; n < 20; n++) await server.request('POST', '/Users', { body: newUser() });
    const displayName = 'ä'.repeat(17_000);
    await server.request('POST', '/Groups', { body: { schemas: [groupSchema], displayName } });
    const { text } = await server.request('GET', '/Users');
    const [listed, grouped] = (await log.find({ limit: 2 })).exchanges;
    const { answered } = (await log.get(listed?.id ?? 0)) ?? {};
    assert.equal(answered, `${text.slice(0, 4096)}…`);
    const { sent = '' } = (await log.get(grouped?.id ?? 0)) ?? {};
    assert.match(sent, /^\{"schemas":.*,"displayName":"ä+…$/);
    assert.equal(sent.length, 16_385);
  });
});

describe('secrets and tolerances', () => {
  let it: Logged;
  before(async () => {
    it = await logged({ idp: 'entra', sensitiveAttributes: ['nickName'] });
  });
  after(() => it.server.close());

  test('no password, token or sensitive value is kept, in whatever form it comes', async () => {
    const { server, log, file } = it;
    const secret = 'Tr0ub4dor-and-3';
    const { json } = await server.request('POST', '/Users', {
      body: newUser({ password: secret, nickName: secret }),
    });
    const path = `/Users/${json.id}`;
    for (const operation of [
      { op: 'replace', path: 'password', value: secret },
      { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:password', value: secret },
      { op: 'replace', value: { password: secret } },
      { op: 'Add', path: 'nickName', value: secret },
    ])
      await server.request('PATCH', path, { body: patchOp(operation) });
    await server.request('POST', '/Users', { body: `{"userName":"x","password":"${secret}"` });
    await server.request('POST', '/Users', { body: newUser({ password: [secret] }) });
    await server.request('GET', `/Users?filter=${encodeURIComponent(`password eq "${secret}"`)}`);
    await server.request('GET', `/Users?access_token=${secret}&filter=${encodeURIComponent('active pr')}`);
    await server.request('POST', '/oauth/token', { body: `client_secret=${secret}` });
    await server.request('GET', `/Users/${server.token}`);
    const { exchanges } = await log.find({ limit: 100 });
    assert.equal(exchanges.length, 11);
    for (const { id } of exchanges) {
      const text = JSON.stringify(await log.get(id));
      assert.ok(!text.includes(secret), text);
      assert.ok(!text.includes(server.token), text);
    }
    for (const ending of ['', '-wal'])
      assert.ok(!readFileSync(file + ending).includes(secret), `${ending} has it`);
    const created = exchanges.at(-1);
    assert.match((await log.get(created?.id ?? 0))?.sent ?? '', /"password":"\[hidden\]"/);
  });

  test('each tolerance that a request needed stands with it', async () => {
    const { server, log } = it;
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    await server.request('PATCH', `/Users/${json.id}`, {
      body: patchOp({ op: 'Replace', path: 'active', value: 'False' }),
    });
    const [last] = (await log.find({ limit: 1 })).exchanges;
    assert.deepEqual([...(last?.tolerances ?? [])].sort(), [
      'booleanText',
      'operationCase',
      'patchWithoutContent',
    ]);
  });
});

describe('bounds', () => {
  const exchange = (at: number, more: Partial<NewExchange> = {}): NewExchange => ({
    at,
    tenant: 1,
    token: 'tok',
    tokenName: 'okta',
    method: 'POST',
    path: '/scim/v2/Users',
    status: 201,
    milliseconds: 1.5,
    tolerances: [],
    requestId: 'r',
    asked: { kind: 'create' },
    mentions: ['somebody'],
    ...more,
  });
  const opened = (): SqliteExchanges => new SqliteExchanges(join(folder, `${++files}.db`));
  const day = 86_400_000;

  test('what is older than it is kept goes, the newer stays', () => {
    const exchanges = opened();
    const now = Date.now();
    exchanges.write([
      exchange(now - 20 * day),
      exchange(now - 15 * day),
      exchange(now - 13 * day),
      exchange(now),
    ]);
    while (exchanges.prune({ days: 14, megabytes: 256 }, now));
    const { exchanges: left } = exchanges.find({ limit: 10 });
    assert.deepEqual(
      left.map(({ at }) => at),
      [now, now - 13 * day],
    );
    assert.equal(exchanges.find({ limit: 10, about: ['somebody'] }).exchanges.length, 2);
    exchanges.close();
  });

  test('of what is too large the oldest go, until it is not', () => {
    const exchanges = opened();
    const now = Date.now();
    const body = 'x'.repeat(16_000);
    for (let part = 0; part < 30; part++)
      exchanges.write(Array.from({ length: 100 }, (_, n) => exchange(now + part * 100 + n, { sent: body })));
    assert.equal(exchanges.find({ limit: 5000 }).exchanges.length, 3000);
    while (exchanges.prune({ days: 14, megabytes: 16 }, now));
    const { exchanges: left } = exchanges.find({ limit: 5000 });
    assert.ok(left.length > 100 && left.length <= 1050, String(left.length));
    assert.equal(left[0]?.at, now + 2999);
    exchanges.close();
  });

  test('counts of a day, and the last exchange of each token', () => {
    const exchanges = opened();
    const now = Date.now();
    exchanges.write([
      exchange(now),
      exchange(now, { status: 409 }),
      exchange(now, { asked: { kind: 'reads', count: 40 } }),
      exchange(now - 3 * 3_600_000, { tenant: 2 }),
    ]);
    const { answered, refused } = exchanges.counts(now, 3_600_000, 24);
    assert.equal(answered.length, 24);
    assert.equal(answered[23], 41);
    assert.equal(refused[23], 1);
    assert.equal(answered[20], 1);
    assert.equal(exchanges.counts(now, 3_600_000, 24, [1, 0]).answered[20], 0);
    const [latest] = exchanges.latest();
    assert.equal(latest?.token, 'tok');
    assert.equal(exchanges.find({ limit: 10, tenant: 2 }).exchanges.length, 1);
    assert.equal(exchanges.get(latest?.last.id ?? 0, 99), undefined);
    exchanges.close();
  });

  test('beside those of a tenant those of nobody, page by page, each once and in their order', () => {
    const exchanges = opened();
    const now = Date.now();
    // Runs of one kind, so that pages of the one end where the other goes on.
    const tenants = [1, 1, 1, 2, undefined, undefined, 1, undefined, 2, 1, 1, 1, 1, undefined];
    exchanges.write(
      tenants.map((tenant, n) => exchange(now + n, { tenant, status: tenant === undefined ? 401 : 200 })),
    );
    const wanted = tenants.flatMap((tenant, n) => (tenant === 2 ? [] : [now + n]));
    const whose = { tenant: 1, orNobody: true };
    for (const limit of [1, 2, 3, 5, 20]) {
      const older: number[] = [];
      let page = exchanges.find({ ...whose, limit });
      for (let pages = 0; pages < 20; pages++) {
        older.push(...page.exchanges.map(({ at }) => at));
        if (page.before === undefined) break;
        page = exchanges.find({ ...whose, limit, before: page.before });
      }
      assert.deepEqual(older, wanted.toReversed());
      const newer: number[] = [];
      for (let after = 0; ; ) {
        const { exchanges: next } = exchanges.find({ ...whose, limit, after });
        if (next[0] === undefined) break;
        newer.push(...next.toReversed().map(({ at }) => at));
        after = next[0].id;
      }
      assert.deepEqual(newer, wanted);
    }
    assert.equal(exchanges.find({ ...whose, status: '401', limit: 20 }).exchanges.length, 4);
    assert.deepEqual(exchanges.find({ tenant: 1, status: '401', limit: 20 }).exchanges, []);
    exchanges.close();
  });

  test('each of many in one transaction has its own entry, bodies and mentions', () => {
    const exchanges = opened();
    const now = Date.now();
    const count = 150;
    exchanges.write(
      Array.from({ length: count }, (_, n) =>
        exchange(now + n, {
          requestId: `r${n}`,
          name: `user${n}`,
          mentions: [`user${n}`, `id${n}`],
          // Every third has no bodies.
          ...(n % 3 === 0 ? {} : { sent: `sent${n}`, answered: `answered${n}`, isSentCut: n % 2 === 0 }),
        }),
      ),
    );
    for (let n = 0; n < count; n++)
      for (const text of [`user${n}`, `id${n}`]) {
        const found = exchanges.find({ limit: 10, about: [text] }).exchanges;
        assert.deepEqual(
          found.map(({ at, requestId, name }) => ({ at, requestId, name })),
          [{ at: now + n, requestId: `r${n}`, name: `user${n}` }],
        );
        const { sent, answered } = exchanges.get(found[0]?.id ?? 0) ?? {};
        const bodies = [`sent${n}${n % 2 === 0 ? '…' : ''}`, `answered${n}`];
        assert.deepEqual([sent, answered], n % 3 === 0 ? [undefined, undefined] : bodies);
      }
    exchanges.close();
  });

  test('somebody is found in every part of the index of mentions, newest first, and after the oldest are gone', () => {
    const exchanges = opened();
    const now = Date.now();
    for (let part = 0; part < 60; part++)
      exchanges.write(
        Array.from({ length: 1000 }, (_, n) =>
          exchange(now + part * 1000 + n, { mentions: [n === 0 ? 'jane' : `user${part * 1000 + n}`] }),
        ),
      );
    const timesOfJane = (): number[] =>
      exchanges.find({ limit: 100, about: ['jane'] }).exchanges.map(({ at }) => (at - now) / 1000);
    const newestFirst = Array.from({ length: 60 }, (_, part) => 59 - part);
    assert.deepEqual(timesOfJane(), newestFirst);
    assert.equal(exchanges.find({ limit: 100, about: ['user1', 'user59999'] }).exchanges.length, 2);
    // The retention ends within them: after 30,000 ms.
    while (exchanges.prune({ days: 1, megabytes: 256 }, now + 30_000 + day));
    assert.deepEqual(timesOfJane(), newestFirst.slice(0, 30));
    exchanges.close();
  });

  const versions = [
    ['1', 'number INTEGER PRIMARY KEY, key INTEGER NOT NULL', 'key', 'mention_key ON mention (key)'],
    [
      ...['2', 'number INTEGER PRIMARY KEY, key INTEGER NOT NULL, part INTEGER NOT NULL'],
      ...['key, part', 'mention_part ON mention (part, key)'],
    ],
  ];
  for (const [version, columns, copied, index] of versions)
    test(`a log of version ${version} is read and written on: its mentions are found beside new ones`, () => {
      const file = join(folder, `${++files}.db`);
      const before = new SqliteExchanges(file);
      const now = Date.now();
      before.write([exchange(now), exchange(now + 1, { mentions: ['somebody', 'another'] })]);
      before.close();
      // As that version had it.
      const db = new Sqlite(file);
      db.exec(`ALTER TABLE mention RENAME TO now;
CREATE TABLE mention (${columns}) STRICT;
INSERT INTO mention (number, ${copied}) SELECT id * 32 + row_number() OVER (PARTITION BY id), ${copied} FROM now;
DROP TABLE now;
CREATE INDEX ${index};
ALTER TABLE exchange DROP COLUMN sent;
PRAGMA user_version = ${version};`);
      db.close();
      const exchanges = new SqliteExchanges(file);
      const found = (text: string): number => exchanges.find({ limit: 10, about: [text] }).exchanges.length;
      assert.equal(found('somebody'), 2);
      assert.equal(found('another'), 1);
      exchanges.write([exchange(now + 2)]);
      assert.equal(found('somebody'), 3);
      exchanges.close();
      const again = new SqliteExchanges(file);
      assert.equal(again.find({ limit: 10, about: ['somebody'] }).exchanges.length, 3);
      again.close();
    });

  test('a log of version 3 is read and written on: its bodies are there beside new ones, and are forgotten like them', () => {
    const file = join(folder, `${++files}.db`);
    const before = new SqliteExchanges(file);
    const now = Date.now();
    before.write([exchange(now), exchange(now + 1, { mentions: ['jane'] })]);
    const bodies = before.find({ limit: 10 }).exchanges.map(({ id }) => id);
    before.close();
    // As that version had it.
    const db = new Sqlite(file);
    const insert = db.prepare('INSERT INTO body (id, sent, answered) VALUES (?, ?, NULL)');
    for (const id of bodies) insert.run(id, `{"userName":"jane","of":${id}}`);
    db.exec('ALTER TABLE exchange DROP COLUMN sent; PRAGMA user_version = 3;');
    db.close();
    const exchanges = new SqliteExchanges(file);
    const long = `jane ${'x'.repeat(600)}`;
    exchanges.write([
      exchange(now + 2, { sent: 'of jane' }),
      exchange(now + 3, { sent: 'of jane', isSentCut: true }),
      exchange(now + 4, { sent: long }),
      exchange(now + 5, { sent: 'of jane', answered: 'jane' }),
      exchange(now + 6, { answered: 'of somebody else' }),
    ]);
    const sent = (): (string | undefined)[] =>
      exchanges
        .find({ limit: 10 })
        .exchanges.map(({ id }) => exchanges.get(id)?.sent)
        .reverse();
    const old = [...bodies].reverse().map((id) => `{"userName":"jane","of":${id}}`);
    assert.deepEqual(sent(), [...old, 'of jane', 'of jane…', long, 'of jane', undefined]);
    assert.equal(exchanges.forget({ tenant: 1, id: 'id-of-jane', texts: ['jane'] }), 6);
    assert.deepEqual(sent(), Array(7).fill(undefined));
    assert.equal(
      exchanges.get(exchanges.find({ limit: 1 }).exchanges[0]?.id ?? 0)?.answered,
      'of somebody else',
    );
    exchanges.close();
    for (const ending of ['', '-wal']) {
      const text = existsSync(file + ending) ? readFileSync(file + ending).toString('latin1') : '';
      assert.ok(!text.includes('jane"') && !text.includes('of jane'), `${ending} has jane`);
    }
  });

  test('a million exchanges: each page is there within 200 ms, whatever it is filtered by', {
    timeout: 600_000,
  }, () => {
    const exchanges = opened();
    const now = Date.now() - 1_000_000;
    const count = process.env.SCIMD_LARGE === undefined ? 100_000 : 1_000_000;
    for (let part = 0; part < count / 1000; part++)
      exchanges.write(
        Array.from({ length: 1000 }, (_, n) =>
          exchange(now + part, {
            status: n === 7 && part % 100 === 0 ? 409 : 200,
            token: n % 50 === 0 ? 'rare' : 'tok',
            mentions: [`user${part * 1000 + n}`],
          }),
        ),
      );
    for (const query of [
      {},
      { status: '409' },
      { status: '5xx' },
      { token: 'rare' },
      { about: ['user17'] },
      { method: 'DELETE' },
      { requestId: 'none' },
      { tenant: 1, status: '4xx' },
    ]) {
      const started = processorTime(process.pid, 'main thread');
      exchanges.find({ limit: 50, ...query });
      const took = processorTime(process.pid, 'main thread') - started;
      assert.ok(took < 200, `${JSON.stringify(query)} took ${took} ms`);
    }
    exchanges.close();
  });
});

describe('forgotten', () => {
  test('a person is in no body, name, query or reason any more; ids, times and statuses stay', async () => {
    const it = await logged();
    const { server, log, file, words } = it;
    try {
      const { json } = await server.request('POST', '/Users', {
        body: newUser({ userName: 'Gone@example.com', externalId: '00gone', displayName: 'Ms Gone' }),
      });
      await server.request('POST', '/Users', { body: newUser({ userName: 'Gone@example.com' }) });
      await server.request('GET', `/Users?filter=${encodeURIComponent('userName eq "gone@example.com"')}`);
      // As if the name were an id, which it is in no answer.
      await server.request('GET', '/Users/gone@example.com');
      await server.request('GET', `/Users/${encodeURIComponent('gone@example.com')}`);
      await server.request('GET', '/Users');
      await server.request('POST', '/Users', { body: newUser({ userName: 'stays@example.com' }) });
      const count = await log.forget({
        tenant: 1,
        id: json.id,
        texts: ['gone@example.com', '00gone', 'Ms Gone'],
      });
      assert.equal(count, 6);
      const { exchanges } = await log.find({ limit: 10 });
      assert.deepEqual(
        exchanges.map(({ status }) => status),
        [201, 200, 404, 404, 200, 409, 201],
      );
      assert.equal(exchanges.at(-1)?.subject, json.id);
      assert.equal((await log.find({ limit: 10, about: [json.id] })).exchanges.length, 2);
      assert.equal(
        (await log.find({ limit: 10, about: await words.about(1, 'stays@example.com') })).exchanges.length,
        1,
      );
      for (const ending of ['', '-wal']) {
        const bytes = readFileSync(file + ending)
          .toString('latin1')
          .toLowerCase();
        for (const text of ['gone@example.com', 'gone%40example.com', '00gone', 'ms gone'])
          assert.ok(!bytes.includes(text), `${ending} has ${text}`);
      }
    } finally {
      await server.close();
    }
  });
});

describe('never in the way', () => {
  test('the thread ends when nobody asked for a while; the next exchange has another, and all are there', async () => {
    const { server, said } = await logged({ idle: 50 });
    const threads = countThreads();
    try {
      for (const turn of [1, 2]) {
        await server.request('GET', `/Users/nobody-${turn}`);
        await until('the end of the thread', () => threads.ended === turn);
        assert.equal(threads.begun, turn);
      }
      assert.equal((await said()).length, 2);
    } finally {
      threads.stop();
      await server.close();
    }
  });

  test('what is too old goes where nobody asks anything, also after a start', async () => {
    const { server, said, file } = await logged();
    await server.request('GET', '/Users/nobody');
    assert.equal((await said()).length, 1);
    await server.close();
    const db = new Sqlite(file);
    const count = () => db.prepare('SELECT count(*) FROM exchange').pluck().get();
    // Ids are the time in milliseconds times 1024: as if it had come fifteen days before.
    db.prepare('UPDATE exchange SET id = id - ?').run(15 * 86_400_000 * 1024);
    assert.equal(count(), 1);
    const again = new ExchangeLog({
      ...{ file, days: 14, megabytes: 256, bodies: true, registry: standardRegistry() },
      ...{ sensitive: [], addon: undefined, firstLook: 20 },
      onTrouble: (reason) => assert.fail(reason),
    });
    await until('its end', () => count() === 0);
    await again.stop();
    db.close();
  });

  test('a log that cannot be written fails no request, and says why', async () => {
    const troubles: string[] = [];
    const log = new ExchangeLog({
      file: join(folder, 'no', 'such', 'folder.db'),
      days: 14,
      megabytes: 256,
      bodies: true,
      registry: standardRegistry(),
      sensitive: [],
      addon: undefined,
      onTrouble: (reason) => void troubles.push(reason),
    });
    const server = await startScimd({ exchangeLog: log });
    try {
      for (let n = 0; n < 20; n++)
        assert.equal((await server.request('POST', '/Users', { body: newUser() })).status, 201);
      await until('trouble', () => troubles.length > 0);
      assert.match(troubles[0] ?? '', /directory|folder|open/i);
      await assert.rejects(log.find({ limit: 1 }));
      assert.equal((await server.request('GET', '/Users')).status, 200);
    } finally {
      await server.close();
      await log.stop();
    }
  });

  test('each request of a burst is in the log, by itself or in the number of reads that are alike', async () => {
    const { server, log } = await logged();
    try {
      const { pathname } = new URL(server.base);
      const requests = Array.from({ length: 300 }, (_, n) => {
        const path = n % 10 === 0 ? '/Users/nobody' : '/Users?count=0';
        const last = n === 299 ? 'Connection: close\r\n' : '';
        return `GET ${pathname}${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.token}\r\n${last}\r\n`;
      });
      // Pipelined, so that many of them come within one batch of the log.
      const answers = await sendRaw(server, [requests.join('')]);
      assert.equal(answers.split('HTTP/1.1 200 ').length - 1, 270);
      const { exchanges } = await log.find({ limit: 10_000 });
      const reads = exchanges.filter(({ status }) => status === 200);
      assert.equal(
        reads.reduce((sum, { asked }) => sum + (asked.kind === 'reads' ? asked.count : 1), 0),
        270,
      );
      assert.equal(exchanges.filter(({ status }) => status === 404).length, 30);
    } finally {
      await server.close();
    }
  });

  test('reads beyond a thousand a second are one entry with their number; writes and refusals are each in it', async () => {
    const { server, log } = await logged();
    try {
      const raw = {
        ...{ tenant: 1, token: 'tok', tokenName: 'okta', idp: 'okta', refused: undefined, agent: undefined },
        ...{ search: '', milliseconds: 1, tolerances: [], requestId: 'r', sent: undefined, sentLength: 0 },
      };
      for (let n = 0; n < 300; n++) {
        const path = `/scim/v2/Users/${n}`;
        const read = { ...raw, at: Date.now(), path, route: '/Users/:id', answered: '{}' };
        if (n % 100 === 50) log.record({ ...read, method: 'GET', status: 404 });
        else if (n % 100 === 0) log.record({ ...read, method: 'DELETE', status: 204 });
        else log.record({ ...read, method: 'GET', status: 200 });
      }
      const { exchanges } = await log.find({ limit: 10_000 });
      const kinds = Map.groupBy(exchanges, ({ asked, status }) => (status === 404 ? '404' : asked.kind));
      assert.equal(kinds.get('404')?.length, 3);
      assert.equal(kinds.get('delete')?.length, 3);
      assert.equal(kinds.get('get')?.length, 62);
      assert.deepEqual(
        kinds.get('reads')?.map(({ asked }) => asked),
        [{ kind: 'reads', count: 300 - 3 - 3 - 62 }],
      );
      const counts = await log.counts(Date.now(), 3_600_000, 24);
      assert.equal(
        counts.answered.reduce((a, b) => a + b),
        297,
      );
    } finally {
      await server.close();
    }
  });
});
