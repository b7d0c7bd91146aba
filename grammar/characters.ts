/**
 * Character classes of the language, as bits, for ASCII; everything above is in no class.
 * White space is any run of blank, tab, CR and LF, which is more than the ABNF's single SP but is what RFC 7644
 * itself prints (figure 2 has a folded line).
 */
export const WHITE_SPACE = 1;
/** White space, parentheses, brackets and the double quote: they end a word. */
export const DELIMITER = 2;
/** ALPHA. */
export const LETTER = 4;
/** `nameChar`, and `$` (RFC 7643 §2.1 allows it in names; `$ref` of §2.4 needs it). */
export const NAME = 8;
export const DIGIT = 16;
/** May stand in a URI (RFC 3986 appendix A) other than the delimiters of this language. */
export const URI = 32;
/** May follow the first letter of a URI's scheme (RFC 3986 §3.1). */
export const SCHEME = 64;

const CLASSES: Uint8Array = /* @__PURE__ */ classify();

/** The classes of a UTF-16 code unit. */
export function classOf(code: number): number {
  return code < 128 ? CLASSES[code]! : 0;
}

/** The offset behind the word that starts at `start`: the next delimiter, or the end of the text. */
export function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && (classOf(text.charCodeAt(at)) & DELIMITER) === 0) at++;
  return at;
}

/** Whether a word that runs up to `at` ends there. */
export function endsWord(text: string, at: number): boolean {
  return at >= text.length || (classOf(text.charCodeAt(at)) & DELIMITER) !== 0;
}

function classify(): Uint8Array {
  const classes = new Uint8Array(128);
  const add = (characters: string, bits: number) => {
    for (const character of characters) classes[character.charCodeAt(0)]! |= bits;
  };
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  add(' \t\r\n', WHITE_SPACE | DELIMITER);
  add('()[]"', DELIMITER);
  add(letters + letters.toUpperCase(), LETTER | NAME | URI | SCHEME);
  add('0123456789', DIGIT | NAME | URI | SCHEME);
  add('-_$', NAME);
  add('+-.', SCHEME);
  add("-._~:/?#@!$&'*+,;=%", URI);
  return classes;
}
