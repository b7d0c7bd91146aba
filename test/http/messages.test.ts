/** PatchOp, BulkRequest and SearchRequest: what is wrong with one is said with its place, and is never a 5xx. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bulkSchema,
  groupSchema,
  newUser,
  patchOp,
  patchSchema,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { assertError } from './raw.ts';

let server: TestServer;
let strict: string;
let user: string;
before(async () => {
  server = await startScimd();
  strict = await server.newToken({ idp: 'strict' });
  user = (await server.request('POST', '/Users', { body: newUser() })).json.id;
});
after(() => server.close());

type Kind = 'PatchOp' | 'BulkRequest' | 'SearchRequest';

/** Each message as it should be, and where it is sent. */
const messages = {
  PatchOp: { urn: patchSchema, ...patchOp({ op: 'add', path: 'title', value: 'x' }) },
  BulkRequest: {
    urn: bulkSchema,
    Operations: [{ method: 'POST', path: '/Users', bulkId: 'a', data: { userName: 'bulk' } }],
  },
  SearchRequest: { urn: searchSchema, count: 0 },
} as const satisfies Record<Kind, object>;

const kinds = Object.keys(messages) as Kind[];

function send(kind: Kind, changes: Readonly<Record<string, unknown>>, token = server.token) {
  const { urn, ...message } = messages[kind];
  const body = JSON.stringify({ schemas: [urn], ...message, ...changes });
  if (kind === 'PatchOp') return server.request('PATCH', `/Users/${user}`, { body, token });
  return server.request('POST', kind === 'BulkRequest' ? '/Bulk' : '/Users/.search', { body, token });
}

for (const kind of kinds) {
  const { urn } = messages[kind];

  test(`${kind}: schemas that are none are 400, with the place`, async () => {
    for (const [schemas, detail] of [
      [[{ toString: 1 }], 'schemas[0] must be a string, not an object'],
      [[urn, null], 'schemas[1] must be a string, not null'],
      [[urn, 7], 'schemas[1] must be a string, not 7'],
      [{ toString: 1 }, `schemas must be an array of URIs, not an object; it must contain ${urn}`],
      [7, `schemas must be an array of URIs, not 7; it must contain ${urn}`],
      [['urn:ietf:params:scim:api:messages:2.0:ListResponse'], `schemas must contain ${urn}`],
    ] as const) {
      for (const token of [server.token, strict]) {
        const answer = await send(kind, { schemas }, token);
        assertError(answer, 400);
        assert.deepEqual([answer.json.scimType, answer.json.detail], ['invalidSyntax', detail]);
      }
    }
  });

  test(`${kind}: without its URN it is what the endpoint takes; strict says what is missing`, async () => {
    for (const schemas of [
      undefined,
      null,
      [],
      urn,
      [userSchema],
      ['urn:example:other'],
      [urn.toUpperCase()],
    ]) {
      const answer = await send(kind, { schemas });
      assert.equal(answer.status, 200, answer.text);
    }
    for (const schemas of [undefined, null, [], urn, [userSchema], ['urn:example:other']])
      assertError(await send(kind, { schemas }, strict), 400, new RegExp(`^schemas .*${urn}$`));
  });
}

test('data of a bulk request without schemas is of the type of its path; strict refuses that operation', async () => {
  const statuses = async (token: string) => {
    const { schemas: _, ...data } = newUser();
    const Operations = [
      { method: 'POST', path: '/Users', bulkId: 'a', data },
      { method: 'PUT', path: `/Users/${user}`, data },
      {
        method: 'PATCH',
        path: `/Users/${user}`,
        data: { Operations: [{ op: 'add', path: 'title', value: 'x' }] },
      },
    ];
    const body = { schemas: [bulkSchema], Operations: [Operations[0], Operations[2]] };
    const put = {
      schemas: [bulkSchema],
      Operations: [{ ...Operations[1], data: { ...data, userName: 'put' } }],
    };
    const answers = [
      await server.request('POST', '/Bulk', { body, token }),
      await server.request('POST', '/Bulk', { body: put, token }),
    ];
    return answers.flatMap(({ json }) => json.Operations.map(({ status }: { status: string }) => status));
  };
  assert.deepEqual(await statuses(server.token), ['201', '200', '200']);
  assert.deepEqual(await statuses(strict), ['400', '400', '400']);
});

