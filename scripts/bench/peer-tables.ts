/** Where the peer keeps its resources: whole documents, in a map or in SQLite with synchronous=FULL. */
import Sqlite from 'better-sqlite3';

export type Resource = Record<string, unknown> & {
  readonly id: string;
  readonly meta: { resourceType: string; created: string; lastModified: string };
};

export interface PeerTable {
  get(id: string): Resource | undefined;
  named(userName: string): Resource[];
  page(count: number): Resource[];
  all(): Resource[];
  total(): number;
  put(resource: Resource): void;
}

export interface PeerTables {
  readonly users: PeerTable;
  readonly groups: PeerTable;
  /** The first resources are all there. */
  seeded(): void;
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
