import type { Filter, PatchPath } from './ast.ts';
import { diagnose } from './diagnose.ts';
import { ScimFilterError } from './error.ts';
import { tokenize } from './lexer.ts';
import { type ParseOptions, resolveLimits, tooLong } from './limits.ts';
import { FilterParser } from './parser.ts';
import { createTokenTypes, type Token } from './tokens.ts';

let instance: FilterParser | undefined;

/** The one parser, made with the first parse. Parsing never calls foreign code, so it cannot be entered twice. */
function parser(): FilterParser {
  instance ??= new FilterParser(createTokenTypes(), true);
  return instance;
}

/** Either the tree (RFC 7644 §3.4.2.2) or the error; for callers that expect wrong input. */
export type SafeFilter =
  | { readonly ok: true; readonly filter: Filter }
  | { readonly ok: false; readonly error: ScimFilterError };

/** Either the path (RFC 7644 §3.5.2) or the error; for callers that expect wrong input. */
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

/** {@link parseFilter} that returns its error (RFC 7644 §3.4.2.2). */
export function safeParseFilter(text: string, options?: ParseOptions): SafeFilter {
  const result = run('disjunction', text, options);
  return result instanceof ScimFilterError ? { ok: false, error: result } : { ok: true, filter: result };
}

/**
 * Parses the `path` of a PATCH operation (RFC 7644 §3.5.2 figure 7). A bare extension URN parses too, as a schema
 * and a name: only the registered schemas decide.
 *
 * Throws {@link ScimFilterError} with `scimType` `invalidPath`; also when a limit is passed (§7.4).
 */
export function parsePath(text: string, options?: ParseOptions): PatchPath {
  const result = run('path', text, options);
  if (result instanceof ScimFilterError) throw result;
  return result;
}

/** {@link parsePath} that returns its error (RFC 7644 §3.5.2). */
export function safeParsePath(text: string, options?: ParseOptions): SafePath {
  const result = run('path', text, options);
  return result instanceof ScimFilterError ? { ok: false, error: result } : { ok: true, path: result };
}

function run(rule: 'disjunction', text: string, options: ParseOptions | undefined): Filter | ScimFilterError;
function run(rule: 'path', text: string, options: ParseOptions | undefined): PatchPath | ScimFilterError;
function run(
  rule: 'disjunction' | 'path',
  text: string,
  options: ParseOptions | undefined,
): Filter | PatchPath | ScimFilterError {
  const limits = resolveLimits(options);
  const refusedLength = tooLong(text, limits, rule === 'path' ? 'invalidPath' : 'invalidFilter');
  if (refusedLength !== undefined) return refusedLength;
  const own = parser();
  const tokens = tokenize(text, limits, own.types);
  own.input = tokens;
  const tree = rule === 'path' ? own.path() : own.disjunction();
  const refused = own.errors[0];
  if (refused === undefined) return tree;
  return diagnose(text, tokens, tokens.indexOf(refused.token as Token), own.types, rule === 'path');
}
