/**
 * What the store's own statements need of a database beside filters. Statements are written with `?` for every
 * parameter, whatever the database calls them; `numbered` is for those that count.
 */
import type { Dialect } from '../../query/dialect.ts';

export interface StoreDialect {
  /** Filters and sorting; its placeholders are `?`. */
  readonly query: Dialect;
  /** A join of which the left side is read first, where the database can be told. */
  readonly join: 'CROSS JOIN' | 'JOIN';
  /**
   * Joins the rows of a table whose columns have these values, looked up for each row of the left side. The names are the
   * store's own.
   */
  joinEach(table: string, alias: string, values: Readonly<Record<string, string>>): string;
  /** Do the keys of rows contain their tenant? Then what looks for a row names it, so that tables can be distributed by it. */
  readonly keysHaveTenant: boolean;
  /** Is a plan for a page of known length better than one for any? Then its length stands in the statement. */
  readonly plansByLength?: boolean;
  /** Keeps the database from using an index on the expression, where it can be told. */
  unindexed(expression: string): string;
  /** Has `member` a row with this tenant and this value? 0 or 1, or a boolean. */
  isMember(tenant: string, value: string): string;
  /** A document as it was written, for the JSON operators of filters. */
  document(expression: string): string;
  /** How large a document is, in bytes. */
  bytes(document: string): string;
  /** A text as a JSON string, quotes included. */
  jsonString(expression: string): string;
  /** A FROM clause of the strings of a JSON array; `alias.value` is one. */
  jsonStrings(array: string, alias: string): string;
  /** Expressions for the tenant of the request, and for the base of its URLs as `resourceUriKey` has it. */
  readonly request: { readonly tenant: string; readonly base: string };
  /** An index for `co`, where the database keeps one beside its columns. */
  readonly textIndex?: TextIndex;
  /** Conditions that count what is looked at, and end a statement that looks at too much. */
  readonly counting?: Counting;
  /** The document with these members only, where it is large; undefined: all of it is read. The names are the registry's. */
  partOfBody?(names: readonly string[]): string | undefined;
}

/**
 * A membership that is kept until the statement ends takes as long as so many comparisons: a direct one, and one that is
 * found through another group.
 */
export const keptMembership = { direct: 16, indirect: 64 } as const;

/** Each is a condition that always holds, but for those that put one before another condition. */
export interface Counting {
  /** The condition, behind the count of each row that it looks at; the count alone where it is empty. */
  before(count: string, condition: string): string;
  /** The same of a condition whose rows an index finds. */
  beforeIndexed(count: string, condition: string): string;
  /** Are rows found from the table of their values, if the condition stands by itself? Then those are counted, and they are not. */
  readonly findsByTable?: boolean;
  /** Of a resource that is compared with so many terms; `number` is an integer that differs from row to row. */
  resource(number: string, terms: number): string;
  /** The same of a value of a resource: by the resource's number, and by the value's place in it, where it has one. */
  value(terms: number, resource?: string, place?: string): string;
  /** Of a membership that is kept until the statement ends: a direct one, or one found through another group. */
  membership(kind: 'direct' | 'indirect'): string;
  /** Of a JSON text that is read for so many terms, each of which keeps what it made of it. */
  document(document: string, terms: number): string;
}

/** Conditions joined; empty if there are none. */
export function allOf(...conditions: readonly (string | undefined)[]): string {
  return conditions.filter((condition) => condition !== undefined && condition !== '').join(' AND ');
}

/** Where keys contain the tenant: that two rows are of one tenant, by their aliases. */
export function sameTenant({ keysHaveTenant }: StoreDialect, row: string, other: string): string | undefined {
  return keysHaveTenant ? `${row}.tenant = ${other}.tenant` : undefined;
}

/** The same for {@link StoreDialect.joinEach}. */
export function tenantOf({ keysHaveTenant }: StoreDialect, row: string): { readonly tenant?: string } {
  return keysHaveTenant ? { tenant: `${row}.tenant` } : {};
}

/** Where keys contain the tenant: that it is the request's, beside the number of a row of `alias`. */
export function tenantOfRequest({ keysHaveTenant, request }: StoreDialect): { readonly tenant?: string } {
  return keysHaveTenant ? { tenant: request.tenant } : {};
}

/** Where keys contain the tenant: a column more, behind others. */
export function tenantColumn({ keysHaveTenant }: StoreDialect, row?: string): string {
  if (!keysHaveTenant) return '';
  return row === undefined ? ', tenant' : `, ${row}.tenant`;
}

/** Finds resources of which some text contains a needle, and others too; the exact test is made beside it. */
export interface TextIndex {
  /** What the index is asked for; undefined where it cannot serve the needle. */
  match(needle: string): string | undefined;
  /** The condition that the resource of a row is found, by the row's alias; it takes what {@link match} answers. */
  condition(row: string): string;
  /** Counts what is found, up to a number; it takes what {@link match} answers, and the number. */
  readonly count: string;
}

/** A statement with the parameters that are bound to it. */
export interface Sql {
  readonly text: string;
  readonly parameters: readonly (string | number | boolean)[];
}

/** The statement with its parameters numbered from $1. */
export function numbered(text: string): string {
  let count = 0;
  return text.replaceAll(/'[^']*'|"[^"]*"|\?/g, (part) => (part === '?' ? `$${++count}` : part));
}
