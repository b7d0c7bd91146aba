import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { enterpriseSchema, newUser, patchOp, startScimd, type TestServer, userSchema } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry, sampleSchema, seal } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
let strict: string;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server, { tenant: 'default' });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

type Operation = Readonly<Record<string, unknown>>;
const created = (body: unknown, path = '/Users') => client.create(path, body);
const get = (id: string, parameters = '') => client.read(`/Users/${id}${parameters}`);
const patch = (id: string, ...operations: Operation[]) => client.patch(`/Users/${id}`, ...operations);
const found = (filter: string) => client.find('/Users', filter);

const withLab = (attributes: Record<string, unknown>) =>
  newUser({ schemas: [userSchema, lab], [lab]: attributes });

test('S-7-09: filters honour caseExact, attribute by attribute', async () => {
  const user = await created(
    withLab({ code: 'Xy-1', alias: 'Xy-1', tags: ['Red'], contacts: [{ value: 'Xy', type: 'Work' }] }),
  );
  const id = `id eq "${user.id}" and `;
  for (const [filter, matches] of [
    [`${lab}:code eq "Xy-1"`, true],
    [`${lab}:code eq "xy-1"`, false],
    [`${lab}:code sw "XY"`, false],
    [`${lab}:code co "y-"`, true],
    [`${lab}:code co "Y-"`, false],
    [`${lab}:alias eq "XY-1"`, true],
    [`${lab}:alias ew "Y-1"`, true],
    [`${lab}:tags eq "Red"`, true],
    [`${lab}:tags eq "red"`, false],
    [`${lab}:contacts[value eq "xy" and type eq "WORK"]`, true],
    ['externalId pr', false],
  ] as const) {
    assert.deepEqual(await found(id + filter), matches ? [user.id] : [], filter);
  }
  const removed = await patch(user.id, { op: 'remove', path: `${lab}:tags[value eq "red"]` });
  assert.deepEqual(removed.json[lab].tags, ['Red']);
});

test('S-7-10, S-7-11: values come back in the letter case that they were sent in', async () => {
  const body = withLab({ code: 'AbC', alias: 'AbC' });
  const user = await created({ ...body, userName: `BJensen-${body.userName}`, externalId: 'AbC' });
  const json = await get(user.id);
  assert.equal(json.userName, `BJensen-${body.userName}`);
  assert.deepEqual([json[lab].code, json[lab].alias, json.externalId], ['AbC', 'AbC', 'AbC']);
});

test('S-7-12: a readOnly attribute of a client is ignored in POST and PUT, and 400 mutability in PATCH', async () => {
  const user = await created(withLab({ issued: 'by me', bare: 'x' }));
  assert.deepEqual(user[lab], { bare: 'x' });
  const put = await server.request('PUT', `/Users/${user.id}`, {
    body: { ...user, [lab]: { issued: 'by me', bare: 'y' } },
  });
  assert.deepEqual(put.json[lab], { bare: 'y' });
  for (const operation of [
    { op: 'add', path: `${lab}:issued`, value: 'by me' },
    { op: 'replace', path: `${lab}:issued`, value: 'by me' },
    { op: 'remove', path: `${lab}:issued` },
    { op: 'replace', path: 'groups', value: [] },
  ]) {
    refused(await patch(user.id, operation), 400, 'mutability');
  }
  const body = patchOp({ op: 'add', value: { [lab]: { issued: 'by me' } } });
  refused(await server.request('PATCH', `/Users/${user.id}`, { body, token: strict }), 400, 'mutability');
  assert.deepEqual((await get(user.id))[lab], { bare: 'y' });
});

test('S-7-14: an immutable attribute is set once, by POST, PUT or PATCH, and then never changed', async () => {
  const immutable = async (id: string, body: Record<string, unknown>) => {
    const before = await get(id);
    const put = (birthplace: unknown) =>
      server.request('PUT', `/Users/${id}`, { body: { ...body, [lab]: { birthplace } } });
    refused(await put('Paris'), 400, 'mutability');
    refused(await put(null), 400, 'mutability');
    for (const operation of [
      { op: 'replace', path: `${lab}:birthplace`, value: 'Paris' },
      { op: 'add', path: `${lab}:birthplace`, value: 'Paris' },
      { op: 'remove', path: `${lab}:birthplace` },
      { op: 'replace', value: { [lab]: { birthplace: 'Paris' } } },
      { op: 'remove', path: lab },
    ]) {
      refused(await patch(id, operation), 400, 'mutability');
    }
    assert.deepEqual(await get(id), before);
    assert.equal((await put('Rome')).status, 200);
    assert.equal((await patch(id, { op: 'replace', path: `${lab}:birthplace`, value: 'Rome' })).status, 200);
    const without = await server.request('PUT', `/Users/${id}`, { body: { ...body, [lab]: { bare: 'x' } } });
    assert.deepEqual(without.json[lab], { bare: 'x', birthplace: 'Rome' });
  };
  const atOnce = withLab({ birthplace: 'Rome' });
  await immutable((await created(atOnce)).id, atOnce);
  const byPut = newUser();
  const late = await created(byPut);
  const put = await server.request('PUT', `/Users/${late.id}`, {
    body: { ...byPut, [lab]: { birthplace: 'Rome' } },
  });
  assert.equal(put.json[lab].birthplace, 'Rome');
  await immutable(late.id, byPut);
  const byPatch = newUser();
  const later = await created(byPatch);
  await patch(later.id, { op: 'add', path: `${lab}:birthplace`, value: 'Rome' });
  await immutable(later.id, byPatch);
});

