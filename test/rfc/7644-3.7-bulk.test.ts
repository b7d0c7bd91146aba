import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createScimd } from '../../src/index.ts';
import {
  type Answer,
  bulkSchema,
  enterpriseSchema,
  errorSchema,
  newGroup,
  newUser,
  patchOp,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

type Operation = Readonly<Record<string, unknown>>;

interface Result {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: { schemas: string[]; status: string; scimType?: string; detail: string };
}

const message = (operations: readonly Operation[], more: object = {}) => ({
  schemas: [bulkSchema],
  ...more,
  Operations: operations,
});

/** Sends the operations as one bulk request and gives the results; asserts that the job as such is carried out. */
async function bulk(
  operations: readonly Operation[],
  more: object = {},
  by = client,
): Promise<readonly Result[]> {
  const answer = await by.request('POST', '/Bulk', { body: message(operations, more) });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.json).sort(), ['Operations', 'schemas']);
  return answer.json.Operations;
}

const post = (
  bulkId: string,
  path = '/Users',
  data: unknown = path === '/Users' ? newUser() : newGroup(),
) => ({
  method: 'POST',
  path,
  bulkId,
  data,
});
const statuses = (results: readonly Result[]) => results.map(({ status }) => status);
const idIn = (result: Result | undefined) => result?.location?.split('/').at(-1) as string;
const bad = newUser({ active: 'maybe' });

