/** scimd explain: what a filter means and what it costs. */
import { type Filter, ScimFilterError, stringify } from '../../grammar/index.ts';
import { UsageError } from '../ops/command-error.ts';
import { readFilter } from '../query/compile.ts';
import type { Plan } from '../query/plan.ts';
import { attributesToIndex } from '../scim/contains-index.ts';
import type { Attribute, Registry } from '../scim/registry.ts';
import { explain } from '../store/sqlite/explain.ts';
import { exitStatus, type Invocation } from './command.ts';
import { registryFor } from './database.ts';

export function explainFilter({ operand = '', flags, settings, json, terminal }: Invocation): number {
  const registry = registryFor(settings());
  const wanted = flags.get('type') ?? 'User';
  const type = registry.resourceTypes.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (type === undefined) {
    throw new UsageError(
      `there is no resource type ${wanted}; there are ${registry.resourceTypes.map(({ name }) => name).join(', ')}`,
    );
  }
  let filter: Filter;
  let plan: Plan;
  try {
    ({ filter, plan } = readFilter(operand, type));
  } catch (error) {
    if (error instanceof ScimFilterError) throw new UsageError(error.message, 'explain');
    throw error;
  }
  const { sql, parameters, steps, unindexed } = explain(registry, {
    tenant: 1,
    targets: [{ type, plan }],
    limit: 100,
  });
  if (json) {
    terminal.print(
      JSON.stringify({
        filter: stringify(filter),
        ast: filter,
        plan: planLines(plan),
        sql,
        parameters,
        steps,
        indexed: unindexed.length === 0,
        unindexed,
      }),
    );
    return exitStatus.done;
  }
  const section = (title: string, lines: readonly string[]) =>
    `${title}\n${lines.map((line) => `  ${line}`).join('\n')}`;
  terminal.print(
    [
      section('Filter', [stringify(filter)]),
      section('Tree', treeLines(filter)),
      section('Plan', planLines(plan)),
      section('SQL', sql.split('\n')),
      section('Parameters', [JSON.stringify(parameters)]),
      section('Query plan', steps),
      unindexed.length === 0
        ? 'An index serves this filter.'
        : `No index can serve this filter: it requires a full scan of ${type.name} for ${unindexed.join(', ')}.`,
      ...(unindexed.length === 0 ? [] : hints(plan, registry)),
    ].join('\n\n'),
  );
  return exitStatus.done;
}

/** What the operator can do about strings that are scanned. */
function hints(plan: Plan, { resourceTypes, containsIndex }: Registry): string[] {
  const names = new Set(
    contained(plan)
      .filter(
        (attribute) =>
          !containsIndex.has(attribute) && Array.isArray(attributesToIndex(attribute.path, resourceTypes)),
      )
      .map(({ path }) => path),
  );
  return names.size === 0
    ? []
    : [`An index for \`co\` helps with many resources: --contains-index ${[...names].join(',')}`];
}

/** The attributes that a plan compares by `co`. */
function contained(plan: Plan): Attribute[] {
  switch (plan.kind) {
    case 'compare':
      return plan.operator === 'co' ? [plan.attribute] : [];
    case 'anyElement':
      return contained(plan.predicate);
    case 'anyPart':
    case 'and':
    case 'or':
      return plan.plans.flatMap(contained);
    case 'not':
    case 'assigned':
    case 'constant':
      return [];
  }
}

/** The parsed filter, one node a line; ranges and raw literals are in --json. */
export function treeLines(node: Filter, indent = ''): string[] {
  const inner = `${indent}  `;
  switch (node.type) {
    case 'compare':
    case 'present':
      return [`${indent}${node.type} ${stringify(node)}`];
    case 'and':
    case 'or':
      return [`${indent}${node.type}`, ...node.filters.flatMap((each) => treeLines(each, inner))];
    case 'not':
      return [`${indent}not`, ...treeLines(node.filter, inner)];
    case 'valuePath': {
      const { subAttr, operator, value } = node;
      // Of the same value, behind the bracket: a[…].sub op value.
      const tail = [`.${subAttr}`, operator, ...(operator === 'pr' ? [] : [JSON.stringify(value)])];
      return [
        `${indent}valuePath ${stringify(node.attrPath)}`,
        ...treeLines(node.filter, inner),
        ...(subAttr === undefined ? [] : [inner + tail.join(' ')]),
      ];
    }
  }
}

/** The plan as an indented tree. */
export function planLines(plan: Plan, indent = ''): string[] {
  const inner = `${indent}  `;
  switch (plan.kind) {
    case 'compare':
      return [`${indent}${plan.attribute.path} ${plan.operator} ${JSON.stringify(plan.key)}`];
    case 'assigned':
      return [
        `${indent}${plan.attribute.path} ${plan.nonEmpty ? 'has a value that is not empty' : 'has a value'}`,
      ];
    case 'anyElement':
      return [`${indent}any value of ${plan.attribute.path}:`, ...planLines(plan.predicate, inner)];
    case 'anyPart':
      return [`${indent}any part of ${plan.path}:`, ...plan.plans.flatMap((each) => planLines(each, inner))];
    case 'and':
    case 'or':
      return [`${indent}${plan.kind}`, ...plan.plans.flatMap((each) => planLines(each, inner))];
    case 'not':
      return [`${indent}not`, ...planLines(plan.plan, inner)];
    case 'constant':
      return [`${indent}${plan.value ? 'all' : 'none'}`];
  }
}
