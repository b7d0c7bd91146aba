/** The resource types and schemas that every scimd serves: User, Group and EnterpriseUser (RFC 7643 §4, §8.7). */
import type { ResourceTypeDefinition, SchemaDefinition } from './definitions.ts';
import { compileRegistry, type Registry } from './registry.ts';
import {
  enterpriseUserDefinition,
  groupDefinition,
  groupResourceType,
  userDefinition,
  userResourceType,
} from './standard-definitions.ts';

export const userSchema = userDefinition.id;
export const groupSchema = groupDefinition.id;
export const enterpriseUserSchema = enterpriseUserDefinition.id;

export const standardSchemas: readonly SchemaDefinition[] = [
  userDefinition,
  groupDefinition,
  enterpriseUserDefinition,
];

export const standardResourceTypes: readonly ResourceTypeDefinition[] = [userResourceType, groupResourceType];

/** The registry of a scimd without configured schemas. */
export function standardRegistry(): Registry {
  return compileRegistry(standardSchemas, standardResourceTypes);
}
