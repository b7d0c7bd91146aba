import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newGroup, newUser, patchOp, startScimd, type TestServer, userSchema } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
let strict: string;
before(async () => {
  server = await startScimd();
  client = await newClient(server, { tenant: 'default' });
  strict = await server.newToken({ idp: 'strict' });
});
after(() => server.close());

type Operation = Readonly<Record<string, unknown>>;
const post = (body: unknown, token = server.token) => client.request('POST', '/Users', { body, token });
const created = (body: unknown, token = server.token) => client.create('/Users', body, { token });
const patch = (id: string, ...operations: Operation[]) => client.patch(`/Users/${id}`, ...operations);
const found = (filter: string, more: Readonly<Record<string, string>> = {}) =>
  client.find('/Users', filter, more);

test('S-4.1.1-01: userName is required and not empty', async () => {
  for (const token of [server.token, strict]) {
    for (const userName of ['', null, '   ', undefined]) {
      const { userName: _, ...body } = newUser();
      const sent = userName === undefined ? body : { ...body, userName };
      refused(await post(sent, token), 400, 'invalidValue', /userName/);
    }
  }
  const user = await created(newUser());
  const put = { body: { schemas: [userSchema], displayName: 'x' } };
  refused(await server.request('PUT', `/Users/${user.id}`, put), 400, 'invalidValue', /userName/);
  refused(await patch(user.id, { op: 'remove', path: 'userName' }), 400, 'mutability');
  refused(await patch(user.id, { op: 'replace', path: 'userName', value: '' }), 400, 'invalidValue');
  assert.deepEqual((await server.request('GET', `/Users/${user.id}`)).json, user);
});

test('S-4.1.1-02, S-4.1.1-03: userName is unique in its tenant, whatever its letter case', async () => {
  const userName = `Jensen-${Date.now()}`;
  const user = await created(newUser({ userName }));
  const other = await created(newUser());
  for (const taken of [userName, userName.toLowerCase(), userName.toUpperCase()]) {
    refused(await post(newUser({ userName: taken })), 409, 'uniqueness', /userName/);
    const put = { body: { schemas: [userSchema], userName: taken } };
    refused(await server.request('PUT', `/Users/${other.id}`, put), 409, 'uniqueness');
    refused(await patch(other.id, { op: 'replace', path: 'userName', value: taken }), 409, 'uniqueness');
    assert.deepEqual(await found(`userName eq "${taken}"`), [user.id]);
  }
  const recased = await patch(user.id, { op: 'replace', path: 'userName', value: userName.toUpperCase() });
  assert.equal(recased.json.userName, userName.toUpperCase());
  const token = await server.newToken({ tenant: 'other' });
  assert.equal((await post(newUser({ userName }), token)).status, 201);
});

test('S-4.1.1-03: userName sorts without regard to letter case', async () => {
  const mark = `sort-${Date.now()}`;
  const ids: string[] = [];
  for (const first of ['a', 'B', 'c', 'D'])
    ids.push((await created(newUser({ userName: `${first}-${mark}`, title: mark }))).id);
  const filter = `title eq "${mark}"`;
  assert.deepEqual(await found(filter, { sortBy: 'userName' }), ids);
  assert.deepEqual(await found(filter, { sortBy: 'userName', sortOrder: 'descending' }), [...ids].reverse());
});

test('S-4.1.1-04, S-4.1.1-05: the parts of a name and its formatted form are the client’s, never made up', async () => {
  const user = await created(newUser({ name: { givenName: 'Barbara', familyName: 'Jensen' } }));
  assert.deepEqual(user.name, { familyName: 'Jensen', givenName: 'Barbara' });
  const { json } = await patch(user.id, { op: 'replace', path: 'name.familyName', value: 'Smith' });
  assert.deepEqual(json.name, { familyName: 'Smith', givenName: 'Barbara' });
  const name = {
    formatted: 'Ms. Barbara J Jensen, III',
    familyName: 'Jensen',
    givenName: 'Barbara',
    middleName: 'Jane',
    honorificPrefix: 'Ms.',
    honorificSuffix: 'III',
  };
  assert.deepEqual((await created(newUser({ name }))).name, name);
});

