/**
 * Lists of values under PATCH: what is added to them, what has become the same value as another, and which one is
 * primary (RFC 7643 §2.4, RFC 7644 §3.5.2). Nothing that was given or was there is lost on the way.
 */
import { invalidValue } from '../error.ts';
import { equalValues } from './document.ts';
import { type ComplexValue, isObject } from './object.ts';
import type { Attribute } from './registry.ts';
import type { Tolerated } from './tolerances.ts';
import { elementValidatorOf, identity, isIdentifiedByValue, validatorOf } from './value.ts';

/** The values of an attribute, however many it can have. */
export function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A complex value with its sub-attributes in schema order, others behind them; undefined if it has none. */
export function orderedComplex(attribute: Attribute, value: ComplexValue): ComplexValue | undefined {
  const result: Record<string, unknown> = {};
  for (const { name } of attribute.subAttributes.values()) {
    if (value[name] !== undefined) result[name] = value[name];
  }
  // What no schema defines is an embedder's own.
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined && !Object.hasOwn(result, name)) result[name] = member;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** `add` takes one object for a multi-valued attribute as well as an array of them (RFC 7644 §3.5.2.1). */
export function addedValues(
  { attribute, value, at }: { readonly attribute: Attribute; readonly value: unknown; readonly at: string },
  tolerated: Tolerated,
): readonly unknown[] {
  if (attribute.type !== 'complex' || !isObject(value))
    return valuesOf(validatorOf(attribute)(value, at, tolerated));
  const clean = elementValidatorOf(attribute)(value, at, tolerated);
  if (clean === undefined) throw invalidValue(`${at} has no value`);
  return [clean];
}

/** Is refused with: the sub-attribute is immutable and has another value. */
type Refuse = (sub: Attribute) => Error;

/**
 * Adds values to those that are there (RFC 7644 §3.5.2.1). One that is there already is kept once, with what is now
 * said of it; a member of a group stays as it is (reading A-29).
 */
export function append(
  attribute: Attribute,
  before: readonly unknown[],
  values: readonly unknown[],
  refuse: Refuse,
): readonly unknown[] {
  const places = new Map<string, number>();
  before.forEach((element, index) => {
    const key = identity(attribute, element);
    if (!places.has(key)) places.set(key, index);
  });
  const all = [...before];
  let primary = -1;
  for (const value of values) {
    const key = identity(attribute, value);
    const place = places.get(key) ?? all.length;
    places.set(key, place);
    all[place] = place === all.length ? value : overlaid(attribute, all[place], value, refuse);
    if (isPrimary(value)) primary = place;
  }
  return primary === -1 ? all : onlyPrimary(all, primary);
}

/** `over` takes precedence; lists within are joined. */
function overlaid(attribute: Attribute, under: unknown, over: unknown, refuse: Refuse): unknown {
  if (!isObject(under) || !isObject(over)) return under;
  const result: Record<string, unknown> = { ...under };
  for (const sub of attribute.subAttributes.values()) {
    const [old, value] = [under[sub.name], over[sub.name]];
    if (value === undefined || equalValues(old, value)) continue;
    if (sub.multiValued) result[sub.name] = append(sub, valuesOf(old), valuesOf(value), refuse);
    else if (old === undefined || sub.mutability !== 'immutable') result[sub.name] = value;
    else if (!isIdentifiedByValue(attribute)) throw refuse(sub);
  }
  return orderedComplex(attribute, result);
}

/** Values as they were and as they are after an edit of those chosen; an undefined one is gone. */
export interface EditedList {
  readonly before: readonly unknown[];
  readonly chosen: readonly boolean[];
  readonly after: readonly unknown[];
}

/**
 * The list after its values have been edited one by one: a value that has come to equal another is joined with it, and
 * one that has become primary is the only one that is.
 */
export function settled(attribute: Attribute, { before, chosen, after }: EditedList, at: string): unknown[] {
  const key = (element: unknown) => identity(attribute, element);
  const moved = after.map(
    (element, index) =>
      element !== undefined && element !== before[index] && key(element) !== key(before[index]),
  );
  const raises = after.some((element, index) => isPrimary(element) && !isPrimary(before[index]));
  const list: unknown[] = [];
  const raised = new Set<number>();
  const places = new Map<string, { readonly place: number; moved: boolean }>();
  after.forEach((element, index) => {
    if (element === undefined) return;
    const found = moved.includes(true) ? places.get(key(element)) : undefined;
    let { length: place } = list;
    if (found !== undefined && (found.moved || moved[index])) {
      place = found.place;
      const [under, over] = moved[index] ? [list[place], element] : [element, list[place]];
      list[place] = joined(attribute, under, over);
    } else {
      list.push(element);
      if (moved.includes(true)) places.set(key(element), { place, moved: moved[index] === true });
    }
    if (raises && chosen[index] && isPrimary(element)) raised.add(place);
  });
  if (raised.size > 1) throw invalidValue(`${at}: only one value of ${attribute.path} can be primary`);
  const [primary] = raised;
  return primary === undefined ? list : onlyPrimary(list, primary);
}

function joined(attribute: Attribute, under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over;
  const result: Record<string, unknown> = { ...under, ...over };
  for (const { name, multiValued } of attribute.subAttributes.values()) {
    if (multiValued && under[name] !== undefined && over[name] !== undefined)
      result[name] = [...new Set([...valuesOf(under[name]), ...valuesOf(over[name])])];
  }
  if (isPrimary(under)) result.primary = true;
  return orderedComplex(attribute, result);
}

function isPrimary(element: unknown): boolean {
  return isObject(element) && element.primary === true;
}

/** Setting primary on one value clears it on the others (RFC 7644 §3.5.2). */
function onlyPrimary(elements: readonly unknown[], keep: number): unknown[] {
  return elements.map((element, index) =>
    index !== keep && isObject(element) && element.primary === true
      ? { ...element, primary: false }
      : element,
  );
}
