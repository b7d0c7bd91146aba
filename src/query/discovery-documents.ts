/** The discovery documents of a server of one's own (RFC 7644 §4). */
import { checkDefinitions } from '../scim/definition-check.ts';
import type { SchemaDefinition } from '../scim/definitions.ts';
import { definedAttributes, schemaResource } from '../scim/schema-resource.ts';

/** How clients authenticate (RFC 7643 §5). */
export interface AuthenticationScheme {
  readonly type: 'oauthbearertoken' | 'oauth2' | 'oauth' | 'httpbasic' | 'httpdigest';
  readonly name: string;
  readonly description: string;
  readonly specUri?: string;
  readonly documentationUri?: string;
  readonly primary?: boolean;
}

/** What a server can (RFC 7643 §5); what is left out it cannot. */
export interface ServiceProviderFeatures {
  readonly documentationUri?: string;
  readonly patch?: boolean;
  readonly bulk?: { readonly maxOperations: number; readonly maxPayloadSize: number } | false;
  readonly filter?: { readonly maxResults: number } | false;
  readonly changePassword?: boolean;
  readonly sort?: boolean;
  readonly etag?: boolean;
  /** RFC 9865 §4. */
  readonly pagination?: {
    readonly cursor: boolean;
    readonly index: boolean;
    readonly defaultPaginationMethod?: 'cursor' | 'index';
    readonly defaultPageSize?: number;
    readonly maxPageSize?: number;
    readonly cursorTimeout?: number;
  };
  readonly authenticationSchemes: readonly AuthenticationScheme[];
}

/** The answer to GET /ServiceProviderConfig (RFC 7643 §5). `baseUrl` is absolute, without a slash at its end. */
export function serviceProviderConfig(features: ServiceProviderFeatures, baseUrl: string): object {
  const { documentationUri, bulk = false, filter = false, pagination } = features;
  const supported = (flag: boolean | undefined) => ({ supported: flag ?? false });
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    ...(documentationUri === undefined ? {} : { documentationUri }),
    patch: supported(features.patch),
    bulk: {
      ...supported(bulk !== false),
      ...(bulk === false ? { maxOperations: 0, maxPayloadSize: 0 } : bulk),
    },
    filter: { ...supported(filter !== false), maxResults: filter === false ? 0 : filter.maxResults },
    changePassword: supported(features.changePassword),
    sort: supported(features.sort),
    etag: supported(features.etag),
    ...(pagination === undefined ? {} : { pagination }),
    authenticationSchemes: features.authenticationSchemes,
    meta: { resourceType: 'ServiceProviderConfig', location: `${baseUrl}/ServiceProviderConfig` },
  };
}

/**
 * One entry of /Schemas (RFC 7643 §7), every characteristic stated. `baseUrl` is absolute, without a slash at its end.
 * @throws DefinitionError where the schema is wrong, with every problem and its place.
 */
export function schemaDocument(schema: SchemaDefinition, baseUrl: string): object {
  checkDefinitions([schema]);
  return schemaResource(schema, definedAttributes(schema), baseUrl);
}
