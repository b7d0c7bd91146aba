/** The discovery resources (RFC 7644 §4): what clients read to learn what this server can. */
import type { AttributeDefinition, SchemaDefinition } from './definitions.ts';
import type { Profile } from './profile.ts';
import { type Attribute, compileAttributes, type Registry, type ResourceType } from './registry.ts';
import { membersAttribute } from './resource.ts';
import { grantTypes } from './role-types.ts';
import type { GrantKind } from './roles.ts';
import commonAttributes from './schemas/common.json' with { type: 'json' };
import resourceTypeSchema from './schemas/ResourceType.json' with { type: 'json' };
import schemaSchema from './schemas/Schema.json' with { type: 'json' };
import serviceProviderConfigSchema from './schemas/ServiceProviderConfig.json' with { type: 'json' };

export interface Capabilities {
  readonly documentationUri: string | undefined;
  /** Accepted beside the server's own bearer tokens. */
  readonly authentication: {
    readonly jwt: boolean;
    readonly basic: boolean;
    readonly clientCredentials: boolean;
  };
  readonly bulk: {
    readonly supported: boolean;
    readonly maxOperations: number;
    readonly maxPayloadSize: number;
  };
  readonly maxResults: number;
  readonly pagination:
    | { readonly cursor: boolean; readonly defaultPageSize: number; readonly cursorTimeout: number }
    | undefined;
  readonly profile: Profile | undefined;
  /** URIs of the events that security event tokens tell (RFC 9967 §4). */
  readonly eventUris: readonly string[];
}

