import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema, errorSchema, listSchema, userSchema } from '../server.ts';
import { memberIds, pathOf, person, provider } from './provider.ts';

const okta = provider({ 'user-agent': 'Okta SCIM Client 1.0.0', 'accept-charset': 'utf-8' });

test('Okta: the first page of users has whole users and numbers as numbers', async () => {
  await okta.user();
  const { status, json } = await okta.send('GET', '/Users?count=1&startIndex=1', undefined, {
    'content-type': 'application/scim+json; charset=utf-8',
  });
  assert.equal(status, 200);
  assert.deepEqual(json.schemas, [listSchema]);
  assert.deepEqual([json.itemsPerPage, json.startIndex, typeof json.totalResults], [1, 1, 'number']);
  const [user] = json.Resources;
  assert.equal(json.Resources.length, 1);
  assert.ok(user.id && user.userName && user.name.familyName && user.name.givenName);
  assert.equal(user.active, true);
  assert.ok(user.emails[0].value);
});

test('Okta: a filter for a user that is not there is 200 with totalResults 0', async () => {
  const { status, json } = await okta.send('GET', '/Users?filter=userName%20eq%20%22nobody%40example.com%22');
  assert.equal(status, 200);
  assert.deepEqual(json.schemas, [listSchema]);
  assert.equal(json.totalResults, 0);
  assert.deepEqual(json.Resources ?? [], []);
});

for (const id of ['010101001010101011001010101011', '00919288221112222']) {
  test(`Okta: a user with the unknown id ${id} is 404 with a detail and the status as text`, async () => {
    const { status, json } = await okta.send('GET', `/Users/${id}`);
    assert.equal(status, 404);
    assert.deepEqual(json.schemas, [errorSchema]);
    assert.equal(json.status, '404');
    assert.match(json.detail, new RegExp(id));
  });
}

test('Okta: a user is created with Content-Type application/json and read back, once', async () => {
  const body = person({ displayName: 'Nora Vance' });
  const headers = { 'content-type': 'application/json', accept: 'application/scim+json; charset=utf-8' };
  const created = await okta.send('POST', '/Users', body, headers);
  assert.equal(created.status, 201);
  assert.match(created.headers.get('content-type') ?? '', /^application\/scim\+json/);
  assert.deepEqual(created.json.schemas, [userSchema]);
  const { id, meta, ...rest } = created.json;
  assert.deepEqual(rest, body);
  assert.equal(created.headers.get('location'), meta.location);
  assert.deepEqual(await okta.read(created.json), created.json);
  const again = await okta.send('POST', '/Users', body, headers);
  assert.equal(again.status, 409);
  assert.equal(again.json.scimType, 'uniqueness');
  assert.deepEqual(await okta.find('/Users', `userName eq "${body.userName}"`), [id]);
});

test('Okta: a user is found by its userName in capitals', async () => {
  const user = await okta.user();
  assert.deepEqual(await okta.find('/Users', `userName eq "${user.userName.toUpperCase()}"`), [user.id]);
});

for (const authorization of ['non-token', null, 'Bearer of-nothing', 'Basic dXNlcjpwYXNz', 'Bearer']) {
  test(`Okta: Authorization ${authorization} is 401 with a whole error`, async () => {
    const { status, json, headers } = await okta.send('GET', '/Users?startIndex=1&count=1', undefined, {
      authorization,
    });
    assert.equal(status, 401);
    assert.deepEqual(json.schemas, [errorSchema]);
    assert.equal(json.status, '401');
    assert.ok(json.detail);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm=/);
  });
}

test('Okta: import pages by startIndex and count, and a page past the end is empty', async () => {
  for (let i = 0; i < 3; i++) await okta.user();
  const first = (await okta.send('GET', '/Users?startIndex=1&count=2')).json;
  const second = (await okta.send('GET', '/Users?startIndex=3&count=100')).json;
  const ids = [...first.Resources, ...second.Resources].map(({ id }) => id);
  assert.deepEqual([first.itemsPerPage, first.Resources.length, second.startIndex], [2, 2, 3]);
  assert.equal(new Set(ids).size, first.totalResults, 'each user is on one page');
  const past = await okta.send('GET', '/Users?startIndex=100000&count=100');
  assert.equal(past.status, 200);
  assert.equal(past.json.totalResults, first.totalResults);
  assert.deepEqual(past.json.Resources ?? [], []);
});

