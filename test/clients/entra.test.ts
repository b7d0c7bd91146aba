import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema, errorSchema, listSchema, patchOp, userSchema } from '../server.ts';
import { memberIds, pathOf, person, provider } from './provider.ts';

const entra = provider({ 'content-type': 'application/scim+json; charset=utf-8' });

/** A user as the provisioning service creates it: the extension is listed without being there, roles are empty. */
const tutorial = (more: object = {}) =>
  entra.user({
    schemas: [userSchema, enterpriseSchema],
    externalId: 'nvance',
    meta: { resourceType: 'User' },
    roles: [],
    ...more,
  });

const refused = async (path: string, ...operations: readonly object[]) => {
  const { status, json } = await entra.send('PATCH', path, patchOp(...(operations as never[])));
  assert.deepEqual(json.schemas, [errorSchema]);
  return { status, scimType: json.scimType, detail: json.detail };
};

test('Entra: Test Connection filters for a random name and wants 200 with an empty list', async () => {
  for (const path of [
    '/Users?filter=userName%20eq%20%22b1c7e0d4%22',
    '/Groups?excludedAttributes=members&filter=displayName%20eq%20%22b1c7e0d4%22',
    '/Users?aadOptscim062020&filter=userName+eq+"b1c7e0d4"',
  ]) {
    const { status, json } = await entra.send('GET', path);
    assert.equal(status, 200, path);
    assert.deepEqual(json.schemas, [listSchema]);
    assert.deepEqual([json.totalResults, json.Resources ?? []], [0, []]);
  }
});

test('Entra: the service provider configuration says what it asks', async () => {
  const { json } = await entra.send('GET', '/ServiceProviderConfig');
  assert.equal(json.patch.supported, true);
  assert.equal(json.filter.supported, true);
  assert.equal(typeof json.filter.maxResults, 'number');
  assert.equal(typeof json.bulk.maxOperations, 'number');
  assert.ok(Array.isArray(json.authenticationSchemes));
});

test('Entra: creates with the extension listed but absent, roles [] and meta; the answer lists what is there', async () => {
  const user = await tutorial();
  assert.deepEqual(user.schemas, [userSchema]);
  assert.equal(user.externalId, 'nvance');
  assert.equal('roles' in user, false);
  assert.ok(user.meta.created && user.meta.lastModified && user.meta.location);
});

test('Entra: a user with every attribute is answered and found as it was sent, free text and all', async () => {
  const sent = {
    displayName: 'DN1',
    nickName: 'NN1',
    title: 'TI1',
    userType: 'UT1',
    preferredLanguage: 'nus-SS',
    locale: 'LOCALE1',
    timezone: 'America/Guyana',
    profileUrl: 'PROFILE1',
    name: {
      givenName: 'GN1',
      familyName: 'FN1',
      formatted: 'FO1',
      middleName: 'MN1',
      honorificPrefix: 'HP1',
      honorificSuffix: 'HS1',
    },
    addresses: [
      { type: 'work', formatted: 'AF1', postalCode: 'ap1 1zz', country: 'Testland', primary: true },
    ],
    phoneNumbers: [
      { type: 'work', value: '55-010-101', primary: true },
      { type: 'fax', value: '55-010-301' },
    ],
    [enterpriseSchema]: { employeeNumber: 'EN1', division: 'DI1', manager: { value: 'MA1' } },
  };
  const user = await entra.user({
    ...sent,
    roles: [{ primary: 'True', display: 'RD1', value: 'RV1', type: 'RT1' }],
  });
  const filter = `/Users?filter=userName+eq+"${encodeURIComponent(user.userName)}"`;
  for (const found of [user, (await entra.send('GET', filter)).json.Resources[0]]) {
    for (const [name, value] of Object.entries(sent)) assert.deepEqual(found[name], value, name);
    assert.deepEqual(found.roles, [{ primary: true, display: 'RD1', value: 'RV1', type: 'RT1' }]);
  }
});

test('Entra: nulls at the root mean no value; names of other schemas there are not looked at', async () => {
  const user = await tutorial({ addresses: null, title: null, department: null, manager: null });
  for (const name of ['addresses', 'title', 'department', 'manager']) assert.equal(name in user, false);
});

