/**
 * Random bodies of POST and PUT over sockets and a file: what was sent and is not read-only comes back, by GET, in
 * lists and by filters; or the answer is a 4xx and nothing changed; or a tolerance is named (RFC 7644 §3.3, §3.5.1).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { instantKey } from '../../src/scim/comparison.ts';
import type { AttributeDefinition, SchemaDefinition } from '../../src/scim/definitions.ts';
import { type Attribute, compileRegistry, type ResourceType } from '../../src/scim/registry.ts';
import { standardResourceTypes, standardSchemas } from '../../src/scim/standard.ts';
import { type Answer, enterpriseSchema, searchSchema, startScimd, type TestServer } from '../server.ts';

type Json = Readonly<Record<string, unknown>>;

const runs = Number(process.env.FAST_CHECK_RUNS ?? 60);

/** One attribute of each type, alone and in plenty, in both letter cases; complex ones with plenty within. */
const simple: readonly AttributeDefinition[] = [
  { name: 'word', caseExact: true },
  { name: 'Label' },
  { name: 'flag', type: 'boolean' },
  { name: 'count', type: 'integer' },
  { name: 'weight', type: 'decimal' },
  { name: 'at', type: 'dateTime' },
  { name: 'scan', type: 'binary' },
  { name: 'home', type: 'reference', referenceTypes: ['external'] },
];
const complex: readonly AttributeDefinition[] = [
  { name: 'value' },
  { name: 'type' },
  { name: 'display' },
  { name: 'primary', type: 'boolean' },
  ...simple.map((attribute) => ({ ...attribute, name: `${attribute.name}Of` })),
  { name: 'tags', multiValued: true, caseExact: true },
  { name: 'levels', type: 'integer', multiValued: true },
];
const attributes: readonly AttributeDefinition[] = [
  ...simple,
  ...simple.map((attribute) => ({ ...attribute, name: `${attribute.name}s`, multiValued: true })),
  { name: 'desk', type: 'complex', subAttributes: [...complex] },
  { name: 'desks', type: 'complex', multiValued: true, subAttributes: [...complex] },
  { name: 'seen', mutability: 'readOnly' },
];
const extraSchema = 'urn:example:params:scim:schemas:extension:extra:2.0:User';
const thingSchema = 'urn:example:params:scim:schemas:2.0:Thing';
const extra: SchemaDefinition = { id: extraSchema, name: 'Extra', attributes };
const thing: SchemaDefinition = {
  id: thingSchema,
  name: 'Thing',
  attributes: [{ name: 'displayName', required: true }, ...attributes],
};

const [user, ...others] = standardResourceTypes;
const registry = compileRegistry(
  [...standardSchemas, extra, thing],
  [
    {
      ...(user as (typeof standardResourceTypes)[number]),
      schemaExtensions: [enterpriseSchema, extraSchema].map((schema) => ({ schema, required: false })),
    },
    ...others,
    { name: 'Thing', endpoint: '/Things', schema: thingSchema },
  ],
);

// ---- resources ------------------------------------------------------------------------------------------------

const texts = [
  '',
  'a',
  'A',
  'ab',
  ' ',
  'é',
  'E\u0301',
  'ß',
  '😀',
  '"',
  '\\',
  '%',
  'true',
  '7',
  'null',
  '\u202e',
];
const uris = ['https://example.com/a?b#c', 'HTTP://EXAMPLE.com:80/%7ea', '../a', 'urn:example:x'];
const formatted: Readonly<Record<string, readonly string[]>> = {
  profileUrl: ['https://example.com/~a'],
  'photos.value': ['https://example.com/a.png', 'data:image/png;base64,AAAA'],
  preferredLanguage: ['en', 'da, en-gb;q=0.8'],
  locale: ['en-US', 'de'],
  timezone: ['America/Los_Angeles', 'Europe/Berlin'],
  'emails.value': ['a@example.com', 'B@example.com', 'ä@example.com'],
  'addresses.country': ['US', 'de'],
  'x509Certificates.value': ['MAA='],
};

