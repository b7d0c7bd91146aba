/**
 * A row as a document, and a document as what is written of it. What has no column of its own is in `rest`, under its
 * own name; beside it `rest` has the comparison keys of that, and what columns cannot say.
 */
import { invalidValue } from '../../error.ts';
import { attributeKeys, comparisonKeys, type KeyDocument } from '../../query/keys.ts';
import { isObject as isPlain } from '../../query/read.ts';
import { keyOf } from '../../scim/comparison.ts';
import type { Attribute, ResourceType } from '../../scim/registry.ts';
import { type Document, equalValues, inSchemaOrder, schemasOf } from '../../scim/resource.ts';
import { isObject } from '../../scim/value.ts';
import type { SqlRow } from './database.ts';
import { type Element, type Field, labelOf, type MappedTable, sameValue } from './mapping.ts';

/** Members of `rest` that are no attributes: comparison keys, and what the value of a column does not say. */
export const keysMember = 'scimd:keys';
export const besideMember = 'scimd:columns';

type Json = Record<string, unknown>;

/** What columns do not say of a value: by the label of an element, or of a field whose column is another's. */
type Beside = Record<string, Json>;

/** What is to be in the row of a document. */
export interface RowValues {
  readonly values: ReadonlyMap<Field, unknown>;
  /** Undefined where there is no such column. */
  readonly rest: Json | undefined;
}

const read = (container: unknown, name: string): unknown =>
  isPlain(container) ? container[name] : undefined;

export class Documents {
  readonly #table: MappedTable;
  readonly #wholes: readonly Field[];

  constructor(table: MappedTable) {
    this.#table = table;
    this.#wholes = [...table.byLeaf.values()];
  }

  /** `row` has the columns' values under their places in `columns`: `c0`, `c1`, …, and `rest`. */
  fromRow(row: SqlRow, id: string): Document {
    const { type, columns, rest: restColumn, elements } = this.#table;
    const stored = restColumn === undefined ? undefined : row.rest;
    const rest = typeof stored === 'string' ? (JSON.parse(stored) as unknown) : stored;
    const document: Json = isPlain(rest) ? { ...rest } : {};
    const beside = document[besideMember];
    delete document[keysMember];
    delete document[besideMember];
    const raw = (field: Field): unknown => row[`c${columns.indexOf(field.column)}`];
    for (const field of this.#wholes) {
      const other = field.alias === undefined ? undefined : read(beside, labelOf(field.path));
      const value = isPlain(other) ? (other.value ?? undefined) : field.read(raw(field));
      if (value !== undefined) put(document, field, value);
    }
    for (const [attribute, all] of elements) {
      const values = all.flatMap((element) => {
        const value = this.#elementFrom(element, raw, read(beside, element.label));
        return value === undefined ? [] : [value];
      });
      if (values.length === 0) continue;
      const container =
        attribute.extension === undefined ? document : containerOf(document, attribute.extension);
      const others = container[attribute.name];
      container[attribute.name] = [...values, ...(Array.isArray(others) ? others : [])];
    }
    if (restColumn !== undefined && typeof stored !== 'string') orderParts(type, document);
    return inSchemaOrder(type, { schemas: schemasOf(type, document), id, ...document });
  }

