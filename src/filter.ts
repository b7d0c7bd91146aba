/**
 * `scimd/filter`, and the package `scimd-language`: SCIM without the server (RFC 7643, RFC 7644). Filters and PATCH paths are
 * parsed, printed and built, matched on JSON resources and compiled to SQL over your own tables; PATCH, POST and PUT are
 * pure functions; and what else a server of your own answers with.
 */
export * from '../grammar/index.ts';
export { type ErrorBody, type ErrorBody as Error, errorBody, ScimError, type ScimType } from './error.ts';
export { errorResponse, type ListResponseInit, listResponse } from './query/answers.ts';
export { applyPatch, type PatchedResource, type PatchOptions } from './query/apply-patch.ts';
export {
  compileMatcher,
  type FilterOptions,
  type MatcherOptions,
  resourceTypeOf,
  type SchemaSource,
} from './query/compile.ts';
export { type CursorOptions, type Cursors, createCursors } from './query/cursors.ts';
export type { Dialect, Parameter } from './query/dialect.ts';
export {
  type AuthenticationScheme,
  type ServiceProviderFeatures,
  schemaDocument,
  serviceProviderConfig,
} from './query/discovery-documents.ts';
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
export { type CompiledOrderBy, compileOrderBy, type OrderByOptions } from './query/order-by.ts';
export { postgres } from './query/postgres.ts';
export { type CompiledProjection, compileProjection, type ProjectionOptions } from './query/project.ts';
export type { CompiledSql } from './query/sql.ts';
export { type SqlTemplate, sqlTemplate } from './query/sql-template.ts';
export { sqlite } from './query/sqlite.ts';
export type { Typed } from './query/storage.ts';
export {
  type ValidatedResource,
  type ValidateOptions,
  validateCreate,
  validateReplace,
} from './query/validate.ts';
export { fold, instantKey } from './scim/comparison.ts';
export { DefinitionError, type DefinitionProblem } from './scim/definition-error.ts';
export type { AttributeDefinition, ResourceTypeDefinition, SchemaDefinition } from './scim/definitions.ts';
export type { Attribute, ResourceType } from './scim/registry.ts';
export type {
  Address,
  EnterpriseUser,
  Group,
  ListResponse,
  Meta,
  MultiValue,
  PatchOp,
  PatchOperation,
  Resource,
  User,
} from './scim/resource-types.ts';
export { resourceTypeResource as resourceTypeDocument } from './scim/schema-resource.ts';
export {
  enterpriseUserDefinition as enterpriseUserSchema,
  groupDefinition as groupSchema,
  groupResourceType,
  userDefinition as userSchema,
  userResourceType,
} from './scim/standard-definitions.ts';
export { type Idp, type Readings, readingsOf, type ToleranceName } from './scim/tolerances.ts';