test('Okta: assignment, profile change, deactivation and reactivation are PUTs of the whole user', async () => {
  const user = await okta.user({ externalId: '00u1' });
  const put = async (more: object) => {
    const { meta, externalId, ...rest } = user;
    const answer = await okta.send('PUT', pathOf(user), { ...rest, ...more });
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  const renamed = await put({ name: { givenName: 'Norah', familyName: 'Vance' } });
  assert.equal(renamed.name.givenName, 'Norah');
  assert.equal((await put({ active: false })).active, false);
  assert.equal((await okta.read(user)).active, false);
  assert.equal((await put({ active: true })).active, true);
});

test('Okta: a PUT that does not speak of active does not reactivate a leaver', async () => {
  const user = await okta.user({ active: false });
  const { active, meta, ...rest } = user;
  assert.equal((await okta.send('PUT', pathOf(user), rest)).json.active, false);
});

test('Okta: id, meta, groups and emails.display in a PUT of what was read are no offence', async () => {
  const user = await okta.user();
  const group = await okta.group([user]);
  const whole = await okta.read(user);
  assert.equal(whole.groups[0].value, group.id);
  const emails = [{ ...whole.emails[0], display: whole.userName }];
  const { status, json } = await okta.send('PUT', pathOf(user), { ...whole, emails, groups: [] });
  assert.equal(status, 200);
  assert.equal(json.emails[0].display, whole.userName);
  assert.deepEqual(memberIds(await okta.read(group)), [user.id], 'groups: [] leaves no group');
});

for (const body of [{ value: { active: false } }, { path: 'active', value: false }]) {
  test(`Okta: PATCH replace ${JSON.stringify(body)} deactivates`, async () => {
    assert.equal((await okta.patch(await okta.user(), { op: 'replace', ...body })).active, false);
  });
}

test('Okta: password sync by PATCH and by PUT never answers the password, and a later PUT needs none', async () => {
  const user = await okta.user();
  const secret = 'Corr3ct-horse-staple';
  const { meta, ...whole } = user;
  for (const answer of [
    await okta.send('PATCH', pathOf(user), {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', value: { password: secret } }],
    }),
    await okta.send('PUT', pathOf(user), { ...whole, password: secret }),
    await okta.send('PUT', pathOf(user), whole),
    await okta.send('GET', `${pathOf(user)}?attributes=password`),
  ]) {
    assert.equal(answer.status, 200);
    assert.ok(!answer.text.includes(secret) && !('password' in answer.json));
  }
});

test('Okta: group push makes a group with members and their display', async () => {
  const users = [await okta.user(), await okta.user()];
  const members = users.map(({ id, userName }) => ({ value: id, display: userName }));
  const group = await okta.group([], { members });
  assert.deepEqual(memberIds(await okta.read(group)), users.map(({ id }) => id).sort());
});

test('Okta: group push links a group that is there by its displayName', async () => {
  const group = await okta.group();
  const page = '&startIndex=1&count=100';
  assert.deepEqual(await okta.find('/Groups', `displayName eq "${group.displayName}"`, page), [group.id]);
  assert.deepEqual(await okta.find('/Groups', 'displayName eq "none of them"', page), []);
});

test('Okta: a push that renames sends id and displayName without a path, again and again; members stay', async () => {
  const user = await okta.user();
  const group = await okta.group([user]);
  for (let i = 0; i < 2; i++) {
    const now = await okta.patch(group, { op: 'replace', value: { id: group.id, displayName: 'Renamed' } });
    assert.equal(now.displayName, 'Renamed');
    assert.deepEqual(memberIds(now), [user.id]);
  }
});

test('Okta: another id than the group’s own in a path-less value is refused', async () => {
  const group = await okta.group();
  const { status, json } = await okta.send('PATCH', pathOf(group), {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value: { id: 'another', displayName: 'X' } }],
  });
  assert.deepEqual([status, json.scimType], [400, 'mutability']);
});