test('Entra: the misprinted extension URN of its own example and an unknown extension are left out', async () => {
  const user = await entra.user({
    schemas: [userSchema, `${enterpriseSchema.slice(0, -5)}User`],
    'urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User': { tag: 'red' },
  });
  assert.deepEqual(user.schemas, [userSchema]);
});

test('Entra: after DELETE the same userName can be created again and has another id', async () => {
  const body = person();
  const first = (await entra.send('POST', '/Users', body)).json;
  assert.equal((await entra.send('DELETE', pathOf(first))).status, 204);
  const second = (await entra.send('POST', '/Users', body)).json;
  assert.notEqual(second.id, first.id);
  assert.deepEqual(await entra.find('/Users', `userName eq "${body.userName}"`), [second.id]);
});

test('Entra: bad JSON, no userName and a filter of no grammar are 400 with an error', async () => {
  const answers = [
    await entra.send(
      'POST',
      '/Users',
      '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":',
    ),
    await entra.send('POST', '/Users', person({ userName: undefined })),
    await entra.send('GET', '/Users?filter=userName%20zz%20%22x%22'),
  ];
  assert.deepEqual(
    answers.map(({ status, json }) => [status, json.status, json.scimType]),
    [
      [400, '400', 'invalidSyntax'],
      [400, '400', 'invalidValue'],
      [400, '400', 'invalidFilter'],
    ],
  );
});

// ---- matching ----------------------------------------------------------------------------------------------

test('Entra: matches by userName, externalId, e-mail with a value path, and two of them', async () => {
  const user = await tutorial({ externalId: `x-${Date.now()}` });
  const { userName, externalId } = user;
  for (const filter of [
    `externalId eq "${externalId}"`,
    `userName eq "${userName}" and externalId eq "${externalId}"`,
    `emails[type eq "work"].value eq "${userName}"`,
    `id eq "${user.id}"`,
  ]) {
    assert.deepEqual(await entra.find('/Users', filter), [user.id], filter);
  }
  assert.deepEqual(await entra.find('/Users', `userName eq "${userName}" and active eq "False"`), []);
  assert.deepEqual(await entra.find('/Users', `userName eq "${userName}" and active eq "True"`), [user.id]);
  assert.deepEqual(await entra.find('/Users', 'emails[type eq "work"].value eq "none@example.com"'), []);
});

test('Entra: apostrophes and plus signs in names survive either way of encoding blanks', async () => {
  const user = await entra.user({ userName: "o'hara+1@example.com" });
  for (const filter of [
    `userName+eq+"o'hara%2B1%40example.com"`,
    'userName%20eq%20%22o%27hara%2B1%40example.com%22',
  ]) {
    const { json } = await entra.send('GET', `/Users?filter=${filter}`);
    assert.equal(json.Resources[0]?.id, user.id);
  }
});

test('Entra: probes references by id and members, and by id and manager', async () => {
  const [a, b] = [await tutorial({ [enterpriseSchema]: { manager: { value: 'm-1' } } }), await tutorial()];
  const group = await entra.group([a]);
  const probe = (id: string) =>
    entra.find('/Groups', `id eq "${group.id}" and members eq "${id}"`, '&attributes=id');
  assert.deepEqual(await probe(a.id), [group.id]);
  assert.deepEqual(await probe(b.id), []);
  assert.deepEqual(await entra.find('/Users', `id eq "${a.id}" and manager eq "m-1"`, '&attributes=id'), [
    a.id,
  ]);
});

test('Entra: GET without Content-Type and with Accept of plain JSON is answered', async () => {
  const user = await tutorial();
  for (const accept of ['application/json', '*/*', 'application/json, text/plain, */*']) {
    const { status, json } = await entra.send('GET', pathOf(user), undefined, {
      accept,
      'content-type': null,
    });
    assert.deepEqual([status, json.id], [200, user.id]);
  }
});

// ---- updates -------------------------------------------------------------------------------------------------

for (const [text, value] of [
  ['False', false],
  ['True', true],
] as const) {
  test(`Entra: Replace active "${text}" as text ${value ? 'activates' : 'deactivates'}`, async () => {
    const user = await tutorial({ active: !value });
    assert.equal((await entra.patch(user, { op: 'Replace', path: 'active', value: text })).active, value);
  });
}

