/**
 * Counts what statements look at while they run, and ends those that look at too much or for too long: SQLite cannot be
 * interrupted from here, but calls a function of ours for some of the rows, which may throw. Measured over 200,000 rows and
 * 400,000 values: 12 ns a row and 27 ns a value more, beside 75 and 80 that the shortest comparison takes.
 */
import type { Database } from 'better-sqlite3';
import { ended, type Work, WorkError } from '../work.ts';

/** Of so many rows one calls the function: primes, since a tenant's rows may all be odd. */
const sample = { resource: 17, value: 251 } as const;
/** What resources mostly have of an attribute. */
const usualValues = 64;
const fewTerms = 4;

const functionName = 'scimd_spent';
const documentFunctionName = 'scimd_read';

/**
 * A condition that always holds, and counts. `number` is an expression of integers that differs from row to row; each row
 * counts as so many values as it is compared with terms.
 */
export function counted(kind: keyof typeof sample, number: string, terms = 1): string {
  return `(${number} % ${sample[kind]} OR ${spent(sample[kind], terms)})`;
}

/**
 * The same of one value of a resource, by expressions of the resource's number and of the value's place in it, from 0 on. All
 * or none of the first values of a resource call the function, and nothing is computed for the others: shown by the workload
 * `valuepath` of npm run bench. Of those behind them each counts for itself, since one resource may have very many; so do all
 * where there are many terms, or it would take too long from one call to the next.
 */
export function countedValue(resource: string, place: string, terms: number): string {
  const every = sample.value;
  const each = `(${resource} + ${place})`;
  if (terms > fewTerms) return counted('value', each, terms);
  const usual = `${place} < ${usualValues} AND ${resource} % ${every}`;
  const more = `${place} >= ${usualValues} AND ${each} % ${every}`;
  return `(${usual} OR ${more} OR ${spent(every, terms)})`;
}

/** One row stands for so many. */
function spent(rows: number, terms: number): string {
  return `${functionName}(${rows * Math.max(1, terms)})`;
}

/** A condition that always holds, of a row whose JSON text is read for so many terms: each keeps what it made of it. */
export function countedDocument(document: string, terms: number): string {
  return `${documentFunctionName}(octet_length(${document}) * ${terms})`;
}

/** Bytes of JSON that a statement keeps for one row. */
const mostBytes = 256 * 2 ** 20;
/** Bytes of JSON that are read in the time in which a value is compared. */
const bytesPerValue = 64;

/** Milliseconds that a read may take in the main thread, where everybody waits for it. */
export const mostHere = 5;

/** The statement took longer than those beside it can wait: another thread is to run it. */
export class TooLongHere extends Error {
  override readonly name = 'TooLongHere';
}

/** What statements may spend, and where they are stopped. */
export interface Allowance {
  readonly values: number;
  readonly milliseconds: number;
  /** Is asked again and again. */
  readonly isEnded: () => boolean;
  readonly tooMuch: () => Error;
  readonly tooLong: () => Error;
}

export interface Meter {
  /** Runs `action`, whose statements may spend what is allowed. Answers what they did, also where they are stopped. */
  run<T>(allowance: Allowance, action: () => T, spent?: (values: number) => void): T;
}

const meters = new WeakMap<Database, Meter>();

/** The meter of a connection, whose statements count nothing outside of `run`. */
export function meterOf(db: Database): Meter {
  const meter = meters.get(db) ?? newMeter(db);
  meters.set(db, meter);
  return meter;
}

function newMeter(db: Database): Meter {
  let allowance: Allowance | undefined;
  let used = 0;
  let until = Number.POSITIVE_INFINITY;
  const spend = (values: number): number => {
    if (allowance === undefined) return 1;
    used += values;
    if (used > allowance.values) throw allowance.tooMuch();
    if (performance.now() > until) throw allowance.tooLong();
    if (allowance.isEnded()) throw ended();
    return 1;
  };
  db.function(functionName, { directOnly: true }, (values: unknown) => spend(values as number));
  db.function(documentFunctionName, { directOnly: true }, (bytes: unknown) => {
    if (allowance !== undefined && (bytes as number) > mostBytes) throw allowance.tooMuch();
    return spend((bytes as number) / bytesPerValue);
  });
  return {
    run(given, action, spent) {
      const [outer, usedBefore, untilBefore] = [allowance, used, until];
      allowance = given;
      used = 0;
      until = performance.now() + given.milliseconds;
      try {
        return action();
      } finally {
        spent?.(used);
        [allowance, used, until] = [outer, usedBefore, untilBefore];
      }
    },
  };
}

/** All that the work has left. */
export function allowanceOf(work: Work | undefined): Allowance {
  if (work === undefined) return unlimited;
  return {
    values: work.left,
    milliseconds: work.milliseconds,
    isEnded: () => work.isEnded,
    tooMuch: () => work.tooMuch(),
    tooLong: () => work.tooLong(),
  };
}

/** The same, but for so many milliseconds at most, after which another thread takes it. */
export function shortAllowanceOf(work: Work | undefined, milliseconds: number): Allowance {
  const all = allowanceOf(work);
  if (all.milliseconds <= milliseconds) return all;
  return { ...all, milliseconds, tooLong: () => new TooLongHere() };
}

/** What the value filters of a write may compare, while everybody waits for it. */
export function writeAllowanceOf(work: Work | undefined): Allowance {
  if (work === undefined) return unlimited;
  return { ...allowanceOf(work), values: work.leftInWrites, tooMuch: () => work.tooMuchInWrites() };
}

const unlimited: Allowance = {
  values: Number.POSITIVE_INFINITY,
  milliseconds: Number.POSITIVE_INFINITY,
  isEnded: () => false,
  tooMuch: () => new WorkError('too-much', 'too much'),
  tooLong: () => new WorkError('too-long', 'too long'),
};
