/** The life of a user: POST, GET, PUT, DELETE, and the rules for values. */
import type { Check } from './check.ts';
import {
  assigned,
  error,
  has,
  hasOf,
  header,
  list,
  nobody,
  should,
  status,
  that,
  unassigned,
  valueAt,
} from './expect.ts';
import {
  addressOf,
  eq,
  get,
  making,
  nameOf,
  pathOf,
  post,
  put,
  query,
  refusable,
  remove,
  user,
} from './messages.ts';

const noPassword = that('no password, and nowhere the one that was sent', (json, { text }, { password }) =>
  text.includes(password) || valueAt(json, 'password') !== undefined ? 'the password' : undefined,
);

export const users: readonly Check[] = [
  {
    id: 'core-create',
    title: 'POST makes a user and answers 201 with it and its location',
    section: 'RFC 7644 §3.3',
    why: 'Clients keep the id; without it they cannot update or delete the user again.',
    steps: [
      making(
        'core user',
        post(
          '/Users',
          (visit) => user(visit, 'core', { nickName: 'doc' }),
          status(201),
          assigned('id'),
          hasOf('userName', (visit) => addressOf(visit, 'core')),
          has('active', true),
          has(['meta', 'resourceType'], 'User'),
          header('location', /\/Users\/[^/]+$/, 'a Location header that ends with /Users/{id}'),
          should(
            that('meta.location is the Location header', (json, { headers }) => {
              const location = valueAt(json, ['meta', 'location']);
              return location === headers.get('location') ? undefined : `meta.location ${String(location)}`;
            }),
          ),
          should(
            that('meta.created and meta.lastModified are dateTimes', (json) => {
              const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
              const wrong = ['created', 'lastModified'].filter(
                (name) => !date.test(String(valueAt(json, ['meta', name]))),
              );
              return wrong.length === 0 ? undefined : `no meta.${wrong.join(', no meta.')}`;
            }),
          ),
        ),
      ),
    ],
  },
  {
    id: 'core-read',
    title: 'GET gives back what was made',
    section: 'RFC 7644 §3.4.1',
    why: 'Clients compare it with their own record and correct differences for ever if it is not the same.',
    steps: [
      get(
        pathOf('core user'),
        status(200),
        hasOf('id', (visit) => visit.made('core user').id),
        hasOf('userName', (visit) => addressOf(visit, 'core')),
        has('name', { givenName: 'Doctor', familyName: 'Visit' }),
        hasOf('emails', (visit) => [{ value: addressOf(visit, 'core'), type: 'work', primary: true }]),
        has('nickName', 'doc'),
      ),
    ],
  },
  {
    id: 'core-read-only-in-create',
    title: 'An id and meta sent by the client are ignored',
    section: 'RFC 7644 §3.3',
    why: 'Otherwise a client chooses identifiers, and can take one that is or was in use.',
    steps: [
      making(
        'own id',
        post(
          '/Users',
          (visit) => user(visit, 'own-id', { id: visit.stranger, meta: { created: '2001-01-01T00:00:00Z' } }),
          status(201),
          that('an id of the server', (json, _answer, { stranger }) =>
            valueAt(json, 'id') === stranger ? 'the id that the client sent' : undefined,
          ),
        ),
      ),
    ],
  },
  {
    id: 'core-duplicate',
    title: 'A second user of the same userName is refused with 409 uniqueness',
    section: 'RFC 7644 §3.3',
    why: 'Identity providers then look for the existing user and link it; any other answer ends in an error.',
    steps: [post('/Users', (visit) => user(visit, 'core'), ...error(409, 'uniqueness'))],
  },
  {
    id: 'core-duplicate-case',
    title: 'userName is the same in capitals',
    section: 'RFC 7643 §4.1.1',
    why: 'Two accounts of one person would differ by letter case only.',
    level: 'should',
    steps: [
      post(
        '/Users',
        (visit) => user(visit, 'core', { userName: addressOf(visit, 'core').toUpperCase() }),
        status(409),
      ),
    ],
  },
  {
    id: 'core-missing-required',
    title: 'A user without userName is refused with 400 invalidValue',
    section: 'RFC 7643 §4.1.1',
    why: 'Nobody could find such a user again.',
    steps: [
      post(
        '/Users',
        (visit) => {
          const { userName: _, ...rest } = user(visit, 'nameless');
          return rest;
        },
        ...error(400, 'invalidValue'),
      ),
    ],
  },
  {
    id: 'core-attribute-case',
    title: 'Names of attributes in a body may be in any letter case',
    section: 'RFC 7643 §2.1',
    why: 'Clients write them as their own schema does; a value sent would be lost without a word.',
    level: 'should',
    steps: [
      making(
        'cased',
        post('/Users', (visit) => user(visit, 'cased', { NICKNAME: 'any case' }), status(201)),
      ),
      get(pathOf('cased'), status(200), has('nickName', 'any case')),
    ],
  },
  {
    id: 'core-null',
    title: 'null and [] mean "no value"',
    section: 'RFC 7643 §2.5',
    why: 'Many clients send every attribute, with null for those that are empty.',
    steps: [
      making(
        'nulls',
        post('/Users', (visit) => user(visit, 'nulls', { nickName: null, phoneNumbers: [] }), status(201)),
      ),
      get(pathOf('nulls'), status(200), unassigned('nickName'), unassigned('phoneNumbers')),
    ],
  },
  {
    id: 'core-password',
    title: 'A password is never given back',
    section: 'RFC 7643 §4.1.1',
    why: 'Whoever may read users could sign in as them.',
    steps: [
      making(
        'password',
        refusable(
          'Passwords cannot be set here; clients that synchronise them fail.',
          post(
            '/Users',
            (visit) => user(visit, 'password', { password: visit.password }),
            status(201),
            noPassword,
          ),
        ),
      ),
      get(pathOf('password'), status(200), noPassword),
      get(pathOf('password', '?attributes=password'), noPassword),
    ],
  },
  {
    id: 'core-put',
    title: 'PUT replaces a user, but not its id',
    section: 'RFC 7644 §3.5.1',
    why: 'Okta and others update by reading a user, changing it and sending it back.',
    steps: [
      put(
        pathOf('core user'),
        (visit) => user(visit, 'core', { id: visit.stranger, displayName: 'After PUT', title: 'New' }),
        status(200),
        hasOf('id', (visit) => visit.made('core user').id),
        has('displayName', 'After PUT'),
      ),
      get(pathOf('core user'), status(200), has('displayName', 'After PUT'), has('title', 'New')),
    ],
  },
  {
    id: 'core-put-clears',
    title: 'PUT clears what it leaves out',
    section: 'RFC 7644 §3.5.1',
    why: 'The standard leaves this open; clients that want it cleared should send null.',
    level: 'note',
    steps: [
      put(pathOf('core user'), (visit) => user(visit, 'core'), status(200)),
      get(pathOf('core user'), status(200), unassigned('title')),
    ],
  },
  {
    id: 'core-put-unknown',
    title: 'PUT on an unknown id is 404 and makes nothing',
    section: 'RFC 7644 §3.5.1',
    why: 'A client that updates a deleted user must notice.',
    steps: [
      put(
        ({ stranger }) => `/Users/${stranger}`,
        (visit) => user(visit, 'unknown'),
        ...error(404),
      ),
    ],
  },
  {
    id: 'core-delete',
    title: 'A deleted user is gone for GET, DELETE and queries',
    section: 'RFC 7644 §3.6',
    why: 'A user who was deleted but still answers keeps its access, and blocks its name.',
    steps: [
      making(
        'deleted',
        post('/Users', (visit) => user(visit, 'deleted'), status(201)),
      ),
      remove(pathOf('deleted'), status(204)),
      get(pathOf('deleted'), ...error(404)),
      remove(pathOf('deleted'), status(404)),
      get((visit) => query('/Users', { filter: eq('userName', addressOf(visit, 'deleted')) }), ...nobody),
    ],
  },
  {
    id: 'core-search',
    title: 'POST /Users/.search finds what GET with the same filter finds',
    section: 'RFC 7644 §3.4.3',
    why: 'Some clients send long or confidential filters only so.',
    level: 'note',
    needs: ['filter'],
    steps: [
      post(
        '/Users/.search',
        (visit) => ({
          schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
          filter: eq('userName', addressOf(visit, 'core')),
        }),
        status(200),
        list({ total: 1 }),
      ),
    ],
  },
  {
    id: 'core-bulk',
    title: 'A bulk request runs its operations and tells the status of each',
    section: 'RFC 7644 §3.7',
    why: 'It is announced as supported.',
    needs: ['bulk'],
    steps: [
      post(
        '/Bulk',
        (visit) => ({
          schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
          Operations: [
            {
              method: 'PUT',
              path: visit.made('core user').path,
              data: user(visit, 'core', { displayName: nameOf(visit, 'bulk') }),
            },
          ],
        }),
        status(200),
        that('one operation with the status "200"', ({ Operations }) => {
          const told = valueAt(Array.isArray(Operations) ? Operations[0] : undefined, 'status');
          return told === '200' ? undefined : `status ${JSON.stringify(told)}`;
        }),
      ),
      get(
        pathOf('core user'),
        status(200),
        hasOf('displayName', (visit) => nameOf(visit, 'bulk')),
      ),
    ],
  },
];