function simpleValue({ type, path }: Attribute): fc.Arbitrary<unknown> {
  const pool = formatted[path];
  if (pool !== undefined) return fc.constantFrom(...pool);
  switch (type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.constantFrom(0, -0, 1, -7, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1));
    case 'decimal':
      return fc.constantFrom(0, -0, 1, 0.1, -1.25, 1e-7, 1e21, 123456789.125);
    case 'dateTime':
      return fc.constantFrom(
        '2020-01-01T00:00:00Z',
        '2020-01-01T01:00:00.5+01:00',
        '2024-02-29T12:00:00',
        '1969-12-31T23:59:59.123456789Z',
      );
    case 'binary':
      return fc.constantFrom('', 'AA==', 'AbCd', '+/+/');
    case 'reference':
      return fc.constantFrom(...uris);
    default:
      return fc.constantFrom(...texts);
  }
}

/** What is not read-only and is answered as it was given. */
function isGiven(attribute: Attribute): boolean {
  return (
    attribute.mutability !== 'readOnly' &&
    attribute.returned !== 'never' &&
    !['schemas', 'userName'].includes(attribute.path) &&
    // The server knows better, or does not show it (README, Decisions).
    attribute.path !== 'members.$ref'
  );
}

/**
 * Values of a `value` are told from one another by it and their type (RFC 7643 §2.4); members by it alone. Others are by all that
 * they have but `primary`, which one of them may lose below.
 */
function identityOf({ path }: Attribute, element: unknown): unknown {
  const { value, type } = element as Json;
  if (path === 'members') return value;
  return value === undefined
    ? JSON.stringify({ ...(element as Json), primary: undefined })
    : JSON.stringify([value, String(type).toLowerCase()]);
}

function givenValue(attribute: Attribute): fc.Arbitrary<unknown> {
  if (!attribute.multiValued) return oneValue(attribute);
  const selector = attribute.type === 'complex' ? (each: unknown) => identityOf(attribute, each) : undefined;
  return fc
    .uniqueArray(oneValue(attribute), {
      minLength: 1,
      maxLength: 3,
      ...(selector === undefined ? { comparator: 'SameValueZero' } : { selector }),
    })
    .map((elements) => {
      const primary = elements.findIndex((each) => (each as Json)?.primary === true);
      return elements.map((each, index) =>
        primary !== -1 && index !== primary && (each as Json).primary === true
          ? { ...(each as Json), primary: false }
          : each,
      );
    });
}

function oneValue(attribute: Attribute): fc.Arbitrary<unknown> {
  if (attribute.type !== 'complex') return simpleValue(attribute);
  const subs = [...attribute.subAttributes.values()].filter(isGiven);
  const isMember = attribute.path === 'members';
  // The id of another resource is not empty.
  const isReference = isMember || (!attribute.multiValued && attribute.subAttributes.has('$ref'));
  return fc
    .record(Object.fromEntries(subs.map((sub) => [sub.name, givenValue(sub)])), {
      requiredKeys: isMember ? ['value'] : [],
    })
    .filter((value) => Object.keys(value).length > 0 && !(isReference && value.value === ''));
}

/** Some of the attributes of a type or of an extension. */
function some(attributes: Iterable<Attribute>, most: number): fc.Arbitrary<Record<string, unknown>> {
  const all = [...attributes].filter(isGiven);
  return fc
    .subarray(all, { maxLength: Math.min(most, all.length) })
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map((attribute) => [attribute.name, givenValue(attribute)]))),
    );
}

function typeAt(endpoint: string): ResourceType {
  return registry.resourceTypes.find((type) => type.endpoint === endpoint) as ResourceType;
}

interface Resource {
  readonly endpoint: string;
  /** Without schemas and userName. */
  readonly members: Record<string, unknown>;
}

const resource: fc.Arbitrary<Resource> = fc.constantFrom('/Users', '/Groups', '/Things').chain((endpoint) => {
  const type = typeAt(endpoint);
  const extensions = [...type.extensions.values()];
  return fc
    .tuple(
      some(type.attributes.values(), 8),
      ...extensions.map(({ attributes }) => some(attributes.values(), 6)),
    )
    .map(([core = {}, ...containers]) => {
      const members = { ...core };
      if (endpoint !== '/Users') members.displayName = `Name ${String(core.displayName ?? 'x')}`;
      extensions.forEach(({ schema }, index) => {
        const container = containers[index] as Record<string, unknown>;
        if (Object.keys(container).length > 0) members[schema.id] = container;
      });
      return { endpoint, members };
    });
});

