import type { CompareOperator } from './ast.ts';
import { excerpt } from './frame.ts';
import type { Problem } from './tokens.ts';

/** What may follow an attribute path, in words. */
export const OPERATORS = 'an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)';

/** Attribute operators are case-insensitive (RFC 7644 §3.4.2.2). Setting bit 5 folds ASCII letters. */
export function readOperator(text: string, start: number): CompareOperator | 'pr' | undefined {
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

/** What other languages write for the operators of this one. */
function meantBy(word: string): CompareOperator | 'pr' | undefined {
  switch (word.toLowerCase()) {
    case '=':
    case '==':
    case '===':
    case 'is':
    case 'equals':
      return 'eq';
    case '!=':
    case '!==':
    case '<>':
    case 'neq':
      return 'ne';
    case '>':
      return 'gt';
    case '>=':
    case 'gte':
      return 'ge';
    case '<':
      return 'lt';
    case '<=':
    case 'lte':
      return 'le';
    case '~':
    case '=~':
    case 'like':
    case 'contains':
      return 'co';
    case 'startswith':
      return 'sw';
    case 'endswith':
      return 'ew';
    case 'present':
    case 'exists':
      return 'pr';
    default:
      return undefined;
  }
}

/**
 * A word that stands where an operator belongs. `name` is the attribute before it: keywords are no reserved words,
 * and so a stray one is read as an attribute.
 */
export function unknownOperator(text: string, name: string, start: number, end: number): Problem {
  const word = excerpt(text, start, end);
  const hint = hintFor(word, name.toLowerCase());
  return {
    code: 'unknownOperator',
    detail: `Unknown operator "${word}"`,
    start,
    end,
    expected: [OPERATORS],
    ...(hint === undefined ? undefined : { hint }),
  };
}

function hintFor(word: string, name: string): string | undefined {
  if (name === 'filter' && word === '=')
    return 'Leave out the parameter name: the text is what follows "filter=".';
  if (name === 'not') return 'A negation needs parentheses: not (…).';
  const meant = meantBy(word);
  if (meant !== undefined) return `Write ${meant} instead of ${word}.`;
  if (name === 'and' || name === 'or') return `"${name}" is read as an attribute name here.`;
  return undefined;
}
