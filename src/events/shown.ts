/** Resources as events show them: the same to all who read them. */
import { everything, projectionOf } from '../scim/projection.ts';
import type { Registry } from '../scim/registry.ts';

export interface Shown {
  /** `meta.location`: absolute where the server's own address is configured. */
  readonly locationOf: (type: string, id: string) => string;
  /** An absolute URL; undefined where the server's own address is not configured. */
  readonly urlOf: (type: string, id: string) => string | undefined;
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
    `${base}${types.get(type)?.endpoint ?? `/${type}`}/${id}`;
  return {
    locationOf,
    urlOf: (type, id) => (baseUrl === undefined ? undefined : locationOf(type, id)),
    projection: (type) => types.get(type)?.apply,
  };
}
