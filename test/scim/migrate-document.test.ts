import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import type { AttributeDefinition } from '../../src/scim/definitions.ts';
import { migrateDocument, type Quarantined } from '../../src/scim/migrate-document.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import { userSchema } from '../server.ts';

const uri = 'urn:example:params:scim:schemas:extension:test:2.0:User';

/** User with an extension of these attributes; without any if there are none. */
function userWith(...attributes: readonly AttributeDefinition[]): ResourceType {
  const configured =
    attributes.length === 0
      ? {}
      : {
          schemas: [{ id: uri, attributes }],
          resourceTypes: [{ name: 'User', schemaExtensions: [{ schema: uri, required: false }] }],
        };
  const type = configuredRegistry(configured).resourceTypes.find(({ name }) => name === 'User');
  assert.ok(type);
  return type;
}

const documentWith = (extension: Readonly<Record<string, unknown>>) => ({
  schemas: [userSchema, uri],
  id: '1',
  userName: 'a',
  [uri]: extension,
});

/** What is stored as JSON between two starts. */
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value));

describe('a document that its schema has a place for', () => {
  test('stays the very same object', () => {
    const document = documentWith({ a: 'x', b: [1, 2] });
    const type = userWith({ name: 'a' }, { name: 'b', type: 'integer', multiValued: true });
    const migrated = migrateDocument(type, document, []);
    assert.equal(migrated.document, document);
    assert.deepEqual(
      { ...migrated, document: 0 },
      {
        document: 0,
        quarantined: [],
        missing: [],
        invalid: [],
        unknown: [],
      },
    );
  });
  test('takes over the spelling of a name', () => {
    const { document, quarantined } = migrateDocument(
      userWith({ name: 'Badge' }),
      documentWith({ badge: 'x' }),
      [],
    );
    assert.deepEqual(document, documentWith({ Badge: 'x' }));
    assert.deepEqual(quarantined, []);
  });
});

/** One definition, another, and the first again: what is shown in between, and that nothing is lost. */
const detours: readonly (readonly [
  what: string,
  definition: AttributeDefinition,
  other: readonly AttributeDefinition[],
  value: unknown,
  shown: unknown,
])[] = [
  ['an extension that goes', { name: 'a' }, [], 'x', undefined],
  ['an attribute that goes', { name: 'a' }, [{ name: 'b' }], 'x', undefined],
  ['a text that should be an integer', { name: 'a' }, [{ name: 'a', type: 'integer' }], '7', undefined],
  ['a text that should be a boolean', { name: 'a' }, [{ name: 'a', type: 'boolean' }], 'true', undefined],
  ['a text that should be an instant', { name: 'a' }, [{ name: 'a', type: 'dateTime' }], 'soon', undefined],
  [
    'a fraction that should be an integer',
    { name: 'a', type: 'decimal' },
    [{ name: 'a', type: 'integer' }],
    1.5,
    undefined,
  ],
  [
    'an integer that should be a decimal',
    { name: 'a', type: 'integer' },
    [{ name: 'a', type: 'decimal' }],
    2,
    2,
  ],
  ['one value where several can be', { name: 'a' }, [{ name: 'a', multiValued: true }], 'x', ['x']],
  [
    'several values where one can be',
    { name: 'a', multiValued: true },
    [{ name: 'a' }],
    ['x', 'y'],
    undefined,
  ],
  ['a list of one where one can be', { name: 'a', multiValued: true }, [{ name: 'a' }], ['x'], 'x'],
  [
    'values of which some fit',
    { name: 'a', type: 'decimal', multiValued: true },
    [{ name: 'a', type: 'integer', multiValued: true }],
    [1, 1.5, 2],
    [1, 2],
  ],
  [
    'a sub-attribute that goes, in each of several values',
    { name: 'a', type: 'complex', multiValued: true, subAttributes: [{ name: 'value' }, { name: 'note' }] },
    [{ name: 'a', type: 'complex', multiValued: true, subAttributes: [{ name: 'value' }] }],
    [{ value: 'x', note: 'n' }, { value: 'y' }],
    [{ value: 'x' }, { value: 'y' }],
  ],
  [
    'a complex value that should be a text',
    { name: 'a', type: 'complex', subAttributes: [{ name: 'value' }] },
    [{ name: 'a' }],
    { value: 'x' },
    undefined,
  ],
];

describe('values that the schema has no place for are quarantined, and come back with their definition', () => {
  for (const [what, definition, other, value, shown] of detours)
    test(what, () => {
      const document = documentWith({ a: value });
      const first = stored(migrateDocument(userWith(...other), document, []));
      assert.deepEqual((first.document[uri] as { a?: unknown } | undefined)?.a, shown);
      assert.equal((first.document.schemas as string[]).includes(uri), shown !== undefined);
      const between = stored(
        migrateDocument(userWith({ name: 'unrelated' }), first.document, first.quarantined),
      );
      const back = migrateDocument(userWith(definition), between.document, between.quarantined);
      assert.deepEqual(back.document, document);
      assert.deepEqual(back.quarantined, []);
    });

  test('unless somebody has written another value there', () => {
    const text = userWith({ name: 'a' });
    const integer = userWith({ name: 'a', type: 'integer' });
    const { quarantined } = migrateDocument(integer, documentWith({ a: 'seven' }), []);
    const back = migrateDocument(text, documentWith({ a: 7 }), stored(quarantined));
    assert.equal(back.document[uri], undefined);
    assert.deepEqual(back.quarantined, [{ path: [uri, 'a'], value: 7 }] satisfies Quarantined[]);
  });
});

describe('what a person should know', () => {
  test('is which required values are missing, and not where the extension itself may be', () => {
    const type = userWith(
      { name: 'a', required: true },
      { name: 'b', required: true, mutability: 'immutable' },
      {
        name: 'c',
        type: 'complex',
        multiValued: true,
        subAttributes: [{ name: 'value', required: true }, { name: 'type' }],
      },
    );
    const { missing } = migrateDocument(
      type,
      documentWith({ b: 'x', c: [{ value: '1' }, { type: 'work' }] }),
      [],
    );
    assert.deepEqual(missing, [`${uri}:a`, `${uri}:c.value`]);
    const { missing: none } = migrateDocument(type, { schemas: [userSchema], id: '1', userName: 'a' }, []);
    assert.deepEqual(none, []);
  });
  test('is what was quarantined, by what is the matter with it', () => {
    const type = userWith({ name: 'a', type: 'integer' });
    const { invalid, unknown } = migrateDocument(type, documentWith({ a: 'x', gone: 1 }), []);
    assert.deepEqual([invalid, unknown], [[`${uri}:a`], [`${uri}:gone`]]);
    assert.deepEqual(migrateDocument(userWith(), documentWith({ a: 'x' }), []).unknown, [uri]);
  });
});
