import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Attribute } from '../../src/scim/registry.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Document, Position } from '../../src/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { numbers } from '../query/generated.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
import { findsWhomTheMatcherFinds, populate, rendered, seed } from './agreement.ts';
import { registryWith, withContainsIndex } from './registry.ts';
import { Setting } from './setting.ts';

const staffSchema = staffSchemas.find(({ id }) => id === staffUri)!;
/** Some attributes in index rows, some in the document of keys: they must not differ. */
const indexed = new Set(['floor', 'joined', 'desk', 'skills', 'lockers']);
const registry = registryWith({
  ...staffSchema,
  attributes: staffSchema.attributes.map((attribute) => ({
    ...attribute,
    indexed: indexed.has(attribute.name),
  })),
});

const folder = mkdtempSync(join(tmpdir(), 'scimd-agreement-'));
const withTrigrams = withContainsIndex(
  registry,
  'userName',
  'displayName',
  'name.familyName',
  'emails.value',
  'addresses.locality',
);
let server: PostgresServer;
const opened: Record<string, () => Promise<Setting>> = {
  'in memory': () =>
    Setting.open(
      async ({ registry, clock }) => openSqliteStore({ file: ':memory:', registry, clock }),
      registry,
    ),
  'on disk, with trigrams, by the scan thread': () =>
    Setting.open(
      async ({ registry, clock }) =>
        openSqliteStore({ file: join(folder, 'scimd.db'), registry, clock, scanInThreadFrom: 0 }),
      withTrigrams,
    ),
  PostgreSQL: () =>
    Setting.open(
      async (options) => openPostgresStore({ url: await server.newDatabase(), ...options }),
      registry,
    ),
  'PostgreSQL, with trigrams': () =>
    Setting.open(
      async (options) => openPostgresStore({ url: await server.newDatabase(), ...options }),
      withTrigrams,
    ),
};
const kinds = Object.keys(opened);
const settings = new Map<string, Setting>();
before(async () => {
  server = await startPostgres();
  for (const [kind, open] of Object.entries(opened)) settings.set(kind, await open());
});
after(async () => {
  for (const { store } of settings.values()) await store.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

let s: Setting;

for (const kind of kinds)
  test(`any filter finds in the store whom the matcher finds among the answers: ${kind} (seed ${seed})`, () =>
    findsWhomTheMatcherFinds(settings.get(kind) as Setting, 60));

/** The ids of a walk by positions, in pages of two. */
async function walk(sort: Attribute, descending: boolean): Promise<string[]> {
  const ids: string[] = [];
  for (let after: Position | undefined; ; ) {
    const page = await s.list({
      targets: [{ type: s.user, sort }],
      descending,
      limit: 2,
      ...(after === undefined ? {} : { after }),
    });
    ids.push(...page.resources.map(({ id }) => id));
    assert.ok(ids.length <= page.total, `${sort.path}: somebody is met twice`);
    if (!page.more) return ids;
    after = page.last;
  }
}

for (const kind of kinds)
  test(`a walk sorted by any number meets everybody once, in the order of the doubles: ${kind} (seed ${seed})`, async () => {
    s = settings.get(kind) as Setting;
    const documents = await populate(s, 100);
    for (const number of numbers) {
      const given = { floor: number, rating: number, shifts: [number] };
      documents.push(await rendered(s, await s.create(s.user, { [staffUri]: given })));
    }
    const attributes = s.user.extensions.get(staffUri.toLowerCase())?.attributes;
    for (const name of ['floor', 'rating', 'shifts']) {
      const sort = attributes?.get(name) as Attribute;
      const numberOf = (document: Document): number | undefined =>
        [(document[staffUri] as Document | undefined)?.[name]].flat()[0] as number | undefined;
      const expected = documents
        .map((document, index) => ({ id: document.id as string, value: numberOf(document), index }))
        .sort(
          (a, b) =>
            Number(a.value === undefined) - Number(b.value === undefined) ||
            (a.value ?? 0) - (b.value ?? 0) ||
            a.index - b.index,
        )
        .map(({ id }) => id);
      assert.deepEqual(await walk(sort, false), expected, name);
      assert.deepEqual(await walk(sort, true), expected.toReversed(), name);
    }
  });
