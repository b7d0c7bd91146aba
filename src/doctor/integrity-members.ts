/** Memberships: what PATCH and PUT of a group say they did, read back. */
import type { Check, Step, Visit } from './check.ts';
import { membersOf, status, that, valueAt, values } from './expect.ts';
import { eq, get, group, groupSchema, making, nameOf, patch, pathOf, post, user } from './messages.ts';
import { any, becomes, type Members, probe, refused, unchanged, type Wanted } from './probe.ts';

const idOf = (visit: Visit, word: string): string => visit.made(`integrity ${word}`).id;
const ref = (visit: Visit, word: string): Members => ({ value: idOf(visit, word) });

/** Has a group of `one` and `two` made, and this sent to it. */
function onGroup(
  name: string,
  body: (visit: Visit) => unknown,
  wanted: Wanted,
  more: { readonly method?: 'PUT'; readonly should?: Wanted } = {},
): readonly Step[] {
  const { method = 'PATCH', should } = more;
  return probe(`integrity ${name}`, {
    make: post(
      '/Groups',
      (visit) => group(visit, `integrity-${name}`, 'integrity one', 'integrity two'),
      status(201),
    ),
    send: { method, path: pathOf(`integrity ${name}`), body, expect: [] },
    wanted,
    ...(should === undefined ? {} : { should }),
  });
}

const holds = (...words: readonly string[]): Wanted =>
  becomes('members', (visit) => words.map((word) => ref(visit, word)));

/** What clients send by mistake where a list of members belongs. */
const nobody: readonly (readonly [name: string, value: (visit: Visit) => unknown])[] = [
  ['id-for-value', (visit) => [{ id: idOf(visit, 'three') }]],
  ['object', () => ({})],
  ['empty-object', () => [{}]],
  ['null-in-array', () => [null]],
  ['null-value', () => [{ value: null }]],
  ['empty-text', () => ['']],
];

/** Nobody is lost; better still, the one who was meant is the member now, or the client is told that it is not so. */
const replacing = (
  form: string,
  body: (value: unknown, before: Members) => unknown,
  method?: 'PUT',
): readonly Step[] =>
  nobody.flatMap(([name, value]) =>
    onGroup(
      `${form}-${name}`,
      (visit) => body(value(visit), membersOf(visit.answers.at(-1)?.json)),
      any(unchanged(), holds('three')),
      { should: any(holds('three'), refused), ...(method === undefined ? {} : { method }) },
    ),
  );

const emptied = 'Everybody loses what the group gives, and the client was told that what it sent is stored.';

/** What is sent to a group of `one` and `two` with path `members`, and what must come of it. */
function onMembers(
  name: string,
  op: 'add' | 'replace' | 'remove',
  value: (visit: Visit) => unknown,
  wanted: Wanted,
  should?: Wanted,
): readonly Step[] {
  return onGroup(
    name,
    (visit) => patch({ op, path: 'members', value: value(visit) }),
    wanted,
    should === undefined ? {} : { should },
  );
}

/** By what the server itself shows of the member; where it shows nothing, it may know nobody by that. */
const withoutOneIfShown: Wanted = {
  says: (visit) => `the member shown as ${nameOf(visit, 'integrity-one')} is gone, and nobody else`,
  judge: (after, before, visit) => {
    const shown = valueAt(before, 'members');
    const isShown =
      Array.isArray(shown) &&
      shown.some((member) => valueAt(member, 'display') === nameOf(visit, 'integrity-one'));
    return (isShown ? holds('two') : any(unchanged(), holds('two'))).judge(after, before, visit);
  },
};

