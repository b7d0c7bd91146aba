/** The examples of the documentation, as they stand there, examined by the doctor: each is at most 40 lines. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, SqliteDialect } from 'kysely';
import { doctor, type PrismaSql, type Scimd } from '../../src/index.ts';
import * as expressExample from './examples/express-kysely-sqlite.ts';
import * as honoExample from './examples/hono-drizzle-postgres.ts';
import * as nextExample from './examples/nextjs-prisma.ts';
import { newPool, tablesSql } from './fixture.ts';

const folder = fileURLToPath(new URL('examples/', import.meta.url));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const schema = `${read('schema.sql')}CREATE TABLE sessions (scim_id TEXT); CREATE TABLE admins (scim_id TEXT);`;
const directory = mkdtempSync(join(tmpdir(), 'scimd-examples-'));
const open: Scimd[] = [];
after(async () => {
  for (const scimd of open) await scimd.close();
  rmSync(directory, { recursive: true, force: true });
});

async function examined(scimd: Scimd, fetch: (request: Request) => Response | Promise<Response>) {
  open.push(scimd);
  const { token } = await scimd.createToken({ name: 'doctor' });
  const { passed, totals, text } = await doctor(fetch, { token });
  assert.ok(passed, text);
  assert.ok(totals.passed > 100, text);
}

function sqliteFile(name: string): string {
  const file = join(directory, name);
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(tablesSql('sqlite', schema));
  db.close();
  return file;
}

test('Hono with Drizzle on PostgreSQL, with a role that is kept in a table of the application', async (t) => {
  const pool = await newPool(tablesSql('server', schema));
  t.after(() => pool.end());
  const { scimd, app } = await honoExample.start(drizzle({ client: pool }));
  await examined(scimd, (request) => app.fetch(request));
  const ann = await scimd.users.create({ userName: 'ann@example.com' });
  await scimd.groups.create({
    ...{ displayName: 'Finance', externalId: 'fin-admins' },
    members: [{ value: ann.id }],
  });
  const admins = async () => (await pool.query('SELECT scim_id FROM admins')).rows;
  assert.deepEqual(await admins(), [{ scim_id: ann.id }]);
  await assert.rejects(scimd.users.delete(ann.id), /must keep|at least|admin/);
  await pool.query('INSERT INTO sessions VALUES ($1)', [ann.id]);
  await scimd.access.lock(ann.id, { reason: 'lost laptop' });
  assert.deepEqual(await admins(), []);
  assert.deepEqual((await pool.query('SELECT scim_id FROM sessions')).rows, []);
  await scimd.close();
  open.pop();
});

test('Express with Kysely on SQLite', async (t) => {
  const db = new Kysely<{ sessions: { scim_id: string } }>({
    dialect: new SqliteDialect({ database: new Database(sqliteFile('express.db')) }),
  });
  const { scimd, app } = await expressExample.start(db);
  const server = createServer(app).listen(0);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  await examined(scimd, async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = request.body === null ? {} : { body: await request.arrayBuffer() };
    const { method, headers } = request;
    return fetch(`http://127.0.0.1:${port}${pathname}${search}`, { method, headers, ...body });
  });
});

test('a route of Next.js over a client of Prisma', async (t) => {
  const pool = await newPool(tablesSql('server', schema));
  t.after(() => pool.end());
  // Prisma's engine comes from no package registry: this is the part of its client that is documented as raw SQL.
  const raw = (queries: Pick<typeof pool, 'query'>) => ({
    $queryRawUnsafe: async (text: string, ...values: unknown[]) => (await queries.query(text, values)).rows,
    $executeRawUnsafe: async (text: string, ...values: unknown[]) =>
      (await queries.query(text, values)).rowCount ?? 0,
  });
  const prisma: PrismaSql = {
    ...raw(pool),
    async $transaction<T>(work: (transaction: never) => Promise<T>) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(raw(client as never) as never);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  };
  const { scimd, ...handlers } = await nextExample.routes(prisma);
  await examined(scimd, (request) => handlers[request.method as keyof typeof handlers](request));
  await scimd.close();
  open.pop();
});

const runtimes = [
  ['Bun with bun:sqlite', process.env.BUN ?? 'bun', ['run'], 'bun'],
  ['Deno with node:sqlite', process.env.DENO ?? 'deno', ['run', '-A', '--no-check'], 'deno'],
] as const;
for (const [name, program, prefix, example] of runtimes)
  test(name, async (t) => {
    if (spawnSync(program, ['--version']).status !== 0) {
      t.skip(`there is no ${program}: BUN and DENO name them`);
      return;
    }
    const child = spawn(program, [...prefix, join(folder, 'run.ts'), example, sqliteFile(`${example}.db`)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill());
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, printed);
  });

test('the documentation shows the very files, and none is longer than 40 lines', () => {
  const page = readFileSync(new URL('../../src/docs/embedding.md', import.meta.url), 'utf8');
  for (const name of readdirSync(folder).filter((each) => /^(?!run|bun-sqlite).*\.ts$/.test(each))) {
    const text = read(name)
      .replaceAll('../../../src/index.ts', 'scimd')
      .replaceAll(/\.\.\/\.\.\/\.\.\/src\/(\w+)\.ts/g, 'scimd/$1');
    assert.ok(text.split('\n').length <= 41, name);
    assert.ok(
      page.includes(`\`\`\`typescript\n${text}\`\`\``),
      `embedding.md does not show ${name} as it is`,
    );
  }
});
