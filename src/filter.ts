/**
 * `scimd/filter`: SCIM filters and PATCH paths (RFC 7644 §3.4.2.2, §3.5.2) without the server. Parse, print and build
 * them, match JSON resources, and compile SQL over your own tables.
 */
export * from '../grammar/index.ts';
export { type ErrorBody, ScimError, type ScimType } from './error.ts';
export {
  applyPatch,
  type PatchedResource,
  type PatchOperation,
  type PatchOptions,
} from './query/apply-patch.ts';
export {
  compileMatcher,
  type FilterOptions,
  type MatcherOptions,
  type SchemaSource,
} from './query/compile.ts';
export type { Dialect, Parameter } from './query/dialect.ts';
export {
  type ColumnPlace,
  compileSql,
  type ExpressionPlace,
  type Held,
  type JsonPlace,
  type KeysPlace,
  type Place,
  type Resolve,
  type SqlFilterOptions,
  type TablePlace,
} from './query/embed.ts';
export { comparisonKeys, type KeyDocument } from './query/keys.ts';
export { postgres } from './query/postgres.ts';
export type { CompiledSql } from './query/sql.ts';
export { type SqlTemplate, sqlTemplate } from './query/sql-template.ts';
export { sqlite } from './query/sqlite.ts';
export type { Typed } from './query/storage.ts';
export { fold, instantKey } from './scim/comparison.ts';
export type { AttributeDefinition, SchemaDefinition } from './scim/definitions.ts';
export { type Attribute, type ResourceType, resourceTypeOf } from './scim/registry.ts';
export type { Idp, ToleranceName } from './scim/tolerances.ts';
