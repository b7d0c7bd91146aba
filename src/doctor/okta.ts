/** Okta: the test of the connector, assignment of people, group push, import. */
import type { Check, Expectation, Flow, Step } from './check.ts';
import {
  assigned,
  error,
  finds,
  has,
  hasOf,
  ifShown,
  list,
  membersOf,
  nobody,
  patched,
  resourcesOf,
  status,
  that,
  unassigned,
  values,
} from './expect.ts';
import {
  addressOf,
  eq,
  get,
  group,
  making,
  nameOf,
  patching,
  pathOf,
  post,
  put,
  query,
  refusable,
  remove,
  user,
} from './messages.ts';

/** Okta is a client of the standard, so its requests are judged by it. */
const listing = 'RFC 7644 §3.4.2';
const filtering = 'RFC 7644 §3.4.2.2';
const replacing = 'RFC 7644 §3.5.1';
const patchReplace = 'RFC 7644 §3.5.2.3';

const person = (word: string): Step =>
  making(
    `okta ${word}`,
    post('/Users', (visit) => user(visit, `okta-${word}`), status(201)),
  );

const members = (...words: readonly string[]): Expectation =>
  values('members', (visit) => words.map((word) => visit.made(word).id));

const page = (startIndex: number, count: number) => query('/Users', { startIndex, count });

const assignment: readonly Check[] = [
  {
    id: 'okta-test-connector',
    title: 'The connector test reads a page of users',
    section: listing,
    why: 'Okta does not save the integration otherwise.',
    steps: [get(page(1, 2), status(200), list())],
  },
  {
    id: 'okta-unauthorized',
    title: 'A wrong token is 401 with a SCIM error',
    section: 'RFC 7644 §3.12',
    why: "Okta's tests of an integration ask for it, and show the detail to the administrator.",
    needs: ['token'],
    steps: [{ ...get(page(1, 1), ...error(401)), credentials: 'wrong' }],
  },
  {
    id: 'okta-filter-unknown',
    title: 'The look-up of a user who does not exist is 200 with an empty list',
    section: listing,
    why: 'Okta asks before each assignment; 404 or another list ends the assignment, or links the wrong person.',
    steps: [get((visit) => query('/Users', { filter: eq('userName', addressOf(visit, 'okta')) }), ...nobody)],
  },
  {
    id: 'okta-create',
    title: 'Assigning a person makes an active user',
    section: 'RFC 7644 §3.3',
    why: 'Okta keeps the id of the answer, and compares userName.',
    steps: [
      making('okta user', {
        ...post(
          '/Users',
          (visit) =>
            user(visit, 'okta', {
              externalId: nameOf(visit, 'okta-00u1'),
              locale: 'en-US',
              password: visit.password,
              groups: [],
            }),
          status(201),
          assigned('id'),
          hasOf('userName', (visit) => addressOf(visit, 'okta')),
          has('active', true),
        ),
        headers: { 'content-type': 'application/scim+json; charset=utf-8' },
      }),
      get(
        pathOf('okta user'),
        status(200),
        hasOf('id', (visit) => visit.made('okta user').id),
        has('active', true),
      ),
    ],
  },
  {
    id: 'okta-filter-case',
    title: 'The look-up finds the user, also when the directory writes the name in capitals',
    section: filtering,
    why: 'Okta would make a second user, and stop at the conflict.',
    steps: [
      get(
        (visit) =>
          query('/Users', { filter: eq('userName', addressOf(visit, 'okta')), startIndex: 1, count: 100 }),
        ...finds('okta user'),
      ),
      get(
        (visit) => query('/Users', { filter: eq('userName', addressOf(visit, 'okta').toUpperCase()) }),
        ...finds('okta user'),
      ),
    ],
  },
  {
    id: 'okta-conflict',
    title: 'Assigning the same person again is 409',
    section: 'RFC 7644 §3.3',
    why: 'Okta then links the existing user.',
    steps: [post('/Users', (visit) => user(visit, 'okta'), ...error(409))],
  },
  {
    id: 'okta-update',
    title: 'A profile update by PUT is stored',
    section: replacing,
    why: 'Okta pushes each change of a profile so, with the id in the body.',
    steps: [
      put(
        pathOf('okta user'),
        (visit) =>
          user(visit, 'okta', {
            id: visit.made('okta user').id,
            name: { givenName: 'Renamed', familyName: 'Visit' },
            meta: { resourceType: 'User' },
          }),
        status(200),
        has('name', { givenName: 'Renamed' }),
      ),
      get(pathOf('okta user'), status(200), has('name', { givenName: 'Renamed' })),
    ],
  },
  {
    id: 'okta-deactivate-put',
    title: 'Deactivation by PUT is stored, and the user stays readable',
    section: replacing,
    why: 'People who left keep their access otherwise.',
    steps: [
      put(
        pathOf('okta user'),
        (visit) => user(visit, 'okta', { active: false }),
        status(200),
        has('active', false),
      ),
      get(pathOf('okta user'), status(200), has('active', false)),
      get(
        (visit) => query('/Users', { filter: eq('userName', addressOf(visit, 'okta')) }),
        ...finds('okta user'),
      ),
      put(
        pathOf('okta user'),
        (visit) => user(visit, 'okta', { active: true }),
        status(200),
        has('active', true),
      ),
    ],
  },
  {
    id: 'okta-deactivate-patch',
    title: 'Deactivation by PATCH without a path, and reactivation, are stored',
    section: patchReplace,
    why: 'People who left keep their access otherwise.',
    needs: ['patch'],
    steps: [
      patching(
        'okta user',
        () => [{ op: 'replace', value: { active: false } }],
        patched,
        ifShown(has('active', false)),
      ),
      get(pathOf('okta user'), status(200), has('active', false)),
      patching('okta user', () => [{ op: 'replace', value: { active: true } }], patched),
      get(pathOf('okta user'), status(200), has('active', true)),
    ],
  },
];

