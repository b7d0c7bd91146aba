/** Entra ID: Test Connection, and people with the enterprise extension. */
import type { Check, Flow } from './check.ts';
import { entraGroups } from './entra-groups.ts';
import { error, finds, has, hasOf, nobody, patched, show, status, that, valueAt } from './expect.ts';
import {
  addressOf,
  enterpriseSchema,
  eq,
  get,
  making,
  nameOf,
  patching,
  pathOf,
  post,
  query,
  refusable,
  remove,
  user,
  userSchema,
} from './messages.ts';

const filtering = 'RFC 7644 §3.4.2';
const patchReplace = 'RFC 7644 §3.5.2.3';

const isFalse = that('active is the boolean false', ({ active }) =>
  active === false ? undefined : `active is ${show(active)}`,
);

const users: readonly Check[] = [
  {
    id: 'entra-test-connection',
    title: 'Test Connection: the look-up of a random userName is 200 with an empty list',
    section: filtering,
    why: 'Entra ID does not save the credentials otherwise.',
    steps: [get(({ stranger }) => query('/Users', { filter: eq('userName', stranger) }), ...nobody)],
  },
  {
    id: 'entra-create',
    title: 'A user is made and given back whole',
    section: 'RFC 7644 §3.3',
    why: 'Entra ID compares the attributes, and sends what is missing again in every cycle.',
    steps: [
      making(
        'entra user',
        post(
          '/Users',
          (visit) =>
            user(visit, 'entra', {
              externalId: nameOf(visit, 'entra-object'),
              meta: { resourceType: 'User' },
              roles: [],
              ...(visit.supports('enterprise')
                ? {
                    schemas: [userSchema, enterpriseSchema],
                    [enterpriseSchema]: { employeeNumber: '701984', department: 'Tour Operations' },
                  }
                : {}),
            }),
          status(201),
          hasOf('externalId', (visit) => nameOf(visit, 'entra-object')),
        ),
      ),
      get(
        pathOf('entra user'),
        status(200),
        has('active', true),
        has('name', { givenName: 'Doctor', familyName: 'Visit' }),
        hasOf('emails', (visit) => [{ value: addressOf(visit, 'entra'), type: 'work', primary: true }]),
      ),
    ],
  },
  {
    id: 'entra-create-enterprise',
    title: 'The enterprise extension is given back with the user',
    section: 'RFC 7643 §4.3',
    why: 'Entra ID compares its attributes, and sends what is missing again in every cycle.',
    needs: ['enterprise'],
    steps: [
      get(
        pathOf('entra user'),
        status(200),
        has('schemas', [userSchema, enterpriseSchema]),
        has([enterpriseSchema], { employeeNumber: '701984', department: 'Tour Operations' }),
      ),
    ],
  },
  {
    id: 'entra-filter-external-id',
    title: 'The look-up by externalId finds the user',
    section: 'RFC 7644 §3.4.2.2',
    why: 'It is the usual matching attribute; without it Entra ID makes a second user.',
    steps: [
      get(
        (visit) => query('/Users', { filter: eq('externalId', nameOf(visit, 'entra-object')) }),
        ...finds('entra user'),
      ),
      get((visit) => query('/Users', { filter: eq('externalId', nameOf(visit, 'entra-none')) }), ...nobody),
    ],
  },
  {
    id: 'entra-filter-and',
    title: 'Two matching attributes are joined by and',
    section: 'RFC 7644 §3.4.2.2',
    why: 'Entra ID asks so when two matching attributes are set.',
    steps: [
      get(
        (visit) =>
          query('/Users', {
            filter: `${eq('userName', addressOf(visit, 'entra'))} and ${eq('externalId', nameOf(visit, 'entra-object'))}`,
          }),
        ...finds('entra user'),
      ),
      get(
        (visit) =>
          query('/Users', {
            filter: `${eq('userName', addressOf(visit, 'entra'))} and ${eq('externalId', nameOf(visit, 'entra-none'))}`,
          }),
        ...nobody,
      ),
    ],
  },
  {
    id: 'entra-update',
    title: 'Several changes in one request: attributes, a part of the name, a mail address by its type',
    section: patchReplace,
    why: 'Entra ID sends all changes of a cycle together.',
    steps: [
      patching(
        'entra user',
        (visit) => [
          { op: 'replace', path: 'displayName', value: nameOf(visit, 'entra-renamed') },
          { op: 'replace', path: 'name.familyName', value: 'Changed' },
          { op: 'replace', path: 'emails[type eq "work"].value', value: addressOf(visit, 'entra-new') },
        ],
        patched,
      ),
      get(
        pathOf('entra user'),
        status(200),
        hasOf('displayName', (visit) => nameOf(visit, 'entra-renamed')),
        has('name', { givenName: 'Doctor', familyName: 'Changed' }),
        hasOf('emails', (visit) => [{ type: 'work', value: addressOf(visit, 'entra-new') }]),
      ),
    ],
  },
  {
    id: 'entra-update-enterprise',
    title: 'An attribute of the extension is changed by its full name',
    section: patchReplace,
    why: 'Entra ID sends department, cost center and employee number so.',
    needs: ['enterprise'],
    steps: [
      patching(
        'entra user',
        (visit) => [
          { op: 'add', path: `${enterpriseSchema}:department`, value: 'Ledger' },
          { op: 'replace', path: 'displayName', value: nameOf(visit, 'entra-moved') },
        ],
        patched,
      ),
      get(
        pathOf('entra user'),
        status(200),
        hasOf('displayName', (visit) => nameOf(visit, 'entra-moved')),
        has([enterpriseSchema], { employeeNumber: '701984', department: 'Ledger' }),
      ),
    ],
  },
  {
    id: 'entra-disable',
    title: 'Disabling a user with the boolean false is stored, and undone with true',
    section: patchReplace,
    why: 'People who left keep their access otherwise.',
    steps: [
      patching('entra user', () => [{ op: 'replace', path: 'active', value: false }], patched),
      get(pathOf('entra user'), status(200), isFalse),
      patching('entra user', () => [{ op: 'replace', path: 'active', value: true }], patched),
      get(pathOf('entra user'), status(200), has('active', true)),
    ],
  },
  {
    id: 'entra-disable-text',
    title: 'Disabling a user with "Replace" and the text "False" disables it, or is refused',
    section: 'RFC 7643 §2.3.2',
    why: 'Entra ID sends text unless ?aadOptscim062020 is set; taken for true, people who left keep their access.',
    steps: [
      refusable(
        'Entra ID must be set up with ?aadOptscim062020 at the end of the tenant URL, or nobody is disabled.',
        patching('entra user', () => [{ op: 'Replace', path: 'active', value: 'False' }], patched),
      ),
      get(pathOf('entra user'), status(200), isFalse),
      patching('entra user', () => [{ op: 'Replace', path: 'active', value: 'True' }], patched),
      get(pathOf('entra user'), status(200), has('active', true)),
    ],
  },
  {
    id: 'entra-add-by-value-path',
    title: 'A value path that selects nothing yet makes the value',
    section: 'RFC 7644 §3.5.2.1',
    why: 'Entra ID adds the first telephone number and address of a user so.',
    steps: [
      refusable(
        'Telephone numbers and further addresses from Entra ID cannot be stored here.',
        patching(
          'entra user',
          () => [{ op: 'add', path: 'phoneNumbers[type eq "mobile"].value', value: '+1 555 0100' }],
          patched,
        ),
      ),
      get(pathOf('entra user'), status(200), has('phoneNumbers', [{ type: 'mobile', value: '+1 555 0100' }])),
    ],
  },
  {
    id: 'entra-pathless',
    title: 'Changes without a path, with full names of extension attributes as members',
    section: patchReplace,
    why: 'With ?aadOptscim062020 Entra ID sends updates so.',
    needs: ['enterprise'],
    steps: [
      refusable(
        'Updates of Entra ID with ?aadOptscim062020 are refused here.',
        patching(
          'entra user',
          () => [{ op: 'replace', value: { nickName: 'Nick', [`${enterpriseSchema}:costCenter`]: '4130' } }],
          patched,
        ),
      ),
      get(
        pathOf('entra user'),
        status(200),
        has('nickName', 'Nick'),
        has([enterpriseSchema], { costCenter: '4130', employeeNumber: '701984' }),
      ),
    ],
  },
  {
    id: 'entra-manager',
    title: 'A manager is set and removed',
    section: 'RFC 7643 §4.3',
    why: 'Entra ID keeps references of people so.',
    needs: ['enterprise'],
    steps: [
      making(
        'entra manager',
        post('/Users', (visit) => user(visit, 'entra-manager'), status(201)),
      ),
      patching(
        'entra user',
        (visit) => [
          {
            op: 'add',
            path: `${enterpriseSchema}:manager`,
            value: { value: visit.made('entra manager').id },
          },
        ],
        patched,
      ),
      get(pathOf('entra user'), status(200), {
        says: (visit) => `manager.value is ${visit.made('entra manager').id}`,
        judge: ({ json }, visit) => {
          const found = valueAt(json, [enterpriseSchema, 'manager', 'value']);
          return found === visit.made('entra manager').id ? undefined : `manager.value is ${show(found)}`;
        },
      }),
      patching('entra user', () => [{ op: 'remove', path: `${enterpriseSchema}:manager` }], patched),
      get(pathOf('entra user'), status(200), {
        says: 'no manager',
        judge: ({ json }) => {
          const found = valueAt(json, [enterpriseSchema, 'manager', 'value']);
          return found === undefined || found === null ? undefined : `manager.value is ${show(found)}`;
        },
      }),
    ],
  },
  {
    id: 'entra-delete',
    title: 'Deleting a user is 204, and the look-up finds nobody',
    section: 'RFC 7644 §3.6',
    why: 'Entra ID deletes thirty days after a person was removed.',
    steps: [
      making(
        'entra leaver',
        post('/Users', (visit) => user(visit, 'entra-leaver'), status(201)),
      ),
      remove(pathOf('entra leaver'), status(204)),
      get(pathOf('entra leaver'), ...error(404)),
      get(
        (visit) => query('/Users', { filter: eq('userName', addressOf(visit, 'entra-leaver')) }),
        ...nobody,
      ),
    ],
  },
];

export const entra: Flow = {
  name: 'entra',
  title: 'As Entra ID does it',
  checks: [...users, ...entraGroups],
};
