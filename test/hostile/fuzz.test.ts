/**
 * Requests made at random, of parts that are right, nearly right and wrong: none is answered with 5xx, every error is a SCIM
 * message, and afterwards GET, list, filter and the database say the same. SCIMD_HOSTILE_SEED makes them again.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { createScimd } from '../../src/index.ts';
import { assertError } from '../http/raw.ts';
import {
  bulkSchema,
  enterpriseSchema,
  groupSchema,
  patchSchema,
  searchSchema,
  userSchema,
} from '../server.ts';
import { extent } from './extent.ts';
import { Random } from './random.ts';

const seed = Number(process.env.SCIMD_HOSTILE_SEED ?? Date.now() % 2 ** 31);
const count = extent(1500, 60_000);

const texts = [
  ...[
    '',
    ' ',
    'ada',
    'Ada',
    'ADA@example.com',
    'Zoë',
    'ß',
    'İ',
    '😀',
    '\u0000',
    '\ud800',
    '\u2028',
    "' OR 1=1 --",
    '"',
  ],
  ...[
    '\\',
    '%',
    '$',
    '$.x',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'true',
    '1e999',
    'x'.repeat(300),
  ],
  ...['2011-05-13T04:42:34Z', 'W/"1"', '../..', 'bulkId:x', 'urn:x', 'a'.repeat(5000)],
];
const scalars = [...texts, 0, -1, 1.5, 1e21, 2 ** 53 + 2, true, false, null];
const names = [
  ...[
    'userName',
    'username',
    'displayName',
    'name',
    'emails',
    'active',
    'title',
    'externalId',
    'members',
    'groups',
    'id',
  ],
  ...[
    'meta',
    'schemas',
    'password',
    'roles',
    'addresses',
    'x509Certificates',
    'nope',
    '__proto__',
    enterpriseSchema,
  ],
];
const paths = [
  ...names,
  ...[
    'name.familyName',
    'emails[type eq "work"].value',
    'emails[value co "a"]',
    'members[value eq "x"]',
    'members.value',
  ],
  ...[
    'emails.value',
    `${userSchema}:title`,
    `${enterpriseSchema}:manager`,
    `${enterpriseSchema}:department`,
    'emails[',
  ],
  ...[
    'emails[type eq work]',
    'a.b.c',
    '$ref',
    'meta.version',
    '',
    ' ',
    'urn:x:y',
    'emails[not (type pr)]',
    'a[b[c]]',
  ],
];
const filters = [
  ...[
    'userName eq "ada"',
    'userName co "a"',
    'title pr',
    'not (title pr)',
    'emails[type eq "work" and value co "a"]',
  ],
  ...[
    'active eq true',
    'active eq "True"',
    'meta.created gt "2011-05-13T04:42:34Z"',
    'groups.display co "g"',
    'id sw "0"',
  ],
  ...[
    'members.value eq "x"',
    'userName eq',
    '(',
    '"',
    'a eq 1 or',
    'userName eq "\\ud800"',
    'userName gt 1',
    'x.y eq 1',
  ],
  ...['password eq "x"', `${enterpriseSchema}:department eq "x"`, 'schemas eq "x"', 'meta.version eq 1', ''],
];

class Fuzzer {
  readonly random = new Random(seed);
  readonly ids: string[] = ['none'];

  value(depth = 0): unknown {
    const { random } = this;
    if (depth > 2 || random.isTrue(0.6)) return random.one(scalars);
    if (random.isTrue(0.5)) return Array.from({ length: random.below(4) }, () => this.value(depth + 1));
    return Object.fromEntries(
      random
        .some([...names, 'value', 'type', 'primary', 'display', '$ref'], 4)
        .map((name) => [name, this.value(depth + 1)]),
    );
  }

  user(): Record<string, unknown> {
    const { random } = this;
    const user: Record<string, unknown> = { schemas: [userSchema], userName: `u${random.below(400)}` };
    if (random.isTrue(0.5)) user.title = random.one(texts);
    if (random.isTrue(0.4)) user.name = { familyName: random.one(texts) };
    if (random.isTrue(0.4))
      user.emails = random
        .some(texts, 3)
        .map((value) => ({ value, type: random.one(['work', 'home', 'x']) }));
    if (random.isTrue(0.3)) user[enterpriseSchema] = { department: random.one(texts) };
    if (random.isTrue(0.4)) user[random.one(names)] = this.value();
    return user;
  }

  group(): Record<string, unknown> {
    const { random } = this;
    const group: Record<string, unknown> = { schemas: [groupSchema], displayName: random.one(texts) };
    if (random.isTrue(0.7)) group.members = random.some(this.ids, 4).map((value) => ({ value }));
    if (random.isTrue(0.3)) group[random.one(names)] = this.value();
    return group;
  }

  patch(): unknown {
    const { random } = this;
    const Operations = Array.from({ length: 1 + random.below(3) }, () => ({
      op: random.one(['add', 'replace', 'remove', 'Add', 'REMOVE', 'move', 1]),
      ...(random.isTrue(0.8) ? { path: random.one(paths) } : {}),
      ...(random.isTrue(0.85) ? { value: random.isTrue(0.2) ? this.user() : this.value() } : {}),
    }));
    return { schemas: [random.isTrue(0.95) ? patchSchema : random.one(texts)], Operations };
  }

  bulk(): unknown {
    const { random } = this;
    const Operations = Array.from({ length: 1 + random.below(5) }, (_, n) => {
      const method = random.one(['POST', 'PUT', 'PATCH', 'DELETE', 'GET']);
      const id = random.one([...this.ids, `bulkId:${random.below(5)}`]);
      const endpoint = random.one(['/Users', '/Groups', '/Nope']);
      return {
        ...{ method, bulkId: String(random.isTrue(0.9) ? n : 0) },
        path: method === 'POST' ? endpoint : `${endpoint}/${id}`,
        data: method === 'PATCH' ? this.patch() : random.isTrue(0.7) ? this.user() : this.group(),
      };
    });
    return {
      schemas: [bulkSchema],
      ...(random.isTrue(0.3) ? { failOnErrors: random.one([0, 1, 2, -1, 'x']) } : {}),
      Operations,
    };
  }

  query(): string {
    const { random } = this;
    const parameters = random.some(
      [
        'filter',
        'sortBy',
        'sortOrder',
        'startIndex',
        'count',
        'cursor',
        'attributes',
        'excludedAttributes',
        'nope',
      ],
      3,
    );
    const text = parameters.map((name) => {
      const value =
        name === 'filter'
          ? random.one(filters)
          : name === 'sortOrder'
            ? random.one(['ascending', 'DESCENDING', 'x'])
            : random.isTrue(0.5)
              ? random.one(paths)
              : String(random.one([0, 1, -1, 5, 'x', '']));
      return `${name}=${random.isTrue(0.97) ? encodeURIComponent(value.toWellFormed()) : '%zz'}`;
    });
    return text.length === 0 ? '' : `?${text.join('&')}`;
  }

  request(): { method: string; path: string; body?: unknown; headers: Record<string, string> } {
    const { random } = this;
    const headers: Record<string, string> = {};
    if (random.isTrue(0.1)) headers['if-match'] = random.one(['*', 'W/"1"', '"x"', 'W/"1", W/"2"', '']);
    if (random.isTrue(0.1)) headers['if-none-match'] = random.one(['*', 'W/"1"', 'x']);
    if (random.isTrue(0.05)) headers.accept = random.one(['application/json', 'text/html', '*/*;q=0', 'x']);
    if (random.isTrue(0.05)) headers.prefer = random.one(['return=minimal', 'x', 'return="minimal"']);
    if (random.isTrue(0.05))
      headers['content-type'] = random.one(['text/plain', 'application/json;charset=x', 'x']);
    const endpoint = random.one(['/Users', '/Users', '/Groups', '/Nope', '/users', '//Users']);
    const one = `${endpoint}/${random.one([...this.ids.slice(-50), 'none', '%2e%2e', '%zz', '%00'])}`;
    const resource = () =>
      random.isTrue(0.1) ? this.value() : endpoint === '/Groups' ? this.group() : this.user();
    const search = () => ({
      schemas: [random.isTrue(0.9) ? searchSchema : this.value()],
      ...Object.fromEntries(
        random
          .some(['filter', 'count', 'startIndex', 'sortBy', 'attributes', 'cursor'], 3)
          .map((name) => [name, random.isTrue(0.5) ? random.one(filters) : this.value()]),
      ),
    });
    const made = random.one([
      () => ({ method: 'GET', path: endpoint + this.query() }),
      () => ({ method: 'GET', path: one + this.query() }),
      () => ({ method: 'POST', path: endpoint + (random.isTrue(0.1) ? this.query() : ''), body: resource() }),
      () => ({ method: 'POST', path: endpoint, body: resource() }),
      () => ({ method: 'PUT', path: one, body: resource() }),
      () => ({ method: 'PATCH', path: one, body: this.patch() }),
      () => ({ method: 'PATCH', path: one, body: this.patch() }),
      () => ({ method: 'DELETE', path: one }),
      () => ({ method: 'POST', path: '/Bulk', body: this.bulk() }),
      () => ({ method: 'POST', path: `${random.one([endpoint, ''])}/.search`, body: search() }),
      () => ({
        method: random.one(['HEAD', 'OPTIONS', 'PUT', 'DELETE']),
        path: random.one(['/Me', '/Schemas', '/', '/Bulk']),
      }),
      () => ({
        method: 'GET',
        path: random.one(['/Schemas', '/ResourceTypes', `/Schemas/${userSchema}`, '/Me', '/']) + this.query(),
      }),
    ])();
    return { ...made, headers };
  }
}

