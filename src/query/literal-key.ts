import type { CompareOperator, CompareValue } from '../../grammar/index.ts';
import { instantKey, type Key, numberKey, textKey, uriPart } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';

const partOperators: ReadonlySet<CompareOperator> = new Set(['co', 'sw', 'ew']);

/**
 * The comparison key of a filter's literal; undefined if the attribute's type cannot have such a value
 * (RFC 7643 §2.3). Text that no UTF-8 column can hold has no key either.
 */
export function literalKey(
  attribute: Attribute,
  operator: CompareOperator,
  value: CompareValue,
  booleanText: ((text: string) => boolean | undefined) | undefined,
): Key | undefined {
  switch (attribute.type) {
    case 'reference':
      if (typeof value !== 'string' || !isStorable(value)) return undefined;
      return partOperators.has(operator) ? uriPart(attribute, value) : textKey(attribute)(value);
    case 'string':
    case 'binary':
      return typeof value === 'string' && isStorable(value) ? textKey(attribute)(value) : undefined;
    case 'dateTime':
      return typeof value === 'string' ? instantKey(value) : undefined;
    case 'integer':
    case 'decimal':
      return numberKey(value);
    case 'boolean': {
      const truth = typeof value === 'string' ? booleanText?.(value) : value;
      return typeof truth === 'boolean' ? Number(truth) : undefined;
    }
    case 'complex':
      return undefined;
  }
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
