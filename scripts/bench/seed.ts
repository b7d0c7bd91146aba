/** Writes a database of so many users, through the store: `seed.ts FILE USERS [groups]`; SCIMD_DATABASE instead of FILE.
 * Goes on where it was ended. */
import { setTimeout as wait } from 'node:timers/promises';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openStore } from '../../src/store/open.ts';
import type { Command } from '../../src/store/store.ts';
import {
  containsIndex,
  groupDocument,
  groupId,
  groupSizes,
  outsiders,
  userDocument,
  userId,
} from './data.ts';

const [file = '', count = '0', groups] = process.argv.slice(2);
const users = Number(count);
const registry = configuredRegistry({ containsIndex: containsIndex(users) });
const store = await openStore(file || (process.env.SCIMD_DATABASE ?? ''), { registry });
const [user, group] = registry.resourceTypes;
if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
/** Each command is a unit of its own; what was there before stays. */
async function write(commands: readonly Command[], tries = 5): Promise<void> {
  const context = { actor: { kind: 'system' } } as const;
  const outcomes = await store.commit(
    commands.map((command) => ({ tenant: 1, context, commands: [command] })),
  );
  const failed = commands.filter((_, index) => outcomes[index]?.outcome === 'failed');
  const other = outcomes.find(
    ({ outcome }) => outcome !== 'done' && outcome !== 'taken' && outcome !== 'failed',
  );
  if (other !== undefined) throw new Error(`the store answered ${JSON.stringify(other)}`);
  if (failed.length === 0) return;
  if (tries === 0)
    throw new Error(
      `the store answered ${JSON.stringify(outcomes.find(({ outcome }) => outcome === 'failed'))}`,
    );
  await wait(1000);
  await write(failed, tries - 1);
}

const { total } = await store.list({ tenant: 1, targets: [{ type: user }], limit: 0 });
const begun = Math.max(0, Math.floor(total / 1000) - 2) * 1000;
for (let first = begun + 1; first <= users + outsiders; first += 1000) {
  const batch = Array.from(
    { length: Math.min(1000, users + outsiders - first + 1) },
    (_, index) => first + index,
  );
  await write(batch.map((n) => ({ kind: 'create', type: user, id: userId(n), document: userDocument(n) })));
}
for (const size of groups === undefined ? [] : groupSizes.filter((each) => each <= users)) {
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
await store.close();
