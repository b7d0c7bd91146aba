/** The store's statements for PostgreSQL: `body` is json, which keeps its text; keys and `rest` are jsonb. */
import { postgres } from '../../query/postgres.ts';
import type { StoreDialect } from '../sql/dialect.ts';

/** The request's tenant and base are settings of its transaction. */
export const postgresDialect: StoreDialect = {
  query: { ...postgres, placeholder: () => '?' },
  join: 'JOIN',
  unindexed: (expression) => expression,
  document: (expression) => `${expression}::jsonb`,
  bytes: (document) => `octet_length(${document}::text)`,
  jsonString: (expression) => `to_json(${expression})::text`,
  jsonStrings: (array, alias) => `json_array_elements_text(${array}::json) AS ${alias}(value)`,
  request: {
    tenant: "current_setting('scimd.tenant')::bigint",
    base: "current_setting('scimd.base')",
  },
};
