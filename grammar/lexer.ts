import type { TokenType } from 'chevrotain';
import { classOf, DELIMITER, DIGIT, endsWord, WHITE_SPACE, wordEnd } from './characters.ts';
import { excerpt } from './frame.ts';
import type { Limits } from './limits.ts';
import { readNumber, readString, unquoted } from './literal.ts';
import { readAttrPath, readName } from './name.ts';
import { readOperator, unknownOperator } from './operators.ts';
import type { Problem, Token, TokenTypes } from './tokens.ts';

/**
 * What a word means depends on the token before it, since keywords are no reserved words: an attribute may be called
 * `not`, `pr`, `and` or `true`. So the lexer keeps what the next word would have to be.
 */
const TERM = 0;
const OPERATOR = 1;
const VALUE = 2;
const CONNECTIVE = 3;

const QUOTE = 34;
const LEFT_PARENTHESIS = 40;
const RIGHT_PARENTHESIS = 41;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const LEFT_BRACKET = 91;
const LOWER_N = 110;

/**
 * Cuts the text into tokens, in one pass. It never throws: at the first thing that cannot be read, or that passes a
 * limit, it leaves an `Invalid` token and stops, and so the parser reports whichever error comes first in the text.
 */
export function tokenize(text: string, limits: Limits, types: TokenTypes): Token[] {
  return new Lexer(text, limits, types).run();
}

class Lexer {
  readonly text: string;
  readonly limits: Limits;
  readonly types: TokenTypes;
  readonly tokens: Token[] = [];
  at = 0;
  expects: typeof TERM | typeof OPERATOR | typeof VALUE | typeof CONNECTIVE = TERM;
  depth = 0;
  terms = 0;
  insideBrackets = false;

  constructor(text: string, limits: Limits, types: TokenTypes) {
    this.text = text;
    this.limits = limits;
    this.types = types;
  }

  run(): Token[] {
    const { text, tokens } = this;
    while (this.at < text.length) {
      const code = text.charCodeAt(this.at);
      const kind = classOf(code);
      if ((kind & WHITE_SPACE) !== 0) {
        this.at++;
        continue;
      }
      const problem = (kind & DELIMITER) !== 0 ? this.delimiter(code) : this.word(code);
      if (problem !== undefined) {
        this.push(this.types.Invalid, problem.start, problem.end, problem, '');
        break;
      }
    }
    return tokens;
  }

  /** Every token has all fields, in one order, so that the engine sees one shape. */
  push(type: TokenType, start: number, end: number, payload: Token['payload'], image: string): void {
    const tokenTypeIdx = type.tokenTypeIdx!;
    this.tokens.push({ image, startOffset: start, endOffset: end, tokenTypeIdx, tokenType: type, payload });
    this.at = end;
  }

  word(code: number): Problem | undefined {
    switch (this.expects) {
      case TERM:
        return this.term(code);
      case OPERATOR:
        return this.operator();
      case VALUE:
        return this.value(code);
      default:
        return this.connective();
    }
  }

  delimiter(code: number): Problem | undefined {
    const { types, at } = this;
    switch (code) {
      case QUOTE:
        return this.string();
      case LEFT_PARENTHESIS:
        this.push(types.LeftParenthesis, at, at + 1, undefined, '');
        return this.open();
      case LEFT_BRACKET:
        if (this.insideBrackets && this.expects === OPERATOR) return nested(at);
        this.insideBrackets = true;
        this.push(types.LeftBracket, at, at + 1, undefined, '');
        return this.open();
      case RIGHT_PARENTHESIS:
        this.push(types.RightParenthesis, at, at + 1, undefined, '');
        this.depth--;
        this.expects = CONNECTIVE;
        return undefined;
      default:
        this.push(types.RightBracket, at, at + 1, undefined, '');
        this.depth--;
        this.insideBrackets = false;
        this.expects = CONNECTIVE;
        return this.text.charCodeAt(this.at) === DOT ? this.subAttr() : undefined;
    }
  }

  open(): Problem | undefined {
    this.expects = TERM;
    return ++this.depth > this.limits.depth ? tooDeep(this.limits, this.at - 1) : undefined;
  }

  /** `a[…].sub`: the dot touches the bracket. */
  subAttr(): Problem | undefined {
    const nameStart = this.at + 1;
    const end = readName(this.text, nameStart);
    if (end === nameStart || !endsWord(this.text, end)) return badSubAttr(this.text, nameStart, end);
    this.push(this.types.SubAttr, this.at, end, this.text.slice(nameStart, end), '');
    this.expects = OPERATOR;
    return undefined;
  }

  string(): Problem | undefined {
    const { text, at } = this;
    const string = readString(text, at);
    if ('code' in string) return hintQuote(string, this.tokens, this.types);
    this.push(this.types.StringValue, at, string.end, string.value, text.slice(at, string.end));
    this.expects = CONNECTIVE;
    return undefined;
  }