test('P-3.7-02: the request is a BulkRequest, the answer a BulkResponse', async () => {
  const answer = await client.request('POST', '/Bulk', { body: message([post('a')]) });
  assert.deepEqual(answer.json.schemas, ['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
  for (const schemas of [undefined, [], [userSchema], [searchSchema], bulkSchema]) {
    const body = { schemas, Operations: [post('a')] };
    refused(await client.request('POST', '/Bulk', { body }), 400, 'invalidSyntax', /schemas/);
  }
});

test('P-3.7-03: Operations, and method and path of each, are mandatory', async () => {
  const total = (await client.read('/Users')).totalResults;
  for (const Operations of [undefined, null, [], {}, 'x']) {
    const body = { schemas: [bulkSchema], Operations };
    refused(await client.request('POST', '/Bulk', { body }), 400, 'invalidSyntax', /Operations/);
  }
  const results = await bulk([
    { path: '/Users', bulkId: 'a', data: newUser() },
    { method: 'POST', bulkId: 'b', data: newUser() },
    { method: 5, path: '/Users', bulkId: 'c', data: newUser() },
    { method: 'POST', path: ['/Users'], bulkId: 'd', data: newUser() },
    'text' as never,
    null as never,
    { method: 'POST', METHOD: 'DELETE', path: '/Users', bulkId: 'e', data: newUser() },
  ]);
  assert.deepEqual(statuses(results), Array(7).fill('400'));
  for (const [index, { response }] of results.entries()) {
    assert.equal(response?.scimType, 'invalidSyntax');
    assert.match(response?.detail ?? '', new RegExp(`Operations\\[${index}\\]`));
  }
  assert.equal((await client.read('/Users')).totalResults, total);
});

test('P-3.7-04: an operation is a POST, PUT, PATCH or DELETE', async () => {
  const user = await client.create('/Users', newUser());
  const path = `/Users/${user.id}`;
  const results = await bulk([
    ...['GET', 'HEAD', 'OPTIONS', 'COPY', ''].map((method) => ({ method, path })),
    post('a'),
    { method: 'PUT', path, data: { ...user, title: 'x' } },
    { method: 'PATCH', path, data: patchOp({ op: 'add', path: 'nickName', value: 'y' }) },
    { method: 'DELETE', path },
  ]);
  assert.deepEqual(statuses(results), ['400', '400', '400', '400', '400', '201', '200', '200', '204']);
  assert.equal(results[0]?.response?.scimType, 'invalidSyntax');
});

test('P-3.7-05: a POST has a bulkId, and it is the only one that has it', async () => {
  const results = await bulk([
    { method: 'POST', path: '/Users', data: newUser() },
    { method: 'POST', path: '/Users', bulkId: '', data: newUser() },
    { method: 'POST', path: '/Users', bulkId: 7, data: newUser() },
    post('twice'),
    post('twice'),
  ]);
  assert.deepEqual(statuses(results), ['400', '400', '400', '201', '400']);
  for (const index of [0, 1, 2, 4]) assert.equal(results[index]?.response?.scimType, 'invalidSyntax');
  assert.match(results[4]?.response?.detail ?? '', /twice/);
});

test('P-3.7-06: version is the If-Match of its operation', async () => {
  const users = [];
  for (let i = 0; i < 3; i++) users.push(await client.create('/Users', newUser()));
  const [a, b, c] = users;
  const change = patchOp({ op: 'add', path: 'title', value: 'x' });
  const stale = { version: 'W/"7"' };
  const failed = await bulk([
    { method: 'PUT', path: `/Users/${a.id}`, data: { ...a, title: 'x' }, ...stale },
    { method: 'PATCH', path: `/Users/${b.id}`, data: change, ...stale },
    { method: 'DELETE', path: `/Users/${c.id}`, ...stale },
    { method: 'DELETE', path: `/Users/${c.id}`, version: '' },
    { method: 'DELETE', path: `/Users/${c.id}`, version: 1 },
  ]);
  assert.deepEqual(statuses(failed), ['412', '412', '412', '412', '400']);
  for (const user of users) assert.deepEqual(await client.read(`/Users/${user.id}`), user);
  const current = { version: a.meta.version };
  const done = await bulk([
    { method: 'PUT', path: `/Users/${a.id}`, data: { ...a, title: 'x' }, ...current },
    { method: 'PATCH', path: `/Users/${b.id}`, data: change, ...current },
    { method: 'DELETE', path: `/Users/${c.id}`, ...current },
  ]);
  assert.deepEqual(statuses(done), ['200', '200', '204']);
  assert.deepEqual([done[0]?.version, done[1]?.version], ['W/"2"', 'W/"2"']);
});

test('P-3.7-07: a POST goes to the endpoint of a resource type, all else to a resource', async () => {
  const { id } = await client.create('/Users', newUser());
  const results = await bulk([
    post('a', `/Users/${id}`, newUser()),
    { method: 'PUT', path: '/Users', data: newUser() },
    { method: 'PATCH', path: '/Users', data: patchOp({ op: 'add', path: 'title', value: 'x' }) },
    { method: 'DELETE', path: '/Users' },
    post('b', 'Users', newUser()),
    post('c', `${server.base}/Users`, newUser()),
    post('d', '/Users?attributes=id', newUser()),
    { method: 'DELETE', path: `/Users/${id}/x` },
    post('e', '/Nope', newUser()),
    { method: 'DELETE', path: `/Nope/${id}` },
    { method: 'DELETE', path: `/Groups/${id}` },
    post('f', '/Bulk', message([post('a')])),
    post('g', '/.search', { schemas: [searchSchema] }),
    post('h', '/Schemas', {}),
    post('i', '/Me', newUser()),
    { method: 'DELETE', path: '/Users/%zz' },
  ]);
  assert.deepEqual(statuses(results), [
    ...Array(8).fill('400'),
    ...['404', '404', '404', '404', '404', '404', '404', '400'],
  ]);
  assert.equal((await client.request('GET', `/Users/${id}`)).status, 200);
});

test('P-3.7-08: POST, PUT and PATCH have data', async () => {
  const { id } = await client.create('/Users', newUser());
  const path = `/Users/${id}`;
  const results = await bulk([
    { method: 'POST', path: '/Users', bulkId: 'a' },
    { method: 'PUT', path },
    { method: 'PATCH', path, data: null },
    { method: 'PUT', path, data: 'x' },
  ]);
  assert.deepEqual(statuses(results), ['400', '400', '400', '400']);
  for (const { response } of results) assert.match(response?.detail ?? '', /data/);
});

test('P-3.7-09, P-3.7-10, P-3.7-18, P-3.7.3-04: all but a failed POST has its location, each failure its error, in the order sent', async () => {
  const [user, other] = [await client.create('/Users', newUser()), await client.create('/Users', newUser())];
  const location = `${server.base}/Users/${user.id}`;
  const path = `/Users/${user.id}`;
  const results = await bulk([
    post('ok'),
    post('bad', '/Users', bad),
    { method: 'PUT', path, data: { ...user, userName: null } },
    { method: 'PUT', path },
    { method: 'PATCH', path, data: patchOp({ op: 'remove', path: 'id' }) },
    { method: 'PATCH', path, bulkId: 'p', data: patchOp({ op: 'add', path: 'title', value: 'x' }) },
    { method: 'DELETE', path: `/Users/${other.id}`, version: 'W/"9"' },
    { method: 'DELETE', path: '/Users/unknown' },
    { method: 'DELETE', path: `/Users/${other.id}` },
  ]);
  assert.deepEqual(
    results.map(({ method, bulkId, status, location: at, response }) => [
      method,
      bulkId,
      status,
      at?.replace(server.base, ''),
      response?.scimType,
    ]),
    [
      ['POST', 'ok', '201', `/Users/${idIn(results[0])}`, undefined],
      ['POST', 'bad', '400', undefined, 'invalidValue'],
      ['PUT', undefined, '400', path, 'invalidValue'],
      ['PUT', undefined, '400', path, 'invalidSyntax'],
      ['PATCH', undefined, '400', path, 'mutability'],
      ['PATCH', 'p', '200', path, undefined],
      ['DELETE', undefined, '412', `/Users/${other.id}`, undefined],
      ['DELETE', undefined, '404', '/Users/unknown', undefined],
      ['DELETE', undefined, '204', `/Users/${other.id}`, undefined],
    ],
  );
  assert.equal(results[5]?.location, location);
  for (const { status, response } of results) {
    if (Number(status) < 300) continue;
    assert.deepEqual(response?.schemas, [errorSchema]);
    assert.equal(response?.status, status);
    assert.match(response?.detail ?? '', /\w/);
  }
});

test('P-3.7-11, P-3.7-12: a job is 200 though operations fail, and everything else of it is carried out', async () => {
  const results = await bulk([post('a', '/Users', bad), post('b'), post('c', '/Users', bad), post('d')]);
  assert.deepEqual(statuses(results), ['400', '201', '400', '201']);
  for (const index of [1, 3]) {
    assert.equal((await client.request('GET', results[index]?.location as string)).status, 200);
  }
  assert.deepEqual(statuses(await bulk([post('a', '/Users', bad), post('b', '/Users', bad)])), [
    '400',
    '400',
  ]);
  refused(await client.request('POST', '/Bulk', { body: '{' }), 400, 'invalidSyntax');
  const reader = await server.newToken({ scope: 'read' });
  refused(await server.request('POST', '/Bulk', { token: reader, body: message([post('a')]) }), 403);
});

test('P-3.7-13, P-3.7-14: after failOnErrors errors nothing more is run, nor has a result', async () => {
  const own = await newClient(server);
  const operations = [post('a', '/Users', bad), post('b'), post('c', '/Users', bad), post('d'), post('e')];
  for (const [failOnErrors, expected] of [
    [1, ['400']],
    [2, ['400', '201', '400']],
    [3, ['400', '201', '400', '201', '201']],
    [undefined, ['400', '201', '400', '201', '201']],
  ] as const) {
    const fresh = operations.map((each) => ({ ...each, data: each.data === bad ? bad : newUser() }));
    const before = (await own.read('/Users')).totalResults;
    const results = await bulk(fresh, failOnErrors === undefined ? {} : { failOnErrors }, own);
    assert.deepEqual(statuses(results), expected, String(failOnErrors));
    const created = expected.filter((status) => status === '201').length;
    assert.equal((await own.read('/Users')).totalResults, before + created);
  }
  const strict = await newClient(server, { idp: 'strict' });
  for (const failOnErrors of [-1, 1.5, '1.5', true, '1']) {
    const body = message([post('a')], { failOnErrors });
    refused(await strict.request('POST', '/Bulk', { body }), 400, 'invalidSyntax', /failOnErrors/);
    if (failOnErrors !== '1')
      refused(await own.request('POST', '/Bulk', { body }), 400, 'invalidSyntax', /failOnErrors/);
  }
});

test('P-3.7-13: operations that cannot be read count as errors too', async () => {
  const results = await bulk([{ method: 'GET', path: '/Users' }, post('a')], { failOnErrors: 1 });
  assert.deepEqual(statuses(results), ['400']);
});

test('P-3.7-15: the bulkId comes back with the resource that it was created for', async () => {
  const names = ['x', 'ytoqe', '—ü—', '1'];
  const sent = names.map((bulkId) => ({ ...post(bulkId), data: newUser() }));
  const results = await bulk(sent);
  assert.deepEqual(
    results.map(({ bulkId }) => bulkId),
    names,
  );
  for (const [index, result] of results.entries()) {
    const { json } = await client.request('GET', result.location as string);
    assert.equal(json.userName, sent[index]?.data.userName);
  }
});

test('P-3.7-16: whatever is run together, the outcome is that of one operation after the other', async () => {
  const [userName, other] = [newUser().userName, newUser().userName] as string[];
  const user = await client.create('/Users', newUser({ userName, title: 'a' }));
  const path = `/Users/${user.id}`;
  const set = (value: string) => patchOp({ op: 'replace', path: 'title', value });
  const sequence = await bulk([
    { method: 'PATCH', path, data: set('b') },
    { method: 'PATCH', path, data: set('c') },
    { method: 'PUT', path, data: newUser({ userName, title: 'd' }) },
    { method: 'PATCH', path, data: patchOp({ op: 'add', path: 'nickName', value: 'n' }) },
    { method: 'DELETE', path },
    { method: 'PATCH', path, data: set('e') },
  ]);
  assert.deepEqual(statuses(sequence), ['200', '200', '200', '200', '204', '404']);
  assert.deepEqual(
    sequence.map(({ version }) => version),
    ['W/"2"', 'W/"3"', 'W/"4"', 'W/"5"', undefined, undefined],
  );
  const first = await client.create('/Users', newUser({ userName }));
  const renamed = await bulk([
    {
      method: 'PATCH',
      path: `/Users/${first.id}`,
      data: patchOp({ op: 'replace', path: 'userName', value: other }),
    },
    post('a', '/Users', newUser({ userName })),
    post('b', '/Users', newUser({ userName: other })),
  ]);
  assert.deepEqual(statuses(renamed), ['200', '201', '409'], 'the name was free only after the PATCH');
  const replaced = await bulk([
    { method: 'DELETE', path: `/Users/${first.id}`, version: renamed[0]?.version },
    post('c', '/Users', newUser({ userName: other })),
  ]);
  assert.deepEqual(statuses(replaced), ['204', '201']);
  const slow = newUser({ password: 'takes its time to be hashed' });
  const same = await bulk([
    post('a', '/Users', slow),
    post('b', '/Users', newUser({ userName: slow.userName })),
  ]);
  assert.deepEqual(statuses(same), ['201', '409'], 'the first is the first, however long it takes');
});

test('P-3.7-16, P-3.7.2-01: a group may stand before the user that is its member, and a user before its manager', async () => {
  const results = await bulk([
    post('group', '/Groups', newGroup({ members: [{ value: 'bulkId:user', type: 'User' }] })),
    post('user', '/Users', newUser({ [enterpriseSchema]: { manager: { value: 'bulkId:boss' } } })),
    post('boss'),
    post('late', '/Groups', newGroup({ members: [{ value: 'bulkId:user' }, { value: 'bulkId:group' }] })),
  ]);
  assert.deepEqual(statuses(results), ['201', '201', '201', '201']);
  const [group, user, boss, late] = results.map(idIn);
  const members = async (id: string | undefined) =>
    (await client.read(`/Groups/${id}`)).members.map((member: { value: string }) => member.value).sort();
  assert.deepEqual(await members(group), [user]);
  assert.deepEqual(await members(late), [group, user].sort());
  const read = await client.read(`/Users/${user}`);
  assert.equal(read[enterpriseSchema].manager.value, boss);
  assert.deepEqual(read.groups.map(({ value }: { value: string }) => value).sort(), [group, late].sort());
  assert.equal((await client.read(`/Groups/${group}`)).members[0].$ref, results[1]?.location);
});

test('P-3.7-17: an operation has the status, the checks and the errors of the single request', async () => {
  const user = await client.create('/Users', newUser({ emails: [{ value: 'a@example.com', type: 'work' }] }));
  const group = await client.create('/Groups', newGroup());
  const lenient = await newClient(server, { tenant: client.tenant });
  for (const [method, path, data] of [
    ['POST', '/Users', bad],
    ['POST', '/Users', { schemas: [userSchema] }],
    ['POST', '/Users', newUser({ userName: user.userName })],
    ['POST', '/Groups', newUser()],
    ['PUT', '/Users/unknown', newUser()],
    ['PUT', `/Users/${user.id}`, newUser({ userName: null })],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'remove' })],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'Add', path: 'title', value: 'x' })],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'replace', path: 'emails[', value: 'x' })],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'replace', path: 'emails[type eq "x"].value', value: 'x' })],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'replace', path: 'title', value: 'x' })],
    ['PATCH', `/Groups/${group.id}`, patchOp({ op: 'remove', path: 'displayName' })],
    ['DELETE', '/Groups/unknown', undefined],
  ] as const) {
    for (const by of [client, lenient]) {
      const single = await by.request(method, path, { body: data });
      const [result] = await bulk([{ method, path, bulkId: 'a', data }], {}, by);
      assert.equal(result?.status, String(single.status), `${method} ${path} ${single.text}`);
      assert.deepEqual(result?.response, single.status >= 300 ? single.json : undefined);
    }
  }
});

