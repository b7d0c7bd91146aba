import type { AttrPath } from './ast.ts';
import { ScimFilterError } from './error.ts';
import { excerpt } from './frame.ts';
import { DEFAULT_LIMITS, tooLong } from './limits.ts';
import { readAttrPath } from './name.ts';

/**
 * Parses one attribute path, as in `sortBy`, `attributes` and `excludedAttributes` (RFC 7644 §3.10): nothing may
 * stand around it.
 *
 * Throws {@link ScimFilterError} with `scimType` `invalidPath`.
 */
export function parseAttrPath(text: string): AttrPath {
  const refusedLength = tooLong(text, DEFAULT_LIMITS, 'invalidPath');
  if (refusedLength !== undefined) throw refusedLength;
  const path = readAttrPath(text, 0);
  if ('code' in path) {
    const { start, end, ...problem } = path;
    throw new ScimFilterError({ scimType: 'invalidPath', ...problem, range: [start, end], source: text });
  }
  const end = path.range[1];
  if (end < text.length) {
    throw new ScimFilterError({
      scimType: 'invalidPath',
      code: 'unexpectedToken',
      detail: `Unexpected "${excerpt(text, end, text.length)}" after an attribute path`,
      range: [end, text.length],
      source: text,
    });
  }
  return path;
}