  #elementFrom(
    { constants, fields }: Element,
    raw: (field: Field) => unknown,
    beside: unknown,
  ): Json | undefined {
    const value: Json = {};
    for (const [sub, field] of fields) {
      const isOther = field.alias !== undefined && isPlain(beside) && Object.hasOwn(beside, sub.name);
      const own = isOther ? (read(beside, sub.name) ?? undefined) : field.read(raw(field));
      if (own !== undefined) value[sub.name] = own;
    }
    if (Object.keys(value).length === 0) return undefined;
    for (const [sub, constant] of constants) value[sub.name] = constant.value;
    if (isPlain(beside))
      for (const [name, more] of Object.entries(beside))
        if (more !== null && !isFieldOf(fields, name)) value[name] = more;
    return value;
  }

  /** @throws ScimError 400 invalidValue for what neither a column nor `rest` can keep. */
  toRow(document: Document): RowValues {
    const { type, rest: restColumn } = this.#table;
    const values = new Map<Field, unknown>();
    const rest: Json = {};
    const beside: Beside = {};
    for (const attribute of type.attributes.values()) {
      if (attribute.path === 'schemas' || attribute.path === 'id' || attribute.path === 'meta') continue;
      this.#split(attribute, document[attribute.name], rest, values, beside);
    }
    for (const { schema, attributes } of type.extensions.values()) {
      const container = document[schema.id];
      const kept: Json = {};
      for (const attribute of attributes.values())
        this.#split(
          attribute,
          isPlain(container) ? container[attribute.name] : undefined,
          kept,
          values,
          beside,
        );
      if (Object.keys(kept).length > 0) rest[schema.id] = kept;
    }
    for (const [name, value] of Object.entries(document))
      if (!type.attributes.has(name.toLowerCase()) && !type.extensions.has(name.toLowerCase()))
        rest[name] = value;
    for (const field of values.keys()) this.#check(field, values, beside);
    if (restColumn === undefined) {
      const [name] = [...Object.keys(rest), ...Object.keys(beside)];
      if (name !== undefined) throw invalidValue(`${name} cannot be kept here: it has no column`);
      return { values, rest: undefined };
    }
    const keys = { ...comparisonKeys(rest, type), ...this.#besideKeys(beside) };
    const hasBeside = Object.keys(beside).length > 0;
    return {
      values,
      rest: {
        ...rest,
        ...(hasBeside ? { [besideMember]: beside } : {}),
        ...(Object.keys(keys).length > 0 ? { [keysMember]: keys } : {}),
      },
    };
  }

  #split(
    attribute: Attribute,
    value: unknown,
    rest: Json,
    values: Map<Field, unknown>,
    beside: Beside,
  ): void {
    const { byLeaf, elements } = this.#table;
    const whole = byLeaf.get(attribute);
    if (whole !== undefined) {
      values.set(whole, value);
      return;
    }
    const its = elements.get(attribute);
    if (its !== undefined) {
      this.#splitElements(its, value, rest, values, beside);
      return;
    }
    if (attribute.type === 'complex' && !attribute.multiValued) {
      const kept: Json = isObject(value) ? { ...value } : {};
      for (const sub of attribute.subAttributes.values()) {
        const field = byLeaf.get(sub);
        if (field === undefined) continue;
        values.set(field, kept[sub.name]);
        delete kept[sub.name];
      }
      if (Object.keys(kept).length > 0) rest[attribute.name] = kept;
      return;
    }
    if (value !== undefined) rest[attribute.name] = value;
  }

  #splitElements(
    elements: readonly Element[],
    value: unknown,
    rest: Json,
    values: Map<Field, unknown>,
    beside: Beside,
  ): void {
    const [{ attribute }] = elements as readonly [Element];
    const others = Array.isArray(value) ? [...(value as readonly unknown[])] : [];
    for (const { constants, fields, label } of elements) {
      const index = others.findIndex(
        (each) =>
          isObject(each) &&
          [...constants].every(([sub, { key }]) => keyOf(sub, each[sub.name]) === key) &&
          [...fields.keys()].some((sub) => each[sub.name] !== undefined),
      );
      const [found] = index === -1 ? [] : others.splice(index, 1);
      const left: Json = isObject(found) ? { ...found } : {};
      for (const [sub, field] of fields) {
        values.set(field, left[sub.name]);
        delete left[sub.name];
      }
      for (const [sub, constant] of constants) if (left[sub.name] === constant.value) delete left[sub.name];
      if (Object.keys(left).length > 0) beside[label] = left;
    }
    if (others.length > 0) rest[attribute.name] = others;
  }

  /** Is what the column will answer what is to be kept? */
  #check(field: Field, values: Map<Field, unknown>, beside: Beside): void {
    const value = values.get(field);
    const { alias, leaf, path } = field;
    if (alias === undefined) {
      if (value === undefined) {
        if (field.column.fact.required && !field.column.fact.hasDefault && field.write(undefined) === null)
          throw invalidValue(`${path} is required here`);
        return;
      }
      const kept = field.read(field.column.bind(field.write(value)));
      if (!equalValues(kept, value) && !sameValue(leaf, kept, value))
        throw invalidValue(
          `${path} cannot be ${JSON.stringify(value)} here: its column would hold ${JSON.stringify(kept)}`,
        );
      return;
    }
    const kept = field.read(alias.column.bind(alias.write(values.get(alias))));
    if (equalValues(kept, value)) return;
    if (this.#table.rest === undefined) {
      if (value === undefined) return;
      throw invalidValue(`${path} and ${alias.path} are one column here, so they cannot differ`);
    }
    const element = [...this.#table.elements.values()].flat().find((each) => each.fields.get(leaf) === field);
    const label = element?.label ?? labelOf(path);
    beside[label] = { ...beside[label], [element === undefined ? 'value' : leaf.name]: value ?? null };
  }

  #besideKeys(beside: Beside): KeyDocument {
    const keys: KeyDocument = {};
    for (const [label, values] of Object.entries(beside)) {
      const element = [...this.#table.elements.values()].flat().find((each) => each.label === label);
      const written =
        element === undefined
          ? this.#valueKeys(label, values)
          : attributeKeys({ ...element.attribute, multiValued: false }, memberNamed)(values);
      if (isPlain(written)) keys[label] = written as KeyDocument;
    }
    return Object.keys(keys).length === 0 ? {} : { [besideMember]: keys };
  }

  #valueKeys(label: string, { value }: Json): KeyDocument | undefined {
    const field = this.#wholes.find(({ path }) => labelOf(path) === label);
    const key = field === undefined ? undefined : keyOf(field.leaf, value);
    return key === undefined ? undefined : { value: key };
  }
}

