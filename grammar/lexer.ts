import type { CompareOperator } from './ast.ts';
import { classOf, DELIMITER, DIGIT, WHITE_SPACE, wordEnd } from './characters.ts';
import type { Limits } from './limits.ts';
import { readNumber, readString, unquoted } from './literal.ts';
import { excerpt, readAttrPath, readName, unknownOperator } from './name.ts';
import type { Literal, Problem, Token, TokenTypes } from './tokens.ts';

/**
 * What a word means depends on the token before it, since keywords are no reserved words: an attribute may be called
 * `not`, `pr`, `and` or `true`. So the lexer keeps what the next word would have to be.
 */
const TERM = 0;
const OPERATOR = 1;
const VALUE = 2;
const CONNECTIVE = 3;

const TRUE: Literal = { value: true, raw: 'true' };
const FALSE: Literal = { value: false, raw: 'false' };
const NULL: Literal = { value: null, raw: 'null' };

/**
 * Cuts the text into tokens, in one pass. It never throws: at the first thing that cannot be read, or that passes a
 * limit, it leaves an `Invalid` token and stops, and so the parser reports whichever error comes first in the text.
 */
export function tokenize(text: string, limits: Limits, types: TokenTypes): Token[] {
  const tokens: Token[] = [];
  const length = text.length;
  let at = 0;
  let expects = TERM;
  let depth = 0;
  let terms = 0;
  /** The depth at which the open bracket stands; 0 outside brackets. */
  let bracket = 0;

  const push = (type: Token['tokenType'], start: number, end: number, payload: Token['payload']) => {
    tokens.push({
      image: '',
      startOffset: start,
      endOffset: end,
      tokenTypeIdx: type.tokenTypeIdx!,
      tokenType: type,
      payload,
    });
    at = end;
  };
  const stop = (problem: Problem) => {
    push(types.Invalid, problem.start, problem.end, problem);
    return tokens;
  };

  while (at < length) {
    const code = text.charCodeAt(at);
    const start = at;
    const kind = classOf(code);
    if ((kind & WHITE_SPACE) !== 0) {
      at++;
    } else if (code === 34) {
      const string = readString(text, start);
      if ('code' in string) return stop(hintQuote(string, text, tokens, types));
      push(types.StringValue, start, string.end, {
        value: string.value,
        raw: text.slice(start, string.end),
      });
      expects = CONNECTIVE;
    } else if ((kind & DELIMITER) !== 0) {
      if (code === 40) {
        push(types.LeftParenthesis, start, start + 1, undefined);
        expects = TERM;
        if (++depth > limits.depth) return stop(tooDeep(limits, start));
      } else if (code === 41) {
        push(types.RightParenthesis, start, start + 1, undefined);
        expects = CONNECTIVE;
        depth--;
      } else if (code === 91) {
        if (expects === OPERATOR && bracket > 0) return stop(nested(start));
        push(types.LeftBracket, start, start + 1, undefined);
        expects = TERM;
        if (++depth > limits.depth) return stop(tooDeep(limits, start));
        bracket = depth;
      } else {
        push(types.RightBracket, start, start + 1, undefined);
        expects = CONNECTIVE;
        depth--;
        bracket = 0;
        if (text.charCodeAt(at) === 46) {
          const nameStart = at + 1;
          const end = readName(text, nameStart);
          if (end === nameStart || wordEnd(text, end) !== end) return stop(badSubAttr(text, nameStart, end));
          push(types.SubAttr, at, end, text.slice(nameStart, end));
          expects = OPERATOR;
        }
      }
    } else if (expects === TERM) {
      if (isNegation(text, start)) {
        push(types.Not, start, start + 3, undefined);
      } else {
        const path = readAttrPath(text, start);
        if ('code' in path) return stop(path);
        push(types.AttrPath, start, path.range[1], path);
        expects = OPERATOR;
      }
    } else if (expects === OPERATOR) {
      const end = wordEnd(text, start);
      const operator = end - start === 2 ? readOperator(text, start) : undefined;
      if (operator === undefined) return stop(badOperator(text, start, end, tokens));
      if (++terms > limits.terms) return stop(tooManyTerms(limits, start, end));
      if (operator === 'pr') {
        push(types.Pr, start, end, undefined);
        expects = CONNECTIVE;
      } else {
        push(types.CompareOp, start, end, operator);
        expects = VALUE;
      }
    } else if (expects === VALUE) {
      const end = wordEnd(text, start);
      if ((kind & DIGIT) !== 0 || code === 45 || code === 43 || code === 46) {
        const value = readNumber(text, start, end);
        if (typeof value === 'object') return stop(value);
        push(types.NumberValue, start, end, { value, raw: text.slice(start, end) });
      } else {
        const word = end - start > 5 ? '' : text.slice(start, end).toLowerCase();
        if (word === 'true') push(types.True, start, end, TRUE);
        else if (word === 'false') push(types.False, start, end, FALSE);
        else if (word === 'null') push(types.Null, start, end, NULL);
        else return stop(unquoted(text, start));
      }
      expects = CONNECTIVE;
    } else {
      const end = wordEnd(text, start);
      const word = end - start > 3 ? '' : text.slice(start, end).toLowerCase();
      if (word === 'and') push(types.And, start, end, undefined);
      else if (word === 'or') push(types.Or, start, end, undefined);
      else return stop(badConnective(text, start, end, tokens, types));
      expects = TERM;
    }
  }
  return tokens;
}

