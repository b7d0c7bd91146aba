/** Which resources show what a commit has changed: whoever reads others need not wait until the disk has it. */
import type { ResourceType } from '../../scim/registry.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { Command, Outcome, Unit } from '../store.ts';

/** Does nobody but a resource of the type itself show what is done to it? A group is shown by its members. */
export function isShownAlone(types: StoredTypes, type: ResourceType): boolean {
  return types.of(type).layout.members === undefined;
}

/** The ids of the only resources that show what became of the unit; undefined where any may. */
export function shownBy(types: StoredTypes, { commands }: Unit, outcome: Outcome): string[] | undefined {
  if (outcome.outcome !== 'done') return [];
  const ids: string[] = [];
  for (let index = 0; index < commands.length; index++) {
    const command = commands[index] as Command;
    const result = outcome.results[index];
    // With a resource that is deleted, what refers to it and the groups that it is in change.
    const isOwn = command.kind === 'create' || command.kind === 'update';
    if (!isOwn || !isShownAlone(types, command.type) || result === undefined || !('resource' in result))
      return undefined;
    ids.push(result.resource.id);
  }
  return ids;
}