test('S-7-14: an immutable sub-attribute is set once, too', async () => {
  const body = withLab({ origin: { place: 'Rome', note: 'a' } });
  const { id } = await created(body);
  const put = (origin: unknown) =>
    server.request('PUT', `/Users/${id}`, { body: { ...body, [lab]: { origin } } });
  refused(await put({ place: 'Paris', note: 'b' }), 400, 'mutability');
  for (const operation of [
    { op: 'replace', path: `${lab}:origin.place`, value: 'Paris' },
    { op: 'replace', path: `${lab}:origin`, value: { place: 'Paris' } },
    { op: 'add', path: `${lab}:origin`, value: { place: 'Paris', note: 'b' } },
    { op: 'add', value: { [lab]: { origin: { place: 'Paris' } } } },
    { op: 'replace', path: `${lab}:origin`, value: { place: null } },
    { op: 'remove', path: `${lab}:origin.place` },
  ]) {
    refused(await patch(id, operation), 400, 'mutability');
  }
  assert.deepEqual((await get(id))[lab].origin, { place: 'Rome', note: 'a' });
  const changed = await patch(id, {
    op: 'replace',
    path: `${lab}:origin`,
    value: { place: 'Rome', note: 'b' },
  });
  assert.deepEqual(changed.json[lab].origin, { place: 'Rome', note: 'b' });
  const kept = await put({ note: 'c' });
  assert.equal(kept.status, 200, kept.text);
  assert.deepEqual(kept.json[lab].origin, { place: 'Rome', note: 'c' });
});

test('S-7-15, S-4.1.1-20: a writeOnly attribute can be updated and is never returned', async () => {
  const user = await created(newUser({ password: 'first-Secret-1' }));
  const put = await server.request('PUT', `/Users/${user.id}?attributes=password`, {
    body: { ...user, password: 'second-Secret-2' },
  });
  const patched = await patch(user.id, { op: 'replace', path: 'password', value: 'third-Secret-3' });
  for (const { json } of [
    { json: user },
    put,
    patched,
    { json: await get(user.id, '?attributes=password') },
  ]) {
    assert.ok(!JSON.stringify(json).includes('ecret'));
    assert.ok(!('password' in json));
  }
  assert.notEqual(patched.json.meta.version, user.meta.version);
});

test('S-7-16: returned=always is there whatever is asked for', async () => {
  const user = await created(withLab({ anchor: 'here', bare: 'x' }));
  for (const parameters of [
    '?attributes=userName',
    `?excludedAttributes=${lab}:anchor`,
    `?excludedAttributes=${lab}`,
    '?attributes=none',
  ]) {
    const json = await get(user.id, parameters);
    assert.equal(json[lab]?.anchor, 'here', parameters);
    assert.ok(!('bare' in json[lab]) || parameters.includes(':anchor'));
    const { json: list } = await server.request(
      'GET',
      `/Users${parameters}&filter=id%20eq%20%22${user.id}%22`,
    );
    assert.equal(list.Resources[0][lab].anchor, 'here');
    const path = `/Users/${user.id}${parameters}`;
    const body = patchOp({ op: 'replace', path: 'title', value: parameters });
    const answers = [
      await server.request('POST', `/Users${parameters}`, { body: withLab({ anchor: 'here' }) }),
      await server.request('PUT', path, { body: { ...user, title: 'x' } }),
      await server.request('PATCH', path, { body }),
      await server.request('PATCH', path, { body }),
    ];
    for (const { json: written, text } of answers) assert.equal(written[lab]?.anchor, 'here', text);
  }
});

