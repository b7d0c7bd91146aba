/**
 * The limit on PostgreSQL: what node:http and pg alone reach on this machine, without any protocol. `limit-postgres.ts
 * USERS`, with the address of a copy of scimd's database in SCIMD_DATABASE. It reads and writes the rows that scimd reads
 * and writes; requests that come together share a statement, or a transaction of which all statements are sent at once.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { fold } from '../../src/scim/comparison.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { parseAddress } from '../../src/store/postgres/address.ts';
import { Connection, textOf } from '../../src/store/postgres/driver.ts';
import { arrayOf, writeSql } from '../../src/store/postgres/statements.ts';
import { loadTypes } from '../../src/store/postgres/stored-types.ts';
import { digestOf, linkOver } from '../../src/store/sql/change-row.ts';
import { guardSql } from '../../src/store/sql/guard.ts';
import { containsIndex, userId } from './data.ts';

const users = Number(process.argv[2]);
const address = process.env.SCIMD_DATABASE ?? '';

const registry = configuredRegistry({ containsIndex: containsIndex(users) });
const opened = await Connection.open(parseAddress(address));
const types = await loadTypes(opened, registry);
const [user, group] = registry.resourceTypes.map((type) => types.of(type));
if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');

type Value = string | number | null | Uint8Array | readonly (string | number | null | Uint8Array)[];
type Row = readonly unknown[];

const numbers = new Set([20, 21, 23]);

async function connect(): Promise<pg.Client> {
  const config: pg.ClientConfig & { pipeline: boolean } = {
    connectionString: address,
    pipeline: true,
    types: { getTypeParser: (oid: number) => (numbers.has(oid) ? Number : String) } as pg.CustomTypesConfig,
  };
  const client = new pg.Client(config);
  await client.connect();
  return client;
}

const names = new Map<string, string>();

async function run(client: pg.Client, text: string, values: readonly Value[] = []): Promise<Row[]> {
  const name = names.get(text) ?? `b${names.size}`;
  names.set(text, name);
  const { rows } = await client.query<unknown[]>({ name, text, values: [...values], rowMode: 'array' });
  return rows;
}

/** What comes while as many as may be are under way goes together with the next. */
function together<T>(
  most: number,
  clients: readonly pg.Client[],
  work: (client: pg.Client, all: T[]) => Promise<void>,
) {
  const free = [...clients];
  const waiting: T[] = [];
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled || free.length === 0 || waiting.length === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      const client = free.pop();
      if (client === undefined) return;
      const some = waiting.splice(0, most);
      work(client, some).then(
        () => {
          free.push(client);
          schedule();
        },
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
      schedule();
    });
  };
  return (item: T): void => {
    waiting.push(item);
    schedule();
  };
}

interface Asked {
  readonly key: string;
  readonly response: ServerResponse;
}

interface Change {
  readonly id: string;
  readonly body: string;
  readonly response: ServerResponse;
}

const readers = [await connect(), await connect()];
const writer = await connect();
const page = await connect();

function send(response: ServerResponse, status: number, text: string): void {
  if (status === 204) response.writeHead(204).end();
  else
    response
      .writeHead(status, {
        'Content-Type': 'application/scim+json',
        'Content-Length': Buffer.byteLength(text),
      })
      .end(text);
}

/** A resource as it is answered: document, version, created, modified. */
function resourceText(type: string, id: string, [version, created, modified, body]: Row): string {
  return `${(body as string).slice(0, -1)},"meta":{"resourceType":"${type}","created":"${created}Z","lastModified":"${modified}Z","location":"${base}/${type}s/${id}","version":"W/\\"${version}\\""}}`;
}

function listText(total: number, texts: readonly string[]): string {
  return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":${total},"startIndex":1,"itemsPerPage":${texts.length},"Resources":[${texts.join(',')}]}`;
}

/** Arrays as scimd binds them. */
const texts = (number: number): string => arrayOf('text').replace('?', `$${number}`);
const wholes = (number: number): string => arrayOf('bigint').replace('?', `$${number}`);

/** Is it in a group? Whoever shows people with their groups looks. Here nobody is. */
const isMember = 'EXISTS (SELECT 1 FROM member m WHERE m.tenant = r.tenant AND m.value = r.id)';

function finder(column: string, answer: (id: string, row: Row) => string) {
  const sql = `SELECT k.place, r.id, r.version, r.created, r.modified, d.body, ${isMember}
FROM unnest(${texts(1)}) WITH ORDINALITY AS k (key, place)
JOIN resource r ON r.tenant = 1 AND r.type = ${user?.number} AND r.${column} = k.key
JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant`;
  return together<Asked>(64, readers, async (client, all) => {
    const rows = await run(client, sql, [all.map(({ key }) => key)]);
    for (const [place, id, ...row] of rows) {
      const asked = all[(place as number) - 1] as Asked;
      send(asked.response, 200, answer(id as string, row));
    }
  });
}

const findById = finder('id', (id, row) => resourceText('User', id, row));
const findByName = finder('unique_key', (id, row) => listText(1, [resourceText('User', id, row)]));

