/** A PostgreSQL database that is opened with other schemas than it was written with: what its change record tells of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { badgeSchema, badgeUri, registryWith, typeNamed, userDocument } from './registry.ts';
import { create } from './writes.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

const plain = registryWith(badgeSchema(false));
const actor = { kind: 'system' } as const;

async function filled(count: number): Promise<string> {
  const url = await server.newDatabase();
  const store = await openPostgresStore({ url, registry: plain });
  for (let n = 0; n < count; n++)
    await create(store, {
      ...{ tenant: 1, type: typeNamed(plain, 'User'), actor },
      document: userDocument(`u${n}`, { [badgeUri]: { number: `N${n}`, floor: n % 10 } }),
    });
  await store.close();
  return url;
}

test('a document that is fitted to new schemas gets a new version and a change, as an application sees one', async () => {
  const url = await filled(2);
  const without = registryWith();
  const store = await openPostgresStore({ url, registry: without });
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
  const found = await store.get({ tenant: 1, type: typeNamed(without, 'User'), id });
  assert.equal(found?.version, 2);
  assert.deepEqual((await store.past.verify({ tenant: 1 })).problems, []);
  await store.close();
  const again = await openPostgresStore({ url, registry: plain, sensitive: [`${badgeUri}:number`] });
  const [back] = await again.changes({ tenant: 1, after: 4, limit: 1 });
  const edits = back?.edits ?? [];
  assert.deepEqual(edits.map(({ path }) => path).sort(), [`${badgeUri}:floor`, `${badgeUri}:number`]);
  assert.equal(edits.find(({ path }) => path.endsWith('number'))?.omitted, 'sensitive');
  assert.deepEqual(
    edits.map((edit) => 'to' in edit && typeof edit.to === 'number').filter(Boolean),
    [true],
    'of the other one the value',
  );
  assert.deepEqual((await again.past.verify({ tenant: 1 })).problems, []);
  await again.close();
});

test('a rebuild that changes indexes alone changes nothing that an application sees', async () => {
  const url = await filled(2);
  const store = await openPostgresStore({ url, registry: registryWith(badgeSchema(true)) });
  assert.deepEqual(await store.changes({ tenant: 1, after: 2, limit: 10 }), []);
  await store.close();
});
