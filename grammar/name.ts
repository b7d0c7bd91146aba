import type { AttrPath } from './ast.ts';
import { classOf, endsWord, LETTER, NAME, SCHEME, URI, wordEnd } from './characters.ts';
import { excerpt } from './frame.ts';
import { unknownOperator } from './operators.ts';
import type { Problem } from './tokens.ts';

const DOLLAR = 36;
const DOT = 46;
const COLON = 58;

/**
 *     attrPath  = [URI ":"] ATTRNAME *1subAttr                     ; RFC 7644 §3.4.2.2 figure 1
 *     ATTRNAME  = ALPHA *(nameChar)
 *     nameChar  = "-" / "_" / DIGIT / ALPHA
 *     subAttr   = "." ATTRNAME
 *
 * Wider by `$`, first (`$ref`, RFC 7643 §2.4) or inside (§2.1). The last colon of the word ends the URI, as URNs hold
 * colons and dots themselves. The scheme starts with a letter and something stands between scheme and name, so
 * that `enterprise:employeeNumber` is refused and not read as an attribute of an unknown schema.
 */
export function readAttrPath(text: string, start: number): AttrPath | Problem {
  // The everyday case first: a name, perhaps a sub-attribute, no URI.
  const afterName = readName(text, start);
  if (afterName > start) {
    if (endsWord(text, afterName)) {
      return { type: 'attrPath', name: text.slice(start, afterName), range: [start, afterName] };
    }
    if (text.charCodeAt(afterName) === DOT) {
      const end = readName(text, afterName + 1);
      if (end > afterName + 1 && endsWord(text, end)) {
        return {
          type: 'attrPath',
          name: text.slice(start, afterName),
          subAttr: text.slice(afterName + 1, end),
          range: [start, end],
        };
      }
    }
  }
  return readQualified(text, start);
}

function readQualified(text: string, start: number): AttrPath | Problem {
  const end = wordEnd(text, start);
  let colon = -1;
  for (let at = end - 1; at > start && colon < 0; at--) if (text.charCodeAt(at) === COLON) colon = at;
  const notUri = colon < 0 ? undefined : checkUri(text, start, colon, end);
  if (notUri !== undefined) return notUri;
  const nameStart = colon < 0 ? start : colon + 1;
  const afterName = readName(text, nameStart);
  if (afterName === nameStart) return badName(text, start, nameStart, end);
  let pathEnd = afterName;
  if (afterName < end && text.charCodeAt(afterName) === DOT) {
    pathEnd = readName(text, afterName + 1);
    if (pathEnd === afterName + 1) return badName(text, start, pathEnd, end);
  }
  if (pathEnd < end) return badName(text, start, pathEnd, end);
  return {
    type: 'attrPath',
    ...(colon < 0 ? undefined : { schema: text.slice(start, colon) }),
    name: text.slice(nameStart, afterName),
    ...(pathEnd === afterName ? undefined : { subAttr: text.slice(afterName + 1, pathEnd) }),
    range: [start, end],
  };
}

/** The offset behind an ATTRNAME, or `start` itself if there is none. */
export function readName(text: string, start: number): number {
  let at = start;
  if (text.charCodeAt(at) === DOLLAR) at++;
  if (at >= text.length || (classOf(text.charCodeAt(at)) & LETTER) === 0) return start;
  do at++;
  while (at < text.length && (classOf(text.charCodeAt(at)) & NAME) !== 0);
  return at;
}

/**
 * `URI` of RFC 3986 appendix A, as far as it matters here: a scheme, a colon, and then something made of the
 * characters of a URI.
 */
function checkUri(text: string, start: number, end: number, wordEnd: number): Problem | undefined {
  const afterScheme = schemeEnd(text, start);
  if (afterScheme > start && text.charCodeAt(afterScheme) !== COLON) {
    const operator = symbolicOperator(text, start, afterScheme, wordEnd);
    if (operator !== undefined) return operator;
  }
  let at = text.charCodeAt(afterScheme) === COLON && afterScheme + 1 < end ? afterScheme + 1 : start;
  while (at > start && at < end && (classOf(text.charCodeAt(at)) & URI) !== 0) at++;
  if (at === end) return undefined;
  return {
    code: 'invalidName',
    detail: `"${excerpt(text, start, end)}" is not a schema URI`,
    start,
    end,
    expected: [],
    hint: 'An attribute of an extension is written with the whole URN: urn:…:User:employeeNumber.',
  };
}

/** The offset behind `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`, or `start` itself if there is none. */
function schemeEnd(text: string, start: number): number {
  if ((classOf(text.charCodeAt(start)) & LETTER) === 0) return start;
  let at = start + 1;
  while (at < text.length && (classOf(text.charCodeAt(at)) & SCHEME) !== 0) at++;
  return at;
}

/** `at` is where the word stops being an attribute path. */
function badName(text: string, start: number, at: number, end: number): Problem {
  if (at > start) {
    const operator = symbolicOperator(text, start, at, end);
    if (operator !== undefined) return operator;
  }
  const before = at > start ? text.charCodeAt(at - 1) : 0;
  if (at === end || before === COLON || before === DOT) {
    const after = at > start ? ` after "${excerpt(text, at - 1, at)}"` : '';
    return {
      code: 'invalidName',
      detail: `An attribute name is missing${after}`,
      start: at,
      end: at,
      expected: ['an attribute name'],
    };
  }
  const hint = nameHint(text, start, at, end);
  return {
    code: 'invalidName',
    detail: `"${excerpt(text, start, end)}" is not an attribute name`,
    start: at,
    end: at + String.fromCodePoint(text.codePointAt(at)!).length,
    expected: [],
    ...(hint === undefined ? undefined : { hint }),
  };
}

function nameHint(text: string, start: number, at: number, end: number): string | undefined {
  const word = text.slice(start, Math.min(end, start + 2));
  if (word.startsWith('!')) return 'Write not (…) instead of !(…).';
  if (word.startsWith('&&')) return 'Write "and" instead of &&.';
  if (word.startsWith('||')) return 'Write "or" instead of ||.';
  if (text.charCodeAt(at) === DOT) {
    return at === start
      ? 'A sub-attribute follows its attribute directly, without a blank: name.familyName.'
      : 'A path has at most one sub-attribute: name.familyName.';
  }
  if (text.charCodeAt(start) === 0xfeff) return 'The text starts with a byte order mark: leave it out.';
  return at === start
    ? 'A name starts with a letter.'
    : 'A name consists of letters, digits, "-", "_" and "$".';
}

/** `userName="x"`, `age>=5`: the operator of another language right behind the name. */
function symbolicOperator(text: string, start: number, at: number, end: number): Problem | undefined {
  let stop = at;
  while (stop < end && '=!<>~&|'.includes(text[stop]!)) stop++;
  return stop === at ? undefined : unknownOperator(text, text.slice(start, at), at, stop);
}
