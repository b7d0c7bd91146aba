/** The resource types as this database knows them: their numbers, and the numbers of their attributes. */
import type { Database } from 'better-sqlite3';
import { attributesToIndex } from '../../scim/contains-index.ts';
import type { Attribute, Registry, ResourceType } from '../../scim/registry.ts';
import { compileIndexer, type Indexer } from './index-rows.ts';
import { containsIndexOf, type Layout, layOut } from './layout.ts';

/** A resource type with all that the store needs of it. */
export interface Kind {
  readonly number: number;
  readonly type: ResourceType;
  readonly layout: Layout;
  readonly indexRows: Indexer;
  attributeNumber(attribute: Attribute): number;
}

/** All types of a registry. */
export interface Kinds {
  readonly all: readonly Kind[];
  of(type: ResourceType): Kind;
  /** The name of a type by its number, also of one that is no longer configured. */
  nameOf(number: number): string;
}

function attributeNumbers(db: Database, type: number): Map<string, number> {
  const rows = db.prepare<[number], { path: string; number: number }>(
    'SELECT path, number FROM attribute WHERE type = ?',
  );
  return new Map(rows.all(type).map(({ path, number }) => [path, number]));
}

function loadKind(db: Database, type: ResourceType, contains: ReadonlySet<Attribute>): Kind {
  const layout = layOut(type, contains);
  db.prepare('INSERT INTO resource_type (name, layout) VALUES (?, ?) ON CONFLICT DO NOTHING').run(
    type.name,
    layout.signature,
  );
  const row = db
    .prepare<[string], { number: number }>('SELECT number FROM resource_type WHERE name = ?')
    .get(type.name) as { number: number };
  const numbers = attributeNumbers(db, row.number);
  const insert = db.prepare('INSERT INTO attribute (type, path) VALUES (?, ?)');
  const numbered = [...layout.entries.values()]
    .filter(({ place }) => place.kind === 'element')
    .map(({ attribute }) => attribute);
  for (const { path } of [...numbered, ...layout.unique]) {
    if (!numbers.has(path)) numbers.set(path, Number(insert.run(row.number, path).lastInsertRowid));
  }
  const attributeNumber = (attribute: Attribute): number => numbers.get(attribute.path) as number;
  return {
    number: row.number,
    type,
    layout,
    attributeNumber,
    indexRows: compileIndexer(layout, attributeNumber),
  };
}

/** The registry with the indexes for `co` that the database has, whatever this process is configured to have. */
export function withStoredIndexes(db: Database, registry: Registry): Registry {
  const layoutOf = db.prepare<[string], string>('SELECT layout FROM resource_type WHERE name = ?').pluck();
  const contains = registry.resourceTypes.flatMap((type) => {
    const paths = containsIndexOf(layoutOf.get(type.name) ?? '[]');
    return paths.flatMap((path) => {
      const found = attributesToIndex(path, [type]);
      return 'refused' in found ? [] : found;
    });
  });
  return { ...registry, containsIndex: new Set(contains) };
}

/** Numbers what is new in the registry and reads the numbers of the rest. */
export function loadKinds(db: Database, registry: Registry): Kinds {
  const all = db
    .transaction(() => registry.resourceTypes.map((type) => loadKind(db, type, registry.containsIndex)))
    .immediate();
  const byName = new Map(all.map((kind) => [kind.type.name, kind]));
  const names = new Map(
    db
      .prepare<[], { number: number; name: string }>('SELECT number, name FROM resource_type')
      .all()
      .map(({ number, name }) => [number, name]),
  );
  return {
    all,
    of(type) {
      const kind = byName.get(type.name);
      if (kind === undefined) throw new Error(`resource type ${type.name} is not in the store's registry`);
      return kind;
    },
    nameOf: (number) => names.get(number) ?? String(number),
  };
}
