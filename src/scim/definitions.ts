/**
 * SCIM definitions as they are published and configured (RFC 7643 §6, §7). What is left out takes the default of
 * RFC 7643 §2.2: type string, singular, not required, caseExact false, readWrite, returned by default, no
 * uniqueness.
 */

export type AttributeType =
  | 'string'
  | 'boolean'
  | 'decimal'
  | 'integer'
  | 'dateTime'
  | 'binary'
  | 'reference'
  | 'complex';
export type Mutability = 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
export type Returned = 'always' | 'never' | 'default' | 'request';
export type Uniqueness = 'none' | 'server' | 'global';

/** One entry of a schema's `attributes` or `subAttributes` (RFC 7643 §7). */
export interface AttributeDefinition {
  readonly name: string;
  readonly type?: AttributeType;
  readonly multiValued?: boolean;
  readonly description?: string;
  readonly required?: boolean;
  readonly caseExact?: boolean;
  readonly mutability?: Mutability;
  readonly returned?: Returned;
  readonly uniqueness?: Uniqueness;
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly AttributeDefinition[];
  /** Ours, for configured schemas: keep an index for filters and sorting. Not published. */
  readonly indexed?: boolean;
}

/** A Schema resource (RFC 7643 §7): `id` is the schema's URI. */
export interface SchemaDefinition {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly attributes: readonly AttributeDefinition[];
}

/** A ResourceType resource (RFC 7643 §6). `endpoint` is relative to the base URL, with or without its leading slash. */
export interface ResourceTypeDefinition {
  readonly name: string;
  readonly endpoint: string;
  readonly description?: string;
  readonly schema: string;
  readonly schemaExtensions?: readonly { readonly schema: string; readonly required: boolean }[];
}
