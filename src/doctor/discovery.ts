/** Discovery, authentication and errors: what every client meets first. */
import type { Check } from './check.ts';
import {
  at,
  error,
  has,
  header,
  list,
  membersOf,
  resourcesOf,
  should,
  show,
  status,
  that,
  valueAt,
} from './expect.ts';
import { get, patching, post, query, userSchema } from './messages.ts';

const features = ['patch', 'bulk', 'filter', 'changePassword', 'sort', 'etag'] as const;

export const discovery: readonly Check[] = [
  {
    id: 'core-service-provider-config',
    title: '/ServiceProviderConfig tells what the server can',
    section: 'RFC 7643 §5',
    why: 'Clients read there whether they may send PATCH, filters and bulk requests.',
    steps: [
      get(
        '/ServiceProviderConfig',
        status(200),
        has('schemas', ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig']),
        that(`${features.join(', ')}, each with a boolean "supported"`, (json) => {
          const wrong = features.filter((name) => typeof valueAt(json, [name, 'supported']) !== 'boolean');
          return wrong.length === 0 ? undefined : `no such ${wrong.join(', ')}`;
        }),
        that('authenticationSchemes is an array', ({ authenticationSchemes }) =>
          Array.isArray(authenticationSchemes) ? undefined : `it is ${show(authenticationSchemes)}`,
        ),
      ),
    ],
  },
  {
    id: 'core-content-type',
    title: 'Answers are application/scim+json',
    section: 'RFC 7644 §3.8',
    why: 'Some clients parse nothing else.',
    steps: [
      {
        ...get(
          '/ServiceProviderConfig',
          header('content-type', /json/i, 'JSON'),
          should(header('content-type', /^application\/scim\+json/i, 'Content-Type application/scim+json')),
          at('note', header('content-type', /^[^;]*$/, 'no parameter, as RFC 7644 §8.1 registers it')),
        ),
        headers: { accept: 'application/scim+json' },
      },
    ],
  },
  {
    id: 'core-accept-json',
    title: 'A client that takes only application/json is served too',
    section: 'RFC 7644 §3.8',
    why: 'Generic HTTP clients ask so.',
    level: 'should',
    steps: [
      {
        ...get('/ServiceProviderConfig', status(200), header('content-type', /json/i, 'JSON')),
        headers: { accept: 'application/json' },
      },
    ],
  },
  {
    id: 'core-resource-types',
    title: '/ResourceTypes lists User with its endpoint and schema',
    section: 'RFC 7643 §6',
    why: 'Clients learn the endpoints and extensions there.',
    steps: [
      get(
        '/ResourceTypes',
        status(200),
        list(),
        that('a type with endpoint /Users and the User schema', (json) =>
          resourcesOf(json).some((type) => {
            const { endpoint, schema } = membersOf(type);
            return /(^|\/)Users$/.test(String(endpoint)) && schema === userSchema;
          })
            ? undefined
            : 'none',
        ),
      ),
    ],
  },
  {
    id: 'core-schemas',
    title: '/Schemas lists the User schema with its attributes',
    section: 'RFC 7643 §7',
    why: 'Entra ID and others offer the attributes that they find there for mapping.',
    steps: [
      get(
        '/Schemas',
        status(200),
        list(),
        that('the User schema with the attribute userName', (json) => {
          const schema = resourcesOf(json).find((each) => membersOf(each).id === userSchema);
          if (schema === undefined) return 'no User schema';
          const { attributes } = membersOf(schema);
          const named =
            Array.isArray(attributes) && attributes.some((each) => membersOf(each).name === 'userName');
          return named ? undefined : 'no attribute userName';
        }),
      ),
      get(`/Schemas/${userSchema}`, should(status(200)), should(has('id', userSchema))),
    ],
  },
  {
    id: 'core-discovery-filter',
    title: 'A filter on discovery is refused with 403',
    section: 'RFC 7644 §4',
    why: 'A filter there would be misread as part of the answer.',
    level: 'note',
    steps: [get(query('/Schemas', { filter: 'id pr' }), status(403))],
  },
  {
    id: 'core-no-token',
    title: 'A request without a token is refused with 401',
    section: 'RFC 7644 §2',
    why: 'Otherwise anybody can read and change the accounts.',
    needs: ['token'],
    steps: [
      {
        ...get(
          query('/Users', { startIndex: 1, count: 1 }),
          ...error(401),
          should(header('www-authenticate', /./, 'a WWW-Authenticate header')),
        ),
        credentials: 'none',
      },
    ],
  },
  {
    id: 'core-wrong-token',
    title: 'A wrong token is refused with 401',
    section: 'RFC 7644 §2',
    why: 'Otherwise anybody can read and change the accounts.',
    needs: ['token'],
    steps: [{ ...get(query('/Users', { startIndex: 1, count: 1 }), ...error(401)), credentials: 'wrong' }],
  },
  {
    id: 'core-unknown-endpoint',
    title: 'What does not exist is answered 404 as a SCIM error',
    section: 'RFC 7644 §3.12',
    why: 'Clients show the detail of the error to their administrators; a web page says nothing to them.',
    steps: [
      get(({ stranger }) => `/Users/${stranger}`, ...error(404)),
      get(({ stranger }) => `/Nothing-${stranger}`, ...error(404).map((each) => at('should', each))),
    ],
  },
  {
    id: 'core-malformed-json',
    title: 'Malformed JSON is answered 400 invalidSyntax',
    section: 'RFC 7644 §3.12',
    why: 'A client that hears 500 tries the same again.',
    steps: [post('/Users', () => '{"schemas":[', ...error(400, 'invalidSyntax'))],
  },
];

/** After the users are made that they work on. */
export const unsupported: readonly Check[] = [
  {
    id: 'core-no-patch',
    title: 'PATCH, which is announced as unsupported, is answered 501',
    section: 'RFC 7644 §3.5.2',
    why: 'Clients take anything else for a failure of this one request, and try again.',
    level: 'should',
    lacks: 'patch',
    steps: [patching('core user', () => [{ op: 'replace', path: 'displayName', value: 'x' }], status(501))],
  },
  {
    id: 'core-no-bulk',
    title: 'Bulk, which is announced as unsupported, is refused in order',
    section: 'RFC 7644 §3.7',
    why: 'Clients take a failure for a reason to try again.',
    level: 'note',
    lacks: 'bulk',
    steps: [
      post(
        '/Bulk',
        () => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: [] }),
        status(400, 403, 404, 405, 501),
      ),
    ],
  },
];