const groupPush: readonly Omit<Check, 'needs'>[] = [
  {
    id: 'okta-push-group',
    title: 'Group push makes a group with its members',
    section: 'RFC 7644 §3.3',
    why: 'Okta looks for the group by name, then makes it.',
    steps: [
      person('one'),
      person('two'),
      get((visit) => query('/Groups', { filter: eq('displayName', nameOf(visit, 'okta-group')) }), ...nobody),
      making(
        'okta group',
        post('/Groups', (visit) => group(visit, 'okta-group', 'okta one'), status(201)),
      ),
      get(pathOf('okta group'), status(200), members('okta one')),
    ],
  },
  {
    id: 'okta-rename-group',
    title: 'Renaming a group by PATCH without a path, with its id in the value, keeps the members',
    section: patchReplace,
    why: 'Okta sends this with each push of a group.',
    steps: [
      refusable(
        'Okta cannot rename groups here: it sends the unchanged id along.',
        patching(
          'okta group',
          (visit) => [
            {
              op: 'replace',
              value: { id: visit.made('okta group').id, displayName: nameOf(visit, 'okta-renamed') },
            },
          ],
          patched,
        ),
      ),
      get(
        pathOf('okta group'),
        status(200),
        hasOf('displayName', (visit) => nameOf(visit, 'okta-renamed')),
        members('okta one'),
      ),
    ],
  },
  {
    id: 'okta-change-members',
    title: 'Members are added and removed in one request',
    section: 'RFC 7644 §3.5.2',
    why: 'Group push stops with an error at the first membership that does not fit.',
    steps: [
      patching(
        'okta group',
        (visit) => [
          { op: 'remove', path: `members[${eq('value', visit.made('okta one').id)}]` },
          {
            op: 'add',
            path: 'members',
            value: [{ value: visit.made('okta two').id, display: addressOf(visit, 'okta-two') }],
          },
        ],
        patched,
      ),
      get(pathOf('okta group'), status(200), members('okta two')),
    ],
  },
  {
    id: 'okta-replace-members',
    title: 'Replacing the members leaves exactly the new ones',
    section: patchReplace,
    why: '"Push now" sets the whole group so.',
    steps: [
      patching(
        'okta group',
        (visit) => [
          {
            op: 'replace',
            path: 'members',
            value: ['one', 'two'].map((word) => ({
              value: visit.made(`okta ${word}`).id,
              display: addressOf(visit, `okta-${word}`),
            })),
          },
        ],
        patched,
      ),
      get(pathOf('okta group'), status(200), members('okta one', 'okta two')),
      patching('okta group', () => [{ op: 'replace', path: 'members', value: [] }], patched),
      get(pathOf('okta group'), status(200), unassigned('members')),
    ],
  },
  {
    id: 'okta-unlink-group',
    title: 'Deleting a pushed group is 204',
    section: 'RFC 7644 §3.6',
    why: 'Okta asks for it when the push is ended.',
    steps: [remove(pathOf('okta group'), status(204)), get(pathOf('okta group'), status(404))],
  },
];

const importing: readonly Check[] = [
  {
    id: 'okta-import-pages',
    title: 'An import reads page after page, without the same user on two of them',
    section: 'RFC 7644 §3.4.2.4',
    why: 'Okta stops the import here, or repeats it for ever.',
    steps: [
      person('import-one'),
      person('import-two'),
      get(page(1, 1), status(200), list({ items: 1 }), has('startIndex', 1), has('itemsPerPage', 1)),
      get(
        page(2, 1),
        status(200),
        list({ items: 1 }),
        has('startIndex', 2),
        that('another user than on page 1', (json, _answer, { answers }) => {
          const idOf = (list: unknown) => membersOf(resourcesOf(list)[0]).id;
          return idOf(json) === idOf(answers.at(-1)?.json) ? 'the same user' : undefined;
        }),
      ),
    ],
  },
  {
    id: 'okta-import-end',
    title: 'The page after the last one is 200 and empty',
    section: 'RFC 7644 §3.4.2.4',
    why: 'Okta stops the import there; an error fails all of it.',
    steps: [get(page(1_000_000_000, 100), status(200), list({ items: 0 }))],
  },
];

export const okta: Flow = {
  name: 'okta',
  title: 'As Okta does it',
  checks: [
    ...assignment,
    ...groupPush.map((check): Check => ({ ...check, needs: ['groups', 'patch'] })),
    ...importing,
  ],
};
