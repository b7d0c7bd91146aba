/** Writes a database of so many users, through the store: `seed.ts FILE USERS users|groups MEMBERSHIPS`;
 * SCIMD_DATABASE instead of FILE. Goes on where it was ended. */
import { setTimeout as wait } from 'node:timers/promises';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import { openStore } from '../../src/store/open.ts';
import type { Command } from '../../src/store/store.ts';
import { isBulk, writeBulk } from './bulk-memberships.ts';
import {
  containsIndex,
  groupDocument,
  groupId,
  groupSizes,
  outsiders,
  userDocument,
  userId,
} from './data.ts';

const [file = '', count = '0', groups = 'users', memberships = '0'] = process.argv.slice(2);
const users = Number(count);
const registry = configuredRegistry({ containsIndex: containsIndex(users) });
const open = () => openStore(file || (process.env.SCIMD_DATABASE ?? ''), { registry });
const store = await open();
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
async function writeGroup(
  type: ResourceType,
  id: string,
  name: string,
  people: readonly number[],
): Promise<void> {
  await write([{ kind: 'create', type, id, document: groupDocument(name) }]);
  for (let first = 0; first < people.length; first += 1000) {
    const members = people.slice(first, first + 1000).map((n) => ({ value: userId(n) }));
    const edits = [{ kind: 'add', members }] as const;
    await write([{ kind: 'update', type, id, operation: 'patch', members: edits }]);
  }
}

const peopleFrom = (first: number, length: number): number[] =>
  Array.from({ length }, (_, index) => ((first + index) % users) + 1);
for (const size of groups === 'users' ? [] : groupSizes.filter((each) => each <= users))
  await writeGroup(group, groupId(size), `Group of ${size}`, peopleFrom(0, size));
const bulk = file !== '' && isBulk(Number(memberships));
// Each of these takes up where the one before has ended.
const size = Math.min(10_000, users);
for (let n = 0; n * size < (bulk ? 0 : Number(memberships)); n++)
  await writeGroup(group, groupId(1_000_000_000 + n), `Department ${n}`, peopleFrom(n * size, size));
await store.close();
if (bulk) await writeBulk(file, open, users, Number(memberships));
