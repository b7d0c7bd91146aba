import type { AttrPath, Filter, Node } from './ast.ts';

/**
 * One function for each node type of interest (RFC 7644 §3.4.2.2, §3.5.2). A function that returns `false` keeps
 * {@link walk} from the node's children. `parent` is `undefined` for the node that the walk began with.
 */
export type Visitor = {
  readonly [T in Node['type']]?: (
    node: Extract<Node, { readonly type: T }>,
    parent: Node | undefined,
  ) => unknown;
};

/** Calls `visitor` for a node (RFC 7644 §3.4.2.2, §3.5.2) and everything below it, parents first, in source order. */
export function walk(node: Node, visitor: Visitor): void {
  // An own stack instead of recursion: trees from builders may be deeper than what the parser lets pass.
  const stack: [node: Node, parent: Node | undefined][] = [[node, undefined]];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const [current, parent] = entry;
    const visit = visitor[current.type] as ((node: Node, parent: Node | undefined) => unknown) | undefined;
    if (visit?.(current, parent) === false) continue;
    const children = childrenOf(current);
    for (let i = children.length - 1; i >= 0; i--) stack.push([children[i]!, current]);
  }
}

/** The nodes directly below, in source order. */
function childrenOf(node: Node): readonly Node[] {
  switch (node.type) {
    case 'attrPath':
      return [];
    case 'compare':
    case 'present':
      return [node.attrPath];
    case 'and':
    case 'or':
      return node.filters;
    case 'not':
      return [node.filter];
    case 'valuePath':
      return [node.attrPath, node.filter];
    case 'path':
      return node.filter === undefined ? [node.attrPath] : [node.attrPath, node.filter];
  }
}

/**
 * Every attribute that a filter reads, in source order, repetitions included. Paths in brackets are relative to the
 * attribute before them (RFC 7644 §3.4.2.2) and are returned whole: `emails[type eq "work"].value eq "x"` reads
 * `emails.type` and `emails.value`. Their `range` is where the relative name stands.
 */
export function attrPaths(filter: Filter): AttrPath[] {
  const found: AttrPath[] = [];
  walk(filter, {
    compare: (node) => void found.push(node.attrPath),
    present: (node) => void found.push(node.attrPath),
    valuePath: (node) => {
      for (const inner of attrPaths(node.filter)) found.push(below(node.attrPath, inner.name, inner.range));
      if (node.subAttr !== undefined) found.push(below(node.attrPath, node.subAttr, node.range));
      return false;
    },
  });
  return found;
}

function below(parent: AttrPath, subAttr: string, range: AttrPath['range']): AttrPath {
  return { ...parent, subAttr, range };
}
