/** /ServiceProviderConfig, /Schemas, /ResourceTypes (RFC 7644 §4). */
import { ScimError } from '../error.ts';
import { supportedUris } from '../events/streams/event-uris.ts';
import { type Capabilities, schemaResources, serviceProviderConfig } from '../scim/discovery.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { grantTypes } from '../scim/role-types.ts';
import type { GrantKind } from '../scim/roles.ts';
import { definitionOf, resourceTypeResource } from '../scim/schema-resource.ts';
import { listResponseSchema } from './listing.ts';
import type { HttpResponse, QueryParameters } from './message.ts';
import { jsonResponse, scimJson } from './responses.ts';

export class DiscoveryHandlers {
  readonly #registry: Registry;
  readonly #capabilities: Capabilities;
  readonly #uniqueDisplayName: boolean;

  constructor(registry: Registry, capabilities: Capabilities, uniqueDisplayName: boolean) {
    this.#registry = registry;
    this.#capabilities = capabilities;
    this.#uniqueDisplayName = uniqueDisplayName;
  }

  /**
   * `given`: which of roles and entitlements there are. `hasReceivers`: could anybody receive security event tokens? Clients
   * that do not know `securityEvents` refuse the whole configuration: scim2-client for Python, Ping Identity's SDK for Java.
   */
  serviceProviderConfig(
    base: string,
    query: QueryParameters,
    given: readonly GrantKind[],
    hasReceivers: boolean,
  ): HttpResponse {
    refuseFilter(query);
    const eventUris = hasReceivers ? supportedUris : undefined;
    return answer(serviceProviderConfig(base, { ...this.#capabilities, eventUris, given }));
  }

  schemas(base: string, query: QueryParameters, given: readonly GrantKind[]): HttpResponse {
    return list([...this.#schemasAt(base, given).values()], query);
  }

  schema(base: string, id: string, query: QueryParameters, given: readonly GrantKind[]): HttpResponse {
    refuseFilter(query);
    const schema = this.#schemasAt(base, given).get(id.toLowerCase());
    if (schema === undefined) throw new ScimError(404, undefined, `There is no schema ${id}`);
    return answer(schema);
  }

  #schemasAt(base: string, given: readonly GrantKind[]): ReadonlyMap<string, object> {
    return schemaResources(this.#registry, base, this.#uniqueDisplayName, given);
  }

  resourceTypes(base: string, query: QueryParameters, given: readonly GrantKind[]): HttpResponse {
    return list(
      this.#types(given).map((type) => resourceTypeResource(definitionOf(type), base)),
      query,
    );
  }

  #types(given: readonly GrantKind[]): readonly ResourceType[] {
    return [...this.#registry.resourceTypes, ...given.map((kind) => grantTypes[kind])];
  }

  resourceType(
    base: string,
    name: string,
    query: QueryParameters,
    given: readonly GrantKind[],
  ): HttpResponse {
    refuseFilter(query);
    const type = this.#types(given).find((candidate) => candidate.name === name);
    if (type === undefined) throw new ScimError(404, undefined, `There is no resource type ${name}`);
    return answer(resourceTypeResource(definitionOf(type), base));
  }
}

function answer(resource: object): HttpResponse {
  return jsonResponse(200, scimJson, JSON.stringify(resource));
}

/** Paging and sorting are ignored; a filter is refused, so that nobody takes the answer for a filtered one. */
function refuseFilter(query: QueryParameters): void {
  if (query.has('filter'))
    throw new ScimError(403, undefined, 'Discovery endpoints cannot be filtered (RFC 7644 §4)');
}

function list(resources: readonly object[], query: QueryParameters): HttpResponse {
  refuseFilter(query);
  return answer({
    schemas: [listResponseSchema],
    totalResults: resources.length,
    itemsPerPage: resources.length,
    startIndex: 1,
    Resources: resources,
  });
}
