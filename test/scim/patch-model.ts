/**
 * What a PATCH must come to, said over from RFC 7644 §3.5.2 and README alone, attribute by attribute and as plainly as
 * can be: the oracle of patch-property.test.ts. It knows nothing of the code that it judges.
 */

import { isDeepStrictEqual } from 'node:util';

export interface Shape {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'complex';
  readonly multiValued: boolean;
  readonly caseExact: boolean;
  readonly subAttributes: readonly Shape[];
}

/** `sub eq value`; of a simple attribute, `value eq value`. */
export interface Equality {
  readonly sub: string;
  readonly value: unknown;
}

/** One operation, whatever it is spelled like. A missing `value` is none; `named` is what a remove lists. */
export interface Intent {
  readonly op: 'add' | 'replace' | 'remove';
  readonly attribute: Shape;
  readonly filter?: Equality | undefined;
  readonly sub?: Shape | undefined;
  readonly subFilter?: string | undefined;
  readonly value?: unknown;
}

type Value = unknown;
export type Complex = { readonly [name: string]: Value };

/** The request must be refused. */
export class Refused extends Error {}

const sameExactly = (a: Value, b: Value) => isDeepStrictEqual(a, b);

/** Equal as the schema compares: letter case counts where `caseExact` says so. */
function same(shape: Shape, a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string' && !shape.caseExact)
    return a.toLowerCase() === b.toLowerCase();
  return a === b;
}

