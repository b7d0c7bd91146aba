/**
 * A resource as a JSON document of comparison keys: what the `json` and `jsonArray` storages read. Member names are
 * lower-cased, unassigned values are left out, booleans are 0 and 1.
 */
import { type Key, keyOf } from '../scim/comparison.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { isHidden } from './bind.ts';
import { isObject, type JsonObject, member } from './read.ts';
import type { Storage } from './storage.ts';

/** A JSON document of comparison keys, by which the attributes of RFC 7643 §2 are filtered. */
export type KeyDocument = { [name: string]: Key | KeyDocument | (Key | KeyDocument)[] };

/** The comparison keys of everything in `resource` that can be filtered by (RFC 7644 §3.4.2.2). */
export function comparisonKeys(resource: JsonObject, type: ResourceType): KeyDocument {
  const document = keysOf(resource, type.attributes.values());
  for (const [name, { schema, attributes }] of type.extensions) {
    const object = member(schema.id)(resource);
    const keys = isObject(object) ? keysOf(object, attributes.values()) : {};
    if (Object.keys(keys).length > 0) document[name] = keys;
  }
  return document;
}

/** Where {@link comparisonKeys} puts an attribute, `document` being the SQL of a document of it. */
export function keyStorage(document: string, attribute: Attribute): Storage {
  const path: string[] = [];
  for (let step: Attribute | undefined = attribute; step !== undefined; step = step.parent) {
    path.unshift(step.name.toLowerCase());
  }
  if (attribute.extension !== undefined) path.unshift(attribute.extension.toLowerCase());
  return { kind: attribute.multiValued ? 'jsonArray' : 'json', document, path };
}

function keysOf(object: JsonObject, attributes: Iterable<Attribute>): KeyDocument {
  const document: KeyDocument = {};
  for (const attribute of attributes) {
    if (isHidden(attribute)) continue;
    const value = member(attribute.name)(object);
    const name = attribute.name.toLowerCase();
    if (attribute.multiValued) {
      const elements: readonly unknown[] = Array.isArray(value) ? value : [value];
      const keys = elements
        .map((element) => keysOfValue(attribute, element))
        .filter((key) => key !== undefined);
      if (keys.length > 0) document[name] = keys;
    } else {
      const key = keysOfValue(attribute, value);
      if (key !== undefined) document[name] = key;
    }
  }
  return document;
}

function keysOfValue(attribute: Attribute, value: unknown): Key | KeyDocument | undefined {
  if (attribute.type !== 'complex') return isOfType(attribute, value) ? keyOf(attribute, value) : undefined;
  if (!isObject(value)) return undefined;
  const document = keysOf(value, attribute.subAttributes.values());
  return Object.keys(document).length === 0 ? undefined : document;
}

function isOfType({ type }: Attribute, value: unknown): boolean {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'decimal':
      return typeof value === 'number';
    default:
      return typeof value === 'string';
  }
}