test('P-3.7-19, P-3.7.3-02: data of a PATCH is a whole PatchOp message; status is a text', async () => {
  const { id } = await client.create('/Users', newUser());
  const path = `/Users/${id}`;
  const operation = { op: 'add', path: 'title', value: 'x' };
  const results = await bulk([
    { method: 'PATCH', path, data: [operation] },
    { method: 'PATCH', path, data: { Operations: [operation] } },
    { method: 'PATCH', path, data: operation },
    { method: 'PATCH', path, data: patchOp(operation) },
  ]);
  assert.deepEqual(statuses(results), ['400', '400', '400', '200']);
  for (const { response } of results.slice(0, 3)) assert.equal(response?.scimType, 'invalidSyntax');
});

test('P-3.7.1-01: groups that are members of each other are created with real ids', async () => {
  const circle = (ids: readonly string[]) =>
    ids.map((id, index) =>
      post(
        id,
        '/Groups',
        newGroup({ members: [{ type: 'Group', value: `bulkId:${ids[(index + 1) % ids.length]}` }] }),
      ),
    );
  for (const ids of [['a', 'b'], ['a', 'b', 'c', 'd'], ['self']]) {
    const results = await bulk(circle(ids));
    assert.deepEqual(
      statuses(results),
      ids.map(() => '201'),
    );
    for (const [index, result] of results.entries()) {
      const { json } = await client.request('GET', result.location as string);
      const next = results[(index + 1) % ids.length];
      assert.equal(json.members[0].value, idIn(next));
      assert.equal(json.members[0].$ref, next?.location);
    }
  }
});

