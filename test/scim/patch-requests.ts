/** Arbitrary schemas, resources and PATCH requests for patch-property.test.ts; values come from small pools, so that they meet. */
import fc from 'fast-check';
import type { AttributeDefinition, SchemaDefinition } from '../../src/scim/definitions.ts';
import type { PatchOperation } from '../../src/scim/resource-types.ts';
import type { Complex, Equality, Intent, Shape } from './patch-model.ts';

const baseUri = 'urn:example:params:scim:schemas:thing:1.0';
export const extensionUri = `${baseUri}:More`;

/** Attributes of the base schema, and those of the extension. */
export interface World {
  readonly core: readonly Shape[];
  readonly extension: readonly Shape[];
}

type Resource = Readonly<Record<string, unknown>>;

const texts = fc.constantFrom('a', 'A', 'b', 'B', 'c', 'é', 'É', 'd e', '7', 'true', 'x"y\\');
const integers = fc.constantFrom(0, 1, 2, 30);

function simple(
  name: string,
  type: 'string' | 'integer' | 'boolean',
  multiValued = false,
): fc.Arbitrary<Shape> {
  return fc.boolean().map((caseExact) => ({ name, type, multiValued, caseExact, subAttributes: [] }));
}

function complex(name: string, multiValued: boolean, ...subs: fc.Arbitrary<Shape>[]): fc.Arbitrary<Shape> {
  return fc
    .tuple(...subs)
    .map((subAttributes) => ({ name, type: 'complex', multiValued, caseExact: false, subAttributes }));
}

const attributes = (prefix: string): fc.Arbitrary<Shape>[] => [
  simple(`${prefix}title`, 'string'),
  simple(`${prefix}floor`, 'integer'),
  simple(`${prefix}tags`, 'string', true),
  simple(`${prefix}ranks`, 'integer', true),
  complex(
    `${prefix}desk`,
    false,
    simple('room', 'string'),
    simple('level', 'integer'),
    simple('tools', 'string', true),
  ),
  complex(`${prefix}boss`, false, simple('value', 'string'), simple('rank', 'integer')),
  complex(
    `${prefix}cards`,
    true,
    simple('value', 'string'),
    simple('display', 'string'),
    simple('type', 'string').map((shape) => ({ ...shape, caseExact: false })),
    simple('primary', 'boolean'),
    simple('doors', 'string', true),
  ),
  complex(`${prefix}places`, true, simple('city', 'string'), simple('kind', 'string')),
];

function definition({ subAttributes, ...shape }: Shape): AttributeDefinition {
  return subAttributes.length === 0 ? shape : { ...shape, subAttributes: subAttributes.map(definition) };
}

export const worlds: fc.Arbitrary<World> = fc
  .tuple(fc.tuple(...attributes('')), fc.tuple(...attributes('x')), simple('active', 'boolean'))
  .chain(([core, extension, active]) =>
    fc.record({
      core: fc.subarray(core, { minLength: 2, maxLength: 4 }).map((some) => [active, ...some]),
      extension: fc.subarray(extension, { minLength: 1, maxLength: 3 }),
    }),
  );

export function schemasOf({ core, extension }: World): readonly SchemaDefinition[] {
  return [
    { id: baseUri, name: 'Thing', attributes: core.map(definition) },
    { id: extensionUri, name: 'More', attributes: extension.map(definition) },
  ];
}

// ---- values -----------------------------------------------------------------------------------------------

function scalar(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.type === 'boolean') return fc.boolean();
  return shape.type === 'integer' ? integers : texts;
}

/** One value of the attribute, not empty. */
function one(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.type !== 'complex') return scalar(shape);
  const members = Object.fromEntries(shape.subAttributes.map((sub) => [sub.name, whole(sub)]));
  return fc
    .record(members, { requiredKeys: [] })
    .map((value) => ordered(shape, value))
    .filter((value) => Object.keys(value).length > 0);
}

function ordered(shape: Shape, value: Complex): Complex {
  const present = shape.subAttributes.filter(({ name }) => value[name] !== undefined);
  return Object.fromEntries(present.map(({ name }) => [name, value[name]]));
}

function whole(shape: Shape): fc.Arbitrary<unknown> {
  return shape.multiValued
    ? fc.uniqueArray(one(shape), { minLength: 1, maxLength: 3, selector: String })
    : one(shape);
}

/** A list as it may be stored: each (type, value) once, one primary at most. */
function storable(shape: Shape, value: unknown): unknown {
  if (!shape.multiValued || shape.type !== 'complex') return value;
  const seen = new Set<string>();
  let hasPrimary = false;
  const kept: Complex[] = [];
  for (const element of value as Complex[]) {
    const key = JSON.stringify(
      element.value === undefined ? element : [element.value, String(element.type).toLowerCase()],
    );
    if (seen.has(key) || (element.primary === true && hasPrimary)) continue;
    seen.add(key);
    hasPrimary ||= element.primary === true;
    kept.push(element);
  }
  return kept;
}

