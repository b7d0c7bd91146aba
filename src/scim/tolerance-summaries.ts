/**
 * What each tolerance accepts, in words for the operator: the documentation's table is made of them. Apart from their
 * functions, so that `scimd/filter` does not carry texts that nobody reads there.
 */
import type { ToleranceName } from './tolerances.ts';

export const toleranceSummaries: Readonly<Record<ToleranceName, string>> = {
  operationCase: '`op` in any letter case (`Add`, `Replace`)',
  patchWithoutContent:
    'PATCH is answered 204, as Microsoft documents it, to a client that writes `op` as Entra ID does',
  booleanText: 'A boolean as a string in any letter case (`"False"`), in bodies and in filters',
  numberText: 'A number as a string (`"42"`) where the schema or a message has an integer or a decimal',
  singleForArray:
    'One object or value where an array is expected (`"emails": {…}`); in a SearchRequest, attributes in one string with commas',
  arrayForSingle: 'An array of at most one value where a single value is expected (`["Til"]`)',
  scalarForComplex: 'A bare string where a complex value with `value` is expected (`"manager": "26118915"`)',
  jsonText: 'An object serialized as a string where an object is expected (`"{\\"value\\":\\"26118915\\"}"`)',
  objectForScalar:
    'An object of `value` and `$ref` where a simple value is expected (`[{"$ref": null, "value": "Til"}]`)',
  emptyText:
    'An empty string where an object, an array or the id of a resource is expected means no value (`"manager": ""`)',
  unknownSchema: 'Unknown schema URIs, in `schemas` or as a member, are ignored',
  schemasLeftOut: 'A resource without `schemas` is of the type of the endpoint',
  messageSchemas:
    'A PatchOp, BulkRequest or SearchRequest without its URN in `schemas` is what the endpoint takes; not one with the URN of another message or, in a PATCH, of another resource type',
  freeText:
    'Free text, blanks too, in country, locale, timezone, preferredLanguage, e-mail, profileUrl, photos, `$ref` and certificates',
  pathlessArray: 'A PATCH value without path in an array of its own (`"value": [{"active": false}]`)',
  wrappedValue:
    'A PATCH value within an object under the name that its path has already (path `members`, value `{"members": […]}`)',
  dottedKey:
    'Paths as member names in a body, or in a PATCH value without path (`"name.givenName"`, `"emails[type eq \\"work\\"].value"`)',
  qualifiedKey:
    'Attributes under their URN as members of a body (`"urn:…:User:department"`), as a PATCH value has them',
  urnDotPath:
    'A dot between an extension URN and its attribute (`urn:…:User.costCenter`), in paths, bodies and filters',
  coreSchemaObject:
    'Core attributes within an object under the core schema’s URN, in a body, in a PATCH value or as its path',
  readOnlyInValue: 'Read-only members (`id`, `meta`, `groups`) in a PATCH value without path are ignored',
  removeWithValue: '`remove` with a `value` removes only what that names, by all that it says, and never all',
  removeWithoutMatch: '`remove` by a value path that matches nothing succeeds (strict: 400 noTarget)',
  addByValuePath: '`add` by a value path that matches none of the values adds one (strict: 400 noTarget)',
  createByValuePath:
    '`replace` on a value path that matches nothing creates the value (strict: 400 noTarget)',
  memberByFilter: '`add` of `members[value eq "…"]` adds that member, without a value or with `{}` or `"[]"`',
  extraSlash:
    'More slashes than needed in the path (`//Users`, `/Users/`), as of a base URL that ends in one',
  endpointCase: 'Endpoints in any letter case (`/users`, `/serviceproviderconfig`)',
};
