import type { AttrPath, Node } from '../../grammar/index.ts';

/** A tree as an S-expression: `(and (eq a "x") (valuePath b (pr c) (eq d 1)))`. Ranges and raw texts are left out. */
export function sExpression(node: Node): string {
  switch (node.type) {
    case 'attrPath':
      return pathText(node);
    case 'compare':
      return `(${node.operator} ${pathText(node.attrPath)} ${JSON.stringify(node.value)})`;
    case 'present':
      return `(pr ${pathText(node.attrPath)})`;
    case 'and':
    case 'or':
      return `(${node.type} ${node.filters.map(sExpression).join(' ')})`;
    case 'not':
      return `(not ${sExpression(node.filter)})`;
    case 'valuePath': {
      const inside = `valuePath ${pathText(node.attrPath)} ${sExpression(node.filter)}`;
      if (node.subAttr === undefined) return `(${inside})`;
      if (node.operator === 'pr') return `(${inside} (pr ${node.subAttr}))`;
      return `(${inside} (${node.operator} ${node.subAttr} ${JSON.stringify(node.value)}))`;
    }
    case 'path': {
      const parts = [
        pathText(node.attrPath),
        ...(node.filter ? [sExpression(node.filter)] : []),
        ...(node.subAttr === undefined ? [] : [node.subAttr]),
      ];
      return `(path ${parts.join(' ')})`;
    }
  }
}

function pathText({ schema, name, subAttr }: AttrPath): string {
  const text = subAttr === undefined ? name : `${name}.${subAttr}`;
  return schema === undefined ? text : `{${schema}}${text}`;
}

/** The same tree without ranges. */
export function withoutRanges(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutRanges);
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== 'range')
      .map(([key, value]) => [key, withoutRanges(value)]),
  );
}