let count = 0;

/** What a type cannot do without, beside its members. */
function headOf(endpoint: string): Record<string, unknown> {
  const { schema, extensions } = typeAt(endpoint);
  return {
    schemas: [schema.id, ...[...extensions.values()].map((each) => each.schema.id)],
    ...(endpoint === '/Users' ? { userName: `user${++count}` } : {}),
  };
}

// ---- what comes back ------------------------------------------------------------------------------------------

/** The same value in one form: members in order, instants in UTC, no negative zero. */
function normal(attribute: Attribute, value: unknown): unknown {
  if (attribute.multiValued && Array.isArray(value)) {
    const values = value.map((each) => normalOne(attribute, each));
    // Members have no order of their own.
    return attribute.path === 'members'
      ? values.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : values;
  }
  return normalOne(attribute, value);
}

function normalOne(attribute: Attribute, value: unknown): unknown {
  if (attribute.type === 'complex')
    return isJson(value) ? normalMembers(attribute.subAttributes, value) : value;
  if (attribute.type === 'dateTime') return typeof value === 'string' ? instantKey(value) : value;
  return typeof value === 'number' ? value + 0 : value;
}

function normalMembers(attributes: ReadonlyMap<string, Attribute>, members: Json): Json {
  const result: Record<string, unknown> = {};
  for (const attribute of attributes.values()) {
    if (members[attribute.name] !== undefined && isGiven(attribute))
      result[attribute.name] = normal(attribute, members[attribute.name]);
  }
  return result;
}

function normalResource(type: ResourceType, members: Json): Json {
  const { active: _, ...result } = normalMembers(type.attributes, members) as Record<string, unknown>;
  for (const { schema, attributes } of type.extensions.values()) {
    const container = members[schema.id];
    if (container !== undefined) result[schema.id] = normalMembers(attributes, container as Json);
  }
  // A POST without it makes an active user, a PUT without it leaves it as it is.
  return members.active === undefined ? result : { ...result, active: members.active };
}

/** Comparisons that the resource must satisfy. */
function filtersOf(type: ResourceType, members: Json): string[] {
  const filters: string[] = [];
  const add = (prefix: string, attributes: ReadonlyMap<string, Attribute>, container: Json): void => {
    for (const attribute of attributes.values()) {
      const value = container[attribute.name];
      if (value === undefined || !isGiven(attribute)) continue;
      const path = `${prefix}${attribute.name}`;
      for (const each of attribute.multiValued ? (value as unknown[]) : [value]) {
        if (attribute.type !== 'complex') filters.push(`${path} eq ${JSON.stringify(each)}`);
        else if (attribute.parent === undefined) {
          const inner: string[] = [];
          for (const sub of attribute.subAttributes.values()) {
            const held = (each as Json)[sub.name];
            if (held === undefined || !isGiven(sub) || sub.multiValued) continue;
            inner.push(`${sub.name} eq ${JSON.stringify(held)}`);
          }
          if (inner.length > 0) filters.push(`${path}[${inner.join(' and ')}]`);
        }
      }
    }
  };
  add('', type.attributes, members);
  for (const { schema, attributes } of type.extensions.values())
    add(`${schema.id}:`, attributes, (members[schema.id] ?? {}) as Json);
  return filters;
}

// ---- quirks: another spelling of a member, of which is known what it means -------------------------------------

type Quirk = (attribute: Attribute, value: unknown) => unknown;

/** Each answers undefined for what it does not apply to. */
const quirks: Readonly<Record<string, Quirk>> = {
  booleanText: ({ type, multiValued }, value) =>
    type === 'boolean' && !multiValued ? (value ? 'True' : 'FALSE') : undefined,
  numberText: ({ type, multiValued }, value) =>
    (type === 'integer' || type === 'decimal') && !multiValued && /^-?\d+(\.\d+)?$/.test(String(value))
      ? String(value)
      : undefined,
  singleForArray: ({ multiValued }, value) =>
    multiValued && (value as unknown[]).length === 1 && (value as unknown[])[0] !== ''
      ? (value as unknown[])[0]
      : undefined,
  arrayForSingle: ({ multiValued }, value) => (multiValued ? undefined : [value]),
  scalarForComplex: ({ type, multiValued }, value) =>
    type === 'complex' && !multiValued && Object.keys(value as Json).join() === 'value'
      ? (value as Json).value || undefined
      : undefined,
  objectForScalar: ({ type, multiValued }, value) =>
    type !== 'complex' && !multiValued ? { $ref: null, value } : undefined,
};

