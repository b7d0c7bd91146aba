/** Whole users by POST and PUT, and bodies in forms that clients send: what was sent comes back, or is refused. */
import { isDeepStrictEqual } from 'node:util';
import type { Check, Expectation, Step, Visit } from './check.ts';
import { has, hasOf, membersOf, resourcesOf, show, status, valueAt } from './expect.ts';
import {
  addressOf,
  enterpriseSchema,
  get,
  making,
  nameOf,
  pathOf,
  post,
  put,
  user,
  userSchema,
} from './messages.ts';
import { becomes, type Members, probe } from './probe.ts';

/** A user with a value for each attribute of RFC 7643 §8.3 that a client may write. */
function whole(visit: Visit, word: string): Members {
  const mail = addressOf(visit, word);
  return user(visit, word, {
    externalId: nameOf(visit, `${word}-external`),
    name: {
      formatted: 'Ms. Barbara J Jensen, III',
      familyName: 'Jensen',
      givenName: 'Barbara',
      middleName: 'Jane',
      honorificPrefix: 'Ms.',
      honorificSuffix: 'III',
    },
    nickName: 'Babs',
    profileUrl: 'https://login.example.com/bjensen',
    emails: [
      { value: mail, type: 'work', primary: true },
      { value: `home-${mail}`, type: 'home' },
    ],
    addresses: [
      {
        type: 'work',
        streetAddress: '100 Universal City Plaza',
        locality: 'Hollywood',
        region: 'CA',
        postalCode: '91608',
        country: 'US',
      },
    ],
    phoneNumbers: [
      { value: 'tel:+1-201-555-0123', type: 'work' },
      { value: 'tel:+1-201-555-0124', type: 'mobile' },
    ],
    ims: [{ value: 'someaimhandle', type: 'aim' }],
    photos: [{ value: 'https://photos.example.com/72930000000Ccne/F', type: 'photo' }],
    userType: 'Employee',
    title: 'Tour Guide',
    preferredLanguage: 'en-US',
    locale: 'en-US',
    timezone: 'America/Los_Angeles',
    entitlements: [{ value: 'book tours' }],
    roles: [{ value: 'guide' }],
    ...(visit.supports('enterprise')
      ? {
          schemas: [userSchema, enterpriseSchema],
          [enterpriseSchema]: {
            employeeNumber: '701984',
            costCenter: '4130',
            organization: 'Universal Studios',
            division: 'Theme Park',
            department: 'Tour Operations',
          },
        }
      : {}),
  });
}

/** The attributes of what was sent that the server's own schema has, or has not. */
function sentOf(visit: Visit, sent: Members, listed: boolean): readonly (readonly [string, unknown])[] {
  const known = new Set(
    visit.answers
      .flatMap(({ json }) => [json, ...resourcesOf(json)])
      .filter((schema) => membersOf(schema).id === userSchema)
      .flatMap((schema) => valueAt(schema, 'attributes') ?? [])
      .map((attribute) => String(membersOf(attribute).name).toLowerCase()),
  );
  const isListed = (name: string) =>
    known.size === 0 || name.startsWith('urn:') || known.has(name.toLowerCase());
  return Object.entries(sent).filter(([name]) => name !== 'schemas' && isListed(name) === listed);
}

function comesBack(sent: (visit: Visit) => Members, listed: boolean): Expectation {
  return {
    ...(listed ? {} : { level: 'should' as const }),
    says: listed
      ? 'each attribute that was sent and that /Schemas lists'
      : 'each attribute that was sent, or a refusal of those that /Schemas does not list',
    judge: ({ json }, visit) => {
      const lost = sentOf(visit, sent(visit), listed).filter(
        // externalId is common to all resources, and in no schema (RFC 7643 §3.1).
        ([name, value]) => !isKept(valueAt(json, name), value),
      );
      return lost.length === 0
        ? undefined
        : lost.map(([name]) => `${name} is ${show(valueAt(json, name))}`).join(', ');
    },
  };
}

/** Every value that was sent is there; servers may add to it. */
function isKept(found: unknown, sent: unknown): boolean {
  if (Array.isArray(sent))
    return (
      Array.isArray(found) &&
      found.length === sent.length &&
      sent.every((value) => found.some((element) => isKept(element, value)))
    );
  if (typeof sent === 'object' && sent !== null)
    return Object.entries(sent).every(([name, value]) => isKept(valueAt(found, name), value));
  return isDeepStrictEqual(found, sent);
}

const readBack = (word: string, ...expect: readonly Expectation[]): Step => ({
  ...get(pathOf(word), status(200), ...expect),
  readsBack: true,
});

const declinable = (step: Step): Step => ({ ...step, mayDecline: true });

const without = (name: string, { [name]: _, ...rest }: Members): Members => rest;

const flat = { [`${enterpriseSchema}:department`]: 'Flat', [`${enterpriseSchema}:costCenter`]: '77' };