test('S-4.1.1-06: displayName is the client’s label, or absent', async () => {
  assert.ok(!('displayName' in (await created(newUser()))));
  assert.equal((await created(newUser({ displayName: 'Babs' }))).displayName, 'Babs');
});

test('S-4.1.1-07: profileUrl is a URL', async () => {
  for (const url of ['::::', 'not a url', 'http://ex ample/']) {
    refused(await post(newUser({ profileUrl: url }), strict), 400, 'invalidValue', /profileUrl/);
    assert.equal((await created(newUser({ profileUrl: url }))).profileUrl, url);
  }
  refused(await post(newUser({ profileUrl: 'bjensen' }), strict), 400, 'invalidValue', /profileUrl/);
  const url = 'https://login.example.com/bjensen';
  assert.equal((await created(newUser({ profileUrl: url }), strict)).profileUrl, url);
});

test('S-4.1.1-08: userType takes any value', async () => {
  assert.equal((await created(newUser({ userType: 'X-Bot' }), strict)).userType, 'X-Bot');
});

const formatted: readonly [id: string, attribute: string, good: readonly string[], bad: readonly string[]][] =
  [
    [
      'S-4.1.1-09',
      'preferredLanguage',
      ['fr-CH, fr;q=0.9, *;q=0.5', 'en-US', 'da, en-gb;q=0.8'],
      ['@@', 'en;q=2', 'en,,x y'],
    ],
    ['S-4.1.1-10', 'locale', ['en-CA', 'man-Nkoo-GN', 'de'], ['en CA', '', 'en-', 'x y z']],
    [
      'S-4.1.1-12',
      'timezone',
      ['America/Los_Angeles', 'Europe/Zurich', 'UTC'],
      ['PST8PDT?', '+01:00', 'Mars/Olympus'],
    ],
  ];

for (const [id, attribute, good, bad] of formatted) {
  test(`${id}: ${attribute} has the form that the RFC names; free text is a tolerance`, async () => {
    for (const value of good)
      assert.equal((await created(newUser({ [attribute]: value }), strict))[attribute], value);
    for (const value of bad.filter((text) => text !== '')) {
      refused(
        await post(newUser({ [attribute]: value }), strict),
        400,
        'invalidValue',
        new RegExp(attribute),
      );
      assert.equal((await created(newUser({ [attribute]: value })))[attribute], value);
    }
  });
}

test('S-4.1.1-11: a locale with an underscore is accepted and kept', async () => {
  assert.equal((await created(newUser({ locale: 'en_US' }), strict)).locale, 'en_US');
});

test('S-4.1.1-13: active is true unless said otherwise; who is inactive can still be read', async () => {
  const user = await created(newUser());
  assert.equal(user.active, true);
  assert.equal((await created(newUser({ active: null }))).active, true);
  const left = (await patch(user.id, { op: 'replace', path: 'active', value: false })).json;
  assert.equal(left.active, false);
  assert.equal((await server.request('GET', `/Users/${user.id}`)).json.active, false);
  assert.deepEqual(await found(`id eq "${user.id}" and active eq false`), [user.id]);
  refused(await post(newUser({ userName: user.userName })), 409, 'uniqueness');
  const put = await server.request('PUT', `/Users/${user.id}`, {
    body: { schemas: [userSchema], userName: user.userName },
  });
  assert.equal(put.json.active, false);
  refused(await patch(user.id, { op: 'replace', path: 'active', value: 'perhaps' }), 400, 'invalidValue');
});

