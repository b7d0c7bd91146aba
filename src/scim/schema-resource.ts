/** Schema and ResourceType resources (RFC 7643 §6, §7) as /Schemas and /ResourceTypes answer them. */
import type { AttributeDefinition, ResourceTypeDefinition, SchemaDefinition } from './definitions.ts';
import { type Attribute, compileAttributes, type ResourceType } from './registry.ts';
import commonAttributes from './schemas/common.json' with { type: 'json' };

const resourceTypeUri = 'urn:ietf:params:scim:schemas:core:2.0:ResourceType';
const schemaUri = 'urn:ietf:params:scim:schemas:core:2.0:Schema';

/** One entry of /ResourceTypes (RFC 7643 §6). `base` is the absolute base URL, without a slash at its end. */
export function resourceTypeResource(type: ResourceTypeDefinition, base: string): object {
  return {
    schemas: [resourceTypeUri],
    id: type.name,
    name: type.name,
    ...(type.description === undefined ? {} : { description: type.description }),
    endpoint: type.endpoint,
    schema: type.schema,
    schemaExtensions: (type.schemaExtensions ?? []).map(({ schema, required }) => ({ schema, required })),
    meta: {
      resourceType: 'ResourceType',
      location: `${base}/ResourceTypes/${encodeURIComponent(type.name)}`,
    },
  };
}

/** One entry of /Schemas (RFC 7643 §7), every characteristic stated. */
export function schemaResource(
  schema: SchemaDefinition,
  attributes: Iterable<Attribute>,
  base: string,
): object {
  return {
    schemas: [schemaUri],
    id: schema.id,
    ...(schema.name === undefined ? {} : { name: schema.name }),
    ...(schema.description === undefined ? {} : { description: schema.description }),
    attributes: [...attributes].map(attributeResource),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
  };
}

/** A boolean has no case and no uniqueness, a complex attribute neither (RFC 7643 §2.3.2, §2.3.8). */
function attributeResource(attribute: Attribute): object {
  const { type } = attribute;
  const unique = type !== 'complex' && type !== 'boolean' && type !== 'binary';
  return {
    name: attribute.name,
    type,
    multiValued: attribute.multiValued,
    description: attribute.definition.description ?? '',
    required: attribute.required,
    ...(attribute.canonicalValues.length === 0 ? {} : { canonicalValues: attribute.canonicalValues }),
    ...(type === 'string' || type === 'reference' || type === 'binary'
      ? { caseExact: attribute.caseExact }
      : {}),
    mutability: attribute.mutability,
    returned: attribute.returned,
    ...(unique ? { uniqueness: attribute.uniqueness } : {}),
    ...(type === 'reference'
      ? { referenceTypes: attribute.referenceTypes.length === 0 ? ['uri'] : attribute.referenceTypes }
      : {}),
    ...(type === 'complex'
      ? { subAttributes: [...attribute.subAttributes.values()].map(attributeResource) }
      : {}),
  };
}

/** The attributes of a schema; what RFC 7643 §3.1 says of the common ones goes before what the schema says of them. */
export function definedAttributes(schema: SchemaDefinition): Attribute[] {
  const common = compileAttributes(commonAttributes as readonly AttributeDefinition[], undefined);
  return [...compileAttributes(schema.attributes, undefined)].map(([key, own]) => common.get(key) ?? own);
}

/** A compiled resource type as it was defined. */
export function definitionOf(type: ResourceType): ResourceTypeDefinition {
  const { name, endpoint, description, schema, extensions } = type;
  return {
    name,
    endpoint,
    ...(description === undefined ? {} : { description }),
    schema: schema.id,
    schemaExtensions: [...extensions.values()].map((each) => ({
      schema: each.schema.id,
      required: each.required,
    })),
  };
}