/** `not` is the negation only in front of a parenthesis, with or without blanks between (erratum 7319). */
function isNegation(text: string, start: number): boolean {
  if ((text.charCodeAt(start) | 32) !== 110) return false;
  const end = wordEnd(text, start);
  if (end - start !== 3 || text.slice(start, end).toLowerCase() !== 'not') return false;
  let at = end;
  while (at < text.length && (classOf(text.charCodeAt(at)) & WHITE_SPACE) !== 0) at++;
  return text.charCodeAt(at) === 40;
}

/** Attribute operators are case-insensitive (RFC 7644 §3.4.2.2). Setting bit 5 folds ASCII letters. */
function readOperator(text: string, start: number): CompareOperator | 'pr' | undefined {
  switch (((text.charCodeAt(start) | 32) << 16) | (text.charCodeAt(start + 1) | 32)) {
    case 0x650071:
      return 'eq';
    case 0x6e0065:
      return 'ne';
    case 0x63006f:
      return 'co';
    case 0x730077:
      return 'sw';
    case 0x650077:
      return 'ew';
    case 0x670074:
      return 'gt';
    case 0x670065:
      return 'ge';
    case 0x6c0074:
      return 'lt';
    case 0x6c0065:
      return 'le';
    case 0x700072:
      return 'pr';
    default:
      return undefined;
  }
}

function tooDeep(limits: Limits, start: number): Problem {
  return {
    code: 'tooDeep',
    detail: `Parentheses and brackets are nested more than ${limits.depth} deep (limit depth)`,
    start,
    end: start + 1,
    expected: [],
  };
}

function tooManyTerms(limits: Limits, start: number, end: number): Problem {
  return {
    code: 'tooManyTerms',
    detail: `There are more than ${limits.terms} comparisons (limit terms)`,
    start,
    end,
    expected: [],
  };
}

/** Errata 4690 and 7322: the filter in brackets holds no value path. */
function nested(start: number): Problem {
  return {
    code: 'nestedValuePath',
    detail: 'A value path cannot stand inside the brackets of another',
    start,
    end: start + 1,
    expected: [],
  };
}

function badSubAttr(text: string, nameStart: number, end: number): Problem {
  const stop = Math.max(end, wordEnd(text, end));
  return {
    code: 'invalidName',
    detail:
      stop === nameStart
        ? 'An attribute name is missing after "."'
        : `"${excerpt(text, nameStart, stop)}" is not the name of a sub-attribute`,
    start: nameStart,
    end: stop,
    expected: ['the name of a sub-attribute'],
  };
}

function badOperator(text: string, start: number, end: number, tokens: readonly Token[]): Problem {
  const before = tokens[tokens.length - 1]!;
  if (text.slice(before.startOffset, before.endOffset).toLowerCase() === 'not') {
    return {
      code: 'unknownOperator',
      detail: `Unknown operator "${excerpt(text, start, end)}" after an attribute called not`,
      start,
      end,
      hint: 'A negation takes parentheses: not (…).',
    };
  }
  return unknownOperator(text.slice(start, Math.min(end, start + 64)), start, end);
}

function badConnective(
  text: string,
  start: number,
  end: number,
  tokens: readonly Token[],
  types: TokenTypes,
): Problem {
  const problem: Problem = {
    code: 'unexpectedToken',
    detail: `Unexpected "${excerpt(text, start, end)}"`,
    start,
    end,
    hint: 'Two expressions are joined by and or or.',
  };
  const word = text.slice(start, Math.min(end, start + 3));
  if (word.startsWith('&')) return { ...problem, hint: `Write and for ${word}.` };
  if (word.startsWith('|')) return { ...problem, hint: `Write or for ${word}.` };
  if (word.startsWith(','))
    return { ...problem, hint: 'Two expressions are joined by and or or, not by a comma.' };
  if (word.startsWith('.') && tokens[tokens.length - 1]!.tokenType === types.RightBracket) {
    return {
      ...problem,
      hint: 'A sub-attribute follows the bracket directly, without a blank: emails[…].value.',
    };
  }
  return hintQuote(problem, text, tokens, types);
}

/** Text that touches the end of a string: most likely the quote before was meant as a part of it. */
function hintQuote(problem: Problem, _text: string, tokens: readonly Token[], types: TokenTypes): Problem {
  const before = tokens[tokens.length - 1];
  if (before?.tokenType !== types.StringValue || before.endOffset !== problem.start) return problem;
  return { ...problem, hint: 'A double quote inside a string is written \\".' };
}
