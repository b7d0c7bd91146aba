/** Nothing a client sends in a body may crash, pollute, leak or half-change anything. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  bulkSchema,
  enterpriseSchema,
  newGroup,
  newUser,
  patchOp,
  patchSchema,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { assertAlive, assertError } from './raw.ts';

let server: TestServer;
const failures: object[] = [];
before(async () => {
  server = await startScimd({
    log: { info() {}, warn() {}, error: (fields) => void failures.push(fields) },
  });
});
afterEach(async () => {
  await assertAlive(server);
  assert.deepEqual(failures, [], 'no bad input is an error of the server');
});
after(() => server.close());

const post = (body: string | Uint8Array, headers: Readonly<Record<string, string | null>> = {}) =>
  server.request('POST', '/Users', { body, headers });

/** `{"schemas":[…],"userName":"…", rest}` as text. */
const userText = (rest: string) => `{"schemas":["${userSchema}"],"userName":"bad${Math.random()}"${rest}}`;

const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;

// ---- JSON ----------------------------------------------------------------------------------------------------

const malformed: Readonly<Record<string, readonly [string | Uint8Array, RegExp]>> = {
  'an empty body': ['', /it is empty/],
  'blanks alone': [' \n ', /it is empty/],
  'a body cut off': ['{"schemas":["a"', /ends too early|unexpected text/],
  'a comma too many': [userText(',').replace(',}', ',,}'), /unexpected text at line 1, column \d+/],
  'two values': [`${userText('')} {}`, /unexpected text/],
  'single quotes': ["{'schemas':[]}", /unexpected text at line 1, column 2/],
  'a comment': ['{/* hello */}', /unexpected text/],
  NaN: [userText(',"x":NaN'), /unexpected text/],
  'a comma without value': ['[,]', /unexpected text at line 1, column 2/],
  'a colon in an array': ['["a":1]', /unexpected text at line 1, column 5/],
  'a name that is no text': ['{\n  1: 2}', /unexpected text at line 2, column 3/],
  'a bracket of the other kind': ['{"a":[1}', /unexpected text at line 1, column 8/],
  'a text without end': ['{"a": "b', /unexpected text at line 1, column 7/],
  'a leading zero': [userText(',"x":01'), /unexpected text/],
  'a control character within a text': [userText(',"title":"a\u0001b"'), /unexpected text/],
  'an unfinished escape': [userText(',"title":"\\u12"'), /unexpected text/],
  'a name twice': [userText(',"title":"a","title":"b"'), /"title" at line 1, column \d+ is duplicated/],
  'a name twice, once escaped': [userText(',"title":"a","t\\u0069tle":"b"'), /is duplicated/],
  'a name twice within a value': [userText(',"name":{"givenName":"a","givenName":"b"}'), /is duplicated/],
  'a name twice in different letter case': [userText(',"title":"a","Title":"b"'), /Title is duplicated/],
  'userName twice in different letter case': [userText(',"USERNAME":"b"'), /is duplicated/],
  'a lone surrogate': [userText(',"title":"\\ud800"'), /unpaired surrogate/],
  'a lone surrogate as a name': [userText(',"\\udc00":1'), /unpaired surrogate/],
  NUL: [userText(',"title":"a\\u0000b"'), /NUL/],
  'NUL as a name': [userText(',"\\u0000":1'), /NUL/],
  'a number too large': [userText(',"x":1e999'), /too large/],
  'a negative number too large': [userText(',"x":-1e999'), /too large/],
  'a hundred thousand arrays': ['['.repeat(100_000), /nested deeper than 32 levels at line 1, column 33/],
  'a hundred thousand objects': ['{"a":'.repeat(100_000), /nested deeper than 32/],
  'deep nesting in an attribute of no schema': [
    userText(`,"x":${'['.repeat(40)}${']'.repeat(40)}`),
    /nested deeper/,
  ],
  'bytes that are no UTF-8': [Buffer.from('7b22ff223a317d', 'hex'), /UTF-8/],
  'UTF-8 of a surrogate': [Buffer.from('22eda08022', 'hex'), /UTF-8/],
  'an overlong encoding': [Buffer.from('22c0af22', 'hex'), /UTF-8/],
  'UTF-16': [Buffer.from('\ufeff{}', 'utf16le'), /UTF-8/],
};