test('S-4.1.1-14: a password is in no answer, neither clear nor hashed', async () => {
  const password = 't1meMa$heen-0815';
  const ask = 'attributes=password,userName';
  const post1 = await server.request('POST', `/Users?${ask}`, { body: newUser({ password }) });
  const { id, userName } = post1.json;
  const path = `/Users/${id}`;
  const search = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
    attributes: ['password'],
  };
  const bulk = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: [
      { method: 'POST', path: '/Users', bulkId: 'a', data: newUser({ password }) },
      { method: 'PATCH', path, data: patchOp({ op: 'replace', path: 'password', value: `${password}!` }) },
      { method: 'POST', path: '/Users', bulkId: 'b', data: newUser({ password, userName }) },
    ],
  };
  const answers = [
    post1,
    await server.request('GET', path),
    await server.request('GET', `${path}?${ask}`),
    await server.request('GET', `/Users?${ask}`),
    await server.request('PUT', `${path}?${ask}`, { body: { schemas: [userSchema], userName, password } }),
    await server.request('PATCH', `${path}?${ask}`, { body: patchOp({ op: 'add', value: { password } }) }),
    await server.request('POST', '/Users/.search', { body: search }),
    await server.request('POST', '/.search', { body: search }),
    await server.request('POST', '/Bulk', { body: bulk }),
    await server.request('POST', '/Users', { body: newUser({ password, active: password }) }),
    await server.request('PATCH', path, {
      body: patchOp({ op: 'replace', path: 'password', value: [password, password] }),
    }),
    await server.request('PATCH', path, {
      body: patchOp({ op: 'replace', path: `password[value eq "${password}"]`, value: 'x' }),
    }),
    await server.request('GET', '/Schemas'),
  ];
  for (const [index, { text, status }] of answers.entries()) {
    assert.ok(status < 500, `${index}: ${text}`);
    assert.ok(!text.includes(password), `${index}: ${text}`);
    assert.ok(!/\$scrypt|"password":/i.test(text), `${index}: ${text}`);
  }
});

test('S-4.1.1-20: password is writeOnly and returned never; a PUT without it leaves it', async () => {
  const { json } = await server.request('GET', `/Schemas/${userSchema}`);
  const password = json.attributes.find((each: { name: string }) => each.name === 'password');
  assert.deepEqual([password.mutability, password.returned], ['writeOnly', 'never']);
  const user = await created(newUser({ password: 'correct horse' }));
  const put = await server.request('PUT', `/Users/${user.id}`, { body: user });
  assert.deepEqual(put.json.meta, user.meta);
});

test('S-4.1.2-01: an e-mail address has the form of RFC 5321; free text is a tolerance', async () => {
  const emails = (value: string) => newUser({ emails: [{ value }] });
  for (const value of ['not an email', 'a@', '@example.com', 'a@b@example.com']) {
    refused(await post(emails(value), strict), 400, 'invalidValue', /emails\[0\]\.value/);
    assert.equal((await created(emails(value))).emails[0].value, value);
  }
  for (const value of [
    'bjensen@example.com',
    '"b j"@example.com',
    'b+tag@[192.0.2.1]',
    'jürgen@müller.example',
  ]) {
    assert.equal((await created(emails(value), strict)).emails[0].value, value);
  }
});

test('S-4.1.2-02, S-4.1.2-03: an address is kept as sent under any type, and found in any letter case', async () => {
  const user = await created(newUser({ emails: [{ value: 'B@EXAMPLE.COM', type: 'x-alias' }] }));
  assert.deepEqual(user.emails, [{ value: 'B@EXAMPLE.COM', type: 'x-alias' }]);
  const id = `id eq "${user.id}" and `;
  for (const filter of [
    'emails.value eq "b@example.com"',
    'emails eq "b@Example.com"',
    'emails[type eq "X-ALIAS" and value ew "@example.com"]',
  ]) {
    assert.deepEqual(await found(id + filter), [user.id], filter);
  }
});

test('S-4.1.2-04: phone numbers are kept as they were sent', async () => {
  for (const value of ['tel:+1-201-555-0123', '+1 (201) 555-0123', '555']) {
    assert.deepEqual((await created(newUser({ phoneNumbers: [{ value, type: 'pager' }] }))).phoneNumbers, [
      { value, type: 'pager' },
    ]);
  }
});

