/** The schemas and resource types of the standard as they are defined: User, Group and EnterpriseUser (RFC 7643 §4, §8.7). */
import type { ResourceTypeDefinition, SchemaDefinition } from './definitions.ts';
import enterpriseUser from './schemas/EnterpriseUser.json' with { type: 'json' };
import group from './schemas/Group.json' with { type: 'json' };
import user from './schemas/User.json' with { type: 'json' };

/** The schema of users (RFC 7643 §4.1). */
export const userDefinition = user as SchemaDefinition;
/** The schema of groups (RFC 7643 §4.2). */
export const groupDefinition = group as SchemaDefinition;
/** The enterprise extension of users (RFC 7643 §4.3). */
export const enterpriseUserDefinition = enterpriseUser as SchemaDefinition;

/** The resource type of users, with the enterprise extension (RFC 7643 §4.1, §4.3, §6). */
export const userResourceType: ResourceTypeDefinition = {
  name: 'User',
  endpoint: '/Users',
  description: 'User Account',
  schema: 'urn:ietf:params:scim:schemas:core:2.0:User',
  schemaExtensions: [
    { schema: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User', required: false },
  ],
};

/** The resource type of groups (RFC 7643 §4.2, §6). */
export const groupResourceType: ResourceTypeDefinition = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'Group',
  schema: 'urn:ietf:params:scim:schemas:core:2.0:Group',
};