for (const [what, [body, detail]] of Object.entries(malformed)) {
  test(`${what} is 400 invalidSyntax that says where`, async () => {
    const before = await total();
    const answer = await post(body);
    assertError(answer, 400, detail);
    assert.equal(answer.json.scimType, 'invalidSyntax');
    assert.equal(await total(), before);
  });
}

for (const value of ['null', 'true', '1', '"text"', '[]', '[{}]']) {
  test(`the body ${value} is no resource, PatchOp, SearchRequest or BulkRequest`, async () => {
    const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
    for (const [method, path] of [
      ['POST', '/Users'],
      ['PUT', `/Users/${id}`],
      ['PATCH', `/Users/${id}`],
      ['POST', '/Users/.search'],
      ['POST', '/.search'],
      ['POST', '/Bulk'],
    ] as const) {
      assertError(await server.request(method, path, { body: value }), 400, /must be a JSON object/);
    }
  });
}

test('a byte order mark before the body is left out (RFC 8259 §8.1)', async () => {
  assert.equal((await post(`\ufeff${userText('')}`)).status, 201);
});

test('numbers beyond what a double holds, in an attribute of no schema, change nothing', async () => {
  assert.equal((await post(userText(`,"x":${'9'.repeat(400).slice(0, 300)},"y":1e-999`))).status, 201);
});

test('astral characters and combining marks come back as they were', async () => {
  const title = 'Chief 🧭 e\u0301 \u202e\u200b';
  const answer = await post(JSON.stringify({ ...newUser(), title }));
  assert.equal(answer.json.title, title);
});

// ---- media types, encodings, sizes --------------------------------------------------------------------------

for (const type of [
  'text/plain',
  'text/html',
  'application/xml',
  'application/x-www-form-urlencoded',
  'application/json-patch+json',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'json',
  '',
]) {
  test(`Content-Type ${JSON.stringify(type)} is 415 and names what is taken`, async () => {
    const answer = await post(userText(''), { 'content-type': type });
    assertError(answer, 415, /application\/scim\+json/);
    assert.match(answer.headers.get('accept-patch') ?? '', /application\/scim\+json/);
  });
}

for (const [type, status] of [
  ['application/scim+json', 201],
  ['APPLICATION/JSON', 201],
  ['application/json;charset=UTF-8', 201],
  ['application/scim+json; charset="utf-8"; profile=x', 201],
  ['application/json; charset=iso-8859-1', 201],
  ['application/json; charset=us-ascii', 201],
  ['application/json; charset=utf-16', 415],
] as const) {
  test(`Content-Type ${type} is ${status}`, async () => {
    assert.equal((await post(userText(''), { 'content-type': type })).status, status);
  });
}

for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, identity']) {
  test(`Content-Encoding ${encoding} is 415, not taken for JSON`, async () => {
    assertError(
      await post(gzipSync(userText('')), { 'content-encoding': encoding }),
      415,
      /Content-Encoding .* is not supported/,
    );
  });
}

test('a body over the limit is 413 that names the limit, whether its length is told or not', async () => {
  const small = await startScimd({ limits: { bodyBytes: 1000, bulkBytes: 2000 } });
  try {
    const body = JSON.stringify(newUser({ title: 'x'.repeat(1000) }));
    assertError(await small.request('POST', '/Users', { body }), 413, /1000 bytes/);
    assertError(await small.request('POST', '/Bulk', { body: body + ' '.repeat(2000) }), 413, /2000 bytes/);
    assertError(await small.request('POST', '/Bulk', { body }), 400, /BulkRequest/);
    assert.equal((await small.request('GET', '/Users')).json.totalResults, 0);
    await assertAlive(small);
  } finally {
    await small.close();
  }
});

test('Accept that takes no JSON is 406 and nothing is made', async () => {
  const before = await total();
  for (const accept of ['text/html', 'application/xml', 'application/scim+json;q=0', 'image/*']) {
    assertError(await post(userText(''), { accept }), 406, /Accept/);
  }
  assert.equal(await total(), before);
});

// ---- names of JavaScript's own ------------------------------------------------------------------------------

const reserved = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
];

/** JSON text of an object with that member: an object literal would set the prototype. */
const withMember = (name: string, value: string) => `{${JSON.stringify(name)}:${value}}`;

