/** What a database says when a row breaks a rule of its table, whatever the driver wraps it in. */
import type { Field, MappedTable } from './mapping.ts';

export interface Violation {
  readonly kind:
    | 'unique'
    | 'it must not be empty'
    | 'it is too long'
    | 'a check of the table fails'
    | 'it is not of its type';
  /** The attribute that it is about, where that is known. */
  readonly field: Field | undefined;
  /** Of the constraint or column, for who knows the table. */
  readonly name: string;
  readonly isId: boolean;
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly constraint: string | undefined;
  readonly column: string | undefined;
  readonly detail: string;
}

/** The error and what caused it, the innermost last. */
function* causes(error: unknown): Generator<Record<string, unknown>> {
  const seen = new Set<unknown>();
  for (let each: unknown = error; typeof each === 'object' && each !== null && !seen.has(each); ) {
    seen.add(each);
    const known = each as Record<string, unknown>;
    yield known;
    // Prisma tells of the database's own error in `meta`, and there of that of its adapter.
    const { meta } = known;
    if (typeof meta === 'object' && meta !== null) yield meta as Record<string, unknown>;
    each = known.cause ?? (meta as Record<string, unknown> | undefined)?.driverAdapterError;
  }
}

function textIn(each: Record<string, unknown>, ...names: readonly string[]): string | undefined {
  for (const name of names) if (typeof each[name] === 'string') return each[name];
  return undefined;
}

function toldOf(error: unknown): Told | undefined {
  let told: Told | undefined;
  for (const each of causes(error)) {
    const code = textIn(each, 'originalCode', 'code', 'errcode') ?? '';
    const message = textIn(each, 'originalMessage', 'message') ?? '';
    if (!/^(?:23|22|40)/.test(code) && !/constraint failed/i.test(message)) continue;
    const { constraint } = each;
    told = {
      ...{ code, message, detail: textIn(each, 'detail') ?? message },
      constraint:
        textIn(each, 'constraint', 'constraint_name') ??
        (typeof constraint === 'object' && constraint !== null
          ? textIn(constraint as Record<string, unknown>, 'index')
          : undefined),
      column: textIn(each, 'column', 'column_name') ?? /column "(.*?)" of relation/.exec(message)?.[1],
    };
  }
  return told;
}

/** Undefined for an error that is of another kind. */
export function violationOf(error: unknown, table: MappedTable): Violation | undefined {
  const told = toldOf(error);
  if (told === undefined) return undefined;
  const { code, message, constraint, column, detail } = told;
  const named = (kind: Violation['kind'], columns: readonly string[], name: string): Violation => ({
    ...{ kind, name },
    field: fieldOf(table, columns),
    isId: columns.includes(table.id.name),
  });
  const failed = /(UNIQUE|NOT NULL|CHECK) constraint failed: (.*)$/.exec(message);
  if (code === '23505' || failed?.[1] === 'UNIQUE') {
    const index = constraint ?? /^index '(.*)'$/.exec(failed?.[2] ?? '')?.[1];
    const listed = /Key \((.*?)\)=/.exec(detail)?.[1] ?? failed?.[2] ?? '';
    const keys =
      table.facts.indexes.find(({ name }) => name === index)?.keys ??
      listed.split(', ').map((each) => each.slice(each.lastIndexOf('.') + 1).replaceAll('"', ''));
    return named('unique', keys, index ?? keys.join(', '));
  }
  const of = column ?? failed?.[2]?.split('.').at(-1) ?? constraint ?? 'a value';
  if (code === '23502' || failed?.[1] === 'NOT NULL') return named('it must not be empty', [of], of);
  if (code === '22001') return named('it is too long', [of], of);
  if (code === '23514' || failed?.[1] === 'CHECK') return named('a check of the table fails', [of], of);
  if (/^22(?:P02|003|007|008)$/.test(code)) return named('it is not of its type', [of], of);
  return undefined;
}

/** Another transaction came in between, and PostgreSQL asks for another try. */
export function isRetryable(error: unknown): boolean {
  for (const each of causes(error)) {
    const code = textIn(each, 'originalCode', 'code');
    if (code === '40001' || code === '40P01' || code === 'P2034') return true;
  }
  return false;
}

function fieldOf({ fields, tenant }: MappedTable, keys: readonly string[]): Field | undefined {
  const named = keys.filter((key) => key !== tenant?.name);
  const isIn = ({ column, folded }: Field): boolean =>
    named.some((key) => key === column.name || (typeof folded === 'object' && key === folded.name));
  const isWithin = ({ column }: Field): boolean =>
    named.some((key) => /\W/.test(key) && key.includes(column.name));
  return fields.find(isIn) ?? fields.find(isWithin);
}