test('P-3.7.1-01: of a circle that cannot be closed nothing is left; what depends on it fails, what does not is done', async () => {
  const own = await newClient(server);
  const group = (bulkId: string, ...members: string[]) =>
    post(bulkId, '/Groups', newGroup({ members: members.map((value) => ({ value: `bulkId:${value}` })) }));
  const team = await own.create('/Groups', newGroup());
  const results = await bulk(
    [
      group('dependent', 'a'),
      group('a', 'b'),
      { ...group('b', 'a'), data: newGroup({ displayName: null, members: [{ value: 'bulkId:a' }] }) },
      group('x', 'y'),
      group('y', 'x', 'z'),
      post('z'),
      {
        method: 'PATCH',
        path: `/Groups/${team.id}`,
        data: patchOp({ op: 'add', path: 'members', value: [{ value: 'bulkId:a' }] }),
      },
      post('alone'),
    ],
    {},
    own,
  );
  assert.deepEqual(statuses(results), ['409', '409', '400', '201', '201', '201', '409', '201']);
  const list = await own.read('/Groups');
  assert.deepEqual(
    list.Resources.map(({ id }: { id: string }) => id).sort(),
    [team.id, idIn(results[3]), idIn(results[4])].sort(),
  );
  assert.deepEqual(await own.read(`/Groups/${team.id}`), team);
});