for (const name of reserved) {
  test(`${name} as an attribute, a sub-attribute and an extension's attribute is left out`, async () => {
    const pollution = `{"polluted":true,"isAdmin":true}`;
    const answer = await post(
      userText(
        `,${withMember(name, pollution).slice(1, -1)}` +
          `,"name":{"givenName":"Nora",${withMember(name, pollution).slice(1)}` +
          `,"emails":[${withMember(name, pollution).replace('}}', '},"value":"n@example.com"}')}]` +
          `,"${enterpriseSchema}":{"department":"Docks",${withMember(name, pollution).slice(1)}`,
      ),
    );
    assert.equal(answer.status, 201, answer.text);
    assert.doesNotMatch(answer.text, /polluted|isAdmin/);
    const stored = (await server.request('GET', `/Users/${answer.json.id}`)).json;
    assert.deepEqual(stored.name, { givenName: 'Nora' });
    assert.deepEqual(stored.emails, [{ value: 'n@example.com' }]);
    assert.deepEqual(stored[enterpriseSchema], { department: 'Docks' });
  });

  test(`${name} in a PATCH names nothing`, async () => {
    const user = (await server.request('POST', '/Users', { body: newUser({ title: 'Cook' }) })).json;
    const patch = (operation: string) =>
      server.request('PATCH', `/Users/${user.id}`, {
        body: `{"schemas":["${patchSchema}"],"Operations":[${operation}]}`,
      });
    for (const path of [
      name,
      `${name}.polluted`,
      `name.${name}`,
      `emails.${name}`,
      `emails[${name} eq "x"].value`,
      `emails[type eq "work"].${name}`,
      `${enterpriseSchema}:${name}`,
      `${name}[value eq "x"]`,
      `urn:${name}:x`,
    ]) {
      for (const op of ['add', 'replace', 'remove']) {
        const answer = await patch(JSON.stringify({ op, path, value: 'x' }));
        assertError(answer, 400);
        assert.match(answer.json.scimType, /^invalid(Path|Filter)$/, path);
      }
    }
    // Beside what is known it is ignored; alone there is nothing to be done.
    const member = withMember(name, '{"polluted":true}');
    assertError(await patch(`{"op":"add","value":${member}}`), 400, /no attribute of User/);
    assert.equal(
      (await patch(`{"op":"add","value":${member.replace(/\}$/, ',"title":"Cook"}')}}`)).status,
      200,
    );
    assertError(await patch(`{"op":"add","value":${withMember(`name.${name}`, '1')}}`), 400);
    assertError(
      await patch(`{"op":${JSON.stringify(name)},"path":"title","value":"x"}`),
      400,
      /Operations\[0\]\.op/,
    );
    assert.deepEqual((await server.request('GET', `/Users/${user.id}`)).json, user);
  });

  test(`${name} as filter attribute, sortBy, sortOrder, cursor, id, endpoint and parameter`, async () => {
    for (const query of [
      `filter=${name}%20pr`,
      `filter=name.${name}%20eq%20%22x%22`,
      `filter=emails%5B${name}%20eq%20%22x%22%5D`,
      `filter=urn:x:${name}:y%20pr`,
      `sortBy=${name}`,
      `sortBy=name.${name}`,
      `sortOrder=${name}`,
      `cursor=${name}`,
      `count=${name}`,
    ]) {
      assertError(await server.request('GET', `/Users?${query}`), 400);
    }
    for (const path of [
      `/Users/${name}`,
      `/${name}`,
      `/Schemas/${name}`,
      `/ResourceTypes/${name}`,
      `/${name}/x`,
    ]) {
      assertError(await server.request('GET', path), 404);
    }
    const ignored = await server.request('GET', `/Users?${name}=1&attributes=${name}&count=1`);
    assert.equal(ignored.status, 200);
    assert.deepEqual(
      ignored.json.Resources.flatMap((each: object) => Object.keys(each)).filter(
        (key: string) => !['schemas', 'id'].includes(key),
      ),
      [],
    );
  });

  test(`${name} as bulkId, method and member of a bulk request`, async () => {
    const { status, json } = await server.request('POST', '/Bulk', {
      body: `{"schemas":["${bulkSchema}"],"Operations":[
        {"method":"POST","bulkId":${JSON.stringify(name)},"path":"/Users","data":${userText(`,${withMember(name, '{"polluted":1}').slice(1, -1)}`)}},
        {"method":${JSON.stringify(name)},"path":"/Users/x"},
        {"method":"DELETE","path":"/Users/bulkId:${name}x"},
        {"method":"DELETE","path":"/${name}/x"}]}`,
    });
    assert.equal(status, 200);
    assert.deepEqual(
      json.Operations.map((each: { status: string }) => each.status),
      ['201', '400', '400', '404'],
    );
  });
}

