/**
 * The schema registry: definitions compiled into what every other room asks of an attribute. A name that a client
 * sends is only ever a key for looking one of these up; SQL and answers are made of the registry's own spelling.
 */
import type { AttrPath } from '../../grammar/ast.ts';
import { parseAttrPath, ScimFilterError } from '../../grammar/index.ts';
import type {
  AttributeDefinition,
  AttributeType,
  Mutability,
  ResourceTypeDefinition,
  Returned,
  SchemaDefinition,
  Uniqueness,
} from './definitions.ts';
import type { Profile } from './profile.ts';
import commonAttributes from './schemas/common.json' with { type: 'json' };

/** A compiled attribute or sub-attribute; characteristics are those of RFC 7643 §2.2 with its defaults filled in. */
export interface Attribute {
  /** The registered spelling. */
  readonly name: string;
  /** Unique within the resource type: `emails.value`, `urn:…:enterprise:2.0:User:manager.value`. */
  readonly path: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: Mutability;
  readonly returned: Returned;
  readonly uniqueness: Uniqueness;
  readonly canonicalValues: readonly string[];
  readonly referenceTypes: readonly string[];
  /** The URI of the extension whose object holds it; undefined for common and base-schema attributes. */
  readonly extension: string | undefined;
  /** The complex attribute that it is a sub-attribute of. */
  readonly parent: Attribute | undefined;
  /** By lower-cased name; empty unless `type` is complex. */
  readonly subAttributes: ReadonlyMap<string, Attribute>;
  /** Declared `indexed` in the configuration. */
  readonly indexed: boolean;
  /**
   * Are user names and URIs compared in the normal form of their own standards (RFC 8265 §3.3, RFC 3986 §6.2), as
   * a service provider must? Otherwise, for those who only filter, only as `caseExact` says.
   */
  readonly normalized: boolean;
  readonly definition: AttributeDefinition;
}

