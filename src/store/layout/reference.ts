/** Attributes that name another resource by its id, which is to be found where that is deleted (RFC 7644 §3.6). */
import { type Document, schemasOf } from '../../scim/document.ts';
import { isObject } from '../../scim/object.ts';
import { type Attribute, isResourceId } from '../../scim/registry.ts';
import type { StoredType, StoredTypes } from './stored-type.ts';

/** An attribute of which `value` may be the id of a resource of some type. */
export interface Reference {
  readonly kind: StoredType;
  readonly value: Attribute;
  readonly parent: Attribute;
}

/** All of them, as far as their values are in rows of `element`. */
export function referencesOf(types: StoredTypes): readonly Reference[] {
  return types.all.flatMap((kind) =>
    [...kind.layout.entries.values()].flatMap(({ attribute: value, location }) => {
      const { parent } = value;
      const isKept = parent === undefined || parent.required || !isResourceId(value);
      return isKept || location.kind !== 'element' ? [] : [{ kind, value, parent }];
    }),
  );
}

/** May it name a resource of that type? */
export function refersTo({ parent }: Reference, type: string): boolean {
  return parent.subAttributes.get('$ref')?.referenceTypes.includes(type) ?? false;
}

/** The document without the attribute; its members stay in their order. */
export function withoutReference(
  { type }: StoredType,
  before: Document,
  { name, extension }: Attribute,
): Document {
  const after: Record<string, unknown> = { ...before };
  if (extension === undefined) delete after[name];
  else {
    const { [name]: _, ...rest } = isObject(before[extension]) ? before[extension] : {};
    if (Object.keys(rest).length === 0) delete after[extension];
    else after[extension] = rest;
  }
  return { ...after, schemas: schemasOf(type, after) };
}
