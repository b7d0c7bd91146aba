/** Filters: three users, and for each question exactly those who are the answer. */
import type { Check, Visit } from './check.ts';
import { error, finds, status } from './expect.ts';
import {
  addressOf,
  enterpriseSchema,
  eq,
  get,
  making,
  nameOf,
  post,
  query,
  refusable,
  user,
} from './messages.ts';

/** Names of the three begin with this, so that a query can be kept to them. */
const searched = 'search';
export const everyone = ['ada', 'bea', 'cyd'] as const;

const address = (visit: Visit, word: string) => addressOf(visit, `${searched}-${word}`);
/** Keeps a filter to the three. */
export const ours = (visit: Visit) => `userName sw ${JSON.stringify(nameOf(visit, searched))}`;

const people: Readonly<
  Record<(typeof everyone)[number], (visit: Visit) => Readonly<Record<string, unknown>>>
> = {
  ada: (visit) => ({
    displayName: `${visit.mark} ada`,
    externalId: nameOf(visit, 'X-Ada'),
    title: 'Engineer',
    emails: [
      { value: address(visit, 'ada-work'), type: 'work', primary: true },
      { value: address(visit, 'ada-home'), type: 'home' },
    ],
  }),
  // Between the two others in alphabetical order, before both in the order of codes.
  bea: (visit) => ({ displayName: `${visit.mark} Bea`, title: 'Manager', active: false }),
  cyd: (visit) => ({ displayName: `${visit.mark} cyd "C"` }),
};

interface Question {
  readonly id: string;
  readonly title: string;
  readonly why?: string;
  readonly section?: string;
  readonly filter: (visit: Visit) => string;
  readonly finds: readonly (typeof everyone)[number][];
  /** No server may refuse this one. */
  readonly basic?: true;
  readonly level?: 'should';
}

const questions: readonly Question[] = [
  {
    id: 'eq',
    title: 'userName eq finds one user',
    why: 'Every identity provider looks for a user so before it makes one.',
    filter: (visit) => eq('userName', address(visit, 'ada')),
    finds: ['ada'],
    basic: true,
  },
  {
    id: 'value-case',
    title: 'userName is compared without regard to letter case',
    section: 'RFC 7643 §4.1.1',
    why: 'Okta and Entra ID send addresses as they are written in the directory.',
    filter: (visit) => eq('userName', address(visit, 'ada').toUpperCase()),
    finds: ['ada'],
    basic: true,
  },
  {
    id: 'name-case',
    title: 'Attributes and operators may be in any letter case',
    filter: (visit) => `USERNAME EQ ${JSON.stringify(address(visit, 'ada'))}`,
    finds: ['ada'],
    basic: true,
  },
  {
    id: 'exact-case',
    title: 'externalId is compared with regard to letter case',
    section: 'RFC 7643 §3.1',
    why: 'The identifiers of two different people may differ in letter case only.',
    filter: (visit) => eq('externalId', nameOf(visit, 'X-Ada').toLowerCase()),
    finds: [],
    level: 'should',
  },
  {
    id: 'urn',
    title: 'An attribute may be named with its schema',
    section: 'RFC 7644 §3.10',
    filter: (visit) => eq('urn:ietf:params:scim:schemas:core:2.0:User:userName', address(visit, 'ada')),
    finds: ['ada'],
  },
  {
    id: 'ne',
    title: 'ne finds the others',
    filter: (visit) => `userName ne ${JSON.stringify(address(visit, 'ada'))} and ${ours(visit)}`,
    finds: ['bea', 'cyd'],
  },
  {
    id: 'co',
    title: 'co finds by a part of the text',
    filter: (visit) => `displayName co ${JSON.stringify(`${visit.mark.slice(8)} be`)}`,
    finds: ['bea'],
  },
  { id: 'sw', title: 'sw finds by the beginning', filter: ours, finds: everyone },
  {
    id: 'ew',
    title: 'ew finds by the end',
    filter: (visit) => `userName ew ${JSON.stringify(address(visit, 'cyd').slice(8))}`,
    finds: ['cyd'],
  },
  {
    id: 'pr',
    title: 'pr finds those who have a value',
    filter: (visit) => `title pr and ${ours(visit)}`,
    finds: ['ada', 'bea'],
  },
  {
    id: 'not',
    title: 'not turns a filter round',
    filter: (visit) => `not (title pr) and ${ours(visit)}`,
    finds: ['cyd'],
  },
  {
    id: 'boolean',
    title: 'A boolean is compared with false, without quotes',
    filter: (visit) => `active eq false and ${ours(visit)}`,
    finds: ['bea'],
  },
  {
    id: 'date',
    title: 'Dates are compared as instants, whatever their offset',
    filter: (visit) => {
      const created = Date.parse(String(Object(Object(visit.made('ada').json).meta).created));
      const at = (seconds: number) => {
        const local = new Date(created + seconds * 1000 + 5 * 3_600_000);
        return local.toISOString().replace(/\.\d+Z$/, '+05:00');
      };
      const own = eq('userName', address(visit, 'ada'));
      return `meta.created ge "${at(-60)}" and meta.created le "${at(60)}" and ${own}`;
    },
    finds: ['ada'],
  },
  {
    id: 'precedence',
    title: 'and binds closer than or',
    filter: (visit) =>
      `${eq('userName', address(visit, 'bea'))} or ${eq('userName', address(visit, 'ada'))} and active eq true`,
    finds: ['ada', 'bea'],
  },
  {
    id: 'grouping',
    title: 'Parentheses group',
    filter: (visit) =>
      `(${eq('userName', address(visit, 'bea'))} or ${eq('userName', address(visit, 'ada'))}) and active eq true`,
    finds: ['ada'],
  },
  {
    id: 'sub-attribute',
    title: 'emails.value looks at every address',
    filter: (visit) => eq('emails.value', address(visit, 'ada-home')),
    finds: ['ada'],
  },
  {
    id: 'value-path',
    title: 'A filter in brackets finds the value that fits it',
    filter: (visit) => `emails[type eq "home" and ${eq('value', address(visit, 'ada-home'))}]`,
    finds: ['ada'],
  },
  {
    id: 'value-path-one-element',
    title: 'A filter in brackets must fit one value as a whole, not several together',
    why: 'A search for a work address would find private ones.',
    filter: (visit) => `emails[type eq "work" and ${eq('value', address(visit, 'ada-home'))}]`,
    finds: [],
  },
  {
    id: 'quotes',
    title: 'Quotes in a value are escaped as in JSON',
    filter: (visit) => eq('displayName', `${visit.mark} cyd "C"`),
    finds: ['cyd'],
  },
];