  term(code: number): Problem | undefined {
    const { text, at } = this;
    if ((code | 32) === LOWER_N && isNegation(text, at)) {
      this.push(this.types.Not, at, at + 3, undefined, '');
      return undefined;
    }
    const path = readAttrPath(text, at);
    if ('code' in path) return path;
    this.push(this.types.AttrPath, at, path.range[1], path, '');
    this.expects = OPERATOR;
    return undefined;
  }

  operator(): Problem | undefined {
    const { text, at } = this;
    const end = at + 2;
    const operator = endsWord(text, end) ? readOperator(text, at) : undefined;
    if (operator === undefined) {
      const before = this.tokens[this.tokens.length - 1]!.payload;
      const name = typeof before === 'object' && before !== null && 'name' in before ? before.name : '';
      return unknownOperator(text, name, at, wordEnd(text, at));
    }
    if (++this.terms > this.limits.terms) return tooManyTerms(this.limits, at, end);
    if (operator === 'pr') {
      this.push(this.types.Pr, at, end, undefined, '');
      this.expects = CONNECTIVE;
    } else {
      this.push(this.types.CompareOp, at, end, operator, '');
      this.expects = VALUE;
    }
    return undefined;
  }

  /** Errors in a number are found before those in a word: `5.` and `+1` are meant as numbers. */
  value(code: number): Problem | undefined {
    const { text, at, types } = this;
    const end = wordEnd(text, at);
    this.expects = CONNECTIVE;
    if ((classOf(code) & DIGIT) !== 0 || code === MINUS || code === PLUS || code === DOT) {
      const value = readNumber(text, at, end);
      if (typeof value === 'object') return value;
      this.push(types.NumberValue, at, end, value, text.slice(at, end));
      return undefined;
    }
    // JSON knows lower case only; Entra ID sends True. The image is the literal of JSON, whatever the case.
    const word = end - at > 5 ? '' : text.slice(at, end).toLowerCase();
    if (word === 'true') this.push(types.True, at, end, true, word);
    else if (word === 'false') this.push(types.False, at, end, false, word);
    else if (word === 'null') this.push(types.Null, at, end, null, word);
    else return unquoted(text, at);
    return undefined;
  }

  connective(): Problem | undefined {
    const { text, at, types } = this;
    const end = wordEnd(text, at);
    const word = end - at > 3 ? '' : text.slice(at, end).toLowerCase();
    if (word === 'and') this.push(types.And, at, end, undefined, '');
    else if (word === 'or') this.push(types.Or, at, end, undefined, '');
    else return badConnective(text, at, end, this.tokens, types);
    this.expects = TERM;
    return undefined;
  }
}

/** `not` is the negation only in front of a parenthesis, with or without blanks between (erratum 7319). */
function isNegation(text: string, start: number): boolean {
  if (!endsWord(text, start + 3) || text.slice(start, start + 3).toLowerCase() !== 'not') return false;
  let at = start + 3;
  while (at < text.length && (classOf(text.charCodeAt(at)) & WHITE_SPACE) !== 0) at++;
  return text.charCodeAt(at) === LEFT_PARENTHESIS;
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

/** Errata 4690 and 7322: the filter in brackets contains no value path. */
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

function badConnective(
  text: string,
  start: number,
  end: number,
  tokens: readonly Token[],
  types: TokenTypes,
): Problem {
  const word = excerpt(text, start, end);
  const problem: Problem = { code: 'unexpectedToken', detail: `Unexpected "${word}"`, start, end };
  if (word.startsWith('&')) return { ...problem, hint: 'Write "and" instead of &&.' };
  if (word.startsWith('|')) return { ...problem, hint: 'Write "or" instead of ||.' };
  if (tokens[tokens.length - 1]!.tokenType === types.RightBracket) {
    if (word.startsWith('.')) {
      return {
        ...problem,
        hint: 'A sub-attribute follows the bracket directly, without a blank: emails[…].value.',
      };
    }
    if (word.length === 2 && readOperator(word, 0) !== undefined) {
      return {
        ...problem,
        hint: 'A comparison stands in the brackets or behind a sub-attribute: emails[…].value pr.',
      };
    }
  }
  return hintQuote({ ...problem, hint: 'Two expressions are joined by "and" or "or".' }, tokens, types);
}

/** Text that touches the end of a string: most likely the quote before was meant as a part of it. */
function hintQuote(problem: Problem, tokens: readonly Token[], types: TokenTypes): Problem {
  const before = tokens[tokens.length - 1];
  if (before?.tokenType !== types.StringValue || before.endOffset !== problem.start) return problem;
  return { ...problem, hint: 'A double quote inside a string is written \\".' };
}
