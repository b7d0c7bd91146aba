/** From filter text to a predicate: what embedders and PATCH call (RFC 7644 §3.4.2.2, §3.5.2). */
import { type Filter, type Limits, parseFilter } from '../../grammar/index.ts';
import { checkDefinitions } from '../scim/definition-check.ts';
import type { SchemaDefinition } from '../scim/definitions.ts';
import { resourceTypeOf as compileSchemas, type ResourceType } from '../scim/registry.ts';
import { type BindOptions, bindFilter } from './bind.ts';
import { FilterCache } from './cache.ts';
import { matchResource } from './match.ts';
import type { Plan } from './plan.ts';
import type { JsonObject } from './read.ts';

/** Which attributes there are: Schema resources (RFC 7643 §7), the base schema first, or a compiled resource type. */
export type SchemaSource =
  | { readonly schemas: readonly SchemaDefinition[]; readonly resourceType?: undefined }
  | { readonly resourceType: ResourceType; readonly schemas?: undefined };

/** How a filter (RFC 7644 §3.4.2.2) is read. */
export interface FilterOptions {
  /**
   * What an attribute is that the schemas do not define: an error (the default), or one without a value, as in a
   * search over several resource types (RFC 7644 §3.4.2.1).
   */
  readonly unknown?: 'error' | 'noValue';
  /** Accepts text where a boolean is compared: `(text) => …` answers what `"True"` means. Without it an error. */
  readonly booleanText?: (text: string) => boolean | undefined;
  /** What is refused before it is parsed. */
  readonly limits?: Partial<Limits>;
}

/** Options of {@link compileMatcher} (RFC 7644 §3.4.2.2). */
export type MatcherOptions = SchemaSource & FilterOptions;

/** Resource types by the very array of schemas they were compiled from: callers pass the same schemas for every filter. */
const compiledTypes = /* @__PURE__ */ new WeakMap<readonly SchemaDefinition[], ResourceType>();
let latest: { readonly schemas: readonly SchemaDefinition[]; readonly type: ResourceType } | undefined;

export function resourceTypeFrom(source: SchemaSource): ResourceType {
  if (source.resourceType !== undefined) return source.resourceType;
  const { schemas } = source;
  if (latest !== undefined && latest.schemas === schemas) return latest.type;
  let type = compiledTypes.get(schemas);
  if (type === undefined) {
    checkDefinitions(schemas);
    type = compileSchemas(schemas);
    compiledTypes.set(schemas, type);
  }
  latest = { schemas, type };
  return type;
}

/**
 * A resource type from bare Schema resources (RFC 7643 §7): the first is the base schema, the others are its extensions.
 * @throws DefinitionError where a schema is wrong, with every problem and its place.
 */
export function resourceTypeOf(schemas: readonly SchemaDefinition[]): ResourceType {
  return resourceTypeFrom({ schemas });
}

interface Compiled {
  readonly plan: Plan;
  matcher?: (resource: JsonObject) => boolean;
}

const cache = /* @__PURE__ */ new FilterCache<Compiled>();

/** Parses and binds; filters given as text, without options of their own, are kept for the next time. */
export function compileFilter(filter: string | Filter, options: MatcherOptions): Compiled {
  const type = resourceTypeFrom(options);
  if (typeof filter !== 'string') return { plan: bindFilter(filter, type, bindOptions(options)) };
  const isPlain =
    options.unknown !== 'noValue' && options.booleanText === undefined && options.limits === undefined;
  return isPlain ? cache.get(type, filter, compileText, options) : compileText(filter, options);
}

function compileText(text: string, options: MatcherOptions): Compiled {
  return { plan: readFilter(text, resourceTypeFrom(options), options).plan };
}

/**
 * The text of a filter as its tree, and bound to a resource type.
 * @throws ScimFilterError `invalidFilter`, with position (RFC 7644 §3.4.2.2).
 */
export function readFilter(
  text: string,
  type: ResourceType,
  options: FilterOptions = {},
): { readonly filter: Filter; readonly plan: Plan } {
  const filter = parseFilter(text, parseOptions(options));
  return { filter, plan: bindFilter(filter, type, { ...bindOptions(options), source: text }) };
}

/**
 * Compiles a filter into a predicate on JSON resources: `(resource) => boolean`.
 *
 * Attribute names match in any letter case, text by the schema's `caseExact`, dateTimes as instants; `null`, `[]` and
 * absent are one state (RFC 7643 §2.5), and a value of another type than the schema's counts as absent.
 * @throws ScimFilterError `invalidFilter`, for a filter that cannot be parsed or that the schemas do not allow
 * (RFC 7644 §3.4.2.2).
 */
export function compileMatcher(
  filter: string | Filter,
  options: MatcherOptions,
): (resource: object) => boolean {
  const compiled = compileFilter(filter, options);
  compiled.matcher ??= matchResource(compiled.plan);
  return compiled.matcher as (resource: object) => boolean;
}

function bindOptions({ unknown, booleanText }: FilterOptions): BindOptions {
  return {
    ...(unknown === undefined ? {} : { unknown }),
    ...(booleanText === undefined ? {} : { booleanText }),
  };
}

function parseOptions({ limits }: FilterOptions): { limits?: Partial<Limits> } {
  return limits === undefined ? {} : { limits };
}
