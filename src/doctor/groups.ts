/** Groups and their members by the letter of the standard. */
import type { Check } from './check.ts';
import {
  error,
  finds,
  has,
  hasOf,
  membersOf,
  patched,
  status,
  unassigned,
  valueAt,
  values,
} from './expect.ts';
import { eq, get, group, making, nameOf, patching, pathOf, post, query, remove, user } from './messages.ts';

export const groups: readonly Check[] = [
  {
    id: 'core-group-create',
    title: 'A group is made with its members',
    section: 'RFC 7643 §4.2',
    why: 'Access is given through groups.',
    needs: ['groups'],
    steps: [
      making(
        'member 1',
        post('/Users', (visit) => user(visit, 'member-1'), status(201)),
      ),
      making(
        'member 2',
        post('/Users', (visit) => user(visit, 'member-2'), status(201)),
      ),
      making(
        'core group',
        post(
          '/Groups',
          (visit) => group(visit, 'group', 'member 1'),
          status(201),
          hasOf('displayName', (visit) => nameOf(visit, 'group')),
          has(['meta', 'resourceType'], 'Group'),
        ),
      ),
      get(
        pathOf('core group'),
        status(200),
        values('members', (visit) => [visit.made('member 1').id]),
      ),
    ],
  },
  {
    id: 'core-group-filter',
    title: 'A group is found by its displayName',
    section: 'RFC 7644 §3.4.2.2',
    why: 'Identity providers look for a group so before they make one.',
    needs: ['groups', 'filter'],
    steps: [
      get(
        (visit) => query('/Groups', { filter: eq('displayName', nameOf(visit, 'group')), count: 20 }),
        ...finds('core group'),
      ),
    ],
  },
  {
    id: 'core-group-members',
    title: 'Members are added, removed one by one, and replaced',
    section: 'RFC 7644 §3.5.2',
    why: 'Every identity provider keeps memberships so; a mistake gives or takes access.',
    needs: ['groups', 'patch'],
    steps: [
      patching(
        'core group',
        (visit) => [{ op: 'add', path: 'members', value: [{ value: visit.made('member 2').id }] }],
        patched,
      ),
      get(
        pathOf('core group'),
        status(200),
        values('members', (visit) => [visit.made('member 1').id, visit.made('member 2').id]),
      ),
      patching(
        'core group',
        (visit) => [{ op: 'remove', path: `members[${eq('value', visit.made('member 1').id)}]` }],
        patched,
      ),
      get(
        pathOf('core group'),
        status(200),
        values('members', (visit) => [visit.made('member 2').id]),
      ),
      patching(
        'core group',
        (visit) => [{ op: 'replace', path: 'members', value: [{ value: visit.made('member 1').id }] }],
        patched,
      ),
      get(
        pathOf('core group'),
        status(200),
        values('members', (visit) => [visit.made('member 1').id]),
      ),
    ],
  },
  {
    id: 'core-group-add-twice',
    title: 'A member that is added again is in the group once',
    section: 'RFC 7644 §3.5.2.1',
    why: 'Clients repeat requests that they had no answer to.',
    level: 'should',
    needs: ['groups', 'patch'],
    steps: [
      patching(
        'core group',
        (visit) => [{ op: 'add', path: 'members', value: [{ value: visit.made('member 1').id }] }],
        patched,
      ),
      get(
        pathOf('core group'),
        status(200),
        values('members', (visit) => [visit.made('member 1').id]),
      ),
    ],
  },
  {
    id: 'core-user-groups',
    title: 'A user shows the groups it is in',
    section: 'RFC 7643 §4.1.2',
    why: 'The attribute is optional; without it clients must search all groups.',
    level: 'note',
    needs: ['groups'],
    steps: [
      get(pathOf('member 1'), status(200), {
        says: (visit) => `groups has ${visit.made('core group').id}`,
        judge: ({ json }, visit) => {
          const found = valueAt(json, 'groups');
          const ids = (Array.isArray(found) ? found : []).map((each) => membersOf(each).value);
          return ids.includes(visit.made('core group').id) ? undefined : `groups has ${JSON.stringify(ids)}`;
        },
      }),
    ],
  },
  {
    id: 'core-group-nameless',
    title: 'A group without displayName is refused with 400',
    section: 'RFC 7643 §4.2',
    why: 'Nobody could find such a group again.',
    level: 'should',
    needs: ['groups'],
    steps: [
      post(
        '/Groups',
        (visit) => {
          const { displayName: _, ...rest } = group(visit, 'nameless');
          return { ...rest, externalId: nameOf(visit, 'nameless') };
        },
        ...error(400, 'invalidValue'),
      ),
    ],
  },
  {
    id: 'core-group-empty',
    title: 'remove of members empties a group',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Otherwise people keep what the group gives them.',
    needs: ['groups', 'patch'],
    steps: [
      patching('core group', () => [{ op: 'remove', path: 'members' }], patched),
      get(pathOf('core group'), status(200), unassigned('members')),
    ],
  },
  {
    id: 'core-group-deleted-member',
    title: 'A deleted user is in no group any more',
    section: 'RFC 7644 §3.6',
    why: 'The group would list people who are gone.',
    level: 'should',
    needs: ['groups'],
    steps: [
      making(
        'leaver',
        post('/Users', (visit) => user(visit, 'leaver'), status(201)),
      ),
      making(
        'left group',
        post('/Groups', (visit) => group(visit, 'left', 'leaver'), status(201)),
      ),
      remove(pathOf('leaver'), status(204)),
      get(pathOf('left group'), status(200), unassigned('members')),
    ],
  },
  {
    id: 'core-group-delete',
    title: 'A deleted group is gone, its members stay',
    section: 'RFC 7644 §3.6',
    why: 'People must not go with their group.',
    needs: ['groups'],
    steps: [
      remove(pathOf('core group'), status(204)),
      get(pathOf('core group'), ...error(404)),
      get(pathOf('member 1'), status(200)),
    ],
  },
];