const memberNamed = (name: string) => (value: unknown) => read(value, name);

function isFieldOf(fields: ReadonlyMap<Attribute, Field>, name: string): boolean {
  for (const sub of fields.keys()) if (sub.name === name) return true;
  return false;
}

function containerOf(document: Json, uri: string): Json {
  const before = document[uri];
  const container: Json = isPlain(before) ? { ...before } : {};
  document[uri] = container;
  return container;
}

function put(document: Json, { attribute, leaf }: Field, value: unknown): void {
  const container = attribute.extension === undefined ? document : containerOf(document, attribute.extension);
  if (leaf === attribute) {
    container[attribute.name] = value;
    return;
  }
  const before = container[attribute.name];
  container[attribute.name] = { ...(isPlain(before) ? before : {}), [leaf.name]: value };
}

/** jsonb has an order of its own: members of complex values stand in schema order again. */
function orderParts(type: ResourceType, document: Json): void {
  const order = (container: Json, attributes: ReadonlyMap<string, Attribute>): void => {
    for (const attribute of attributes.values()) {
      const value = container[attribute.name];
      if (attribute.type !== 'complex' || value === undefined) continue;
      container[attribute.name] = Array.isArray(value)
        ? value.map((each: unknown) => partsOf(attribute, each))
        : partsOf(attribute, value);
    }
  };
  order(document, type.attributes);
  for (const { schema, attributes } of type.extensions.values()) {
    if (!isPlain(document[schema.id])) continue;
    const container = Object.fromEntries(
      [...attributes.values()].flatMap(({ name }) => {
        const value = read(document[schema.id], name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    order(container, attributes);
    document[schema.id] = container;
  }
}

function partsOf({ subAttributes }: Attribute, value: unknown): unknown {
  if (!isPlain(value)) return value;
  const ordered: Json = {};
  for (const { name } of subAttributes.values()) if (value[name] !== undefined) ordered[name] = value[name];
  return { ...ordered, ...value };
}
