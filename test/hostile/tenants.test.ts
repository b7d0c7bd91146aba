/** Roads from one tenant to another: by every method, place of an identifier, reference and cursor. None leads anywhere. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  bulkSchema,
  enterpriseSchema,
  groupSchema,
  newGroup,
  newUser,
  patchOp,
  type RequestOptions,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';

let server: TestServer;
let [mine, theirs] = ['', ''];
/** What the other tenant has, and marks that are in nothing but that. */
let their: { user: string; group: string; cursor: string };
let my: { user: string; group: string };
const marks = ['Secretia', 'secret.person@other.example', 'secret-external', 'Secret Circle'];

const as =
  (token: string) =>
  (method: string, path: string, body?: unknown, more: RequestOptions = {}) =>
    server.request(method, path, { token, ...(body === undefined ? {} : { body }), ...more });
const me = (...args: Parameters<ReturnType<typeof as>>) => as(mine)(...args);
const them = (...args: Parameters<ReturnType<typeof as>>) => as(theirs)(...args);

before(async () => {
  server = await startScimd();
  mine = await server.newToken({ tenant: 'mine' });
  theirs = await server.newToken({ tenant: 'theirs' });
  const user = await them(
    'POST',
    '/Users',
    newUser({
      userName: marks[1],
      displayName: marks[0],
      externalId: marks[2],
      emails: [{ value: marks[1] }],
    }),
  );
  const group = await them(
    'POST',
    '/Groups',
    newGroup({ displayName: marks[3], members: [{ value: user.json.id }] }),
  );
  for (let n = 0; n < 3; n++) await them('POST', '/Users', newUser());
  const { json } = await them('GET', '/Users?cursor&count=1');
  their = { user: user.json.id, group: group.json.id, cursor: json.nextCursor };
  my = {
    user: (await me('POST', '/Users', newUser({ userName: 'me' }))).json.id,
    group: (await me('POST', '/Groups', newGroup({ displayName: 'Mine' }))).json.id,
  };
});
after(() => server.close());

const state = async (): Promise<string> => {
  const [users, groups] = [await them('GET', '/Users?sortBy=id'), await them('GET', '/Groups')];
  return users.text + groups.text;
};

/** Tells nothing of the other tenant, not even that it is there, and changes nothing of it. */
async function assertNoRoad(what: string, answers: () => Promise<readonly Answer[]>): Promise<void> {
  const before = await state();
  for (const { status, text } of await answers()) {
    assert.ok(status < 500, `${what}: ${status} ${text}`);
    for (const mark of marks) assert.ok(!text.includes(mark), `${what} tells ${mark}: ${text}`);
  }
  assert.equal(await state(), before, `${what} changed something`);
}

const unknown = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';

for (const endpoint of ['Users', 'Groups'] as const)
  for (const [method, body] of [
    ['GET', undefined],
    ['HEAD', undefined],
    ['PUT', () => (endpoint === 'Users' ? newUser() : newGroup())],
    ['PATCH', () => patchOp({ op: 'replace', path: 'displayName', value: 'x' })],
    ['DELETE', undefined],
  ] as const)
    test(`${method} /${endpoint}/{id of another tenant} is what it is for an unknown id`, async () => {
      const id = endpoint === 'Users' ? their.user : their.group;
      await assertNoRoad(method, async () => {
        const there = await me(method, `/${endpoint}/${id}`, body?.());
        const nowhere = await me(method, `/${endpoint}/${unknown}`, body?.());
        assert.equal(there.status, 404);
        assert.equal(there.text.replaceAll(id, unknown), nowhere.text);
        return [there];
      });
    });

