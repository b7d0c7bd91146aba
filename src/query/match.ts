/**
 * Plan → closures over JSON resources, as clients write them (RFC 7643 §3). It serves PATCH value selectors and
 * embedders, and is the oracle that SQL is tested against.
 */
import { compareText, exactKey, instantKey, textKey } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';
import { folded, foldedContains, foldedEndsWith, foldedEquals, foldedStartsWith } from './folded-text.ts';
import type { ComparePlan, Plan } from './plan.ts';
import { isObject, type JsonObject, type Read, reader } from './read.ts';

/** Compiles a bound plan into a predicate on the JSON objects of its resource type. */
export function matchResource(plan: Plan): (resource: JsonObject) => boolean {
  return compileNode(plan, undefined);
}

/** Compiles a plan that was bound to one value of `attribute` into a predicate on its values. */
export function matchElement(plan: Plan, attribute: Attribute): (value: unknown) => boolean {
  const test = compileNode(plan, attribute);
  return attribute.type === 'complex' ? (value) => isObject(value) && test(value) : test;
}

type Test = (value: unknown) => boolean;

/** `element` is the attribute whose single value is tested; undefined for a whole resource. */
function compileNode(plan: Plan, element: Attribute | undefined): Test {
  switch (plan.kind) {
    case 'compare': {
      const test = keyTest(plan);
      const read = reader(plan.attribute, element);
      return read === undefined ? test : (value) => test(read(value));
    }
    case 'assigned': {
      const { attribute, nonEmpty } = plan;
      const test = assignedTest(attribute, nonEmpty);
      const read = reader(attribute, element);
      return read === undefined ? test : (value) => test(read(value));
    }
    case 'anyElement': {
      const { attribute } = plan;
      const read = reader(attribute, element) as Read;
      const test = compileNode(plan.predicate, attribute);
      return attribute.type === 'complex' ? someObject(read, test) : someValue(read, test);
    }
    case 'and':
      return every(plan.plans.map((operand) => compileNode(operand, element)));
    case 'or':
    case 'anyPart':
      return some(plan.plans.map((operand) => compileNode(operand, element)));
    case 'not': {
      const test = compileNode(plan.plan, element);
      return (value) => !test(value);
    }
    case 'constant': {
      const { value } = plan;
      return () => value;
    }
  }
}

function every(tests: readonly Test[]): Test {
  const [first, second] = tests as [Test, Test];
  if (tests.length === 2) return (value) => first(value) && second(value);
  return (value) => {
    for (const test of tests) if (!test(value)) return false;
    return true;
  };
}

function some(tests: readonly Test[]): Test {
  const [first, second] = tests as [Test, Test];
  if (tests.length === 2) return (value) => first(value) || second(value);
  return (value) => {
    for (const test of tests) if (test(value)) return true;
    return false;
  };
}

/** A single object is read as an array of one: embedders' resources are not always normalised. */
function someObject(read: Read, test: Test): Test {
  return (value) => {
    const elements = read(value);
    if (!Array.isArray(elements)) return isObject(elements) && test(elements);
    for (let i = 0; i < elements.length; i++) {
      const element: unknown = elements[i];
      if (isObject(element) && test(element)) return true;
    }
    return false;
  };
}

function someValue(read: Read, test: Test): Test {
  return (value) => {
    const elements = read(value);
    if (!Array.isArray(elements)) return test(elements);
    for (let i = 0; i < elements.length; i++) if (test(elements[i])) return true;
    return false;
  };
}

/** Assigned is what has a key; a value of another type than the schema's is none (as in storage). */
function assignedTest(attribute: Attribute, nonEmpty: boolean): Test {
  switch (attribute.type) {
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'integer':
    case 'decimal':
      return (value) => typeof value === 'number';
    case 'dateTime':
      return (value) => typeof value === 'string' && instantKey(value) !== undefined;
    default:
      return nonEmpty
        ? (value) => typeof value === 'string' && value !== ''
        : (value) => typeof value === 'string';
  }
}

function keyTest(plan: ComparePlan): Test {
  const { attribute, key } = plan;
  switch (attribute.type) {
    case 'boolean': {
      const wanted = (key === 1) === (plan.operator === 'eq');
      return (value) => value === wanted;
    }
    case 'integer':
    case 'decimal':
      return numberTest(plan.operator, key as number);
    case 'dateTime':
      return instantTest(plan.operator, key as string);
    default:
      return textTest(plan, key as string);
  }
}

function numberTest(operator: ComparePlan['operator'], key: number): Test {
  switch (operator) {
    case 'eq':
      return (value) => value === key;
    case 'ne':
      return (value) => typeof value === 'number' && value !== key;
    case 'gt':
      return (value) => typeof value === 'number' && value > key;
    case 'ge':
      return (value) => typeof value === 'number' && value >= key;
    case 'lt':
      return (value) => typeof value === 'number' && value < key;
    case 'le':
      return (value) => typeof value === 'number' && value <= key;
    default:
      throw new Error(`${operator} on a number was bound`);
  }
}

/** What nearly every server writes, with days that every month has: such strings sort as their instants do. */
const plainInstant =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,30})?Z$/;

function instantTest(operator: ComparePlan['operator'], key: string): Test {
  const test = orderTest(operator, key);
  const second = key.slice(0, 19);
  const secondEnd = `${second}~`;
  const [ifBefore, ifAfter] = [test(''), test('~')];
  return (value) => {
    if (typeof value !== 'string') return false;
    // In another second than the key's, the order of the texts decides.
    if (plainInstant.test(value)) {
      if (value < second) return ifBefore;
      if (value > secondEnd) return ifAfter;
    }
    const instant = instantKey(value);
    return instant !== undefined && test(instant);
  };
}

/** What the operator asks of another key. */
function orderTest(operator: ComparePlan['operator'], key: string): (text: string) => boolean {
  switch (operator) {
    case 'eq':
      return (text) => text === key;
    case 'ne':
      return (text) => text !== key;
    case 'co':
      return (text) => text.includes(key);
    case 'sw':
      return (text) => text.startsWith(key);
    case 'ew':
      return (text) => text.endsWith(key);
    case 'gt':
      return (text) => compareText(text, key) > 0;
    case 'ge':
      return (text) => compareText(text, key) >= 0;
    case 'lt':
      return (text) => compareText(text, key) < 0;
    case 'le':
      return (text) => compareText(text, key) <= 0;
  }
}

function textTest({ attribute, operator }: ComparePlan, key: string): Test {
  const test = orderTest(operator, key);
  const foldText = textKey(attribute) as (text: string) => string;
  if (foldText === exactKey) return (value) => typeof value === 'string' && test(value);
  if (attribute.type === 'reference') return (value) => typeof value === 'string' && test(foldText(value));
  switch (operator) {
    case 'eq':
      return (value) => typeof value === 'string' && (value === key || foldedEquals(value, key, foldText));
    case 'ne':
      return (value) => typeof value === 'string' && value !== key && !foldedEquals(value, key, foldText);
    case 'sw':
      return (value) => typeof value === 'string' && foldedStartsWith(value, key, foldText);
    case 'ew':
      return (value) => typeof value === 'string' && foldedEndsWith(value, key, foldText);
    case 'co': {
      const contains = foldedContains(key, foldText);
      return (value) => typeof value === 'string' && contains(value);
    }
    default:
      return (value) => typeof value === 'string' && test(folded(value, foldText));
  }
}
