import { quoteText } from '../../query/dialect.ts';
import { sqlite } from '../../query/sqlite.ts';
import type { StoreDialect } from '../sql/dialect.ts';
import { counted, countedDocument } from './meter.ts';
import { requestTable } from './request-context.ts';
import { trigramIndex } from './trigrams.ts';

/**
 * A membership that is kept until the statement ends takes as long as so many comparisons: a direct one, and one that is
 * found through another group.
 */
const keptMembership = { direct: 16, indirect: 64 } as const;

/** In bytes: of smaller documents all is read. */
const smallDocument = 32_768;
/** With more, all is read too: SQLite's functions take only so many arguments. */
const mostNames = 50;

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
  counting: {
    resource: (number, terms) => counted('resource', number, terms),
    value: (terms, number = 'random()') => counted('value', number, terms),
    membership: (kind) => counted('resource', 'random()', keptMembership[kind]),
    document: countedDocument,
  },
  partOfBody(names) {
    if (names.length > mostNames) return undefined;
    const members = names.map((name) => `${quoteText(name)}, d.body -> ${quoteText(`$."${name}"`)}`);
    // What a document does not have is null, and goes with the merge (RFC 7396).
    return `CASE WHEN octet_length(d.body) <= ${smallDocument} THEN d.body ELSE json_patch('{}', json_object(${members.join(', ')})) END`;
  },
};