test('Entra: an update is a list of Replace, one for each path', async () => {
  const user = await tutorial({ [enterpriseSchema]: { employeeNumber: '1' } });
  const now = await entra.patch(
    user,
    { op: 'Replace', path: 'emails[type eq "work"].value', value: 'nora2@example.com' },
    { op: 'Replace', path: 'name.familyName', value: 'Sund' },
    { op: 'Replace', path: 'externalId', value: 'nsund' },
    { op: 'Replace', path: `${enterpriseSchema}:employeeNumber`, value: '40020' },
  );
  assert.deepEqual(now.emails, [{ value: 'nora2@example.com', type: 'work', primary: true }]);
  assert.deepEqual([now.name.familyName, now.name.givenName, now.externalId], ['Sund', 'Nora', 'nsund']);
  assert.equal(now[enterpriseSchema].employeeNumber, '40020');
});

test('Entra: the first attribute of an extension brings its URN into schemas, the last takes it out', async () => {
  const user = await entra.user();
  const path = `${enterpriseSchema}:department`;
  const now = await entra.patch(user, { op: 'Add', path, value: 'Ledger' });
  assert.deepEqual(now.schemas, [userSchema, enterpriseSchema]);
  assert.deepEqual(now[enterpriseSchema], { department: 'Ledger' });
  assert.deepEqual((await entra.patch(user, { op: 'Remove', path })).schemas, [userSchema]);
});

test('Entra: with the flag, a path-less value mixes plain, dotted, URN and value-path keys', async () => {
  const now = await entra.patch(await tutorial(), {
    op: 'replace',
    value: {
      title: 'Pilot',
      'name.honorificPrefix': 'Dr',
      'emails[type eq "work"].value': 'dr@example.com',
      'addresses[type eq "work"].locality': 'Testville',
      [`${enterpriseSchema}:costCenter`]: 'CC-1',
      [`${enterpriseSchema}:manager`]: 'm-7',
      active: 'False',
    },
  });
  assert.deepEqual(now.name, { familyName: 'Vance', givenName: 'Nora', honorificPrefix: 'Dr' });
  assert.deepEqual([now.title, now.active, now.emails[0].value], ['Pilot', false, 'dr@example.com']);
  assert.deepEqual(now.addresses, [{ locality: 'Testville', type: 'work' }]);
  assert.deepEqual(now[enterpriseSchema], { costCenter: 'CC-1', manager: { value: 'm-7' } });
});

test('Entra: with the flag, a path-less add without match creates the value too', async () => {
  const now = await entra.patch(await tutorial(), {
    op: 'add',
    value: { 'phoneNumbers[type eq "mobile"].value': '+1 555 0101', displayName: 'Nora' },
  });
  assert.deepEqual(now.phoneNumbers, [{ value: '+1 555 0101', type: 'mobile' }]);
});

test('Entra: Add by a value path without match creates the value; more of the same fill it', async () => {
  const user = await entra.user({ emails: undefined });
  const now = await entra.patch(
    user,
    { op: 'Add', path: 'emails[type eq "work"].value', value: 'n@example.com' },
    ...['streetAddress', 'locality', 'postalCode'].map((name) => ({
      op: 'Add',
      path: `addresses[type eq "work"].${name}`,
      value: `the ${name}`,
    })),
  );
  assert.deepEqual(now.emails, [{ value: 'n@example.com', type: 'work' }]);
  assert.deepEqual(now.addresses, [
    {
      streetAddress: 'the streetAddress',
      locality: 'the locality',
      postalCode: 'the postalCode',
      type: 'work',
    },
  ]);
});

test('Entra: Replace by a value path without match creates the value', async () => {
  const now = await entra.patch(
    await tutorial(),
    { op: 'Replace', path: 'emails[type eq "other"].value', value: 'o@example.com' },
    { op: 'Replace', path: 'addresses[type eq "work"].formatted', value: '3 Fore St' },
  );
  assert.deepEqual(now.emails[1], { value: 'o@example.com', type: 'other' });
  assert.deepEqual(now.addresses, [{ formatted: '3 Fore St', type: 'work' }]);
});