function checkOf(question: Question): Check {
  const { id, title, why, section = 'RFC 7644 §3.4.2.2', filter, finds: words, basic, level } = question;
  const step = get((visit) => query('/Users', { filter: filter(visit), count: 20 }), ...finds(...words));
  return {
    id: `core-filter-${id}`,
    title,
    section,
    why: why ?? 'A query that finds too few or too many makes its client change the wrong accounts.',
    needs: ['filter'],
    ...(level === undefined ? {} : { level }),
    steps: [basic ? step : refusable('The server refuses this kind of filter in order.', step)],
  };
}

export const filters: readonly Check[] = [
  {
    id: 'core-filter-people',
    title: 'Three users to look for can be made',
    section: 'RFC 7644 §3.3',
    why: 'The questions that follow are about them.',
    steps: everyone.map((word) =>
      making(
        word,
        post('/Users', (visit) => user(visit, `${searched}-${word}`, people[word](visit)), status(201)),
      ),
    ),
  },
  ...questions.map(checkOf),
  {
    id: 'core-filter-extension',
    title: 'An attribute of an extension is found by its full name',
    section: 'RFC 7644 §3.10',
    why: 'Clients look for users by their employee number.',
    needs: ['filter', 'enterprise'],
    steps: [
      making(
        'numbered',
        post(
          '/Users',
          (visit) =>
            user(visit, 'numbered', {
              schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterpriseSchema],
              [enterpriseSchema]: { employeeNumber: nameOf(visit, 'number') },
            }),
          status(201),
        ),
      ),
      refusable(
        'The server refuses this kind of filter in order.',
        get(
          (visit) =>
            query('/Users', {
              filter: eq(`${enterpriseSchema}:employeeNumber`, nameOf(visit, 'number')),
              count: 20,
            }),
          ...finds('numbered'),
        ),
      ),
    ],
  },
  {
    id: 'core-filter-malformed',
    title: 'A malformed filter is refused with 400 invalidFilter',
    section: 'RFC 7644 §3.4.2.2',
    why: 'A server that ignores it answers with everybody.',
    needs: ['filter'],
    steps: [
      get(query('/Users', { filter: 'userName zz "x"', count: 1 }), ...error(400, 'invalidFilter')),
      get(query('/Users', { filter: 'userName eq "x', count: 1 }), ...error(400, 'invalidFilter')),
    ],
  },
];
