/** Keys of rows as drivers answer them. */
import type { MappedTable } from './mapping.ts';

/**
 * Drivers of SQLite round integers beyond 2^53 unless they are asked for BigInts: what is rounded is the key of another
 * row. @throws RangeError for one that may have been.
 */
export function exactKey({ facts, row }: Pick<MappedTable, 'facts' | 'row'>, key: unknown): unknown {
  if (typeof key === 'number' && Math.abs(key) > Number.MAX_SAFE_INTEGER)
    throw new RangeError(
      `${facts.name}.${row.name} has keys beyond 2^53, which the driver rounds: have it answer BigInts (defaultSafeIntegers() of better-sqlite3, readBigInts of node:sqlite, safeIntegers of bun:sqlite)`,
    );
  return key;
}
