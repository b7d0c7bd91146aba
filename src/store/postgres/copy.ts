/** A PostgreSQL database as source and as target of a copy. */
import { createHash } from 'node:crypto';
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
  tablesMadeAtOnce,
  unfinishedRebuild,
} from '../copy.ts';
import { withoutContainsIndex } from '../layout/layout.ts';
import { toStoreError } from '../sql/postgres-errors.ts';
import { storedTypeSql } from '../sql/stored-type.ts';
import { StoreError } from '../store-error.ts';
import { type Environment, parseAddress } from './address.ts';
import { Connection } from './driver.ts';
import { currentVersion, upgrade, versionOf } from './upgrade.ts';

interface Shape {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly key: readonly string[];
}

const columnsSql = `SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;
const keySql = `SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = to_regclass(?) AND i.indisprimary ORDER BY k.place`;

class PostgresRows implements RowReader {
  readonly connection: Connection;
  readonly shown: string;
  readonly #shapes = new Map<CopiedTable, Shape>();

  constructor(connection: Connection, shown: string) {
    this.connection = connection;
    this.shown = shown;
  }

  async shape(table: CopiedTable): Promise<Shape> {
    let shape = this.#shapes.get(table);
    if (shape === undefined) {
      const columns = (await this.query(columnsSql, [table])) as [string, string][];
      const key = (await this.query(keySql, [table])) as [string][];
      shape = { columns: columns.map(([name, type]) => ({ name, type })), key: key.map(([name]) => name) };
      this.#shapes.set(table, shape);
    }
    return shape;
  }

  async columns(table: CopiedTable): Promise<{ stored: readonly string[]; derived: readonly string[] }> {
    const { columns } = await this.shape(table);
    return { stored: columns.map(({ name }) => name), derived: [] };
  }

  async rows(
    table: CopiedTable,
    columns: readonly string[],
    after: Row | null,
    limit: number,
  ): Promise<{ rows: readonly Row[]; last: Row | undefined }> {
    const { key } = await this.shape(table);
    const names = key.map((name) => `"${name}"`);
    const wanted = [...columns.map((name) => `"${name}"`), ...names].join(', ');
    const behind = after === null ? '' : `WHERE (${names.join(', ')}) > (${names.map(() => '?').join(', ')})`;
    const rows = (await this.query(
      `SELECT ${wanted} FROM ${table} ${behind} ORDER BY ${names.join(', ')} LIMIT ${limit}`,
      after ?? [],
    )) as Row[];
    const last = rows.length < limit ? undefined : rows.at(-1)?.slice(columns.length);
    return { rows: rows.map((row) => row.slice(0, columns.length)), last };
  }

  async place(): Promise<string> {
    const [row] = await this.query(
      'SELECT (SELECT system_identifier FROM pg_control_system()), current_database(), current_schema()',
    );
    return JSON.stringify(row);
  }

  async identity(): Promise<string> {
    const [row] = (await this.query("SELECT bytes FROM secret WHERE name = 'cursor'")) as [Buffer][];
    return createHash('sha256')
      .update(row?.[0] ?? '')
      .digest('hex');
  }

  async query(sql: string, parameters: Row = []): Promise<unknown[][]> {
    try {
      return (await this.connection.run(sql, parameters)).rows;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

class PostgresSource extends PostgresRows implements CopySource {
  readonly #another: () => Promise<Connection>;

  constructor(connection: Connection, shown: string, another: () => Promise<Connection>) {
    super(connection, shown);
    this.#another = another;
  }

  async head(): Promise<string> {
    const rows: unknown[][] = [];
    for (const sql of headSql) rows.push(...(await this.query(sql)));
    return headOf(rows);
  }

  async countersNow(): Promise<readonly Counter[]> {
    const connection = await this.#another();
    try {
      return (await connection.run(countersSql)).rows as [number, number, number][];
    } catch (error) {
      throw toStoreError(error);
    } finally {
      await connection.close();
    }
  }

  async drawn(): Promise<DrawnNumbers> {
    const numbers: [string, number][] = [];
    for (const table of drawnNumbers)
      numbers.push([table, await this.#last(`pg_get_serial_sequence('${table}', 'number')`)]);
    numbers.push(['resource', await this.#last("'resource_rid'")]);
    return Object.fromEntries(numbers) as DrawnNumbers;
  }

  async #last(sequence: string): Promise<number> {
    const [row] = (await this.query(
      `SELECT coalesce(pg_sequence_last_value((${sequence})::regclass), 0)`,
    )) as [number][];
    return row?.[0] ?? 0;
  }
}

/** All of one snapshot, which lasts until it is closed. Nothing is written, so that a standby will do. */
export async function postgresCopySource(url: string, environment?: Environment): Promise<CopySource> {
  const address = parseAddress(url, environment);
  const another = () => Connection.open(address);
  let connection: Connection | undefined;
  try {
    connection = await another();
    const version = await versionOf(connection);
    if (version === 0)
      throw new StoreError(
        'cannot-open',
        `${address.shown} has no tables of scimd`,
        'Give the address that the server uses, with its ?schema= if it has one.',
      );
    if (version > currentVersion)
      throw new StoreError(
        'newer-database',
        `${address.shown} has database version ${version}, and this release copies version ${currentVersion}`,
        'Use the newer release for it.',
      );
    if (version < currentVersion) throw olderSource(address.shown, version, currentVersion);
    await connection.script(
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0',
    );
    if ((await connection.run('SELECT 1 FROM rebuild')).rows.length > 0)
      throw unfinishedRebuild(address.shown);
    return new PostgresSource(connection, address.shown, another);
  } catch (error) {
    await connection?.close();
    throw toStoreError(error);
  }
}

class PostgresTarget extends PostgresRows implements CopyTarget {
  #revision: number;
  #state: CopyState | 'full' | undefined;

  constructor(connection: Connection, shown: string, found: readonly [number, string] | 'full' | undefined) {
    super(connection, shown);
    const isBegun = found !== undefined && found !== 'full';
    this.#revision = isBegun ? found[0] : 0;
    this.#state = isBegun ? (JSON.parse(found[1]) as CopyState) : found;
  }

  get state(): CopyState | 'full' | undefined {
    return this.#state;
  }

  async begin(state: CopyState): Promise<void> {
    await this.#within(async () => {
      await this.connection.script(
        `TRUNCATE ${[...copiedTables, 'rebuild', 'contains_text', 'scimd_copy'].join(', ')}`,
      );
      await this.connection.run('INSERT INTO scimd_copy (revision, state) VALUES (1, ?)', [
        JSON.stringify(state),
      ]);
      this.#revision = 1;
    });
  }

  async write(
    table: CopiedTable,
    columns: readonly string[],
    rows: readonly Row[],
    state: CopyState,
  ): Promise<void> {
    const { columns: known } = await this.shape(table);
    const typeOf = new Map(known.map(({ name, type }) => [name, type]));
    const names = columns.map((name) => `"${name}"`).join(', ');
    // Arrays of JSON are made of texts.
    const isJson = (name: string): boolean => typeOf.get(name)?.startsWith('json') ?? false;
    const given = columns.map((name) => `?::${isJson(name) ? 'text' : typeOf.get(name)}[]`).join(', ');
    const taken = columns
      .map((name, n) => (isJson(name) ? `c${n}::${typeOf.get(name)}` : `c${n}`))
      .join(', ');
    const aliases = columns.map((_, n) => `c${n}`).join(', ');
    const insert = `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${taken} FROM unnest(${given}) AS u(${aliases})`;
    await this.#within(async () => {
      await this.#advance(state);
      if (rows.length > 0)
        await this.connection.run(
          insert,
          columns.map((_, n) => rows.map((row) => row[n] as string | number | null | Uint8Array)),
        );
    });
  }

  async clearPassing(state: CopyState): Promise<void> {
    await this.#within(async () => {
      await this.#advance(state);
      for (const table of [...passingTables].reverse()) await this.connection.script(`DELETE FROM ${table}`);
    });
  }

  async finish(state: CopyState, drawn: DrawnNumbers): Promise<void> {
    await this.#within(async () => {
      await this.#advance(state);
      const set = (sequence: string, last: number): Promise<unknown> =>
        this.connection.run(`SELECT setval((${sequence})::regclass, ?::bigint, ?)`, [
          Math.max(last, 1),
          last > 0,
        ]);
      for (const table of drawnNumbers)
        await set(`pg_get_serial_sequence('${table}', 'number')`, drawn[table]);
      await set("'resource_rid'", drawn.resource);
      const { rows } = await this.connection.run('SELECT number, layout FROM resource_type');
      for (const [number, layout] of rows as [number, string][])
        await this.connection.run(storedTypeSql.setLayout, [withoutContainsIndex(layout), number]);
      await this.connection.script('DROP TABLE scimd_copy');
    });
    // Without it the first plans are made for empty tables.
    for (const table of copiedTables) await this.connection.script(`ANALYZE ${table}`).catch(() => {});
  }

  async #advance(state: CopyState): Promise<void> {
    const { count } = await this.connection.run(
      'UPDATE scimd_copy SET revision = revision + 1, state = ? WHERE revision = ?',
      [JSON.stringify(state), this.#revision],
    );
    if (count === 0) throw otherCopy(this.shown);
  }

  async #within(action: () => Promise<void>): Promise<void> {
    const before = this.#revision;
    try {
      await this.connection.script(
        'BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = 10000',
      );
      await action();
      await this.connection.script('COMMIT');
    } catch (error) {
      await this.connection.script('ROLLBACK').catch(() => {});
      throw toStoreError(error);
    }
    if (before === this.#revision) this.#revision++;
  }
}

/**
 * A schema, of which the tables are made where there are none yet.
 */
export async function postgresCopyTarget(url: string, environment?: Environment): Promise<CopyTarget> {
  const address = parseAddress(url, environment);
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(address);
    const version = await versionOf(connection);
    const begun = await connection.run("SELECT to_regclass('scimd_copy') IS NOT NULL");
    const isBegun = begun.rows[0]?.[0] === true;
    if (version > 0 && version < currentVersion && !isBegun)
      throw olderSource(address.shown, version, currentVersion);
    if (version === currentVersion && !isBegun && !(await isEmpty(connection)))
      return new PostgresTarget(connection, address.shown, 'full');
    await upgrade(connection, address, { isCopying: true });
    await connection.script(
      'CREATE TABLE IF NOT EXISTS scimd_copy (revision BIGINT NOT NULL, state TEXT NOT NULL)',
    );
    const { rows } = await connection.run('SELECT revision, state FROM scimd_copy');
    return new PostgresTarget(connection, address.shown, rows[0] as [number, string] | undefined);
  } catch (error) {
    await connection?.close();
    throw toStoreError(error);
  }
}

async function isEmpty(connection: Connection): Promise<boolean> {
  const tables = copiedTables.filter((table) => !(tablesMadeAtOnce as readonly string[]).includes(table));
  const { rows } = await connection.run(
    `SELECT (SELECT count(*) FROM tenant) > 1 OR ${tables.map((table) => `EXISTS (SELECT 1 FROM ${table})`).join(' OR ')}`,
  );
  return rows[0]?.[0] === false;
}
