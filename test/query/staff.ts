/** The schema and the people that the query tests ask about: one attribute of each type, and values at the borders. */
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { type ResourceType, resourceTypeOf } from '../../src/scim/registry.ts';
import { standardSchemas } from '../../src/scim/standard.ts';

export const staffUri = 'urn:example:params:scim:schemas:staff:1.0:User';
export const enterpriseUri = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const staffSchema: SchemaDefinition = {
  id: staffUri,
  attributes: [
    { name: 'floor', type: 'integer' },
    { name: 'rating', type: 'decimal' },
    { name: 'remote', type: 'boolean' },
    { name: 'joined', type: 'dateTime' },
    { name: 'seal', type: 'binary' },
    { name: 'desk', type: 'string', caseExact: true },
    { name: 'skills', type: 'string', multiValued: true },
    { name: 'shifts', type: 'integer', multiValued: true },
    {
      name: 'lockers',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { name: 'number', type: 'string', caseExact: true },
        { name: 'size', type: 'integer' },
        { name: 'opened', type: 'dateTime' },
        { name: 'locked', type: 'boolean' },
        { name: 'code', type: 'string', returned: 'never', mutability: 'writeOnly' },
        { name: 'labels', type: 'string', multiValued: true },
      ],
    },
  ],
};

const schemaOf = (id: string) => standardSchemas.find((schema) => schema.id === id)!;

export const staffSchemas: readonly SchemaDefinition[] = [
  schemaOf('urn:ietf:params:scim:schemas:core:2.0:User'),
  schemaOf(enterpriseUri),
  staffSchema,
];

export const staffType: ResourceType = resourceTypeOf(staffSchemas);

export type Person = { readonly id: string; readonly [name: string]: unknown };

export const staff: readonly Person[] = [
  {
    id: 'ada',
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterpriseUri, staffUri],
    userName: 'Ada.Lovelace',
    externalId: 'HR-1',
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    displayName: 'Ada Lovelace',
    title: 'Analyst',
    active: true,
    profileUrl: 'https://people.example/Ada',
    emails: [
      { value: 'ada@engine.example', type: 'work', primary: true },
      { value: 'countess@home.example', type: 'home' },
    ],
    meta: { created: '2020-01-01T00:00:00Z', lastModified: '2024-05-01T12:00:00.25Z' },
    [enterpriseUri]: { department: 'Research', manager: { value: 'cha', displayName: 'Charles' } },
    [staffUri]: {
      floor: 3,
      rating: 4.5,
      remote: false,
      joined: '2020-01-01T02:00:00+02:00',
      desk: 'A-1',
      skills: ['Maths', 'prose'],
      shifts: [1, 5],
      lockers: [
        { number: 'l1', size: 2, locked: true, labels: ['red', 'Blue'] },
        { number: 'L1', size: 9, locked: false, opened: '2024-01-01T00:00:00Z' },
      ],
    },
  },
  {
    id: 'bob',
    userName: 'BOB',
    name: { givenName: 'Bob' },
    displayName: '100% bob_\\',
    title: '',
    active: false,
    emails: [{ value: 'bob@home.example', type: 'home', primary: true }, { value: 'bob@engine.example' }],
    meta: { created: '2020-01-01T00:00:00.000Z', lastModified: '2024-05-01T12:00:00.2500001Z' },
    [staffUri]: { floor: -2, rating: 1e-7, remote: true, skills: ['100%'], shifts: [5] },
  },
  {
    id: 'cha',
    userName: 'charles',
    name: {},
    displayName: 'ΣΊΣΥΦΟΣ',
    title: null,
    nickName: '😀',
    active: true,
    emails: [],
    phoneNumbers: [{}],
    [enterpriseUri]: {},
    [staffUri]: { floor: 0, skills: [], lockers: [{ size: 2 }], seal: 'AbC=' },
  },
  {
    id: 'dee',
    USERNAME: 'dee',
    DisplayName: "'; DROP TABLE person; --",
    nickName: '\uffff',
    emails: [{ VALUE: 'dee@engine.example', Type: 'WORK', primary: false }],
    phoneNumbers: null,
  },
];
