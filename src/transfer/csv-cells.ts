/** Resources as cells of a CSV table, and which columns hold all of them. */
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { edgeAttribute, equalValues } from '../scim/resource.ts';
import { isObject } from '../scim/value.ts';
import type { Column } from './csv-columns.ts';

type Values = Readonly<Record<string, unknown>>;

/** With more types of values than this an attribute is one column of JSON. */
const mostTypes = 8;

/** The text of a column's cell; undefined for an empty one. */
export function cellOf(document: Values, { attribute, sub, selector }: Column): string | undefined {
  const holder = attribute.extension === undefined ? document : document[attribute.extension];
  const value = isObject(holder) ? holder[attribute.name] : undefined;
  if (sub === undefined && selector === undefined) return textOf(value);
  if (!attribute.multiValued) return isObject(value) ? textOf(value[(sub as Attribute).name]) : undefined;
  const element = (Array.isArray(value) ? value : []).find(
    (each) =>
      isObject(each) &&
      Object.entries(selector ?? {}).every(([name, wanted]) => equalValues(each[name], wanted)),
  );
  return isObject(element) ? textOf(element[sub?.name ?? 'value']) : undefined;
}

function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Finds columns under which nothing of the resources is lost. */
export class ColumnFinder {
  private readonly type: ResourceType;
  private readonly found = new Set<string>();
  /** Multi-valued attributes whose values are not told apart by `type`. */
  private readonly whole = new Set<string>();
  private readonly typesOf = new Map<string, Set<string>>();

  constructor(type: ResourceType) {
    this.type = type;
  }

  add(document: Values): void {
    for (const [attribute, value] of valuesOf(this.type, document)) {
      const paths = attribute.multiValued
        ? this.elementPaths(attribute, value)
        : singlePaths(attribute, value);
      for (const path of paths) this.found.add(path);
    }
  }

  /** In the order of the schema, `id` first. */
  paths(): string[] {
    const paths = ['id'];
    for (const attribute of attributesOf(this.type)) {
      if (attribute.name === 'id') continue;
      if (this.whole.has(attribute.path)) paths.push(attribute.path);
      else
        paths.push(
          ...[...this.found].filter(
            (path) => path === attribute.path || /^[.[]/.test(tailOf(path, attribute.path)),
          ),
        );
    }
    return paths;
  }

  /** Has every value of the resource its place in these columns? */
  covers(document: Values, columns: readonly string[]): boolean {
    const needed = new ColumnFinder(this.type);
    needed.add(document);
    return needed
      .paths()
      .every((path) => columns.includes(path) || columns.includes(path.replace(/\[.*$/s, '')));
  }

  private elementPaths(attribute: Attribute, value: unknown): string[] {
    if (this.whole.has(attribute.path)) return [];
    const types = this.typesOf.get(attribute.path) ?? new Set<string>();
    this.typesOf.set(attribute.path, types);
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
        this.whole.add(attribute.path);
        return [];
      }
      seen.add(type.toLowerCase());
      types.add(type);
      const bracket = `${attribute.path}[type eq ${JSON.stringify(type)}]`;
      for (const name of Object.keys(element)) if (name !== 'type') paths.push(`${bracket}.${name}`);
    }
    const spellings = new Set([...types].map((type) => type.toLowerCase()));
    if (types.size > mostTypes || spellings.size < types.size) {
      this.whole.add(attribute.path);
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
  const edges = edgeAttribute(type);
  for (const attribute of attributesOf(type)) {
    const holder = attribute.extension === undefined ? document : document[attribute.extension];
    const value = isObject(holder) ? holder[attribute.name] : undefined;
    if (value !== undefined && attribute !== edges) yield [attribute, value];
  }
}