test('S-4.1.2-05: instant messaging addresses are kept as sent, compare without letter case, and may be of type other', async () => {
  const ims = [
    { value: 'Foo@Bar', type: 'xmpp' },
    { value: 'baz', type: 'other' },
  ];
  const user = await created(newUser({ ims }), strict);
  assert.deepEqual(user.ims, ims);
  assert.deepEqual(await found(`id eq "${user.id}" and ims[value eq "foo@bar" and type eq "XMPP"]`), [
    user.id,
  ]);
  const { json } = await server.request('GET', `/Schemas/${userSchema}`);
  const type = json.attributes
    .find((each: { name: string }) => each.name === 'ims')
    .subAttributes.find((sub: { name: string }) => sub.name === 'type');
  assert.deepEqual(type.canonicalValues, [
    'aim',
    'gtalk',
    'icq',
    'xmpp',
    'msn',
    'skype',
    'qq',
    'yahoo',
    'other',
  ]);
});

test('S-4.1.2-06: a photo is a URL', async () => {
  for (const value of ['no url', '::']) {
    const user = newUser({ photos: [{ value }] });
    refused(await post(user, strict), 400, 'invalidValue', /photos\[0\]\.value/);
    assert.deepEqual((await created(user)).photos, [{ value }]);
  }
  refused(await post(newUser({ photos: [{ value: 'me.png' }] }), strict), 400, 'invalidValue');
  const photos = [
    { value: 'https://photos.example.com/F.jpg', type: 'photo' },
    { value: 'https://photos.example.com/T.jpg', type: 'thumbnail' },
  ];
  assert.deepEqual((await created(newUser({ photos }), strict)).photos, photos);
});

test('S-4.1.2-07: every part of an address is optional; street and formatted address may have several lines', async () => {
  const addresses = [
    { formatted: '100 Universal City Plaza\nHollywood, CA 91608 USA', type: 'work' },
    { streetAddress: 'a\nb', type: 'home' },
    { country: 'US' },
  ];
  assert.deepEqual((await created(newUser({ addresses }), strict)).addresses, addresses);
});

test('S-4.1.2-08: a country is an ISO 3166-1 alpha-2 code; free text is a tolerance', async () => {
  for (const country of ['USA', 'zz-', 'United States', 'U', '12', 'XX', 'EU', 'SU']) {
    refused(
      await post(newUser({ addresses: [{ country }] }), strict),
      400,
      'invalidValue',
      /addresses\[0\]\.country/,
    );
    assert.equal((await created(newUser({ addresses: [{ country }] }))).addresses[0].country, country);
  }
  for (const country of ['US', 'de', 'CH']) {
    assert.equal(
      (await created(newUser({ addresses: [{ country }] }), strict)).addresses[0].country,
      country,
    );
  }
});

test('S-4.1.2-09: addresses have primary', async () => {
  const addresses = [
    { locality: 'a', type: 'work' },
    { locality: 'b', type: 'home', primary: true },
  ];
  const user = await created(newUser({ addresses }));
  const { json } = await patch(user.id, {
    op: 'replace',
    path: 'addresses[type eq "work"].primary',
    value: true,
  });
  assert.deepEqual(json.addresses, [
    { locality: 'a', type: 'work', primary: true },
    { locality: 'b', type: 'home', primary: false },
  ]);
});

test('S-4.1.2-10: groups is readOnly: only a group changes its members', async () => {
  const group = (await server.request('POST', '/Groups', { body: newGroup() })).json;
  const groups = [{ value: group.id }];
  const user = await created(newUser({ groups }));
  assert.ok(!('groups' in user));
  const put = await server.request('PUT', `/Users/${user.id}`, { body: { ...user, groups } });
  assert.equal(put.status, 200);
  assert.ok(!('groups' in put.json));
  for (const operation of [
    { op: 'add', path: 'groups', value: groups },
    { op: 'replace', path: 'groups', value: [] },
    { op: 'remove', path: `groups[value eq "${group.id}"]` },
    { op: 'replace', path: 'groups[type eq "direct"].display', value: 'x' },
  ]) {
    refused(await patch(user.id, operation), 400, 'mutability');
  }
  assert.ok(!('members' in (await server.request('GET', `/Groups/${group.id}`)).json));
  const join = patchOp({ op: 'add', path: 'members', value: [{ value: user.id }] });
  assert.equal((await server.request('PATCH', `/Groups/${group.id}`, { body: join })).status, 200);
  for (const claimed of [[], null, [{ value: 'another' }], undefined]) {
    const body = { schemas: [userSchema], userName: user.userName, groups: claimed };
    const { json } = await server.request('PUT', `/Users/${user.id}`, { body });
    assert.equal(json.groups?.[0]?.value, group.id, JSON.stringify(claimed));
    assert.equal(json.groups.length, 1);
  }
});

