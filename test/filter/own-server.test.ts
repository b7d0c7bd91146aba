/** What a server of one's own needs beside filters and PATCH, from scimd/filter. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  applyPatch,
  compileMatcher,
  compileOrderBy,
  compileProjection,
  createCursors,
  DefinitionError,
  enterpriseUserSchema,
  errorResponse,
  type Group,
  groupResourceType,
  groupSchema,
  listResponse,
  postgres,
  type Resolve,
  readingsOf,
  resourceTypeDocument,
  resourceTypeOf,
  type SchemaDefinition,
  ScimError,
  safeParseFilter,
  schemaDocument,
  serviceProviderConfig,
  sqlite,
  type User,
  userResourceType,
  userSchema,
  validateCreate,
  validateReplace,
} from '../../src/filter.ts';
import { standardSchemas } from '../../src/scim/standard.ts';

const schemas = [userSchema, enterpriseUserSchema];
const [userUri, enterpriseUri] = schemas.map(({ id }) => id) as [string, string];
const refusal = (status: number, scimType: string | undefined, detail: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ScimError, String(error));
  assert.equal(error.status, status);
  assert.equal(error.scimType, scimType);
  assert.match(error.message, detail);
  return true;
};

describe('the body of a POST (RFC 7644 §3.3)', () => {
  test('is stored under registered names in schema order, without what is the server’s to give', () => {
    const { resource, tolerated } = validateCreate(
      {
        schemas: [userUri, enterpriseUri],
        id: 'mine',
        meta: { created: 'yesterday' },
        TITLE: 'Guide',
        username: 'bjensen@example.com',
        emails: [{ value: 'bjensen@example.com', type: 'work' }],
        password: 't1meMa$heen',
        [enterpriseUri]: { department: 'Tours', employeeNumber: null },
      },
      { schemas, tolerances: 'strict' },
    );
    assert.equal(
      JSON.stringify(resource),
      JSON.stringify({
        schemas: [userUri, enterpriseUri],
        userName: 'bjensen@example.com',
        title: 'Guide',
        active: true,
        password: 't1meMa$heen',
        emails: [{ value: 'bjensen@example.com', type: 'work' }],
        [enterpriseUri]: { department: 'Tours' },
      }),
    );
    assert.deepEqual(tolerated, []);
  });

  test('is refused with the path of what is wrong', () => {
    const check = (body: unknown, scimType: string, detail: RegExp) =>
      assert.throws(
        () => validateCreate(body, { schemas, tolerances: 'strict' }),
        refusal(400, scimType, detail),
      );
    check([], 'invalidSyntax', /must be a JSON object/);
    check({ schemas: [userUri] }, 'invalidValue', /userName is required/);
    check(
      { schemas: [userUri], userName: 'b', active: 'yes' },
      'invalidValue',
      /active must be true or false/,
    );
    check(
      { schemas: [userUri], userName: 'b', emails: [{ value: 'b@example.com' }, { value: 7 }] },
      'invalidValue',
      /emails\[1\]\.value must be a string/,
    );
    check({ schemas: [groupSchema.id], userName: 'b' }, 'invalidSyntax', /is not a schema of/);
  });

  test('has its members for a group', () => {
    const { resource } = validateCreate(
      { schemas: [groupSchema.id], displayName: 'Guides', members: [{ value: '2819c223', display: 'B' }] },
      { schemas: [groupSchema] },
    );
    assert.deepEqual((resource as unknown as Group).members, [{ value: '2819c223', display: 'B' }]);
  });

  test('Entra ID: "True" is read by its tolerance, which is named, and strict refuses it', () => {
    const body = { schemas: [userUri], userName: 'b', active: 'True' };
    const { resource, tolerated } = validateCreate(body, { schemas, tolerances: 'entra' });
    assert.equal((resource as unknown as User).active, true);
    assert.deepEqual(tolerated, ['booleanText']);
    assert.throws(
      () => validateCreate(body, { schemas, tolerances: 'strict' }),
      refusal(400, 'invalidValue', /active/),
    );
  });

  test('tolerances are functions: one’s own in place of the known, and none but those that are given', () => {
    const own = {
      booleanText: (text: unknown) => (text === 'Y' ? true : text === 'N' ? false : undefined),
    };
    const body = (active: unknown) => ({ schemas: [userUri], userName: 'b', active });
    const read = (active: unknown, tolerances: Parameters<typeof validateCreate>[1]['tolerances'] = own) =>
      validateCreate(body(active), { schemas, tolerances }).resource.active;
    assert.equal(read('N'), false);
    assert.throws(() => read('false'), refusal(400, 'invalidValue', /active/));
    assert.throws(
      () => validateCreate({ userName: 'b' }, { schemas, tolerances: own }),
      refusal(400, 'invalidSyntax', /schemas must be an array/),
    );
    assert.equal(read('false', readingsOf('entra')), false);
    const { booleanText: _, ...others } = readingsOf('entra');
    assert.throws(() => read('false', others), refusal(400, 'invalidValue', /active/));
    // The same in a PATCH.
    const { resource } = applyPatch(
      { id: '1', userName: 'b', active: true },
      [{ op: 'replace', path: 'active', value: 'N' }],
      { schemas, tolerances: own },
    );
    assert.equal(resource.active, false);
  });
});

describe('the body of a PUT (RFC 7644 §3.5.1)', () => {
  const stored = {
    schemas: [userUri],
    id: '2819c223',
    userName: 'bjensen',
    title: 'Guide',
    active: false,
    password: 'hash',
    groups: [{ value: 'e9e30dba' }],
    notes: 'no schema defines it',
  };

  test('clears what it leaves out, but reactivates nobody and keeps what clients cannot see or give', () => {
    const { resource } = validateReplace({ schemas: [userUri], userName: 'jensen' }, stored, { schemas });
    assert.deepEqual(resource, {
      schemas: [userUri],
      id: '2819c223',
      userName: 'jensen',
      active: false,
      password: 'hash',
      groups: [{ value: 'e9e30dba' }],
      notes: 'no schema defines it',
    });
    const without = validateReplace({ schemas: [userUri], userName: 'j', password: null }, stored, {
      schemas,
    });
    assert.equal('password' in without.resource, false);
  });

  test('members that are left out are gone', () => {
    const group = { schemas: [groupSchema.id], id: 'g', displayName: 'Guides', members: [{ value: 'u' }] };
    const body = { schemas: [groupSchema.id], displayName: 'Tours' };
    const { resource } = validateReplace(body, group, { schemas: [groupSchema] });
    assert.deepEqual(resource, { schemas: [groupSchema.id], id: 'g', displayName: 'Tours' });
  });

  test('another value of what is immutable is 400 mutability', () => {
    const schema = {
      id: 'urn:example:Device',
      attributes: [{ name: 'serial', mutability: 'immutable' as const }],
    };
    const body = { schemas: [schema.id], serial: 'b' };
    assert.throws(
      () => validateReplace(body, { schemas: [schema.id], serial: 'a' }, { schemas: [schema] }),
      refusal(400, 'mutability', /serial is immutable/),
    );
  });
});

describe('a PatchOp message (RFC 7644 §3.5.2)', () => {
  const user = { schemas: [userUri], id: '1', userName: 'b' };
  const Operations = [{ op: 'add', path: 'title', value: 'Guide' }];

  test('is taken whole, as the body was parsed', () => {
    const message = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations };
    const { resource } = applyPatch(user, message, { schemas, tolerances: 'strict' });
    assert.deepEqual(resource, { ...user, title: 'Guide' });
  });

  test('without its URN is 400 invalidSyntax for strict, and read for others', () => {
    const message = { schemas: [], Operations };
    assert.throws(
      () => applyPatch(user, message, { schemas, tolerances: 'strict' }),
      refusal(400, 'invalidSyntax', /schemas must contain urn:.*PatchOp/),
    );
    assert.deepEqual(applyPatch(user, message, { schemas }).tolerated, ['messageSchemas']);
  });

  test('without operations, or not an object, is 400 invalidSyntax', () => {
    for (const body of [{ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'] }, null, 'x', []])
      assert.throws(
        () => applyPatch(user, body as never, { schemas }),
        refusal(400, 'invalidSyntax', /Operations must be|must be a JSON object/),
      );
  });
});

describe('attributes and excludedAttributes (RFC 7644 §3.9)', () => {
  const user = {
    schemas: [userUri],
    id: '1',
    userName: 'b',
    name: { givenName: 'Barbara', familyName: 'Jensen' },
    password: 'hash',
    notes: 'no schema defines it',
    meta: { resourceType: 'User' },
    [enterpriseUri]: { department: 'Tours', costCenter: '4130' },
  };

  test('without them everything is shown but the password and what no schema defines', () => {
    const { apply, shows } = compileProjection({ schemas });
    const { password: _, notes: __, ...shown } = user;
    assert.deepEqual(apply(user), shown);
    assert.deepEqual([shows('password'), shows('name.givenName'), shows(enterpriseUri)], [false, true, true]);
  });

  test('attributes, as a list or as the query has them', () => {
    const expected = {
      schemas: [userUri],
      id: '1',
      name: { familyName: 'Jensen' },
      [enterpriseUri]: { department: 'Tours' },
    };
    for (const attributes of [
      `NAME.familyName, ${enterpriseUri}:department,unknown`,
      ['name.familyName', `${enterpriseUri}:department`],
    ]) {
      const { apply, shows } = compileProjection({ schemas, attributes });
      assert.deepEqual(apply(user), expected);
      assert.deepEqual(
        [shows('name'), shows('userName'), shows('id'), shows('nope')],
        [true, false, true, false],
      );
    }
  });

  test('excludedAttributes leave id, and both at once are refused', () => {
    const { apply } = compileProjection({ schemas, excludedAttributes: 'name,id,userName,meta' });
    assert.deepEqual(apply(user), { schemas: [userUri], id: '1', [enterpriseUri]: user[enterpriseUri] });
    assert.throws(
      () => compileProjection({ schemas, attributes: 'name', excludedAttributes: 'id' }),
      refusal(400, 'invalidValue', /exclude one another/),
    );
  });

  test('returned on request: shown where it is named, or was written by the request', () => {
    const schema: SchemaDefinition = {
      id: 'urn:example:Device',
      attributes: [{ name: 'serial' }, { name: 'log', returned: 'request' }],
    };
    const device = { schemas: [schema.id], serial: 'a', log: 'long' };
    const shown = (options: object) =>
      Object.keys(compileProjection({ schemas: [schema], ...options }).apply(device));
    assert.deepEqual(shown({}), ['schemas', 'serial']);
    assert.deepEqual(shown({ attributes: 'log' }), ['schemas', 'log']);
    const { supplied } = validateCreate(device, { schemas: [schema] });
    assert.deepEqual(shown({ supplied }), ['schemas', 'serial', 'log']);
  });
});

describe('sortBy as SQL (RFC 7644 §3.4.2.3)', () => {
  const resolve: Resolve = (path) => {
    if (path === 'userName') return { column: 'users.user_name', folded: true, indexed: true };
    if (path === 'emails')
      return {
        table: 'emails',
        key: 'user_id',
        columns: { value: { column: 'address', folded: true }, primary: { column: 'main' } },
      };
    return undefined;
  };

  test('a column, and the value that counts of several', () => {
    assert.deepEqual(compileOrderBy('USERNAME', { schemas, resolve, dialect: sqlite, key: 'users.id' }), {
      sql: '"users"."user_name" ASC',
      indexed: true,
    });
    const { sql } = compileOrderBy('emails', {
      ...{ schemas, resolve, dialect: postgres, key: 'users.id', sortOrder: 'Descending' },
    });
    assert.match(
      sql,
      /^\(SELECT .*"emails"\."address".* ORDER BY "emails"\."main" DESC NULLS LAST LIMIT 1\) DESC/,
    );
  });

  test('what is not there, or not mapped, is 400 invalidValue', () => {
    const order = (sortBy: string, sortOrder?: string) => () =>
      compileOrderBy(sortBy, { schemas, resolve, dialect: sqlite, sortOrder });
    assert.throws(order('shoeSize'), refusal(400, 'invalidValue', /sortBy: .* has no attribute "shoeSize"/));
    assert.throws(order('title'), refusal(400, 'invalidValue', /sortBy: title cannot be sorted by here/));
    assert.throws(order('emails.type'), refusal(400, 'invalidValue', /sortBy: emails.type cannot/));
    assert.throws(order('password'), refusal(400, 'invalidValue', /sortBy: password/));
    assert.throws(order("userName'; DROP TABLE users; --"), refusal(400, 'invalidValue', /has no attribute/));
    assert.throws(order('userName', 'up'), refusal(400, 'invalidValue', /sortOrder must be/));
  });
});

describe('cursors (RFC 9865)', () => {
  const secret = 'a secret of thirty-two bytes, or more than that';
  const query = ['/Users', 'tenant-1', 'userName sw "b"', undefined, 20];

  test('lead to their position, in characters that a query takes, and differ each time', async () => {
    const cursors = createCursors({ secret });
    const position = ['bjensen', 'Ünïcödé', 7];
    const [one, two] = [await cursors.issue(position, query), await cursors.issue(position, query)];
    assert.match(one, /^[A-Za-z0-9_-]+$/);
    assert.notEqual(one, two);
    assert.deepEqual(await cursors.read(one, query), position);
    // On another server with the same secret.
    assert.deepEqual(await createCursors({ secret }).read(two, query), position);
  });

  test('of another query, another secret, or changed, are 400 invalidCursor', async () => {
    const cursors = createCursors({ secret });
    const cursor = await cursors.issue(['b'], query);
    const wrong = refusal(400, 'invalidCursor', /not one of this query/);
    await assert.rejects(cursors.read(cursor, ['/Users', 'tenant-2']), wrong);
    await assert.rejects(createCursors({ secret: `${secret}!` }).read(cursor, query), wrong);
    const changed = `${cursor.slice(0, -2)}${cursor.at(-2) === 'A' ? 'B' : 'A'}${cursor.at(-1)}`;
    for (const text of [changed, '', 'x', 'not base64!', cursor.slice(4)])
      await assert.rejects(cursors.read(text, query), wrong);
  });

  test('that are too old are 400 expiredCursor', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1) });
    const cursors = createCursors({ secret, timeoutSeconds: 60 });
    const cursor = await cursors.issue(['b'], query);
    t.mock.timers.setTime(Date.UTC(2026, 0, 1, 0, 1, 1));
    await assert.rejects(cursors.read(cursor, query), refusal(400, 'expiredCursor', /expired/));
  });

  test('a secret that can be guessed is refused at once', () => {
    assert.throws(() => createCursors({ secret: 'short' }), /at least 32 bytes/);
  });
});

describe('answers', () => {
  test('a ListResponse by index, and by cursor (RFC 7644 §3.4.2, RFC 9865 §2)', () => {
    const urn = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
    const page = [{ id: '1' }];
    assert.deepEqual(listResponse(page), {
      ...{ schemas: [urn], totalResults: 1, itemsPerPage: 1, startIndex: 1, Resources: page },
    });
    assert.deepEqual(listResponse(page, { totalResults: 9, startIndex: 3 }), {
      ...{ schemas: [urn], totalResults: 9, itemsPerPage: 1, startIndex: 3, Resources: page },
    });
    assert.deepEqual(listResponse(page, { totalResults: 9, nextCursor: 'abc' }), {
      ...{ schemas: [urn], totalResults: 9, itemsPerPage: 1, nextCursor: 'abc', Resources: page },
    });
  });

  test('an error is the message of whatever was thrown, and says nothing of what is nobody’s business', () => {
    const urn = 'urn:ietf:params:scim:api:messages:2.0:Error';
    assert.deepEqual(errorResponse(new ScimError(409, 'uniqueness', 'userName is taken')), {
      ...{ schemas: [urn], status: '409', scimType: 'uniqueness', detail: 'userName is taken' },
    });
    const parsed = safeParseFilter('userName ==');
    assert.ok(!parsed.ok);
    assert.equal(errorResponse(parsed.error).scimType, 'invalidFilter');
    const { status, detail } = errorResponse(new Error('password=hunter2'));
    assert.equal(status, '500');
    assert.doesNotMatch(detail, /hunter2/);
  });

  test('the discovery documents are those of the server (RFC 7643 §5, §6, §7)', () => {
    const base = 'https://example.com/scim/v2';
    const config = serviceProviderConfig(
      {
        patch: true,
        filter: { maxResults: 200 },
        authenticationSchemes: [{ type: 'oauthbearertoken', name: 'Bearer', description: 'A token' }],
      },
      base,
    );
    assert.deepEqual(config, {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: 200 },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: false },
      authenticationSchemes: [{ type: 'oauthbearertoken', name: 'Bearer', description: 'A token' }],
      meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
    });
    assert.deepEqual(resourceTypeDocument(userResourceType, base), {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: 'User',
      name: 'User',
      endpoint: '/Users',
      description: 'User Account',
      schema: userUri,
      schemaExtensions: [{ schema: enterpriseUri, required: false }],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
    });
    assert.deepEqual(
      (resourceTypeDocument(groupResourceType, base) as { endpoint: string }).endpoint,
      '/Groups',
    );
    const document = schemaDocument(userSchema, base) as {
      attributes: readonly Record<string, unknown>[];
      meta: unknown;
    };
    assert.deepEqual(document.meta, { resourceType: 'Schema', location: `${base}/Schemas/${userUri}` });
    const { description: _, ...userName } = document.attributes[0]!;
    assert.deepEqual(userName, {
      name: 'userName',
      type: 'string',
      multiValued: false,
      required: true,
      caseExact: false,
      mutability: 'readWrite',
      returned: 'default',
      uniqueness: 'server',
    });
  });
});

describe('schemas that are wrong are refused when they are given, with the path', () => {
  const wrong = [
    {
      id: 'urn:example:User',
      attributes: [
        { name: 'userName' },
        { name: 'age', type: 'number' },
        {
          name: 'emails',
          type: 'complex',
          multiValued: true,
          subAttributes: [{ name: 'value', type: 'text' }],
        },
      ],
    },
  ] as unknown as readonly SchemaDefinition[];
  const message = `schemas[0].attributes[1].type: must be one of string, boolean, decimal, integer, dateTime, binary, reference, complex, not "number"
schemas[0].attributes[2].subAttributes[0].type: must be one of string, boolean, decimal, integer, dateTime, binary, reference, complex, not "text"`;

  test('by each function that takes them, whatever the client’s filter, path or body is', () => {
    const resolve: Resolve = () => undefined;
    for (const call of [
      () => resourceTypeOf(wrong),
      () => compileMatcher('userName eq "b"', { schemas: wrong }),
      () => compileOrderBy('userName', { schemas: wrong, dialect: sqlite, resolve }),
      () => applyPatch({}, [{ op: 'remove', path: 'userName' }], { schemas: wrong }),
      () => validateCreate({}, { schemas: wrong }),
      () => compileProjection({ schemas: wrong }),
    ])
      for (let time = 0; time < 2; time++)
        assert.throws(call, (error) => {
          assert.ok(error instanceof DefinitionError);
          assert.equal(error.message, message);
          return true;
        });
  });

  const problems = (schemas: unknown): string[] => {
    try {
      resourceTypeOf(schemas as readonly SchemaDefinition[]);
      return [];
    } catch (error) {
      assert.ok(error instanceof DefinitionError, String(error));
      return error.message.split('\n');
    }
  };

  test('all that is wrong, at once', () => {
    for (const none of [undefined, null, {}, [], 'urn:example:User'])
      assert.deepEqual(problems(none), ['schemas: must be an array of schemas, the base schema first']);
    assert.deepEqual(problems([null, { name: 'x' }]), [
      'schemas[0]: must be an object, not null',
      'schemas[1].id: is required',
      'schemas[1].attributes: is required',
    ]);
    const attributes = [
      7,
      {},
      { name: 'a b' },
      { name: 'x', multivalued: true },
      { name: 'X', subAttributes: [{ name: 'value' }] },
      { name: 'y', type: 'complex' },
      { name: 'constructor' },
      { name: 'z', type: 'complex', subAttributes: [{ name: 'inner', type: 'complex', subAttributes: [] }] },
      { name: 'flags', required: 'yes', returned: 'sometimes', canonicalValues: 'work' },
    ];
    assert.deepEqual(
      problems([
        { id: 'urn:example:a', attributes },
        { id: 'URN:example:A', attributes: [] },
      ]),
      [
        'schemas[0].attributes[0]: must be an object, not 7',
        'schemas[0].attributes[1].name: is required',
        'schemas[0].attributes[2].name: must be a letter, then letters, digits, $, - and _ (RFC 7643 §2.1)',
        'schemas[0].attributes[3].multivalued: is unknown, did you mean "multiValued"?',
        'schemas[0].attributes[4].name: X is defined already',
        'schemas[0].attributes[4].subAttributes: belong to complex attributes only (RFC 7643 §1.2)',
        'schemas[0].attributes[5]: is complex and needs subAttributes',
        'schemas[0].attributes[6].name: constructor is a reserved word',
        'schemas[0].attributes[7].subAttributes[0].type: cannot be complex inside a complex attribute (RFC 7643 §2.3.8)',
        'schemas[0].attributes[8].required: must be true or false',
        'schemas[0].attributes[8].returned: must be one of always, never, default, request, not "sometimes"',
        'schemas[0].attributes[8].canonicalValues: must be an array of strings',
        'schemas[1].id: URN:example:A is defined already',
        'schemas[1].attributes: must not be empty',
      ],
    );
  });

  test('what servers publish at /Schemas is taken as it is', () => {
    assert.deepEqual(problems(standardSchemas), []);
    const published = standardSchemas.map((schema) => schemaDocument(schema, 'https://example.com'));
    assert.deepEqual(problems(published), []);
  });
});