/** With the number in its text: PostgreSQL would plan it anew for each that is bound. */
const pageSql = (count: number): string => `SELECT r.id, r.version, r.created, r.modified, d.body, ${isMember}
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant
WHERE r.tenant = 1 AND r.type = ${user.number} ORDER BY r.rid LIMIT ${count}`;

async function list(count: number, response: ServerResponse): Promise<void> {
  const [rows, totals] = await Promise.all([
    run(page, pageSql(count)),
    run(page, `SELECT total FROM counter WHERE tenant = 1 AND type = ${user?.number}`),
  ]);
  const texts = rows.map(([id, ...row]) => resourceText('User', id as string, row));
  send(response, 200, listText(totals[0]?.[0] as number, texts));
}

const emails = user.attributeNumber(
  [...user.layout.entries.values()].find(({ attribute }) => attribute.path === 'emails')?.attribute as never,
);
const valuePathSql = `SELECT DISTINCT rid FROM element
WHERE tenant = 1 AND attribute = ${emails} AND type = 'work' AND strpos(value, $1) > 0`;

async function valuePath(needle: string, response: ServerResponse): Promise<void> {
  const rows = await run(page, valuePathSql, [needle]);
  send(response, 200, listText(rows.length, []));
}

const [head] = await run(writer, "SELECT sequence, encode(link, 'hex') FROM change_counter WHERE tenant = 1");
let sequence = Number(head?.[0]);
let link: Uint8Array = Buffer.from(String(head?.[1]), 'hex');
/** The sequence of row numbers is not asked: nobody else writes in this database. */
let rid = Number((await run(writer, 'SELECT max(rid) FROM resource'))[0]?.[0]);
// As long as those of scimd are.
const salt = 's'.repeat(22);
const actor = JSON.stringify({ kind: 'token', id: userId(0), name: 'bench', idp: 'generic' });
const at = '2026-01-01T00:00:00.000';

function change(
  type: number,
  id: string,
  version: number,
  operation: string,
  ...[edits = null, added = null, removed = null]: (string | null)[]
): Value[] {
  const what = [id, version, operation, at, userId(0), userId(0), actor, edits, added, removed] as const;
  const digest = digestOf(salt, ++sequence, types.nameOf(type), [...what, null, null, null, null]);
  link = linkOver(link, digest);
  return [1, sequence, type, ...what, null, null, null, salt, digest, link, null];
}

/** What the guard counts of those who lose something. */
function lost(kind: 'left' | 'removed', people: number): (readonly [string, Value[]])[] {
  const minute = Math.floor(Date.now() / 60_000);
  return people === 0 ? [] : [[textOf(guardSql.count), [1, kind, minute, people]]];
}

function columns(rows: readonly Value[][]): Value[] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as string | number | null));
}

/**
 * Begins a transaction with what it reads, in one go. It has the tenant's lock before, as scimd takes it: without it another
 * server would number its changes alike, and write over what was read.
 */
async function begun(
  ...reads: readonly (readonly [text: string, values: readonly Value[]])[]
): Promise<Row[][]> {
  const [, , ...rows] = await Promise.all([
    writer.query('BEGIN'),
    run(writer, textOf(writeSql.lock), [1]),
    ...reads.map(([text, values]) => run(writer, text, values)),
  ]);
  return rows;
}

/** The statements of a transaction that is begun, and what ends it, in one go. */
async function transaction(
  statements: readonly (readonly [text: string, values: readonly Value[]])[],
  changes: Value[][],
): Promise<void> {
  const all = [
    ...statements.map(([text, values]) => run(writer, text, values)),
    run(writer, textOf(writeSql.changes), columns(changes)),
    run(writer, textOf(writeSql.setHead), [sequence, link, 1]),
    writer.query('COMMIT'),
  ];
  await Promise.all(all);
}

const create = together<Change>(200, [writer], async (_, all) => {
  const rows: Record<'resources' | 'documents' | 'keys' | 'elements' | 'contained', Value[][]> = {
    ...{ resources: [], documents: [], keys: [], elements: [], contained: [] },
  };
  const changes: Value[][] = [];
  await begun();
  const answers = all.map(({ body }) => {
    const plain = JSON.parse(body);
    const id = userId(++rid + 1_000_000_000);
    const { columns: keyed, keys, elements, text } = user.indexRows(plain);
    const { external_id, unique_key, display_key, active } = keyed;
    const document = JSON.stringify({ id, ...plain });
    rows.resources.push([rid, 1, user.number, id, external_id, unique_key, display_key, active, at, at, 1]);
    rows.documents.push([rid, 1, document]);
    rows.keys.push([rid, 1, keys]);
    for (const { attribute, ordinal, value, number, type, display, primary, rest } of elements)
      rows.elements.push([rid, attribute, ordinal, 1, value, number, type, display, primary, rest]);
    if (text !== '') rows.contained.push([rid, 1, text]);
    changes.push(change(user.number, id, 1, 'create'));
    return resourceText('User', id, [1, at, at, document]);
  });
  const tables = Object.entries(rows).filter(([, its]) => its.length > 0) as [keyof typeof rows, Value[][]][];
  await transaction(
    [
      ...tables.map(([table, its]) => [textOf(writeSql[table]), columns(its)] as const),
      [textOf(writeSql.counts), [[user.number], [all.length], 1]],
    ],
    changes,
  );
  for (const [index, { response }] of all.entries()) send(response, 201, answers[index] as string);
});

