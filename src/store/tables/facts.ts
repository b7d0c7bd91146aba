/** What a database says of the tables that a map names: their columns, indexes and references. */
import { type SqlDatabase, type SqlRow, type Steps, statement } from './database.ts';

export interface ColumnFact {
  readonly name: string;
  /** In lower case: `text`, `integer`, `timestamp with time zone`; `enum` of an enumeration, of a domain what it is made of. */
  readonly type: string;
  /** As a cast names it: types of an embedder's own may have capitals. */
  readonly cast: string;
  readonly required: boolean;
  readonly hasDefault: boolean;
  /** SQL that an UPDATE gives it to have its default. */
  readonly preset: string | undefined;
  readonly generated: boolean;
}

export interface IndexFact {
  readonly name: string;
  readonly unique: boolean;
  readonly partial: boolean;
  /** Names of columns, and the SQL of expressions. */
  readonly keys: readonly string[];
}

export interface ReferenceFact {
  readonly column: string;
  readonly table: string;
  /** Undefined: the primary key. */
  readonly to: string | undefined;
}

export interface TableFacts {
  readonly name: string;
  /** Quoted for SQL, with its schema. */
  readonly sql: string;
  readonly columns: ReadonlyMap<string, ColumnFact>;
  readonly indexes: readonly IndexFact[];
  readonly references: readonly ReferenceFact[];
  readonly primaryKey: readonly string[];
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Undefined where there is no such table. */
export function* factsOf(
  dialect: SqlDatabase['dialect'],
  { schema, name }: { readonly schema?: string; readonly name: string },
): Steps<TableFacts | undefined> {
  const sql = schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
  const read = dialect === 'sqlite' ? sqliteFacts(name) : postgresFacts(sql);
  const { columns, indexes, references, primaryKey } = yield* read;
  if (columns.length === 0) return undefined;
  return {
    ...{ name, sql, references, primaryKey },
    columns: new Map(columns.map((column) => [column.name, column])),
    indexes: indexesOf(indexes),
  };
}

type Read = Steps<{
  readonly columns: readonly ColumnFact[];
  readonly indexes: readonly SqlRow[];
  readonly references: readonly ReferenceFact[];
  readonly primaryKey: readonly string[];
}>;

function* sqliteFacts(name: string): Read {
  const columns = yield statement(
    'SELECT name, type, "notnull" AS required, dflt_value AS preset, pk, hidden FROM pragma_table_xinfo(?)',
    name,
  );
  const keys = columns.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
  const [key] = keys;
  // An INTEGER PRIMARY KEY is the row's number: it has no index of its own, and needs none.
  const isRowid = keys.length === 1 && /^integer$/i.test(String(key?.type));
  const indexes = yield statement(
    `SELECT l.name AS name, l."unique" AS uniq, l.partial AS partial, x.seqno AS place, coalesce(x.name, m.sql) AS key
     FROM pragma_index_list(?) l JOIN pragma_index_xinfo(l.name) x ON x.key = 1
     LEFT JOIN sqlite_master m ON m.name = l.name ORDER BY l.name, x.seqno`,
    name,
  );
  const references = yield statement(
    'SELECT "from" AS name, "table" AS target, "to" AS target_column FROM pragma_foreign_key_list(?)',
    name,
  );
  return {
    columns: columns.map(({ name: column, type, required, preset, hidden, pk }) => ({
      name: String(column),
      type: String(type).toLowerCase(),
      cast: String(type),
      required: Number(required) === 1 || Number(pk) > 0,
      hasDefault: preset !== null || (isRowid && Number(pk) > 0),
      // SQLite knows no DEFAULT there.
      preset: preset === null ? undefined : `(${String(preset)})`,
      generated: Number(hidden) >= 2,
    })),
    indexes: isRowid ? [...indexes, { name: `${name}'s key`, uniq: 1, partial: 0, key: key?.name }] : indexes,
    references: references.map(toReference),
    primaryKey: keys.map((column) => String(column.name)),
  };
}

function* postgresFacts(sql: string): Read {
  const table = 'to_regclass(CAST(? AS text))';
  const columns = yield statement(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS cast_type,
       CASE y.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN format_type(y.typbasetype, y.typtypmod)
         ELSE format_type(a.atttypid, a.atttypmod) END AS type,
       (a.attnotnull OR y.typnotnull) AS required,
       (a.atthasdef OR a.attidentity <> '' OR y.typdefault IS NOT NULL) AS preset, a.attgenerated <> '' AS generated
     FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid WHERE a.attrelid = ${table} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    sql,
  );
  const indexes = yield statement(
    `SELECT c.relname AS name, i.indisunique AS uniq, i.indpred IS NOT NULL AS partial, i.indisprimary AS is_key,
       pg_get_indexdef(i.indexrelid, k.n, true) AS key
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) AS k(n)
     WHERE i.indrelid = ${table} AND i.indisvalid ORDER BY c.relname, k.n`,
    sql,
  );
  const references = yield statement(
    `SELECT a.attname AS name, f.relname AS target, b.attname AS target_column
     FROM pg_constraint o JOIN pg_class f ON f.oid = o.confrelid
     JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = o.conkey[1]
     JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = o.confkey[1]
     WHERE o.contype = 'f' AND array_length(o.conkey, 1) = 1 AND o.conrelid = ${table}`,
    sql,
  );
  const unquote = (key: unknown): string =>
    String(key)
      .replace(/^"(.*)"$/, '$1')
      .replaceAll('""', '"');
  return {
    columns: columns.map(({ name, type, cast_type, required, preset, generated }) => ({
      name: String(name),
      type: String(type).toLowerCase(),
      cast: String(cast_type),
      required: required === true,
      hasDefault: preset === true,
      preset: preset === true ? 'DEFAULT' : undefined,
      generated: generated === true,
    })),
    indexes: indexes.map((row) => ({ ...row, key: unquote(row.key) })),
    references: references.map(toReference),
    primaryKey: indexes.filter(({ is_key }) => is_key === true).map(({ key }) => unquote(key)),
  };
}

function toReference({ name, target, target_column }: SqlRow): ReferenceFact {
  return {
    column: String(name),
    table: String(target),
    to: typeof target_column === 'string' ? target_column : undefined,
  };
}

function indexesOf(rows: readonly SqlRow[]): IndexFact[] {
  const indexes = new Map<string, IndexFact & { keys: string[] }>();
  for (const { name, uniq, partial, key } of rows) {
    const known = indexes.get(String(name));
    if (known !== undefined) known.keys.push(String(key));
    else
      indexes.set(String(name), {
        name: String(name),
        unique: Boolean(uniq),
        partial: Boolean(partial),
        keys: [String(key)],
      });
  }
  return [...indexes.values()];
}
