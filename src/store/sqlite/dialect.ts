import { sqlite } from '../../query/sqlite.ts';
import type { StoreDialect } from '../sql/dialect.ts';
import { requestTable } from './request-context.ts';
import { trigramIndex } from './trigrams.ts';

/** The store's statements for SQLite: JSON is text, and the request is a row of a table of the connection. */
export const sqliteDialect: StoreDialect = {
  query: sqlite,
  join: 'CROSS JOIN',
  unindexed: (expression) => `+${expression}`,
  document: (expression) => expression,
  jsonString: (expression) => `json_quote(${expression})`,
  jsonStrings: (array, alias) => `json_each(${array}) AS ${alias}`,
  request: {
    tenant: `(SELECT tenant FROM ${requestTable})`,
    base: `(SELECT base FROM ${requestTable})`,
  },
  textIndex: trigramIndex,
};
