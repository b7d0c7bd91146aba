/**
 * A document's comparison keys, sorted into the columns, rows and JSON text that its layout gives them. Written by hand
 * for speed: shown by the figure `loop` of npm run bench.
 */
import { attributeKeys, type KeyDocument, objectKeys } from '../../query/keys.ts';
import { isObject, type Read } from '../../query/read.ts';
import { type Key, keyOf, keyReader } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { Document } from '../store.ts';
import { compileIndexedText } from './indexed-text.ts';
import { type ElementColumn, elementColumn, type KeyColumn, type Layout } from './layout.ts';

/** A row of `element` without its owner. */
export interface ElementRow {
  readonly attribute: number;
  readonly ordinal: number;
  readonly value: Key | null;
  readonly number: Key | null;
  readonly type: Key | null;
  readonly display: Key | null;
  readonly primary: Key | null;
  readonly rest: string | null;
}

/** A row of `unique_value` without its owner; `shown` is the value as the client wrote it. */
export interface UniqueRow {
  readonly attribute: number;
  /** As text, also of a number. */
  readonly key: string;
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

interface Draft {
  readonly columns: Record<KeyColumn, Key | null>;
  readonly elements: ElementRow[];
  readonly unique: UniqueRow[];
}

/** Takes in the value of one attribute; `keys` is the object of keys that its parent has. */
type Intake = (value: unknown, draft: Draft, keys: KeyDocument) => void;

/** Documents have the registered names. */
const memberOf =
  (name: string): Read =>
  (object) =>
    (object as Document)[name];

function intakeOfAll(
  intakes: ReadonlyMap<string, Intake>,
  value: unknown,
  draft: Draft,
  keys: KeyDocument,
  names?: Iterable<string>,
): void {
  if (!isObject(value)) return;
  for (const name of names ?? Object.keys(value)) intakes.get(name)?.(value[name], draft, keys);
}

/** Into the object `name` of the parent's keys, which is there only if something is in it. */
function nested(name: string, intakes: ReadonlyMap<string, Intake>): Intake {
  return (value, draft, keys) => {
    const inner: KeyDocument = {};
    intakeOfAll(intakes, value, draft, inner);
    for (const _ in inner) {
      keys[name] = inner;
      return;
    }
  };
}

/** Compiles what makes the rows of `element` of an attribute's values. */
function elementRows(attribute: Attribute, number: number): (value: unknown, ordinal: number) => ElementRow {
  const parts = attribute.type === 'complex' ? [...attribute.subAttributes.values()] : [attribute];
  const itself = (value: unknown): unknown => value;
  const column = (name: ElementColumn): ((value: unknown) => Key | null) => {
    const part = parts.find((each) => elementColumn(each, attribute) === name);
    if (part === undefined) return () => null;
    const key = keyReader(part);
    const read = part === attribute ? itself : memberOf(part.name);
    return (value) => key(read(value)) ?? null;
  };
  const columns = {
    value: column('value'),
    number: column('number'),
    type: column('type'),
    display: column('display'),
    primary: column('primary'),
  };
  const restOf = objectKeys(
    parts.filter((part) => elementColumn(part, attribute) === undefined),
    memberOf,
  );
  const isComplex = attribute.type === 'complex';
  return (given, ordinal) => {
    const item = isComplex && !isObject(given) ? {} : given;
    const rest = isComplex ? restOf(item as Document) : undefined;
    return {
      attribute: number,
      ordinal,
      value: columns.value(item),
      number: columns.number(item),
      type: columns.type(item),
      display: columns.display(item),
      primary: columns.primary(item),
      rest: rest === undefined ? null : JSON.stringify(rest),
    };
  };
}

/** Computes the index rows of a document, or those of its members `names` alone. */
export type Indexer = (document: Document, names?: Iterable<string>) => IndexRows;

/** Compiles the indexer of a type's documents. */
export function compileIndexer(layout: Layout, numberOf: (attribute: Attribute) => number): Indexer {
  const unique = new Set(layout.unique);

  const addUnique = (attribute: Attribute, value: unknown, draft: Draft): void => {
    const found = keyOf(attribute, value);
    // Of what has no value (`pr`, RFC 7644 §3.4.2.2) there can be many.
    if (found === undefined || value === '') return;
    const key = String(found);
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

  const intakeOfKeys = (name: string, attribute: Attribute): Intake => {
    const keysOf = attributeKeys(attribute, memberOf);
    return (value, _draft, keys) => {
      const of = keysOf(value);
      if (of !== undefined) keys[name] = of;
    };
  };

  const intakeOfMultiValued = (name: string, attribute: Attribute): Intake | undefined => {
    const location = layout.entries.get(attribute.path)?.location;
    if (location?.kind === 'element') {
      const row = elementRows(attribute, numberOf(attribute));
      return (value, draft) => {
        if (!Array.isArray(value)) return;
        for (let ordinal = 0; ordinal < value.length; ordinal++)
          draft.elements.push(row(value[ordinal], ordinal));
      };
    }
    if (location?.kind !== 'keys') return undefined;
    return intakeOfKeys(name, attribute);
  };

  const intakeOfSingular = (name: string, attribute: Attribute): Intake | undefined => {
    const location = layout.entries.get(attribute.path)?.location;
    if (location?.kind === 'column') {
      const { column } = location;
      const read = keyReader(attribute);
      return (value, draft) => {
        draft.columns[column] = read(value) ?? null;
      };
    }
    if (location?.kind === 'element') {
      const row = elementRows(attribute, numberOf(attribute));
      return (value, draft) => {
        const only = row(value, 0);
        if (only.value !== null || only.number !== null) draft.elements.push(only);
      };
    }
    if (location?.kind !== 'keys') return undefined;
    return intakeOfKeys(name, attribute);
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
    const keys: KeyDocument = {};
    intakeOfAll(intakes, document, draft, keys, names);
    return {
      columns: draft.columns,
      elements: draft.elements,
      unique: draft.unique,
      keys: JSON.stringify(keys),
      text: textOf(document, names),
    };
  };
}
