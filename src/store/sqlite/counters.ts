/**
 * How many resources each tenant has of each type, and how many people lose access, brought up to date once in a
 * transaction and not for each resource.
 */
import type { Database } from 'better-sqlite3';
import { guardSql } from '../sql/guard.ts';
import { resourceSql } from '../sql/resource.ts';

/** In the order of `guardSql.count`. */
export type LossCount = readonly [tenant: number, loss: string, minute: number, people: number];

export interface Counters {
  add(tenant: number, kind: number, difference: 1 | -1): void;
  /** So many people more. */
  lose(count: LossCount): void;
  /** Writes the people who lose access, within the transaction, before they are read. */
  writeLosses(): void;
  /** Writes what has come together, within the transaction that it is of. */
  write(): void;
  /** That transaction, or the command's part of it, was taken back. */
  forget(): void;
}

export function counters(db: Database): Counters {
  const update = db.prepare(resourceSql.count);
  const updateLosses = db.prepare(guardSql.count);
  let differences: { readonly tenant: number; readonly kind: number; sum: number }[] = [];
  let losses: LossCount[] = [];
  const writeLosses = (): void => {
    for (const loss of losses) updateLosses.run(...loss);
    losses = [];
  };
  return {
    add(tenant, kind, difference) {
      const known = differences.find((each) => each.tenant === tenant && each.kind === kind);
      if (known === undefined) differences.push({ tenant, kind, sum: difference });
      else known.sum += difference;
    },
    lose(count) {
      const [tenant, loss, minute, people] = count;
      const at = losses.findIndex((each) => each[0] === tenant && each[1] === loss && each[2] === minute);
      if (at === -1) losses.push(count);
      else losses[at] = [tenant, loss, minute, people + (losses[at] as LossCount)[3]];
    },
    writeLosses,
    write() {
      for (const { tenant, kind, sum } of differences) update.run(kind, sum, tenant);
      differences = [];
      writeLosses();
    },
    forget() {
      differences = [];
      losses = [];
    },
  };
}