const list = (value: Value): readonly Value[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const subOf = (shape: Shape, name: string) => shape.subAttributes.find((sub) => sub.name === name) as Shape;
const orNone = (values: readonly Value[]) => (values.length === 0 ? undefined : values);

/** The attribute's value after the operation. Throws {@link Refused}. */
export function expected(intent: Intent, before: Value, strict: boolean): Value {
  const { op, attribute, filter, sub, value } = intent;
  if (op === 'remove' && value !== undefined && strict) throw new Refused('remove takes no value');
  if (filter !== undefined || sub !== undefined) return throughPath(intent, before, strict);
  if (op === 'remove')
    return value === undefined ? cleared(attribute, before) : without(attribute, before, value);
  if (attribute.multiValued) {
    if (op === 'replace') return orNone(once(attribute, list(value ?? undefined)));
    return orNone(joined(attribute, list(before), list(value ?? undefined)));
  }
  if (value === null) return cleared(attribute, before);
  if (attribute.type !== 'complex') return value;
  return merged(op, attribute, before, value as Complex);
}

/** A leaver stays a leaver. */
function cleared(attribute: Shape, before: Value): Value {
  return attribute.name === 'active' && before === false ? false : undefined;
}

function merged(op: Intent['op'], attribute: Shape, before: Value, given: Complex): Value {
  const result: Record<string, Value> = { ...(before as Complex | undefined) };
  for (const [name, value] of Object.entries(given)) {
    const after = expected({ op, attribute: subOf(attribute, name), value }, result[name], false);
    if (after === undefined) delete result[name];
    else result[name] = after;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** Which values a remove means: those that have all that is said. */
function isNamed(attribute: Shape, element: Value, named: Value): boolean {
  if (attribute.type !== 'complex') return list(named).some((each) => same(attribute, element, each));
  return list(named).some((each) =>
    Object.entries(each as Complex).every(([name, wanted]) => {
      const sub = subOf(attribute, name);
      const own = (element as Complex)[name];
      if (name === 'primary' && own === undefined) return wanted === false;
      return list(wanted).every((part) => list(own).some((value) => same(sub, value, part)));
    }),
  );
}

function without(attribute: Shape, before: Value, named: Value): Value {
  if (attribute.multiValued)
    return orNone(list(before).filter((element) => !isNamed(attribute, element, named)));
  if (before === undefined || !isNamed(attribute, before, named)) return before;
  if (attribute.type !== 'complex') return cleared(attribute, before);
  const parts = Object.entries(named as Complex);
  if (parts.some(([name]) => name === 'value')) return undefined;
  const result: Record<string, Value> = { ...(before as Complex) };
  for (const [name, part] of parts) {
    const left = without(subOf(attribute, name), result[name], part);
    if (left === undefined) delete result[name];
    else result[name] = left;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function throughPath(intent: Intent, before: Value, strict: boolean): Value {
  const { op, attribute, filter, sub, subFilter, value } = intent;
  const elements = list(before);
  const matches = (element: Value): boolean => {
    if (subFilter !== undefined)
      return list((element as Complex)[sub?.name as string]).some((part) =>
        same(sub as Shape, part, subFilter),
      );
    if (filter === undefined) return true;
    if (attribute.type !== 'complex') return same(attribute, element, filter.value);
    return same(subOf(attribute, filter.sub), (element as Complex)[filter.sub], filter.value);
  };
  const back = (left: readonly Value[]) => (attribute.multiValued ? orNone(left) : left[0]);
  const chosen = elements.map(matches);
  if (!chosen.includes(true)) {
    if (filter === undefined && subFilter === undefined)
      return back(op === 'remove' ? [] : list(withSub(intent, {}, strict)));
    if (op === 'remove') {
      if (strict) throw new Refused('noTarget');
      return before;
    }
    return back(joined(attribute, elements, list(createdValue(intent, elements.length === 0, strict))));
  }
  if (op === 'add' && sub === undefined && attribute.type !== 'complex')
    return orNone(joined(attribute, elements, value === null ? [] : [value]));
  if (op === 'remove' && sub === undefined && value !== undefined && !attribute.multiValued)
    return without(attribute, before, value);
  const after = elements.map((element, index) => {
    if (!chosen[index]) return element;
    if (sub !== undefined) return withSub(intent, element as Complex, strict);
    if (op === 'remove')
      return value === undefined || isNamed(attribute, element, value) ? undefined : element;
    if (value === null) return op === 'replace' ? undefined : element;
    if (op === 'replace' && attribute.multiValued) return value;
    return merged(op, attribute, element, value as Complex);
  });
  return attribute.multiValued ? orNone(settle(attribute, elements, after, chosen)) : after[0];
}

function withSub(intent: Intent, element: Complex, strict: boolean): Complex | undefined {
  const { op, sub, subFilter, value } = intent;
  const { name } = sub as Shape;
  const filter = subFilter === undefined ? undefined : { sub: 'value', value: subFilter };
  const after = expected({ op, attribute: sub as Shape, filter, value }, element[name], strict);
  const { [name]: _, ...rest } = element;
  const result = after === undefined ? rest : { ...rest, [name]: after };
  return Object.keys(result).length === 0 ? undefined : result;
}

/** What a path without a match adds: what its filter says with what is given, or nothing. */
function createdValue(intent: Intent, isFirst: boolean, strict: boolean): Value {
  const { op, attribute, filter, sub, subFilter, value } = intent;
  const isNothing = value === null || (Array.isArray(value) && value.length === 0);
  if (!attribute.multiValued) throw new Refused('noTarget');
  if (strict && !(op === 'add' && isFirst)) throw new Refused('noTarget');
  if (isNothing) return undefined;
  if (attribute.type !== 'complex' || filter === undefined || subFilter !== undefined)
    throw new Refused('noTarget');
  const given = sub === undefined ? (value as Complex) : { [sub.name]: value };
  return merged('add', attribute, { [filter.sub]: filter.value }, withoutNulls(given));
}

function withoutNulls(value: Complex): Complex {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

// ---- lists ------------------------------------------------------------------------------------------------

/** RFC 7643 §2.4: a value is the same as another if both `value` and `type` are. */
function isSame(a: Value, b: Value): boolean {
  const [one, other] = [a, b] as [Complex, Complex];
  if (typeof a !== 'object' || one.value === undefined) return sameExactly(a, b);
  const type = (each: Complex) => (typeof each.type === 'string' ? each.type.toLowerCase() : undefined);
  return one.value === other.value && type(one) === type(other);
}

/** The values of one list, each once. */
function once(attribute: Shape, values: readonly Value[]): readonly Value[] {
  const result: Value[] = [];
  for (const value of values) {
    const place = result.findIndex((each) => isSame(each, value));
    if (place === -1) result.push(value);
    else if (attribute.type === 'complex') {
      const first = result[place] as Complex;
      for (const [name, member] of Object.entries(value as Complex)) {
        const isPlain = !['type', 'primary'].includes(name) && !subOf(attribute, name).multiValued;
        if (isPlain && first[name] !== undefined && first[name] !== member)
          throw new Refused('a value that contradicts itself');
      }
      result[place] = united(first, value as Complex, first.type);
    }
  }
  if (result.filter(isPrimary).length > 1) throw new Refused('several primary values');
  return result;
}

function united(first: Complex, second: Complex, type: Value): Complex {
  const result: Record<string, Value> = { ...first, ...second };
  if (type !== undefined) result.type = type;
  for (const [name, member] of Object.entries(first)) {
    if (Array.isArray(member)) result[name] = [...new Set([...member, ...list(second[name])])];
  }
  if (isPrimary(first)) result.primary = true;
  return result;
}

const isPrimary = (value: Value) => (value as Complex | undefined)?.primary === true;

function joined(attribute: Shape, before: readonly Value[], given: readonly Value[]): readonly Value[] {
  const result = [...before];
  let primary = -1;
  for (const value of once(attribute, given)) {
    const found = result.findIndex((each) => isSame(each, value));
    const place = found === -1 ? result.length : found;
    result[place] =
      found === -1 || attribute.type !== 'complex'
        ? value
        : merged('add', attribute, result[found], value as Complex);
    if (isPrimary(value)) primary = place;
  }
  return primary === -1 ? result : result.map((each, index) => (index === primary ? each : lowered(each)));
}

const lowered = (value: Value) => (isPrimary(value) ? { ...(value as Complex), primary: false } : value);

/** After values have changed: what now is the same as another is joined with it, what was changed taking precedence. */
function settle(
  attribute: Shape,
  before: readonly Value[],
  after: readonly Value[],
  chosen: readonly boolean[],
): readonly Value[] {
  const result: { value: Value; moved: boolean; raised: boolean }[] = [];
  const raises = after.some((value, index) => isPrimary(value) && !isPrimary(before[index]));
  after.forEach((value, index) => {
    if (value === undefined) return;
    const old = before[index];
    const moved = !sameExactly(value, old) && !isSame(value, old);
    const raised = raises && isPrimary(value) && chosen[index] === true;
    const other = result.find((each) => (moved || each.moved) && isSame(each.value, value));
    if (other === undefined) result.push({ value, moved, raised });
    else {
      if (attribute.type === 'complex')
        other.value = moved
          ? united(other.value as Complex, value as Complex, (value as Complex).type)
          : united(value as Complex, other.value as Complex, (other.value as Complex).type);
      other.raised ||= raised;
    }
  });
  const raised = result.filter((each) => each.raised);
  if (raised.length > 1) throw new Refused('several primary values');
  return result.map((each) => (raised.length === 0 || each.raised ? each.value : lowered(each.value)));
}