test('S-7-17: returned=never is nowhere, even when asked for', async () => {
  const body = withLab({ sealed: 'hidden-value', bare: 'x' });
  const post = await server.request('POST', `/Users?attributes=${lab}:sealed`, { body });
  assert.equal(post.status, 201, post.text);
  const { id } = post.json;
  const path = `/Users/${id}`;
  const answers = [
    post,
    await server.request('GET', path),
    await server.request('GET', `${path}?attributes=${lab}:sealed`),
    await server.request('GET', `${path}?attributes=${lab}`),
    await server.request('GET', `/Users?filter=id%20eq%20%22${id}%22`),
    await server.request('PUT', path, { body: { ...body, [lab]: { sealed: 'hidden-value', bare: 'y' } } }),
    await patch(id, { op: 'replace', path: `${lab}:sealed`, value: 'hidden-value-2' }),
    await patch(id, { op: 'replace', value: { [lab]: { sealed: 'hidden-value-3', bare: 'z' } } }),
  ];
  for (const answer of answers) assert.ok(!answer.text.includes('hidden-value'), answer.text);
  assert.equal((await get(id))[lab].bare, 'z');
});

test('S-7-17: returned=never is nowhere, also where no other attribute is hidden', async () => {
  const locker = 'urn:example:params:scim:schemas:extension:locker:2.0:User';
  const own = await startScimd({
    registry: configuredRegistry({
      schemas: [{ id: locker, attributes: [{ name: 'pin', returned: 'never' }] }],
      resourceTypes: [{ name: 'User', schemaExtensions: [{ schema: locker }] }],
    }),
  });
  try {
    const body = newUser({ [locker]: { pin: '4711' } });
    const post = await own.request('POST', '/Users', { body });
    assert.equal(post.status, 201, post.text);
    const get = await own.request('GET', `/Users/${post.json.id}`);
    const list = await own.request('GET', '/Users');
    const patched = await own.request('PATCH', `/Users/${post.json.id}`, {
      body: patchOp({ op: 'replace', path: `${locker}:pin`, value: '47112' }),
    });
    for (const { text } of [post, get, list, patched]) assert.ok(!text.includes('4711'), text);
  } finally {
    await own.close();
  }
});

test('S-7-15: a writeOnly attribute of an extension is refused at the start: it could not be kept apart', () => {
  const locker = 'urn:example:params:scim:schemas:extension:locker:2.0:User';
  assert.throws(
    () =>
      configuredRegistry({
        schemas: [{ id: locker, attributes: [{ name: 'pin', mutability: 'writeOnly', returned: 'never' }] }],
        resourceTypes: [{ name: 'User', schemaExtensions: [{ schema: locker }] }],
      }),
    /resourceTypes\.0\.schemaExtensions\.0\.schema .*writeOnly/,
  );
});

test('S-7-19, S-7-20: a PUT of what was read keeps what reading did not show', async () => {
  const user = await created(
    withLab({ hint: 'h', sealed: 's', bare: 'x', file: { title: 't', draft: 'd' } }),
  );
  const seen = await get(user.id);
  const put = await server.request('PUT', `/Users/${user.id}`, { body: seen });
  assert.equal(put.status, 200, put.text);
  assert.deepEqual(put.json, seen);
  const asked = await get(user.id, `?attributes=${lab}:hint,${lab}:file.draft`);
  assert.deepEqual(asked[lab], { hint: 'h', file: { draft: 'd' } });
});

test('S-7-18, S-4.1.1-19: what is never returned cannot be guessed by filters and sorting either', async () => {
  await created(withLab({ sealed: 'hidden-value' }));
  for (const filter of [
    'password eq "x"',
    'password pr',
    `${lab}:sealed eq "hidden-value"`,
    `${lab}:sealed sw "h"`,
  ]) {
    refused(await server.request('GET', `/Users?${new URLSearchParams({ filter })}`), 400, 'invalidFilter');
    const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter };
    refused(await server.request('POST', '/Users/.search', { body }), 400, 'invalidFilter');
  }
  refused(await server.request('GET', '/Users?sortBy=password'), 400, 'invalidValue');
});

