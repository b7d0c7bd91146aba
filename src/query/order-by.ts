/** `sortBy` and `sortOrder` over an embedder's own tables (RFC 7644 §3.4.2.3). */
import { ScimFilterError } from '../../grammar/index.ts';
import { invalidValue } from '../error.ts';
import { resourceTypeFrom, type SchemaSource } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { type Resolve, storageMapOf } from './embed.ts';
import { compileSort, isDescending, sortAttribute } from './sort.ts';

/** Options of {@link compileOrderBy} (RFC 7644 §3.4.2.3). */
export type OrderByOptions = SchemaSource & {
  /** `sqlite` or `postgres`. */
  readonly dialect: Dialect;
  readonly resolve: Resolve;
  /** The column of the sorted table that element tables refer to. Default `id`. */
  readonly key?: string;
  /** `ascending` (the default) or `descending`, in any letter case. */
  readonly sortOrder?: string | null | undefined;
};

/** An order (RFC 7644 §3.4.2.3) as SQL. */
export interface CompiledOrderBy {
  /** A term for ORDER BY, without parameters; put one after it that no two rows share, or pages overlap. */
  readonly sql: string;
  /** Has an index this order? */
  readonly indexed: boolean;
}

/**
 * Compiles `sortBy` (RFC 7644 §3.4.2.3) into a term for the ORDER BY of your own query. Text sorts as `caseExact` says;
 * resources without a value are last ascending and first descending; of several values the primary one counts, else the first.
 * @throws ScimError 400 invalidValue for an attribute that there is not, or that `resolve` does not know.
 */
export function compileOrderBy(sortBy: string, options: OrderByOptions): CompiledOrderBy {
  const { dialect, resolve, key = 'id', sortOrder } = options;
  const attribute = sortAttribute(resourceTypeFrom(options), sortBy, false)!;
  try {
    const descending = isDescending(sortOrder ?? undefined);
    const { sql, indexed } = compileSort(attribute, storageMapOf(dialect, resolve, key), dialect, {
      descending,
    });
    return { sql, indexed };
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    throw invalidValue(`sortBy: ${attribute.path} cannot be sorted by here`);
  }
}