// ---- much of everything -------------------------------------------------------------------------------------

test('ten thousand operations of one PATCH are carried out, in order', async () => {
  const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
  const operations = Array.from({ length: 10_000 }, (_, i) => ({
    op: 'replace',
    path: 'title',
    value: `t${i}`,
  }));
  const { json } = await server.request('PATCH', `/Users/${id}`, { body: patchOp(...operations) });
  assert.equal(json.title, 't9999');
});

for (const [what, operation] of [
  ['adds to', (i: number) => ({ op: 'add', path: 'emails', value: [{ value: `e${i}@example.com` }] })],
  [
    'value paths into',
    (i: number) => ({ op: 'add', path: `emails[value eq "e${i}@example.com"].type`, value: 'x' }),
  ],
] as const) {
  test(`ten thousand ${what} one attribute are 413 before they keep the server busy, and none is done`, async () => {
    const user = (await server.request('POST', '/Users', { body: newUser() })).json;
    const body = patchOp(...Array.from({ length: 10_000 }, (_, i) => operation(i)));
    const answer = await server.request('PATCH', `/Users/${user.id}`, { body });
    assertError(answer, 413, /^Operations\[\d+\].*split it/);
    assert.deepEqual((await server.request('GET', `/Users/${user.id}`)).json, user);
  });
}

test('ten thousand members in as many operations, and again in one', async () => {
  const { id } = (await server.request('POST', '/Groups', { body: newGroup() })).json;
  const members = Array.from({ length: 10_000 }, (_, i) => ({ value: `m${i}` }));
  for (const body of [
    patchOp(...members.map((value) => ({ op: 'add', path: 'members', value: [value] }))),
    patchOp({ op: 'add', path: 'members', value: members }),
  ]) {
    assert.equal((await server.request('PATCH', `/Groups/${id}`, { body })).status, 204);
  }
  const group = (await server.request('GET', `/Groups/${id}`)).json;
  assert.equal(group.members.length, 10_000);
});

test('a filter of a megabyte is refused by its length, by POST and in a path', async () => {
  const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
  const long = 'x'.repeat(1 << 20);
  const search = { schemas: [searchSchema], filter: `userName eq "${long}"` };
  assertError(await server.request('POST', '/Users/.search', { body: search }), 400, /1048590 characters/);
  for (const operation of [
    { op: 'remove', path: `emails[value eq "${long}"]` },
    { op: 'add', path: long, value: 1 },
    { op: 'add', value: { [`urn:a:${long}`]: 1 } },
    { op: 'add', value: { [`a.${long}`]: 1 } },
  ]) {
    const answer = await server.request('PATCH', `/Users/${id}`, { body: patchOp(operation) });
    assertError(answer, 400, /characters/);
    assert.ok(answer.text.length < 2000, 'the answer does not repeat it');
  }
});

for (const [what, filter, detail] of [
  ['nested too deep', `${'('.repeat(5000)}title pr${')'.repeat(5000)}`, /deep|nest/i],
  ['of too many terms', Array.from({ length: 300 }, () => 'title pr').join(' or '), /256/],
  ['of many nots', `${'not('.repeat(2000)}title pr${')'.repeat(2000)}`, /deep|nest/i],
] as const) {
  test(`a filter ${what} is 400`, async () => {
    const body = { schemas: [searchSchema], filter };
    const answer = await server.request('POST', '/Users/.search', { body });
    assertError(answer, 400, detail);
    assert.equal(answer.json.scimType, 'invalidFilter');
  });
}

test('more bulk operations than allowed are 413 and none is done', async () => {
  const before = await total();
  const Operations = Array.from({ length: 1001 }, (_, i) => ({
    method: 'POST',
    path: '/Users',
    bulkId: `b${i}`,
    data: newUser(),
  }));
  assertError(
    await server.request('POST', '/Bulk', { body: { schemas: [bulkSchema], Operations } }),
    413,
    /1000/,
  );
  assert.equal(await total(), before);
});

// ---- SQL everywhere -----------------------------------------------------------------------------------------

