/** One round through everything that `scimd/filter` does, for runtimes that have no test runner. */
import type * as Filter from '../../src/filter.ts';
import { staff, staffSchemas, staffUri } from '../query/staff.ts';

const work = 'emails[type eq "work" and value ew "@ENGINE.example"]';

export function exercise(filter: typeof Filter): Record<string, unknown> {
  const schemas = staffSchemas;
  const refusal = filter.safeParseFilter("userName == 'bjensen'");
  const resolve: Filter.Resolve = (path) => ({ keys: path === 'userName' ? 'u' : 'k' });
  const { resource, changes } = filter.applyPatch(
    staff[0]!,
    [{ op: 'Replace', path: 'emails[type eq "work"].value', value: 'countess@engine.example' }],
    { schemas },
  );
  return {
    tree: filter.parseFilter(work),
    printed: filter.stringify(filter.and(filter.parseFilter(work), filter.pr('title'))),
    refusal: refusal.ok ? undefined : [refusal.error.toJSON(), refusal.error.hint, refusal.error.offset],
    path: filter.parsePath('members[value eq "2819c223"].display'),
    people: [work, 'displayName eq "σίσυφος"', `${staffUri}:joined eq "2020-01-01T00:00:00Z"`].map((text) =>
      staff.filter(filter.compileMatcher(text, { schemas })).map(({ id }) => id),
    ),
    sql: [filter.sqlite, filter.postgres].map((dialect) =>
      filter.compileSql(work, { dialect, schemas, resolve }),
    ),
    patched: [(resource.emails as unknown[])[0], changes.map(({ path }) => path)],
    created: filter.validateCreate({ userName: 'eve', active: 'False' }, { schemas }),
    replaced: filter.validateReplace({ userName: 'ada' }, staff[0]!, { schemas }).resource,
    shown: filter.compileProjection({ schemas, attributes: 'name.givenName,emails' }).apply(staff[0]!),
    order: filter.compileOrderBy('name.givenName', { dialect: filter.postgres, schemas, resolve }),
    list: filter.listResponse([{ id: '1' }], { totalResults: 2 }),
    error: filter.errorResponse(new filter.ScimError(404, undefined, 'There is none')),
    discovery: [
      filter.schemaDocument(filter.groupSchema, 'https://example.com'),
      filter.resourceTypeDocument(filter.userResourceType, 'https://example.com'),
      filter.serviceProviderConfig({ patch: true, authenticationSchemes: [] }, 'https://example.com'),
    ],
  };
}
