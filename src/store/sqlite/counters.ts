/** How many resources each tenant has of each type, brought up to date once in a transaction and not for each resource. */
import type { Database } from 'better-sqlite3';
import { resourceSql } from '../sql/resource.ts';

export interface Counters {
  add(tenant: number, kind: number, difference: 1 | -1): void;
  /** Writes what has come together, within the transaction that it is of. */
  write(): void;
  /** That transaction, or the command's part of it, was taken back. */
  forget(): void;
}

export function counters(db: Database): Counters {
  const update = db.prepare(resourceSql.count);
  let differences: { readonly tenant: number; readonly kind: number; sum: number }[] = [];
  return {
    add(tenant, kind, difference) {
      const known = differences.find((each) => each.tenant === tenant && each.kind === kind);
      if (known === undefined) differences.push({ tenant, kind, sum: difference });
      else known.sum += difference;
    },
    write() {
      for (const { tenant, kind, sum } of differences) update.run(kind, sum, tenant);
      differences = [];
    },
    forget() {
      differences = [];
    },
  };
}
