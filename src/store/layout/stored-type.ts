/** The resource types as a database knows them: their numbers, and the numbers of their attributes. */
import type { Attribute, ResourceType } from '../../scim/registry.ts';
import { compileIndexer, type Indexer } from './index-rows.ts';
import type { Layout } from './layout.ts';

/** A resource type with all that the store needs of it. */
export interface StoredType {
  readonly number: number;
  readonly type: ResourceType;
  readonly layout: Layout;
  readonly indexRows: Indexer;
  attributeNumber(attribute: Attribute): number;
}

/** All types of a registry. */
export interface StoredTypes {
  readonly all: readonly StoredType[];
  of(type: ResourceType): StoredType;
  /** The name of a type by its number, also of one that is no longer configured. */
  nameOf(number: number): string;
}

/** The attributes of a layout that rows name by a number: those with element rows, and unique ones. */
export function numberedAttributes({ entries, unique }: Layout): Attribute[] {
  const elements = [...entries.values()]
    .filter(({ location }) => location.kind === 'element')
    .map(({ attribute }) => attribute);
  return [...new Set([...elements, ...unique])];
}

/** `numbers` are those of {@link numberedAttributes}, by path. */
export function storedType(number: number, layout: Layout, numbers: ReadonlyMap<string, number>): StoredType {
  const attributeNumber = ({ path }: Attribute): number => {
    const found = numbers.get(path);
    if (found === undefined) throw new Error(`${path} of ${layout.type.name} has no number in the database`);
    return found;
  };
  return {
    number,
    type: layout.type,
    layout,
    attributeNumber,
    indexRows: compileIndexer(layout, attributeNumber),
  };
}

/** `names` are those of all types that the database knows, by number. */
export function storedTypes(all: readonly StoredType[], names: ReadonlyMap<number, string>): StoredTypes {
  const byName = new Map(all.map((stored) => [stored.type.name, stored]));
  return {
    all,
    of(type) {
      const stored = byName.get(type.name);
      if (stored === undefined) throw new Error(`resource type ${type.name} is not in the store's registry`);
      return stored;
    },
    nameOf: (number) => names.get(number) ?? String(number),
  };
}
