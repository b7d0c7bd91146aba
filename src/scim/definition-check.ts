/**
 * Schemas that a program gives to the language (RFC 7643 §7), checked before anything is compiled from them: what is wrong
 * there must not be blamed on a client's filter. The rules are those of the configuration's form (definition-forms.ts, by a
 * library that the language does without; test/scim holds the two equal), and what makes names and types ambiguous. What
 * is only to be published (referenceTypes, canonicalValues) is the schema's own affair.
 */
import { suggestion } from '../nearest.ts';
import { DefinitionError, type DefinitionProblem } from './definition-error.ts';
import type { SchemaDefinition } from './definitions.ts';

type Path = readonly (string | number)[];
type Members = Readonly<Record<string, unknown>>;
/** What a member must be; undefined where it is. */
type Rule = (value: unknown) => string | undefined;

/** RFC 7643 §2.1: ALPHA *( "$" / "-" / "_" / DIGIT / ALPHA ), and the RFC's own `$ref`. */
const attributeName = /^(?:[A-Za-z][A-Za-z0-9$_-]*|\$ref)$/;

const flag: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const text: Rule = (value) => (typeof value === 'string' ? undefined : 'must be a string');
const texts: Rule = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? undefined
    : 'must be an array of strings';
const anything: Rule = () => undefined;

function oneOf(...words: readonly string[]): Rule {
  return (value) =>
    words.includes(value as string) ? undefined : `must be one of ${words.join(', ')}, not ${shown(value)}`;
}

const ofAttributes: Readonly<Record<string, Rule>> = {
  name: (value) =>
    typeof value === 'string' && attributeName.test(value)
      ? undefined
      : 'must be a letter, then letters, digits, $, - and _ (RFC 7643 §2.1)',
  type: /* @__PURE__ */ oneOf(
    ...['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex'],
  ),
  multiValued: flag,
  description: text,
  required: flag,
  caseExact: flag,
  mutability: /* @__PURE__ */ oneOf('readOnly', 'readWrite', 'immutable', 'writeOnly'),
  returned: /* @__PURE__ */ oneOf('always', 'never', 'default', 'request'),
  uniqueness: /* @__PURE__ */ oneOf('none', 'server', 'global'),
  canonicalValues: texts,
  referenceTypes: texts,
  indexed: flag,
  subAttributes: anything,
};

const ofSchemas: Readonly<Record<string, Rule>> = {
  schemas: texts,
  meta: anything,
  id: (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be the URI of the schema'),
  name: text,
  description: text,
  attributes: anything,
};

/** As a program writes it: `schemas[0].attributes[2].subAttributes[0].type: must be one of string, …`. */
function asWritten({ path, reason }: DefinitionProblem): string {
  const [first, ...steps] = path;
  return `${first}${steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}: ${reason}`;
}

/** @throws DefinitionError with every problem and its place. */
export function checkDefinitions(schemas: readonly SchemaDefinition[]): void {
  const problems: DefinitionProblem[] = [];
  const report = (path: Path, reason: string) => problems.push({ path, reason });
  const given: unknown = schemas;
  if (!Array.isArray(given) || given.length === 0)
    throw new DefinitionError(
      [{ path: ['schemas'], reason: 'must be an array of schemas, the base schema first' }],
      asWritten,
    );
  const ids = new Set<string>();
  for (const [index, schema] of given.entries()) {
    const at: Path = ['schemas', index];
    if (!checkMembers(schema, ofSchemas, ['id', 'attributes'], at, report)) continue;
    if (typeof schema.id === 'string') {
      if (ids.has(schema.id.toLowerCase())) report([...at, 'id'], `${schema.id} is defined already`);
      ids.add(schema.id.toLowerCase());
    }
    if (schema.attributes !== undefined)
      checkAttributes(schema.attributes, [...at, 'attributes'], false, report);
  }
  if (problems.length > 0) throw new DefinitionError(problems, asWritten);
}

type Report = (path: Path, reason: string) => void;

function checkAttributes(attributes: unknown, at: Path, isNested: boolean, report: Report): void {
  if (!Array.isArray(attributes)) {
    report(at, 'must be an array of attributes');
    return;
  }
  if (attributes.length === 0) report(at, 'must not be empty');
  const names = new Set<string>();
  for (const [index, attribute] of attributes.entries()) {
    const place: Path = [...at, index];
    if (!checkMembers(attribute, ofAttributes, ['name'], place, report)) continue;
    const { name, type, subAttributes } = attribute;
    if (typeof name === 'string') {
      const key = name.toLowerCase();
      if (names.has(key)) report([...place, 'name'], `${name} is defined already`);
      // Every object inherits a member of this name.
      if (name in Object.prototype) report([...place, 'name'], `${name} is a reserved word`);
      names.add(key);
    }
    const isNone =
      subAttributes === undefined || (Array.isArray(subAttributes) && subAttributes.length === 0);
    if (type === 'complex') {
      if (isNested)
        report([...place, 'type'], 'cannot be complex inside a complex attribute (RFC 7643 §2.3.8)');
      else if (isNone) report(place, 'is complex and needs subAttributes');
      else checkAttributes(subAttributes, [...place, 'subAttributes'], true, report);
    } else if (!isNone)
      report([...place, 'subAttributes'], 'belong to complex attributes only (RFC 7643 §1.2)');
  }
}

/** Is it an object? Its members are known ones, each as it must be, and the required ones are there. */
function checkMembers(
  object: unknown,
  rules: Readonly<Record<string, Rule>>,
  required: readonly string[],
  at: Path,
  report: Report,
): object is Members {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    report(at, `must be an object, not ${shown(object)}`);
    return false;
  }
  for (const name of required)
    if ((object as Members)[name] === undefined) report([...at, name], 'is required');
  for (const [name, value] of Object.entries(object)) {
    if (!Object.hasOwn(rules, name))
      report([...at, name], `is unknown${suggestion(name, Object.keys(rules))}`);
    else if (value !== undefined) {
      const reason = rules[name]?.(value);
      if (reason !== undefined) report([...at, name], reason);
    }
  }
  return true;
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 60 ? `${json.slice(0, 59)}…` : json;
}
