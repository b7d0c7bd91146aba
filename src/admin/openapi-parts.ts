/** Parts of an OpenAPI document. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';

export type Json = Readonly<Record<string, unknown>>;

export const scim = 'application/scim+json';
export const json = 'application/json';

/** `typeMode` input: what a client sends; defaults are left out there. */
export function schemaOf(schema: v.GenericSchema, typeMode: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    target: 'draft-2020-12',
    errorMode: 'ignore',
    typeMode,
  }) as Json;
  return rest;
}

export function content(schema: Json, ...types: readonly string[]): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

export const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const error: Json = {
  description: 'It was refused; `detail` says why',
  content: content(reference('Error'), scim, json),
};
export const answers = (
  status: string,
  description: string,
  schema: Json | undefined,
  ...types: readonly string[]
): Json => ({
  [status]: { description, ...(schema === undefined ? {} : { content: content(schema, ...types) }) },
  '4XX': error,
  default: error,
});
export const query = (name: string, schema: Json, description: string): Json => ({
  name,
  in: 'query',
  required: false,
  schema,
  description,
});
export const inPath = (name: string): Json => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', minLength: 1 },
});

export function operation(tag: string, operationId: string, summary: string, more: Json): Json {
  return { tags: [tag], operationId, summary, ...more };
}

export const body = (schema: Json, ...mediaTypes: readonly string[]): Json => ({
  required: true,
  content: content(schema, ...mediaTypes),
});
