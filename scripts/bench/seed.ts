/** Writes a database of so many users, through the store: `seed.ts FILE USERS [groups]`. */
import { configuredRegistry } from '../../src/scim/configured.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
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
const store = openSqliteStore({ file, registry });
const [user, group] = registry.resourceTypes;
if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
const shared = { tenant: 1, actor: { origin: 'bench' } };

for (let first = 1; first <= users + outsiders; first += 1000) {
  const batch = Array.from(
    { length: Math.min(1000, users + outsiders - first + 1) },
    (_, index) => first + index,
  );
  await Promise.all(
    batch.map((n) => store.create({ ...shared, type: user, id: userId(n), document: userDocument(n) })),
  );
}
for (const size of groups === undefined ? [] : groupSizes.filter((each) => each <= users)) {
  const id = groupId(size);
  await store.create({ ...shared, type: group, id, document: groupDocument(`Group of ${size}`) });
  for (let first = 1; first <= size; first += 1000) {
    const members = Array.from({ length: Math.min(1000, size) }, (_, index) => ({
      value: userId(first + index),
    }));
    const edges = [{ kind: 'add', members }] as const;
    await store.update({ ...shared, type: group, id, operation: 'patch', edges, attributes: ['members'] });
  }
}
await store.close();