test('S-7-19: returned=default is there unless attributes leaves it out or excludedAttributes names it', async () => {
  const user = await created(
    newUser({ nickName: 'n', name: { givenName: 'g', familyName: 'f' }, [lab]: { bare: 'x', floor: 1 } }),
  );
  const members = async (parameters: string) => {
    const json = await get(user.id, parameters);
    const { schemas: _, id: __, ...rest } = json;
    return rest;
  };
  const { schemas: _, id: __, ...all } = user;
  const { nickName: ___, ...withoutNickName } = all;
  assert.deepEqual(await members(''), all);
  assert.deepEqual(await members('?attributes=nickName'), { nickName: 'n' });
  assert.deepEqual(await members('?attributes=name.givenName'), { name: { givenName: 'g' } });
  assert.deepEqual(await members(`?attributes=${lab}:floor`), { [lab]: { floor: 1 } });
  assert.deepEqual(await members('?excludedAttributes=nickName'), withoutNickName);
  assert.deepEqual(await members('?excludedAttributes=name.givenName'), {
    ...all,
    name: { familyName: 'f' },
  });
  assert.deepEqual(await members(`?excludedAttributes=${lab}:floor`), { ...all, [lab]: { bare: 'x' } });
});

test('S-7-20: returned=request is in a query only when named', async () => {
  const { id } = await created(withLab({ hint: 'h', file: { title: 't', draft: 'd' } }));
  assert.deepEqual((await get(id))[lab], { file: { title: 't' } });
  assert.deepEqual((await get(id, `?attributes=${lab}:hint`))[lab], { hint: 'h' });
  assert.deepEqual((await get(id, `?attributes=${lab}:file.draft`))[lab], { file: { draft: 'd' } });
  assert.deepEqual((await get(id, `?attributes=${lab}:file`))[lab], { file: { title: 't' } });
  assert.deepEqual((await get(id, '?excludedAttributes=userName'))[lab], { file: { title: 't' } });
  const { json } = await server.request('GET', `/Users?filter=id%20eq%20%22${id}%22`);
  assert.deepEqual(json.Resources[0][lab], { file: { title: 't' } });
});

test('S-7-20: returned=request is in the answer to a write that supplied it, also with the value that it had', async () => {
  const body = withLab({ hint: 'h', file: { title: 't', draft: 'd' } });
  const user = await created(body);
  assert.deepEqual(user[lab], { hint: 'h', file: { title: 't', draft: 'd' } });
  const path = `/Users/${user.id}`;
  const put = await server.request('PUT', path, { body });
  assert.deepEqual(put.json[lab], { hint: 'h', file: { title: 't', draft: 'd' } });
  const other = await patch(user.id, { op: 'replace', path: 'title', value: 'x' });
  assert.deepEqual(other.json[lab], { file: { title: 't' } });
  const hint = await patch(user.id, { op: 'replace', path: `${lab}:hint`, value: 'h' });
  assert.deepEqual(hint.json[lab], { hint: 'h', file: { title: 't' } });
  const draft = await patch(user.id, { op: 'replace', path: `${lab}:file.draft`, value: 'e' });
  assert.deepEqual(draft.json[lab], { file: { title: 't', draft: 'e' } });
  const asked = await server.request('PATCH', `${path}?attributes=${lab}:hint`, {
    body: patchOp({ op: 'add', path: 'title', value: 'y' }),
  });
  assert.deepEqual(asked.json[lab], { hint: 'h' });
  const excluded = await server.request('PUT', `${path}?excludedAttributes=${lab}:hint`, { body });
  assert.ok(!('hint' in excluded.json[lab]));
});

for (const [attribute, value, same, other] of [
  ['code', 'Key-1', undefined, 'key-1'],
  ['alias', 'Key-2', 'KEY-2', 'key-2x'],
  ['serial', 41, undefined, 42],
] as const) {
  test(`S-7-21: ${attribute} with uniqueness=server is held by one resource at a time`, async () => {
    const first = await created(withLab({ [attribute]: value }));
    const second = await created(withLab({ [attribute]: other }));
    for (const taken of same === undefined ? [value] : [value, same]) {
      refused(
        await server.request('POST', '/Users', { body: withLab({ [attribute]: taken }) }),
        409,
        'uniqueness',
      );
      const body = { ...second, [lab]: { [attribute]: taken } };
      refused(await server.request('PUT', `/Users/${second.id}`, { body }), 409, 'uniqueness');
      refused(
        await patch(second.id, { op: 'replace', path: `${lab}:${attribute}`, value: taken }),
        409,
        'uniqueness',
      );
    }
    assert.deepEqual(await get(second.id), second);
    assert.equal((await patch(first.id, { op: 'replace', path: `${lab}:${attribute}`, value })).status, 200);
    const tenant = await server.newToken({ tenant: 'next-door' });
    const elsewhere = { body: withLab({ [attribute]: value }), token: tenant };
    assert.equal((await server.request('POST', '/Users', elsewhere)).status, 201);
    await patch(first.id, { op: 'remove', path: `${lab}:${attribute}` });
    const freed = await patch(second.id, { op: 'replace', path: `${lab}:${attribute}`, value });
    assert.equal(freed.json[lab][attribute], value);
    await server.request('DELETE', `/Users/${second.id}`);
    await created(withLab({ [attribute]: value }));
  });
}

