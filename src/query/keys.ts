/**
 * A resource as a JSON document of comparison keys: what the `json` and `jsonArray` storages read. Member names are
 * lower-cased, unassigned values are left out, booleans are 0 and 1.
 */
import { type Key, keyReader } from '../scim/comparison.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { isHidden } from './bind.ts';
import { isObject, type JsonObject, member, type Read } from './read.ts';
import type { Storage } from './storage.ts';

/** A JSON document of comparison keys, by which the attributes of RFC 7643 §2 are filtered. */
export type KeyDocument = { [name: string]: Keys };

/** The keys of one attribute: of a simple value, of the parts of a complex one, or of several values. */
export type Keys = Key | KeyDocument | (Key | KeyDocument)[];

/** The comparison keys of everything in `resource` that can be filtered by (RFC 7644 §3.4.2.2). */
export function comparisonKeys(resource: JsonObject, type: ResourceType): KeyDocument {
  let write = writers.get(type);
  if (write === undefined) {
    write = resourceWriter(type);
    writers.set(type, write);
  }
  return write(resource);
}

const writers = new WeakMap<ResourceType, (resource: JsonObject) => KeyDocument>();

function resourceWriter(type: ResourceType): (resource: JsonObject) => KeyDocument {
  const core = objectKeys(type.attributes.values(), member);
  const extensions = [...type.extensions].map(([name, { schema, attributes }]) => ({
    name,
    read: member(schema.id),
    keys: objectKeys(attributes.values(), member),
  }));
  return (resource) => {
    const document = core(resource) ?? {};
    for (const { name, read, keys } of extensions) {
      const object = read(resource);
      const written = isObject(object) ? keys(object) : undefined;
      if (written !== undefined) document[name] = written;
    }
    return document;
  };
}

/**
 * Compiles what writes the keys of an attribute's value, as a document of keys has them; undefined where there are
 * none. `memberOf` says how sub-attributes are found in the value.
 */
export function attributeKeys(
  attribute: Attribute,
  memberOf: (name: string) => Read,
): (value: unknown) => Keys | undefined {
  const one: (value: unknown) => Key | KeyDocument | undefined =
    attribute.type === 'complex' ? complexKeys(attribute, memberOf) : keyReader(attribute);
  if (!attribute.multiValued) return one;
  return (value) => {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const keys = values.map(one).filter((key) => key !== undefined);
    return keys.length === 0 ? undefined : keys;
  };
}

/** Compiles what writes the keys of some attributes of an object; undefined where none has any. */
export function objectKeys(
  attributes: Iterable<Attribute>,
  memberOf: (name: string) => Read,
): (object: JsonObject) => KeyDocument | undefined {
  const parts = [...attributes]
    .filter((attribute) => !isHidden(attribute))
    .map((attribute) => ({
      name: attribute.name.toLowerCase(),
      read: memberOf(attribute.name),
      keys: attributeKeys(attribute, memberOf),
    }));
  return (object) => {
    let document: KeyDocument | undefined;
    for (const { name, read, keys } of parts) {
      const written = keys(read(object));
      if (written === undefined) continue;
      document ??= {};
      document[name] = written;
    }
    return document;
  };
}

function complexKeys(
  attribute: Attribute,
  memberOf: (name: string) => Read,
): (value: unknown) => KeyDocument | undefined {
  const keys = objectKeys(attribute.subAttributes.values(), memberOf);
  return (value) => (isObject(value) ? keys(value) : undefined);
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
