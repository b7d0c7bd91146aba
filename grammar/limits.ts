import { type FilterScimType, ScimFilterError } from './error.ts';

/**
 * Caps on what is parsed, so that no text a client sends costs more than its length (RFC 7644 §7.4). These are
 * checked before a tree is built.
 */
export interface Limits {
  /** Length of the text in UTF-16 code units. Default 16384. `Infinity` lifts the limit. */
  readonly characters: number;
  /** Open parentheses and brackets around any point of the text, redundant ones included. Default 32, at most 256. */
  readonly depth: number;
  /**
   * Comparisons and presence tests in the text, those in brackets included. Default 256. `Infinity` lifts the limit.
   */
  readonly terms: number;
}

/** Options of every parse function (RFC 7644 §7.4). What `limits` leaves out keeps its default. */
export interface ParseOptions {
  readonly limits?: Partial<Limits>;
}

/** The default limits (RFC 7644 §7.4). */
export const DEFAULT_LIMITS: Limits = { characters: 16384, depth: 32, terms: 256 };

/** A recursive descent needs stack: past a few hundred nested groups the engine's own limit would be met first. */
const MAXIMUM_DEPTH = 256;

/**
 * Fills in the defaults. Throws a `RangeError` for an invalid limit: limits are set by programs, not by clients.
 */
export function resolveLimits(options: ParseOptions | undefined): Limits {
  const given = options?.limits;
  if (given === undefined) return DEFAULT_LIMITS;
  return {
    characters: atLeastOne('characters', given.characters, Number.POSITIVE_INFINITY),
    depth: atLeastOne('depth', given.depth, MAXIMUM_DEPTH),
    terms: atLeastOne('terms', given.terms, Number.POSITIVE_INFINITY),
  };
}

function atLeastOne(name: keyof Limits, value: number | undefined, maximum: number): number {
  if (value === undefined) return DEFAULT_LIMITS[name];
  if (!(value >= 1 && value <= maximum)) {
    const range = maximum === Number.POSITIVE_INFINITY ? 'at least 1' : `from 1 to ${maximum}`;
    throw new RangeError(`limits.${name} must be a number ${range}, not ${value}`);
  }
  return value;
}

/** The first check of every parse, before anything is read. Throws a `TypeError` for anything but a string. */
export function tooLong(text: string, limits: Limits, scimType: FilterScimType): ScimFilterError | undefined {
  if (typeof text !== 'string')
    throw new TypeError(`Expected a string, not ${text === null ? 'null' : typeof text}`);
  if (text.length <= limits.characters) return undefined;
  return new ScimFilterError({
    scimType,
    code: 'tooLong',
    detail: `The ${scimType === 'invalidPath' ? 'path' : 'filter'} is ${text.length} characters long; the limit is ${limits.characters}`,
    range: [limits.characters, text.length],
    source: text,
  });
}
