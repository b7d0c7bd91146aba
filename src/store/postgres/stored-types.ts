/** Numbers the registry's resource types and attributes in a database, and reads which numbers they have. */
import { createHash } from 'node:crypto';
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
import { otherConfiguration } from '../store-error.ts';
import type { Connection } from './driver.ts';

async function namesIn(connection: Connection): Promise<Map<number, string>> {
  const { rows } = await connection.run(storedTypeSql.names);
  return new Map(rows as [number, string][]);
}

async function loadType(
  connection: Connection,
  type: ResourceType,
  contains: ReadonlySet<Attribute>,
): Promise<StoredType> {
  const layout = layOut(type, contains);
  const numberOf = async (): Promise<number | undefined> => {
    const { rows } = await connection.run(storedTypeSql.number, [type.name]);
    return (rows[0] as [number] | undefined)?.[0];
  };
  let number = await numberOf();
  if (number === undefined) {
    await connection.run(storedTypeSql.insert, [type.name, layout.signature]);
    number = (await numberOf()) as number;
  }
  const paths = async () =>
    new Map((await connection.run(storedTypeSql.attributes, [number as number])).rows as [string, number][]);
  let known = await paths();
  // A standby, which takes no writes, has them all mostly.
  const missing = numberedAttributes(layout).filter(({ path }) => !known.has(path));
  for (const { path } of missing) await connection.run(storedTypeSql.insertAttribute, [number, path]);
  if (missing.length > 0) known = await paths();
  return storedType(number, layout, known);
}

/** Numbers what is new in the registry and reads the numbers of the rest. */
export async function loadTypes(connection: Connection, registry: Registry): Promise<StoredTypes> {
  const all: StoredType[] = [];
  for (const type of registry.resourceTypes)
    all.push(await loadType(connection, type, registry.containsIndex));
  return storedTypes(all, await namesIn(connection));
}

/** The registry with the indexes for `co` that the database has, whatever this process is configured to have. */
export async function withStoredIndexes(connection: Connection, registry: Registry): Promise<Registry> {
  const contains: Attribute[] = [];
  for (const type of registry.resourceTypes) {
    const { rows } = await connection.run(storedTypeSql.layout, [type.name]);
    for (const path of containsIndexOf((rows[0] as [string] | undefined)?.[0] ?? '[]')) {
      const found = attributesToIndex(path, [type]);
      if (!('refused' in found)) contains.push(...found);
    }
  }
  return { ...registry, containsIndex: new Set(contains) };
}

/** Resources whose type is configured no more: they stay, and are served again when it is. */
export async function unserved(connection: Connection, types: StoredTypes): Promise<OpeningNotice[]> {
  const known = new Set(types.all.map(({ number }) => number));
  const { rows } = await connection.run(storedTypeSql.counted);
  return (rows as [number, string, number][])
    .filter(([number]) => !known.has(number))
    .map(([, type, resources]) => ({ kind: 'unserved', type, resources }));
}

/** Of the types that are not being built anew, their layouts as hashes. */
export const layoutHashes = `SELECT t.name, md5(t.layout) FROM resource_type t
WHERE NOT EXISTS (SELECT 1 FROM rebuild b WHERE b.type = t.number)`;

/** Throws where what {@link layoutHashes} answers is not how this process writes rows. */
export type LayoutCheck = (rows: readonly unknown[][]) => void;

export function layoutCheck(types: StoredTypes): LayoutCheck {
  const own = types.all.map(({ type, layout }) => [
    type.name,
    createHash('md5').update(layout.signature).digest('hex'),
  ]);
  return (rows) => {
    const stored = new Map(rows as [string, string][]);
    if (!own.every(([name, hash]) => stored.get(name as string) === hash)) throw otherConfiguration();
  };
}
