/** The registry of what tables hold: what has no column, and no `rest` to go to, is not served. */
import type {
  AttributeDefinition,
  ResourceTypeDefinition,
  SchemaDefinition,
} from '../../scim/definitions.ts';
import { compileRegistry, type Registry } from '../../scim/registry.ts';
import type { TableMap } from './define.ts';

export function servedRegistry(asked: Registry, maps: Readonly<Record<string, TableMap>>): Registry {
  const types = asked.resourceTypes.filter(({ name }) => maps[name] !== undefined);
  const kept = new Map<string, SchemaDefinition>();
  const hasGroups = types.some(({ name }) => maps[name]?.members !== undefined);
  const definitions: ResourceTypeDefinition[] = [];
  for (const { name, endpoint, description, schema, extensions } of types) {
    const map = maps[name] as TableMap;
    const paths = Object.keys(map.attributes).map((path) => path.toLowerCase());
    const isKept = (attribute: AttributeDefinition): boolean => {
      const lower = attribute.name.toLowerCase();
      if (lower === 'members') return map.members !== undefined;
      if (lower === 'groups' && attribute.mutability === 'readOnly')
        return hasGroups && map.members === undefined;
      // Without a place for what is required the map is refused.
      return map.rest !== undefined || attribute.mutability === 'writeOnly' || attribute.required === true;
    };
    const base = reduced(schema, '', paths, isKept);
    kept.set(schema.id, merged(kept.get(schema.id), base));
    const schemaExtensions = [...extensions.values()].flatMap((extension) => {
      const own = reduced(
        extension.schema,
        `${extension.schema.id.toLowerCase()}:`,
        paths,
        () => map.rest !== undefined,
      );
      if (own.attributes.length === 0) return [];
      kept.set(own.id, merged(kept.get(own.id), own));
      return [{ schema: own.id, required: extension.required }];
    });
    definitions.push({
      ...{ name, endpoint, schema: schema.id, schemaExtensions },
      ...(description === undefined ? {} : { description }),
    });
  }
  // What is in columns compares by `caseExact` alone, as databases can; for the rest there are keys.
  const mapped = new Map(
    types.map(({ name }) => [
      name,
      new Set(Object.keys(maps[name]?.attributes ?? {}).map((path) => path.toLowerCase())),
    ]),
  );
  const isMapped = (type: string, path: string): boolean => {
    const lower = path.toLowerCase();
    const paths = mapped.get(type) ?? new Set<string>();
    const [parent, sub] = [lower.slice(0, lower.lastIndexOf('.')), lower.slice(lower.lastIndexOf('.'))];
    return (
      paths.has(lower) || [...paths].some((each) => each.startsWith(`${parent}[`) && each.endsWith(`]${sub}`))
    );
  };
  const schemas = [...asked.schemas.keys()].flatMap((id) => kept.get(id) ?? []);
  return compileRegistry(schemas, definitions, (type, path) => !isMapped(type, path));
}

/** Two types may have one schema. */
function merged(before: SchemaDefinition | undefined, schema: SchemaDefinition): SchemaDefinition {
  if (before === undefined || before.attributes.length <= schema.attributes.length) return schema;
  return before;
}

function reduced(
  schema: SchemaDefinition,
  prefix: string,
  paths: readonly string[],
  isKept: (attribute: AttributeDefinition) => boolean,
): SchemaDefinition {
  const attributes = schema.attributes.flatMap((attribute): AttributeDefinition[] => {
    if (isKept(attribute)) return [attribute];
    const path = `${prefix}${attribute.name.toLowerCase()}`;
    const its = paths.filter((each) =>
      new RegExp(`^${path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:$|[.[])`).test(each),
    );
    if (its.length === 0) return [];
    if (its.includes(path)) return [attribute];
    const subs = attribute.subAttributes?.filter(({ name }) => {
      const sub = name.toLowerCase();
      return its.some((each) => each.endsWith(`.${sub}`) || new RegExp(`\\[(?:.* )?${sub} eq `).test(each));
    });
    return [subs === undefined ? attribute : { ...attribute, subAttributes: subs }];
  });
  return { ...schema, attributes };
}
