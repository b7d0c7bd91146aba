/** Attributes of users: what PATCH says it did, read back. */
import type { Check, Feature, Visit } from './check.ts';
import { membersOf, show, valueAt } from './expect.ts';
import { enterpriseSchema } from './messages.ts';
import { any, becomes, type Members, refused, unchanged, type Wanted } from './probe.ts';
import { address, emails, home, onUser, other, type Patched, withAddress, work } from './user-probes.ts';

const withManager = (manager: Members | undefined): Wanted =>
  becomes(enterpriseSchema, () => ({ department: 'Surgery', employeeNumber: '701984', manager }));

interface PatchCheck extends Omit<Check, 'steps' | 'needs'> {
  readonly needs?: readonly Feature[];
  readonly probes: readonly Patched[];
}

const patches: readonly PatchCheck[] = [
  {
    id: 'integrity-value-unknown',
    title: 'A value without one attribute that is known does not clear what it replaces',
    section: 'RFC 7644 §3.5.2.3',
    why: 'A mistyped name costs the user all addresses, and the client takes the new one for stored.',
    probes: [
      {
        name: 'unknown-all',
        operation: (visit) => ({ op: 'replace', path: 'emails', value: [{ email: address(visit, 'new') }] }),
        wanted: any(
          unchanged(),
          becomes('emails', (visit) => [{ value: address(visit, 'new') }]),
        ),
        should: any(
          becomes('emails', (visit) => [{ value: address(visit, 'new') }]),
          refused,
        ),
      },
      {
        name: 'unknown-one',
        operation: (visit) => ({
          op: 'replace',
          path: 'emails[type eq "work"]',
          value: { email: address(visit, 'new') },
        }),
        wanted: any(unchanged(), emails(withAddress(work, 'integrity-new'), home)),
        should: any(emails(withAddress(work, 'integrity-new'), home), refused),
      },
    ],
  },
  {
    id: 'integrity-value-wrapped',
    title: 'A value within an object of the attribute’s own name is taken, or refused',
    section: 'RFC 7644 §3.5.2',
    why: 'Salesforce documents this form for members; read as nothing, the change is lost.',
    probes: [
      {
        name: 'wrapped-name',
        operation: () => ({ op: 'replace', path: 'name', value: { name: { givenName: 'Wrapped' } } }),
        wanted: becomes('name givenName', () => 'Wrapped'),
      },
      {
        name: 'wrapped-emails',
        operation: (visit) => ({ op: 'add', path: 'emails', value: { emails: [other(visit)] } }),
        wanted: emails(work, home, other),
      },
      {
        name: 'wrapped-pathless',
        operation: () => ({ op: 'replace', value: [{ nickName: 'Wrapped' }] }),
        wanted: becomes('nickName', () => 'Wrapped'),
      },
    ],
  },
  {
    id: 'integrity-remove-named',
    title: 'remove with a value takes away what the value names, and nothing else',
    section: 'RFC 7644 §3.5.2.2',
    why: 'All addresses of a user go with one, or the one stays that the client takes for gone.',
    probes: [
      {
        name: 'remove-type',
        operation: () => ({ op: 'remove', path: 'emails', value: [{ type: 'home' }] }),
        wanted: emails(work),
      },
      {
        name: 'remove-nobody',
        operation: () => ({ op: 'remove', path: 'emails', value: [{ display: 'Nobody' }] }),
        wanted: unchanged(),
      },
      {
        name: 'remove-unknown',
        operation: () => ({ op: 'remove', path: 'emails', value: { unknown: 'x' } }),
        wanted: unchanged(),
      },
      {
        name: 'remove-case',
        operation: (visit) => ({
          op: 'remove',
          path: 'emails',
          value: [{ value: address(visit, 'home').toUpperCase() }],
        }),
        wanted: any(emails(work), unchanged()),
        should: emails(work),
      },
      {
        name: 'remove-contradiction',
        operation: (visit) => ({
          op: 'remove',
          path: 'emails[type eq "home"]',
          value: [{ value: address(visit, 'work') }],
        }),
        wanted: any(unchanged(), emails(work)),
      },
      {
        name: 'remove-single',
        operation: () => ({ op: 'remove', path: 'nickName', value: 'Somebody else' }),
        wanted: any(
          unchanged(),
          becomes('nickName', () => undefined),
        ),
        should: unchanged(),
      },
    ],
  },
  {
    id: 'integrity-value-path-no-match',
    title: 'A value path that selects nothing stores what was sent, or is refused',
    section: 'RFC 7644 §3.5.2.3',
    why: 'A value that has only what the filter says is an address without an address.',
    probes: [
      {
        name: 'no-match-object',
        operation: (visit) => ({
          op: 'replace',
          path: 'emails[type eq "other"]',
          value: { value: address(visit, 'other') },
        }),
        wanted: emails(work, home, other),
      },
      {
        name: 'no-match-text',
        operation: (visit) => ({
          op: 'add',
          path: 'emails[type eq "other"]',
          value: address(visit, 'other'),
        }),
        wanted: emails(work, home, other),
      },
      {
        name: 'no-match-array',
        operation: (visit) => ({
          op: 'add',
          path: 'emails[type eq "other"]',
          value: [{ value: address(visit, 'other') }],
        }),
        wanted: emails(work, home, other),
      },
      {
        name: 'no-match-number',
        operation: () => ({ op: 'add', path: 'emails[type eq "other"]', value: 5 }),
        wanted: unchanged(),
      },
      {
        name: 'no-match-null',
        operation: () => ({ op: 'replace', path: 'emails[type eq "other"]', value: null }),
        wanted: unchanged(),
      },
      {
        name: 'no-match-single',
        operation: () => ({
          op: 'replace',
          path: 'name[givenName eq "Nobody"].familyName',
          value: 'Changed',
        }),
        wanted: unchanged(),
        should: refused,
      },
    ],
  },
  {
    id: 'integrity-clear-manager',
    title: 'A manager that is replaced by "" is gone, or the request is refused',
    section: 'RFC 7643 §2.5',
    why: 'Identity providers clear a manager so; the old one would go on approving requests.',
    needs: ['enterprise'],
    probes: [
      ...(
        [
          ['path', { path: `${enterpriseSchema}:manager`, value: '' }],
          ['flat', { value: { [`${enterpriseSchema}:manager`]: '' } }],
          ['nested', { value: { [enterpriseSchema]: { manager: '' } } }],
        ] as const
      ).map(([name, operation]) => ({
        name: `manager-${name}`,
        operation: () => ({ op: 'replace', ...operation }),
        wanted: withManager(undefined),
      })),
      {
        name: 'manager-value',
        operation: () => ({ op: 'replace', path: `${enterpriseSchema}:manager.value`, value: '' }),
        // By the letter "" is a value.
        wanted: any(withManager(undefined), withManager({ value: '' })),
        note: withManager(undefined),
      },
    ],
  },
  {
    id: 'integrity-clear-name',
    title: 'A name that is replaced by "" is gone, or the request is refused',
    section: 'RFC 7643 §2.5',
    why: 'The client takes the old name for cleared.',
    probes: [
      {
        name: 'clear-name',
        operation: () => ({ op: 'replace', path: 'name', value: '' }),
        wanted: becomes('name', () => undefined),
      },
    ],
  },
  {
    id: 'integrity-add',
    title: 'add keeps what is there and loses nothing of what is new',
    section: 'RFC 7644 §3.5.2.1',
    why: 'The client takes both for stored.',
    probes: [
      {
        name: 'add-object',
        operation: (visit) => ({ op: 'add', path: 'emails', value: other(visit) }),
        wanted: emails(work, home, other),
      },
      {
        name: 'add-display',
        operation: (visit) => ({
          op: 'add',
          path: 'emails',
          value: [{ ...work(visit), display: 'Renamed' }],
        }),
        wanted: {
          says: 'an address with the new display, and all others as they were',
          judge: (after, before, visit) => {
            // Where displays are not stored at all, this one is not lost here.
            if (!JSON.stringify(before).includes('At work'))
              return any(unchanged(), emails(work, work, home)).judge(after, before, visit);
            const renamed = (each: Visit): Members => ({ ...work(each), display: 'Renamed' });
            const kept = (each: Visit): Members => ({ ...work(each), display: 'At work' });
            return any(
              becomes('emails', (each) => [renamed(each), home(each)]),
              becomes('emails', (each) => [kept(each), renamed(each), home(each)]),
            ).judge(after, before, visit);
          },
        },
      },
    ],
  },
  {
    id: 'integrity-primary-survives',
    title:
      'The primary value stays so, with its display, when another is changed or it comes to equal another',
    section: 'RFC 7644 §3.5.2.3',
    why: 'Mail for the user goes nowhere when no address is the primary one.',
    probes: [
      {
        name: 'beside',
        operation: (visit) => ({
          op: 'replace',
          path: 'emails[type eq "home"].value',
          value: address(visit, 'new'),
        }),
        wanted: emails(work, withAddress(home, 'integrity-new')),
      },
      {
        name: 'equal',
        more: (visit) => ({
          emails: [
            work(visit),
            { ...work(visit), value: address(visit, 'second'), primary: true, display: 'Second' },
          ],
        }),
        operation: (visit) => ({
          op: 'replace',
          path: 'emails[primary eq true].value',
          value: address(visit, 'work'),
        }),
        wanted: {
          says: (visit) => `${address(visit, 'work')} is the primary address, with the display "Second"`,
          judge: (after, before, visit) => {
            const found = valueAt(after, 'emails');
            const primary = (Array.isArray(found) ? found : [])
              .map(membersOf)
              .find((each) => each.primary === true);
            const keepsDisplay =
              !JSON.stringify(before).includes('"Second"') || primary?.display === 'Second';
            if (primary?.value !== address(visit, 'work') || !keepsDisplay) return `emails is ${show(found)}`;
            return unchanged('emails').judge(after, before, visit);
          },
        },
      },
    ],
  },
  {
    id: 'integrity-json-text',
    title: 'An object sent as JSON text is taken as what it says, or refused',
    section: 'RFC 7644 §3.5.2',
    why: 'A known client library sends it; stored as an address, mail goes nowhere.',
    probes: [
      {
        name: 'text-emails',
        operation: (visit) => ({ op: 'add', path: 'emails', value: JSON.stringify(other(visit)) }),
        wanted: emails(work, home, other),
      },
      {
        name: 'text-name',
        operation: () => ({ op: 'replace', path: 'name', value: JSON.stringify({ givenName: 'Text' }) }),
        wanted: becomes('name givenName', () => 'Text'),
      },
    ],
  },
  {
    id: 'integrity-letter-case',
    title: 'Names in another letter case are the same attribute, wherever they stand',
    section: 'RFC 7643 §2.1',
    why: 'The change is lost, or the attribute is duplicated.',
    probes: [
      {
        name: 'case-path',
        operation: (visit) => ({
          op: 'replace',
          path: 'EMAILS[TYPE eq "home"].VALUE',
          value: address(visit, 'new'),
        }),
        wanted: emails(work, withAddress(home, 'integrity-new')),
      },
      {
        name: 'case-filter',
        operation: (visit) => ({
          op: 'add',
          path: 'emails[type eq "other"]',
          value: { Type: 'other', VALUE: address(visit, 'other') },
        }),
        wanted: emails(work, home, other),
      },
      {
        name: 'case-pathless',
        operation: () => ({ op: 'replace', value: { NICKNAME: 'Any case' } }),
        wanted: becomes('nickName', () => 'Any case'),
      },
    ],
  },
  {
    id: 'integrity-inactive',
    title: 'A deactivated user stays so when active is removed or replaced by null',
    section: 'RFC 7643 §4.1.1',
    why: 'An application that finds no active lets the leaver in again.',
    probes: (
      [
        ['remove', { op: 'remove', path: 'active' }],
        ['null', { op: 'replace', path: 'active', value: null }],
        ['null-pathless', { op: 'replace', value: { active: null } }],
      ] as const
    ).map(([name, operation]) => ({
      name: `inactive-${name}`,
      more: () => ({ active: false }),
      operation: () => operation,
      wanted: any(
        unchanged(),
        becomes('active', () => undefined),
      ),
      should: unchanged(),
    })),
  },
];

export const attributes: readonly Check[] = patches.map(({ probes, needs = [], ...check }) => ({
  ...check,
  needs: ['patch', ...needs],
  steps: probes.flatMap(onUser),
}));
