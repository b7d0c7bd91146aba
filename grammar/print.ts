import type { AttrPath, CompareOperator, CompareValue, Filter, Node } from './ast.ts';

/**
 * The text of a filter, PATCH path or attribute path (RFC 7644 §3.4.2.2, §3.5.2) with single blanks, lower-case
 * operators and no parentheses but those that precedence demands. Parsing it gives the same tree again, ranges aside.
 */
export function stringify(node: Node): string {
  switch (node.type) {
    case 'attrPath':
      return attrPathText(node);
    case 'compare':
      return `${attrPathText(node.attrPath)} ${comparison(node.operator, node.value, node.raw)}`;
    case 'present':
      return `${attrPathText(node.attrPath)} pr`;
    case 'or':
      return node.filters.map(stringify).join(' or ');
    case 'and':
      return node.filters.map(operandOfAnd).join(' and ');
    case 'not':
      return `not (${stringify(node.filter)})`;
    case 'valuePath': {
      const selected = `${attrPathText(node.attrPath)}[${stringify(node.filter)}]`;
      if (node.subAttr === undefined || node.operator === undefined) return selected;
      if (node.operator === 'pr') return `${selected}.${node.subAttr} pr`;
      return `${selected}.${node.subAttr} ${comparison(node.operator, node.value ?? null, node.raw)}`;
    }
    case 'path': {
      if (node.filter === undefined) return attrPathText(node.attrPath);
      const selected = `${attrPathText(node.attrPath)}[${stringify(node.filter)}]`;
      return node.subAttr === undefined ? selected : `${selected}.${node.subAttr}`;
    }
  }
}

/** `and` binds tighter than `or` (RFC 7644 §3.4.2.2). */
function operandOfAnd(filter: Filter): string {
  return filter.type === 'or' ? `(${stringify(filter)})` : stringify(filter);
}

function attrPathText({ schema, name, subAttr }: AttrPath): string {
  return `${schema === undefined ? '' : `${schema}:`}${name}${subAttr === undefined ? '' : `.${subAttr}`}`;
}

function comparison(operator: CompareOperator, value: CompareValue, raw: string | undefined): string {
  return `${operator} ${literalText(value, raw)}`;
}

/** `raw` keeps digits that `value` cannot hold; it is used only while it still says the same as `value`. */
function literalText(value: CompareValue, raw: string | undefined): string {
  const text = JSON.stringify(value);
  if (raw === undefined || raw === text) return text;
  try {
    return Object.is(normal(JSON.parse(raw)), normal(value)) ? raw.trim() : text;
  } catch {
    return text;
  }
}

/** -0 is 0. */
function normal(value: unknown): unknown {
  return typeof value === 'number' ? value + 0 : value;
}
