/**
 * A row as a document, and a document as what is written of it. What has no column of its own is in `rest`, under its
 * own name; beside it `rest` has the comparison keys of that, and what columns cannot say.
 */
import { invalidValue } from '../../error.ts';
import { attributeKeys, comparisonKeys, type KeyDocument } from '../../query/keys.ts';
import { isObject as isPlain } from '../../query/read.ts';
import { keyOf } from '../../scim/comparison.ts';
import { type Document, equalValues } from '../../scim/document.ts';
import { isObject } from '../../scim/object.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { SqlRow } from './database.ts';
import { type Element, type Field, labelOf, type MappedTable, sameValue } from './mapping.ts';
import { besideMember, keysMember, rowReader } from './row-reader.ts';
import { rowWriter } from './row-text.ts';

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
  /** Those of which no other field has the column, by the name of the attribute. */
  readonly #alone: ReadonlyMap<string, Field>;
  /** `row` has the columns' values under their places in `columns`: `c0`, `c1`, …, and `rest`. */
  readonly fromRow: (row: SqlRow, id: string) => Document;
  readonly #write: (row: SqlRow, id: string) => string | undefined;

  constructor(table: MappedTable) {
    this.#table = table;
    this.#wholes = [...table.byLeaf.values()];
    const shared = new Set(table.fields.flatMap(({ alias }) => alias?.column ?? []));
    this.#alone = new Map(
      this.#wholes
        .filter(({ attribute, leaf, column }) => {
          return leaf === attribute && attribute.extension === undefined && !shared.has(column);
        })
        .map((field) => [field.attribute.name, field]),
    );
    this.fromRow = rowReader(table);
    this.#write = rowWriter(table);
  }

  /** The JSON text of {@link fromRow} without its last brace. */
  openTextOf(row: SqlRow, id: string): string {
    return this.#write(row, id) ?? JSON.stringify(this.fromRow(row, id)).slice(0, -1);
  }

  /**
   * The fields that differ, where no more differs than attributes with a column of their own; undefined where more does.
   * For the workload `patch`: whoever is deactivated has nothing else changed.
   * @throws ScimError 400 invalidValue as {@link toRow}.
   */
  changedFields(before: Document, after: Document): ReadonlyMap<Field, unknown> | undefined {
    const changed = new Map<Field, unknown>();
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const value = after[name];
      if (equalValues(before[name], value)) continue;
      const field = this.#alone.get(name);
      if (field === undefined) return undefined;
      changed.set(field, value);
    }
    for (const field of changed.keys()) this.#check(field, changed, {});
    return changed;
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
          `${path} cannot be ${JSON.stringify(value)} here: its column would hold ${kept === undefined ? 'nothing' : JSON.stringify(kept)}`,
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
