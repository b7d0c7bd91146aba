import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  applyPatch,
  type PatchOperation,
  type PatchOptions,
  type SchemaDefinition,
  ScimError,
  ScimFilterError,
} from '../../src/filter.ts';
import { groupSchema, standardSchemas } from '../../src/scim/standard.ts';
import { enterpriseUri, staffSchemas, staffUri } from '../query/staff.ts';

const pinUri = 'urn:example:params:scim:schemas:pin:1.0:User';
const pinSchema: SchemaDefinition = {
  id: pinUri,
  attributes: [
    { name: 'pin', type: 'string', mutability: 'writeOnly', returned: 'never' },
    { name: 'hired', type: 'string', mutability: 'immutable' },
  ],
};
const schemas = [...staffSchemas, pinSchema];

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const name of Object.getOwnPropertyNames(value))
      deepFreeze((value as Record<string, unknown>)[name]);
  }
  return value;
}

const user: Readonly<Record<string, unknown>> = deepFreeze({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterpriseUri],
  id: '2819c223',
  userName: 'bjensen',
  name: { givenName: 'Barbara', familyName: 'Jensen' },
  active: true,
  emails: [
    { value: 'bjensen@example.com', type: 'work', primary: true },
    { value: 'babs@home.example', type: 'home' },
  ],
  [enterpriseUri]: { department: 'Tour', manager: { value: '26118915' } },
  meta: { resourceType: 'User', created: '2010-01-23T04:56:22Z' },
});

/** Everything that goes in is frozen: whoever writes to it throws. */
function patch(
  operations: readonly PatchOperation[],
  tolerances?: PatchOptions['tolerances'],
  resource: Readonly<Record<string, unknown>> = user,
) {
  return applyPatch(deepFreeze(resource), deepFreeze(operations), {
    schemas,
    ...(tolerances === undefined ? {} : { tolerances }),
  });
}

const paths = ({ changes }: ReturnType<typeof patch>) => changes.map(({ path }) => path);

describe('applyPatch is a pure function', () => {
  test('the resource given is untouched; parts that no operation names are equal, and changes say before and after', () => {
    const before = structuredClone(user);
    const result = patch([{ op: 'replace', path: 'active', value: false }]);
    assert.deepEqual(user, before);
    assert.deepEqual(result.resource, { ...before, active: false });
    assert.deepEqual(result.changes, [{ path: 'active', before: true, after: false }]);
    assert.deepEqual(result.tolerated, []);
  });

  test('operations without effect give the very resource back (RFC 7644 §3.5.2.1: nothing is modified)', () => {
    const result = patch([
      { op: 'add', path: 'userName', value: 'bjensen' },
      { op: 'add', path: 'emails', value: [{ value: 'babs@home.example', type: 'home' }] },
      { op: 'remove', path: 'nickName' },
      { op: 'replace', path: 'active', value: false },
      { op: 'replace', path: 'active', value: true },
    ]);
    assert.equal(result.resource, user);
    assert.deepEqual(result.changes, []);
  });

  test('all operations apply or none (RFC 7644 §3.5.2), in their order', () => {
    assert.deepEqual(
      patch([
        { op: 'add', path: 'nickName', value: 'Babs' },
        { op: 'replace', path: 'nickName', value: 'B' },
      ]).resource.nickName,
      'B',
    );
    assert.throws(
      () =>
        patch([
          { op: 'add', path: 'nickName', value: 'Babs' },
          { op: 'replace', path: 'active', value: 7 },
        ]),
      { scimType: 'invalidValue' },
    );
    assert.equal('nickName' in user, false);
  });

  test('members that no schema knows are kept as they are', () => {
    const own = { ...user, 'x-tenant': { nested: [1, { two: null }] }, 'urn:unknown:1.0': { a: 1 } };
    const { resource } = patch([{ op: 'add', path: 'title', value: 'Guide' }], undefined, own);
    assert.deepEqual(resource, { ...own, title: 'Guide' });
  });

  test('names of JavaScript’s own are names like others, in the resource and in operations', () => {
    const own = deepFreeze(
      JSON.parse('{ "userName": "a", "__proto__": { "admin": true }, "toString": "x" }'),
    );
    const { resource } = patch([{ op: 'add', path: 'title', value: 'Guide' }], undefined, own);
    assert.equal(Object.getPrototypeOf(resource), Object.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptor(resource, '__proto__')?.value, { admin: true });
    assert.equal(resource.toString, 'x');
    for (const path of [
      '__proto__',
      'constructor',
      'toString',
      'name.constructor',
      'emails[hasOwnProperty pr].value',
    ])
      assert.throws(() => patch([{ op: 'replace', path, value: 'x' }]), isRefusal, path);
    const value = JSON.parse(
      '{ "__proto__": { "admin": true }, "constructor": { "prototype": 1 }, "title": "T" }',
    );
    const merged = patch([{ op: 'add', value }]);
    assert.deepEqual(paths(merged), ['title']);
    assert.equal((merged.resource as { admin?: boolean }).admin, undefined);
    assert.equal(({} as { admin?: boolean }).admin, undefined);
  });
});

