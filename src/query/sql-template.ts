/** A compiled filter for tagged templates of SQL: query builders number the parameters of a statement themselves. */
import type { Filter } from '../../grammar/index.ts';
import type { Parameter } from './dialect.ts';
import { compileSql, type SqlFilterOptions } from './embed.ts';

/**
 * What the tag of a template is called with for a filter (RFC 7644 §3.4.2.2): the texts, then the values between
 * them.
 */
export type SqlTemplate = readonly [strings: TemplateStringsArray, ...parameters: Parameter[]];

/** No SQL that a program writes holds it, and no filter can bring it there. */
const GAP = '\0';

/**
 * Compiles a filter (RFC 7644 §3.4.2.2) like {@link compileSql}, into the arguments of a tag:
 * `` sql(...sqlTemplate(filter, options)) `` is a condition of Kysely, of Drizzle, or of any other library whose
 * tag `` sql`…` `` makes parameters of values.
 *
 * @throws ScimFilterError `invalidFilter`, as compileSql does.
 */
export function sqlTemplate(filter: string | Filter, options: Omit<SqlFilterOptions, 'offset'>): SqlTemplate {
  const dialect = { ...options.dialect, placeholder: () => GAP };
  const { sql, parameters } = compileSql(filter, { ...options, dialect } as SqlFilterOptions);
  const strings = `(${sql})`.split(GAP);
  return [Object.assign(strings, { raw: strings }), ...parameters];
}
