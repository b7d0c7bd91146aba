/**
 * Which values a `remove` names by its `value` (reading A-08): those that have all that it says of them, each
 * sub-attribute compared as `caseExact` has it. What says nothing is refused, since it could mean anything.
 */

import type { Filter } from '../../grammar/ast.ts';
import { invalidValue } from '../error.ts';
import { keyOf } from './comparison.ts';
import { isObject } from './object.ts';
import { valuesOf } from './patch-lists.ts';
import type { Attribute } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { complexMembers, elementValidatorOf, isIdentifiedByValue, validatorOf } from './value.ts';

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
  if (!isObject(value)) return false;
  for (const [sub, wanted] of description) {
    if (!hasAll(sub, value[sub.name], wanted)) return false;
  }
  return true;
}

function hasAll(attribute: Attribute, value: unknown, wanted: unknown): boolean {
  const keys = new Set(valuesOf(value ?? unassigned(attribute)).map((each) => keyOf(attribute, each)));
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
  const groups = new Map<string, Group>();
  for (const description of describedValues(attribute, value, at, tolerated)) {
    const subs = [...attribute.subAttributes.values()].filter(
      (sub) => !sub.multiValued && description.has(sub),
    );
    const names = subs.map(({ name }) => name).join();
    const group = groups.get(names) ?? { subs, byKeys: new Map<string, Description[]>() };
    groups.set(names, group);
    const keys = keysOf(subs, (sub) => description.get(sub));
    const alike = group.byKeys.get(keys);
    if (alike === undefined) group.byKeys.set(keys, [description]);
    else alike.push(description);
  }
  return (element) => {
    if (!isObject(element)) return false;
    for (const { subs, byKeys } of groups.values()) {
      const alike = byKeys.get(keysOf(subs, ({ name }) => element[name]));
      if (alike?.some((description) => fits(description, element))) return true;
    }
    return false;
  };
}

/** Descriptions that speak of the same sub-attributes, by the comparison keys of those. */
interface Group {
  readonly subs: readonly Attribute[];
  readonly byKeys: Map<string, Description[]>;
}

function keysOf(subs: readonly Attribute[], read: (sub: Attribute) => unknown): string {
  return JSON.stringify(subs.map((sub) => keyOf(sub, read(sub) ?? unassigned(sub)) ?? null));
}

/** RFC 7643 §2.4: a value that does not say so is not primary. */
function unassigned({ name }: Attribute): unknown {
  return name === 'primary' ? false : undefined;
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

/** Does the filter name members by their ids, as RFC 7644 §3.5.2.2 has it? */
export function isMembership(attribute: Attribute, filter: Filter): boolean {
  return isIdentifiedByValue(attribute) && namedMembers(filter) !== undefined;
}

/** The ids of `value eq "a" or value eq "b"`; undefined for any other filter. */
export function namedMembers(filter: Filter): string[] | undefined {
  const values: string[] = [];
  for (const part of filter.type === 'or' ? filter.filters : [filter]) {
    if (part.type !== 'compare' || part.operator !== 'eq' || typeof part.value !== 'string') return undefined;
    const { name, schema, subAttr } = part.attrPath;
    if (name.toLowerCase() !== 'value' || schema !== undefined || subAttr !== undefined) return undefined;
    values.push(part.value);
  }
  return values;
}
