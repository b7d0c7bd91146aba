/** Drivers that are none of scimd's own keep the contract of every store: postgres.js, and a client that Prisma generated. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import pg from 'pg';
import postgres from 'postgres';
import { type PrismaSql, type SqlConnection, sql } from '../../src/index.ts';
import type { Store } from '../../src/store/store.ts';
import { openTables } from '../../src/store/tables/index.ts';
import { storeContract } from '../store/contract.ts';
import type { Open } from '../store/setting.ts';
import { maps, newSchema, tablesSql } from './fixture.ts';

interface Connected {
  readonly connection: SqlConnection;
  end(): Promise<void>;
}

/** The tables in a database of their own, and a store over what `connect` answers. */
function over(connect: () => Promise<Connected>): Open {
  return async ({ registry, clock }): Promise<Store> => {
    const { connection, end } = await connect();
    const { database, tables } = sql(connection, maps(registry));
    const store = await openTables({ database, tables, registry, clock });
    return {
      ...store,
      async close() {
        await store.close();
        await end();
      },
    };
  };
}

async function newTables(): Promise<{ readonly url: string; readonly schema: string }> {
  const { url, schema } = await newSchema();
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` });
  await client.connect();
  await client.query(tablesSql('server'));
  await client.end();
  return { url, schema };
}

const contract = { keepsStrangers: false, counts: false };

const overPostgresJs = over(async () => {
  const { url, schema } = await newTables();
  const connection = postgres(url, { connection: { search_path: schema }, onnotice() {}, max: 4 });
  return { connection, end: () => connection.end() };
});
storeContract('own tables by postgres.js', overPostgresJs, contract);

/** A folder into which prisma, @prisma/client and both adapters were installed: 300 MB, which nobody else needs. */
const prisma = process.env.PRISMA;
if (prisma === undefined)
  test('own tables by Prisma', (t) =>
    t.skip('PRISMA names a folder that has prisma, its client and adapters'));
else {
  const required = createRequire(join(prisma, 'package.json'));
  const folder = mkdtempSync(join(prisma, 'generated-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  type Client = PrismaSql & { $disconnect(): Promise<void> };
  const generated = (provider: 'postgresql' | 'sqlite'): (new (options: object) => Client) => {
    const output = join(folder, provider);
    const schema = join(folder, `${provider}.prisma`);
    writeFileSync(
      schema,
      `generator client {\n  provider = "prisma-client-js"\n  output = "${output}"\n}\ndatasource db {\n  provider = "${provider}"\n}\nmodel Note {\n  id Int @id\n}\n`,
    );
    // Nothing is migrated: the engine that comes from elsewhere is not needed.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };
    execFileSync(join(prisma, 'node_modules/.bin/prisma'), ['generate', '--schema', schema], {
      ...{ cwd: prisma, env, stdio: 'pipe' },
    });
    return required(output).PrismaClient;
  };
  const connected = (connection: Client): Connected => ({
    connection,
    end: () => connection.$disconnect(),
  });

  const PostgresClient = generated('postgresql');
  const { PrismaPg } = required('@prisma/adapter-pg');
  const overPostgres = over(async () => {
    const { url, schema } = await newTables();
    const options = `-c search_path=${schema}`;
    const adapter = new PrismaPg({ connectionString: url, options, max: 4 }, { schema });
    return connected(new PostgresClient({ adapter }));
  });
  storeContract('own tables by Prisma on PostgreSQL', overPostgres, contract);

  const SqliteClient = generated('sqlite');
  const { PrismaBetterSqlite3 } = required('@prisma/adapter-better-sqlite3');
  let files = 0;
  const overSqlite = over(async () => {
    const file = join(folder, `${files++}.db`);
    const db = new Database(file);
    db.exec(tablesSql('sqlite'));
    db.close();
    return connected(new SqliteClient({ adapter: new PrismaBetterSqlite3({ url: `file:${file}` }) }));
  });
  storeContract('own tables by Prisma on SQLite', overSqlite, contract);
}