const injections = [
  "'; DROP TABLE resource; --",
  `" OR 1=1 --`,
  "') UNION SELECT * FROM token --",
  '%',
  '_',
  '*',
  '\\',
];

for (const text of injections) {
  test(`${text} is a value like any other, and a name like none`, async () => {
    const bait = (await server.request('POST', '/Users', { body: newUser({ title: 'bait' }) })).json;
    const user = (
      await server.request('POST', '/Users', { body: newUser({ title: text, externalId: text }) })
    ).json;
    assert.equal(user.title, text);
    for (const operator of ['eq', 'co', 'sw', 'ew']) {
      const filter = encodeURIComponent(`title ${operator} ${JSON.stringify(text)}`);
      const ids = (await server.request('GET', `/Users?filter=${filter}`)).json.Resources.map(
        (each: { id: string }) => each.id,
      );
      assert.ok(ids.includes(user.id) && !ids.includes(bait.id), operator);
    }
    const part = encodeURIComponent(text);
    assertError(await server.request('GET', `/Users?sortBy=${part}`), 400);
    assertError(await server.request('GET', `/Users?filter=${part}`), 400);
    assertError(await server.request('GET', `/Users?cursor=${part}`), 400);
    assertError(await server.request('GET', `/Users/${part}`), 404);
    assertError(await server.request('GET', `/${part}`), 404);
    assertError(
      await server.request('PATCH', `/Users/${user.id}`, {
        body: patchOp({ op: 'add', path: text, value: 1 }),
      }),
      400,
    );
    assert.equal((await server.request('GET', `/Users?attributes=${part}&count=1`)).status, 200);
    await server.request('DELETE', `/Users/${user.id}`);
    assert.equal((await server.request('GET', `/Users/${bait.id}`)).status, 200);
  });
}

// ---- half a change, another tenant ---------------------------------------------------------------------------

test('a group whose members are refused halfway has none of them', async () => {
  const group = (await server.request('POST', '/Groups', { body: newGroup() })).json;
  for (const operations of [
    [
      { op: 'add', path: 'members', value: [{ value: 'a' }] },
      { op: 'replace', path: 'displayName', value: '' },
    ],
    [{ op: 'add', path: 'members', value: [{ value: 'a' }, { display: 'nobody' }] }],
    [
      { op: 'replace', path: 'displayName', value: 'Half' },
      { op: 'add', path: 'members', value: [{ value: 7 }] },
    ],
  ]) {
    assertError(await server.request('PATCH', `/Groups/${group.id}`, { body: patchOp(...operations) }), 400);
    assert.deepEqual((await server.request('GET', `/Groups/${group.id}`)).json, group);
  }
});

test('another tenant’s resources are not there: 404 to every method, and in every list and search', async () => {
  const other = await server.newToken({ tenant: 'other' });
  const user = (await server.request('POST', '/Users', { body: newUser() })).json;
  const group = (
    await server.request('POST', '/Groups', { body: newGroup({ members: [{ value: user.id }] }) })
  ).json;
  const as = (method: string, path: string, body?: unknown) =>
    server.request(method, path, { token: other, ...(body === undefined ? {} : { body }) });
  assertError(await as('GET', `/Users/${user.id}`), 404);
  assertError(await as('PUT', `/Users/${user.id}`, newUser()), 404);
  assertError(await as('PATCH', `/Users/${user.id}`, patchOp({ op: 'add', path: 'title', value: 'x' })), 404);
  assertError(await as('PATCH', `/Groups/${group.id}`, patchOp({ op: 'remove', path: 'members' })), 404);
  assertError(await as('DELETE', `/Groups/${group.id}`), 404);
  for (const path of ['/Users', '/Groups', '/', `/Users?filter=id%20eq%20%22${user.id}%22`]) {
    assert.equal((await as('GET', path)).json.totalResults, 0, path);
  }
  const bulk = await as('POST', '/Bulk', {
    schemas: [bulkSchema],
    Operations: [{ method: 'DELETE', path: `/Users/${user.id}` }],
  });
  assert.equal(bulk.json.Operations[0].status, '404');
  assert.deepEqual((await server.request('GET', `/Groups/${group.id}`)).json, group);
  const mine = (await as('POST', '/Groups', newGroup({ members: [{ value: user.id }] }))).json;
  assert.equal('display' in mine.members[0], false, 'nor does a member tell of them');
  assert.equal((await server.request('GET', `/Users/${user.id}`)).json.groups.length, 1);
});