function isRefusal(error: unknown): boolean {
  return error instanceof ScimError || error instanceof ScimFilterError;
}

describe('applyPatch knows every kind of operation (RFC 7644 §3.5.2)', () => {
  const emails = user.emails as readonly Record<string, unknown>[];
  const other = { value: 'bj@other.example', type: 'other' };
  const cases: readonly (readonly [string, PatchOperation, Record<string, unknown>, string[]])[] = [
    ['§3.5.2.1 add to a simple attribute sets it', { op: 'add', path: 'title', value: 'Guide' }, { title: 'Guide' }, ['title']],
    ['§3.5.2.1 add to an attribute that has a value replaces it', { op: 'add', path: 'userName', value: 'b' }, { userName: 'b' }, ['userName']],
    ['§3.5.2.1 add to a complex attribute merges', { op: 'add', path: 'name', value: { middleName: 'J' } }, { name: { givenName: 'Barbara', familyName: 'Jensen', middleName: 'J' } }, ['name']],
    ['§3.5.2.1 add to a multi-valued attribute appends', { op: 'add', path: 'emails', value: [other] }, { emails: [...emails, other] }, ['emails']],
    ['§3.5.2.1 add of a primary value takes primary from the other', { op: 'add', path: 'emails', value: [{ ...other, primary: true }] }, { emails: [{ value: 'bjensen@example.com', type: 'work', primary: false }, emails[1], { ...other, primary: true }] }, ['emails']],
    ['§3.5.2.1 add without a path takes attributes from the value', { op: 'add', value: { title: 'Guide', nickName: 'Babs' } }, { title: 'Guide', nickName: 'Babs' }, ['nickName', 'title']],
    ['§3.5.2.2 remove of a simple attribute', { op: 'remove', path: 'active' }, { active: undefined }, ['active']],
    ['§3.5.2.2 remove of a sub-attribute', { op: 'remove', path: 'name.givenName' }, { name: { familyName: 'Jensen' } }, ['name']],
    ['§3.5.2.2 remove of a multi-valued attribute', { op: 'remove', path: 'emails' }, { emails: undefined }, ['emails']],
    ['§3.5.2.2 remove of values that a filter selects', { op: 'remove', path: 'emails[type eq "work" and value ew "example.com"]' }, { emails: [emails[1]] }, ['emails']],
    ['§3.5.2.2 remove of a sub-attribute of values that a filter selects', { op: 'remove', path: 'emails[type eq "home"].type' }, { emails: [emails[0], { value: 'babs@home.example' }] }, ['emails']],
    ['§3.5.2.3 replace of a simple attribute', { op: 'replace', path: 'active', value: false }, { active: false }, ['active']],
    ['§3.5.2.3 replace of a complex attribute replaces the sub-attributes given', { op: 'replace', path: 'name', value: { givenName: 'Babs' } }, { name: { givenName: 'Babs', familyName: 'Jensen' } }, ['name']],
    ['§3.5.2.3 replace of a sub-attribute', { op: 'replace', path: 'name.givenName', value: 'Babs' }, { name: { givenName: 'Babs', familyName: 'Jensen' } }, ['name']],
    ['§3.5.2.3 replace of all values', { op: 'replace', path: 'emails', value: [other] }, { emails: [other] }, ['emails']],
    ['§3.5.2.3 replace of the sub-attribute of values that a filter selects', { op: 'replace', path: 'emails[type eq "home"].value', value: 'b@home.example' }, { emails: [emails[0], { value: 'b@home.example', type: 'home' }] }, ['emails']],
    ['§3.5.2.3 replace of values that a filter selects', { op: 'replace', path: 'emails[type eq "home"]', value: other }, { emails: [emails[0], other] }, ['emails']],
    ['§3.5.2.3 replace without a path', { op: 'replace', value: { active: false } }, { active: false }, ['active']],
    ['an attribute of an extension by its URN', { op: 'replace', path: `${enterpriseUri}:department`, value: 'Sales' }, { [enterpriseUri]: { department: 'Sales', manager: { value: '26118915' } } }, [`${enterpriseUri}:department`]],
    ['a sub-attribute in an extension', { op: 'replace', path: `${enterpriseUri}:manager.value`, value: '7' }, { [enterpriseUri]: { department: 'Tour', manager: { value: '7' } } }, [`${enterpriseUri}:manager`]],
    ['an extension as an object in a value without path', { op: 'add', value: { [enterpriseUri]: { costCenter: '41' } } }, { [enterpriseUri]: { department: 'Tour', manager: { value: '26118915' }, costCenter: '41' } }, [`${enterpriseUri}:costCenter`]],
  ]; // biome-ignore format: a table
  for (const [name, operation, expected, changed] of cases) {
    test(name, () => {
      const result = patch([operation], 'strict');
      const resource = Object.fromEntries(
        Object.entries({ ...user, ...expected }).filter(([, value]) => value !== undefined),
      );
      assert.deepEqual(result.resource, resource);
      assert.deepEqual(paths(result).sort(), changed);
    });
  }

  test('an extension’s first attribute adds its URN to schemas, its last takes it away (RFC 7643 §3.1)', () => {
    const path = `${staffUri}:floor`;
    const added = patch([{ op: 'add', path, value: 3 }]);
    assert.deepEqual(added.resource[staffUri], { floor: 3 });
    assert.ok((added.resource.schemas as string[]).includes(staffUri));
    const removed = patch([{ op: 'remove', path }], undefined, added.resource);
    assert.deepEqual(removed.resource, user);
  });

  test('members of a group are values like others', () => {
    const group = {
      schemas: [groupSchema],
      id: 'g',
      displayName: 'G',
      members: [{ value: 'a' }, { value: 'b' }],
    };
    const { resource, changes } = applyPatch(
      deepFreeze(group),
      [
        { op: 'add', path: 'members', value: [{ value: 'c' }] },
        { op: 'remove', path: 'members[value eq "a"]' },
      ],
      { schemas: standardSchemas.filter(({ id }) => id === groupSchema) },
    );
    assert.deepEqual(resource.members, [{ value: 'b' }, { value: 'c' }]);
    assert.deepEqual(
      changes.map(({ path }) => path),
      ['members'],
    );
  });

  test('what is writeOnly is in the resource under its own name, since the embedder has to take it from there', () => {
    const { resource } = patch([
      { op: 'add', path: 'password', value: 'correct horse' },
      { op: 'add', path: `${pinUri}:pin`, value: '1234' },
    ]);
    assert.equal(resource.password, 'correct horse');
    assert.deepEqual(resource[pinUri], { pin: '1234' });
    const removed = patch([{ op: 'remove', path: 'password' }], undefined, resource);
    assert.equal('password' in removed.resource, false);
    assert.deepEqual(removed.changes, [{ path: 'password', before: 'correct horse', after: undefined }]);
  });
});

