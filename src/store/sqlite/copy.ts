/** An SQLite file as source and as target of a copy. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, rmSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import {
  type CopiedTable,
  type CopySource,
  type CopyState,
  type CopyTarget,
  type Counter,
  copiedTables,
  countersSql,
  type DrawnNumbers,
  drawnNumbers,
  headOf,
  headSql,
  olderSource,
  otherCopy,
  passingTables,
  type Row,
  type RowReader,
  unfinishedRebuild,
} from '../copy.ts';
import { withoutContainsIndex } from '../layout/layout.ts';
import { storedTypeSql } from '../sql/stored-type.ts';
import { StoreError } from '../store-error.ts';
import { applicationId, openConnection, refuseNewer, requireRuntime } from './connection.ts';
import { toStoreError, withStoreErrors } from './errors.ts';
import { currentVersion, versionOf } from './upgrade.ts';

/** Holds the state of a copy, for as long as it is not done. */
const stateTable = 'CREATE TABLE scimd_copy (revision INTEGER NOT NULL, state TEXT NOT NULL) STRICT';

interface Column {
  readonly name: string;
  /** Its place in the key, from 1; 0 outside of it. */
  readonly pk: number;
}

class SqliteRows implements RowReader {
  readonly db: Database;
  readonly shown: string;
  readonly #columns = new Map<CopiedTable, readonly Column[]>();

  constructor(db: Database, shown: string) {
    this.db = db;
    this.shown = shown;
  }

  columnsOf(table: CopiedTable): readonly Column[] {
    let columns = this.#columns.get(table);
    if (columns === undefined) {
      columns = this.db.pragma(`table_info(${table})`) as Column[];
      this.#columns.set(table, columns);
    }
    return columns;
  }

  async columns(table: CopiedTable): Promise<{ stored: readonly string[]; derived: readonly string[] }> {
    const stored = this.columnsOf(table).map(({ name }) => name);
    // What is of a resource has its tenant by it.
    return { stored, derived: stored.includes('tenant') || !stored.includes('rid') ? [] : ['tenant'] };
  }

  async rows(
    table: CopiedTable,
    columns: readonly string[],
    after: Row | null,
    limit: number,
  ): Promise<{ rows: readonly Row[]; last: Row | undefined }> {
    const known = this.columnsOf(table);
    const key = known.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    const names = key.map(({ name }) => `t."${name}"`);
    const stored = new Set(known.map(({ name }) => name));
    const wanted = columns.map((name) =>
      stored.has(name) ? `t."${name}"` : '(SELECT r.tenant FROM resource r WHERE r.rid = t.rid)',
    );
    const behind = after === null ? '' : `WHERE (${names.join(', ')}) > (${names.map(() => '?').join(', ')})`;
    const read = () =>
      this.db
        .prepare(
          `SELECT ${[...wanted, ...names].join(', ')} FROM ${table} t ${behind} ORDER BY ${names.join(', ')} LIMIT ?`,
        )
        .raw()
        .all(...(after ?? []), limit) as Row[];
    const rows = withStoreErrors(read, { role: 'database', file: this.shown });
    const last = rows.length < limit ? undefined : rows.at(-1)?.slice(columns.length);
    return { rows: rows.map((row) => row.slice(0, columns.length)), last };
  }

  async place(): Promise<string> {
    return realpathSync(this.db.name);
  }

  async identity(): Promise<string> {
    const secret = this.db
      .prepare<[], Buffer>("SELECT bytes FROM secret WHERE name = 'cursor'")
      .pluck()
      .get();
    return createHash('sha256')
      .update(secret ?? '')
      .digest('hex');
  }

  async close(): Promise<void> {
    this.db.close();
  }
}

class SqliteSource extends SqliteRows implements CopySource {
  readonly #file: string;

  constructor(db: Database, file: string) {
    super(db, file);
    this.#file = file;
  }

  async head(): Promise<string> {
    return headOf(headSql.flatMap((sql) => this.db.prepare(sql).raw().all() as unknown[][]));
  }

  async countersNow(): Promise<readonly Counter[]> {
    const now = openToRead(this.#file);
    try {
      return now.prepare<[], [number, number, number]>(countersSql).raw().all();
    } finally {
      now.close();
    }
  }

  async drawn(): Promise<DrawnNumbers> {
    const largest = (column: string, table: string): number =>
      this.db.prepare<[], number>(`SELECT coalesce(max(${column}), 0) FROM ${table}`).pluck().get() ?? 0;
    const tenants = this.db
      .prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'tenant'")
      .pluck()
      .get();
    const numbers = Object.fromEntries(drawnNumbers.map((table) => [table, largest('number', table)]));
    return { ...(numbers as DrawnNumbers), tenant: tenants ?? 0, resource: largest('rid', 'resource') };
  }
}

function openToRead(file: string): Database {
  const db = new Sqlite(file, { fileMustExist: true });
  db.pragma('query_only = ON');
  db.exec('BEGIN');
  db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get();
  return db;
}

/**
 * All of one snapshot, which lasts until it is closed: the WAL grows meanwhile. Nothing is written.
 * @throws StoreError where there is no database of this version.
 */
export function sqliteCopySource(file: string): CopySource {
  requireRuntime();
  return withStoreErrors(
    () => {
      const db = openToRead(file);
      try {
        if (db.pragma('application_id', { simple: true }) !== applicationId)
          throw new StoreError(
            'foreign-database',
            `${file} is not a database of scimd`,
            'Give the file that the server uses.',
          );
        const version = Number(db.pragma('user_version', { simple: true }));
        refuseNewer(version, file);
        if (version < currentVersion) throw olderSource(file, version, currentVersion);
        if (db.prepare('SELECT 1 FROM rebuild').get() !== undefined) throw unfinishedRebuild(file);
        return new SqliteSource(db, file);
      } catch (error) {
        db.close();
        throw error;
      }
    },
    { role: 'database', file },
  );
}

class SqliteTarget extends SqliteRows implements CopyTarget {
  readonly #file: string;
  /** Where it is until it is whole. */
  readonly #partial: string;
  #revision = 0;
  #state: CopyState | 'full' | undefined;

