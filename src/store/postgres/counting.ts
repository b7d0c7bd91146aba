/**
 * Counts what a statement looks at while it runs, and ends it where that is too much. What is left of the request's budget is
 * a setting of the transaction, from which the statement's own conditions take: of some rows only, since that takes as long
 * as ten comparisons. A condition stands within CASE, since PostgreSQL would put those that cost less before the count.
 */
import { allOf, type Counting, keptMembership } from '../sql/dialect.ts';

const setting = 'scimd.values_left';

/** Where nothing was set. */
export const unlimited = '9000000000000000000';

const left = `coalesce(nullif(current_setting('${setting}', true), ''), '${unlimited}')::bigint`;

/** Takes so many values from what is left. Below zero a text is read as a boolean, which it is not: the error is known by it. */
function spend(values: string): string {
  return `(set_config('${setting}', (${left} - ${values})::text, true)::bigint >= 0 OR set_config('${setting}', '${setting} is over', true)::boolean)`;
}

/** Of so many rows one takes from the budget, for all of them: primes, since a tenant's rows may all be odd. */
const sample = { resource: 17, value: 251, membership: 17 } as const;
/** What resources mostly have of an attribute. */
const usualValues = 64;

const one = (kind: keyof typeof sample, values: number): string =>
  spend(String(sample[kind] * Math.max(1, values)));

const atRandom = (kind: keyof typeof sample, values: number): string =>
  `(random() >= ${1 / sample[kind]} OR ${one(kind, values)})`;

/** As on a file: all or none of the first values of a resource take from it, and each behind them by itself. */
function byPlace(resource: string, place: string, terms: number): string {
  const every = sample.value;
  const usual = `${place} < ${usualValues} AND ${resource} % ${every} <> 0`;
  const more = `${place} >= ${usualValues} AND (${resource} + ${place}) % ${every} <> 0`;
  return `(${usual} OR ${more} OR ${one('value', terms)})`;
}

/** In bytes: what is read of smaller documents counts as their row. */
const smallDocument = 8192;
/** Bytes of JSON that are read in the time in which a value is compared. */
const bytesPerValue = 64;

export const counting: Counting = {
  before: (count, condition) => (condition === '' ? count : `CASE WHEN ${count} THEN ${condition} END`),
  beforeIndexed: (count, condition) => allOf(count, condition),
  findsByTable: true,
  resource: (number, terms) => `(${number} % ${sample.resource} <> 0 OR ${one('resource', terms)})`,
  value: (terms, resource, place) =>
    resource === undefined || place === undefined
      ? atRandom('value', terms)
      : byPlace(resource, place, terms),
  membership: (kind) => atRandom('membership', keptMembership[kind]),
  document: (document, terms) =>
    `(pg_column_size(${document}) < ${smallDocument} OR ${spend(`pg_column_size(${document}) * ${terms} / ${bytesPerValue}`)})`,
};

/** Does the statement take from the budget? */
export function isCounted(sql: string): boolean {
  return sql.includes(setting);
}

/** Sets what the transaction's statements may look at. */
export function budgetSetting(values: number): string {
  const whole = Number.isFinite(values) ? String(Math.max(0, Math.floor(values))) : unlimited;
  return `SET LOCAL ${setting} = '${whole}'`;
}

/** The same as a statement with the number as its parameter, a text; it answers it. */
export const setBudgetSql = `SELECT set_config('${setting}', ?, true)`;

/** Answers what is left of it. */
export const leftSql = `SELECT ${left}`;

/** Was the statement ended for that? */
export function isOverBudget(error: unknown): boolean {
  const { code, message = '' } = error as { readonly code?: string; readonly message?: string };
  return code === '22P02' && message.includes(setting);
}
