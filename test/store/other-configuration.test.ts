/** A database that is opened with other schemas and resource types than it was written with. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { openSqliteStore, openSqliteStoreAsync } from '../../src/store/sqlite/index.ts';
import type { OpeningNotice, Store } from '../../src/store/store.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { badgeSchema, badgeUri, registryWith, typeNamed, userDocument } from './registry.ts';
import { create } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-configurations-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => join(folder, `${++files}.db`);

const plain = registryWith(badgeSchema(false));
const indexed = registryWith(badgeSchema(true));
const actor = { kind: 'system' } as const;

async function fill(file: string, registry: Registry, count: number): Promise<void> {
  const store = openSqliteStore({ file, registry });
  const type = typeNamed(registry, 'User');
  const documents = Array.from({ length: count }, (_, index) =>
    userDocument(`u${index}`, { [badgeUri]: { number: `N${index}`, floor: index % 10 } }),
  );
  await Promise.all(documents.map((document) => create(store, { tenant: 1, type, actor, document })));
  await store.close();
}

function onFloor(store: Store, registry: Registry, floor: number): number {
  const type = typeNamed(registry, 'User');
  const plan = bindFilter(parseFilter(`${badgeUri}:floor eq ${floor}`), type);
  return (store.list({ tenant: 1, targets: [{ type, plan }], limit: 0 }) as { total: number }).total;
}

const isRefused = (error: unknown) => error instanceof StoreError && error.code === 'other-configuration';

test('one that may not rebuild refuses what it would have to, and leaves it', async () => {
  const file = newFile();
  await fill(file, plain, 20);
  assert.throws(() => openSqliteStore({ file, registry: indexed, rebuild: false }), isRefused);
  const store = openSqliteStore({ file, registry: plain, rebuild: false });
  assert.equal(onFloor(store, plain, 3), 2);
  await store.close();
});

test('one that may not rebuild opens an empty database under any configuration', async () => {
  const file = newFile();
  await fill(file, plain, 0);
  await openSqliteStore({ file, registry: indexed, rebuild: false }).close();
});

test('a rebuild that is ended goes on where it was, and tells only what is new', async () => {
  const file = newFile();
  await fill(file, plain, 1700);
  const stop = new AbortController();
  const told: OpeningNotice[] = [];
  const first = openSqliteStoreAsync({
    file,
    registry: indexed,
    signal: stop.signal,
    onNotice(notice) {
      told.push(notice);
      if (notice.kind === 'rebuilding' && notice.done >= 1000) stop.abort('enough');
    },
  });
  await assert.rejects(first, (reason) => reason === 'enough');
  const done = (notices: readonly OpeningNotice[]) =>
    notices.map((notice) => (notice.kind === 'rebuilding' ? notice.done : notice.kind));
  assert.deepEqual(done(told), [0, 500, 1000]);
  assert.throws(() => openSqliteStore({ file, registry: plain, rebuild: false }), isRefused);
  const rest: OpeningNotice[] = [];
  const store = openSqliteStore({ file, registry: indexed, onNotice: (notice) => rest.push(notice) });
  assert.deepEqual(done(rest), [1000, 1500, 1700, 'rebuilt']);
  assert.equal(onFloor(store, indexed, 3), 170);
  await store.close();
});

test('two that rebuild for the same configuration at once do not get in each other’s way', async () => {
  const file = newFile();
  await fill(file, plain, 1700);
  const stores = await Promise.all([1, 2].map(() => openSqliteStoreAsync({ file, registry: indexed })));
  for (const store of stores) assert.equal(onFloor(store, indexed, 3), 170);
  for (const store of stores) await store.close();
});

test('the later of two that rebuild for different configurations wins, and the other is told', async () => {
  const file = newFile();
  await fill(file, plain, 1700);
  const other = registryWith({ ...badgeSchema(true), id: `${badgeUri}:other` });
  const [first, second] = await Promise.allSettled([
    openSqliteStoreAsync({ file, registry: indexed }),
    openSqliteStoreAsync({ file, registry: other }),
  ]);
  assert.ok(first.status === 'rejected' && isRefused(first.reason), JSON.stringify(first));
  assert.ok(second.status === 'fulfilled');
  await second.value.close();
  const back = openSqliteStore({ file, registry: indexed });
  assert.equal(onFloor(back, indexed, 3), 170, 'nothing was lost on the way');
  await back.close();
});

test('a store whose rows another one has rebuilt reads and writes nothing more', async () => {
  const file = newFile();
  await fill(file, plain, 10);
  const old = openSqliteStore({ file, registry: plain });
  assert.equal(onFloor(old, plain, 3), 1);
  await new Promise((resolve) => setImmediate(resolve));
  await openSqliteStore({ file, registry: indexed }).close();
  assert.throws(() => onFloor(old, plain, 3), isRefused);
  const type = typeNamed(plain, 'User');
  const creation = async () => create(old, { tenant: 1, type, actor, document: userDocument('new') });
  await assert.rejects(creation, isRefused);
  await old.close();
});

test('groups of a type that is configured no more own no memberships, until it is again', async () => {
  const file = newFile();
  const team = 'urn:example:params:scim:schemas:2.0:Team';
  const withTeams = configuredRegistry({
    schemas: [
      {
        id: team,
        attributes: [
          { name: 'displayName' },
          { name: 'members', type: 'complex', multiValued: true, subAttributes: [{ name: 'value' }] },
        ],
      },
    ],
    resourceTypes: [{ name: 'Team', endpoint: '/Teams', schema: team }],
  });
  const without = configuredRegistry({});
  const store = openSqliteStore({ file, registry: withTeams });
  const user = await create(store, {
    tenant: 1,
    type: typeNamed(withTeams, 'User'),
    actor,
    document: userDocument('a'),
  });
  const { id } = await create(store, {
    tenant: 1,
    type: typeNamed(withTeams, 'Team'),
    actor,
    document: { schemas: [team], displayName: 'Crew' },
    members: [{ kind: 'add', members: [{ value: user.id }] }],
  });
  await store.close();
  for (const [registry, expected] of [
    [without, 0],
    [withTeams, 1],
  ] as const) {
    const opened = openSqliteStore({ file, registry });
    const type = typeNamed(registry, 'User');
    const found = await opened.get({ tenant: 1, type, id: user.id, groups: true });
    assert.equal(found?.groups?.length ?? 0, expected);
    for (const filter of [`groups.value eq "${id}"`, 'groups.display eq "Crew"']) {
      const plan = bindFilter(parseFilter(filter), type);
      const { total } = await opened.list({ tenant: 1, targets: [{ type, plan }], limit: 0 });
      assert.equal(total, expected, filter);
    }
    await opened.close();
  }
});

test('a document that is fitted to new schemas gets a new version and a change, as an application sees one', async () => {
  const file = newFile();
  await fill(file, plain, 2);
  const without = registryWith();
  const store = openSqliteStore({ file, registry: without });
  const changes = await store.changes({ tenant: 1, after: 2, limit: 10 });
  assert.deepEqual(
    changes.map(({ operation, version, edits, actor: by }) => ({ operation, version, edits, by })),
    [1, 2].map(() => ({
      operation: 'migrate',
      version: 2,
      edits: [{ path: badgeUri, omitted: 'unrecorded' }],
      by: { kind: 'system' },
    })),
  );
  assert.equal(new Set(changes.map(({ transaction }) => transaction)).size, 1);
  const [id = ''] = changes.map((change) => change.id);
  const type = typeNamed(without, 'User');
  assert.equal((await store.get({ tenant: 1, type, id }))?.version, 2);
  assert.deepEqual((await store.past.verify({ tenant: 1 })).problems, []);
  await store.close();
  const again = openSqliteStore({ file, registry: plain });
  const [back] = await again.changes({ tenant: 1, after: 4, limit: 1 });
  assert.deepEqual(back?.edits.map((edit) => edit.path).sort(), [`${badgeUri}:floor`, `${badgeUri}:number`]);
  assert.ok(back?.edits.every((edit) => edit.omitted === undefined && edit.to !== undefined));
  await again.close();
});

test('a rebuild that changes indexes alone changes nothing that an application sees', async () => {
  const file = newFile();
  await fill(file, plain, 2);
  const store = openSqliteStore({ file, registry: indexed });
  assert.deepEqual(await store.changes({ tenant: 1, after: 2, limit: 10 }), []);
  await store.close();
});

test('of sensitive attributes a migration records no values', async () => {
  const file = newFile();
  await fill(file, plain, 1);
  await openSqliteStore({ file, registry: registryWith() }).close();
  const sensitive = [`${badgeUri}:number`];
  const store = openSqliteStore({ file, registry: plain, sensitive });
  const [, , back] = await store.changes({ tenant: 1, limit: 10 });
  assert.deepEqual(
    back?.edits.find(({ path }) => path === `${badgeUri}:number`),
    {
      path: `${badgeUri}:number`,
      omitted: 'sensitive',
    },
  );
  await store.close();
});