test('P-3.7.2-01: references are resolved wherever they stand: values, paths of a PATCH, $ref', async () => {
  const team = await client.create('/Groups', newGroup());
  const results = await bulk([
    {
      method: 'PATCH',
      path: `/Groups/${team.id}`,
      data: patchOp(
        {
          op: 'add',
          path: 'members',
          value: [{ value: 'bulkId:a', $ref: '/Users/bulkId:a' }, { value: 'bulkId:b' }],
        },
        { op: 'remove', path: 'members[value eq "bulkId:b"]' },
      ),
    },
    post('a'),
    post('b'),
    {
      method: 'PUT',
      path: '/Users/bulkId:b',
      data: newUser({ [enterpriseSchema]: { manager: { value: 'bulkId:a' } } }),
    },
  ]);
  assert.deepEqual(statuses(results), ['200', '201', '201', '200']);
  const [, a, b] = results;
  assert.deepEqual(
    (await client.read(`/Groups/${team.id}`)).members.map(({ value }: { value: string }) => value),
    [idIn(a)],
  );
  assert.equal((await client.read(`/Users/${idIn(b)}`))[enterpriseSchema].manager.value, idIn(a));
});

test('P-3.7.2-02: a reference to what is unknown or has failed fails its operation; "bulkId:" is never stored', async () => {
  const own = await newClient(server);
  const team = await own.create('/Groups', newGroup());
  const member = (value: string) => patchOp({ op: 'add', path: 'members', value: [{ value }] });
  const path = `/Groups/${team.id}`;
  const results = await bulk(
    [
      post('g', '/Groups', newGroup({ members: [{ value: 'bulkId:none' }] })),
      post('h', '/Groups', newGroup({ members: [{ value: 'bulkId:' }] })),
      post('failing', '/Users', bad),
      post('i', '/Groups', newGroup({ members: [{ value: 'bulkId:failing' }] })),
      { method: 'PATCH', path, data: member('bulkId:failing') },
      { method: 'PATCH', path, data: member('bulkId:none') },
      { method: 'DELETE', path: '/Users/bulkId:none' },
      { method: 'DELETE', path: '/Users/bulkId:failing' },
      {
        method: 'PATCH',
        path: `/Groups/${team.id}`,
        data: patchOp({ op: 'add', path: 'externalId', value: 'x' }),
      },
    ],
    {},
    own,
  );
  assert.deepEqual(statuses(results), ['400', '400', '400', '409', '409', '400', '400', '409', '200']);
  for (const index of [0, 1, 5, 6]) assert.equal(results[index]?.response?.scimType, 'invalidValue');
  assert.match(results[3]?.response?.detail ?? '', /failing/);
  const { text } = await own.request('GET', '/');
  assert.ok(!text.includes('bulkId'), text);
  assert.equal((await own.read('/')).totalResults, 1);
});

