/** The resource types Role and Entitlement (draft-ietf-scim-roles-entitlements-01): what a service provider gives. */
import type { AttributeDefinition, SchemaDefinition } from './definitions.ts';
import { compileRegistry, type ResourceType } from './registry.ts';
import type { AccessRule, GrantKind } from './roles.ts';

const named = { role: 'Role', entitlement: 'Entitlement' } as const;
const endpoints = { role: '/Roles', entitlement: '/Entitlements' } as const;

const readOnly = { mutability: 'readOnly', multiValued: false, caseExact: false } as const;

function attributesOf(word: string): AttributeDefinition[] {
  const text = (name: string, description: string, more: Partial<AttributeDefinition> = {}) =>
    ({ name, type: 'string', description, ...readOnly, ...more }) as const;
  return [
    text('value', `The value of the ${word}`, { required: true, caseExact: true, uniqueness: 'server' }),
    text('display', `A human-readable name of the ${word}`),
    text('type', `A label indicating the function of the ${word}`),
    { ...text('supported', `Can the ${word} be had?`), type: 'boolean' },
    {
      ...text('limitedAssignmentsPermitted', `May only a limited number of users have the ${word}?`),
      type: 'boolean',
    },
    {
      ...text('totalAssignmentsPermitted', `How many users may have the ${word}, directly or inherited`),
      type: 'integer',
    },
    {
      ...text('totalAssignmentsUsed', `How many users have the ${word}, directly or inherited`),
      type: 'integer',
    },
  ];
}

function schemaOf(kind: GrantKind): SchemaDefinition {
  return {
    id: `urn:ietf:params:scim:schemas:core:2.0:${named[kind]}`,
    name: named[kind],
    description: kind === 'role' ? 'A role that groups give' : 'An entitlement that groups give',
    attributes: attributesOf(kind),
  };
}

function typeOf(kind: GrantKind): ResourceType {
  const schema = schemaOf(kind);
  const { resourceTypes } = compileRegistry(
    [schema],
    [{ name: named[kind], endpoint: endpoints[kind], schema: schema.id }],
  );
  return resourceTypes[0] as ResourceType;
}

export const grantTypes: Readonly<Record<GrantKind, ResourceType>> = {
  role: typeOf('role'),
  entitlement: typeOf('entitlement'),
};

/** A role or an entitlement as a resource, which so many people have. Its name is its id, which it keeps. */
export function grantResource(
  { kind, name, display, type, seats }: AccessRule,
  people: number,
  base: string,
): Record<string, unknown> {
  const { schema, name: resourceType, endpoint } = grantTypes[kind];
  return {
    schemas: [schema.id],
    id: name,
    value: name,
    ...(display === undefined ? {} : { display }),
    ...(type === undefined ? {} : { type }),
    supported: true,
    limitedAssignmentsPermitted: seats !== undefined,
    ...(seats === undefined ? {} : { totalAssignmentsPermitted: seats }),
    totalAssignmentsUsed: people,
    meta: { resourceType, location: `${base}${endpoint}/${encodeURIComponent(name)}` },
  };
}
