/** Numbers the registry's resource types and attributes in a database, and reads which numbers they have. */
import type { Database } from 'better-sqlite3';
import { attributesToIndex } from '../../scim/contains-index.ts';
import type { Attribute, Registry, ResourceType } from '../../scim/registry.ts';
import { containsIndexOf, layOut } from '../layout/layout.ts';
import {
  numberedAttributes,
  type StoredType,
  type StoredTypes,
  storedType,
  storedTypes,
} from '../layout/stored-type.ts';
import { storedTypeSql } from '../sql/stored-type.ts';
import type { OpeningNotice } from '../store.ts';

function loadType(db: Database, type: ResourceType, contains: ReadonlySet<Attribute>): StoredType {
  const layout = layOut(type, contains);
  db.prepare(storedTypeSql.insert).run(type.name, layout.signature);
  const { number } = db.prepare<[string], { number: number }>(storedTypeSql.number).get(type.name) as {
    number: number;
  };
  const insert = db.prepare(storedTypeSql.insertAttribute);
  for (const { path } of numberedAttributes(layout)) insert.run(number, path);
  const rows = db.prepare<[number], { path: string; number: number }>(storedTypeSql.attributes);
  return storedType(number, layout, new Map(rows.all(number).map((row) => [row.path, row.number])));
}

/** Numbers what is new in the registry and reads the numbers of the rest. */
export function loadTypes(db: Database, registry: Registry): StoredTypes {
  const all = db
    .transaction(() => registry.resourceTypes.map((type) => loadType(db, type, registry.containsIndex)))
    .immediate();
  const names = db.prepare<[], { number: number; name: string }>(storedTypeSql.names);
  return storedTypes(all, new Map(names.all().map(({ number, name }) => [number, name])));
}

/** The registry with the indexes for `co` that the database has, whatever this process is configured to have. */
export function withStoredIndexes(db: Database, registry: Registry): Registry {
  const layoutOf = db.prepare<[string], string>(storedTypeSql.layout).pluck();
  const contains = registry.resourceTypes.flatMap((type) => {
    const paths = containsIndexOf(layoutOf.get(type.name) ?? '[]');
    return paths.flatMap((path) => {
      const found = attributesToIndex(path, [type]);
      return 'refused' in found ? [] : found;
    });
  });
  return { ...registry, containsIndex: new Set(contains) };
}

/** Resources whose type is configured no more: they stay, and are served again when it is. */
export function unserved(db: Database, types: StoredTypes): OpeningNotice[] {
  const known = new Set(types.all.map(({ number }) => number));
  return db
    .prepare<[], { number: number; type: string; resources: number }>(storedTypeSql.counted)
    .all()
    .filter(({ number }) => !known.has(number))
    .map(({ type, resources }) => ({ kind: 'unserved', type, resources }));
}
