/**
 * What a bundle has in place of Chevrotain: the grammar is LL(1), so Chevrotain reads it while we build, and its lookahead
 * becomes a table. What is left of the parser is the few methods by which the rules are written, over that table. The
 * rules themselves (grammar/parser.ts) are the same, and the grammar's tests run on both: test/filter/published.ts.
 */
import {
  Alternation,
  type Alternative,
  type IProduction,
  NonTerminal,
  Option,
  Repetition,
  type Rule,
  Terminal,
} from 'chevrotain';
import type { Plugin } from 'esbuild';
import { FilterParser } from '../grammar/parser.ts';
import { createTokenTypes } from '../grammar/tokens.ts';

/** By rule and method (`MANY0`, `OPTION1`) the names of the tokens on which it goes on; of `OR0` those of each alternative. */
type Lookahead = Record<string, Record<string, readonly string[] | readonly (readonly string[])[]>>;

/** What a sequence of productions can begin with; whether it can be empty. */
function firstOf(definition: readonly IProduction[]): {
  readonly names: Set<string>;
  readonly empty: boolean;
} {
  const names = new Set<string>();
  for (const production of definition) {
    if (production instanceof Terminal) {
      names.add(production.terminalType.name);
      return { names, empty: false };
    }
    const inner =
      production instanceof NonTerminal
        ? firstOf(production.referencedRule.definition)
        : production instanceof Alternation
          ? unionOf(alternativesOf(production).map(firstOf))
          : firstOf((production as Option | Repetition).definition);
    for (const name of inner.names) names.add(name);
    const canBeLeft = inner.empty || production instanceof Option || production instanceof Repetition;
    if (!canBeLeft) return { names, empty: false };
  }
  return { names, empty: true };
}

/** What Chevrotain has recorded of `OR`. */
function alternativesOf({ definition }: Alternation): IProduction[][] {
  return definition.map((each) => (each as Alternative).definition);
}

function unionOf(all: readonly ReturnType<typeof firstOf>[]): ReturnType<typeof firstOf> {
  return {
    names: new Set(all.flatMap(({ names }) => [...names])),
    empty: all.some(({ empty }) => empty),
  };
}

/** @throws Error where one token does not tell which way to go. */
function lookaheadOf(rules: readonly Rule[]): Lookahead {
  const table: Lookahead = {};
  for (const rule of rules) {
    const decisions: Lookahead[string] = {};
    table[rule.name] = decisions;
    const visit = (definition: readonly IProduction[]): void => {
      for (const production of definition) {
        if (production instanceof Terminal || production instanceof NonTerminal) continue;
        if (production instanceof Alternation) {
          const alternatives = alternativesOf(production).map((each) => [...firstOf(each).names]);
          if (new Set(alternatives.flat()).size !== alternatives.flat().length)
            throw new Error(`${rule.name}: alternatives begin with the same token`);
          decisions[`OR${production.idx}`] = alternatives;
          alternativesOf(production).forEach(visit);
          continue;
        }
        const kind =
          production instanceof Option ? 'OPTION' : production instanceof Repetition ? 'MANY' : undefined;
        if (kind === undefined)
          throw new Error(`${rule.name}: ${production.constructor.name} is not known here`);
        const { idx, definition: inner } = production as Option | Repetition;
        decisions[`${kind}${idx}`] = [...firstOf(inner).names];
        visit(inner);
      }
    };
    visit(rule.definition);
  }
  return table;
}

/** Errors are told by their token alone: diagnose.ts writes them. */
const runtime = (lookahead: Lookahead): string => `
const lookahead = ${JSON.stringify(lookahead)};

export function createToken({ name, label, categories = [] }) {
  return { name, LABEL: label, CATEGORIES: categories };
}

const end = { tokenType: createToken({ name: 'EOF' }), startOffset: NaN, endOffset: NaN, image: '' };

/** Reading stops at this token. */
class Stop {
  constructor(token) {
    this.token = token;
  }
}

function is({ tokenType }, type) {
  return tokenType === type || tokenType.CATEGORIES.includes(type);
}

/** A predictive parser: one token tells which way to go. */
export class EmbeddedActionsParser {
  errors = [];
  #tokens = [];
  #at = 0;
  #types;
  #decisions = undefined;
  #depth = 0;

  constructor(types) {
    this.#types = types;
  }

  set input(tokens) {
    this.#tokens = tokens;
    this.#at = 0;
    this.#depth = 0;
    this.errors = [];
  }

  performSelfAnalysis() {}

  LA(distance) {
    return this.#tokens[this.#at + distance - 1] ?? end;
  }

  RULE(name, read) {
    const types = (names) => names.map((each) => this.#types[each]);
    const decisions = {};
    for (const [method, names] of Object.entries(lookahead[name]))
      decisions[method] = method.startsWith('OR') ? names.map(types) : types(names);
    const within = () => {
      const outer = this.#decisions;
      this.#decisions = decisions;
      this.#depth++;
      const read_ = read();
      this.#depth--;
      this.#decisions = outer;
      return read_;
    };
    const rule = () => {
      if (this.#depth > 0) return within();
      try {
        const tree = within();
        if (this.#at < this.#tokens.length) throw new Stop(this.LA(1));
        return tree;
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
        this.errors.push({ token: error.token });
        this.#depth = 0;
        return undefined;
      }
    };
    return rule;
  }

  #goesOn(types) {
    const token = this.LA(1);
    for (const type of types) if (is(token, type)) return true;
    return false;
  }

  CONSUME(type) {
    const token = this.LA(1);
    if (!is(token, type)) throw new Stop(token);
    this.#at++;
    return token;
  }
  CONSUME1(type) {
    return this.CONSUME(type);
  }

  SUBRULE(rule) {
    return rule();
  }
  SUBRULE1(rule) {
    return rule();
  }
  SUBRULE2(rule) {
    return rule();
  }

  MANY(read) {
    const types = this.#decisions.MANY0;
    while (this.#goesOn(types)) read();
  }

  OPTION(read) {
    return this.#goesOn(this.#decisions.OPTION0) ? read() : undefined;
  }
  OPTION1(read) {
    return this.#goesOn(this.#decisions.OPTION1) ? read() : undefined;
  }

  #or(alternatives, types) {
    for (let index = 0; index < types.length; index++)
      if (this.#goesOn(types[index])) return alternatives[index].ALT();
    throw new Stop(this.LA(1));
  }
  OR(alternatives) {
    return this.#or(alternatives, this.#decisions.OR0);
  }
  OR1(alternatives) {
    return this.#or(alternatives, this.#decisions.OR1);
  }
  OR2(alternatives) {
    return this.#or(alternatives, this.#decisions.OR2);
  }
}
`;

export const ll1Chevrotain: Plugin = {
  name: 'll1-chevrotain',
  setup(build) {
    const rules = Object.values(new FilterParser(createTokenTypes(), true).getGAstProductions());
    build.onResolve({ filter: /^chevrotain$/ }, () => ({
      path: 'chevrotain',
      namespace: 'll1-chevrotain',
      sideEffects: false,
    }));
    build.onLoad({ filter: /./, namespace: 'll1-chevrotain' }, () => ({
      contents: runtime(lookaheadOf(rules)),
    }));
  },
};
