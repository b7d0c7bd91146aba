/** JSON that stays text: where the values in it are, as far as it is written as `JSON.stringify` writes it. */

const [quote, comma, minus, zero, nine, colon, backslash] = [34, 44, 45, 48, 57, 58, 92];
const [openArray, closeArray, openObject, closeObject] = [91, 93, 123, 125];

/** Digits of a number that is written in one way only. */
const mostDigits = 15;

/**
 * Where the value that begins there ends; -1 where it is no JSON, or could be written otherwise too: with white space,
 * escapes, fractions, or deeper than so many levels.
 */
function endOfValue(text: string, at: number, levels = 8): number {
  switch (text.charCodeAt(at)) {
    case quote:
      return endOfString(text, at);
    case openObject:
      return endOfObject(text, at, levels - 1);
    case openArray:
      return endOfArray(text, at, levels - 1);
    case 116:
      return text.startsWith('true', at) ? at + 4 : -1;
    case 102:
      return text.startsWith('false', at) ? at + 5 : -1;
    case 110:
      return text.startsWith('null', at) ? at + 4 : -1;
    default:
      return endOfInteger(text, at);
  }
}

function endOfString(text: string, at: number): number {
  if (text.charCodeAt(at) !== quote) return -1;
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) return index + 1;
    if (code === backslash || code < 32) return -1;
  }
  return -1;
}

function endOfObject(text: string, at: number, levels: number): number {
  if (levels < 0) return -1;
  if (text.charCodeAt(at + 1) === closeObject) return at + 2;
  let index = at;
  do {
    index = endOfString(text, index + 1);
    if (index === -1 || text.charCodeAt(index) !== colon) return -1;
    index = endOfValue(text, index + 1, levels);
    if (index === -1) return -1;
  } while (text.charCodeAt(index) === comma);
  return text.charCodeAt(index) === closeObject ? index + 1 : -1;
}

function endOfArray(text: string, at: number, levels: number): number {
  if (levels < 0) return -1;
  if (text.charCodeAt(at + 1) === closeArray) return at + 2;
  let index = at;
  do {
    index = endOfValue(text, index + 1, levels);
    if (index === -1) return -1;
  } while (text.charCodeAt(index) === comma);
  return text.charCodeAt(index) === closeArray ? index + 1 : -1;
}

function endOfInteger(text: string, at: number): number {
  const first = text.charCodeAt(at) === minus ? at + 1 : at;
  let index = first;
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < zero || code > nine) break;
  }
  const digits = index - first;
  if (digits < 1 || digits > mostDigits || text.charCodeAt(index) === 46) return -1;
  // 0 has no other digit before or behind it.
  if (text.charCodeAt(first) === zero && (digits > 1 || first > at)) return -1;
  return index;
}

/**
 * Calls `each` with the name and the text of every member of an object, in their order. False where the text is not an
 * object that {@link endOfValue} reads; then it may have been called for some.
 */
export function readMembers(text: string, each: (name: string, value: string) => void): boolean {
  if (text.charCodeAt(0) !== openObject) return false;
  if (text === '{}') return true;
  let index = 0;
  do {
    const begin = index + 1;
    const end = endOfString(text, begin);
    if (end === -1 || text.charCodeAt(end) !== colon) return false;
    index = endOfValue(text, end + 1);
    if (index === -1) return false;
    each(text.slice(begin + 1, end - 1), text.slice(end + 1, index));
  } while (text.charCodeAt(index) === comma);
  return text.charCodeAt(index) === closeObject && index + 1 === text.length;
}

/** As `JSON.stringify` answers it; what has nothing to escape is not looked at twice. */
export function jsonText(value: unknown): string | undefined {
  if (typeof value === 'string' && value.length < 100 && isPlain(value)) return `"${value}"`;
  return JSON.stringify(value);
}

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 32 || code === quote || code === backslash || code > 126) return false;
  }
  return true;
}