export interface Extension {
  readonly schema: SchemaDefinition;
  readonly required: boolean;
  /** By lower-cased name. */
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A compiled resource type (RFC 7643 §6): its attributes, and its extensions with theirs. */
export interface ResourceType {
  readonly name: string;
  /** With its leading slash: `/Users`. */
  readonly endpoint: string;
  readonly description: string | undefined;
  readonly schema: SchemaDefinition;
  /** Common attributes (RFC 7643 §3.1) and those of the base schema, by lower-cased name, in schema order. */
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** By lower-cased URI, in configured order. */
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** What an attribute path names in a resource type. `extension` alone is a whole extension object. */
export type Resolved =
  | { readonly kind: 'attribute'; readonly attribute: Attribute }
  | { readonly kind: 'extension'; readonly extension: Extension };

export interface Registry {
  readonly schemas: ReadonlyMap<string, SchemaDefinition>;
  readonly resourceTypes: readonly ResourceType[];
  /** Attributes in which `co` (RFC 7644 §3.4.2.2) is served by an index. */
  readonly containsIndex: ReadonlySet<Attribute>;
  /** What the server is held to beside the RFCs. */
  readonly profile?: Profile | undefined;
}

/** Of an attribute's path: has it {@link Attribute.normalized}? */
type Normalized = (path: string) => boolean;

const everyPath = (): boolean => true;

/** Defaults that depend on the type: references and binaries are case-exact (RFC 7643 §2.3.6, §2.3.7). */
function compileAttribute(
  definition: AttributeDefinition,
  extension: string | undefined,
  parent: Attribute | undefined,
  isNormalized: Normalized,
): Attribute {
  const type = definition.type ?? 'string';
  const prefix = parent === undefined ? (extension === undefined ? '' : `${extension}:`) : `${parent.path}.`;
  const subAttributes = new Map<string, Attribute>();
  const attribute: Attribute = {
    name: definition.name,
    path: prefix + definition.name,
    type,
    multiValued: definition.multiValued ?? false,
    required: definition.required ?? false,
    caseExact: definition.caseExact ?? (type === 'reference' || type === 'binary'),
    mutability: definition.mutability ?? 'readWrite',
    returned: definition.returned ?? 'default',
    uniqueness: definition.uniqueness ?? 'none',
    canonicalValues: definition.canonicalValues ?? [],
    referenceTypes: definition.referenceTypes ?? [],
    extension,
    parent,
    subAttributes,
    indexed: definition.indexed ?? false,
    normalized: isNormalized(prefix + definition.name),
    definition,
  };
  for (const sub of definition.subAttributes ?? []) {
    subAttributes.set(sub.name.toLowerCase(), compileAttribute(sub, extension, attribute, isNormalized));
  }
  return attribute;
}

/** Attributes by lower-cased name; `extension` is the URI of the extension that they belong to, if any. */
export function compileAttributes(
  definitions: readonly AttributeDefinition[],
  extension: string | undefined,
  isNormalized: Normalized = everyPath,
): Map<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  for (const definition of definitions) {
    attributes.set(
      definition.name.toLowerCase(),
      compileAttribute(definition, extension, undefined, isNormalized),
    );
  }
  return attributes;
}

/**
 * Compiles one resource type from its base schema and extensions. The common attributes `schemas`, `id`,
 * `externalId` and `meta` are on every resource and override what a schema says of them (RFC 7643 §3.1).
 */
function compileResourceType(
  definition: ResourceTypeDefinition,
  schemas: ReadonlyMap<string, SchemaDefinition>,
  isNormalized: Normalized,
): ResourceType {
  const schema = schemas.get(definition.schema);
  if (schema === undefined)
    throw new Error(`resource type ${definition.name}: schema ${definition.schema} is not defined`);
  const common = compileAttributes(
    commonAttributes as readonly AttributeDefinition[],
    undefined,
    isNormalized,
  );
  const attributes = new Map(common);
  for (const [key, attribute] of compileAttributes(schema.attributes, undefined, isNormalized)) {
    if (!common.has(key)) attributes.set(key, attribute);
  }
  const extensions = new Map<string, Extension>();
  for (const { schema: uri, required } of definition.schemaExtensions ?? []) {
    const extension = schemas.get(uri);
    if (extension === undefined)
      throw new Error(`resource type ${definition.name}: schema ${uri} is not defined`);
    extensions.set(uri.toLowerCase(), {
      schema: extension,
      required,
      attributes: compileAttributes(extension.attributes, extension.id, isNormalized),
    });
  }
  const endpoint = definition.endpoint.startsWith('/') ? definition.endpoint : `/${definition.endpoint}`;
  return {
    name: definition.name,
    endpoint,
    description: definition.description,
    schema,
    attributes,
    extensions,
  };
}

/** Compiles a set of schemas and the resource types built from them. */
export function compileRegistry(
  schemas: readonly SchemaDefinition[],
  resourceTypes: readonly ResourceTypeDefinition[],
  isNormalized: (type: string, path: string) => boolean = everyPath,
): Registry {
  const byId = new Map(schemas.map((schema) => [schema.id, schema]));
  return {
    schemas: byId,
    resourceTypes: resourceTypes.map((definition) =>
      compileResourceType(definition, byId, (path) => isNormalized(definition.name, path)),
    ),
    containsIndex: new Set(),
  };
}

/**
 * A resource type from bare Schema resources (RFC 7643 §7), for those who only filter: the first is the base schema,
 * the others are its extensions.
 */
export function resourceTypeOf(schemas: readonly SchemaDefinition[]): ResourceType {
  const [base, ...extensions] = schemas;
  if (base === undefined) throw new Error('at least one schema is needed');
  return compileResourceType(
    {
      name: base.name ?? base.id,
      endpoint: `/${base.name ?? 'Resources'}`,
      schema: base.id,
      schemaExtensions: extensions.map((extension) => ({ schema: extension.id, required: false })),
    },
    new Map(schemas.map((schema) => [schema.id, schema])),
    () => false,
  );
}

function find(
  attributes: ReadonlyMap<string, Attribute>,
  name: string,
  subAttr: string | undefined,
): Resolved | undefined {
  const attribute = attributes.get(name.toLowerCase());
  if (attribute === undefined) return undefined;
  if (subAttr === undefined) return { kind: 'attribute', attribute };
  const sub = attribute.subAttributes.get(subAttr.toLowerCase());
  return sub === undefined ? undefined : { kind: 'attribute', attribute: sub };
}

/**
 * Resolves a parsed attribute path (RFC 7644 §3.10), every facet in any letter case. The longest registered URN
 * wins: `urn:…:2.0:User` is the extension of that name before it is the attribute `User` of `urn:…:2.0`. A name
 * without URN is sought in the base schema, then in the only extension that defines it.
 */
export function resolveAttrPath(type: ResourceType, path: AttrPath): Resolved | undefined {
  if (path.schema === undefined) {
    const core = find(type.attributes, path.name, path.subAttr);
    if (core !== undefined || type.attributes.has(path.name.toLowerCase())) return core;
    let only: Resolved | undefined;
    for (const extension of type.extensions.values()) {
      const found = find(extension.attributes, path.name, path.subAttr);
      if (found !== undefined && only !== undefined) return undefined;
      only ??= found;
    }
    return only;
  }
  if (path.subAttr === undefined) {
    const whole = type.extensions.get(`${path.schema}:${path.name}`.toLowerCase());
    if (whole !== undefined) return { kind: 'extension', extension: whole };
  }
  const schema = path.schema.toLowerCase();
  if (schema === type.schema.id.toLowerCase()) return find(type.attributes, path.name, path.subAttr);
  const extension = type.extensions.get(schema);
  return extension === undefined ? undefined : find(extension.attributes, path.name, path.subAttr);
}

/** What a name in attribute notation (RFC 7644 §3.10) stands for; nothing if it is not of that notation. */
export function resolveName(type: ResourceType, name: string): Resolved | undefined {
  try {
    return resolveAttrPath(type, parseAttrPath(name));
  } catch (error) {
    if (error instanceof ScimFilterError) return undefined;
    throw error;
  }
}

/** Is it the `value` of a single reference to another resource, as `manager.value` is? */
export function isResourceId({ name, parent }: Attribute): boolean {
  return name === 'value' && parent !== undefined && !parent.multiValued && parent.subAttributes.has('$ref');
}