const checks: readonly Omit<Check, 'needs'>[] = [
  {
    id: 'integrity-members-people',
    title: 'Three users for groups can be made',
    section: 'RFC 7644 §3.3',
    why: 'The requests that follow are about them.',
    steps: ['one', 'two', 'three'].map((word) =>
      making(
        `integrity ${word}`,
        post('/Users', (visit) => user(visit, `integrity-${word}`), status(201)),
      ),
    ),
  },
  {
    id: 'integrity-members-replace-nobody',
    title: 'Replacing the members by what names nobody does not empty the group',
    section: 'RFC 7644 §3.5.2.3',
    why: emptied,
    steps: replacing('path', (value) => patch({ op: 'replace', path: 'members', value })),
  },
  {
    id: 'integrity-members-replace-nobody-pathless',
    title: 'Replacing the members without a path by what names nobody does not empty the group',
    section: 'RFC 7644 §3.5.2.3',
    why: emptied,
    steps: replacing('pathless', (value) => patch({ op: 'replace', value: { members: value } })),
  },
  {
    id: 'integrity-members-put-nobody',
    title: 'PUT with members that name nobody does not empty the group',
    section: 'RFC 7644 §3.5.1',
    why: emptied,
    steps: replacing(
      'put',
      (value, { id, externalId, displayName }) => ({
        schemas: [groupSchema],
        id,
        ...(externalId === undefined ? {} : { externalId }),
        displayName,
        members: value,
      }),
      'PUT',
    ),
  },
  {
    id: 'integrity-members-wrapped',
    title: 'Members within an object of their own name are taken, or refused',
    section: 'RFC 7644 §3.5.2',
    why: 'Salesforce documents this form; read as nothing, nobody joins or leaves.',
    steps: [
      ...onMembers(
        'wrapped-add',
        'add',
        (visit) => ({ members: [ref(visit, 'three')] }),
        holds('one', 'two', 'three'),
      ),
      ...onMembers(
        'wrapped-replace',
        'replace',
        (visit) => ({ members: [ref(visit, 'three')] }),
        holds('three'),
      ),
      ...onMembers('wrapped-remove', 'remove', (visit) => ({ members: [ref(visit, 'one')] }), holds('two')),
    ],
  },
  {
    id: 'integrity-members-remove-named',
    title: 'remove with a value takes away the members in the value, and nobody else',
    section: 'RFC 7644 §3.5.2.2',
    why: 'A leaver stays in the group, or everybody goes with one.',
    steps: [
      ...onMembers('remove-array', 'remove', (visit) => [ref(visit, 'one')], holds('two')),
      ...onMembers('remove-object', 'remove', (visit) => ref(visit, 'one'), holds('two')),
      ...onMembers('remove-ids', 'remove', (visit) => [idOf(visit, 'one')], holds('two')),
      ...onMembers(
        'remove-display',
        'remove',
        (visit) => [{ display: nameOf(visit, 'integrity-one') }],
        withoutOneIfShown,
      ),
    ],
  },
  {
    id: 'integrity-members-remove-nobody',
    title: 'remove with a value that names nobody in the group takes nobody away',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Everybody loses what the group gives.',
    steps: [
      ...onMembers('remove-stranger', 'remove', ({ stranger }) => [{ value: stranger }], unchanged()),
      ...onMembers('remove-other-display', 'remove', () => [{ display: 'Nobody' }], unchanged()),
      ...onMembers('remove-unknown', 'remove', () => ({ unknown: 'x' }), unchanged()),
      ...onMembers('remove-null-value', 'remove', () => [{ value: null }], unchanged()),
    ],
  },
  {
    id: 'integrity-members-remove-contradiction',
    title: 'A value path and a value that name different members take away no third one, nor both',
    section: 'RFC 7644 §3.5.2.2',
    why: 'Somebody loses what the group gives whom the client did not name.',
    steps: onGroup(
      'contradiction',
      (visit) =>
        patch({
          op: 'remove',
          path: `members[${eq('value', idOf(visit, 'one'))}]`,
          value: [ref(visit, 'two')],
        }),
      any(unchanged(), holds('two')),
    ),
  },
  {
    id: 'integrity-members-json-text',
    title: 'A member sent as JSON text is taken as what it says, or refused',
    section: 'RFC 7644 §3.5.2',
    why: 'A known client library sends it; stored as an id it is a member that nobody is.',
    steps: [
      ...onMembers(
        'text-add',
        'add',
        (visit) => JSON.stringify(ref(visit, 'three')),
        holds('one', 'two', 'three'),
      ),
      ...onMembers(
        'text-in-array',
        'add',
        (visit) => [JSON.stringify(ref(visit, 'three'))],
        holds('one', 'two', 'three'),
      ),
      ...onMembers('text-remove', 'remove', (visit) => JSON.stringify([ref(visit, 'one')]), holds('two')),
    ],
  },
  {
    id: 'integrity-members-stranger',
    title: 'A member whom the server does not know is stored, or refused',
    section: 'RFC 7644 §3.5.2.1',
    why: 'The client takes it for a member from then on.',
    steps: onMembers(
      'stranger',
      'add',
      ({ stranger }) => [{ value: stranger }],
      becomes('members', (visit) => [ref(visit, 'one'), ref(visit, 'two'), { value: visit.stranger }]),
    ),
  },
  {
    id: 'integrity-group-array-value',
    title: 'A change without a path whose value is an array of one object is applied, or refused',
    section: 'RFC 7644 §3.5.2.3',
    why: 'A known client library sends it; read as nothing, the group keeps its old name.',
    steps: onGroup(
      'array-value',
      (visit) => patch({ op: 'replace', value: [{ displayName: nameOf(visit, 'integrity-renamed') }] }),
      becomes('displayName', (visit) => nameOf(visit, 'integrity-renamed')),
    ),
  },
];

/** Not about PATCH. */
const duplicate: Check = {
  id: 'integrity-group-duplicate',
  title: 'A second group of the same name is refused, or is another group',
  section: 'RFC 7644 §3.3',
  why: 'Stored over the first one, its members lose what the group gives.',
  needs: ['groups'],
  steps: [
    making(
      'integrity original',
      post('/Groups', (visit) => group(visit, 'integrity-twice', 'integrity one'), status(201)),
    ),
    {
      ...making(
        'integrity duplicate',
        post(
          '/Groups',
          (visit) => group(visit, 'integrity-twice', 'integrity two'),
          status(201),
          that('an id of its own', ({ id }, _answer, visit) =>
            id === visit.made('integrity original').id ? 'the id of the first group' : undefined,
          ),
        ),
      ),
      mayDecline: true,
    },
    {
      ...get(
        pathOf('integrity original'),
        status(200),
        values('members', (visit) => [idOf(visit, 'one')]),
      ),
      readsBack: true,
    },
  ],
};

export const memberships: readonly Check[] = [
  ...checks.map((check, index) => ({
    ...check,
    needs: index === 0 ? (['groups'] as const) : (['groups', 'patch'] as const),
  })),
  duplicate,
];