test('Entra: capitals in paths name the same attributes, which keep the schema’s spelling', async () => {
  const now = await entra.patch(
    await tutorial(),
    { op: 'Add', path: 'Emails[Type Eq "other"].Value', value: 'o@example.com' },
    { op: 'Replace', path: 'DISPLAYNAME', value: 'Nora' },
    { op: 'Replace', value: { NickName: 'No', 'Name.GivenName': 'Norah' } },
  );
  assert.deepEqual(now.emails[1], { value: 'o@example.com', type: 'other' });
  assert.deepEqual([now.displayName, now.nickName, now.name.givenName], ['Nora', 'No', 'Norah']);
});

test('Entra: primary comes as text in POST, and value paths ask for it as boolean and as text', async () => {
  const user = await entra.user({
    emails: [{ value: 'p@example.com', primary: 'true' }],
    roles: [{ primary: 'True', display: 'R1', value: 'r1', type: 'app' }],
  });
  const now = await entra.patch(
    user,
    { op: 'replace', path: 'emails[primary eq true].value', value: 'q@example.com' },
    { op: 'replace', path: 'roles[primary eq "True"].display', value: 'R2' },
    { op: 'replace', path: 'roles[primary eq "True"].value', value: 'r2' },
  );
  assert.deepEqual(now.emails, [{ value: 'q@example.com', primary: true }]);
  assert.deepEqual(now.roles, [{ value: 'r2', display: 'R2', type: 'app', primary: true }]);
});

test('Entra: a role added by roles[primary eq "True"].value is one value with primary true', async () => {
  const now = await entra.patch(
    await tutorial(),
    { op: 'Add', path: 'roles[primary eq "True"].display', value: 'Auditor' },
    { op: 'Add', path: 'roles[primary eq "True"].value', value: 'auditor' },
  );
  assert.deepEqual(now.roles, [{ value: 'auditor', display: 'Auditor', primary: true }]);
});

test('Entra: app roles come as JSON in a text and are kept so', async () => {
  const value = JSON.stringify({ id: '18d14569', value: 'Auditor', displayName: 'Auditor' });
  const now = await entra.patch(await tutorial(), { op: 'Add', path: 'roles', value: [{ value }] });
  assert.deepEqual(now.roles, [{ value }]);
});

for (const [form, path, value] of [
  ['a bare text', `${enterpriseSchema}:manager`, 'm-1'],
  ['an object with value', `${enterpriseSchema}:manager`, { value: 'm-1' }],
  ['an array with $ref null', `${enterpriseSchema}:manager`, [{ $ref: null, value: 'm-1' }]],
  ['its value alone', `${enterpriseSchema}:manager.value`, 'm-1'],
  ['an attribute without URN', 'manager', [{ value: 'm-1' }]],
] as const) {
  test(`Entra: the manager comes as ${form} and goes by Remove`, async () => {
    const user = await tutorial({ [enterpriseSchema]: { department: 'Ledger' } });
    const now = await entra.patch(user, { op: 'Replace', path, value });
    assert.deepEqual(now[enterpriseSchema], { department: 'Ledger', manager: { value: 'm-1' } });
    const left = await entra.patch(user, { op: 'Remove', path: `${enterpriseSchema}:manager` });
    assert.deepEqual(left[enterpriseSchema], { department: 'Ledger' });
  });
}

for (const [form, path, value] of [
  ['a bare text', `${enterpriseSchema}:manager`, ''],
  ['an object with value', `${enterpriseSchema}:manager`, { value: '' }],
  ['an array with $ref null', `${enterpriseSchema}:manager`, [{ $ref: null, value: '' }]],
  ['its value alone', `${enterpriseSchema}:manager.value`, ''],
  ['an attribute without URN', 'manager', ''],
  ['a key without path', undefined, { [`${enterpriseSchema}:manager`]: '' }],
  ['an object without path', undefined, { [enterpriseSchema]: { manager: { value: '' } } }],
] as const) {
  test(`Entra: an empty manager as ${form} clears it`, async () => {
    const user = await tutorial({ [enterpriseSchema]: { department: 'Ledger', manager: { value: 'm-1' } } });
    const change = path === undefined ? { value } : { path, value };
    const now = await entra.patch(user, { op: 'Replace', ...change });
    assert.deepEqual(now[enterpriseSchema], { department: 'Ledger' });
  });
}

