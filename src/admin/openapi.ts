/**
 * OpenAPI 3.1 of the server: SCIM from its schemas and from the messages' own, the feed from the schemas of events, the admin API
 * from what checks its requests. Nothing of it is written down twice.
 */
import type * as v from 'valibot';
import manifest from '../../package.json' with { type: 'json' };
import { eventComponents } from '../events/catalogue.ts';
import { messageSchemas } from '../scim/messages.ts';
import type { Registry } from '../scim/registry.ts';
import type { Endpoint } from './api/endpoint.ts';
import { exchangeStreamQuery } from './api/exchanges.ts';
import {
  answers,
  body,
  content,
  inPath,
  type Json,
  json,
  operation,
  query,
  reference,
  schemaOf,
} from './openapi-parts.ts';
import { listSchema, resourceSchema, scimPaths } from './openapi-scim.ts';

export function openApiDocument(
  registry: Registry,
  basePath: string,
  endpoints: readonly Endpoint[],
): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'scimd',
      version: manifest.version,
      summary: 'SCIM 2.0 (RFC 7643, RFC 7644), the feed of events, and the admin API',
      description: 'Made from the schemas that check requests.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [{ bearer: [] }],
    tags: [
      { name: 'SCIM', description: 'RFC 7644: for tokens of scope scim, read (without changes) or admin' },
      { name: 'Events', description: 'What came, changed and went: for tokens of scope events or admin' },
      {
        name: 'Admin',
        description:
          'For tokens of scope admin or read (without changes), and for whoever is signed in at /admin',
      },
    ],
    paths: {
      ...scimPaths(registry, basePath === '/' ? '' : basePath),
      ...eventPaths(),
      ...adminPaths(endpoints),
    },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of `scimd token create`, or a JWT of the configured issuer',
        },
      },
      schemas: {
        Error: errorSchema,
        ...Object.fromEntries(
          registry.resourceTypes.map((type) => [type.name, resourceSchema(registry, type)]),
        ),
        ...Object.fromEntries(
          registry.resourceTypes.map((type) => [`${type.name}List`, listSchema(reference(type.name))]),
        ),
        AnyList: listSchema({ type: 'object' }),
        PatchOp: { ...schemaOf(messageSchemas.PatchOp, 'input'), ...patchExample },
        BulkRequest: schemaOf(messageSchemas.BulkRequest, 'input'),
        SearchRequest: schemaOf(messageSchemas.SearchRequest, 'input'),
        BulkResponse: {
          type: 'object',
          required: ['schemas', 'Operations'],
          properties: {
            schemas: { type: 'array', items: { type: 'string' } },
            Operations: {
              type: 'array',
              items: {
                type: 'object',
                required: ['status'],
                properties: {
                  status: { type: 'string' },
                  method: { type: 'string' },
                  location: { type: 'string' },
                },
              },
            },
          },
        },
        ...eventSchemas(),
      },
    },
  };
}

function eventSchemas(): Record<string, object> {
  const referenceTo = (name: string): string => `#/components/schemas/${name}`;
  const { schemas, byType } = eventComponents(referenceTo);
  return {
    ...schemas,
    Event: {
      oneOf: Object.values(byType).map(reference),
      discriminator: {
        propertyName: 'type',
        mapping: Object.fromEntries(Object.entries(byType).map(([type, name]) => [type, referenceTo(name)])),
      },
    },
  };
}

const errorSchema: Json = {
  type: 'object',
  description: 'RFC 7644 §3.12',
  required: ['schemas', 'status', 'detail'],
  properties: {
    schemas: { type: 'array', items: { type: 'string' } },
    status: { type: 'string', pattern: '^[45][0-9]{2}$' },
    scimType: { type: 'string' },
    detail: { type: 'string' },
  },
};

const patchExample: Json = {
  examples: [
    {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    },
  ],
};

