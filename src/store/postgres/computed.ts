/** Updates that are computed from the resource as it is under the tenant's lock. */
import type { ResourceType } from '../../scim/registry.ts';
import { computedFrom } from '../layout/command-parts.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { toResource } from '../sql/resource.ts';
import type { Computed, Outcome, StoredResource, Unit } from '../store.ts';
import type { UnitWriter } from './unit-writer.ts';

export interface Change {
  readonly tenant: number;
  readonly type: ResourceType;
  readonly id: string;
  /** Must it not be computed twice? */
  readonly once: boolean;
  readonly compute: (stored: StoredResource) => Computed;
}

export function isChange(work: Unit | Change): work is Change {
  return 'compute' in work;
}

/** Must it not run twice, since it does something else than writing rows? */
export function runsOnce(work: Unit | Change): boolean {
  return isChange(work) ? work.once : work.within !== undefined;
}

/** The unit to carry out; or what became of the change, of which nothing is written then. */
export async function computedBy(
  writer: UnitWriter,
  types: StoredTypes,
  { type, id, compute }: Change,
): Promise<Unit | Outcome> {
  const { number } = types.of(type);
  const current = await writer.current(id);
  if (current === undefined || current.type !== number) return { outcome: 'missing', command: 0 };
  const { version, created, modified, body, grouped } = current;
  return computedFrom(toResource(types, [number, id, version, created, modified, body, grouped]), compute);
}
