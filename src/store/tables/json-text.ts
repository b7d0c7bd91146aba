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

/** Members of an object whose names are remembered. */
const mostRemembered = 64;

/**
 * Reads the members of objects. Most have the names of the object before in the same order: those are compared, and not
 * looked up, which took as long as to read the values. Shown by the workload `list` of npm run bench.
 */
export class MembersReader {
  readonly #places: ReadonlyMap<string, number>;
  /** `"name":`, and the places of those that have one. */
  readonly #labels: string[] = [];
  readonly #found: (number | undefined)[] = [];

  /** `places` are the indexes that the values of members get, by their names. */
  constructor(places: ReadonlyMap<string, number>) {
    this.#places = places;
  }

  /**
   * Puts the text of values into `values`, and answers the other members, each with a comma before it. Undefined where the
   * text is not an object that {@link endOfValue} reads.
   */
  read(text: string, values: (string | undefined)[]): string | undefined {
    if (text.charCodeAt(0) !== openObject) return undefined;
    if (text === '{}') return '';
    let others = '';
    let index = 0;
    let nth = 0;
    do {
      const begin = index + 1;
      const label = this.#labels[nth];
      let place = this.#found[nth];
      let start = begin;
      if (label !== undefined && text.startsWith(label, begin)) start += label.length;
      else {
        const end = endOfString(text, begin);
        if (end === -1 || text.charCodeAt(end) !== colon) return undefined;
        start = end + 1;
        place = this.#places.get(text.slice(begin + 1, end - 1));
        if (nth < mostRemembered) {
          this.#labels[nth] = text.slice(begin, start);
          this.#found[nth] = place;
        }
      }
      nth++;
      index = endOfValue(text, start);
      if (index === -1) return undefined;
      if (place === undefined) others = `${others},${text.slice(begin, index)}`;
      else values[place] = text.slice(start, index);
    } while (text.charCodeAt(index) === comma);
    return text.charCodeAt(index) === closeObject && index + 1 === text.length ? others : undefined;
  }
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
