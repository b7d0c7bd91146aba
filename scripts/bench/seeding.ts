/** The people and groups of the benchmark, written through a store. */
import type { ResourceType } from '../../src/scim/registry.ts';
import type { Command, Store } from '../../src/store/store.ts';
import { groupDocument, groupId, groupSizes, outsiders, userDocument, userId } from './data.ts';

/** So many users, and with `groups` those that there are enough users for. */
export async function seed(store: Store, users: number, groups: boolean): Promise<void> {
  const [user, group] = store.registry.resourceTypes as [ResourceType?, ResourceType?];
  if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
  /** Each command is a unit of its own. */
  const write = async (commands: readonly Command[]): Promise<void> => {
    const context = { actor: { kind: 'system' } } as const;
    const outcomes = await store.commit(
      commands.map((command) => ({ tenant: 1, context, commands: [command] })),
    );
    const other = outcomes.find(({ outcome }) => outcome !== 'done');
    if (other !== undefined) throw new Error(`the store answered ${JSON.stringify(other)}`);
  };
  for (let first = 1; first <= users + outsiders; first += 1000) {
    const batch = Array.from(
      { length: Math.min(1000, users + outsiders - first + 1) },
      (_, index) => first + index,
    );
    await write(batch.map((n) => ({ kind: 'create', type: user, id: userId(n), document: userDocument(n) })));
  }
  for (const size of groups ? groupSizes.filter((each) => each <= users) : []) {
    const id = groupId(size);
    await write([{ kind: 'create', type: group, id, document: groupDocument(`Group of ${size}`) }]);
    for (let first = 1; first <= size; first += 1000) {
      const members = Array.from({ length: Math.min(1000, size) }, (_, index) => ({
        value: userId(first + index),
      }));
      const edits = [{ kind: 'add', members }] as const;
      await write([{ kind: 'update', type: group, id, operation: 'patch', members: edits }]);
    }
  }
}
