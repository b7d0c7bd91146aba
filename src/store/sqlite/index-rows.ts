/** A document's comparison keys, sorted into the columns, rows and JSON text that its layout gives them. */
import { type Key, keyOf } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { Document } from '../store.ts';
import { type ElementColumn, elementColumn, type KeyColumn, type Layout } from './layout.ts';
import { compileIndexedText } from './trigrams.ts';

/** A row of `element` without its owner. */
export interface ElementRow {
  readonly attribute: number;
  readonly ordinal: number;
  readonly value: Key | null;
  readonly type: Key | null;
  readonly display: Key | null;
  readonly primary: Key | null;
  readonly rest: string | null;
}

/** A row of `unique_value` without its owner; `shown` is the value as the client wrote it. */
export interface UniqueRow {
  readonly attribute: number;
  readonly key: Key;
  readonly path: string;
  readonly shown: unknown;
}

export interface IndexRows {
  readonly columns: Readonly<Record<KeyColumn, Key | null>>;
  readonly keys: string;
  readonly elements: readonly ElementRow[];
  readonly unique: readonly UniqueRow[];
  /** What the trigram index has of it. */
  readonly text: string;
}

type KeyObject = Record<string, unknown>;

interface Draft {
  readonly columns: Record<KeyColumn, Key | null>;
  readonly elements: ElementRow[];
  readonly unique: UniqueRow[];
}

/** Takes in the value of one attribute; `keys` is the object of keys that its parent has. */
type Intake = (value: unknown, draft: Draft, keys: KeyObject) => void;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Integers beyond 2^53 are written with an exponent: as plain digits SQLite would read them as 64-bit integers,
 * which differ from the double that they stand for.
 */
function jsonKey(key: Key): unknown {
  if (typeof key !== 'number' || !Number.isInteger(key) || Number.isSafeInteger(key)) return key;
  return rawJson(key.toExponential());
}

const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

function intakeOfAll(
  intakes: ReadonlyMap<string, Intake>,
  value: unknown,
  draft: Draft,
  keys: KeyObject,
  names?: Iterable<string>,
): void {
  if (!isObject(value)) return;
  for (const name of names ?? Object.keys(value)) intakes.get(name)?.(value[name], draft, keys);
}

/** Into the object `name` of the parent's keys, which is there only if something is in it. */
function nested(name: string, intakes: ReadonlyMap<string, Intake>): Intake {
  return (value, draft, keys) => {
    const inner: KeyObject = {};
    intakeOfAll(intakes, value, draft, inner);
    for (const _ in inner) {
      keys[name] = inner;
      return;
    }
  };
}

/** The key of a simple value, or the object of its sub-attributes' keys; undefined if it has none. */
function valueKeys(attribute: Attribute, value: unknown): unknown {
  if (attribute.type !== 'complex') {
    const key = keyOf(attribute, value);
    return key === undefined ? undefined : jsonKey(key);
  }
  if (!isObject(value)) return undefined;
  const keys: KeyObject = {};
  for (const [name, sub] of attribute.subAttributes) {
    const of = subKeys(sub, value[sub.name]);
    if (of !== undefined) keys[name] = of;
  }
  return keys;
}

function subKeys(sub: Attribute, value: unknown): unknown {
  return sub.multiValued ? arrayKeys(sub, value) : valueKeys(sub, value);
}

function arrayKeys(attribute: Attribute, value: unknown): unknown {
  if (!Array.isArray(value)) return undefined;
  const keys = value.map((item) => valueKeys(attribute, item)).filter((key) => key !== undefined);
  return keys.length === 0 ? undefined : keys;
}

function elementRow(attribute: Attribute, number: number, ordinal: number, value: unknown): ElementRow {
  const row: Record<ElementColumn, Key | null> = { value: null, type: null, display: null, primary: null };
  let rest: KeyObject | undefined;
  if (attribute.type !== 'complex') {
    row.value = keyOf(attribute, value) ?? null;
  } else if (isObject(value)) {
    for (const [name, sub] of attribute.subAttributes) {
      const column = elementColumn(sub);
      if (column !== undefined) row[column] = keyOf(sub, value[sub.name]) ?? null;
      else {
        const of = subKeys(sub, value[sub.name]);
        if (of !== undefined) {
          rest ??= {};
          rest[name] = of;
        }
      }
    }
  }
  return { attribute: number, ordinal, ...row, rest: rest === undefined ? null : JSON.stringify(rest) };
}