interface Odd {
  readonly members: Record<string, unknown>;
  /** Is the spelling another one than the RFCs allow? */
  readonly isOdd: boolean;
}

/** Members with some of them spelled oddly, by the numbers that `draw` gives. */
function oddly(type: ResourceType, resource: Json, draw: () => number): Odd {
  const members: Record<string, unknown> = {};
  let isOdd = false;
  const names = Object.keys(quirks);
  const spell = (into: Record<string, unknown>, attribute: Attribute, value: unknown): void => {
    const quirk = quirks[names[draw() % names.length] as string] as Quirk;
    const odd = draw() % 4 === 0 ? quirk(attribute, value) : undefined;
    isOdd ||= odd !== undefined;
    const name = draw() % 4 === 0 ? attribute.name.toUpperCase() : attribute.name;
    into[name] = odd ?? value;
  };
  const core: Record<string, unknown> = {};
  const inCore = draw() % 8 === 0;
  for (const attribute of type.attributes.values()) {
    const value = resource[attribute.name];
    if (value === undefined) continue;
    const choice = draw() % 8;
    if (inCore && choice < 4) spell(core, attribute, value);
    else if (choice === 4) members[`${type.schema.id}:${attribute.name}`] = value;
    else if (choice === 5 && attribute.type === 'complex' && !attribute.multiValued)
      for (const [sub, held] of Object.entries(value as Json)) members[`${attribute.name}.${sub}`] = held;
    else {
      spell(members, attribute, value);
      continue;
    }
    isOdd = true;
  }
  if (Object.keys(core).length > 0) members[type.schema.id] = core;
  for (const { schema, attributes } of type.extensions.values()) {
    const container = resource[schema.id] as Json | undefined;
    if (container === undefined) continue;
    const within: Record<string, unknown> = {};
    for (const attribute of attributes.values()) {
      const value = container[attribute.name];
      if (value === undefined) continue;
      if (draw() % 6 === 0) {
        members[`${schema.id}:${attribute.name}`] = value;
        isOdd = true;
      } else spell(within, attribute, value);
    }
    if (Object.keys(within).length > 0) members[schema.id.toUpperCase()] = within;
  }
  return { members, isOdd };
}

// ---- the server -------------------------------------------------------------------------------------------------

