/** PATCH by the letter of the standard, each change read back. */
import type { Check, Visit } from './check.ts';
import {
  at,
  error,
  has,
  hasOf,
  membersOf,
  patched,
  status,
  that,
  unassigned,
  valueAt,
  values,
} from './expect.ts';
import { addressOf, get, making, patch, patching, pathOf, post, user } from './messages.ts';

const work = (visit: Visit) => addressOf(visit, 'patch');
const home = (visit: Visit) => addressOf(visit, 'patch-home');

const patches: readonly Omit<Check, 'needs'>[] = [
  {
    id: 'core-patch-replace',
    title: 'PATCH replaces one attribute and answers 200 or 204',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Every identity provider updates users so.',
    steps: [
      making(
        'patched',
        post(
          '/Users',
          (visit) =>
            user(visit, 'patch', {
              emails: [
                { value: work(visit), type: 'work', primary: true },
                { value: home(visit), type: 'home' },
              ],
            }),
          status(201),
        ),
      ),
      patching('patched', () => [{ op: 'replace', path: 'displayName', value: 'Patched' }], patched),
      get(
        pathOf('patched'),
        status(200),
        has('displayName', 'Patched'),
        has('name', { givenName: 'Doctor', familyName: 'Visit' }),
      ),
    ],
  },
  {
    id: 'core-patch-pathless',
    title: 'PATCH without path replaces the attributes named in the value, and no others',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Okta deactivates users and renames groups so.',
    steps: [
      patching('patched', () => [{ op: 'replace', value: { nickName: 'Nick', title: 'Dr' } }], patched),
      get(
        pathOf('patched'),
        status(200),
        has('nickName', 'Nick'),
        has('title', 'Dr'),
        has('displayName', 'Patched'),
      ),
    ],
  },
  {
    id: 'core-patch-add-remove',
    title: 'add gives a value to an attribute, remove takes it away',
    section: 'RFC 7644 §3.5.2.1, §3.5.2.2',
    why: 'Entra ID clears attributes with remove.',
    steps: [
      patching('patched', () => [{ op: 'add', path: 'title', value: 'Professor' }], patched),
      get(pathOf('patched'), status(200), has('title', 'Professor')),
      patching('patched', () => [{ op: 'remove', path: 'title' }], patched),
      get(pathOf('patched'), status(200), unassigned('title')),
    ],
  },
  {
    id: 'core-patch-sub-attribute',
    title: 'Replacing one sub-attribute keeps the others',
    section: 'RFC 7644 §3.5.2.3',
    why: 'A change of the given name would erase the family name.',
    steps: [
      patching('patched', () => [{ op: 'replace', path: 'name.givenName', value: 'First' }], patched),
      get(pathOf('patched'), status(200), has('name', { givenName: 'First', familyName: 'Visit' })),
      patching('patched', () => [{ op: 'replace', path: 'name', value: { givenName: 'Second' } }], patched),
      get(pathOf('patched'), status(200), has('name', { givenName: 'Second', familyName: 'Visit' })),
    ],
  },
  {
    id: 'core-patch-path-case',
    title: 'Paths may be in any letter case',
    section: 'RFC 7643 §2.1',
    why: 'Clients write attributes as their own schema does.',
    level: 'should',
    steps: [
      patching('patched', () => [{ op: 'replace', path: 'DISPLAYNAME', value: 'Any case' }], patched),
      get(pathOf('patched'), status(200), has('displayName', 'Any case')),
    ],
  },
  {
    id: 'core-patch-value-path',
    title: 'A path with a filter changes the one value that it selects',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Entra ID updates mail addresses and telephone numbers so.',
    steps: [
      patching(
        'patched',
        (visit) => [
          { op: 'replace', path: 'emails[type eq "home"].value', value: addressOf(visit, 'patch-home-2') },
        ],
        patched,
      ),
      get(
        pathOf('patched'),
        status(200),
        hasOf('emails', (visit) => [
          { value: work(visit), type: 'work' },
          { value: addressOf(visit, 'patch-home-2'), type: 'home' },
        ]),
        values('emails', (visit) => [work(visit), addressOf(visit, 'patch-home-2')]),
      ),
    ],
  },
  {
    id: 'core-patch-primary',
    title: 'A new primary value ends the old one',
    section: 'RFC 7644 §3.5.2',
    why: 'With two primary addresses nobody knows where mail goes.',
    steps: [
      patching(
        'patched',
        (visit) => [
          {
            op: 'add',
            path: 'emails',
            value: [{ value: addressOf(visit, 'patch-other'), type: 'other', primary: true }],
          },
        ],
        patched,
      ),
      get(
        pathOf('patched'),
        status(200),
        values('emails', (visit) => [
          work(visit),
          addressOf(visit, 'patch-home-2'),
          addressOf(visit, 'patch-other'),
        ]),
        that('one primary value, the new one', (json, _answer, visit) => {
          const emails = valueAt(json, 'emails');
          const primary = (Array.isArray(emails) ? emails : [])
            .map(membersOf)
            .filter((each) => each.primary === true);
          const right = primary.length === 1 && primary[0]?.value === addressOf(visit, 'patch-other');
          return right ? undefined : `${primary.length} primary values: ${JSON.stringify(primary)}`;
        }),
      ),
    ],
  },
  {
    id: 'core-patch-add-twice',
    title: 'Adding what is there already changes nothing',
    section: 'RFC 7644 §3.5.2.1',
    why: 'Clients repeat requests that they had no answer to.',
    level: 'should',
    steps: [
      patching(
        'patched',
        (visit) => [{ op: 'add', path: 'emails', value: [{ value: work(visit), type: 'work' }] }],
        patched,
      ),
      get(
        pathOf('patched'),
        status(200),
        values('emails', (visit) => [
          work(visit),
          addressOf(visit, 'patch-home-2'),
          addressOf(visit, 'patch-other'),
        ]),
      ),
    ],
  },
  {
    id: 'core-patch-remove-value',
    title: 'remove with a filter takes away the values that it selects, and no others',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Otherwise all addresses of a user go with one.',
    steps: [
      patching('patched', () => [{ op: 'remove', path: 'emails[type eq "other"]' }], patched),
      get(
        pathOf('patched'),
        status(200),
        that('no other address', (json) => {
          const emails = valueAt(json, 'emails');
          const list = Array.isArray(emails) ? emails.map(membersOf) : [];
          if (list.some(({ type }) => type === 'other')) return 'it is still there';
          return list.length >= 2 ? undefined : `${list.length} addresses are left of 3`;
        }),
      ),
    ],
  },
  {
    id: 'core-patch-null',
    title: 'Replacing by null takes the value away',
    section: 'RFC 7643 §2.5',
    why: 'Clients clear attributes so.',
    level: 'should',
    steps: [
      patching('patched', () => [{ op: 'replace', path: 'nickName', value: null }], patched),
      get(pathOf('patched'), status(200), unassigned('nickName')),
    ],
  },
  {
    id: 'core-patch-atomic',
    title: 'One wrong operation, and nothing of the request is applied',
    section: 'RFC 7644 §3.5.2',
    why: 'A client that hears of a failure sends everything again.',
    steps: [
      patching('patched', () => [{ op: 'replace', path: 'displayName', value: 'Before' }], patched),
      patching(
        'patched',
        () => [
          { op: 'replace', path: 'displayName', value: 'Half done' },
          { op: 'remove', path: 'userName' },
        ],
        ...error(400),
      ),
      get(
        pathOf('patched'),
        status(200),
        has('displayName', 'Before'),
        hasOf('userName', (visit) => work(visit)),
      ),
    ],
  },
  {
    id: 'core-patch-unknown-op',
    title: 'An operation that does not exist is refused with 400',
    section: 'RFC 7644 §3.5.2',
    why: 'The client would take it for done.',
    steps: [
      patching(
        'patched',
        () => [{ op: 'increase', path: 'displayName', value: 'x' }],
        ...error(400, 'invalidSyntax', 'invalidValue'),
      ),
    ],
  },
  {
    id: 'core-patch-remove-without-path',
    title: 'remove without a path is refused with 400 noTarget',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Nobody can say what it would remove.',
    steps: [patching('patched', () => [{ op: 'remove' }], ...error(400, 'noTarget'))],
  },
  {
    id: 'core-patch-read-only',
    title: 'Changing the id is refused with 400 mutability',
    section: 'RFC 7644 §3.5.2',
    why: 'The id is how clients find the user again.',
    steps: [
      patching(
        'patched',
        ({ stranger }) => [{ op: 'replace', path: 'id', value: stranger }],
        ...error(400, 'mutability'),
      ),
      get(pathOf('patched'), status(200)),
    ],
  },
  {
    id: 'core-patch-no-target',
    title: 'replace of a value that does not exist is refused with 400 noTarget',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Some servers make the value instead, which Entra ID relies on.',
    level: 'note',
    steps: [
      patching(
        'patched',
        (visit) => [{ op: 'replace', path: 'emails[type eq "fax"].value', value: addressOf(visit, 'fax') }],
        ...error(400, 'noTarget'),
      ),
    ],
  },
  {
    id: 'core-patch-attributes',
    title: 'PATCH with ?attributes= answers 200 with those attributes',
    section: 'RFC 7644 §3.5.2',
    why: 'The client wants to see what came of it.',
    level: 'should',
    steps: [
      {
        method: 'PATCH',
        path: pathOf('patched', '?attributes=displayName'),
        body: () => patch({ op: 'replace', path: 'displayName', value: 'Shown' }),
        expect: [status(200), has('displayName', 'Shown'), at('should', unassigned('emails'))],
      },
    ],
  },
  {
    id: 'core-patch-unknown-id',
    title: 'PATCH of what does not exist is 404',
    section: 'RFC 7644 §3.12',
    why: 'A client that updates a deleted user must notice.',
    steps: [
      {
        method: 'PATCH',
        path: ({ stranger }) => `/Users/${stranger}`,
        body: () => patch({ op: 'replace', path: 'displayName', value: 'x' }),
        expect: error(404),
      },
    ],
  },
];

export const patching7644: readonly Check[] = patches.map((check) => ({ ...check, needs: ['patch'] }));