/** A stored resource: in the schema's spelling and order, without what is empty. */
export function resources({ core, extension }: World): fc.Arbitrary<Resource> {
  const container = (shapes: readonly Shape[]) =>
    fc
      .record(
        Object.fromEntries(
          shapes.map((shape) => [
            shape.name,
            (shape.multiValued ? fc.array(one(shape), { minLength: 1, maxLength: 4 }) : one(shape)).map(
              (value) => storable(shape, unique(shape, value)),
            ),
          ]),
        ),
        { requiredKeys: [] },
      )
      .map((value) => value as Resource);
  return fc.tuple(container(core), container(extension)).map(([base, more]) => ({
    schemas: [baseUri, ...(Object.keys(more).length > 0 ? [extensionUri] : [])],
    id: '1',
    ...base,
    ...(Object.keys(more).length > 0 ? { [extensionUri]: more } : {}),
    'x-own': { kept: [1] },
  }));
}

function unique(shape: Shape, value: unknown): unknown {
  return shape.multiValued && shape.type !== 'complex' ? [...new Set(value as unknown[])] : value;
}

// ---- what is asked for ------------------------------------------------------------------------------------

export interface Asked {
  readonly intent: Intent;
  readonly inExtension: boolean;
}

/** The part of `before` that a remove may speak of, or something like it. */
function named(shape: Shape, before: unknown): fc.Arbitrary<unknown> {
  const stored = (Array.isArray(before) ? before : before === undefined ? [] : [before]) as unknown[];
  const part = (value: unknown): fc.Arbitrary<unknown> =>
    shape.type === 'complex'
      ? fc
          .subarray(Object.keys(value as Complex), { minLength: 1 })
          .map((names) => Object.fromEntries(names.map((name) => [name, (value as Complex)[name]])))
      : fc.constant(value);
  const other = one(shape);
  const each = stored.length === 0 ? other : fc.oneof(other, fc.constantFrom(...stored).chain(part));
  const respelled = fc.tuple(each, fc.boolean()).map(([value, swap]) => (swap ? swapCase(value) : value));
  return shape.multiValued ? fc.array(respelled, { maxLength: 3 }) : respelled;
}

function swapCase(value: unknown): unknown {
  if (typeof value === 'string')
    return value === value.toLowerCase() ? value.toUpperCase() : value.toLowerCase();
  if (Array.isArray(value)) return value.map(swapCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, swapCase(member)]));
}

/** A value for add and replace: null, or members of which some may be null. */
function given(shape: Shape, op: Intent['op'], asOne: boolean): fc.Arbitrary<unknown> {
  const single =
    shape.type !== 'complex'
      ? scalar(shape)
      : fc.tuple(one(shape), fc.nat({ max: 9 })).map(([value, chance]) => {
          const cleared = shape.subAttributes.find(({ name }) => (value as Complex)[name] === undefined);
          return chance === 0 && cleared !== undefined && !shape.multiValued
            ? { ...(value as Complex), [cleared.name]: null }
            : value;
        });
  if (asOne || !shape.multiValued) return fc.option(single, { freq: 8, nil: null });
  const lists = fc.array(one(shape), { maxLength: 3 }).map((values) => {
    let hasPrimary = false;
    return values.map((value) => {
      if ((value as Complex).primary !== true) return value;
      const result = hasPrimary ? { ...(value as Complex), primary: false } : value;
      hasPrimary = true;
      return result;
    });
  });
  return op === 'add' && shape.type === 'complex' ? fc.oneof(lists, one(shape)) : lists;
}

export function asked(world: World, resource: Resource): fc.Arbitrary<Asked> {
  const shapes = [
    ...world.core.map((attribute) => ({ attribute, inExtension: false })),
    ...world.extension.map((attribute) => ({ attribute, inExtension: true })),
  ];
  return fc
    .record({
      shape: fc.constantFrom(...shapes),
      op: fc.constantFrom<Intent['op'][]>('add', 'replace', 'remove'),
      byFilter: fc.nat({ max: 2 }),
      bySub: fc.nat({ max: 2 }),
      hasValue: fc.boolean(),
    })
    .chain(({ shape: { attribute, inExtension }, op, byFilter, bySub, hasValue }) => {
      const container = (inExtension ? resource[extensionUri] : resource) as Resource | undefined;
      const before = container?.[attribute.name];
      const isComplex = attribute.type === 'complex';
      const subs = isComplex && bySub > 0 ? attribute.subAttributes.map((sub) => sub) : [undefined];
      const filters =
        byFilter > 0 && (isComplex || attribute.multiValued)
          ? equalities(attribute, before)
          : fc.constant(undefined);
      return fc
        .record({
          sub: fc.constantFrom<(Shape | undefined)[]>(...subs),
          filter: filters,
          part: texts,
          narrow: fc.boolean(),
        })
        .chain(({ sub, filter, part, narrow }) => {
          const target = sub ?? attribute;
          const subFilter = narrow && sub?.multiValued && filter === undefined ? part : undefined;
          const asOne = subFilter !== undefined || (filter !== undefined && sub === undefined);
          const stored = sub === undefined ? before : subValues(before, sub);
          const value =
            op === 'remove'
              ? hasValue
                ? named(asOne && attribute.multiValued ? { ...target, multiValued: true } : target, stored)
                : fc.constant(undefined)
              : given(target, op, asOne);
          return value.map((value) => ({
            inExtension,
            intent: { op, attribute, filter, sub, subFilter, value },
          }));
        });
    });
}