export const bodies: readonly Check[] = [
  {
    id: 'integrity-create-whole',
    title: 'A user with all attributes of the standard comes back whole, or is refused',
    section: 'RFC 7644 §3.3',
    why: 'An attribute that is dropped in silence is never sent again.',
    steps: [
      get(`/Schemas/${userSchema}`),
      declinable(
        making(
          'integrity whole',
          post('/Users', (visit) => whole(visit, 'integrity-whole'), status(201)),
        ),
      ),
      readBack(
        'integrity whole',
        comesBack((visit) => whole(visit, 'integrity-whole'), true),
        comesBack((visit) => whole(visit, 'integrity-whole'), false),
      ),
    ],
  },
  {
    id: 'integrity-replace-whole',
    title: 'A user replaced by one with all attributes of the standard comes back whole, or is refused',
    section: 'RFC 7644 §3.5.1',
    why: 'An attribute that is dropped in silence is never sent again.',
    steps: [
      get(`/Schemas/${userSchema}`),
      making(
        'integrity replaced',
        post('/Users', (visit) => user(visit, 'integrity-replaced'), status(201)),
      ),
      declinable(
        put(pathOf('integrity replaced'), (visit) => whole(visit, 'integrity-replaced'), status(200)),
      ),
      readBack(
        'integrity replaced',
        comesBack((visit) => whole(visit, 'integrity-replaced'), true),
        comesBack((visit) => whole(visit, 'integrity-replaced'), false),
      ),
    ],
  },
  {
    id: 'integrity-flat-extension',
    title: 'Extension attributes by their full names in a POST and a PUT are stored, or refused',
    section: 'RFC 7644 §3.10',
    why: 'Clients that write them so in PATCH do it everywhere.',
    needs: ['enterprise'],
    steps: [
      declinable(
        making(
          'integrity flat',
          post('/Users', (visit) => user(visit, 'integrity-flat', flat), status(201)),
        ),
      ),
      readBack('integrity flat', has([enterpriseSchema], { department: 'Flat', costCenter: '77' })),
      declinable(
        put(
          pathOf('integrity flat'),
          (visit) =>
            user(visit, 'integrity-flat', { ...flat, [`${enterpriseSchema}:department`]: 'Flat again' }),
          status(200),
        ),
      ),
      readBack('integrity flat', has([enterpriseSchema], { department: 'Flat again', costCenter: '77' })),
    ],
  },
  {
    id: 'integrity-no-schemas',
    title: 'A POST without schemas is stored whole, or refused',
    section: 'RFC 7643 §3',
    why: 'Several clients leave schemas out.',
    steps: [
      declinable(
        making(
          'integrity unnamed',
          post(
            '/Users',
            (visit) => without('schemas', user(visit, 'integrity-unnamed', { nickName: 'Doc' })),
            status(201),
          ),
        ),
      ),
      readBack(
        'integrity unnamed',
        hasOf('userName', (visit) => addressOf(visit, 'integrity-unnamed')),
        has('name', { givenName: 'Doctor', familyName: 'Visit' }),
        has('nickName', 'Doc'),
      ),
    ],
  },
  {
    id: 'integrity-patch-schemas',
    title: 'A PATCH without schemas, or with wrong ones, is applied, or refused',
    section: 'RFC 7644 §3.5.2',
    why: 'Several clients leave schemas out; a change that is skipped in silence is never sent again.',
    needs: ['patch'],
    steps: (
      [
        ['patch-none', {}],
        ['patch-wrong', { schemas: [userSchema] }],
      ] as const
    ).flatMap(([word, schemas]) =>
      probe(`integrity ${word}`, {
        make: post('/Users', (visit) => user(visit, `integrity-${word}`, { nickName: 'Doc' }), status(201)),
        send: {
          method: 'PATCH',
          path: pathOf(`integrity ${word}`),
          body: () => ({
            ...schemas,
            Operations: [{ op: 'replace', path: 'nickName', value: 'Changed' }],
          }),
          expect: [],
        },
        wanted: becomes('nickName', () => 'Changed'),
      }),
    ),
  },
  {
    id: 'integrity-inactive-put',
    title: 'A deactivated user stays so when PUT says nothing of active',
    section: 'RFC 7644 §3.5.1',
    why: 'An application that finds no active, or true, lets the leaver in again.',
    level: 'should',
    steps: [
      making(
        'integrity leaver',
        post('/Users', (visit) => user(visit, 'integrity-leaver', { active: false }), status(201)),
      ),
      declinable(
        put(
          pathOf('integrity leaver'),
          (visit) => without('active', user(visit, 'integrity-leaver')),
          status(200),
        ),
      ),
      readBack('integrity leaver', has('active', false)),
    ],
  },
  {
    id: 'integrity-decoration',
    title: 'A blank profileUrl or photo does not stop a joiner',
    section: 'RFC 7643 §4.1',
    why: 'Directories send such fields blank; the person is not let in because of a picture.',
    level: 'note',
    steps: [
      making(
        'integrity decorated',
        post(
          '/Users',
          (visit) =>
            user(visit, 'integrity-decorated', { profileUrl: ' ', photos: [{ value: ' ', type: 'photo' }] }),
          status(201),
        ),
      ),
      readBack(
        'integrity decorated',
        hasOf('userName', (visit) => addressOf(visit, 'integrity-decorated')),
        has('active', true),
      ),
    ],
  },
  {
    id: 'integrity-charset',
    title: 'A body in ASCII that says so is taken',
    section: 'RFC 7644 §3.8',
    why: 'HTTP libraries of some clients add the parameter by themselves.',
    level: 'should',
    steps: [
      making('integrity ascii', {
        ...post('/Users', (visit) => user(visit, 'integrity-ascii'), status(201)),
        headers: { 'content-type': 'application/scim+json; charset=us-ascii' },
      }),
      get(
        pathOf('integrity ascii'),
        status(200),
        hasOf('userName', (visit) => addressOf(visit, 'integrity-ascii')),
      ),
    ],
  },
  {
    id: 'integrity-me-location',
    title: '/Me, where there is one, says with Location whose it is',
    section: 'RFC 7644 §3.11',
    why: 'A client that changes itself must know which resource that is.',
    level: 'should',
    steps: [
      declinable(
        get('/Me', {
          says: 'a Location header that ends with /Users/{id}',
          judge: ({ status: code, headers }) =>
            /\/Users\/[^/]+$/.test(headers.get('location') ?? '')
              ? undefined
              : `status ${code}, Location ${show(headers.get('location') ?? undefined)}`,
        }),
      ),
    ],
  },
];
