/** Arbitrary people and arbitrary filters over the staff schema; values come from small pools, so that they meet. */
import fc from 'fast-check';
import {
  and,
  co,
  eq,
  ew,
  type Filter,
  ge,
  gt,
  le,
  lt,
  ne,
  not,
  or,
  pr,
  sw,
  valuePath,
} from '../../grammar/index.ts';
import type { Attribute } from '../../src/scim/registry.ts';
import { type Person, staffType, staffUri } from './staff.ts';

const texts = [
  '', 'a', 'A', 'ab', 'AB', 'aB%', 'a_b', '\\', "o'x", '"', 'é', 'É', 'e\u0301', 'E\u0301x', 'ß', 'ẞ', 'ss', 'σ', 'ς', 'İ', 'ı',
  'K', 'k', 'ﬀ', '\u{1e900}', '\u{1e922}', '😀', '\uffff', '\u{10ffff}', 'a\u{10ffff}', '\ud7ff', 'ｚ', '가', '\u1100\u1161', '$1', '?', 'null', '10', '9',
]; // biome-ignore format: a pool
const instants = [
  '2020-01-01T00:00:00Z', '2020-01-01T01:00:00+01:00', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.0000001Z',
  '2019-12-31T23:59:59.999Z', '2024-02-29T12:00:00', '1969-12-31T24:00:00Z', '0001-01-01T00:00:00Z',
]; // biome-ignore format: a pool
/** Fractions, exponents, negative zero, and doubles beyond 2^53, whose digits a database reads as a wider number. */
export const numbers = [
  0, -0, 1, -1, 2, 5, 0.1, -1.25, 4.5, 1e-7, 5e-324, 1e21, 1e23, -1e300, 9007199254740991, -9007199254740991, 9007199254740992,
  9007199254740994, 1234567890123456800, -1234567890123456800, 1234567890123457000, 2 ** 63, 2 ** 63 - 1024, -(2 ** 63), 2 ** 64,
]; // biome-ignore format: a pool

export const number: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...numbers) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(Number) },
);

const text = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...texts) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'binary', maxLength: 3 }).filter((value) => !value.includes('\0')),
  },
);

function scalar(attribute: Attribute): fc.Arbitrary<string | number | boolean> {
  switch (attribute.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'decimal':
      return number;
    case 'dateTime':
      return fc.constantFrom(...instants);
    default:
      return text;
  }
}

/** A value as a client may have left it: also absent, null or empty. */
function value(attribute: Attribute): fc.Arbitrary<unknown> {
  const one: fc.Arbitrary<unknown> =
    attribute.type === 'complex' ? object(attribute.subAttributes.values()) : scalar(attribute);
  return fc.option(attribute.multiValued ? fc.array(one, { maxLength: 3 }) : one, { nil: null, freq: 6 });
}

function object(attributes: Iterable<Attribute>): fc.Arbitrary<Record<string, unknown>> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const attribute of attributes) members[attribute.name] = value(attribute);
  return fc.record(members, { requiredKeys: [] });
}

const asked = [
  'userName',
  'displayName',
  'nickName',
  'externalId',
  'active',
  'profileUrl',
  'name',
  'emails',
  'photos',
];
const staffAttributes = [...staffType.extensions.get(staffUri.toLowerCase())!.attributes.values()];
const coreAttributes = asked.map((name) => staffType.attributes.get(name.toLowerCase())!);

export const people: fc.Arbitrary<readonly Person[]> = fc
  .array(fc.record({ core: object(coreAttributes), staff: fc.option(object(staffAttributes)) }), {
    minLength: 8,
    maxLength: 24,
  })
  .map((list) =>
    list.map(({ core, staff }, index) => ({
      ...core,
      id: `p${String(index).padStart(2, '0')}`,
      ...(staff === null ? {} : { [staffUri]: staff }),
    })),
  );

/** Everything that the RFC lets one ask of an attribute called `path`. */
function comparison(
  path: string,
  attribute: Attribute,
): fc.Arbitrary<ReturnType<typeof eq> | ReturnType<typeof pr>> {
  const asksFor = (makers: readonly (typeof eq)[]) =>
    fc.tuple(fc.constantFrom(...makers), scalar(attribute)).map(([make, literal]) => make(path, literal));
  const always = fc.constantFrom(pr(path), eq(path, null), ne(path, null));
  switch (attribute.type) {
    case 'complex':
      return always;
    case 'boolean':
      return fc.oneof(always, asksFor([eq, ne]));
    case 'integer':
    case 'decimal':
    case 'dateTime':
      return fc.oneof(always, asksFor([eq, ne, gt, ge, lt, le]));
    case 'binary':
      return fc.oneof(always, asksFor([eq, ne, co, sw, ew]));
    default:
      return fc.oneof(always, asksFor([eq, ne, co, sw, ew]), asksFor([gt, ge, lt, le]));
  }
}

function visible(attribute: Attribute): Attribute[] {
  return [...attribute.subAttributes.values()].filter(({ returned }) => returned !== 'never');
}

function logic(leaf: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('filter'), { minLength: 2, maxLength: 4 }).map((operands) => and(...operands)),
      fc.array(tie('filter'), { minLength: 2, maxLength: 4 }).map((operands) => or(...operands)),
      tie('filter').map(not),
    ),
  })).filter;
}

/** `path[…]`, with or without something behind it. */
function selection(path: string, attribute: Attribute): fc.Arbitrary<Filter> {
  const inner = (attribute.type === 'complex' ? visible(attribute) : [attribute]).map((sub) =>
    comparison(sub === attribute ? 'value' : sub.name, sub),
  );
  const leaf = fc.oneof(...inner);
  return fc
    .tuple(logic(leaf), fc.option(leaf))
    .map(([filter, tail]) => valuePath(path, filter, tail ?? undefined));
}

function leaves(attribute: Attribute): fc.Arbitrary<Filter>[] {
  const { path } = attribute;
  const found: fc.Arbitrary<Filter>[] = [comparison(path, attribute)];
  for (const sub of visible(attribute)) found.push(comparison(sub.path, sub));
  if (attribute.type === 'complex' || attribute.multiValued)
    found.push(selection(path, attribute), selection(path, attribute));
  return found;
}

export const filters: fc.Arbitrary<Filter> = logic(
  fc.oneof(...[...coreAttributes, ...staffAttributes].flatMap(leaves), fc.constant(pr(staffUri))),
);
