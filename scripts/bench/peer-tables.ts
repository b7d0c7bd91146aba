/** Where the peer keeps its resources: whole documents, in a map, in SQLite with synchronous=FULL, or in PostgreSQL. */
import Sqlite from 'better-sqlite3';
import pg from 'pg';

export type Resource = Record<string, unknown> & {
  readonly id: string;
  readonly meta: { resourceType: string; created: string; lastModified: string };
};

type Awaitable<T> = T | Promise<T>;

export interface PeerTable {
  get(id: string): Awaitable<Resource | undefined>;
  named(userName: string): Awaitable<Resource[]>;
  page(count: number): Awaitable<Resource[]>;
  all(): Awaitable<Resource[]>;
  total(): Awaitable<number>;
  put(resource: Resource): Awaitable<void>;
}

export interface PeerTables {
  readonly users: PeerTable;
  readonly groups: PeerTable;
  /** The first resources are all there. */
  seeded(): Awaitable<void>;
}

export function memoryTable(): PeerTable {
  const byId = new Map<string, Resource>();
  const byName = new Map<string, Resource>();
  return {
    get: (id) => byId.get(id),
    named(userName) {
      const found = byName.get(userName);
      return found === undefined ? [] : [found];
    },
    page: (count) => byId.values().take(count).toArray(),
    all: () => [...byId.values()],
    total: () => byId.size,
    put(resource) {
      byId.set(resource.id, resource);
      if (resource.userName !== undefined) byName.set(String(resource.userName), resource);
    },
  };
}

/** One transaction while seeding; afterwards each write is a durable commit of its own. */
export function sqliteTables(file: string): PeerTables {
  const db = new Sqlite(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  const table = (name: string): PeerTable => {
    db.exec(`CREATE TABLE ${name} (id TEXT PRIMARY KEY, name TEXT UNIQUE, body TEXT NOT NULL)`);
    const parse = (body: string): Resource => JSON.parse(body) as Resource;
    const get = db.prepare<[string], string>(`SELECT body FROM ${name} WHERE id = ?`).pluck();
    const named = db.prepare<[string], string>(`SELECT body FROM ${name} WHERE name = ?`).pluck();
    const page = db.prepare<[number], string>(`SELECT body FROM ${name} ORDER BY id LIMIT ?`).pluck();
    const all = db.prepare<[], string>(`SELECT body FROM ${name} ORDER BY id`).pluck();
    const total = db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck();
    const put = db.prepare(
      `INSERT INTO ${name} VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, body = excluded.body`,
    );
    return {
      get(id) {
        const body = get.get(id);
        return body === undefined ? undefined : parse(body);
      },
      named: (userName) => named.all(userName).map(parse),
      page: (count) => page.all(count).map(parse),
      all: () => all.all().map(parse),
      total: () => total.get() ?? 0,
      put(resource) {
        put.run(resource.id, resource.userName ?? null, JSON.stringify(resource));
      },
    };
  };
  const tables = { users: table('users'), groups: table('groups'), seeded: () => void db.exec('COMMIT') };
  db.exec('BEGIN');
  return tables;
}

/** A pool of ten connections, as pg has it; one transaction while seeding. */
export async function postgresTables(address: string): Promise<PeerTables> {
  const pool = new pg.Pool({ connectionString: address });
  const names = new Map<string, string>();
  const named = (text: string): { readonly name: string; readonly text: string } => {
    const name = names.get(text) ?? `peer${names.size}`;
    names.set(text, name);
    return { name, text };
  };
  const table = async (name: string): Promise<PeerTable & { seeded(): Promise<void> }> => {
    await pool.query(
      `CREATE TABLE ${name} (number BIGSERIAL, id TEXT PRIMARY KEY, name TEXT UNIQUE, body JSON NOT NULL)`,
    );
    await pool.query(`CREATE INDEX ${name}_number ON ${name} (number)`);
    const bodies = async (sql: string, values: readonly (string | number)[] = []): Promise<Resource[]> => {
      const { rows } = await pool.query<{ body: Resource }>({ ...named(sql), values: [...values] });
      return rows.map(({ body }) => body);
    };
    let seeds: Resource[] | undefined = [];
    const insert = `INSERT INTO ${name} (id, name, body) SELECT * FROM unnest($1::text[], $2::text[], $3::json[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name, body = excluded.body`;
    const put = (resources: readonly Resource[]) =>
      pool.query({
        ...named(insert),
        values: [
          resources.map(({ id }) => id),
          resources.map(({ userName }) => userName ?? null),
          resources.map((resource) => JSON.stringify(resource)),
        ],
      });
    return {
      get: async (id) => (await bodies(`SELECT body FROM ${name} WHERE id = $1`, [id]))[0],
      named: (userName) => bodies(`SELECT body FROM ${name} WHERE name = $1`, [userName]),
      page: (count) => bodies(`SELECT body FROM ${name} ORDER BY number LIMIT $1`, [count]),
      all: () => bodies(`SELECT body FROM ${name} ORDER BY number`),
      async total() {
        const { rows } = await pool.query<{ total: string }>(`SELECT count(*) AS total FROM ${name}`);
        return Number(rows[0]?.total);
      },
      async put(resource) {
        if (seeds === undefined) await put([resource]);
        else seeds.push(resource);
      },
      async seeded() {
        const all = seeds ?? [];
        seeds = undefined;
        for (let first = 0; first < all.length; first += 1000) await put(all.slice(first, first + 1000));
        await pool.query(`ANALYZE ${name}`);
      },
    };
  };
  const [users, groups] = [await table('users'), await table('groups')];
  return {
    users,
    groups,
    async seeded() {
      await users.seeded();
      await groups.seeded();
    },
  };
}
