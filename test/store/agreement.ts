/** Crowds of arbitrary people in a store, and arbitrary filters over them: one generator for every store there is. */
import assert from 'node:assert/strict';
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
import { metaText } from '../../src/scim/representation.ts';
import type { Document, GroupReference, StoredResource } from '../../src/store/store.ts';
import { filters, people } from '../query/generated.ts';
import { staffUri } from '../query/staff.ts';
import { base, type Setting } from './setting.ts';
import { changeOf, update } from './writes.ts';

/** `SCIMD_SEED=… SCIMD_RUNS=…` repeat or prolong a run. */
export const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);

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

function shown(resource: StoredResource, groups: readonly GroupReference[] | undefined): Document {
  return {
    ...JSON.parse(resource.body),
    ...(groups === undefined
      ? {}
      : { groups: groups.map((group) => ({ ...group, $ref: `${base}/Groups/${group.value}` })) }),
    meta: JSON.parse(metaText(resource, JSON.stringify(`${base}/Users/${resource.id}`))),
  };
}

/** What a client reads, the computed attributes included. */
export async function rendered(s: Setting, resource: StoredResource): Promise<Document> {
  return shown(resource, (await s.store.get({ ...s.target(resource), groups: true }))?.groups);
}

/**
 * Some people in a tenant of their own, some in groups, some of those nested; some changed after they were written, and
 * one deleted. What was answered is what is read, one by one and in a list.
 */
export async function populate(s: Setting, round: number): Promise<Document[]> {
  s.tenant = (await s.store.createTenant(`round ${round}`)).number;
  const [crowd] = fc.sample(people, { seed: seed + round, numRuns: 1 });
  const users: StoredResource[] = [];
  for (const { id: _, ...person } of crowd!) {
    const document = assigned(person) as Document | undefined;
    // A userName may be in use already: then there is one person less.
    await s.create(s.user, { schemas: [staffUri], ...document }).then(
      (user) => users.push(user),
      (error: Error) => assert.match(error.message, /taken/),
    );
    s.now += 1;
  }
  const gone = await s.createUser('gone');
  const inner = await s.createGroup('ab', [gone.id, ...users.slice(0, 3).map(({ id }) => id)]);
  await s.createGroup('É', [inner.id, ...users.slice(3, 4).map(({ id }) => id)]);
  await s.store.commit([s.unit({ kind: 'delete', type: s.user, id: gone.id })]);
  for (const [index, user] of users.entries()) {
    if (index % 3 !== 0) continue;
    const {
      id: _,
      userName: __,
      ...body
    } = JSON.parse((users[(index + 1) % users.length] as StoredResource).body);
    const before = JSON.parse(user.body);
    const { id, userName } = before;
    const result = await update(s.store, {
      ...s.target(user),
      ...{ operation: 'replace', expected: 1 },
      document: changeOf(s.user, before, { id, userName, ...body }),
    });
    assert.ok('resource' in result);
    users[index] = result.resource;
  }
  const written = await Promise.all(users.map((user) => s.get(user)));
  assert.deepEqual(
    written.map((user) => user?.body),
    users.map(({ body }) => body),
  );
  const documents = await Promise.all(users.map((user) => rendered(s, user)));
  const { resources } = await s.list({ targets: [{ type: s.user }], groups: true });
  assert.deepEqual(
    resources.map((each) => shown(each, each.groups)),
    documents,
  );
  return documents;
}

/** Filters on what a store computes, or may keep in a place of its own, over the values that there are. */
function computed(documents: readonly Document[]): fc.Arbitrary<Filter> {
  const metas = documents.map(({ meta }) => meta as Record<string, string>);
  const groups = documents.flatMap((document) => (document.groups ?? []) as Record<string, string>[]);
  const of = (values: readonly (string | undefined)[]) =>
    fc.constantFrom('x', ...new Set(values.filter((value) => value !== undefined)));
  const leaf = (path: string, values: readonly (string | undefined)[], makers: readonly (typeof eq)[]) =>
    fc.tuple(fc.constantFrom(...makers), of(values)).map(([make, value]) => make(path, value));
  const text = [eq, ne, sw, gt, lt];
  const ids = groups.map(({ value }) => value);
  const references = groups.map(({ $ref }) => $ref);
  const inGroups = fc.oneof(
    leaf('value', ids, [eq, ne]),
    leaf('display', ['AB', 'é', 'e'], text),
    leaf('type', ['direct', 'Indirect'], [eq, ne]),
    leaf('$ref', references, text),
  );
  const instants = fc
    .constantFrom('created', 'lastModified')
    .chain((name) =>
      fc
        .tuple(
          fc.constantFrom(eq, ne, ge, gt, lt),
          fc.constantFrom(...metas.map((meta) => meta[name] as string)),
        )
        .map(([make, value]) => make(`meta.${name}`, value)),
    );
  const leaves = fc.oneof(
    instants,
    leaf(
      'id',
      documents.map(({ id }) => id as string),
      text,
    ),
    leaf(
      'meta.location',
      metas.map(({ location }) => location),
      text,
    ),
    leaf('meta.version', ['W/"1"', 'W/"2"'], text),
    leaf('meta.resourceType', ['User', 'user', 'Group'], text),
    leaf('schemas', [staffUri, staffUri.toUpperCase()], [eq, ne, sw]),
    inGroups.map((filter) => valuePath('groups', filter)),
    fc.tuple(inGroups, inGroups).map(([a, b]) => valuePath('groups', and(a, b))),
    fc.tuple(inGroups, inGroups).map(([a, b]) => valuePath('groups', or(not(a), b))),
    leaf('groups.value', ids, [eq, ne]),
    leaf('groups', ids, [eq]),
    fc.constantFrom(
      ...[pr('groups'), pr('meta'), pr('schemas'), pr('groups.display'), pr(staffUri), eq('groups', null)],
    ),
    fc.constantFrom<Filter>(
      ...[
        'emails[type eq "work" and value pr]',
        'emails[type eq "WORK"]',
        'emails[primary eq true and type eq "other"]',
        'name.formatted pr',
        'emails[not (type eq "work")]',
      ].map((each) => parseFilter(each)),
    ),
  );
  return fc.oneof(
    leaves,
    leaves.map(not),
    fc.tuple(leaves, filters).map(([a, b]) => or(a, b)),
    fc.tuple(leaves, filters).map(([a, b]) => and(not(a), b)),
  );
}

/** Any filter finds in the store whom the matcher finds among the answers, in pages too. */
export async function findsWhomTheMatcherFinds(s: Setting, runs: number): Promise<void> {
  const numRuns = Number(process.env.SCIMD_RUNS ?? runs);
  for (let round = 0; round < 4; round++) {
    const documents = await populate(s, round);
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
    await fc.assert(fc.asyncProperty(arbitrary, agrees), { seed: seed + round, numRuns });
  }
}