test('S-4.1.2-11: groups has the id and the URI of each group that the user is in', async () => {
  const user = await created(newUser());
  const group = (
    await server.request('POST', '/Groups', { body: newGroup({ members: [{ value: user.id }] }) })
  ).json;
  const groups = async () => (await server.request('GET', `/Users/${user.id}`)).json.groups;
  assert.deepEqual(await groups(), [
    {
      value: group.id,
      $ref: `${server.base}/Groups/${group.id}`,
      display: group.displayName,
      type: 'direct',
    },
  ]);
  assert.deepEqual(await found(`groups.value eq "${group.id}"`), [user.id]);
  const remove = patchOp({ op: 'remove', path: `members[value eq "${user.id}"]` });
  await server.request('PATCH', `/Groups/${group.id}`, { body: remove });
  assert.equal(await groups(), undefined);
  assert.deepEqual(await found(`groups.value eq "${group.id}"`), []);
});

test('S-4.1.2-12: groups.type tells direct from indirect membership', async () => {
  const user = await created(newUser());
  const group = async (...members: string[]) =>
    (
      await server.request('POST', '/Groups', {
        body: newGroup({ members: members.map((value) => ({ value })) }),
      })
    ).json;
  const inner = await group(user.id);
  const middle = await group(inner.id);
  const outer = await group(middle.id);
  const both = await group(inner.id, user.id);
  const { groups } = (await server.request('GET', `/Users/${user.id}`)).json;
  const types = Object.fromEntries(
    groups.map((each: { value: string; type: string }) => [each.value, each.type]),
  );
  assert.deepEqual(types, {
    [inner.id]: 'direct',
    [middle.id]: 'indirect',
    [outer.id]: 'indirect',
    [both.id]: 'direct',
  });
  assert.deepEqual(await found(`groups[value eq "${outer.id}" and type eq "indirect"]`), [user.id]);
  assert.deepEqual(await found(`groups[value eq "${both.id}" and type eq "indirect"]`), []);
});

test('S-4.1.2-13: entitlements and roles are free', async () => {
  const values = [
    { value: 'anything at all: 1/2 §' },
    { value: 'x', type: 'y', primary: true, display: 'z' },
  ];
  const user = await created(newUser({ roles: values, entitlements: values }), strict);
  assert.deepEqual(
    [user.roles, user.entitlements],
    [
      [{ value: 'anything at all: 1/2 §' }, { value: 'x', display: 'z', type: 'y', primary: true }],
      [{ value: 'anything at all: 1/2 §' }, { value: 'x', display: 'z', type: 'y', primary: true }],
    ],
  );
});

test('S-4.1.2-14: a certificate is exactly one DER value in base64', async () => {
  const der = Buffer.concat([Buffer.from([0x30, 0x82, 0x01, 0x00]), Buffer.alloc(256, 1)]);
  const certificate = (value: string) => newUser({ x509Certificates: [{ value }] });
  const armour = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----`;
  for (const token of [server.token, strict]) {
    for (const value of [Buffer.concat([der, der]).toString('base64'), armour, '!!', 'MII=A']) {
      refused(await post(certificate(value), token), 400, 'invalidValue', /x509Certificates\[0\]\.value/);
    }
  }
  refused(await post(certificate(der.subarray(0, 100).toString('base64')), strict), 400, 'invalidValue');
  for (const value of [der.toString('base64'), der.toString('base64').replace(/=+$/, '')]) {
    assert.equal((await created(certificate(value), strict)).x509Certificates[0].value, value);
  }
});