function subValues(before: unknown, sub: Shape): unknown {
  const values = (Array.isArray(before) ? before : before === undefined ? [] : [before]) as Complex[];
  const found = values.flatMap((value) => value[sub.name] ?? []);
  return sub.multiValued ? found : found[0];
}

function equalities(attribute: Shape, before: unknown): fc.Arbitrary<Equality> {
  const strings = attribute.subAttributes.filter(
    ({ type, multiValued }) => type === 'string' && !multiValued,
  );
  if (attribute.type !== 'complex') return scalar(attribute).map((value) => ({ sub: 'value', value }));
  const stored = (Array.isArray(before) ? before : before === undefined ? [] : [before]) as Complex[];
  return fc.constantFrom(...strings).chain(({ name }) => {
    const known = stored.map((value) => value[name]).filter((value) => typeof value === 'string');
    const value = known.length === 0 ? texts : fc.oneof(texts, fc.constantFrom(...(known as string[])));
    return value.map((value) => ({ sub: name, value }));
  });
}

// ---- as requests ------------------------------------------------------------------------------------------

export interface Form {
  readonly operation: PatchOperation;
  /** What strict makes of this spelling, whatever is asked for. */
  readonly strict: 'same' | 'refused';
}

export function pathOf({ intent, inExtension }: Asked): string {
  const { attribute, filter, sub, subFilter } = intent;
  const own = inExtension ? `${extensionUri}:${attribute.name}` : attribute.name;
  const chosen = filter === undefined ? '' : `[${filter.sub} eq ${JSON.stringify(filter.value)}]`;
  const within = subFilter === undefined ? '' : `[value eq ${JSON.stringify(subFilter)}]`;
  return `${own}${chosen}${sub === undefined ? '' : `.${sub.name}`}${within}`;
}

/** The ways in which providers write it. */
export function forms(request: Asked): fc.Arbitrary<Form> {
  const { intent, inExtension } = request;
  const { op, attribute, sub, filter, value } = intent;
  const path = pathOf(request);
  const target = sub ?? attribute;
  const plain: Form = { operation: { op, path, ...(value === undefined ? {} : { value }) }, strict: 'same' };
  const all: Form[] = [
    plain,
    {
      operation: { ...plain.operation, path: path.replace(attribute.name, attribute.name.toUpperCase()) },
      strict: 'same',
    },
  ];
  if (value !== undefined) {
    all.push({ ...plain, operation: { ...plain.operation, value: respelled(value) } });
    const isWrappable = !target.subAttributes.some(({ name }) => name === target.name);
    const clears = value === null || (Array.isArray(value) && value.length === 0);
    if (isWrappable && !(target.name === 'value'))
      all.push({ operation: { op, path, value: { [target.name]: value } }, strict: 'refused' });
    if (target.type === 'complex' && !clears)
      all.push({ operation: { op, path, value: JSON.stringify(value) }, strict: 'refused' });
  }
  if (op !== 'remove' && sub === undefined && filter === undefined && value !== undefined) {
    const members = inExtension
      ? { [extensionUri]: { [attribute.name]: value } }
      : { [attribute.name]: value };
    all.push(
      { operation: { op, value: members }, strict: 'same' },
      { operation: { op, value: [members] }, strict: 'refused' },
      { operation: { op, value: JSON.stringify(members) }, strict: 'refused' },
    );
    if (inExtension)
      all.push({ operation: { op, path: extensionUri, value: { [attribute.name]: value } }, strict: 'same' });
  }
  return fc.constantFrom(...all);
}

/** Names of sub-attributes in another letter case are the same names (RFC 7643 §2.1). */
function respelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(respelled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name.toUpperCase(), member]));
}

/** Values that name nothing, or are of no type that the attribute has: refused whatever is tolerated. */
export function nonsense({ intent }: Asked): fc.Arbitrary<unknown> {
  const { op, attribute, filter, sub } = intent;
  const target = sub ?? attribute;
  const always = [{ unknown: 'a' }, [{ unknown: 'a' }], [{}], {}, [null], '{"broken'];
  const numbers = target.type === 'integer' ? [] : [5];
  return fc.constantFrom<unknown[]>(
    ...(target.type === 'string' ? always.slice(0, 5) : always),
    ...numbers,
    ...(target.type === 'complex' ? [[[]], ['']] : []),
    ...(target.type === 'complex' && target.multiValued && (op !== 'add' || filter === undefined)
      ? [[{ value: null, city: null }]]
      : []),
  );
}