  constructor(db: Database, file: string, partial: string) {
    super(db, file);
    this.#file = file;
    this.#partial = partial;
    if (file === partial && !hasState(file)) {
      this.#state = 'full';
      return;
    }
    const found = db.prepare('SELECT revision, state FROM scimd_copy').get() as
      | { readonly revision: number; readonly state: string }
      | undefined;
    if (found === undefined) return;
    this.#revision = found.revision;
    this.#state = JSON.parse(found.state) as CopyState;
  }

  get state(): CopyState | 'full' | undefined {
    return this.#state;
  }

  async begin(state: CopyState): Promise<void> {
    this.#within(() => {
      for (const table of [...copiedTables].reverse()) this.db.exec(`DELETE FROM ${table}`);
      this.db.exec('DELETE FROM scimd_copy');
      this.#revision = 1;
      this.db.prepare('INSERT INTO scimd_copy (revision, state) VALUES (1, ?)').run(JSON.stringify(state));
    });
  }

  async write(
    table: CopiedTable,
    columns: readonly string[],
    rows: readonly Row[],
    state: CopyState,
  ): Promise<void> {
    this.#within(() => {
      this.#advance(state);
      const insert = this.db.prepare(
        `INSERT INTO ${table} (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      for (const row of rows) insert.run(...row);
    });
  }

  async clearPassing(state: CopyState): Promise<void> {
    this.#within(() => {
      this.#advance(state);
      for (const table of [...passingTables].reverse()) this.db.exec(`DELETE FROM ${table}`);
    });
  }

  async finish(state: CopyState, { tenant }: DrawnNumbers): Promise<void> {
    this.#within(() => {
      this.#advance(state);
      this.db.prepare("UPDATE sqlite_sequence SET seq = ? WHERE name = 'tenant'").run(tenant);
      const layouts = this.db.prepare('SELECT number, layout FROM resource_type').raw().all();
      for (const [number, layout] of layouts as [number, string][])
        this.db.prepare(storedTypeSql.setLayout).run(withoutContainsIndex(layout), number);
    });
    if (this.#partial !== this.#file) {
      this.db.pragma('wal_checkpoint(TRUNCATE)');
      this.db.close();
      sync(this.#partial);
      renameSync(this.#partial, this.#file);
    } else this.db.close();
    const db = new Sqlite(this.#file);
    db.exec('DROP TABLE IF EXISTS scimd_copy');
    db.close();
  }

  #advance(state: CopyState): void {
    const { changes } = this.db
      .prepare('UPDATE scimd_copy SET revision = revision + 1, state = ? WHERE revision = ?')
      .run(JSON.stringify(state), this.#revision);
    if (changes === 0) throw otherCopy(this.shown);
  }

  #within(action: () => void): void {
    const before = this.#revision;
    try {
      this.db.transaction(action).immediate();
    } catch (error) {
      throw toStoreError(error, { role: 'copy', file: this.shown });
    }
    if (before === this.#revision) this.#revision++;
  }
}

function sync(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function remove(file: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
}

function hasState(file: string): boolean {
  const db = new Sqlite(file, { fileMustExist: true });
  try {
    return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'scimd_copy'").get() !== undefined;
  } finally {
    db.close();
  }
}

/**
 * A file that is not there yet; until it is whole it has the ending `.copying`.
 * @throws StoreError `foreign-database` where it is there already.
 */
export function sqliteCopyTarget(file: string): CopyTarget {
  if (file === ':memory:')
    throw new StoreError('cannot-open', 'a copy in memory would be gone at once', 'Give the path of a file.');
  return withStoreErrors(
    () => {
      let partial = `${file}.copying`;
      if (existsSync(file)) {
        const version = versionOf(file);
        if (version !== currentVersion)
          throw new StoreError(
            'foreign-database',
            `${file} is there already`,
            'Give a file that is not there yet.',
          );
        partial = file;
      } else if (existsSync(partial) && !hasState(partial)) remove(partial);
      const db = openConnection(partial);
      try {
        // What was committed when the process is killed is there; a power cut undoes the last steps at most.
        db.pragma('synchronous = NORMAL');
        if (partial !== file && !hasState(partial)) db.exec(stateTable);
        return new SqliteTarget(db, file, partial);
      } catch (error) {
        db.close();
        throw error;
      }
    },
    { role: 'copy', file },
  );
}
