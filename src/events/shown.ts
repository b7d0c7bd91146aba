/** Resources as events show them: the same to all who read them. */
import { everything, projectionOf } from '../scim/projection.ts';
import type { Registry } from '../scim/registry.ts';
import { entityTag, segmentOf } from '../scim/representation.ts';
import type { StoredResource } from '../store/stored-resource.ts';
import type { EventGroup, EventResource } from './event.ts';

export interface Shown {
  /** `meta.location`: absolute where the server's own address is configured. */
  readonly locationOf: (type: string, id: string) => string;
  /** An absolute URL; undefined where the server's own address is not configured. */
  readonly urlOf: (type: string, id: string) => string | undefined;
  /** Below the base URL, `/Users/2819c223…`; undefined for a type that is not configured. */
  readonly pathOf: (type: string, id: string) => string | undefined;
  /** Undefined where all of the type's documents is shown. */
  readonly projection: (
    type: string,
  ) => ((document: Readonly<Record<string, unknown>>) => Record<string, unknown>) | undefined;
}

/** What a plain GET shows (RFC 7643 §2.2 `returned`): nothing that is never returned, or on request only. */
export function shownAs(registry: Registry, basePath: string, baseUrl: string | undefined): Shown {
  const base = baseUrl?.replace(/\/+$/, '') ?? basePath;
  const types = new Map(
    registry.resourceTypes.map((type) => {
      const projection = projectionOf(type, everything);
      return [type.name, { endpoint: type.endpoint, apply: projection?.apply.bind(projection) }];
    }),
  );
  const locationOf = (type: string, id: string): string =>
    `${base}${types.get(type)?.endpoint ?? `/${type}`}/${segmentOf(id)}`;
  return {
    locationOf,
    pathOf(type, id) {
      const known = types.get(type);
      return known === undefined ? undefined : `${known.endpoint}/${segmentOf(id)}`;
    },
    urlOf: (type, id) => (baseUrl === undefined ? undefined : locationOf(type, id)),
    projection: (type) => types.get(type)?.apply,
  };
}

/** What a document has of itself that is shown. */
export function visibleOf(shown: Shown, type: string, document: EventResource): EventResource {
  return shown.projection(type)?.(document) ?? document;
}

/** A resource with `meta`; a group with `memberCount` and without its members. */
export function documentOf(
  shown: Shown,
  resource: StoredResource,
  memberCount: number,
  groups?: readonly EventGroup[],
): EventResource {
  const { id, type, version, created, modified, body } = resource;
  const values = groups?.map(({ group, display }) => ({ value: group, ...(display ? { display } : {}) }));
  return {
    ...visibleOf(shown, type, JSON.parse(body)),
    ...(type === 'Group' ? { memberCount } : {}),
    ...(values === undefined ? {} : { groups: values }),
    meta: {
      resourceType: type,
      created,
      lastModified: modified,
      location: shown.locationOf(type, id),
      version: entityTag(version),
    },
  };
}
