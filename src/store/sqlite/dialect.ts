import { quoteText } from '../../query/dialect.ts';
import { sqlite } from '../../query/sqlite.ts';
import { allOf, keptMembership, type StoreDialect, type TextIndex } from '../sql/dialect.ts';
import { counted, countedDocument, countedValue } from './meter.ts';
import { requestTable } from './request-context.ts';

/** Pieces of a needle that are looked up: more find hardly less. */
const mostPieces = 16;

/** What to ask the index for: texts that have all pieces of the needle; undefined if it is too short. */
function matchOf(needle: string): string | undefined {
  const characters = [...needle];
  const pieces = new Set<string>();
  for (let at = 0; at + 3 <= characters.length && pieces.size < mostPieces; at++)
    pieces.add(characters.slice(at, at + 3).join(''));
  // FTS5 reads a text up to NUL.
  if (pieces.size === 0 || needle.includes('\0')) return undefined;
  return [...pieces].map((piece) => `"${piece.replaceAll('"', '""')}"`).join(' AND ');
}

/**
 * An index for `co`: for each resource the three-character pieces of its texts, over all indexed attributes together.
 * It finds what may hold the needle; the exact test is made beside it.
 */
const trigramIndex: TextIndex = {
  match: matchOf,
  condition: (row) => `${row}.rid IN (SELECT rowid FROM trigram WHERE trigram MATCH ?)`,
  count: 'SELECT count(*) FROM (SELECT 1 FROM trigram WHERE trigram MATCH ? LIMIT ?)',
};

/** In bytes: of smaller documents all is read. */
const smallDocument = 32_768;
/** With more, all is read too: SQLite's functions take only so many arguments. */
const mostNames = 50;

/** The store's statements for SQLite: JSON is text, and the request is a row of a table of the connection. */
export const sqliteDialect: StoreDialect = {
  query: sqlite,
  join: 'CROSS JOIN',
  joinEach: (table, alias, values) =>
    `CROSS JOIN ${table} ${alias} ON ${allOf(...Object.entries(values).map(([column, value]) => `${alias}.${column} = ${value}`))}`,
  keysHaveTenant: false,
  unindexed: (expression) => `+${expression}`,
  // Looked up in the index at a third of what EXISTS takes, which is made ready anew for each row: shown by the workload
  // `list` of npm run bench. The CASE asks for no null, for which SQLite would look at every member.
  isMember: (tenant, value) =>
    `CASE WHEN (${tenant}, ${value}) IN (SELECT tenant, value FROM member) THEN 1 ELSE 0 END`,
  document: (expression) => expression,
  bytes: (document) => `octet_length(${document})`,
  jsonString: (expression) => `json_quote(${expression})`,
  jsonStrings: (array, alias) => `json_each(${array}) AS ${alias}`,
  request: {
    tenant: `(SELECT tenant FROM ${requestTable})`,
    base: `(SELECT base FROM ${requestTable})`,
  },
  textIndex: trigramIndex,
  counting: {
    before: allOf,
    beforeIndexed: allOf,
    resource: (number, terms) => counted('resource', number, terms),
    value: (terms, resource, place) =>
      resource === undefined || place === undefined
        ? counted('value', 'random()', terms)
        : countedValue(resource, place, terms),
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

const { counting: _, ...others } = sqliteDialect;
/** For statements that look at few values, which are counted before. */
export const uncounted: StoreDialect = others;
