/**
 * Which values a `remove` names by its `value` (reading A-08): those that have all that it says of them, each
 * sub-attribute compared as `caseExact` has it. What says nothing is refused, since it could mean anything.
 */
import { keyOf } from './comparison.ts';
import { valuesOf } from './patch-lists.ts';
import type { Attribute } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { complexMembers, elementValidatorOf, invalidValue, validatorOf } from './value.ts';

/** What is said of one value that is to go: values by sub-attribute. */
export type Description = ReadonlyMap<Attribute, unknown>;

/** The descriptions in a value: one, or a list of them. */
export function describedValues(
  attribute: Attribute,
  value: unknown,
  at: string,
  tolerated: Tolerated,
): readonly Description[] {
  const read = tolerate(tolerated, 'jsonText', value) ?? value;
  return Array.isArray(read)
    ? read.map((each, index) => described(attribute, each, `${at}[${index}]`, tolerated))
    : [described(attribute, read, at, tolerated)];
}

/** Throws 400 invalidValue for what describes no value. */
export function described(
  attribute: Attribute,
  value: unknown,
  at: string,
  tolerated: Tolerated,
): Description {
  const description = new Map<Attribute, unknown>();
  const members = complexMembers(attribute, value, at, tolerated) ?? new Map<string, unknown>();
  for (const [name, member] of members) {
    const sub = attribute.subAttributes.get(name);
    if (sub === undefined) {
      // What is unknown may be left out where `value` says which one is meant, and nowhere else.
      if (members.has('value')) continue;
      throw invalidValue(`${at}: ${attribute.path} has no ${name} by which a value could be removed`);
    }
    const clean = validatorOf(sub)(member, `${at}.${sub.name}`, tolerated);
    if (clean !== undefined) description.set(sub, clean);
  }
  if (description.size === 0) throw invalidValue(`${at} does not say which value is to be removed`);
  return description;
}

/** Has the complex value all that is said? */
export function fits(description: Description, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const element = value as Readonly<Record<string, unknown>>;
  for (const [sub, wanted] of description) {
    if (!hasAll(sub, element[sub.name], wanted)) return false;
  }
  return true;
}

function hasAll(attribute: Attribute, value: unknown, wanted: unknown): boolean {
  const keys = new Set(valuesOf(value).map((each) => keyOf(attribute, each)));
  // RFC 7643 §2.4: a value that does not say so is not primary.
  if (value === undefined && attribute.name === 'primary') keys.add(keyOf(attribute, false));
  return valuesOf(wanted).every((each) => keys.has(keyOf(attribute, each)));
}

/** Is a value of the attribute among those that are named? Compiled once, since either may be many. */
export function namedAmong(
  attribute: Attribute,
  value: unknown,
  at: string,
  tolerated: Tolerated,
): (element: unknown) => boolean {
  if (attribute.type !== 'complex') {
    const keys = new Set(namedKeys(attribute, value, at, tolerated));
    return (element) => keys.has(keyOf(attribute, element));
  }
  const identifier = attribute.subAttributes.get('value');
  const byValue = new Map<unknown, Description[]>();
  for (const description of describedValues(attribute, value, at, tolerated)) {
    const wanted = identifier === undefined ? undefined : description.get(identifier);
    const key = identifier === undefined || wanted === undefined ? undefined : keyOf(identifier, wanted);
    byValue.set(key, [...(byValue.get(key) ?? []), description]);
  }
  return (element) => {
    const own = (element as { readonly value?: unknown } | null)?.value;
    const key = identifier === undefined || own === undefined ? undefined : keyOf(identifier, own);
    return [key, undefined].some((each) =>
      byValue.get(each)?.some((description) => fits(description, element)),
    );
  };
}

function namedKeys(attribute: Attribute, value: unknown, at: string, tolerated: Tolerated) {
  const list = attribute.multiValued && Array.isArray(value);
  return (list ? (value as readonly unknown[]) : [value]).flatMap((each, index) => {
    // For a single value an empty array names nothing, as an empty list does.
    if (!attribute.multiValued && Array.isArray(each) && each.length === 0) return [];
    const place = list ? `${at}[${index}]` : at;
    const clean = elementValidatorOf(attribute)(each, place, tolerated);
    if (clean === undefined) throw invalidValue(`${place} does not say which value is to be removed`);
    return [keyOf(attribute, clean)];
  });
}
