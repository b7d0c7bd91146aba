import { EmbeddedActionsParser, type IParserErrorMessageProvider, type ParserMethod } from 'chevrotain';
import type {
  And,
  AttrPath,
  Compare,
  CompareOperator,
  CompareValue,
  Filter,
  Not,
  Or,
  PatchPath,
  Present,
  ValuePath,
} from './ast.ts';
import { diagnose } from './diagnose.ts';
import { type FilterScimType, ScimFilterError } from './error.ts';
import { tokenize } from './lexer.ts';
import { type Limits, type ParseOptions, resolveLimits } from './limits.ts';
import { excerpt, readAttrPath } from './name.ts';
import { createTokenTypes, type Token, type TokenTypes } from './tokens.ts';

type Alternatives<T> = { ALT: () => T }[];

/** Chevrotain's words are about token classes; ours are made in diagnose.ts, and nobody reads these. */
const silent: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: () => '',
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: () => '',
  buildEarlyExitMessage: () => '',
};

/**
 * The rules. The ABNF of RFC 7644 §3.4.2.2 figure 1 (errata 4690, 7319 and 7322 applied) is ambiguous as printed;
 * here it stands with the precedence that the section's prose gives to it: not, then and, then or.
 *
 * Actions run also while Chevrotain records the grammar, on placeholder tokens: they must not look inside payloads.
 */
export class FilterParser extends EmbeddedActionsParser {
  readonly types: TokenTypes;
  readonly disjunction: ParserMethod<[], Filter>;
  readonly conjunction: ParserMethod<[], Filter>;
  readonly term: ParserMethod<[], Filter>;
  readonly path: ParserMethod<[], PatchPath>;

