/** The language's check of schemas and the form of the configuration, which a library holds, say the same of the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { checkDefinitions } from '../../src/scim/definition-check.ts';
import { DefinitionError } from '../../src/scim/definition-error.ts';
import { definitionForms } from '../../src/scim/definition-forms.ts';
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { standardSchemas } from '../../src/scim/standard.ts';
import { read } from '../house/sources.ts';

const id = 'urn:example:params:scim:schemas:acme:2.0:User';
const members = {
  name: ['x', '$ref', 'x-1', '1x', '', 'a b', 7, null],
  type: ['string', 'complex', 'String', 'number', 7, null],
  multiValued: [true, 'true', 0, null],
  description: ['', 7, null],
  required: [false, 'no', null],
  caseExact: [true, 1],
  mutability: ['immutable', 'readonly', null],
  returned: ['request', 'sometimes'],
  uniqueness: ['global', 'local'],
  canonicalValues: [[], ['a'], ['a', 1], 'a'],
  referenceTypes: [['uri'], 'uri'],
  indexed: [true, 'yes'],
  kind: ['x'],
  multivalued: [true],
};

/** Where something is wrong, without the rules that look at several members, which the form has not. */
function places(schemas: unknown): string[] {
  try {
    checkDefinitions(schemas as readonly SchemaDefinition[]);
    return [];
  } catch (error) {
    assert.ok(error instanceof DefinitionError);
    return error.problems
      .filter(({ reason }) => !/needs subAttributes|complex attributes only/.test(reason))
      .map(({ path }) => path.slice(1).join('.'));
  }
}

function placesByForm(schemas: unknown): string[] {
  const { issues = [] } = v.safeParse(definitionForms.schemas, schemas);
  // Of a list, the language names the list.
  return issues.map(({ path }) =>
    (path ?? [])
      .map(({ key }) => String(key))
      .join('.')
      .replace(/(canonicalValues|referenceTypes)\.\d+$/, '$1'),
  );
}

for (const [member, values] of Object.entries(members))
  test(`${member} of an attribute and of a sub-attribute`, () => {
    let refused = 0;
    for (const value of values) {
      const attribute = { name: 'x', [member]: value };
      for (const attributes of [
        [{ name: 'first' }, attribute],
        [{ name: 'c', type: 'complex', subAttributes: [attribute] }],
      ]) {
        const schemas = [{ id, attributes }];
        // Complex within complex is refused by another rule of each.
        if (value === 'complex') continue;
        assert.deepEqual(places(schemas), placesByForm(schemas), JSON.stringify(schemas));
        if (places(schemas).length > 0) refused++;
      }
    }
    assert.ok(refused > 0);
  });

test('members of a schema', () => {
  for (const schema of [
    { id },
    { attributes: [{ name: 'x' }] },
    { id, attributes: [] },
    { id, attributes: 'x' },
    { id, name: 7, attributes: [{ name: 'x' }] },
    { id, notes: 7, attributes: [{ name: 'x' }] },
    { id, schemas: 'x', meta: {}, attributes: [{ name: 'x' }] },
    7,
  ])
    assert.deepEqual(places([schema]), placesByForm([schema]), JSON.stringify(schema));
});

test('the types User, EnterpriseUser and Group have the attributes of their schemas', () => {
  const source = read('src/scim/resource-types.ts');
  for (const { id: uri, attributes } of standardSchemas) {
    const name = uri.includes('enterprise') ? 'EnterpriseUser' : uri.split(':').at(-1);
    const [, body = ''] =
      new RegExp(`export interface ${name} [^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source) ?? [];
    const typed = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, each]) => each);
    assert.deepEqual(
      typed,
      attributes.map((each) => each.name),
      name,
    );
  }
});
