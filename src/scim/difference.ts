/** What differs between two states of a resource, attribute by attribute. */
import { type Document, equalValues } from './document.ts';
import { isObject } from './object.ts';
import type { Attribute, ResourceType } from './registry.ts';

/** The values of one attribute before and after; absent where it had, or has, none. */
export interface AttributeEdit {
  /** Of a top-level attribute or one of an extension: `title`, `urn:…:enterprise:2.0:User:department`. */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

export interface Difference {
  /** In schema order. `id`, `meta` and `schemas` are not part of it: they follow from the rest. */
  readonly edits: readonly AttributeEdit[];
  /** Names of the members of the document that differ: attributes, and URIs of extensions. */
  readonly members: ReadonlySet<string>;
}

export function differenceOf(type: ResourceType, before: Document, after: Document): Difference {
  const edits: AttributeEdit[] = [];
  const members = new Set<string>();
  const compare = (attribute: Attribute, from: unknown, to: unknown): void => {
    if (from === to || equalValues(from, to)) return;
    edits.push({
      path: attribute.path,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
    members.add(attribute.extension ?? attribute.name);
  };
  for (const attribute of type.attributes.values()) {
    if (attribute.path === 'schemas' || attribute.path === 'id' || attribute.path === 'meta') continue;
    compare(attribute, before[attribute.name], after[attribute.name]);
  }
  for (const { schema, attributes } of type.extensions.values()) {
    const from = before[schema.id];
    const to = after[schema.id];
    if (from === to) continue;
    const [left, right] = [isObject(from) ? from : {}, isObject(to) ? to : {}];
    for (const attribute of attributes.values())
      compare(attribute, left[attribute.name], right[attribute.name]);
  }
  return { edits, members };
}