test('S-7-21: no value of a multi-valued attribute with uniqueness=server is held twice', async () => {
  const first = await created(withLab({ badges: ['b1', 'b2'] }));
  refused(
    await server.request('POST', '/Users', { body: withLab({ badges: ['b3', 'B2'] }) }),
    409,
    'uniqueness',
  );
  const second = await created(withLab({ badges: ['b3'] }));
  refused(await patch(second.id, { op: 'add', path: `${lab}:badges`, value: ['b1'] }), 409, 'uniqueness');
  await patch(first.id, { op: 'remove', path: `${lab}:badges[value eq "b1"]` });
  const added = await patch(second.id, { op: 'add', path: `${lab}:badges`, value: ['b1'] });
  assert.deepEqual(added.json[lab].badges, ['b3', 'b1']);
});

test('S-7-21: an empty text is no value that one resource could hold alone, as templates without a value send it', async () => {
  const empty = { code: '', alias: '', badges: [''] };
  const [first, second] = [await created(withLab(empty)), await created(withLab(empty))];
  assert.deepEqual(second[lab], empty);
  const set = (id: string, value: string) => patch(id, { op: 'replace', path: `${lab}:alias`, value });
  assert.equal((await set(first.id, 'Empty-1')).status, 200);
  refused(await set(second.id, 'empty-1'), 409, 'uniqueness');
  assert.equal((await set(first.id, '')).status, 200);
  assert.equal((await set(second.id, 'empty-1')).status, 200);
});

test('S-7-22: uniqueness=global holds within the tenant, as the server knows no more than it may tell', async () => {
  await created(withLab({ passport: 'P-1' }));
  refused(await server.request('POST', '/Users', { body: withLab({ passport: 'p-1' }) }), 409, 'uniqueness');
  const token = await server.newToken({ tenant: 'abroad' });
  assert.equal(
    (await server.request('POST', '/Users', { body: withLab({ passport: 'P-1' }), token })).status,
    201,
  );
  const sample = { schemas: [sampleSchema, seal], name: 'x', passport: 'P-1', [seal]: { number: 1 } };
  await created(sample, '/Samples');
  refused(await server.request('POST', '/Samples', { body: sample }), 409, 'uniqueness');
});

test('S-7-23: uniqueness=none lets values repeat', async () => {
  const emails = [{ value: 'shared@example.com' }];
  const more = { emails, displayName: 'Same', [enterpriseSchema]: { employeeNumber: '1' } };
  const ids = [(await created(newUser(more))).id, (await created(newUser(more))).id];
  assert.deepEqual(await found('emails.value eq "shared@example.com" and displayName eq "Same"'), ids);
});

test('S-7-24: a uniqueness violation is 409 on create', async () => {
  const body = newUser();
  await created(body);
  refused(await server.request('POST', '/Users', { body }), 409, 'uniqueness', /userName/);
});

test('S-2.2-01, S-7-05: a required sub-attribute holds wherever its value is written', async () => {
  const strictPatch = (id: string, operation: Record<string, unknown>) =>
    server.request('PATCH', `/Users/${id}`, { body: patchOp(operation), token: strict });
  for (const attributes of [{ desk: { seat: '3' } }, { contacts: [{ type: 'work' }] }]) {
    refused(
      await server.request('POST', '/Users', { body: withLab(attributes) }),
      400,
      'invalidValue',
      /required/,
    );
  }
  const user = await created(withLab({ bare: 'x' }));
  for (const operation of [
    { op: 'add', path: `${lab}:desk.seat`, value: '3' },
    { op: 'add', path: `${lab}:desk`, value: { seat: '3' } },
    { op: 'add', path: `${lab}:contacts`, value: [{ type: 'work' }] },
    { op: 'add', path: `${lab}:contacts.type`, value: 'work' },
  ]) {
    const answer = await strictPatch(user.id, operation);
    refused(answer, 400, 'invalidValue', /required/);
  }
  assert.deepEqual(await get(user.id), user);
  await patch(user.id, { op: 'add', path: `${lab}:desk`, value: { room: '1', seat: '3' } });
  refused(await patch(user.id, { op: 'remove', path: `${lab}:desk.room` }), 400, 'mutability');
  const seat = await patch(user.id, { op: 'replace', path: `${lab}:desk`, value: { seat: '4' } });
  assert.deepEqual(seat.json[lab].desk, { room: '1', seat: '4' });
});
