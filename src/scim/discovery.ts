/** The discovery resources (RFC 7644 §4): what clients read to learn what this server can. */
import type { SchemaDefinition } from './definitions.ts';
import { membersAttribute } from './document.ts';
import type { Profile } from './profile.ts';
import { type Attribute, compileAttributes, type Registry } from './registry.ts';
import { grantTypes } from './role-types.ts';
import type { GrantKind } from './roles.ts';
import { definedAttributes, schemaResource } from './schema-resource.ts';
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
}

/**
 * GET /ServiceProviderConfig (RFC 7643 §5, RFC 9865 §4, RFC 9967 §4). `base` is the absolute base URL, `eventUris` are those of
 * the events that security event tokens tell; undefined where nobody could receive one.
 */
export function serviceProviderConfig(
  base: string,
  capabilities: Capabilities & {
    readonly given?: readonly GrantKind[];
    readonly eventUris?: readonly string[] | undefined;
  },
): object {
  const { pagination, profile, eventUris, given = [] } = capabilities;
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
    ...(eventUris === undefined ? {} : { securityEvents: { asyncRequest: 'none', eventUris } }),
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

/** Names of groups are unique where the server is set so. */
function publishedAttributes(schema: SchemaDefinition, hasUniqueName: boolean): Attribute[] {
  return definedAttributes(schema).map((attribute) =>
    hasUniqueName && attribute.path.toLowerCase() === 'displayname'
      ? { ...attribute, uniqueness: 'server' }
      : attribute,
  );
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
