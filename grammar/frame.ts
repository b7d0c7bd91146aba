import type { Range } from './ast.ts';

/** Columns of source text that a frame shows at most. */
const WINDOW = 72;
/** Columns kept before the offending part of a line that is cut. */
const LEAD = 24;

/**
 * Two lines: the source line around `range`, and carets under the range. A line longer than the window is cut on
 * either side, marked with an ellipsis; work and output are bounded however long the source is.
 */
export function caretFrame(source: string, range: Range): string {
  const offset = Math.min(Math.max(range[0], 0), source.length);
  const lowest = Math.max(0, offset - WINDOW);
  let from = offset;
  while (from > lowest && !isLineBreak(source, from - 1)) from--;
  const highest = Math.min(source.length, offset + WINDOW);
  let to = offset;
  while (to < highest && !isLineBreak(source, to)) to++;
  if (to - from > WINDOW) {
    from = Math.max(from, Math.min(offset - LEAD, to - WINDOW));
    to = Math.min(to, from + WINDOW);
  }
  const before = from > 0 && !isLineBreak(source, from - 1) ? '…' : '';
  const after = to < source.length && !isLineBreak(source, to) ? '…' : '';
  const head = `  ${before}${printable(source.slice(from, offset))}`;
  const marked = printable(source.slice(offset, Math.min(Math.max(range[1], offset + 1), to)));
  const carets = `${' '.repeat(columns(head))}${'^'.repeat(Math.max(1, columns(marked)))}`;
  return `${head}${printable(source.slice(offset, to))}${after}\n${carets}`;
}

/** Source text for use in a sentence: at most 40 characters, and printable. */
export function excerpt(text: string, start: number, end: number): string {
  const shown = text.slice(start, Math.min(end, start + 40));
  return printable(start + 40 < end ? `${shown}…` : shown);
}

/**
 * Replaces what would not show as one column, or would act on the terminal that shows it: control characters become
 * their Unicode pictures, invisible and direction-changing ones a dot, unpaired surrogates U+FFFD.
 */
function printable(text: string): string {
  let shown = '';
  for (const character of text.toWellFormed()) {
    const code = character.charCodeAt(0);
    if (code === 9) shown += ' ';
    else if (code < 32) shown += String.fromCharCode(0x2400 + code);
    else if (isInvisible(code)) shown += '·';
    else shown += character;
  }
  return shown;
}

/** DEL and the C1 controls, zero-width and bidirectional marks, line and paragraph separators, byte order mark. */
function isInvisible(code: number): boolean {
  if (code < 0x7f) return false;
  return (
    code <= 0x9f ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff
  );
}

function isLineBreak(source: string, at: number): boolean {
  const code = source.charCodeAt(at);
  return code === 10 || code === 13;
}

/** Code points, which is near enough to columns. */
function columns(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