test('Entra: a $ref beside the manager’s value may be absolute', async () => {
  const [boss, user] = [await tutorial(), await tutorial()];
  const value = { $ref: boss.meta.location, value: boss.id };
  const now = await entra.patch(user, { op: 'Add', path: 'manager', value: [value] });
  assert.equal(now[enterpriseSchema].manager.value, boss.id);
});

test('Entra: the job of 2018 wraps every value in a list of $ref and value', async () => {
  const now = await entra.patch(
    await tutorial(),
    { op: 'Replace', path: 'displayName', value: [{ $ref: null, value: 'Nora V' }] },
    { op: 'Replace', path: 'active', value: [{ $ref: null, value: 'False' }] },
    { op: 'Add', path: 'emails[type eq "other"].value', value: [{ $ref: null, value: 'o@example.com' }] },
  );
  assert.deepEqual([now.displayName, now.active, now.emails[1].value], ['Nora V', false, 'o@example.com']);
});

test('Entra: an object with more than $ref and value is no simple value', async () => {
  const user = await tutorial();
  assert.deepEqual(
    (await refused(pathOf(user), { op: 'Replace', path: 'displayName', value: { value: 'N', type: 'x' } }))
      .scimType,
    'invalidValue',
  );
});

test('Entra: several operations on one attribute in one request apply in order', async () => {
  const now = await entra.patch(
    await tutorial({ nickName: 'No' }),
    { op: 'remove', path: 'externalId' },
    { op: 'remove', path: 'nickName' },
    { op: 'add', value: { externalId: 'y' } },
    { op: 'replace', value: { externalId: 'z', displayName: 'DN4' } },
  );
  assert.deepEqual([now.externalId, now.displayName, now.nickName], ['z', 'DN4', undefined]);
});

test('Entra: one operation that cannot be carried out undoes all of the request', async () => {
  const user = await tutorial();
  for (const bad of [
    { op: 'explode', path: 'title', value: 'x' },
    { op: 'Replace', path: 'nonsense', value: 'x' },
    { op: 'Replace', path: 'active', value: 'Perhaps' },
    { op: 'Remove' },
  ]) {
    const { status, detail } = await refused(
      pathOf(user),
      { op: 'Replace', path: 'displayName', value: 'Half' },
      bad,
    );
    assert.equal(status, 400);
    assert.match(detail, /Operations\[1\]/);
    assert.deepEqual(await entra.read(user), user);
  }
});

test('Entra: userName of another user is 409 and changes nothing', async () => {
  const [a, b] = [await tutorial(), await tutorial()];
  const taken = { op: 'Replace', path: 'userName', value: a.userName.toUpperCase() };
  const { status, scimType } = await refused(pathOf(b), { op: 'Replace', path: 'title', value: 'X' }, taken);
  assert.deepEqual([status, scimType], [409, 'uniqueness']);
  assert.deepEqual(await entra.read(b), b);
});

test('Entra: PATCH is answered 204 to Replace in capitals and 200 with the user to the RFC’s replace', async () => {
  const user = await tutorial();
  const send = (op: string) => entra.send('PATCH', pathOf(user), patchOp({ op, path: 'title', value: op }));
  const capital = await send('Replace');
  assert.deepEqual([capital.status, capital.text], [204, '']);
  assert.equal((await send('replace')).json.title, 'replace');
});

test('Entra: PATCH without operations is refused', async () => {
  assert.deepEqual((await refused(pathOf(await tutorial()))).scimType, 'invalidSyntax');
});

test('Entra: the member names of the message itself are read in any letter case', async () => {
  const user = await tutorial();
  const { status } = await entra.send('PATCH', pathOf(user), {
    Schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    operations: [{ OP: 'Add', Path: 'title', Value: 'Cook' }],
  });
  assert.equal(status, 204);
  assert.equal((await entra.read(user)).title, 'Cook');
});

