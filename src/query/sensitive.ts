/** Attributes of which the change record keeps no values. */
import { type ResourceType, resolveName } from '../scim/registry.ts';
import { isHidden } from './bind.ts';

/** Paths of attributes of which the record says that they changed, and not from what to what. */
export type SensitivePaths = ReadonlySet<string>;

/**
 * Paths of the type's top-level and extension attributes that are never shown (RFC 7643 §2.2 `returned`), or that are
 * among `names`, in standard notation: one stands for all that its top-level attribute, or its extension, holds.
 */
export function sensitivePaths(type: ResourceType, names: readonly string[]): SensitivePaths {
  const paths = new Set<string>();
  const attributes = [
    ...type.attributes.values(),
    ...[...type.extensions.values()].flatMap((extension) => [...extension.attributes.values()]),
  ];
  for (const attribute of attributes) if (isHidden(attribute)) paths.add(attribute.path);
  for (const name of names) {
    const resolved = resolveName(type, name);
    if (resolved === undefined) continue;
    if (resolved.kind === 'attribute') paths.add((resolved.attribute.parent ?? resolved.attribute).path);
    else for (const { path } of resolved.extension.attributes.values()) paths.add(path);
  }
  return paths;
}
