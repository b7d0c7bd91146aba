/** Many requests at once on the same resource, over sockets: nothing is lost, nothing is half done, nothing is 5xx. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, newClient } from '../rfc/client.ts';
import {
  type Answer,
  bulkSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
} from '../server.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { tenant: 'default' });
});
after(() => server.close());

const together = <Result>(count: number, each: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => each(index)));
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].sort();
const version = (text: string) => Number(/^W\/"(\d+)"$/.exec(text)?.[1]);

test('a hundred PATCHes of one user, each adding an e-mail, are all in the end', async () => {
  const user = await client.create('/Users', newUser());
  const answers = await together(100, (i) =>
    server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op: 'add', path: 'emails', value: [{ value: `e${i}@example.com` }] }),
    }),
  );
  assert.deepEqual(statuses(answers), [200]);
  const now = (await server.request('GET', `/Users/${user.id}`)).json;
  assert.deepEqual(
    now.emails.map(({ value }: { value: string }) => value).sort(),
    Array.from({ length: 100 }, (_, i) => `e${i}@example.com`).sort(),
  );
  assert.equal(version(now.meta.version), 101, 'one version for each change');
  answers.forEach(({ json }, i) => {
    assert.ok(json.emails.some(({ value }: { value: string }) => value === `e${i}@example.com`));
  });
});

test('PATCHes of different attributes of one user do not undo one another', async () => {
  const user = await client.create('/Users', newUser());
  const names = [
    'title',
    'nickName',
    'displayName',
    'userType',
    'externalId',
    'name.givenName',
    'name.familyName',
  ];
  const answers = await together(70, (i) => {
    const path = names[i % names.length] as string;
    return server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op: 'replace', path, value: path }),
    });
  });
  assert.deepEqual(statuses(answers), [200]);
  const now = (await server.request('GET', `/Users/${user.id}`)).json;
  for (const name of names) {
    const [attribute = '', sub] = name.split('.');
    assert.equal(sub === undefined ? now[attribute] : now[attribute][sub], name);
  }
});

test('PUTs of one user: the last version is one of those sent, whole', async () => {
  const user = await client.create('/Users', newUser());
  const body = (i: number) => ({
    ...newUser({ userName: user.userName }),
    title: `t${i}`,
    nickName: `n${i}`,
  });
  const answers = await together(50, (i) => server.request('PUT', `/Users/${user.id}`, { body: body(i) }));
  assert.deepEqual(statuses(answers), [200]);
  const now = (await server.request('GET', `/Users/${user.id}`)).json;
  assert.equal(now.title.slice(1), now.nickName.slice(1), 'not half of one and half of another');
  const versions = answers.map(({ json }) => version(json.meta.version));
  assert.equal(new Set(versions).size, 50, 'each had a version of its own');
  assert.equal(version(now.meta.version), Math.max(...versions));
});

test('with If-Match, of those who saw the same version one wins and the others get 412', async () => {
  const user = await client.create('/Users', newUser());
  const answers = await together(30, (i) =>
    server.request('PATCH', `/Users/${user.id}`, {
      headers: { 'if-match': user.meta.version },
      body: patchOp({ op: 'replace', path: 'title', value: `t${i}` }),
    }),
  );
  const won = answers.filter(({ status }) => status === 200);
  assert.deepEqual(statuses(answers), [200, 412]);
  assert.equal(won.length, 1);
  assert.equal((await server.request('GET', `/Users/${user.id}`)).json.title, won[0]?.json.title);
});

test('two hundred members added one by one at once are all in the group', async () => {
  const group = await client.create('/Groups', newGroup());
  const ids = (await together(200, () => client.create('/Users', newUser()))).map(({ id }) => id);
  const answers = await together(200, (i) =>
    server.request('PATCH', `/Groups/${group.id}`, {
      body: patchOp({ op: 'add', path: 'members', value: [{ value: ids[i] }] }),
    }),
  );
  assert.ok(answers.every(({ status }) => status === 200 || status === 204));
  const now = (await server.request('GET', `/Groups/${group.id}`)).json;
  assert.deepEqual(now.members.map(({ value }: { value: string }) => value).sort(), ids.sort());
});

test('adds and removes of different members at once leave the sum of the changes', async () => {
  const values = (from: number) => Array.from({ length: 50 }, (_, i) => ({ value: `m${from + i}` }));
  const group = await client.create('/Groups', newGroup({ members: values(0) }));
  const answers = await together(100, (i) =>
    server.request('PATCH', `/Groups/${group.id}`, {
      body:
        i < 50
          ? patchOp({ op: 'remove', path: `members[value eq "m${i}"]` })
          : patchOp({ op: 'add', path: 'members', value: [{ value: `m${i}` }] }),
    }),
  );
  assert.deepEqual(statuses(answers), [200]);
  const now = (await server.request('GET', `/Groups/${group.id}`)).json;
  assert.deepEqual(
    now.members.map(({ value }: { value: string }) => value).sort(),
    values(50).map(({ value }) => value),
  );
});

test('members and a rename of one group at once are both there', async () => {
  const group = await client.create('/Groups', newGroup());
  const answers = await together(60, (i) =>
    server.request('PATCH', `/Groups/${group.id}`, {
      body:
        i % 2 === 0
          ? patchOp({ op: 'add', path: 'members', value: [{ value: `m${i}` }] })
          : patchOp({ op: 'replace', path: 'displayName', value: `Renamed ${group.id}` }),
    }),
  );
  assert.deepEqual(statuses(answers), [200]);
  const now = (await server.request('GET', `/Groups/${group.id}`)).json;
  assert.equal(now.displayName, `Renamed ${group.id}`);
  assert.equal(now.members.length, 30);
});

test('one member added by many at once is there once', async () => {
  const group = await client.create('/Groups', newGroup());
  const body = patchOp({ op: 'add', path: 'members', value: [{ value: 'the one' }] });
  await together(40, () => server.request('PATCH', `/Groups/${group.id}`, { body }));
  assert.equal((await server.request('GET', `/Groups/${group.id}`)).json.members.length, 1);
});

test('a DELETE among PATCHes: those before it succeed, those after it are 404, and it is gone', async () => {
  for (let round = 0; round < 5; round++) {
    const user = await client.create('/Users', newUser());
    const answers = await together(30, (i) =>
      i === 15
        ? server.request('DELETE', `/Users/${user.id}`)
        : server.request('PATCH', `/Users/${user.id}`, {
            body: patchOp({ op: 'replace', path: 'title', value: `t${i}` }),
          }),
    );
    assert.equal(answers[15]?.status, 204);
    assert.ok(answers.every(({ status }, i) => i === 15 || status === 200 || status === 404));
    assert.equal((await server.request('GET', `/Users/${user.id}`)).status, 404);
  }
});

test('of many DELETEs of one user one is 204, the others are 404', async () => {
  const user = await client.create('/Users', newUser());
  const answers = await together(20, () => server.request('DELETE', `/Users/${user.id}`));
  assert.equal(answers.filter(({ status }) => status === 204).length, 1);
  assert.deepEqual(statuses(answers), [204, 404]);
});

test('a user deleted while it becomes a member is in no group', async () => {
  const group = await client.create('/Groups', newGroup());
  const users = await together(20, () => client.create('/Users', newUser()));
  await Promise.all(
    users.flatMap(({ id }) => [
      server.request('PATCH', `/Groups/${group.id}`, {
        body: patchOp({ op: 'add', path: 'members', value: [{ value: id }] }),
      }),
      server.request('DELETE', `/Users/${id}`),
    ]),
  );
  const members = (await server.request('GET', `/Groups/${group.id}`)).json.members ?? [];
  // A member added after its end is a name without a resource, as the id of any stranger would be.
  assert.ok(members.every((each: object) => !('$ref' in each) && !('display' in each)));
});

test('of many POSTs of one userName, in any letter case, exactly one is 201 and the others are 409', async () => {
  const { userName } = newUser() as { userName: string };
  const answers = await together(40, (i) =>
    server.request('POST', '/Users', {
      body: newUser({ userName: i % 2 === 0 ? userName : userName.toUpperCase() }),
    }),
  );
  assert.deepEqual(statuses(answers), [201, 409]);
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.ok(answers.every(({ status, json }) => status === 201 || json.scimType === 'uniqueness'));
  const found = await server.request(
    'GET',
    `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`,
  );
  assert.equal(found.json.totalResults, 1);
});

test('of many users renamed to one userName exactly one gets it', async () => {
  const users = await together(20, () => client.create('/Users', newUser()));
  const body = patchOp({ op: 'replace', path: 'userName', value: `wanted-${users[0].id}` });
  const answers = await together(20, (i) => server.request('PATCH', `/Users/${users[i].id}`, { body }));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.deepEqual(statuses(answers), [200, 409]);
});

test('a userName that is set free is taken by exactly one of those who wait for it', async () => {
  const user = await client.create('/Users', newUser());
  const gone = server.request('DELETE', `/Users/${user.id}`);
  const answers = await together(20, () =>
    server.request('POST', '/Users', { body: newUser({ userName: user.userName }) }),
  );
  assert.equal((await gone).status, 204);
  assert.ok(answers.filter(({ status }) => status === 201).length <= 1);
  assert.ok(statuses(answers).every((status) => status === 201 || status === 409));
});

test('bulk requests at once that make the same userName: one of all operations succeeds', async () => {
  const { userName } = newUser() as { userName: string };
  const bulk = () => ({
    schemas: [bulkSchema],
    Operations: [
      { method: 'POST', path: '/Users', bulkId: 'same', data: newUser({ userName }) },
      { method: 'POST', path: '/Users', bulkId: 'own', data: newUser() },
    ],
  });
  const answers = await together(10, () => server.request('POST', '/Bulk', { body: bulk() }));
  const of = (index: number) => answers.map(({ json }) => json.Operations[index].status).sort();
  assert.deepEqual(of(0), ['201', ...Array.from({ length: 9 }, () => '409')]);
  assert.deepEqual([...new Set(of(1))], ['201']);
});

test('reads during writes see whole resources, old or new', async () => {
  const user = await client.create('/Users', newUser({ title: 't0', nickName: 't0' }));
  const writes = together(40, (i) =>
    server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op: 'replace', value: { title: `t${i}`, nickName: `t${i}` } }),
    }),
  );
  const reads = await together(80, () => server.request('GET', `/Users/${user.id}`));
  await writes;
  assert.ok(reads.every(({ status, json }) => status === 200 && json.title === json.nickName));
});
