/** What a map promises and a table must keep: types, what may be empty, and what is unique. */
import type { Attribute } from '../../scim/registry.ts';
import type { TableFacts } from './facts.ts';
import type { Column, Field, MappedTable } from './mapping.ts';

/** Told of what is wrong, where. */
export type Report = (path: string, reason: string) => void;

export function checkId(id: Column, facts: TableFacts, where: string, report: Report): void {
  if (!/text|char|uuid|clob/.test(id.fact.type))
    report(
      where,
      `${id.name} must be text or uuid, since scimd gives ids, not ${id.fact.type || 'without a type'}`,
    );
  const isUnique = facts.indexes.some(
    ({ unique, keys }) => unique && keys.length === 1 && keys[0] === id.name,
  );
  if (!isUnique)
    report(
      where,
      `${id.name} must be unique: CREATE UNIQUE INDEX ${facts.name}_${id.name} ON ${facts.name} (${id.name})`,
    );
}

export function checkWhole(mapped: MappedTable, at: string, report: Report): void {
  const { type, facts, fields, tenant, rest } = mapped;
  const own = { id: mapped.id.name, version: mapped.version.name, rest: rest?.name };
  for (const field of fields) {
    const where = `${at}.attributes[${JSON.stringify(field.path)}]`;
    for (const [part, name] of Object.entries(own))
      if (name === field.column.name) report(where, `${name} is what \`${part}\` of the map is kept in`);
    if (field.alias !== undefined) continue;
    checkType(field, where, report);
    const { required, hasDefault } = field.column.fact;
    const isAlways = field.attribute.required && field.leaf === field.attribute;
    if (required && !hasDefault && !isAlways && field.write(undefined) === null)
      report(
        where,
        `${facts.name}.${field.column.name} is NOT NULL and the attribute may be left out: give the column a default, or \`set\` that answers one for undefined`,
      );
    checkBoolean(field, where, report);
  }
  for (const attribute of [
    ...type.attributes.values(),
    ...[...type.extensions.values()].flatMap((each) => [...each.attributes.values()]),
  ]) {
    if (attribute.path === 'schemas' || attribute.path === 'meta') continue;
    if (
      attribute.required &&
      attribute.mutability !== 'readOnly' &&
      rest === undefined &&
      !fields.some((field) => field.attribute === attribute)
    )
      report(`${at}.attributes`, `${attribute.path} is required by the schema and has no column`);
    if (attribute.uniqueness === 'none' || attribute.path === 'id') continue;
    const field = mapped.byLeaf.get(attribute);
    if (field === undefined) {
      report(`${at}.attributes`, `${attribute.path} is unique by the schema and has no column`);
      continue;
    }
    checkUnique(mapped, field, `${at}.attributes[${JSON.stringify(field.path)}]`, report);
  }
  if (rest === undefined && !mapped.byLeaf.has(type.attributes.get('externalid') as Attribute))
    report(`${at}.attributes`, 'externalId has no column: providers find their resources by it');
  const written = new Set(
    [mapped.id, mapped.version, ...mapped.columns, tenant, mapped.created, mapped.modified, rest].map(
      (column) => column?.name,
    ),
  );
  for (const { folded } of fields) if (typeof folded === 'object') written.add(folded.name);
  for (const { name, required, hasDefault, generated } of facts.columns.values())
    if (required && !hasDefault && !generated && !written.has(name))
      report(at, `${facts.name}.${name} is NOT NULL, has no default and is not mapped: no row could be made`);
}

function checkType({ leaf, column, options }: Field, where: string, report: Report): void {
  if (options.get !== undefined) return;
  const { type } = column.fact;
  const isText =
    type === '' ||
    /text|char|clob|uuid|enum|citext/.test(type) ||
    !/int|real|double|numeric|decimal|bool|date|time|json|blob|bytea|float/.test(type);
  const isNumber = /int|real|double|numeric|decimal|float/.test(type);
  const isFitting =
    leaf.type === 'boolean'
      ? /bool|int|numeric/.test(type)
      : leaf.type === 'integer' || leaf.type === 'decimal'
        ? isNumber
        : leaf.type === 'dateTime'
          ? /date|time|text|char/.test(type) || typeof options.column === 'object'
          : isText;
  if (!isFitting)
    report(
      where,
      `${column.name} is ${type}, which is no ${leaf.type}: give \`get\` and \`set\`, and \`expression\` to filter by it`,
    );
}

function checkBoolean({ leaf, read, write, column }: Field, where: string, report: Report): void {
  if (leaf.type !== 'boolean') return;
  for (const value of [true, false]) {
    const stored = write(value);
    if (stored === null ? column.fact.required : false)
      report(where, `\`set\` answers null for ${value}, and ${column.name} is NOT NULL`);
    else if (read(column.bind(stored)) !== value)
      report(where, `\`get\` does not answer ${value} for what \`set\` makes of it`);
  }
}

/** Two requests at once must not both have the value: only an index of the database can say that. */
function checkUnique(
  { facts, onDelete, tenant }: MappedTable,
  field: Field,
  where: string,
  report: Report,
): void {
  const compared = typeof field.folded === 'object' ? field.folded.name : field.column.name;
  const names = [tenant?.name, compared, field.column.name];
  const found = facts.indexes.filter(
    ({ unique, keys }) =>
      unique &&
      keys.some((key) => key === compared || (!facts.columns.has(key) && key.includes(field.column.name))) &&
      keys.every((key) => names.includes(key) || !facts.columns.has(key)),
  );
  const live =
    onDelete === undefined || onDelete.length === 0
      ? ''
      : ` WHERE ${onDelete.map(({ column }) => `${column.name} IS NULL`).join(' AND ')}`;
  const advice = `CREATE UNIQUE INDEX ${facts.name}_${compared} ON ${facts.name} (${[tenant?.name, compared].filter((name) => name !== undefined).join(', ')})${live}`;
  if (found.length === 0)
    report(where, `${field.leaf.path} is unique by the schema, and no index makes it so: ${advice}`);
  const changesIt =
    onDelete?.some(({ column }) => column.name === field.column.name || column.name === compared) === true;
  if (onDelete !== undefined && !changesIt && found.length > 0 && found.every(({ partial }) => !partial))
    report(
      where,
      `a deleted row would keep its ${field.leaf.path}, since its index is of deleted rows too: ${advice}`,
    );
}
