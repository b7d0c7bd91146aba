/** The change log: append-only, one sequence over all tenants. */
import type { Database } from 'better-sqlite3';
import { instantText } from '../layout/instant.ts';
import type { StoredTypes as Kinds } from '../layout/stored-type.ts';
import type { Actor, Change } from '../store.ts';
import type { Statements } from './statements.ts';

/** A change as it is written; `at` is the instant's key. */
export interface ChangeEntry {
  readonly tenant: number;
  readonly kind: number;
  readonly id: string;
  readonly operation: Change['operation'];
  readonly version: number;
  readonly at: string;
  readonly actor: Actor;
  readonly attributes?: readonly string[];
  readonly added?: ReadonlySet<string>;
  readonly removed?: ReadonlySet<string>;
}

export interface ChangeLog {
  append(entry: ChangeEntry): void;
  read(options: {
    readonly tenant?: number;
    readonly after?: number;
    readonly id?: string;
    readonly limit: number;
  }): Change[];
}

interface Row {
  sequence: number;
  tenant: number;
  type: number;
  id: string;
  operation: Change['operation'];
  version: number;
  at: string;
  token: string | null;
  origin: string;
  attributes: string;
  added: string | null;
  removed: string | null;
}

function list(values: ReadonlySet<string> | undefined): string | null {
  return values === undefined || values.size === 0 ? null : JSON.stringify([...values]);
}

export function changeLog(db: Database, kinds: Kinds, statements: Statements): ChangeLog {
  const insert = db.prepare(
    `INSERT INTO change (tenant, type, id, operation, version, at, token, origin, attributes, added, removed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const columns =
    'sequence, tenant, type, id, operation, version, at, token, origin, attributes, added, removed';

  const toChange = (row: Row): Change => ({
    sequence: row.sequence,
    tenant: row.tenant,
    type: kinds.nameOf(row.type),
    id: row.id,
    operation: row.operation,
    version: row.version,
    at: instantText(row.at),
    actor: row.token === null ? { origin: row.origin } : { token: row.token, origin: row.origin },
    attributes: JSON.parse(row.attributes),
    ...(row.added === null ? {} : { added: JSON.parse(row.added) }),
    ...(row.removed === null ? {} : { removed: JSON.parse(row.removed) }),
  });

  return {
    append(entry) {
      insert.run(
        entry.tenant,
        entry.kind,
        entry.id,
        entry.operation,
        entry.version,
        entry.at,
        entry.actor.token ?? null,
        entry.actor.origin,
        entry.attributes === undefined || entry.attributes.length === 0
          ? '[]'
          : JSON.stringify(entry.attributes),
        list(entry.added),
        list(entry.removed),
      );
    },
    read({ tenant, after, id, limit }) {
      const conditions = ['sequence > ?'];
      const parameters: (number | string)[] = [after ?? 0];
      if (tenant !== undefined) {
        conditions.push('tenant = ?');
        parameters.push(tenant);
      }
      if (id !== undefined) {
        conditions.push('id = ?');
        parameters.push(id);
      }
      const sql = `SELECT ${columns} FROM change WHERE ${conditions.join(' AND ')} ORDER BY sequence LIMIT ?`;
      const rows = statements
        .get(sql)
        .raw(false)
        .all(...parameters, limit) as Row[];
      return rows.map(toChange);
    },
  };
}
