/** What a list query becomes: its SQL, and how SQLite means to carry it out. */
import { compilePlan } from '../../query/sql.ts';
import type { Registry } from '../../scim/registry.ts';
import { queryMap } from '../sql/attribute-map.ts';
import { compileArms, pageSql } from '../sql/list.ts';
import type { Query } from '../store.ts';
import { openConnection } from './connection.ts';
import { sqliteDialect } from './dialect.ts';
import { loadTypes } from './stored-types.ts';

export interface Explanation {
  /** The statement for one page. */
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** SQLite's EXPLAIN QUERY PLAN, one step a line, indented as steps contain each other. */
  readonly steps: readonly string[];
  /** Paths of the attributes that no index serves; empty if an index finds what the filter selects. */
  readonly unindexed: readonly string[];
}

/** Explains on an empty database of the same layout and statistics: the plan does not depend on what is stored. */
export function explain(registry: Registry, query: Query): Explanation {
  const db = openConnection(':memory:');
  try {
    const types = loadTypes(db, registry);
    const { text, parameters, single } = pageSql(
      sqliteDialect,
      compileArms(sqliteDialect, types, query),
      { kind: 'all' },
      query.descending ?? false,
    );
    const bound = single ? parameters : [...parameters, query.limit, query.offset ?? 0];
    const rows = db
      .prepare<unknown[], { id: number; parent: number; detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
      .all(...bound);
    const depths = new Map<number, number>();
    const steps = rows.map(({ id, parent, detail }) => {
      const depth = parent === 0 ? 0 : (depths.get(parent) ?? 0) + 1;
      depths.set(id, depth);
      return `${'  '.repeat(depth)}${detail}`;
    });
    const unindexed = query.targets.flatMap(({ type, plan }) =>
      plan === undefined
        ? []
        : compilePlan(
            plan,
            queryMap({ dialect: sqliteDialect, types, tenant: query.tenant, matches: [] }, types.of(type)),
            sqliteDialect.query,
          ).unindexed,
    );
    return { sql: text, parameters: bound, steps, unindexed: [...new Set(unindexed)] };
  } finally {
    db.close();
  }
}