function eventPaths(): Record<string, Json> {
  const event = reference('Event');
  return {
    '/events': {
      get: operation('Events', 'events', 'The feed: a page, by long poll, or as server-sent events', {
        parameters: [
          query('after', { type: 'string' }, 'A position, `now` or `oldest`'),
          query('limit', { type: 'integer', minimum: 1, maximum: 1000 }, 'Events in a page'),
          query('wait', { type: 'string', pattern: '^[0-9]{1,2}s?$' }, 'Seconds to wait for the next event'),
          query('type', { type: 'string' }, 'Only these types: user.deactivated,group.*'),
          query('resource', { type: 'string' }, 'Only of User, or of User/ID'),
          query('consumer', { type: 'string' }, 'Where this consumer is'),
        ],
        responses: answers(
          '200',
          'A page',
          {
            type: 'object',
            required: ['events', 'position', 'more'],
            properties: {
              events: { type: 'array', items: event },
              position: { type: 'string' },
              more: { type: 'boolean' },
            },
          },
          json,
        ),
      }),
    },
    '/events/snapshot': {
      get: operation('Events', 'snapshot', 'All resources at one moment, as lines of JSON', {
        responses: answers('200', 'NDJSON', { type: 'string' }, 'application/x-ndjson'),
      }),
    },
    '/events/digest': {
      get: operation('Events', 'digest', 'Sums by which a copy is compared', {
        parameters: [
          query('bucket', { type: 'integer', minimum: 0, maximum: 255 }, 'The people of one bucket'),
          query('of', { type: 'string', enum: ['groups', 'roles'] }, 'What of their access is in the sums'),
        ],
        responses: answers(
          '200',
          'Sums',
          {
            type: 'object',
            required: ['sequence'],
            properties: { sequence: { type: 'integer', format: 'int64' } },
          },
          json,
        ),
      }),
    },
    '/events/types': {
      get: operation('Events', 'eventTypes', 'A JSON Schema of each type of event', {
        responses: answers('200', 'Schemas', { type: 'object' }, json),
      }),
    },
    '/events/consumers': {
      get: operation('Events', 'consumers', 'Consumers, and what they have handled', {
        responses: answers(
          '200',
          'Consumers',
          {
            type: 'object',
            required: ['consumers'],
            properties: { consumers: { type: 'array', items: { type: 'object' } } },
          },
          json,
        ),
      }),
    },
    '/events/ack': {
      post: operation('Events', 'acknowledge', 'A consumer says what it has handled', {
        requestBody: body(
          {
            type: 'object',
            required: ['consumer', 'sequence'],
            additionalProperties: false,
            properties: {
              consumer: { type: 'string' },
              // Not a list of types, which some generators do not know.
              sequence: { anyOf: [{ type: 'string' }, { type: 'number' }] },
            },
          },
          json,
        ),
        responses: answers('200', 'Noted', { type: 'object' }, json),
      }),
    },
  };
}

function adminPaths(endpoints: readonly Endpoint[]): Record<string, Json> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, summary, needs, query: asked, body: given, answer } of endpoints) {
    const address = `/admin/api${path}`;
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const at = paths[address] ?? (names.length === 0 ? {} : { parameters: names.map(inPath) });
    paths[address] = at;
    const description = {
      read: 'For all who are signed in',
      admin: 'For administrators',
      server: 'For administrators of the whole server',
    }[needs];
    at[method.toLowerCase()] = operation('Admin', operationName(method, path), summary, {
      description,
      ...(asked === undefined ? {} : { parameters: parametersOf(asked) }),
      ...(given === undefined
        ? {}
        : { requestBody: { required: false, content: content(schemaOf(given, 'input'), json) } }),
      responses: answers('200', summary, schemaOf(answer, 'input'), json),
    });
  }
  paths['/admin/api/exchanges/stream'] = {
    get: operation(
      'Admin',
      'streamExchanges',
      'Requests and answers as they come in, as server-sent events',
      {
        description: 'For all who are signed in',
        parameters: parametersOf(exchangeStreamQuery),
        responses: answers('200', 'Ends with the session', { type: 'string' }, 'text/event-stream'),
      },
    ),
  };
  return paths;
}

/** `POST /tokens/{id}/rotate` is `postTokensIdRotate`. */
function operationName(method: string, path: string): string {
  const words = path.split(/[^A-Za-z]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}

function parametersOf(schema: v.GenericSchema | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: each,
  }));
}