describe('applyPatch refuses with the scimType to answer (RFC 7644 §3.5.2, §3.12 table 9)', () => {
  const immutable = { ...user, [pinUri]: { hired: '2010' } };
  const cases: readonly (readonly [string, PatchOperation, string])[] = [
    ['an op that there is not', { op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
    ['a path that cannot be parsed', { op: 'add', path: 'emails[type eq', value: 'x' }, 'invalidPath'],
    ['an attribute that no schema defines', { op: 'add', path: 'shoeSize', value: 'x' }, 'invalidPath'],
    ['a sub-attribute that there is not', { op: 'add', path: 'name.shoeSize', value: 'x' }, 'invalidPath'],
    ['a filter on a simple attribute', { op: 'remove', path: 'title[value eq "x"]' }, 'invalidPath'],
    ['a filter over a sub-attribute that there is not', { op: 'remove', path: 'emails[color eq "red"]' }, 'invalidFilter'],
    ['a value of another type', { op: 'replace', path: 'active', value: { a: 1 } }, 'invalidValue'],
    ['add without a value', { op: 'add', path: 'title' }, 'invalidValue'],
    ['a value without path that is no object', { op: 'add', value: 'x' }, 'invalidValue'],
    ['two primary values at once', { op: 'replace', path: 'emails', value: [{ value: 'a', primary: true }, { value: 'b', primary: true }] }, 'invalidValue'],
    ['remove without a path', { op: 'remove' }, 'noTarget'],
    ['a filter that matches nothing and describes no value', { op: 'replace', path: 'emails[type ne "work" and type ne "home"].value', value: 'x' }, 'noTarget'],
    ['a readOnly attribute', { op: 'replace', path: 'meta.created', value: '2020-01-01T00:00:00Z' }, 'mutability'],
    ['the id', { op: 'replace', path: 'id', value: 'x' }, 'mutability'],
    ['an immutable attribute that has a value', { op: 'replace', path: `${pinUri}:hired`, value: '2011' }, 'mutability'],
    ['removal of what is required', { op: 'remove', path: 'userName' }, 'mutability'],
  ]; // biome-ignore format: a table
  for (const [name, operation, scimType] of cases) {
    test(name, () => {
      assert.throws(
        () => patch([operation], undefined, immutable),
        (error: unknown) => {
          assert.ok(error instanceof ScimError || error instanceof ScimFilterError, String(error));
          const body = error.toJSON();
          assert.deepEqual([body.scimType, body.status], [scimType, '400']);
          assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
          assert.ok(body.detail.length > 10, body.detail);
          return true;
        },
      );
    });
  }

  test('no operations', () => {
    assert.throws(() => patch([]), { scimType: 'invalidSyntax' });
  });
});

describe('applyPatch accepts what providers send, unless it is strict', () => {
  const cases: readonly (readonly [string, PatchOperation, string, Record<string, unknown>])[] = [
    ['operationCase', { op: 'Replace', path: 'title', value: 'Guide' }, 'invalidSyntax', { title: 'Guide' }],
    ['booleanText', { op: 'replace', path: 'active', value: 'False' }, 'invalidValue', { active: false }],
    ['removeWithValue', { op: 'remove', path: 'emails', value: [{ value: 'babs@home.example' }] }, 'invalidValue', { emails: [(user.emails as unknown[])[0]] }],
    ['createByValuePath', { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '+1' }, 'noTarget', { phoneNumbers: [{ value: '+1', type: 'work' }] }],
    ['scalarForComplex', { op: 'replace', path: `${enterpriseUri}:manager`, value: '7' }, 'invalidValue', { [enterpriseUri]: { department: 'Tour', manager: { value: '7' } } }],
  ]; // biome-ignore format: a table
  for (const [tolerance, operation, scimType, expected] of cases) {
    test(tolerance, () => {
      for (const tolerances of [undefined, 'generic', 'entra'] as const) {
        const result = patch([operation], tolerances);
        assert.deepEqual(result.resource, { ...user, ...expected });
        assert.deepEqual(result.tolerated, [tolerance]);
      }
      assert.throws(() => patch([operation], 'strict'), { scimType });
    });
  }

  test('a provider’s tolerances are not another’s', () => {
    assert.throws(() => patch([{ op: 'Replace', path: 'title', value: 'x' }], 'okta'), {
      scimType: 'invalidSyntax',
    });
  });
});
