/**
 * Leaves out of a bundle what the grammar uses nothing of: Chevrotain's lexer (ours is written by hand), its concrete
 * syntax trees, error recovery, checks of the grammar (they run in the tests: test/grammar/parser.test.ts) and its
 * wording of errors. About half of Chevrotain; what stays is the parser itself, untouched.
 */
import type { Plugin } from 'esbuild';

/** By the end of a module's path, what stands for it: the same names, without what nobody calls. */
const replacements: Readonly<Record<string, string>> = {
  'chevrotain/lib/src/api.js': `
    export { EmbeddedActionsParser } from './parse/parser/parser.js';
    export { createToken } from './scan/tokens_public.js';`,
  'chevrotain/lib/src/scan/lexer_public.js': `
    export const Lexer = { NA: /NOT_APPLICABLE/ };`,
  'chevrotain/lib/src/parse/grammar/checks.js': `
    const none = () => [];
    export const validateGrammar = none;
    export const validateLookahead = none;
    export const validateRuleIsOverridden = none;
    export const validateNoLeftRecursion = none;
    export const validateEmptyOrAlternative = none;
    export const validateAmbiguousAlternationAlternatives = none;
    export const validateSomeNonEmptyLookaheadPath = none;`,
  'chevrotain/lib/src/parse/errors_public.js': `
    export const defaultParserErrorProvider = undefined;
    export const defaultGrammarResolverErrorProvider = undefined;
    export const defaultGrammarValidatorErrorProvider = undefined;`,
  'chevrotain/lib/src/parse/grammar/follow.js': `
    export const computeAllProdsFollows = undefined;`,
  'chevrotain/lib/src/parse/parser/traits/recoverable.js': `
    export const IN_RULE_RECOVERY_EXCEPTION = 'InRuleRecoveryException';
    export class Recoverable {
      initRecoverable() { this.recoveryEnabled = false; }
      attemptInRepetitionRecovery() {}
      // Of an error's context, which nobody reads.
      getHumanReadableRuleStack() { return []; }
    }`,
  'chevrotain/lib/src/parse/parser/traits/tree_builder.js': `
    const nothing = () => {};
    export class TreeBuilder {
      initTreeBuilder() {
        this.CST_STACK = [];
        this.outputCst = false;
        this.cstInvocationStateUpdate = nothing;
        this.cstFinallyStateUpdate = nothing;
        this.cstPostTerminal = nothing;
        this.cstPostNonTerminal = nothing;
        this.cstPostRule = nothing;
      }
    }`,
  'chevrotain/lib/src/parse/parser/traits/perf_tracer.js': `
    export class PerformanceTracer {
      initPerformanceTracer() {}
      TRACE_INIT(_phase, run) { return run(); }
    }`,
};

const chevrotainFile = /[\\/]node_modules[\\/](?:@chevrotain[\\/][\w-]+|chevrotain)[\\/].*\.js$/;

export const slimChevrotain: Plugin = {
  name: 'slim-chevrotain',
  setup(build) {
    const missing = new Set(Object.keys(replacements));
    build.onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === slimChevrotain || !/chevrotain/.test(`${path} ${from.importer}`)) return undefined;
      const { kind, importer, resolveDir } = from;
      const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: slimChevrotain });
      // Its modules do nothing when they are imported but define.
      return chevrotainFile.test(found.path) ? { path: found.path, sideEffects: false } : undefined;
    });
    build.onLoad({ filter: chevrotainFile }, ({ path }) => {
      const name = Object.keys(replacements).find((end) => path.replaceAll('\\', '/').endsWith(`/${end}`));
      if (name === undefined) return undefined;
      missing.delete(name);
      return { contents: replacements[name]! };
    });
    build.onEnd(({ errors }) => {
      if (errors.length > 0 || missing.size === 0) return undefined;
      return { errors: [{ text: `Chevrotain has changed: it has no ${[...missing].join(', ')} any more` }] };
    });
  },
};
