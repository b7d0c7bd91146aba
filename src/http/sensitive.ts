/** Filters that may not stand in a URL, which proxies log and browsers remember (RFC 7644 §7.5.2). */
import { attrPaths, type Filter } from '../../grammar/index.ts';
import { ScimError } from '../error.ts';
import { type Attribute, type ResourceType, resolveAttrPath, resolveName } from '../scim/registry.ts';

/** A setting names an attribute that no resource type has. */
export class UnknownAttributeError extends Error {
  override readonly name = 'UnknownAttributeError';
}

/** Throws 403 `sensitive` when a filter names what must not be in a URL. */
export type SensitiveCheck = (filter: Filter, types: readonly ResourceType[]) => void;

/**
 * `names` are attributes in standard notation; one stands for everything in its top-level attribute.
 * @throws UnknownAttributeError for a name that no resource type has.
 */
export function sensitiveCheck(
  names: readonly string[],
  all: readonly ResourceType[],
): SensitiveCheck | undefined {
  if (names.length === 0) return undefined;
  const sensitive = new Set<Attribute>();
  for (const name of names) {
    const found = all.flatMap((type) => namedBy(type, name));
    if (found.length === 0) {
      throw new UnknownAttributeError(`sensitiveAttributes: no resource type has an attribute ${name}`);
    }
    for (const attribute of found) sensitive.add(attribute);
  }
  return (filter, types) => {
    for (const path of attrPaths(filter)) {
      const { subAttr: _, ...top } = path;
      for (const type of types) {
        const resolved = resolveAttrPath(type, top);
        if (resolved?.kind !== 'attribute' || !sensitive.has(resolved.attribute)) continue;
        throw new ScimError(
          403,
          'sensitive',
          `A filter on ${resolved.attribute.path} must not stand in a URL; send it by POST to ${type.endpoint}/.search`,
        );
      }
    }
  };
}

function namedBy(type: ResourceType, name: string): readonly Attribute[] {
  const resolved = resolveName(type, name);
  if (resolved === undefined) return [];
  if (resolved.kind === 'extension') return [...resolved.extension.attributes.values()];
  return [resolved.attribute.parent ?? resolved.attribute];
}