  constructor(types: TokenTypes, skipValidations: boolean) {
    super({ ...types }, { maxLookahead: 1, skipValidations, errorMessageProvider: silent });
    this.types = types;
    const { AttrPath, CompareOp, Pr, And, Or, Not, SubAttr, Value } = types;
    const { LeftParenthesis, RightParenthesis, LeftBracket, RightBracket } = types;

    // FILTER  = conjunction *(SP "or" SP conjunction)                  ; logExp of RFC 7644 §3.4.2.2
    this.disjunction = this.RULE('disjunction', () => {
      const start = this.LA(1).startOffset;
      const first = this.SUBRULE(this.conjunction);
      let filters: Filter[] | undefined;
      this.MANY(() => {
        this.CONSUME(Or);
        filters = join('or', filters ?? join('or', [], first), this.SUBRULE1(this.conjunction));
      });
      return filters === undefined
        ? first
        : ({ type: 'or', filters, range: this.#since(start) } satisfies Or);
    });

    // conjunction = term *(SP "and" SP term)                           ; logExp of RFC 7644 §3.4.2.2
    this.conjunction = this.RULE('conjunction', () => {
      const start = this.LA(1).startOffset;
      const first = this.SUBRULE(this.term);
      let filters: Filter[] | undefined;
      this.MANY(() => {
        this.CONSUME(And);
        filters = join('and', filters ?? join('and', [], first), this.SUBRULE1(this.term));
      });
      return filters === undefined
        ? first
        : ({ type: 'and', filters, range: this.#since(start) } satisfies And);
    });

    // term      = attrExp / valuePath / *1"not" "(" FILTER ")"         ; FILTER of RFC 7644 §3.4.2.2
    // attrExp   = (attrPath SP "pr") / (attrPath SP compareOp SP compValue)
    // valuePath = attrPath "[" valFilter "]"                           ; errata 4690, 7322
    //             *1(subAttr SP ("pr" / (compareOp SP compValue)))     ; not in the RFC: sent by Entra ID
    // "not" may touch its parenthesis (erratum 7319).
    const afterSubAttr: Alternatives<Partial<ValuePath>> = [
      {
        ALT: () => {
          const operator = payload<CompareOperator>(this.CONSUME1(CompareOp));
          const token = this.CONSUME1(Value);
          return { operator, value: payload<CompareValue>(token), raw: token.image };
        },
      },
      {
        ALT: () => {
          this.CONSUME1(Pr);
          return { operator: 'pr' };
        },
      },
    ];
    const afterAttrPath: Alternatives<Filter> = [
      {
        ALT: (): Compare => {
          const attrPath = payload<AttrPath>(this.LA(0));
          const operator = payload<CompareOperator>(this.CONSUME(CompareOp));
          const token = this.CONSUME(Value) as Token;
          return {
            type: 'compare',
            attrPath,
            operator,
            value: payload<CompareValue>(token),
            raw: token.image,
            range: [attrPath?.range[0], token.endOffset],
          };
        },
      },
      {
        ALT: (): Present => {
          const attrPath = payload<AttrPath>(this.LA(0));
          const token = this.CONSUME(Pr) as Token;
          return { type: 'present', attrPath, range: [attrPath?.range[0], token.endOffset] };
        },
      },
      {
        ALT: (): ValuePath => {
          const attrPath = payload<AttrPath>(this.LA(0));
          this.CONSUME(LeftBracket);
          const filter = this.SUBRULE1(this.disjunction);
          this.CONSUME(RightBracket);
          const tail = this.OPTION(() => {
            const subAttr = payload<string>(this.CONSUME(SubAttr));
            return { subAttr, ...this.OR2(afterSubAttr) };
          });
          return { type: 'valuePath', attrPath, filter, ...tail, range: this.#since(attrPath?.range[0]) };
        },
      },
    ];
    const terms: Alternatives<Filter> = [
      {
        ALT: () => {
          this.CONSUME(AttrPath);
          return this.OR1(afterAttrPath);
        },
      },
      {
        ALT: () => {
          this.CONSUME(LeftParenthesis);
          const filter = this.SUBRULE(this.disjunction);
          this.CONSUME(RightParenthesis);
          return filter;
        },
      },
      {
        ALT: (): Not => {
          const start = this.CONSUME(Not).startOffset;
          this.CONSUME1(LeftParenthesis);
          const filter = this.SUBRULE2(this.disjunction);
          this.CONSUME1(RightParenthesis);
          return { type: 'not', filter, range: this.#since(start) };
        },
      },
    ];
    this.term = this.RULE('term', () => this.OR(terms));

    // PATH = attrPath / valuePath [subAttr]                            ; RFC 7644 §3.5.2 figure 7
    this.path = this.RULE('path', (): PatchPath => {
      const attrPath = payload<AttrPath>(this.CONSUME(AttrPath));
      const selector = this.OPTION(() => {
        this.CONSUME(LeftBracket);
        const filter = this.SUBRULE(this.disjunction);
        this.CONSUME(RightBracket);
        const sub = this.OPTION1(() => ({ subAttr: payload<string>(this.CONSUME(SubAttr)) }));
        return { filter, ...sub };
      });
      return { type: 'path', attrPath, ...selector, range: this.#since(attrPath?.range[0]) };
    });

    this.performSelfAnalysis();
  }

  /** From `start` to the end of the token consumed last. */
  #since(start: number): [number, number] {
    return [start, (this.LA(0) as Token).endOffset];
  }
}

/** The lexer puts the payload there that the token's type says; while recording there is none. */
function payload<T extends Token['payload']>(token: unknown): T {
  return (token as Token).payload as T;
}

/** Appends to an n-ary node; a group of the same connective dissolves into it. */
function join(type: 'and' | 'or', filters: Filter[], next: Filter): Filter[] {
  if (next.type === type) for (const filter of next.filters) filters.push(filter);
  else filters.push(next);
  return filters;
}

let instance: FilterParser | undefined;

/** The one parser, made with the first parse. Parsing never calls foreign code, so it cannot be entered twice. */
function parser(): FilterParser {
  instance ??= new FilterParser(createTokenTypes(), true);
  return instance;
}

/** Either the tree or the error; for callers that expect wrong input. */
export type SafeFilter =
  | { readonly ok: true; readonly filter: Filter }
  | { readonly ok: false; readonly error: ScimFilterError };

/** Either the path or the error; for callers that expect wrong input. */
export type SafePath =
  | { readonly ok: true; readonly path: PatchPath }
  | { readonly ok: false; readonly error: ScimFilterError };

/**
 * Parses the `filter` of a query (RFC 7644 §3.4.2.2) in time linear to its length.
 *
 * Throws {@link ScimFilterError} with `scimType` `invalidFilter`; also when a limit is passed (§7.4).
 */
export function parseFilter(text: string, options?: ParseOptions): Filter {
  const result = run('disjunction', text, options);
  if (result instanceof ScimFilterError) throw result;
  return result;
}

/** {@link parseFilter} that returns its error. */
export function safeParseFilter(text: string, options?: ParseOptions): SafeFilter {
  const result = run('disjunction', text, options);
  return result instanceof ScimFilterError ? { ok: false, error: result } : { ok: true, filter: result };
}

/**
 * Parses the `path` of a PATCH operation (RFC 7644 §3.5.2 figure 7). A bare extension URN parses too, as a schema
 * and a name: only the registered schemas can tell.
 *
 * Throws {@link ScimFilterError} with `scimType` `invalidPath`; also when a limit is passed (§7.4).
 */
export function parsePath(text: string, options?: ParseOptions): PatchPath {
  const result = run('path', text, options);
  if (result instanceof ScimFilterError) throw result;
  return result;
}

/** {@link parsePath} that returns its error. */
export function safeParsePath(text: string, options?: ParseOptions): SafePath {
  const result = run('path', text, options);
  return result instanceof ScimFilterError ? { ok: false, error: result } : { ok: true, path: result };
}

/**
 * Parses one attribute path, as in `sortBy`, `attributes` and `excludedAttributes` (RFC 7644 §3.10): nothing may
 * stand around it.
 *
 * Throws {@link ScimFilterError} with `scimType` `invalidPath`.
 */
export function parseAttrPath(text: string): AttrPath {
  const tooLong = checkLength(text, resolveLimits(undefined), 'invalidPath');
  if (tooLong !== undefined) throw tooLong;
  const path = readAttrPath(text, 0);
  if ('code' in path) {
    const { start, end, ...problem } = path;
    throw new ScimFilterError({ scimType: 'invalidPath', ...problem, range: [start, end], source: text });
  }
  const end = path.range[1];
  if (end < text.length) {
    throw new ScimFilterError({
      scimType: 'invalidPath',
      code: 'unexpectedToken',
      detail: `Unexpected "${excerpt(text, end, text.length)}" after an attribute path`,
      range: [end, text.length],
      source: text,
    });
  }
  return path;
}

function run(rule: 'disjunction', text: string, options: ParseOptions | undefined): Filter | ScimFilterError;
function run(rule: 'path', text: string, options: ParseOptions | undefined): PatchPath | ScimFilterError;
function run(
  rule: 'disjunction' | 'path',
  text: string,
  options: ParseOptions | undefined,
): Filter | PatchPath | ScimFilterError {
  const limits = resolveLimits(options);
  const tooLong = checkLength(text, limits, rule === 'path' ? 'invalidPath' : 'invalidFilter');
  if (tooLong !== undefined) return tooLong;
  const own = parser();
  const tokens = tokenize(text, limits, own.types);
  own.input = tokens;
  const tree = rule === 'path' ? own.path() : own.disjunction();
  const refused = own.errors[0];
  if (refused === undefined) return tree;
  return diagnose(text, tokens, tokens.indexOf(refused.token as Token), own.types, rule === 'path');
}

function checkLength(text: string, limits: Limits, scimType: FilterScimType): ScimFilterError | undefined {
  if (typeof text !== 'string')
    throw new TypeError(`Expected a string, not ${text === null ? 'null' : typeof text}`);
  if (text.length <= limits.characters) return undefined;
  return new ScimFilterError({
    scimType,
    code: 'tooLong',
    detail: `The text has ${text.length} characters, more than ${limits.characters} (limit characters)`,
    range: [limits.characters, text.length],
    source: text,
  });
}
