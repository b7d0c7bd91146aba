/** Edits of the edge attribute (Group.members), as what they ask of the store: each costs what the change costs. */
import type { Filter } from '../../grammar/ast.ts';
import { ScimError } from '../error.ts';
import { type Edit, immutable, listedValues } from './patch-request.ts';
import { type EdgeValue, edgeValuesOf } from './resource.ts';
import type { Tolerated } from './tolerances.ts';
import { invalidValue, isObject } from './value.ts';

export type EdgePatch =
  | { readonly kind: 'add'; readonly members: readonly EdgeValue[] }
  | { readonly kind: 'remove'; readonly values: readonly string[] }
  | { readonly kind: 'removeWhere'; readonly filter: Filter }
  | { readonly kind: 'replace'; readonly members: readonly EdgeValue[] };

/** What an edit of the edge attribute asks of the store. */
export function edgePatches(edit: Edit, tolerated: Tolerated): EdgePatch[] {
  const { attribute, filter, sub, op, at } = edit;
  if (sub !== undefined) throw immutable(edit, sub);
  if (filter === undefined) {
    if (op !== 'remove') {
      const members = edgeValuesOf(attribute, edit.value, tolerated);
      return [op === 'add' ? { kind: 'add', members } : { kind: 'replace', members }];
    }
    const listed = listedValues(edit, tolerated);
    if (listed === undefined) return [{ kind: 'replace', members: [] }];
    return [
      {
        kind: 'remove',
        values: edgeValuesOf(attribute, listed, tolerated).map((member) => member.value),
      },
    ];
  }
  const named = namedValues(filter);
  if (op === 'remove')
    return [named === undefined ? { kind: 'removeWhere', filter } : { kind: 'remove', values: named }];
  if (named?.length !== 1)
    throw new ScimError(400, 'noTarget', `${at}: a member to ${op} is named by value eq "…"`);
  if (!isObject(edit.value)) throw invalidValue(`${at}: the value must be an object: a member`);
  const [member] = edgeValuesOf(attribute, [{ value: named[0], ...edit.value }], tolerated);
  if (member?.value !== named[0]) throw immutable(edit, attribute.subAttributes.get('value') ?? attribute);
  return [{ kind: 'add', members: [member as EdgeValue] }];
}

/** The ids of `value eq "a" or value eq "b"`; undefined for any other filter. */
function namedValues(filter: Filter): string[] | undefined {
  const values: string[] = [];
  for (const part of filter.type === 'or' ? filter.filters : [filter]) {
    if (part.type !== 'compare' || part.operator !== 'eq' || typeof part.value !== 'string') return undefined;
    if (
      part.attrPath.name.toLowerCase() !== 'value' ||
      part.attrPath.schema !== undefined ||
      part.attrPath.subAttr !== undefined
    )
      return undefined;
    values.push(part.value);
  }
  return values;
}
