/**
 * A registry with what no standard attribute has: every data type, mutability, returned and uniqueness of RFC 7643
 * §2.2, two extensions with an attribute of the same name, and a resource type with a required extension.
 */
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { compileRegistry, type Registry } from '../../src/scim/registry.ts';
import { standardResourceTypes, standardSchemas } from '../../src/scim/standard.ts';
import { enterpriseSchema, userSchema } from '../server.ts';

export const lab = 'urn:example:params:scim:schemas:extension:lab:2.0:User';
export const twin = 'urn:example:params:scim:schemas:extension:twin:2.0:User';
export const sampleSchema = 'urn:example:params:scim:schemas:2.0:Sample';
export const seal = 'urn:example:params:scim:schemas:extension:seal:2.0:Sample';

const labSchema: SchemaDefinition = {
  id: lab,
  name: 'Lab',
  attributes: [
    { name: 'bare' },
    { name: 'weight', type: 'decimal' },
    { name: 'floor', type: 'integer' },
    { name: 'joined', type: 'dateTime' },
    { name: 'scan', type: 'binary' },
    { name: 'home', type: 'reference', referenceTypes: ['external'] },
    { name: 'cleared', type: 'boolean' },
    { name: 'code', caseExact: true, uniqueness: 'server' },
    { name: 'alias', uniqueness: 'server' },
    { name: 'serial', type: 'integer', uniqueness: 'server' },
    { name: 'passport', uniqueness: 'global' },
    { name: 'badges', multiValued: true, uniqueness: 'server' },
    { name: 'birthplace', mutability: 'immutable' },
    {
      name: 'origin',
      type: 'complex',
      subAttributes: [{ name: 'place', mutability: 'immutable' }, { name: 'note' }],
    },
    {
      name: 'locker',
      type: 'complex',
      subAttributes: [
        { name: 'serial', mutability: 'immutable' },
        { name: 'hall', required: true },
        { name: 'note' },
      ],
    },
    {
      name: 'courses',
      type: 'complex',
      multiValued: true,
      subAttributes: [{ name: 'value' }, { name: 'topics', multiValued: true }],
    },
    { name: 'issued', mutability: 'readOnly' },
    { name: 'sealed', returned: 'never' },
    { name: 'anchor', returned: 'always' },
    { name: 'hint', returned: 'request' },
    {
      name: 'file',
      type: 'complex',
      subAttributes: [{ name: 'title' }, { name: 'draft', returned: 'request' }],
    },
    { name: 'label' },
    { name: 'tags', multiValued: true, caseExact: true },
    { name: 'scores', type: 'integer', multiValued: true },
    {
      name: 'contacts',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { name: 'value', required: true },
        { name: 'type', canonicalValues: ['work', 'home'] },
        { name: 'primary', type: 'boolean' },
        { name: 'since', type: 'dateTime' },
        { name: '$ref', type: 'reference', referenceTypes: ['User'] },
      ],
    },
    {
      name: 'desk',
      type: 'complex',
      subAttributes: [{ name: 'room', required: true }, { name: 'seat' }],
    },
  ],
};

const twinSchema: SchemaDefinition = { id: twin, name: 'Twin', attributes: [{ name: 'label' }] };

/** Lists `id` and `externalId` with characteristics that RFC 7643 §3.1 does not give them. */
const sample: SchemaDefinition = {
  id: sampleSchema,
  name: 'Sample',
  description: 'A sample of something',
  attributes: [
    { name: 'id', mutability: 'readWrite', returned: 'request', caseExact: false },
    { name: 'externalId', caseExact: false, uniqueness: 'server' },
    { name: 'name', required: true },
    { name: 'passport', uniqueness: 'global' },
  ],
};

const sealSchema: SchemaDefinition = {
  id: seal,
  name: 'Seal',
  attributes: [{ name: 'number', type: 'integer', required: true }, { name: 'colour' }],
};

export function labRegistry(): Registry {
  return compileRegistry(
    [...standardSchemas, labSchema, twinSchema, sample, sealSchema],
    [
      {
        name: 'User',
        endpoint: '/Users',
        schema: userSchema,
        schemaExtensions: [enterpriseSchema, lab, twin].map((schema) => ({ schema, required: false })),
      },
      ...standardResourceTypes.filter((type) => type.name === 'Group'),
      {
        name: 'Sample',
        endpoint: 'Samples',
        description: 'Sample',
        schema: sampleSchema,
        schemaExtensions: [{ schema: seal, required: true }],
      },
    ],
  );
}
