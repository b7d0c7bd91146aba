/**
 * What is known of attributes of which tenants have few values. A filter that looks through all of these has them counted
 * at once, before it begins: to count each takes a quarter of the time. Shown by the workload `valuepath` of npm run bench.
 */
import type { Database } from 'better-sqlite3';
import { type Plan, termsOf } from '../../query/plan.ts';
import type { Attribute } from '../../scim/registry.ts';
import { elementColumn } from '../layout/layout.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { changeSql } from '../sql/change.ts';
import type { Query } from '../store.ts';

/** So many are looked through, by so many terms, in some milliseconds at most, for which a scan may go on without a look at its limits. */
const [fewValues, fewTerms] = [32_768, 4];

/** After so many changes of the tenant each value is counted again: each may have brought as many as a request holds. */
const mostChanges = 64;

/** Attributes that are known; the one that was noted first goes. */
const capacity = 1024;

/** A list that looks through all values of one attribute, and at nothing else but what it finds. */
export interface ValueScan {
  readonly tenant: number;
  /** The number of the attribute. */
  readonly attribute: number;
  readonly terms: number;
  /** The number of the tenant's last change. */
  readonly sequence: number;
}

export interface FewValues {
  /** Undefined if the list is not one, or if an index may find what it asks for. */
  scanOf(query: Query): ValueScan | undefined;
  /** How many values it compares, each with each term; undefined if they are many, or not known. */
  compared(scan: ValueScan): number | undefined;
  /** So many were compared, of which each was counted. */
  note(scan: ValueScan, compared: number): void;
}

export function fewValuesOf(db: Database, types: StoredTypes): FewValues {
  const head = db.prepare<[number], number>(changeSql.head).pluck();
  const known = new Map<string, { readonly values: number; readonly sequence: number }>();
  return {
    scanOf({ tenant, targets, offset = 0, after, before }) {
      const [target, ...others] = targets;
      const { type, plan, sort } = target ?? {};
      if (type === undefined || plan?.kind !== 'anyElement' || sort !== undefined) return undefined;
      if (others.length > 0 || offset > 0 || (after ?? before) !== undefined) return undefined;
      const { attribute, predicate } = plan;
      const { layout, attributeNumber } = types.of(type);
      if (layout.entries.get(attribute.path)?.location.kind !== 'element') return undefined;
      const terms = termsOf(predicate);
      if (terms > fewTerms || !isOfColumns(predicate, attribute)) return undefined;
      return { tenant, attribute: attributeNumber(attribute), terms, sequence: head.get(tenant) ?? 0 };
    },
    compared({ tenant, attribute, terms, sequence }) {
      const found = known.get(`${tenant} ${attribute}`);
      if (found === undefined || sequence - found.sequence > mostChanges) return undefined;
      return found.values > fewValues ? undefined : found.values * terms;
    },
    note({ tenant, attribute, terms, sequence }, compared) {
      known.set(`${tenant} ${attribute}`, { values: compared / terms, sequence });
      if (known.size <= capacity) return;
      const [oldest] = known.keys();
      known.delete(oldest as string);
    },
  };
}

/** Does it read nothing but columns of the values of `element`? JSON may be long. */
function isOfColumns(plan: Plan, element: Attribute): boolean {
  switch (plan.kind) {
    case 'compare':
    case 'assigned':
      return elementColumn(plan.attribute, element) !== undefined;
    case 'and':
    case 'or':
    case 'anyPart':
      return plan.plans.every((each) => isOfColumns(each, element));
    case 'not':
      return isOfColumns(plan.plan, element);
    case 'anyElement':
      return false;
    case 'constant':
      return true;
  }
}