test('Okta: push now replaces the members by the full list, also by an empty one', async () => {
  const [a, b, c] = [await okta.user(), await okta.user(), await okta.user()];
  const group = await okta.group([a]);
  const value = [b, c].map(({ id, userName }) => ({ value: id, display: userName }));
  assert.deepEqual(
    memberIds(await okta.patch(group, { op: 'replace', path: 'members', value })),
    [b.id, c.id].sort(),
  );
  assert.equal('members' in (await okta.patch(group, { op: 'replace', path: 'members', value: [] })), false);
});

test('Okta: membership changes are add with display and remove by value path, in one request', async () => {
  const [a, b] = [await okta.user(), await okta.user()];
  const group = await okta.group([a]);
  const now = await okta.patch(
    group,
    { op: 'remove', path: `members[value eq "${a.id}"]` },
    { op: 'add', path: 'members', value: [{ value: b.id, display: b.userName }] },
  );
  assert.deepEqual(memberIds(now), [b.id]);
});

test('Okta: PUT of a group with members [] empties it', async () => {
  const group = await okta.group([await okta.user()]);
  const { status, json } = await okta.send('PUT', pathOf(group), {
    schemas: group.schemas,
    id: group.id,
    displayName: group.displayName,
    members: [],
  });
  assert.equal(status, 200);
  assert.equal('members' in json, false);
});

test('Okta: the entitlement app reads resource types and schemas as lists', async () => {
  const types = (await okta.send('GET', '/ResourceTypes')).json;
  assert.deepEqual(types.schemas, [listSchema]);
  assert.equal(types.totalResults, types.Resources.length);
  const endpoints = types.Resources.map(({ endpoint }: { endpoint: string }) => endpoint);
  assert.ok(['/Users', '/Groups'].every((endpoint) => endpoints.includes(endpoint)));
  const schemas = (await okta.send('GET', '/Schemas')).json;
  assert.deepEqual(schemas.schemas, [listSchema]);
  assert.ok(schemas.Resources.some(({ id }: { id: string }) => id === userSchema));
});

test('Okta: roles and entitlements travel with value, display and type; PUT with [] clears them', async () => {
  const user = await okta.user({
    roles: [{ value: 'reader', display: 'Reader' }],
    entitlements: [{ value: 'seat', display: 'A seat', type: 'License' }],
  });
  assert.deepEqual(user.entitlements, [{ value: 'seat', display: 'A seat', type: 'License' }]);
  const { meta, ...rest } = user;
  const now = (
    await okta.send('PUT', pathOf(user), { ...rest, roles: [{ value: 'writer' }], entitlements: [] })
  ).json;
  assert.deepEqual(now.roles, [{ value: 'writer' }]);
  assert.equal('entitlements' in now, false);
});

for (const idp of ['okta', 'onelogin']) {
  test(`Okta, OneLogin: a manager or roles that are mapped as plain text, or as none, are taken of a token of ${idp}`, async () => {
    const token = await okta.server().newToken({ idp });
    const send = (method: string, path: string, body: object) =>
      okta.server().request(method, path, { body, token });
    const body = person({ roles: ['reader', 'writer'], [enterpriseSchema]: { manager: '26118915' } });
    const { status, json, text } = await send('POST', '/Users', body);
    assert.equal(status, 201, text);
    assert.deepEqual(json.roles, [{ value: 'reader' }, { value: 'writer' }]);
    assert.deepEqual(json[enterpriseSchema], { manager: { value: '26118915' } });
    for (const manager of ['', { value: '' }]) {
      const put = await send('PUT', pathOf(json), { ...body, [enterpriseSchema]: { manager } });
      assert.equal(put.status, 200, put.text);
      assert.equal(enterpriseSchema in put.json, false);
    }
  });
}
