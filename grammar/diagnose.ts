import type { AttrPath } from './ast.ts';
import { ScimFilterError } from './error.ts';
import { excerpt } from './frame.ts';
import { OPERATORS, readOperator } from './operators.ts';
import type { Problem, Token, TokenTypes } from './tokens.ts';

/** What stands before the refused token, which is all that decides what could have followed. */
interface Context {
  readonly before: Token | undefined;
  /** The innermost parenthesis or bracket that is open. */
  readonly open: Token | undefined;
  readonly isPath: boolean;
}

/**
 * Says in words why `tokens[index]` cannot stand where it is; an index outside the tokens is the end of the text.
 * Parser and lexer only find the place: the reasons are here.
 */
export function diagnose(
  text: string,
  tokens: readonly Token[],
  index: number,
  types: TokenTypes,
  isPath: boolean,
): ScimFilterError {
  const at = index < 0 ? tokens.length : index;
  const context = contextOf(tokens, at, types, isPath);
  const problem = problemOf(text, tokens[at], context, types);
  return new ScimFilterError({
    scimType: isPath ? 'invalidPath' : 'invalidFilter',
    code: problem.code,
    detail: problem.detail,
    range: [problem.start, problem.end],
    source: text,
    expected: problem.expected ?? expectedAfter(context, types),
    ...(problem.hint === undefined ? undefined : { hint: problem.hint }),
  });
}

function contextOf(tokens: readonly Token[], at: number, types: TokenTypes, isPath: boolean): Context {
  const open: Token[] = [];
  for (let i = 0; i < at; i++) {
    const { tokenType } = tokens[i]!;
    if (tokenType === types.LeftParenthesis || tokenType === types.LeftBracket) open.push(tokens[i]!);
    if (tokenType === types.RightParenthesis || tokenType === types.RightBracket) open.pop();
  }
  return { before: tokens[at - 1], open: open.at(-1), isPath };
}

function expectedAfter({ before, open, isPath }: Context, types: TokenTypes): string[] {
  const end = isPath ? 'the end of the path' : 'the end of the filter';
  const atTop = open === undefined;
  switch (before?.tokenType) {
    case types.AttrPath:
      if (isPath && atTop) return ['"["', end];
      return atTop || open.tokenType === types.LeftParenthesis ? [OPERATORS, '"["'] : [OPERATORS];
    case types.SubAttr:
      return isPath ? [end] : [OPERATORS];
    case types.CompareOp:
      return ['a string in double quotes', 'a number', 'true', 'false', 'null'];
    case undefined:
      return isPath ? ['an attribute name'] : ['an attribute name', '"not"', '"("'];
    case types.And:
    case types.Or:
    case types.LeftParenthesis:
    case types.LeftBracket:
      return ['an attribute name', '"not"', '"("'];
    default:
      if (isPath && atTop) return ['"." and a sub-attribute', end];
      return ['"and"', '"or"', atTop ? end : open.tokenType === types.LeftBracket ? '"]"' : '")"'];
  }
}

function problemOf(text: string, token: Token | undefined, context: Context, types: TokenTypes): Problem {
  if (token === undefined) return atEnd(text, context, types);
  if (token.tokenType === types.Invalid) return token.payload as Problem;
  const { startOffset: start, endOffset: end } = token;
  const hint = hintFor(token, context, types);
  return {
    code: 'unexpectedToken',
    detail: `Unexpected ${token.tokenType === types.StringValue ? 'string ' : ''}${quote(text, start, end)}`,
    start,
    end,
    ...(hint === undefined ? undefined : { hint }),
  };
}

function atEnd(text: string, { before, open, isPath }: Context, types: TokenTypes): Problem {
  const what = isPath ? 'path' : 'filter';
  const range = { start: text.length, end: text.length };
  if (before === undefined) {
    return {
      code: 'empty',
      detail: `The ${what} is empty`,
      ...range,
      ...(isPath ? { hint: 'Leave "path" out to address the resource itself.' } : undefined),
    };
  }
  const closable = before.tokenType !== types.AttrPath && before.tokenType !== types.CompareOp;
  if (open !== undefined && closable) {
    const name = open.tokenType === types.LeftBracket ? 'bracket' : 'parenthesis';
    return {
      code: 'unexpectedEnd',
      detail: `The ${what} ends too early`,
      ...range,
      hint: `The ${name} at character ${open.startOffset + 1} is not closed.`,
    };
  }
  return { code: 'unexpectedEnd', detail: `The ${what} ends too early`, ...range };
}

function hintFor(token: Token, { before, open }: Context, types: TokenTypes): string | undefined {
  const found = token.tokenType;
  if (found === types.RightParenthesis && open === undefined) return 'No parenthesis is open here.';
  if (found === types.RightBracket && open === undefined) return 'No bracket is open here.';
  if (found === types.StringValue && before?.tokenType === types.StringValue && touches(before, token)) {
    return 'A double quote inside a string is written \\".';
  }
  if (before?.tokenType === types.Pr && found === types.StringValue) return '"pr" takes no value.';
  if (before?.tokenType === types.AttrPath && found === types.StringValue) {
    const { name } = before.payload as AttrPath;
    if (name.length === 2 && readOperator(name, 0) !== undefined)
      return `The attribute name before ${name} is missing.`;
    return 'A comparison is written attribute, operator, value: userName eq "bjensen".';
  }
  if (before?.tokenType === types.CompareOp && found === types.LeftBracket) {
    return 'A list is not a value: join several comparisons with "or".';
  }
  if (before?.tokenType === types.StringValue && found === types.StringValue) {
    return 'Two expressions are joined by "and" or "or".';
  }
  return undefined;
}

function touches(before: Token, token: Token): boolean {
  return before.endOffset === token.startOffset;
}

function quote(text: string, start: number, end: number): string {
  const shown = excerpt(text, start, end);
  return shown.startsWith('"') ? shown : `"${shown}"`;
}
