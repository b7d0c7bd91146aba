/** The form of schemas and resource types in the configuration (RFC 7643 §6, §7), with the rule that each part keeps. */
import * as v from 'valibot';
import { suggestion } from '../nearest.ts';

/** RFC 7643 §2.1: ALPHA *( "$" / "-" / "_" / DIGIT / ALPHA ), and the RFC's own `$ref`. */
const attributeName = /^(?:[A-Za-z][A-Za-z0-9$_-]*|\$ref)$/;
const schemaUri = /^(?:urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9()+,\-.:=@;$_!*'%/]+|https?:\/\/[^\s]+)$/;

const string = v.string('must be a string');
const flag = v.optional(v.boolean('must be true or false'));
const strings = v.optional(v.array(string, 'must be an array of strings'));

function oneOf<const T extends readonly string[]>(...words: T) {
  return v.optional(v.picklist(words, `must be one of ${words.join(', ')}`));
}

const characteristics = {
  name: v.pipe(
    string,
    v.regex(attributeName, 'must be a letter, then letters, digits, $, - and _ (RFC 7643 §2.1)'),
  ),
  type: oneOf('string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex'),
  multiValued: flag,
  description: v.optional(string),
  required: flag,
  caseExact: flag,
  mutability: oneOf('readOnly', 'readWrite', 'immutable', 'writeOnly'),
  returned: oneOf('always', 'never', 'default', 'request'),
  uniqueness: oneOf('none', 'server', 'global'),
  canonicalValues: strings,
  referenceTypes: strings,
  indexed: flag,
};

/** An object of these members and no others. */
function members<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, ({ expected, path }) => {
    if (expected === 'Object') return 'must be an object';
    if (expected !== 'never') return 'is required';
    return `is unknown${suggestion(String(path?.at(-1)?.key), Object.keys(entries))}`;
  });
}

const subAttribute = members(characteristics);
const attribute = members({
  ...characteristics,
  subAttributes: v.optional(v.array(subAttribute, 'must be an array of attributes')),
});
/** Members of published Schema and ResourceType resources that say nothing here: a definition may be copied whole. */
const published = { schemas: strings, meta: v.optional(v.unknown()) };

const schema = members({
  ...published,
  id: v.pipe(
    string,
    v.regex(schemaUri, 'must be a URI such as urn:example:params:scim:schemas:extension:acme:2.0:User'),
  ),
  name: v.optional(string),
  description: v.optional(string),
  attributes: v.pipe(
    v.array(attribute, 'must be an array of attributes'),
    v.minLength(1, 'must not be empty'),
  ),
});
const extension = members({
  schema: string,
  required: v.optional(v.boolean('must be true or false'), false),
});
const resourceType = members({
  ...published,
  id: v.optional(string),
  name: v.pipe(
    string,
    v.regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'must be a letter, then letters, digits, - and _'),
  ),
  endpoint: v.optional(
    v.pipe(string, v.regex(/^\/?[A-Za-z][A-Za-z0-9_-]*$/, 'must be one path segment such as /Devices')),
  ),
  description: v.optional(string),
  schema: v.optional(string),
  schemaExtensions: v.optional(v.array(extension, 'must be an array of { schema, required }')),
});
const schemas = v.array(schema, 'must be an array of schemas');
const resourceTypes = v.array(resourceType, 'must be an array of resource types');

export type ConfiguredType = v.InferOutput<typeof resourceType>;

const wholeFrom = (least: number) => {
  const rule = `must be a whole number from ${least} on`;
  return v.optional(v.pipe(v.number(rule), v.integer(rule), v.minValue(least, rule)));
};
const accessRule = members({
  groups: v.pipe(string, v.nonEmpty('must be a SCIM filter of groups, such as externalId eq "fin-admins"')),
  display: v.optional(string),
  type: v.optional(string),
  keep: wholeFrom(0),
  seats: wholeFrom(0),
  tenants: strings,
});
const grantName =
  'must be named by a letter or digit, then letters, digits and . _ : / -, 128 characters at most';
const accessRules = v.record(
  v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, grantName)),
  accessRule,
  'must be an object of rules by their names',
);

/** What the configuration is read with, and its JSON Schema made from. */
export const definitionForms = {
  schemas,
  resourceTypes,
  roles: accessRules,
  entitlements: accessRules,
} as const;