test('P-3.7.2-03: a bulkId stands for the id in a path too', async () => {
  const results = await bulk([
    {
      method: 'PATCH',
      path: '/Groups/bulkId:g',
      data: patchOp({ op: 'add', path: 'externalId', value: 'x' }),
    },
    post('g', '/Groups'),
    post('u'),
    { method: 'DELETE', path: '/Users/bulkId:u' },
    {
      method: 'PATCH',
      path: '/Groups/bulkId:u',
      data: patchOp({ op: 'add', path: 'externalId', value: 'x' }),
    },
  ]);
  assert.deepEqual(statuses(results), ['200', '201', '201', '204', '404']);
  assert.equal(results[0]?.location, results[1]?.location);
  assert.equal((await client.read(`/Groups/${idIn(results[1])}`)).externalId, 'x');
  assert.equal((await client.request('GET', results[2]?.location as string)).status, 404);
});

test('P-3.7.3-01, P-3.7.3-03: every operation that was processed has a result, and its version if it made one', async () => {
  const user = await client.create('/Users', newUser());
  const results = await bulk([
    post('a'),
    { method: 'PATCH', path: `/Users/${user.id}`, data: patchOp({ op: 'add', path: 'title', value: 'x' }) },
    post('b', '/Users', bad),
    post('c', '/Groups'),
  ]);
  assert.equal(results.length, 4);
  for (const { status, version, location } of results) {
    if (status === '400') assert.equal(version, undefined);
    else assert.equal(version, (await client.request('GET', location as string)).headers.get('etag'));
  }
});