test('filters, sorting, search and pages find nothing of another tenant', async () => {
  const filters = [
    ...[
      `id eq "${their.user}"`,
      `userName eq "${marks[1]}"`,
      `externalId eq "${marks[2]}"`,
      `displayName co "Secret"`,
    ],
    ...[
      `emails.value eq "${marks[1]}"`,
      `groups.value eq "${their.group}"`,
      `groups.display co "Secret"`,
      'id pr',
    ],
    ...[`not (userName eq "me")`, `meta.location co "${their.user}"`],
  ];
  await assertNoRoad('filters', () =>
    Promise.all([
      ...filters.map((filter) => me('GET', `/Users?filter=${encodeURIComponent(filter)}`)),
      ...filters.map((filter) => me('POST', '/Users/.search', { schemas: [searchSchema], filter })),
      me('GET', `/Groups?filter=${encodeURIComponent(`members.value eq "${their.user}"`)}`),
      me('GET', '/?count=1000'),
      me('POST', '/.search', { schemas: [searchSchema], filter: 'displayName sw "Secret"' }),
      me('GET', '/Users?startIndex=1&count=1000&sortBy=userName'),
    ]),
  );
});

test('a cursor of another tenant is none', async () => {
  await assertNoRoad('cursors', async () => {
    const answers = [
      await me('GET', `/Users?count=1&cursor=${encodeURIComponent(their.cursor)}`),
      await me('POST', '/Users/.search', { schemas: [searchSchema], count: 1, cursor: their.cursor }),
    ];
    for (const { status } of answers) assert.equal(status, 400);
    return answers;
  });
});

test('a member, a manager and a reference of another tenant is as unknown as any', async () => {
  await assertNoRoad('references', async () => {
    const answers: Answer[] = [];
    for (const id of [their.user, their.group]) {
      const base = new URL(server.base).href;
      answers.push(
        await me('POST', '/Groups', newGroup({ members: [{ value: id }] })),
        await me('POST', '/Groups', newGroup({ members: [{ value: id, $ref: `${base}/Users/${id}` }] })),
        await me(
          'PATCH',
          `/Groups/${my.group}`,
          patchOp({ op: 'add', path: 'members', value: [{ value: id }] }),
        ),
        await me(
          'PATCH',
          `/Groups/${my.group}`,
          patchOp({ op: 'remove', path: `members[value eq "${id}"]` }),
        ),
        await me(
          'PATCH',
          `/Users/${my.user}`,
          patchOp({ op: 'add', path: `${enterpriseSchema}:manager`, value: { value: id } }),
        ),
        await me('GET', `/Groups/${my.group}`),
        await me('GET', `/Users/${my.user}`),
      );
    }
    return answers;
  });
  const seen = await them('GET', `/Users/${their.user}`);
  assert.deepEqual(
    seen.json.groups.map(({ value }: { value: string }) => value),
    [their.group],
    'nobody else makes it a member of anything',
  );
});

test('bulk operations reach nothing of another tenant, and tell nothing of it', async () => {
  await assertNoRoad('bulk', async () => {
    const data = patchOp({ op: 'replace', path: 'displayName', value: 'x' });
    const paths = [`/Users/${their.user}`, `/Groups/${their.group}`];
    const operations = paths.flatMap((path) => [
      { method: 'PATCH', path, data },
      { method: 'PUT', path, data: path.startsWith('/Users') ? newUser() : newGroup() },
      { method: 'DELETE', path },
      { method: 'DELETE', path, version: 'W/"1"' },
    ]);
    const answer = await me('POST', '/Bulk', { schemas: [bulkSchema], Operations: operations });
    for (const { status } of answer.json.Operations) assert.equal(status, '404');
    return [answer];
  });
});

test('names and identifiers that another tenant has taken are free', async () => {
  for (const [path, body] of [
    ['/Users', { schemas: [userSchema], userName: marks[1], externalId: marks[2] }],
    ['/Groups', { schemas: [groupSchema], displayName: marks[3], externalId: 'x' }],
  ] as const) {
    const made = await me('POST', path, body);
    assert.equal(made.status, 201);
    assert.equal((await me('DELETE', `${path}/${made.json.id}`)).status, 204);
  }
});

test('no field of a request names a tenant', async () => {
  await assertNoRoad('fields', () =>
    Promise.all(
      [
        'X-Tenant',
        'X-Tenant-Id',
        'Tenant',
        'X-Forwarded-Host',
        'Forwarded',
        'X-Original-URL',
        'X-HTTP-Method-Override',
      ].map((name) =>
        me('GET', `/Users/${their.user}`, undefined, {
          headers: { [name]: name === 'Forwarded' ? 'host=theirs' : 'theirs' },
        }),
      ),
    ),
  );
});
