/**
 * One value in the JSON text of a document, found and replaced without making an object of all of it: most changes are of one
 * simple attribute. Shown by the workload `patch` of npm run bench.
 */
import type { Attribute } from './registry.ts';

/** A value of the document itself, and where its text stands. */
export interface PlacedValue {
  readonly value: string | number | boolean;
  readonly start: number;
  readonly end: number;
}

/** May the attribute's value be looked for with {@link placedValue}? */
export function hasPlace({ type, multiValued, extension, parent }: Attribute): boolean {
  return type !== 'complex' && !multiValued && extension === undefined && parent === undefined;
}

/**
 * The value of the document's own member of this name, in a text as JSON.stringify makes it. Undefined where there is none, or
 * it is an object or a list, or another member has the name too, in the document or in what is in it.
 */
export function placedValue(text: string, name: string): PlacedValue | undefined {
  const key = `"${name}":`;
  const at = text.indexOf(key);
  if (at === -1 || text.indexOf(key, at + key.length) !== -1 || !isOwn(text, at)) return undefined;
  const start = at + key.length;
  const end = endOfValue(text, start);
  if (end === undefined) return undefined;
  const value: unknown = JSON.parse(text.slice(start, end));
  return value === null || typeof value === 'object' ? undefined : { value: value as never, start, end };
}

const [quote, backslash, comma] = ['"', '\\', ','].map((each) => each.charCodeAt(0));
const [open, close, openList, closeList] = ['{', '}', '[', ']'].map((each) => each.charCodeAt(0));

/** Does a member begin there that is in no other? */
function isOwn(text: string, at: number): boolean {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < at; i++) {
    const code = text.charCodeAt(i);
    if (isText) {
      if (code === quote) isText = false;
      else if (code === backslash) i++;
    } else if (code === quote) isText = true;
    else if (code === open || code === openList) depth++;
    else if (code === close || code === closeList) depth--;
  }
  return depth === 1 && !isText;
}

/** Undefined for an object and a list. */
function endOfValue(text: string, start: number): number | undefined {
  const first = text.charCodeAt(start);
  if (first === open || first === openList) return undefined;
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (first === quote) {
      if (code === quote) return i + 1;
      if (code === backslash) i++;
    } else if (code === comma || code === close) return i;
  }
  return undefined;
}
