/** The store's statements for PostgreSQL: `body` is json, which keeps its text; keys and `rest` are jsonb. */
import { postgres } from '../../query/postgres.ts';
import { allOf, type StoreDialect, type TextIndex } from '../sql/dialect.ts';
import { memberExists } from '../sql/resource.ts';
import { counting } from './counting.ts';

/**
 * An index for `co` by the extension pg_trgm, over the texts of all indexed attributes together. It finds what may hold the
 * needle; the exact test is made beside it.
 */
const trigramIndex: TextIndex = {
  // With fewer characters there is no trigram to look for.
  match: (needle) =>
    [...needle].length < 3 ? undefined : `%${needle.replaceAll(/[\\%_]/g, (each) => `\\${each}`)}%`,
  condition: (row) =>
    `${row}.rid IN (SELECT t.rid FROM contains_text t WHERE t.tenant = @tenant::bigint AND t.keys LIKE ?)`,
  count: 'SELECT count(*) FROM (SELECT 1 FROM contains_text WHERE keys LIKE ? LIMIT ?) p',
};

/** `@tenant` and `@base` are bound by who runs the statement. */
export const postgresDialect: StoreDialect = {
  query: { ...postgres, placeholder: () => '?' },
  join: 'JOIN',
  // OFFSET 0 keeps the planner from joining the whole table instead, which it prefers for tables that are small, or that it
  // believes to be. Measured: a list of 100 of 10,000 read all rows of `resource`, in ten times the time.
  joinEach: (table, alias, values) =>
    `JOIN LATERAL (SELECT * FROM ${table} WHERE ${allOf(...Object.entries(values).map(([column, value]) => `${column} = ${value}`))} OFFSET 0) ${alias} ON true`,
  keysHaveTenant: true,
  plansByLength: true,
  unindexed: (expression) => expression,
  isMember: memberExists,
  document: (expression) => `${expression}::jsonb`,
  // The text of what is not compressed need not be made to know its length: that took a seventh of a list's time.
  bytes: (document) =>
    `CASE WHEN pg_column_compression(${document}) IS NULL THEN pg_column_size(${document}) ELSE octet_length(${document}::text) END`,
  jsonString: (expression) => `to_json(${expression})::text`,
  jsonStrings: (array, alias) => `json_array_elements_text(${array}::json) AS ${alias}(value)`,
  request: { tenant: '@tenant::bigint', base: '@base::text' },
};

/** The same for conditions that clients write: what they look at is counted. `withTrigrams`: the index for `co` is there. */
export function filterDialect(withTrigrams: boolean): StoreDialect {
  return { ...postgresDialect, counting, ...(withTrigrams ? { textIndex: trigramIndex } : {}) };
}
