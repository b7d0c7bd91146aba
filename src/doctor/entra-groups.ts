/** Entra ID: groups, made empty and filled afterwards, in the standard's form and in its own. Never without PATCH. */
import type { Check, Expectation, Step } from './check.ts';
import { error, finds, hasOf, nobody, patched, status, unassigned, values } from './expect.ts';
import {
  eq,
  get,
  group,
  groupSchema,
  making,
  nameOf,
  patching,
  pathOf,
  post,
  query,
  refusable,
  remove,
  user,
} from './messages.ts';

const members = (...words: readonly string[]): Expectation =>
  values('members', (visit) => words.map((word) => visit.made(word).id));

const person = (word: string): Step =>
  making(
    `entra ${word}`,
    post('/Users', (visit) => user(visit, `entra-${word}`), status(201)),
  );

/** What makes Entra ID's old form of removal dangerous: by the letter `value` means nothing, and all would go. */
const removalAdvice = 'Entra ID cannot remove members here without ?aadOptscim062020 in the tenant URL.';

const groups: readonly Omit<Check, 'needs'>[] = [
  {
    id: 'entra-group-create',
    title: 'A group is looked up without its members, then made empty',
    section: 'RFC 7644 §3.9',
    why: 'Entra ID makes the group first and adds members afterwards.',
    steps: [
      person('one'),
      person('two'),
      get(
        (visit) =>
          query('/Groups', {
            excludedAttributes: 'members',
            filter: eq('displayName', nameOf(visit, 'entra-group')),
          }),
        ...nobody,
      ),
      making(
        'entra group',
        post(
          '/Groups',
          (visit) => ({
            ...group(visit, 'entra-group'),
            schemas: [groupSchema],
            externalId: nameOf(visit, 'entra-group-object'),
            meta: { resourceType: 'Group' },
          }),
          status(201),
        ),
      ),
      get(
        (visit) =>
          query('/Groups', {
            excludedAttributes: 'members',
            filter: eq('displayName', nameOf(visit, 'entra-group')),
          }),
        ...finds('entra group'),
      ),
    ],
  },
  {
    id: 'entra-group-add',
    title: 'Members are added, and left out with excludedAttributes=members',
    section: 'RFC 7644 §3.5.2.1',
    why: 'Entra ID reads groups without their members, which may be many.',
    steps: [
      patching(
        'entra group',
        (visit) => [
          {
            op: 'add',
            path: 'members',
            value: ['one', 'two'].map((word) => ({ value: visit.made(`entra ${word}`).id })),
          },
        ],
        patched,
      ),
      get(pathOf('entra group'), status(200), members('entra one', 'entra two')),
      get(pathOf('entra group', '?excludedAttributes=members'), status(200), unassigned('members')),
    ],
  },
  {
    id: 'entra-members-probe',
    title: 'A filter tells whether somebody is a member',
    section: 'RFC 7644 §3.4.2.2',
    why: 'Entra ID asks so before it adds or removes a member.',
    steps: [
      refusable(
        'Entra ID cannot ask here whether somebody is a member.',
        get(
          (visit) =>
            query('/Groups', {
              filter: `${eq('id', visit.made('entra group').id)} and ${eq('members', visit.made('entra one').id)}`,
              attributes: 'id',
            }),
          ...finds('entra group'),
        ),
      ),
      get(
        (visit) =>
          query('/Groups', {
            filter: `${eq('id', visit.made('entra group').id)} and ${eq('members', visit.stranger)}`,
            attributes: 'id',
          }),
        ...nobody,
      ),
    ],
  },
  {
    id: 'entra-group-remove-value',
    title: '"Remove" of members with a value removes those in the value only, or is refused',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Entra ID removes one member so; a server that ignores the value empties the whole group.',
    steps: [
      refusable(
        removalAdvice,
        patching(
          'entra group',
          (visit) => [{ op: 'Remove', path: 'members', value: [{ value: visit.made('entra one').id }] }],
          patched,
        ),
      ),
      get(pathOf('entra group'), status(200), members('entra two')),
    ],
  },
  {
    id: 'entra-group-remove',
    title: 'A member is removed by its value path',
    section: 'RFC 7644 §3.5.2.2',
    why: 'People keep what the group gives them otherwise.',
    steps: [
      patching(
        'entra group',
        (visit) => [{ op: 'remove', path: `members[${eq('value', visit.made('entra two').id)}]` }],
        patched,
      ),
      get(pathOf('entra group'), status(200), {
        says: 'the removed member is gone',
        judge: ({ text }, visit) =>
          text.includes(visit.made('entra two').id) ? 'it is still there' : undefined,
      }),
    ],
  },
  {
    id: 'entra-group-rename',
    title: 'A group is renamed',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Entra ID sends the whole change again in every cycle otherwise.',
    steps: [
      patching(
        'entra group',
        (visit) => [{ op: 'replace', path: 'displayName', value: nameOf(visit, 'entra-group-2') }],
        patched,
      ),
      get(
        pathOf('entra group'),
        status(200),
        hasOf('displayName', (visit) => nameOf(visit, 'entra-group-2')),
      ),
    ],
  },
  {
    id: 'entra-group-delete',
    title: 'Deleting a group is 204',
    section: 'RFC 7644 §3.6',
    why: 'Entra ID does so when the group is taken out of scope.',
    steps: [remove(pathOf('entra group'), status(204)), get(pathOf('entra group'), ...error(404))],
  },
];

export const entraGroups: readonly Check[] = groups.map((check) => ({ ...check, needs: ['groups'] }));
