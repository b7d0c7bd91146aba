/** What a database says when a row breaks a rule of its table, whatever the driver wraps it in. */
import { ScimError } from '../../error.ts';
import type { Field, MappedTable } from './mapping.ts';

export interface Violation {
  readonly kind: Kind;
  /** The attribute that it is about, where that is known. */
  readonly field: Field | undefined;
  /** Of the constraint or column, for who knows the table; of a trigger or a policy what is said. */
  readonly name: string;
  readonly isId: boolean;
}

type Kind =
  | 'unique'
  | 'it must not be empty'
  | 'it is too long'
  | 'a check of the table fails'
  | 'it is not of its type'
  | 'it is out of range'
  | 'it refers to no row that is there'
  | 'a trigger'
  | 'a policy';

const noRow = 'it refers to no row that is there' satisfies Kind;

/** PostgreSQL has one code for what a policy refuses and for rights that an account lacks. */
const policyCode = '42501 of a policy';

/** By SQLSTATE. */
const kinds: Readonly<Record<string, Kind>> = {
  '23505': 'unique',
  '23502': 'it must not be empty',
  '22001': 'it is too long',
  '23514': 'a check of the table fails',
  '22P02': 'it is not of its type',
  '22007': 'it is not of its type',
  '22008': 'it is not of its type',
  '22003': 'it is out of range',
  '23503': noRow,
  '44000': 'a check of the table fails',
  P0001: 'a trigger',
  [policyCode]: 'a policy',
  SQLITE_CONSTRAINT_TRIGGER: 'a trigger',
};

/** SQLite's extended code of RAISE in a trigger, which node:sqlite gives as a number; bun:sqlite and others name it. */
const raisedInSqlite = 1811;

interface Told {
  readonly code: string;
  readonly message: string;
  readonly constraint: string | undefined;
  readonly column: string | undefined;
  readonly detail: string;
}

