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
import type { Token, TokenTypes } from './tokens.ts';

type Alternatives<T> = { ALT: () => T }[];

/** Chevrotain's messages name token classes and are not shown; diagnose.ts writes ours. */
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
