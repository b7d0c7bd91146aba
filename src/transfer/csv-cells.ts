/** Resources as cells of a CSV table, and which columns hold all of them. */
import { equalValues, membersAttribute } from '../scim/document.ts';
import { isObject } from '../scim/object.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { type Column, isPartOfMany } from './csv-columns.ts';

type Values = Readonly<Record<string, unknown>>;

/** With more types of values than this an attribute is one column of JSON. */
const mostTypes = 8;

/** The text of a column's cell; undefined for an empty one. */
export function cellOf(document: Values, column: Column): string | undefined {
  const { attribute, sub } = column;
  const holder = attribute.extension === undefined ? document : document[attribute.extension];
  const value = isObject(holder) ? holder[attribute.name] : undefined;
  if (column.ids) return idsText(value);
  if (!attribute.multiValued && sub !== undefined)
    return isObject(value) ? textOf(value[sub.name]) : undefined;
  if (!isPartOfMany(column)) return textOf(value);
  return partsText(partsOf(Array.isArray(value) ? value : [], column));
}

/** What the column shows of each of the values that it selects; undefined where a value has nothing of it. */
export function partsOf(values: readonly unknown[], { sub, selector }: Column): unknown[] {
  return values
    .filter(
      (each) =>
        isObject(each) &&
        Object.entries(selector ?? {}).every(([name, wanted]) => equalValues(each[name], wanted)),
    )
    .map((each) => (each as Values)[sub?.name ?? 'value']);
}

/** One part as it is, several as JSON, so that none is lost. */
export function partsText(parts: readonly unknown[]): string | undefined {
  if (parts.every((part) => part === undefined)) return undefined;
  const [part] = parts;
  const isAlone = parts.length === 1 && !(typeof part === 'string' && /^\s*\[/.test(part));
  return isAlone ? textOf(part) : JSON.stringify(parts.map((each) => each ?? null));
}

function idsText(values: unknown): string | undefined {
  return Array.isArray(values) && values.length > 0
    ? JSON.stringify(values.map((each) => (each as Values).value))
    : undefined;
}

function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Finds columns under which nothing of the resources is lost. */
export class ColumnFinder {
  readonly #type: ResourceType;
  readonly #found = new Set<string>();
  /** Multi-valued attributes whose values are not told apart by `type`. */
  readonly #whole = new Set<string>();
  readonly #typesOf = new Map<string, Set<string>>();

  constructor(type: ResourceType) {
    this.#type = type;
  }

  add(document: Values): void {
    for (const [attribute, value] of valuesOf(this.#type, document)) {
      const paths = attribute.multiValued
        ? this.#elementPaths(attribute, value)
        : singlePaths(attribute, value);
      for (const path of paths) this.#found.add(path);
    }
  }

  /** In the order of the schema, `id` first. */
  paths(): string[] {
    const paths = ['id'];
    for (const attribute of attributesOf(this.#type)) {
      if (attribute.name === 'id') continue;
      if (this.#whole.has(attribute.path)) paths.push(attribute.path);
      else
        paths.push(
          ...[...this.#found].filter(
            (path) => path === attribute.path || /^[.[]/.test(tailOf(path, attribute.path)),
          ),
        );
    }
    return paths;
  }

  /** Has every value of the resource its place in these columns? */
  covers(document: Values, columns: readonly string[]): boolean {
    const needed = new ColumnFinder(this.#type);
    needed.add(document);
    return needed
      .paths()
      .every((path) => columns.includes(path) || columns.includes(path.replace(/\[.*$/s, '')));
  }

  #elementPaths(attribute: Attribute, value: unknown): string[] {
    if (this.#whole.has(attribute.path)) return [];
    const types = this.#typesOf.get(attribute.path) ?? new Set<string>();
    this.#typesOf.set(attribute.path, types);
    const paths: string[] = [];
    const seen = new Set<string>();
    for (const element of value as readonly unknown[]) {
      const type = isObject(element) ? element.type : undefined;
      if (
        !isObject(element) ||
        typeof type !== 'string' ||
        type === '' ||
        seen.has(type.toLowerCase()) ||
        Object.keys(element).length === 1
      ) {
        this.#whole.add(attribute.path);
        return [];
      }
      seen.add(type.toLowerCase());
      types.add(type);
      const bracket = `${attribute.path}[type eq ${JSON.stringify(type)}]`;
      for (const name of Object.keys(element)) if (name !== 'type') paths.push(`${bracket}.${name}`);
    }
    const spellings = new Set([...types].map((type) => type.toLowerCase()));
    if (types.size > mostTypes || spellings.size < types.size) {
      this.#whole.add(attribute.path);
      return [];
    }
    return paths;
  }
}

function tailOf(path: string, attribute: string): string {
  return path.startsWith(attribute) ? path.slice(attribute.length) : '';
}

function singlePaths(attribute: Attribute, value: unknown): string[] {
  if (attribute.type !== 'complex') return [attribute.path];
  return Object.keys(value as object).map((name) => `${attribute.path}.${name}`);
}

function attributesOf(type: ResourceType): Attribute[] {
  return [
    ...type.attributes.values(),
    ...[...type.extensions.values()].flatMap(({ attributes }) => [...attributes.values()]),
  ].filter(({ name, mutability }) => name !== 'schemas' && (mutability !== 'readOnly' || name === 'id'));
}

function* valuesOf(type: ResourceType, document: Values): Generator<[Attribute, unknown]> {
  const members = membersAttribute(type);
  for (const attribute of attributesOf(type)) {
    const holder = attribute.extension === undefined ? document : document[attribute.extension];
    const value = isObject(holder) ? holder[attribute.name] : undefined;
    if (value !== undefined && attribute !== members) yield [attribute, value];
  }
}
