/** The resource types that the store's tests use: the standard ones, with an extension that has every kind of index. */
import { attributesToIndex } from '../../src/scim/contains-index.ts';
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { compileRegistry, type Registry, type ResourceType } from '../../src/scim/registry.ts';
import { groupSchema, standardResourceTypes, standardSchemas, userSchema } from '../../src/scim/standard.ts';
import type { Document } from '../../src/store/store.ts';

export const badgeUri = 'urn:example:params:scim:schemas:badge:1.0:User';

/** `indexed` and `uniqueness` as a configuration may have them. */
export function badgeSchema(floorIndexed = true): SchemaDefinition {
  return {
    id: badgeUri,
    attributes: [
      { name: 'number', type: 'string', caseExact: true, uniqueness: 'server' },
      { name: 'floor', type: 'integer', indexed: floorIndexed },
      { name: 'issued', type: 'dateTime', indexed: true },
      { name: 'color', type: 'string' },
      {
        name: 'doors',
        type: 'complex',
        multiValued: true,
        indexed: true,
        subAttributes: [
          { name: 'value', type: 'string' },
          { name: 'level', type: 'integer' },
          { name: 'wings', type: 'string', multiValued: true },
        ],
      },
    ],
  };
}

/** The registry with these extensions of User. */
export function registryWith(...extensions: readonly SchemaDefinition[]): Registry {
  const [user, ...others] = standardResourceTypes;
  if (user === undefined) throw new Error('there is no User');
  const schemaExtensions = [
    ...(user.schemaExtensions ?? []),
    ...extensions.map(({ id }) => ({ schema: id, required: false })),
  ];
  return compileRegistry([...standardSchemas, ...extensions], [{ ...user, schemaExtensions }, ...others]);
}

/** The registry with an index for `co` of these attributes. */
export function withContainsIndex(registry: Registry, ...names: readonly string[]): Registry {
  const attributes = names.flatMap((name) => {
    const found = attributesToIndex(name, registry.resourceTypes);
    if ('refused' in found) throw new Error(found.refused);
    return found;
  });
  return { ...registry, containsIndex: new Set(attributes) };
}

export function typeNamed(registry: Registry, name: string): ResourceType {
  const type = registry.resourceTypes.find((candidate) => candidate.name === name);
  if (type === undefined) throw new Error(`there is no resource type ${name}`);
  return type;
}

/** A user as the validator would hand it to the store. */
export function userDocument(userName: string, more: Document = {}): Document {
  return {
    schemas: [userSchema],
    userName,
    displayName: `Name of ${userName}`,
    active: true,
    emails: [
      { value: `${userName}@work.example`, type: 'work', primary: true },
      { value: `${userName}@home.example`, type: 'home' },
    ],
    ...more,
  };
}

export function groupDocument(displayName: string): Document {
  return { schemas: [groupSchema], displayName };
}