const currentSql = `SELECT r.id, r.rid, r.version, r.created, d.body FROM resource r
JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant WHERE r.tenant = 1 AND r.id = ANY(${texts(1)}::text[])`;
const setActiveSql = `UPDATE resource r SET active = u.active, version = u.version, modified = u.modified
FROM unnest(${wholes(1)}, ${wholes(2)}, ${wholes(3)}, ${texts(4)}) AS u (rid, active, version, modified)
WHERE r.rid = u.rid AND r.tenant = 1`;
const setDocumentSql = `UPDATE document d SET body = u.body::json
FROM unnest(${wholes(1)}, ${texts(2)}) AS u (rid, body) WHERE d.rid = u.rid AND d.tenant = 1`;

const patch = together<Change>(200, [writer], async (_, all) => {
  const [found = []] = await begun([currentSql, [all.map(({ id }) => id)]]);
  const current = new Map(found.map((row) => [row[0], row]));
  const changes: Value[][] = [];
  const touched: Value[][] = [];
  const documents: Value[][] = [];
  let left = 0;
  const answers = all.map(({ id, body }) => {
    const [, row, version, created, text] = current.get(id) as [string, number, number, string, string];
    const document = JSON.parse(text);
    const before = document.active;
    document.active = JSON.parse(body).Operations[0].value;
    if (before === true && document.active === false) left++;
    const after = JSON.stringify(document);
    touched.push([row, document.active ? 1 : 0, version + 1, at]);
    documents.push([row, after]);
    const edits = JSON.stringify([{ path: 'active', from: before, to: document.active }]);
    changes.push(change(user.number, id, version + 1, 'patch', edits));
    return resourceText('User', id, [version + 1, created, at, after]);
  });
  await transaction(
    [[setActiveSql, columns(touched)], [setDocumentSql, columns(documents)], ...lost('left', left)],
    changes,
  );
  for (const [index, { response }] of all.entries()) send(response, 200, answers[index] as string);
});

const groupSql = 'SELECT rid, version FROM resource WHERE tenant = 1 AND id = $1';
const removeSql = `DELETE FROM member WHERE owner = $1 AND tenant = 1 AND value = ANY(${texts(2)}::text[])`;

const member = together<Change>(200, [writer], async (_, all) => {
  const asked = all.map(({ body }) => JSON.parse(body).Operations[0]);
  const coming = asked.filter(({ op }) => op === 'add').map(({ value }): string => value[0].value);
  const [found = [], described = []] = await begun(
    [groupSql, [all[0]?.id ?? '']],
    ...(coming.length === 0 ? [] : [[textOf(writeSql.described), [1, coming]] as const]),
  );
  const [owner, version] = found[0] as [number, number];
  const named = new Map((described as [string, number, string | null][]).map((each) => [each[0], each]));
  const added: Value[][] = [];
  const removed: string[] = [];
  const changes: Value[][] = [];
  const subjects: [string, number][] = [];
  for (const [index, { id }] of all.entries()) {
    const { op, path, value } = asked[index];
    const who: string = op === 'add' ? value[0].value : path.slice('members[value eq "'.length, -2);
    const [, kind = null, display = null] = named.get(who) ?? [];
    if (op === 'add') added.push([owner, who, 1, kind, display, null, display && fold(display), null]);
    else removed.push(who);
    const ids = JSON.stringify([who]);
    const lists = op === 'add' ? [null, ids, null] : [null, null, ids];
    changes.push(change(group.number, id, version + 1 + index, 'patch', ...lists));
    subjects.push([who, sequence]);
  }
  await transaction(
    [
      ...(added.length === 0 ? [] : [[textOf(writeSql.members), columns(added)] as const]),
      ...(removed.length === 0 ? [] : [[removeSql, [owner, removed]] as const]),
      [textOf(writeSql.touches), [[owner], [version + all.length], [at], 1]],
      [
        textOf(writeSql.changedMembers),
        [1, subjects.map(([id]) => id), subjects.map(([, number]) => number)],
      ],
      ...lost('removed', removed.length),
    ],
    changes,
  );
  for (const { response } of all) send(response, 204, '');
});

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', base);
  const [, , , kind, id = ''] = url.pathname.split('/');
  if (request.method === 'GET') {
    const filter = url.searchParams.get('filter');
    if (id !== '') findById({ key: id, response });
    else if (filter === null) void list(Number(url.searchParams.get('count')), response);
    else if (filter.startsWith('userName eq ')) findByName({ key: JSON.parse(filter.slice(12)), response });
    else void valuePath(/co "(.*)"/.exec(filter)?.[1] ?? '', response);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const write = request.method === 'POST' ? create : kind === 'Groups' ? member : patch;
    write({ id, body, response });
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
await opened.close();
console.log(`listening on ${base}`);