/** GET /ServiceProviderConfig (RFC 7643 §5, RFC 9865 §4, RFC 9967 §4). `base` is the absolute base URL. */
export function serviceProviderConfig(
  base: string,
  capabilities: Capabilities & { readonly given?: readonly GrantKind[] },
): object {
  const { pagination, profile, given = [] } = capabilities;
  return {
    schemas: [serviceProviderConfigSchema.id],
    ...(capabilities.documentationUri === undefined
      ? {}
      : { documentationUri: capabilities.documentationUri }),
    patch: { supported: true },
    bulk: capabilities.bulk,
    filter: { supported: true, maxResults: capabilities.maxResults },
    changePassword: { supported: profile === undefined },
    sort: { supported: true },
    etag: { supported: true },
    ...(pagination === undefined
      ? {}
      : {
          pagination: {
            cursor: pagination.cursor,
            index: true,
            defaultPaginationMethod: 'index',
            defaultPageSize: pagination.defaultPageSize,
            maxPageSize: capabilities.maxResults,
            cursorTimeout: pagination.cursorTimeout,
          },
        }),
    // An answer of 2xx has done what it says: no request is answered before it is done.
    securityEvents: { asyncRequest: 'none', eventUris: capabilities.eventUris },
    // draft-ietf-scim-roles-entitlements-01 §3.1.
    ...(given.length === 0
      ? {}
      : {
          RolesAndEntitlements: {
            roles: { supported: given.includes('role') },
            entitlements: { supported: given.includes('entitlement') },
          },
        }),
    authenticationSchemes: authenticationSchemes(base, capabilities),
    ...(profile === undefined ? {} : { interopProfileConformant: true }),
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

function authenticationSchemes(
  base: string,
  { authentication: { jwt, basic, clientCredentials }, profile }: Capabilities,
): object[] {
  const specUri = (rfc: number) => `https://www.rfc-editor.org/info/rfc${rfc}`;
  const asserted = {
    type: 'oauth2',
    name: 'OAuth 2.0 with JWT client authentication',
    description: `Client credentials for an access token at ${base}/oauth/token; the client authenticates by a JWT of its own`,
    specUri: specUri(7523),
    primary: true,
  };
  const bearer = profile === undefined;
  const schemes = bearer
    ? [
        {
          type: 'oauthbearertoken',
          name: 'OAuth Bearer Token',
          description: 'A bearer token made with `scimd token create`, sent in the Authorization header',
          specUri: 'https://www.rfc-editor.org/info/rfc6750',
          primary: true,
        },
      ]
    : [asserted];
  const add = (type: string, name: string, description: string, rfc: number) =>
    schemes.push({
      type,
      name,
      description,
      specUri: specUri(rfc),
      primary: false,
    });
  if (jwt)
    add(
      'oauthbearertoken',
      'OAuth JWT',
      'An access token of the configured issuer, sent as a bearer token',
      9068,
    );
  if (clientCredentials && bearer) {
    const description = `Client credentials for an access token at ${base}/oauth/token; the client secret is a bearer token`;
    add('oauth2', 'OAuth 2.0 Client Credentials', description, 6749);
  }
  if (basic) add('httpbasic', 'HTTP Basic', 'Any user name, with a bearer token as the password', 7617);
  return schemes;
}

/** One entry of /ResourceTypes (RFC 7643 §6). */
export function resourceTypeResource(type: ResourceType, base: string): object {
  return {
    schemas: [resourceTypeSchema.id],
    id: type.name,
    name: type.name,
    ...(type.description === undefined ? {} : { description: type.description }),
    endpoint: type.endpoint,
    schema: type.schema.id,
    schemaExtensions: [...type.extensions.values()].map((extension) => ({
      schema: extension.schema.id,
      required: extension.required,
    })),
    meta: {
      resourceType: 'ResourceType',
      location: `${base}/ResourceTypes/${encodeURIComponent(type.name)}`,
    },
  };
}

/** One entry of /Schemas (RFC 7643 §7), every characteristic stated. */
function schemaResource(schema: SchemaDefinition, attributes: Iterable<Attribute>, base: string): object {
  return {
    schemas: [schemaSchema.id],
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

/**
 * What RFC 7643 §3.1 says of the common attributes goes before what a schema says of them. Names of groups are unique
 * where the server is set so.
 */
function publishedAttributes(schema: SchemaDefinition, hasUniqueName: boolean): Attribute[] {
  const common = compileAttributes(commonAttributes as readonly AttributeDefinition[], undefined);
  return [...compileAttributes(schema.attributes, undefined)].map(([key, own]) => {
    const attribute = common.get(key) ?? own;
    return hasUniqueName && key === 'displayname' ? { ...attribute, uniqueness: 'server' } : attribute;
  });
}

/** With what the interoperability profile adds to it. */
const profiledConfigSchema = {
  ...serviceProviderConfigSchema,
  attributes: [
    ...serviceProviderConfigSchema.attributes,
    {
      name: 'interopProfileConformant',
      type: 'boolean',
      multiValued: false,
      description: 'Whether the server keeps to the SCIM interoperability profile.',
      required: false,
      mutability: 'readOnly',
      returned: 'default',
    },
  ],
};

/**
 * Every Schema resource, by lower-cased id: those of the resource types and those of discovery itself.
 * `uniqueDisplayName`: is it unique among groups? `given`: which of roles and entitlements there are.
 */
export function schemaResources(
  registry: Registry,
  base: string,
  uniqueDisplayName: boolean,
  given: readonly GrantKind[] = [],
): Map<string, object> {
  const ofGroups = new Set(
    registry.resourceTypes
      .filter((type) => membersAttribute(type) !== undefined)
      .map(({ schema }) => schema.id),
  );
  const discovery = [
    ...given.map((kind) => grantTypes[kind].schema),
    registry.profile === undefined ? serviceProviderConfigSchema : profiledConfigSchema,
    resourceTypeSchema,
    schemaSchema,
  ] as unknown as SchemaDefinition[];
  return new Map([
    ...[...registry.schemas.values()].map(
      (schema) =>
        [
          schema.id.toLowerCase(),
          schemaResource(
            schema,
            publishedAttributes(schema, uniqueDisplayName && ofGroups.has(schema.id)),
            base,
          ),
        ] as const,
    ),
    ...discovery.map(
      (schema) =>
        [
          schema.id.toLowerCase(),
          schemaResource(schema, compileAttributes(schema.attributes, undefined).values(), base),
        ] as const,
    ),
  ]);
}
