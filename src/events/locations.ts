/** Where resources are, as events say it: the same for all who read them. */
import type { Registry } from '../scim/registry.ts';

export interface ResourceUrls {
  /** `meta.location`: absolute where the server's own address is configured. */
  readonly locationOf: (type: string, id: string) => string;
  /** An absolute URL; undefined where the server's own address is not configured. */
  readonly urlOf: (type: string, id: string) => string | undefined;
}

export function resourceUrls(
  registry: Registry,
  basePath: string,
  baseUrl: string | undefined,
): ResourceUrls {
  const base = baseUrl?.replace(/\/+$/, '') ?? basePath;
  const endpoints = new Map(registry.resourceTypes.map(({ name, endpoint }) => [name, endpoint]));
  const locationOf = (type: string, id: string): string =>
    `${base}${endpoints.get(type) ?? `/${type}`}/${id}`;
  return { locationOf, urlOf: (type, id) => (baseUrl === undefined ? undefined : locationOf(type, id)) };
}
