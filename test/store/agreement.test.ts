import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  and,
  eq,
  type Filter,
  ge,
  gt,
  lt,
  ne,
  not,
  or,
  parseFilter,
  pr,
  stringify,
  sw,
  valuePath,
} from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { compileMatcher } from '../../src/query/compile.ts';
import type { Attribute } from '../../src/scim/registry.ts';
import { metaText } from '../../src/scim/representation.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Document, Position, StoredResource } from '../../src/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { filters, numbers, people } from '../query/generated.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
import { groupDocument, registryWith, withContainsIndex } from './registry.ts';
import { add, base, Setting } from './setting.ts';
import { changeOf, update } from './writes.ts';

/** `SCIMD_SEED=… SCIMD_RUNS=…` repeat or prolong a run. */
const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.SCIMD_RUNS ?? 60);

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

/** Null, `[]` and `{}` are the absence of a value: the validator leaves them out. */
function assigned(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    const values = value.map(assigned).filter((item) => item !== undefined);
    return values.length === 0 ? undefined : values;
  }
  if (typeof value !== 'object') return value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, assigned(member)] as const)
    .filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

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

/** What a client reads, the computed attributes included. */
async function rendered(resource: StoredResource): Promise<Document> {
  const groups = (await s.store.get({ ...s.target(resource), groups: true }))?.groups;
  const location = `${base}/Users/${resource.id}`;
  return {
    ...JSON.parse(resource.body),
    ...(groups === undefined
      ? {}
      : { groups: groups.map((group) => ({ ...group, $ref: `${base}/Groups/${group.value}` })) }),
    meta: JSON.parse(metaText(resource, location)),
  };
}

/** Some people, some of them in groups, some of those nested; some changed after they were written. */
async function populate(round: number): Promise<Document[]> {
  const tenant = await s.store.createTenant(`round ${round}`);
  s.tenant = tenant.number;
  const [crowd] = fc.sample(people, { seed: seed + round, numRuns: 1 });
  let users: StoredResource[] = [];
  for (const { id: _, ...person } of crowd!) {
    const document = assigned(person) as Document | undefined;
    // A userName may be in use already: then there is one person less.
    await s.create(s.user, { schemas: [staffUri], ...document }).then(
      (user) => users.push(user),
      () => {},
    );
    s.now += 1;
  }
  const inner = await s.createGroup(
    'ab',
    users.slice(0, 3).map(({ id }) => id),
  );
  await s.create(s.group, groupDocument('É'), [add(inner.id, users[3]?.id ?? 'nobody')]);
  const changed: StoredResource[] = [];
  for (const [index, user] of users.entries()) {
    const other = users[(index + 1) % users.length]!;
    if (index % 3 !== 0) changed.push(user);
    else {
      const { id: _, userName: __, ...body } = JSON.parse(other.body);
      const { id, userName } = JSON.parse(user.body);
      const before = JSON.parse(user.body);
      const result = await update(s.store, {
        ...s.target(user),
        operation: 'replace',
        expected: 1,
        document: changeOf(s.user, before, { id, userName, ...body }),
      });
      assert.ok('resource' in result);
      changed.push(result.resource);
    }
  }
  users = changed;
  return Promise.all(users.map(rendered));
}

/** Filters on what the store computes, over the values that there are. */
function computed(documents: readonly Document[]): fc.Arbitrary<Filter> {
  const metas = documents.map(({ meta }) => meta as Record<string, string>);
  const groups = documents.flatMap((document) => (document.groups ?? []) as Record<string, string>[]);
  const of = (values: readonly (string | undefined)[]) =>
    fc.constantFrom('x', ...new Set(values.filter((value) => value !== undefined)));
  const leaf = (path: string, values: readonly (string | undefined)[], makers: readonly (typeof eq)[]) =>
    fc.tuple(fc.constantFrom(...makers), of(values)).map(([make, value]) => make(path, value));
  const text = [eq, ne, sw, gt, lt];
  const order = [eq, ne, ge, gt, lt];
  const instants = (name: string) => metas.map((meta) => meta[name]);
  const inGroups = fc.oneof(
    leaf(
      'value',
      groups.map(({ value }) => value),
      [eq, ne],
    ),
    leaf('display', ['AB', 'é', 'e'], text),
    leaf('type', ['direct', 'Indirect'], [eq, ne]),
    leaf(
      '$ref',
      groups.map(({ $ref }) => $ref),
      text,
    ),
  );
  const leaves = fc.oneof(
    leaf(
      'id',
      documents.map(({ id }) => id as string),
      text,
    ),
    leaf('meta.location', instants('location'), text),
    leaf('meta.version', ['W/"1"', 'W/"2"'], text),
    leaf('meta.resourceType', ['User', 'user', 'Group'], text),
    fc
      .constantFrom('created', 'lastModified')
      .chain((name) =>
        fc
          .tuple(fc.constantFrom(...order), fc.constantFrom(...(instants(name) as string[])))
          .map(([make, value]) => make(`meta.${name}`, value)),
      ),
    leaf('schemas', [staffUri, staffUri.toUpperCase()], [eq, ne, sw]),
    inGroups.map((filter) => valuePath('groups', filter)),
    fc.tuple(inGroups, inGroups).map(([a, b]) => valuePath('groups', and(a, b))),
    fc.tuple(inGroups, inGroups).map(([a, b]) => valuePath('groups', or(not(a), b))),
    leaf(
      'groups.value',
      groups.map(({ value }) => value),
      [eq, ne],
    ),
    leaf(
      'groups',
      groups.map(({ value }) => value),
      [eq],
    ),
    fc.constantFrom(
      pr('groups'),
      pr('meta'),
      pr('schemas'),
      pr('groups.display'),
      pr(staffUri),
      eq('groups', null),
    ),
  );
  return fc.oneof(
    leaves,
    leaves.map(not),
    fc.tuple(leaves, filters).map(([a, b]) => or(a, b)),
    fc.tuple(leaves, filters).map(([a, b]) => and(not(a), b)),
  );
}

for (const kind of kinds)
  test(`any filter finds in the store whom the matcher finds among the answers: ${kind} (seed ${seed})`, async () => {
    s = settings.get(kind) as Setting;
    for (let round = 0; round < 4; round++) {
      const documents = await populate(round);
      const agrees = async (filter: Filter) => {
        const text = stringify(filter);
        const expected = documents.filter(compileMatcher(text, { resourceType: s.user })).map(({ id }) => id);
        const plan = bindFilter(parseFilter(text), s.user);
        const page = await s.list({ targets: [{ type: s.user, plan }] });
        assert.deepEqual(
          page.resources.map(({ id }) => id),
          expected,
          text,
        );
        assert.equal(page.total, expected.length);
        const small = await s.list({ targets: [{ type: s.user, plan }], limit: 2, offset: 1 });
        assert.deepEqual(
          small.resources.map(({ id }) => id),
          expected.slice(1, 3),
          text,
        );
        assert.equal(small.total, expected.length);
      };
      const arbitrary = fc.oneof(
        { weight: 2, arbitrary: filters },
        { weight: 1, arbitrary: computed(documents) },
      );
      await fc.assert(fc.asyncProperty(arbitrary, agrees), { seed: seed + round, numRuns: runs });
    }
  });

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
    const documents = await populate(100);
    for (const number of numbers) {
      const given = { floor: number, rating: number, shifts: [number] };
      documents.push(await rendered(await s.create(s.user, { [staffUri]: given })));
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
