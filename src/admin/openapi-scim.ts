/** SCIM in OpenAPI: from the definitions of schemas and resource types, as configured. */
import type { Attribute, Registry, ResourceType } from '../scim/registry.ts';
import {
  answers,
  body,
  inPath,
  type Json,
  json,
  operation,
  query,
  reference,
  scim,
} from './openapi-parts.ts';

export function listSchema(items: Json): Json {
  return {
    type: 'object',
    description: 'RFC 7644 §3.4.2',
    required: ['schemas', 'totalResults'],
    properties: {
      schemas: { type: 'array', items: { type: 'string' } },
      totalResults: { type: 'integer', minimum: 0 },
      itemsPerPage: { type: 'integer', minimum: 0 },
      startIndex: { type: 'integer', minimum: 1 },
      nextCursor: { type: 'string' },
      previousCursor: { type: 'string' },
      Resources: { type: 'array', items },
    },
  };
}

/** What a resource of the type looks like, as its schemas say. Which attributes are there is the client's choice (RFC 7644 §3.9). */
export function resourceSchema({ schemas }: Registry, type: ResourceType): Json {
  const properties: Record<string, Json> = {};
  for (const attribute of type.attributes.values())
    if (attribute.returned !== 'never') properties[attribute.name] = attributeSchema(attribute);
  for (const extension of type.extensions.values())
    properties[extension.schema.id] = {
      type: 'object',
      properties: Object.fromEntries(
        [...extension.attributes.values()]
          .filter(({ returned }) => returned !== 'never')
          .map((each) => [each.name, attributeSchema(each)]),
      ),
    };
  properties.schemas = { type: 'array', items: { type: 'string' } };
  return {
    type: 'object',
    description: type.description ?? schemas.get(type.schema.id.toLowerCase())?.description ?? type.name,
    required: ['id'],
    properties,
  };
}

const types: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  decimal: { type: 'number' },
  integer: { type: 'integer' },
  dateTime: { type: 'string' },
  reference: { type: 'string' },
  binary: { type: 'string' },
};

function attributeSchema(attribute: Attribute): Json {
  const { type, multiValued, subAttributes, definition, mutability } = attribute;
  const one: Json =
    type === 'complex'
      ? {
          type: 'object',
          properties: Object.fromEntries(
            [...subAttributes.values()].map((each) => [each.name, attributeSchema(each)]),
          ),
        }
      : (types[type] ?? {});
  const described = definition.description === undefined ? {} : { description: definition.description };
  const readOnly = mutability === 'readOnly' ? { readOnly: true } : {};
  return multiValued
    ? { type: 'array', items: one, ...described, ...readOnly }
    : { ...one, ...described, ...readOnly };
}

const projection: readonly Json[] = [
  query('attributes', { type: 'string' }, 'Only these attributes, with commas between them (RFC 7644 §3.9)'),
  query('excludedAttributes', { type: 'string' }, 'All but these attributes'),
];

const listing: readonly Json[] = [
  query('filter', { type: 'string', examples: ['userName eq "bjensen"'] }, 'RFC 7644 §3.4.2.2'),
  query('sortBy', { type: 'string' }, 'RFC 7644 §3.4.2.3'),
  query('sortOrder', { type: 'string', enum: ['ascending', 'descending'] }, 'RFC 7644 §3.4.2.3'),
  query('startIndex', { type: 'integer' }, 'From 1 on'),
  query('count', { type: 'integer' }, 'Page size'),
  query('cursor', { type: 'string' }, 'RFC 9865: empty to begin a walk'),
  ...projection,
];

export function scimPaths({ resourceTypes }: Registry, base: string): Record<string, Json> {
  const paths: Record<string, Json> = {};
  for (const { name, endpoint } of resourceTypes) {
    const one = reference(name);
    const found = answers('200', 'A page of them', reference(`${name}List`), scim, json);
    paths[`${base}${endpoint}`] = {
      get: operation('SCIM', `list${name}`, `List, look up and search: ${name}`, {
        parameters: listing,
        responses: found,
      }),
      post: operation('SCIM', `create${name}`, `Create a ${name}`, {
        requestBody: body(one, scim),
        responses: answers('201', 'Created', one, scim, json),
      }),
    };
    paths[`${base}${endpoint}/.search`] = {
      post: operation('SCIM', `search${name}`, `Search: ${name}`, {
        requestBody: body(reference('SearchRequest'), scim),
        responses: found,
      }),
    };
    const changed = {
      ...answers('200', 'Changed', one, scim, json),
      '204': { description: 'Changed; the answer has no body' },
    };
    paths[`${base}${endpoint}/{id}`] = {
      parameters: [inPath('id')],
      get: operation('SCIM', `get${name}`, `Read a ${name}`, {
        parameters: projection,
        responses: answers('200', 'It', one, scim, json),
      }),
      put: operation('SCIM', `replace${name}`, `Replace a ${name}`, {
        requestBody: body(one, scim),
        responses: changed,
      }),
      patch: operation('SCIM', `patch${name}`, `Change a ${name}`, {
        requestBody: body(reference('PatchOp'), scim),
        responses: changed,
      }),
      delete: operation('SCIM', `delete${name}`, `Delete a ${name}`, {
        responses: answers('204', 'Deleted', undefined),
      }),
    };
  }
  const all = answers('200', 'A page of them', reference('AnyList'), scim, json);
  paths[`${base}/.search`] = {
    post: operation('SCIM', 'search', 'Search all resources', {
      requestBody: body(reference('SearchRequest'), scim),
      responses: all,
    }),
  };
  paths[`${base}/Bulk`] = {
    post: operation('SCIM', 'sendBulk', 'Several operations at once (RFC 7644 §3.7)', {
      requestBody: body(reference('BulkRequest'), scim),
      responses: answers('200', 'What became of each', reference('BulkResponse'), scim, json),
    }),
  };
  const described = answers('200', 'As RFC 7644 §4 has it', { type: 'object' }, scim, json);
  paths[`${base}/ServiceProviderConfig`] = {
    get: operation('SCIM', 'serviceProviderConfig', 'What this server supports', {
      security: [],
      responses: described,
    }),
  };
  for (const name of ['Schemas', 'ResourceTypes']) {
    paths[`${base}/${name}`] = {
      get: operation('SCIM', `list${name}`, `All ${name}`, { responses: described }),
    };
    paths[`${base}/${name}/{id}`] = {
      parameters: [inPath('id')],
      get: operation('SCIM', `one${name}`, `One of ${name}`, { responses: described }),
    };
  }
  return paths;
}
