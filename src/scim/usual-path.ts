/**
 * The paths of nearly all operations, read without the grammar: the name of an attribute, and the member with an id. Shown by
 * the workload `member-10000` of npm run bench.
 */
import type { PatchPath } from '../../grammar/ast.ts';

const name = /^[A-Za-z][A-Za-z0-9]{0,60}$/;
const memberById = /^members\[value eq "([\w-]{1,100})"\]$/;
/** Where `value`, and its value in quotes, stand in such a path. */
const [valueAt, valueEnd, idAt] = [8, 13, 17];

/** What `parsePath` answers too; undefined for any other path. */
export function usualPath(text: string): PatchPath | undefined {
  if (name.test(text)) {
    const range = [0, text.length] as const;
    return { type: 'path', attrPath: { type: 'attrPath', name: text, range }, range };
  }
  const id = memberById.exec(text)?.[1];
  if (id === undefined) return undefined;
  return {
    type: 'path',
    attrPath: { type: 'attrPath', name: 'members', range: [0, 7] },
    filter: {
      type: 'compare',
      attrPath: { type: 'attrPath', name: 'value', range: [valueAt, valueEnd] },
      operator: 'eq',
      value: id,
      raw: text.slice(idAt, -1),
      range: [valueAt, text.length - 1],
    },
    range: [0, text.length],
  };
}