/** Computes the index rows of a document, or those of its members `names` alone. */
export type Indexer = (document: Document, names?: Iterable<string>) => IndexRows;

/** Compiles the indexer of a type's documents. */
export function compileIndexer(layout: Layout, numberOf: (attribute: Attribute) => number): Indexer {
  const unique = new Set(layout.unique);

  const addUnique = (attribute: Attribute, value: unknown, draft: Draft): void => {
    const key = keyOf(attribute, value);
    if (key === undefined) return;
    const number = numberOf(attribute);
    if (draft.unique.some((row) => row.attribute === number && row.key === key)) return;
    draft.unique.push({ attribute: number, key, path: attribute.path, shown: value });
  };

  const withUnique = (attribute: Attribute, intake: Intake): Intake => {
    const subs = [...attribute.subAttributes.values()].filter((sub) => unique.has(sub));
    if (!unique.has(attribute) && subs.length === 0) return intake;
    return (value, draft, keys) => {
      intake(value, draft, keys);
      for (const item of Array.isArray(value) ? value : [value]) {
        if (unique.has(attribute)) addUnique(attribute, item, draft);
        else if (isObject(item)) for (const sub of subs) addUnique(sub, item[sub.name], draft);
      }
    };
  };

  const intakeOfMultiValued = (name: string, attribute: Attribute): Intake | undefined => {
    const place = layout.entries.get(attribute.path)?.place;
    if (place?.kind === 'element') {
      const number = numberOf(attribute);
      return (value, draft) => {
        if (!Array.isArray(value)) return;
        value.forEach((item, ordinal) => {
          draft.elements.push(elementRow(attribute, number, ordinal, item));
        });
      };
    }
    if (place?.kind !== 'keys') return undefined;
    return (value, _draft, keys) => {
      const of = arrayKeys(attribute, value);
      if (of !== undefined) keys[name] = of;
    };
  };

  const intakeOfSingular = (name: string, attribute: Attribute): Intake | undefined => {
    const place = layout.entries.get(attribute.path)?.place;
    if (place?.kind === 'column') {
      const { column } = place;
      return (value, draft) => {
        draft.columns[column] = keyOf(attribute, value) ?? null;
      };
    }
    if (place?.kind === 'element') {
      const number = numberOf(attribute);
      return (value, draft) => {
        if (keyOf(attribute, value) !== undefined)
          draft.elements.push(elementRow(attribute, number, 0, value));
      };
    }
    if (place?.kind !== 'keys') return undefined;
    return (value, _draft, keys) => {
      const key = keyOf(attribute, value);
      if (key !== undefined) keys[name] = jsonKey(key);
    };
  };

  const intakesOf = (attributes: ReadonlyMap<string, Attribute>): Map<string, Intake> => {
    const intakes = new Map<string, Intake>();
    for (const [name, attribute] of attributes) {
      const singularComplex = attribute.type === 'complex' && !attribute.multiValued;
      const intake = attribute.multiValued
        ? intakeOfMultiValued(name, attribute)
        : singularComplex
          ? nested(name, intakesOf(attribute.subAttributes))
          : intakeOfSingular(name, attribute);
      if (intake !== undefined)
        intakes.set(attribute.name, singularComplex ? intake : withUnique(attribute, intake));
    }
    return intakes;
  };

  const intakes = intakesOf(layout.type.attributes);
  for (const [uri, extension] of layout.type.extensions) {
    intakes.set(extension.schema.id, nested(uri, intakesOf(extension.attributes)));
  }
  const textOf = compileIndexedText(layout.containsIndex);
  return (document, names) => {
    const draft: Draft = {
      columns: { external_id: null, unique_key: null, display_key: null, active: null },
      elements: [],
      unique: [],
    };
    const keys: KeyObject = {};
    intakeOfAll(intakes, document, draft, keys, names);
    return { ...draft, keys: JSON.stringify(keys), text: textOf(document, names) };
  };
}
