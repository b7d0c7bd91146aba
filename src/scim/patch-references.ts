/** References under PATCH: `value` and `$ref` say the same of a single one. */
import { isObject } from './object.ts';
import { type Attribute, isResourceId } from './registry.ts';

/** A single reference whose `value` changes or goes loses the `$ref` that it had, which says what it was. */
export function withoutStaleReference(attribute: Attribute, before: unknown, after: unknown): unknown {
  const value = attribute.subAttributes.get('value');
  if (value === undefined || !isResourceId(value) || !isObject(before) || !isObject(after)) return after;
  if (before.value === undefined || before.value === after.value || before.$ref !== after.$ref) return after;
  const { $ref: _, ...rest } = after;
  return Object.keys(rest).length === 0 ? undefined : rest;
}