// ---- groups --------------------------------------------------------------------------------------------------

test('Entra: a group is created with Microsoft’s schema of 2006 beside the core one, and found', async () => {
  const group = await entra.group([], {
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:Group',
      'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
    ],
    externalId: '8aa1a0c0',
    meta: { resourceType: 'Group' },
  });
  assert.deepEqual(group.schemas, ['urn:ietf:params:scim:schemas:core:2.0:Group']);
  assert.equal('members' in group, false);
  assert.deepEqual(await entra.find('/Groups', 'externalId eq "8aa1a0c0"', '&excludedAttributes=members'), [
    group.id,
  ]);
});

test('Entra: a group is read without its members by excludedAttributes', async () => {
  const group = await entra.group([await tutorial()]);
  const { json } = await entra.send('GET', `${pathOf(group)}?excludedAttributes=members`);
  assert.deepEqual([json.id, 'members' in json], [group.id, false]);
});

test('Entra: Remove of members with a value list takes out only those', async () => {
  const users = [await tutorial(), await tutorial(), await tutorial()];
  const [a, b, c] = users;
  const group = await entra.group(users);
  const remove = (...some: readonly { id: string }[]) =>
    entra.patch(group, {
      op: 'Remove',
      path: 'members',
      value: some.map(({ id }) => ({ $ref: null, value: id })),
    });
  assert.deepEqual(memberIds(await remove(a)), [b.id, c.id].sort());
  assert.equal('members' in (await remove(b, c)), false);
});

test('Entra: Remove of members without value empties the group', async () => {
  const group = await entra.group([await tutorial(), await tutorial()]);
  assert.equal('members' in (await entra.patch(group, { op: 'Remove', path: 'members' })), false);
});

test('Entra: members are replaced, removed by value path, added and removed in one request', async () => {
  const [a, b] = [await tutorial(), await tutorial()];
  const group = await entra.group([a]);
  const replaced = await entra.patch(group, { op: 'replace', path: 'members', value: [{ value: b.id }] });
  assert.deepEqual(memberIds(replaced), [b.id]);
  const now = await entra.patch(
    group,
    { op: 'remove', path: `members[value eq "${b.id}"]` },
    { op: 'add', path: 'members', value: [{ value: a.id }] },
    { op: 'remove', path: `members[value eq "${a.id}"]` },
  );
  assert.equal('members' in now, false);
});

for (const value of ['[]', undefined]) {
  test(`Entra: Add of members[value eq "…"] with the value ${value} adds that member`, async () => {
    const user = await tutorial();
    const path = `members[value eq "${user.id}"]`;
    assert.deepEqual(memberIds(await entra.patch(await entra.group(), { op: 'Add', path, value })), [
      user.id,
    ]);
  });
}

test('Entra: a bare id stands for a member; members.displayName is not looked at', async () => {
  const [a, b] = [await tutorial(), await tutorial()];
  const now = await entra.patch(
    await entra.group(),
    { name: 'addMember', op: 'add', path: 'members', value: a.id },
    { name: 'addMember', op: 'add', path: 'members', value: [{ displayName: 'new User', value: b.id }] },
  );
  assert.deepEqual(memberIds(now), [a.id, b.id].sort());
});

test('Entra: an id at the root of a PATCH body is no offence', async () => {
  const group = await entra.group();
  const body = { ...patchOp({ op: 'Replace', path: 'displayName', value: 'Riggers' }), id: group.id };
  assert.equal((await entra.send('PATCH', pathOf(group), body)).status, 204);
  assert.equal((await entra.read(group)).displayName, 'Riggers');
});

test('Entra: a deleted group is 404 to GET and to a second DELETE', async () => {
  const group = await entra.group();
  assert.equal((await entra.send('DELETE', pathOf(group))).status, 204);
  for (const method of ['GET', 'DELETE']) {
    const { status, json } = await entra.send(method, pathOf(group));
    assert.deepEqual([status, json.status], [404, '404']);
  }
});

test('Entra: a deleted user is no member any more', async () => {
  const user = await tutorial();
  const group = await entra.group([user]);
  await entra.send('DELETE', pathOf(user));
  assert.equal('members' in (await entra.read(group)), false);
});
