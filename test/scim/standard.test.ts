/** The published schemas are imported as JSON, which the compiler does not hold to the types of definitions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { definitionForms } from '../../src/scim/definition-forms.ts';
import common from '../../src/scim/schemas/common.json' with { type: 'json' };
import enterpriseUser from '../../src/scim/schemas/EnterpriseUser.json' with { type: 'json' };
import group from '../../src/scim/schemas/Group.json' with { type: 'json' };
import resourceType from '../../src/scim/schemas/ResourceType.json' with { type: 'json' };
import schema from '../../src/scim/schemas/Schema.json' with { type: 'json' };
import serviceProviderConfig from '../../src/scim/schemas/ServiceProviderConfig.json' with { type: 'json' };
import user from '../../src/scim/schemas/User.json' with { type: 'json' };

/** What is wrong, with its path. */
function problemsOf(definition: unknown): string[] {
  const { issues = [] } = v.safeParse(definitionForms.schemas, [definition]);
  return issues.map((issue) => `${v.getDotPath(issue)} ${issue.message}`);
}

for (const definition of [user, group, enterpriseUser, resourceType, serviceProviderConfig])
  test(`RFC 7643 §7: the definition of ${definition.name} has the characteristics of attributes and no others`, () => {
    assert.deepEqual(problemsOf(definition), []);
  });

test('RFC 7643 §8.7.2: the definition of Schema alone has complex attributes within complex ones', () => {
  assert.deepEqual(problemsOf(schema), ['0.attributes.3.subAttributes.11.subAttributes is unknown']);
});

test('RFC 7643 §3.1: the definitions of the common attributes have the characteristics of attributes and no others', () => {
  assert.deepEqual(problemsOf({ id: 'urn:example:common', attributes: common }), []);
});

test('a mistyped characteristic is found', () => {
  const [first, ...others] = user.attributes;
  const attributes = [{ ...first, mutabillity: 'readWrite', type: 'strng' }, ...others];
  const problems = problemsOf({ ...user, attributes });
  assert.equal(problems.length, 2);
  assert.match(problems.join(), /0\.attributes\.0\.type must be one of string,/);
  assert.match(problems.join(), /0\.attributes\.0\.mutabillity is unknown, did you mean "mutability"/);
});
