import { classOf, DIGIT, wordEnd } from './characters.ts';
import { excerpt } from './frame.ts';
import type { Problem } from './tokens.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const LOWER_U = 117;

/** The offset behind the closing quote, and the text that the string stands for. */
export interface StringLiteral {
  readonly end: number;
  readonly value: string;
}

/**
 *     string = quotation-mark *char quotation-mark                 ; RFC 8259 §7
 *
 * Exactly JSON, less what cannot be stored and compared everywhere: NUL and unpaired surrogates are refused whether
 * written raw or escaped. One pass; the decoding is left to `JSON.parse` once the text is known to be right.
 */
export function readString(text: string, start: number): StringLiteral | Problem {
  let at = start + 1;
  let escaped = false;
  let surrogates = false;
  for (;;) {
    if (at >= text.length) return unterminated(text, start);
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code === BACKSLASH) {
      const problem = checkEscape(text, at);
      if (problem !== undefined) return at + 1 >= text.length ? unterminated(text, start) : problem;
      escaped = true;
      at += text.charCodeAt(at + 1) === LOWER_U ? 6 : 2;
      continue;
    }
    if (code < 32) return control(code, at);
    if (code >= 0xd800 && code <= 0xdfff) surrogates = true;
    at++;
  }
  const end = at + 1;
  const value = escaped ? (JSON.parse(text.slice(start, end)) as string) : text.slice(start + 1, at);
  if ((escaped || surrogates) && !value.isWellFormed()) return loneSurrogate(text, start, end);
  return { end, value };
}

function unterminated(text: string, start: number): Problem {
  const typographic = /[“”„]/.exec(text.slice(start))?.[0];
  return {
    code: 'unterminatedString',
    detail: 'The string is not closed',
    start,
    end: text.length,
    expected: ['a closing double quote'],
    ...(typographic
      ? { hint: `A string ends with a plain double quote (") and not with ${typographic}.` }
      : undefined),
  };
}

function control(code: number, at: number): Problem {
  if (code === 0) {
    return { code: 'nul', detail: 'A string cannot contain U+0000', start: at, end: at + 1, expected: [] };
  }
  const escaped = JSON.stringify(String.fromCharCode(code)).slice(1, -1);
  return {
    code: 'controlCharacter',
    detail: 'A control character in a string must be escaped',
    start: at,
    end: at + 1,
    expected: [],
    hint: `Write ${escaped}.`,
  };
}

function checkEscape(text: string, at: number): Problem | undefined {
  const next = text.charCodeAt(at + 1);
  if (next !== LOWER_U) {
    if ('"\\/bfnrt'.includes(text[at + 1] ?? ' ')) return undefined;
    return badEscape(text, at, Math.min(at + 2, text.length));
  }
  for (let i = at + 2; i < at + 6; i++) {
    if (!isHex(text.charCodeAt(i))) return badEscape(text, at, Math.min(i + 1, text.length));
  }
  if (text.startsWith('0000', at + 2)) {
    return { code: 'nul', detail: 'A string cannot contain U+0000', start: at, end: at + 6, expected: [] };
  }
  return undefined;
}

function badEscape(text: string, start: number, end: number): Problem {
  return {
    code: 'invalidEscape',
    detail: `"${excerpt(text, start, end)}" is not a valid JSON escape sequence`,
    start,
    end,
    expected: [],
    hint: 'JSON escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits; a backslash is \\\\.',
  };
}

function isHex(code: number): boolean {
  const lower = code | 32;
  return (code >= 48 && code <= 57) || (lower >= 97 && lower <= 102);
}

/** Finds the unpaired one, counting escapes as the code units that they stand for. */
function loneSurrogate(text: string, start: number, end: number): Problem {
  let high: readonly [number, number] | undefined;
  let at = start + 1;
  while (at < end - 1) {
    const isEscape = text.charCodeAt(at) === BACKSLASH;
    const isUnicode = isEscape && text.charCodeAt(at + 1) === LOWER_U;
    const next = at + (isUnicode ? 6 : isEscape ? 2 : 1);
    const code = isUnicode
      ? Number.parseInt(text.slice(at + 2, at + 6), 16)
      : isEscape
        ? 0
        : text.charCodeAt(at);
    const isLow = code >= 0xdc00 && code <= 0xdfff;
    if (high !== undefined && !isLow) break;
    if (high === undefined && isLow) {
      high = [at, next];
      break;
    }
    high = code >= 0xd800 && code <= 0xdbff ? [at, next] : undefined;
    at = next;
  }
  return {
    code: 'loneSurrogate',
    detail: 'An unpaired surrogate is not valid Unicode',
    start: high![0],
    end: high![1],
    expected: [],
  };
}

/**
 *     number = [ minus ] int [ frac ] [ exp ]                      ; RFC 8259 §6
 *
 * The number must fill the word. A value past the range of a double is refused, since it would compare as infinite;
 * digits past its precision are rounded (the node's `raw` keeps them). -0 is 0.
 */
export function readNumber(text: string, start: number, end: number): number | Problem {
  let at = text.charCodeAt(start) === 45 ? start + 1 : start;
  const afterInteger = digits(text, at, end);
  const leadingZero = text.charCodeAt(at) === 48 && afterInteger - at > 1;
  if (afterInteger === at || leadingZero) return badNumber(text, start, end);
  at = afterInteger;
  if (at < end && text.charCodeAt(at) === 46) {
    const afterFraction = digits(text, at + 1, end);
    if (afterFraction === at + 1) return badNumber(text, start, end);
    at = afterFraction;
  }
  if (at < end && (text.charCodeAt(at) | 32) === 101) {
    at++;
    const sign = text.charCodeAt(at);
    if (sign === 43 || sign === 45) at++;
    const afterExponent = digits(text, at, end);
    if (afterExponent === at) return badNumber(text, start, end);
    at = afterExponent;
  }
  if (at < end) return badNumber(text, start, end);
  const value = Number(text.slice(start, end)) + 0;
  if (Number.isFinite(value)) return value;
  return {
    code: 'numberOutOfRange',
    detail: `The number ${excerpt(text, start, end)} is too large`,
    start,
    end,
    expected: [],
  };
}

function digits(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && (classOf(text.charCodeAt(at)) & DIGIT) !== 0) at++;
  return at;
}

function badNumber(text: string, start: number, end: number): Problem {
  return {
    code: 'invalidNumber',
    detail: `"${excerpt(text, start, end)}" is not a valid JSON number`,
    start,
    end,
    hint: 'A string needs double quotes; a number is written like 18, -0.5 or 1e3.',
  };
}

/** A word where a value belongs that is neither a number nor true, false or null. */
export function unquoted(text: string, start: number): Problem {
  const end = wordEnd(text, start);
  const first = text[start]!;
  const quoted = /['`‘’‚“”„«»]/.test(first);
  return {
    code: 'unquotedString',
    detail: quoted
      ? `A string needs double quotes ("), not ${first}`
      : `"${excerpt(text, start, end)}" is not a value`,
    start,
    end,
    hint: quoted
      ? 'Write the string between plain double quotes.'
      : `A string needs double quotes: "${excerpt(text, start, end)}".`,
  };
}