const records: { readonly tolerances?: readonly string[] }[] = [];
let server: TestServer;
const tokens: Record<string, string> = {};
before(async () => {
  server = await startScimd({
    registry,
    log: { info: (fields) => void records.push(fields as never), warn() {}, error() {} },
  });
  tokens.generic = server.token;
  tokens.strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

async function read(path: string): Promise<Json> {
  const answer = await server.request('GET', path);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

const tolerancesUsed = (): readonly string[] => records.at(-1)?.tolerances ?? [];

async function send(endpoint: string, id: string | undefined, body: unknown, token: string): Promise<Answer> {
  const answer = await (id === undefined
    ? server.request('POST', endpoint, { body, token })
    : server.request('PUT', `${endpoint}/${id}`, { body, token }));
  assert.ok(answer.status < 500, answer.text);
  return answer;
}

/** The resource is what was sent, whichever way it is asked for. */
async function assertHeld({ endpoint, members }: Resource, answer: Answer): Promise<void> {
  const type = typeAt(endpoint);
  const expected = normalResource(type, members);
  const withoutDefault = (json: Json) => {
    const { active, ...rest } = normalResource(type, json) as Record<string, unknown>;
    return members.active === undefined ? rest : { ...rest, active };
  };
  const { id } = answer.json;
  assert.deepEqual(withoutDefault(answer.json), expected, 'the answer');
  const got = await read(`${endpoint}/${id}`);
  assert.deepEqual(got, answer.json, 'GET');
  const filters = filtersOf(type, members);
  for (let first = 0; first === 0 || first < filters.length; first += 40) {
    const filter = [`id eq "${id}"`, ...filters.slice(first, first + 40)].join(' and ');
    const body = { schemas: [searchSchema], filter };
    const found = await server.request('POST', `${endpoint}/.search`, { body });
    assert.equal(found.status, 200, found.text);
    assert.deepEqual(found.json.Resources, [got], filter);
  }
}

const total = async (endpoint: string) => (await read(`${endpoint}?count=0`)).totalResults;

/** POSTs the first, PUTs the second over it; `check` looks at each answer. */
async function postAndPut(
  bodies: readonly [Json, Json],
  endpoint: string,
  token: string,
  check: (answer: Answer, index: number) => Promise<void>,
): Promise<void> {
  const before = await total(endpoint);
  const made = await send(endpoint, undefined, bodies[0], token);
  await check(made, 0);
  assert.equal(await total(endpoint), made.status === 201 ? Number(before) + 1 : before);
  const { id } = made.status === 201 ? made.json : (await plain(endpoint)).json;
  const stored = await read(`${endpoint}/${id}`);
  const put = await send(endpoint, id, bodies[1], token);
  await check(put, 1);
  if (put.status >= 400) assert.deepEqual(await read(`${endpoint}/${id}`), stored, 'a 4xx changes nothing');
}

function plain(endpoint: string): Promise<Answer> {
  const body = { ...headOf(endpoint), ...(endpoint === '/Users' ? {} : { displayName: 'plain' }) };
  return send(endpoint, undefined, body, server.token);
}

/** Two resources of one endpoint. */
const two = fc
  .tuple(resource, resource)
  .filter(([one, other]) => one.endpoint === other.endpoint)
  .map((pair) => ({ endpoint: pair[0].endpoint, pair }));

const names = (pair: readonly [Resource, Resource]) =>
  pair.map(({ endpoint, members }) => ({ ...headOf(endpoint), ...members })) as unknown as [Json, Json];

describe('POST and PUT of random bodies', () => {
  for (const idp of ['generic', 'strict'] as const) {
    test(`${idp}: what is valid comes back as it was sent, without any tolerance`, async () => {
      await fc.assert(
        fc.asyncProperty(two, async ({ endpoint, pair }) => {
          await postAndPut(names(pair), endpoint, tokens[idp] as string, async (answer, index) => {
            assert.equal(answer.status, index === 0 ? 201 : 200, answer.text);
            assert.deepEqual(tolerancesUsed(), []);
            await assertHeld(pair[index as 0 | 1], answer);
          });
        }),
        { numRuns: runs },
      );
    });
  }

  test('generic: what is spelled oddly comes back as what it means, and a tolerance is named; strict refuses it', async () => {
    await fc.assert(
      fc.asyncProperty(two, fc.infiniteStream(fc.nat(1000)), async ({ endpoint, pair }, stream) => {
        const draw = () => stream.next().value as number;
        const odd = pair.map(({ members }) => oddly(typeAt(endpoint), members, draw)) as [Odd, Odd];
        const bodies = () =>
          odd.map(({ members }) => ({ ...headOf(endpoint), ...members })) as unknown as [Json, Json];
        await postAndPut(bodies(), endpoint, tokens.generic as string, async (answer, index) => {
          assert.equal(answer.status, index === 0 ? 201 : 200, answer.text);
          assert.equal(tolerancesUsed().length > 0, odd[index as 0 | 1].isOdd, 'a tolerance is named');
          await assertHeld(pair[index as 0 | 1], answer);
        });
        await postAndPut(bodies(), endpoint, tokens.strict as string, async (answer, index) => {
          const { isOdd } = odd[index as 0 | 1];
          if (isOdd) assert.equal(answer.status, 400, answer.text);
          else await assertHeld(pair[index as 0 | 1], answer);
        });
      }),
      { numRuns: runs },
    );
  });

  test('any JSON in place of a value: it comes back, or is 4xx, or a tolerance is named; the rest is untouched', async () => {
    const anything = fc.oneof(
      fc.constantFrom(null, true, 0, 1.5, '', ' ', 'a', 'true', '7', '2020-01-01T00:00:00Z'),
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom([null], [[]], [{}], {}, [''], [null, 'a'], { value: null }, [{ value: 'a' }], {
        value: 'a',
        type: 'b',
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        two,
        fc.array(fc.tuple(fc.nat(1000), anything), { minLength: 1, maxLength: 2 }),
        fc.constantFrom('generic', 'strict'),
        async ({ endpoint, pair }, changes, idp) => {
          const type = typeAt(endpoint);
          const given = [...type.attributes.values()].filter(isGiven);
          const broken = names(pair).map((body) => ({ ...body })) as Record<string, unknown>[];
          const replaced = new Set<Attribute>();
          for (const [at, value] of changes) {
            const attribute = given[at % given.length] as Attribute;
            replaced.add(attribute);
            for (const body of broken) body[attribute.name] = value;
          }
          await postAndPut(broken as [Json, Json], endpoint, tokens[idp] as string, async (answer, index) => {
            if (answer.status >= 400) return;
            const body = broken[index] as Record<string, unknown>;
            const used = tolerancesUsed();
            if (idp === 'strict') assert.deepEqual(used, []);
            const rest: Record<string, unknown> = { ...pair[index as 0 | 1].members };
            const held: Record<string, unknown> = { ...answer.json };
            for (const attribute of replaced) {
              const { name } = attribute;
              const sent = body[name];
              const stored = held[name];
              delete rest[name];
              delete held[name];
              if (used.length > 0 || (name === 'active' && isCleared(sent))) continue;
              assert.ok(!namesNothing(attribute, sent, index === 0), `${name}: ${JSON.stringify(sent)}`);
              assert.deepEqual(
                stored === undefined ? undefined : normal(attribute, stored),
                meaning(attribute, sent),
                `${name}: ${JSON.stringify(sent)}`,
              );
            }
            if (rest.active === undefined) delete held.active;
            assert.deepEqual(normalResource(type, held), normalResource(type, rest), 'the rest');
          });
        },
      ),
      { numRuns: runs * 3 },
    );
  });
});

function meaning(attribute: Attribute, sent: unknown): unknown {
  const value = isCleared(sent) ? undefined : known(attribute, sent);
  return value === undefined ? undefined : normal(attribute, value);
}

/** RFC 7643 §2.5: null and an empty array are no value. */
function isCleared(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

/** Does it say neither a value nor that there is to be none? A POST has nothing that an empty value could clear. */
function namesNothing(attribute: Attribute, value: unknown, isPost: boolean): boolean {
  if (!attribute.multiValued || !Array.isArray(value)) return isStrange(attribute, value, isPost);
  const isEmpty = !isPost && value.length > 0 && value.every((each) => each === null || isEmptyJson(each));
  return isEmpty || value.some((each) => isStrange(attribute, each, isPost));
}

/** An object of attributes that nobody knows. */
function isStrange(attribute: Attribute, value: unknown, isPost: boolean): boolean {
  if (attribute.type !== 'complex' || !isJson(value) || isEmptyJson(value)) return false;
  const names = Object.keys(value).filter((name) => !isPost || value[name] !== null);
  return names.length > 0 && !names.some((name) => attribute.subAttributes.has(name.toLowerCase()));
}

function isEmptyJson(value: unknown): boolean {
  return isJson(value) && Object.keys(value).length === 0;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the schema has of a value: attributes that nobody knows are ignored (RFC 7644 §3.3). */
function known(attribute: Attribute, value: unknown): unknown {
  if (attribute.multiValued && Array.isArray(value)) {
    const values = value.map((each) => known({ ...attribute, multiValued: false }, each));
    const left = values.filter((each) => each !== undefined && each !== null);
    return left.length === 0 ? undefined : left;
  }
  if (attribute.type !== 'complex' || !isJson(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const sub = attribute.subAttributes.get(name.toLowerCase());
    if (sub !== undefined && isGiven(sub) && !isCleared(member)) result[sub.name] = known(sub, member);
  }
  return Object.keys(result).length === 0 ? undefined : result;
}
