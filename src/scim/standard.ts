/** The resource types and schemas that every scimd serves: User, Group and EnterpriseUser (RFC 7643 §4, §8.7). */
import type { ResourceTypeDefinition, SchemaDefinition } from './definitions.ts';
import { compileRegistry, type Registry } from './registry.ts';
import enterpriseUser from './schemas/EnterpriseUser.json' with { type: 'json' };
import group from './schemas/Group.json' with { type: 'json' };
import user from './schemas/User.json' with { type: 'json' };

export const userSchema = user.id;
export const groupSchema = group.id;
export const enterpriseUserSchema = enterpriseUser.id;

export const standardSchemas: readonly SchemaDefinition[] = [
  user,
  group,
  enterpriseUser,
] as SchemaDefinition[];

export const standardResourceTypes: readonly ResourceTypeDefinition[] = [
  {
    name: 'User',
    endpoint: '/Users',
    description: 'User Account',
    schema: userSchema,
    schemaExtensions: [{ schema: enterpriseUserSchema, required: false }],
  },
  { name: 'Group', endpoint: '/Groups', description: 'Group', schema: groupSchema },
];

/** The registry of a scimd without configured schemas. */
export function standardRegistry(): Registry {
  return compileRegistry(standardSchemas, standardResourceTypes);
}
