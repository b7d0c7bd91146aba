/**
 * What the SCIM interoperability profile refuses that RFC 7644 lets pass (draft-zollner-scim-interop-profile, which the
 * profile ipsie builds on): attributes and schemas that are not defined, and PATCH operations that can be read in more
 * than one way.
 */
import { parsePath } from '../../grammar/index.ts';
import { invalidPath, invalidSyntax } from '../error.ts';
import { membersAttribute } from './document.ts';
import { isObject } from './object.ts';
import type { Attribute, ResourceType } from './registry.ts';

type Attributes = ReadonlyMap<string, Attribute>;

/** @throws ScimError 400 invalidSyntax that names the first attribute of the body that is not defined. */
export function refuseUndefined(type: ResourceType, body: unknown): void {
  if (!isObject(body)) return;
  for (const [name, value] of Object.entries(body)) {
    const key = name.toLowerCase();
    const extension = type.extensions.get(key);
    if (extension !== undefined) {
      refuseMembers(extension.attributes, value, name);
      continue;
    }
    const attribute = type.attributes.get(key);
    if (attribute === undefined) throw undefinedIn(name, type.name);
    if (key === 'schemas') refuseSchemas(type, value);
    else refuseWithin(attribute, value, name);
  }
}

function refuseSchemas(type: ResourceType, value: unknown): void {
  const known = new Set([type.schema.id.toLowerCase(), ...type.extensions.keys()]);
  for (const uri of Array.isArray(value) ? value : [value])
    if (typeof uri === 'string' && !known.has(uri.toLowerCase())) throw undefinedIn(uri, type.name);
}

function refuseWithin(attribute: Attribute, value: unknown, at: string): void {
  if (attribute.type !== 'complex') return;
  const values = Array.isArray(value) ? value : [value];
  for (const [index, each] of values.entries())
    refuseMembers(attribute.subAttributes, each, Array.isArray(value) ? `${at}[${index}]` : at);
}

function refuseMembers(attributes: Attributes, value: unknown, at: string): void {
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(value)) {
    const attribute = attributes.get(name.toLowerCase());
    if (attribute === undefined) throw undefinedIn(name, at);
    refuseWithin(attribute, member, `${at}.${name}`);
  }
}

function undefinedIn(name: string, where: string) {
  return invalidSyntax(`${JSON.stringify(name)} is not defined in ${where}; GET /Schemas has what is`);
}

/**
 * The operations of a PatchOp as the profile reads them: `replace` of a whole complex attribute leaves nothing of what
 * was there.
 * @throws ScimError 400 invalidSyntax where there is no path, or it or the value names what is not defined; invalidPath
 * where a value filter is not followed by a sub-attribute, but for the removal of a member.
 */
export function interoperable(type: ResourceType, operations: readonly unknown[]): unknown[] {
  return operations.map((operation, index) => {
    if (!isObject(operation)) return operation;
    const entries = new Map(Object.entries(operation).map(([name, value]) => [name.toLowerCase(), value]));
    const at = `Operations[${index}]`;
    const path = entries.get('path');
    if (typeof path !== 'string') throw invalidSyntax(`${at} has no path, which the profile asks for`);
    const { attrPath, filter, subAttr } = parsePath(path);
    const extension = attrPath.schema === undefined ? undefined : attrPath.schema.toLowerCase();
    const attributes =
      extension === undefined || extension === type.schema.id.toLowerCase()
        ? type.attributes
        : type.extensions.get(extension)?.attributes;
    const attribute = attributes?.get(attrPath.name.toLowerCase());
    const subName = subAttr ?? attrPath.subAttr;
    const sub = subName === undefined ? undefined : attribute?.subAttributes.get(subName.toLowerCase());
    if (attribute === undefined || (subName !== undefined && sub === undefined))
      throw undefinedIn(path, type.name);
    const op = String(entries.get('op')).toLowerCase();
    if (filter !== undefined && subName === undefined) {
      const isMember = attribute === membersAttribute(type) && op === 'remove';
      if (!isMember) throw invalidPath(`${at}.path must end in a sub-attribute behind its filter: ${path}`);
    }
    const value = entries.get('value');
    refuseWithin(sub ?? attribute, value, `${at}.value`);
    const isWhole = op === 'replace' && subName === undefined && !attribute.multiValued;
    if (!isWhole || attribute.type !== 'complex' || !isObject(value)) return operation;
    return { ...operation, value: wholly(attribute, value) };
  });
}

/** What is not in the value is to go. */
function wholly(attribute: Attribute, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = new Set(Object.keys(value).map((name) => name.toLowerCase()));
  const others = [...attribute.subAttributes.values()].filter(
    ({ name, mutability }) => !given.has(name.toLowerCase()) && mutability === 'readWrite',
  );
  return { ...Object.fromEntries(others.map(({ name }) => [name, null])), ...value };
}
