/** Where an attribute's value is in a JSON resource (RFC 7643 §3). */
import type { Attribute } from '../scim/registry.ts';

/** A JSON object: a resource, or a value of a complex attribute. */
export type JsonObject = { readonly [name: string]: unknown };

export type Read = (value: unknown) => unknown;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * How to get from a value of `element` (a resource, if undefined) to the attribute's value; undefined if that is the
 * value itself.
 */
export function reader(attribute: Attribute, element: Attribute | undefined): Read | undefined {
  if (attribute === element) return undefined;
  const own = member(attribute.name);
  const { parent, extension } = attribute;
  if (parent !== undefined && parent === element) return own;
  if (parent !== undefined) {
    const outer = reader(parent, element) as Read;
    return (value) => {
      const complex = outer(value);
      return typeof complex === 'object' && complex !== null ? own(complex) : undefined;
    };
  }
  if (extension === undefined) return own;
  const outer = member(extension);
  return (value) => {
    const object = outer(value);
    return typeof object === 'object' && object !== null ? own(object) : undefined;
  };
}

/** A member by its registered spelling, else by any other (RFC 7643 §2.1: names are case-insensitive). */
export function member(name: string): Read {
  const lower = name.toLowerCase();
  const { length } = name;
  return (object) => {
    const value = (object as JsonObject)[name];
    if (value !== undefined) return value;
    for (const key in object as JsonObject) {
      if (key.length === length && key.toLowerCase() === lower) return (object as JsonObject)[key];
    }
    return undefined;
  };
}