test('a PATCH with the schema of another resource type is refused', async () => {
  assertError(await send('PatchOp', { schemas: [groupSchema] }), 400, /^schemas must contain/);
});

for (const [kind, changes, detail, scimType = 'invalidSyntax'] of [
  [
    'PatchOp',
    { Operations: undefined },
    'Operations is required: a PatchOp needs an array of at least one operation',
  ],
  ['PatchOp', { Operations: [] }, 'Operations must be an array of at least one operation'],
  ['PatchOp', { Operations: {} }, 'Operations must be an array of at least one operation, not an object'],
  ['BulkRequest', { Operations: 'x' }, 'Operations must be an array of at least one operation, not a string'],
  ['BulkRequest', { failOnErrors: -1 }, 'failOnErrors must be a positive integer, or 0 for no limit, not -1'],
  [
    'BulkRequest',
    { failOnErrors: 1.5 },
    'failOnErrors must be a positive integer, or 0 for no limit, not 1.5',
  ],
  ['SearchRequest', { filter: 7 }, 'filter must be a string, not 7'],
  ['SearchRequest', { sortBy: { toString: 1 } }, 'sortBy must be a string, not an object'],
  ['SearchRequest', { attributes: 7 }, 'attributes must be an array of attribute names, not 7'],
  [
    'SearchRequest',
    { excludedAttributes: ['a', {}] },
    'excludedAttributes[1] must be a string, not an object',
  ],
  ['SearchRequest', { startIndex: '1.5' }, 'startIndex must be an integer, not a string', 'invalidValue'],
  ['SearchRequest', { count: '', cursor: null }, 'count must be an integer, not a string', 'invalidValue'],
  ['SearchRequest', { count: 1.5 }, 'count must be an integer, not 1.5', 'invalidValue'],
  ['SearchRequest', { count: 'x', cursor: '' }, 'count must be an integer, not a string', 'invalidCount'],
  ['SearchRequest', { filter: 'a pr', FILTER: 'a pr' }, /FILTER/],
] as const) {
  test(`${kind} with ${JSON.stringify(changes)}: ${detail}`, async () => {
    const answer = await send(kind, changes);
    assertError(answer, 400);
    assert.equal(answer.json.scimType, scimType);
    if (typeof detail === 'string') assert.equal(answer.json.detail, detail);
    else assert.match(answer.json.detail, detail);
  });
}

for (const [kind, changes, detail] of [
  ['SearchRequest', { attributes: 'a' }, 'attributes must be an array of attribute names, not a string'],
  ['SearchRequest', { startIndex: '1' }, 'startIndex must be an integer, not a string'],
  ['SearchRequest', { count: '1' }, 'count must be an integer, not a string'],
  [
    'BulkRequest',
    { failOnErrors: '1' },
    'failOnErrors must be a positive integer, or 0 for no limit, not a string',
  ],
] as const) {
  test(`to the letter, ${kind} with ${JSON.stringify(changes)}: ${detail}`, async () => {
    const answer = await send(kind, changes, await server.newToken({ idp: 'strict' }));
    assertError(answer, 400, new RegExp(`^${detail}$`));
  });
}

test('what is null in a message is left out, and names have any letter case', async () => {
  const nothing = { filter: null, sortBy: null, attributes: null, startIndex: null, cursor: null };
  assert.equal((await send('SearchRequest', nothing)).status, 200);
  const body = { SCHEMAS: [searchSchema], Count: 0, FILTER: 'userName pr' };
  const answer = await server.request('POST', '/Users/.search', { body });
  assert.deepEqual([answer.status, answer.json.Resources ?? []], [200, []]);
});
