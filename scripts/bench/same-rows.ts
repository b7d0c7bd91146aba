/** Does a limit write what scimd writes? Its rows are counted beside those of scimd, table by table. */
import assert from 'node:assert/strict';
import Sqlite from 'better-sqlite3';

/** Rows of each table and bytes of each of its columns, by `table` and `table.column`. */
export type Content = ReadonlyMap<string, number>;

/** When a token was last used, which is no part of an answer. */
const apart: ReadonlySet<string> = new Set(['token']);

/** Notices are of what the server does beside, such as that it was first used. */
const sources: Readonly<Record<string, string>> = { change: 'change WHERE notice IS NULL' };

/** One row is for all people of a minute. */
const rowsOf: Readonly<Record<string, string>> = { guard_count: 'total(people)' };

/** Bytes by which columns may differ: a time is shorter where it ends with noughts. */
const slack = 16;

export function contentOf(file: string): Content {
  const db = new Sqlite(file, { readonly: true });
  try {
    const tables = db.prepare<[], string>(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'",
    );
    const content = new Map<string, number>();
    for (const table of tables.pluck().all().sort()) {
      if (apart.has(table) || table.startsWith('sqlite_')) continue;
      const columns =
        table in rowsOf
          ? []
          : db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
      const sums = columns.map((name) => `, total(octet_length("${name}"))`).join('');
      const [rows = 0, ...bytes] = db
        .prepare<[], number[]>(
          `SELECT ${rowsOf[table] ?? 'count(*)'}${sums} FROM ${sources[table] ?? `"${table}"`}`,
        )
        .raw()
        .get() as number[];
      content.set(table, rows);
      for (const [index, name] of columns.entries()) content.set(`${table}.${name}`, bytes[index] as number);
    }
    return content;
  } finally {
    db.close();
  }
}

/** What has come, or gone, of what is not the same. */
export function growth(before: Content, after: Content): Content {
  return new Map(
    [...after]
      .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
      .filter(([, difference]) => difference !== 0),
  );
}

/** Throws an AssertionError that names the table, or the column, where they differ. */
export function assertSameGrowth(what: string, wanted: Content, found: Content): void {
  for (const name of new Set([...wanted.keys(), ...found.keys()])) {
    const [ours, theirs] = [wanted.get(name) ?? 0, found.get(name) ?? 0];
    const most = name.includes('.') ? Math.max(slack, Math.abs(ours) / 100) : 0;
    const unit = name.includes('.') ? 'bytes' : 'rows';
    assert.ok(
      Math.abs(ours - theirs) <= most,
      `${what}: ${theirs} ${unit} of ${name} are written, by scimd ${ours}`,
    );
  }
}
