import { createToken, type IToken, type TokenType } from 'chevrotain';
import type { AttrPath, CompareOperator, CompareValue } from './ast.ts';
import type { SyntaxErrorCode } from './error.ts';

/** Why reading stopped. The parser meets it as a token of type `Invalid`, or finds an earlier error. */
export interface Problem {
  readonly code: SyntaxErrorCode;
  readonly detail: string;
  readonly start: number;
  readonly end: number;
  readonly hint?: string;
  /** Without it, what is expected follows from the tokens before. */
  readonly expected?: readonly string[];
}

/** A token as the parser reads it. Its `image` is filled in for literals only. */
export interface Token extends IToken {
  readonly endOffset: number;
  /** AttrPath: the node; CompareOp: the operator; SubAttr: the name; values: what they stand for; otherwise nothing. */
  readonly payload: AttrPath | CompareOperator | CompareValue | Problem | undefined;
}

/** The alphabet of the grammar. Labels are what the railroad diagram shows. */
export interface TokenTypes {
  readonly AttrPath: TokenType;
  readonly CompareOp: TokenType;
  readonly Pr: TokenType;
  readonly And: TokenType;
  readonly Or: TokenType;
  readonly Not: TokenType;
  readonly LeftParenthesis: TokenType;
  readonly RightParenthesis: TokenType;
  readonly LeftBracket: TokenType;
  readonly RightBracket: TokenType;
  readonly SubAttr: TokenType;
  readonly Value: TokenType;
  readonly StringValue: TokenType;
  readonly NumberValue: TokenType;
  readonly True: TokenType;
  readonly False: TokenType;
  readonly Null: TokenType;
  readonly Invalid: TokenType;
}

/** Called once, with the first parse: importing this file does nothing. */
export function createTokenTypes(): TokenTypes {
  const type = (name: string, label: string, categories: TokenType[] = []) =>
    createToken({ name, label, categories });
  const Value = type('Value', 'compValue');
  return {
    AttrPath: type('AttrPath', 'attrPath'),
    CompareOp: type('CompareOp', 'compareOp'),
    Pr: type('Pr', 'pr'),
    And: type('And', 'and'),
    Or: type('Or', 'or'),
    Not: type('Not', 'not'),
    LeftParenthesis: type('LeftParenthesis', '('),
    RightParenthesis: type('RightParenthesis', ')'),
    LeftBracket: type('LeftBracket', '['),
    RightBracket: type('RightBracket', ']'),
    SubAttr: type('SubAttr', 'subAttr'),
    Value,
    StringValue: type('StringValue', 'string', [Value]),
    NumberValue: type('NumberValue', 'number', [Value]),
    True: type('True', 'true', [Value]),
    False: type('False', 'false', [Value]),
    Null: type('Null', 'null', [Value]),
    Invalid: type('Invalid', 'unreadable'),
  };
}