/** The error and what caused it, the innermost last. */
export function* causes(error: unknown): Generator<Record<string, unknown>> {
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

/** What SQLite says, the last of tables that are STRICT. */
const sqliteRefusal =
  /(UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: (.*))?$|cannot store .* value in .* column (.*)$/;

const sqliteKinds: Readonly<Record<string, Kind>> = {
  UNIQUE: 'unique',
  'NOT NULL': 'it must not be empty',
  CHECK: 'a check of the table fails',
  'FOREIGN KEY': noRow,
};

function toldOf(error: unknown): Told | undefined {
  let told: Told | undefined;
  for (const each of causes(error)) {
    const named = textIn(each, 'originalCode', 'code', 'errcode') ?? '';
    const message = textIn(each, 'originalMessage', 'message') ?? '';
    const isOfPolicy =
      named === '42501' && (each.routine === 'ExecWithCheckOptions' || /row-level security/.test(message));
    const isRaised = each.errcode === raisedInSqlite;
    const code = isRaised ? 'SQLITE_CONSTRAINT_TRIGGER' : isOfPolicy ? policyCode : named;
    if (!/^(?:23|22|40)/.test(code) && kinds[code] === undefined && !sqliteRefusal.test(message)) continue;
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

/**
 * Undefined for an error that is of another kind. `values` is what was to be written, by which a field is found that the
 * database does not name.
 */
export function violationOf(
  error: unknown,
  table: MappedTable,
  values: ReadonlyMap<Field, unknown> = new Map(),
): Violation | undefined {
  const told = toldOf(error);
  if (told === undefined) return undefined;
  const { code, message, constraint, column, detail } = told;
  const [, failed, which, typed] = sqliteRefusal.exec(message) ?? [];
  // A foreign key with an action is a trigger to SQLite, whose own words tell more.
  const kind =
    typed === undefined ? (sqliteKinds[failed ?? ''] ?? kinds[code]) : ('it is not of its type' as const);
  if (kind === undefined) return undefined;
  if (kind === 'a trigger' || kind === 'a policy')
    return { kind, field: undefined, name: message, isId: false };
  const index = constraint ?? /^index '(.*)'$/.exec(which ?? '')?.[1];
  const listed = /Key \((.*?)\)=/.exec(detail)?.[1];
  const columns =
    (kind === 'unique' ? table.facts.indexes.find(({ name }) => name === index)?.keys : undefined) ??
    columnsOf(column ?? listed ?? typed ?? which ?? constraint);
  const field = fieldOf(table, columns) ?? fieldHolding(kind, message, table, values);
  return {
    ...{ kind, field, isId: columns.includes(table.id.name) },
    name: (kind === 'unique' ? index : constraint) ?? (columns.length > 0 ? columns.join(', ') : 'a value'),
  };
}

/** What a constraint that is checked at the commit alone says (DEFERRABLE), of whichever table it is. */
export function refusedAtCommit(error: unknown): ScimError | undefined {
  const told = toldOf(error);
  if (told === undefined) return undefined;
  const [, failed, which] = sqliteRefusal.exec(told.message) ?? [];
  const kind = sqliteKinds[failed ?? ''] ?? kinds[told.code];
  if (kind === undefined) return undefined;
  if (kind === 'a trigger' || kind === 'a policy') return refusedBy(kind, told.message, 400, error);
  const isUnique = kind === 'unique';
  const detail = `${told.constraint ?? which ?? 'a deferred constraint'} is refused by the database at the commit: ${isUnique ? 'it is already in use' : kind}`;
  return isUnique || kind === noRow
    ? new ScimError(409, isUnique ? 'uniqueness' : undefined, detail, { cause: error })
    : new ScimError(400, 'invalidValue', detail, { cause: error });
}

/** Of which the words are the embedder's own, as those of a hook are. */
export function refusedBy(
  what: 'a trigger' | 'a policy',
  message: string,
  status: 400 | 409,
  cause?: unknown,
): ScimError {
  const scimType = status === 400 ? 'invalidValue' : undefined;
  return new ScimError(status, scimType, `${what} of the database refuses this: ${message}`, { cause });
}

/** What was written had no effect: a trigger or a policy lets it pass, or `ON CONFLICT DO NOTHING` met another rule. */
export class IgnoredByDatabase extends ScimError {
  constructor(what: string, { status = 400 }: { readonly status?: 400 | 409 } = {}) {
    super(
      status,
      status === 400 ? 'invalidValue' : undefined,
      `the database has not done this, and does not say why: ${what} had no effect, by a trigger, a policy or another unique index`,
    );
  }
}

/** `a, b`, each with its table before it or without. */
function columnsOf(listed: string | undefined): readonly string[] {
  if (listed === undefined) return [];
  return listed.split(', ').map((each) => each.slice(each.lastIndexOf('.') + 1).replaceAll('"', ''));
}

/** The field whose value the message quotes, or the only one that could break such a rule. */
function fieldHolding(
  kind: Kind,
  message: string,
  { facts }: MappedTable,
  values: ReadonlyMap<Field, unknown>,
): Field | undefined {
  const quotedValue = /"([^"]*)"(?: is out of range.*)?$/.exec(message)?.[1];
  const found = [...values].filter(([{ column, write }, value]) => {
    if (value === undefined) return false;
    if (kind === noRow) return facts.references.some((reference) => reference.column === column.name);
    const stored = String(column.bind(write(value)));
    if (kind !== 'it is too long') return quotedValue !== undefined && stored === quotedValue;
    const most = /\((\d+)\)$/.exec(column.fact.type)?.[1];
    return most !== undefined && [...stored].length > Number(most);
  });
  return found.length === 1 ? found[0]?.[0] : undefined;
}

/** Another transaction came in between, and PostgreSQL asks for another try. */
export function isRetryable(error: unknown): boolean {
  for (const each of causes(error)) {
    const code = textIn(each, 'originalCode', 'code');
    if (code === '40001' || code === '40P01' || code === 'P2034') return true;
  }
  return false;
}

/** Did another process make the same table, function or row at the same moment? By then it is there. */
export function isMadeMeanwhile(error: unknown): boolean {
  for (const each of causes(error)) {
    const code = textIn(each, 'originalCode', 'code') ?? '';
    if (/^(?:23505|42P07|42710|42723|40001|40P01)$/.test(code)) return true;
    if (/tuple concurrently updated/.test(textIn(each, 'originalMessage', 'message') ?? '')) return true;
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
