/**
 * Comparisons of a raw text with a folded key that do not build the folded text: most of the world's user names are
 * ASCII, and the shortest way to say that two of them differ is at their first letters. Shown by
 * npm run bench:filter.
 */
import { fold } from '../scim/comparison.ts';

/** Below this a character folds by itself, whatever follows. */
const ASCII_END = 0x80;

/**
 * Whether the folded `text` starts with `key` (or, with `whole`, is it). Stops at the first difference, unless a
 * combining mark could still change the letter before it.
 */
function foldedStart(text: string, key: string, whole: boolean, foldText: (text: string) => string): boolean {
  const { length } = key;
  for (let i = 0; i < length; i++) {
    let code = text.charCodeAt(i);
    if (code >= ASCII_END) return slowly(text, key, whole, foldText);
    if (code >= 65 && code <= 90) code += 32;
    if (code !== key.charCodeAt(i)) {
      return text.charCodeAt(i + 1) >= ASCII_END ? slowly(text, key, whole, foldText) : false;
    }
  }
  if (text.length === length) return true;
  if (text.charCodeAt(length) >= ASCII_END) return slowly(text, key, whole, foldText);
  return !whole;
}

function slowly(text: string, key: string, whole: boolean, foldText: (text: string) => string): boolean {
  const folded = foldText(text);
  return whole ? folded === key : folded.startsWith(key);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= ASCII_END) return false;
  return true;
}

/** `foldText` maps ASCII to its lower-case letters: {@link fold} or what begins with it. */
export function foldedEquals(text: string, key: string, foldText: (text: string) => string = fold): boolean {
  return foldedStart(text, key, true, foldText);
}

export function foldedStartsWith(
  text: string,
  key: string,
  foldText: (text: string) => string = fold,
): boolean {
  return foldedStart(text, key, false, foldText);
}

/** Backwards from the end no mark can change a letter that an ASCII one follows. */
export function foldedEndsWith(
  text: string,
  key: string,
  foldText: (text: string) => string = fold,
): boolean {
  for (let i = text.length - 1, k = key.length - 1; k >= 0; i--, k--) {
    if (i < 0) return false;
    let code = text.charCodeAt(i);
    if (code >= ASCII_END) return foldText(text).endsWith(key);
    if (code >= 65 && code <= 90) code += 32;
    if (code !== key.charCodeAt(k)) return false;
  }
  return true;
}

/** What {@link fold} turns into ASCII; everything else beyond ASCII stays there, and no ASCII character vanishes. */
const foldsToAscii: Readonly<Record<string, string>> = {
  k: '\u212a',
  s: '\u017f',
  ';': '\u037e',
  '`': '\u1fef',
};

/**
 * Whether a folded text holds `key`: one regular expression reads through a text that does not, and nothing is built.
 * A match is certain unless a combining mark could follow it.
 */
export function foldedContains(
  key: string,
  foldText: (text: string) => string = fold,
): (text: string) => boolean {
  if (key === '') return () => true;
  if (!isAscii(key)) return (text) => !isAscii(text) && foldText(text).includes(key);
  const literal = key.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const possible =
    foldText === fold
      ? literal.replace(/[ks;`]/g, (character) => `[${character}${foldsToAscii[character]}]`)
      : `${literal}|[^\\x00-\\x7f]`;
  const isPossible = new RegExp(possible, 'i');
  const isCertain = new RegExp(`${literal}(?![^\\x00-\\x7f])`, 'i');
  return (text) => isPossible.test(text) && (isCertain.test(text) || foldText(text).includes(key));
}

/** The folded text itself, by the shortest way. */
export function folded(text: string, foldText: (text: string) => string = fold): string {
  return isAscii(text) ? text.toLowerCase() : foldText(text);
}