test('P-3.12-25: the error types of single requests occur in operations', async () => {
  const user = await client.create('/Users', newUser());
  const patch = (operation: object) => ({
    method: 'PATCH',
    path: `/Users/${user.id}`,
    data: patchOp(operation as Record<string, unknown>),
  });
  const results = await bulk([
    post('a', '/Users', newUser({ userName: user.userName })),
    patch({ op: 'remove', path: 'userName' }),
    patch({ op: 'x', path: 'title' }),
    patch({ op: 'add', path: 'a..b', value: 1 }),
    patch({ op: 'remove' }),
    patch({ op: 'add', path: 'active', value: 'x' }),
    patch({ op: 'remove', path: 'emails[type xx "a"]' }),
  ]);
  assert.deepEqual(
    results.slice(0, 6).map(({ response }) => response?.scimType),
    ['uniqueness', 'mutability', 'invalidSyntax', 'invalidPath', 'noTarget', 'invalidValue'],
  );
  assert.equal(results[6]?.status, '400');
  assert.deepEqual(await client.read(`/Users/${user.id}`), user);
});

test('P-3.7.4-01, P-3.7.4-02, P-3.7.4-03, P-3.12-12: too many operations or too large a body is 413 that names the limit', async () => {
  const own = await startScimd({ limits: { bulkOperations: 5, bulkBytes: 20_000, bodyBytes: 2000 } });
  try {
    const { json } = await own.request('GET', '/ServiceProviderConfig');
    assert.deepEqual(json.bulk, { supported: true, maxOperations: 5, maxPayloadSize: 20_000 });
    const ask = (count: number, size = 0): Promise<Answer> => {
      const operations = Array.from({ length: count }, (_, index) => post(`b${index}`));
      const text = JSON.stringify(message(operations));
      return own.request('POST', '/Bulk', { body: text.padEnd(size) });
    };
    assert.equal((await ask(5)).status, 200);
    refused(await ask(6), 413, undefined, /maxOperations = 5\b/);
    assert.equal((await ask(1, 20_000)).status, 200);
    refused(await ask(1, 20_001), 413, undefined, /20000 bytes/);
    assert.equal((await own.request('GET', '/Users?count=0')).json.totalResults, 6);
    async function* chunks() {
      for (let i = 0; i < 30; i++) yield Buffer.alloc(1000, ' ');
    }
    const chunked = await fetch(`${own.base}/Bulk`, {
      method: 'POST',
      headers: { authorization: `Bearer ${own.token}`, 'content-type': 'application/scim+json' },
      body: ReadableStream.from(chunks()),
      duplex: 'half',
    } as RequestInit);
    assert.equal(chunked.status, 413);
    assert.match(((await chunked.json()) as { detail: string }).detail, /20000 bytes/);
    const single = await own.request('POST', '/Users', { body: JSON.stringify(newUser()).padEnd(2001) });
    refused(single, 413, undefined, /2000 bytes/);
  } finally {
    await own.close();
  }
});

/** How many transactions the write-ahead log holds: frames that end one (SQLite file format §4.1). */
function commitsIn(file: string): number {
  const wal = readFileSync(`${file}-wal`);
  const frame = 24 + wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let commits = 0;
  for (let at = 32; at + frame <= wal.length; at += frame) {
    if (!wal.subarray(at + 8, at + 16).equals(salt)) break;
    if (wal.readUInt32BE(at + 4) !== 0) commits++;
  }
  return commits;
}

test('P-3.7-16: 1,000 creates are one transaction, with a change record each, in the order sent', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scimd-bulk-'));
  const database = join(directory, 'scimd.db');
  const scimd = await createScimd({ database });
  try {
    const { token } = await scimd.createToken({ name: 'test' });
    const send = async (operations: readonly Operation[]) => {
      const response = await scimd.fetch(
        new Request('http://localhost/scim/v2/Bulk', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
          body: JSON.stringify(message(operations)),
        }),
      );
      return ((await response.json()) as { Operations: Result[] }).Operations;
    };
    await send([post('warm')]);
    const before = commitsIn(database);
    const results = await send(Array.from({ length: 1000 }, (_, index) => post(`b${index}`)));
    assert.equal(results.filter(({ status }) => status === '201').length, 1000);
    assert.equal(commitsIn(database) - before, 1);
    const changes = await scimd.changes({ after: 1, limit: 2000 });
    assert.deepEqual(
      changes.map(({ id, operation }) => [id, operation]),
      results.map((result) => [idIn(result), 'create']),
    );
  } finally {
    await scimd.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
