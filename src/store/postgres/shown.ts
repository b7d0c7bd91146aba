/**
 * Resources as a transaction leaves them, for the answers to those who changed them: read within it, so that nothing can fail
 * once it is committed.
 */
import type { StoredTypes } from '../layout/stored-type.ts';
import type { FoundResource, Outcome, Unit } from '../store.ts';
import type { Connection } from './driver.ts';
import { type Asked, findings } from './reads.ts';

/** Puts what the units want with their resources in their outcomes; without a unit there is nothing to put there. */
export type Show = (
  connection: Connection,
  units: readonly (Unit | undefined)[],
  outcomes: readonly Outcome[],
) => Promise<readonly Outcome[]>;

export function shower(types: StoredTypes): Show {
  const { sql, parametersOf, foundIn } = findings(types).shown;

  const askedOf = (unit: Unit | undefined, index: number, { grouped, memberCount }: FoundResource) => {
    const command = unit?.commands[index];
    if (unit === undefined || command?.kind !== 'update') return undefined;
    const { tenant, base } = unit;
    const { type, id, groups = false, countMembers } = command;
    const { number, layout } = types.of(type);
    const withGroups = groups && grouped && layout.groups !== undefined;
    if (!withGroups && (countMembers === undefined || memberCount !== undefined)) return undefined;
    return { tenant, type: number, key: id, withGroups, fewerThan: countMembers, base } satisfies Asked;
  };

  return async (connection, units, outcomes) => {
    const asked = new Map<string, Asked>();
    const keys = outcomes.map((outcome, at) =>
      (outcome.outcome === 'done' ? outcome.results : []).map((result, index) => {
        const one = 'resource' in result ? askedOf(units[at], index, result.resource) : undefined;
        if (one === undefined) return undefined;
        const key = JSON.stringify(one);
        asked.set(key, one);
        return key;
      }),
    );
    if (asked.size === 0) return outcomes;
    const all = [...asked.values()];
    const { rows } = await connection.run(sql, parametersOf(all));
    const found = foundIn(rows, all);
    const shown = new Map([...asked.keys()].map((key, index) => [key, found[index]]));
    return outcomes.map((outcome, at): Outcome => {
      if (outcome.outcome !== 'done') return outcome;
      const results = outcome.results.map((result, index) => {
        const resource = shown.get(keys[at]?.[index] ?? '');
        return resource === undefined || !('resource' in result) ? result : { ...result, resource };
      });
      return { ...outcome, results };
    });
  };
}
