/** The document of a resource as it is stored, and which of its attributes are kept apart from it. */
import { isObject } from './object.ts';
import type { Attribute, ResourceType } from './registry.ts';

export type Document = Readonly<Record<string, unknown>>;

/** One value of `Group.members`. */
export interface MemberValue {
  readonly value: string;
  readonly type?: string;
  readonly display?: string;
}

/** `Group.members`: stored as rows of their own, apart from the document. */
export function membersAttribute(type: ResourceType): Attribute | undefined {
  const members = type.attributes.get('members');
  return members?.multiValued &&
    members.type === 'complex' &&
    members.mutability !== 'readOnly' &&
    members.subAttributes.has('value')
    ? members
    : undefined;
}

/** `User.groups`: read-only, computed from the memberships of the resource. */
export function groupsAttribute(type: ResourceType): Attribute | undefined {
  const groups = type.attributes.get('groups');
  return groups?.multiValued && groups.type === 'complex' && groups.mutability === 'readOnly'
    ? groups
    : undefined;
}

/** Kept hashed and apart, whatever schema defines it: writeOnly and never returned. */
export function isSecret(attribute: Attribute): boolean {
  return attribute.mutability === 'writeOnly' && attribute.returned === 'never';
}

/** The attribute that is kept hashed and apart: `User.password`. */
export function secretAttribute(type: ResourceType): Attribute | undefined {
  return [...type.attributes.values()].find(isSecret);
}

/** `schemas` as answered: the base schema and the extensions that have a value (RFC 7643 §3). */
export function schemasOf(type: ResourceType, document: Document): string[] {
  const schemas = [type.schema.id];
  for (const extension of type.extensions.values()) {
    if (document[extension.schema.id] !== undefined) schemas.push(extension.schema.id);
  }
  return schemas;
}

/**
 * Members in schema order, so that the same resource is the same text whichever way it came to be; what no schema
 * defines stands last, as it was.
 */
export function inSchemaOrder(type: ResourceType, document: Document): Document {
  const result: Record<string, unknown> = {};
  const take = (name: string): void => {
    if (!Object.hasOwn(document, name) || document[name] === undefined || Object.hasOwn(result, name)) return;
    // By assignment a member of this name would set the prototype.
    if (name === '__proto__')
      Object.defineProperty(result, name, {
        value: document[name],
        configurable: true,
        enumerable: true,
        writable: true,
      });
    else result[name] = document[name];
  };
  for (const { name } of type.attributes.values()) take(name);
  for (const { schema } of type.extensions.values()) take(schema.id);
  for (const name of Object.keys(document)) take(name);
  return result;
}

/** Are two stored values the same? Objects compare by members, whatever their order. */
export function equalValues(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, index) => equalValues(value, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equalValues(a[name], b[name]))
  );
}

/** Sets an attribute of a document, or takes it away where the value is undefined, that of an extension in its container. */
export function setValue(
  document: Record<string, unknown>,
  { name, extension }: Attribute,
  value: unknown,
): void {
  if (extension === undefined) {
    if (value === undefined) delete document[name];
    else document[name] = value;
    return;
  }
  const before = document[extension];
  const container: Record<string, unknown> = isObject(before) ? { ...before } : {};
  if (value === undefined) delete container[name];
  else container[name] = value;
  if (Object.keys(container).length === 0) delete document[extension];
  else document[extension] = container;
}