test(`${count} requests made at random (SCIMD_HOSTILE_SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-fuzz-'));
  const database = join(folder, 'scimd.db');
  const scimd = await createScimd({ database });
  try {
    const { token } = await scimd.createToken({ name: 'fuzz' });
    const server = await scimd.listen({ port: 0 });
    const agent = new Agent({ keepAlive: true });
    const send: Send = (method, path, { body, headers } = {}) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const outgoing = request(
          {
            ...{ host: '127.0.0.1', port: server.port, method, path: `/scim/v2${path}`, agent },
            headers: {
              ...{ authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
              ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
            },
          },
          (incoming) => {
            let received = '';
            incoming.setEncoding('utf8');
            incoming.on('data', (part) => {
              received += part;
            });
            incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: received }));
            incoming.on('error', reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(text);
      });
    const fuzzer = new Fuzzer();
    const statuses = new Map<number, number>();
    for (let n = 0; n < count; n++) {
      const { method, path, ...more } = fuzzer.request();
      const answer = await send(method, path, more);
      const shown = `${method} ${path} ${JSON.stringify(more).slice(0, 2000)}\n${answer.status} ${answer.text.slice(0, 500)}`;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      assert.ok(answer.status < 500 || answer.status === 501, shown);
      if (answer.status >= 400 && method !== 'HEAD') assertError(answer, answer.status);
      if (path.startsWith('/Bulk') && answer.status === 200)
        for (const { status } of JSON.parse(answer.text).Operations) assert.ok(Number(status) < 500, shown);
      if (answer.status === 201 && answer.text !== '') fuzzer.ids.push(JSON.parse(answer.text).id);
    }
    assert.ok((statuses.get(201) ?? 0) > count / 50, 'something was made');
    await assertAgreement(database, send);
    agent.destroy();
    await server.close();
  } finally {
    await scimd.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

type Send = (
  method: string,
  path: string,
  more?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
) => Promise<{ status: number; text: string }>;

/** GET, list and filter answer the same of every resource, and the database has the same document. */
async function assertAgreement(database: string, send: Send): Promise<void> {
  const db = new Sqlite(database, { readonly: true });
  const rows = db
    .prepare('SELECT r.id, d.body FROM resource r JOIN document d ON d.rid = r.rid ORDER BY r.rid')
    .all() as { id: string; body: string }[];
  db.close();
  const stored = new Map(rows.map(({ id, body }) => [id, JSON.parse(body) as Record<string, unknown>]));
  let seen = 0;
  for (const endpoint of ['/Users', '/Groups']) {
    for (let startIndex = 1; ; ) {
      const page = JSON.parse((await send('GET', `${endpoint}?startIndex=${startIndex}&count=100`)).text);
      if (page.itemsPerPage === 0) break;
      startIndex += page.itemsPerPage;
      for (const listed of page.Resources as Record<string, unknown>[]) {
        seen++;
        const id = String(listed.id);
        const one = JSON.parse((await send('GET', `${endpoint}/${id}`)).text);
        const filter = encodeURIComponent(`id eq "${id}"`);
        const found = JSON.parse((await send('GET', `${endpoint}?filter=${filter}`)).text);
        assert.deepEqual(listed, one);
        assert.deepEqual(found.Resources, [one]);
        for (const [name, value] of Object.entries(stored.get(id) ?? assert.fail(`${id} is in no row`)))
          assert.deepEqual(one[name], value, `${id}: ${name}`);
      }
    }
  }
  assert.equal(seen, stored.size, 'all that is stored is listed');
}
