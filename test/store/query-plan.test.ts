import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { sortAttribute } from '../../src/query/sort.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import type { Sql } from '../../src/store/sql/dialect.ts';
import { compileArms, countSql, pageSql, phasesBeyond, writePosition } from '../../src/store/sql/list.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import type { Query } from '../../src/store/store.ts';
import { badgeSchema, badgeUri, registryWith, typeNamed } from './registry.ts';

const db = openConnection(':memory:');
after(() => db.close());
const registry = registryWith(badgeSchema());
const types = loadTypes(db, registry);
const user = typeNamed(registry, 'User');
const group = typeNamed(registry, 'Group');

/** The steps of SQLite's plan, but for those of the documents of the page's rows. */
function stepsOf({ text, parameters }: Sql): string[] {
  const last = text.includes('LIMIT ? OFFSET ?') ? [100, 0] : [];
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...parameters, ...last) as { detail: string }[];
  const steps = rows.map(({ detail }) => detail);
  const page = steps.indexOf('SCAN p');
  return page === -1 ? steps : steps.slice(0, page);
}

function armsOf(target: Query['targets'][number]) {
  return compileArms(sqliteDialect, types, { tenant: 1, limit: 100, targets: [target] });
}

const everyday: readonly (readonly [filter: string, type: ResourceType, index: RegExp])[] = [
  ['userName eq "bjensen"', user, /resource_unique \(tenant=\? AND type=\? AND unique_key=\?\)/],
  ['userName sw "bj"', user, /resource_unique \(tenant=\? AND type=\? AND unique_key>\? AND unique_key<\?\)/],
  ['externalId eq "00u1"', user, /resource_external \(tenant=\? AND type=\? AND external_id=\?\)/],
  ['externalId sw "00"', user, /resource_external .*external_id>\? AND external_id<\?\)/],
  ['id eq "2819c223"', user, /resource_id \(tenant=\? AND id=\?\)/],
  ['id sw "28"', user, /resource_id \(tenant=\? AND id>\? AND id<\?\)/],
  ['displayName eq "Tour Guides"', group, /resource_display \(tenant=\? AND type=\? AND display_key=\?\)/],
  ['displayName sw "Tour"', group, /resource_display .*display_key>\? AND display_key<\?\)/],
  ['meta.lastModified gt "2026-01-01T00:00:00Z"', user, /resource_modified .*modified>\?\)/],
  ['emails.value eq "b@x.example"', user, /element_value \(tenant=\? AND attribute=\? AND value=\?\)/],
  ['emails eq "b@x.example"', user, /element_value \(tenant=\? AND attribute=\? AND value=\?\)/],
  ['emails[type eq "work"].value eq "b@x"', user, /element_value \(.*value=\? AND type=\?\)/],
  ['emails[type eq "work" and value eq "b@x"]', user, /element_value \(.*value=\? AND type=\?\)/],
  ['emails.value sw "b"', user, /element_value \(.*value>\? AND value<\?\)/],
  ['phoneNumbers.value eq "1"', user, /element_value \(.*value=\?\)/],
  ['roles.value eq "admin"', user, /element_value \(.*value=\?\)/],
  ['members.value eq "2819c223"', group, /member_value \(tenant=\? AND value=\?\)/],
  ['members[value eq "2819c223"]', group, /member_value \(tenant=\? AND value=\?\)/],
  ['groups.value eq "2819c223"', user, /resource_id \(tenant=\? AND id=\?\)/],
  [`${badgeUri}:floor gt 3`, user, /element_number \(tenant=\? AND attribute=\? AND number>\?\)/],
  [`${badgeUri}:doors.value eq "d"`, user, /element_value \(tenant=\? AND attribute=\? AND value=\?\)/],
  ['userName eq "a" and active eq true', user, /resource_unique .*unique_key=\?\)/],
  ['emails.value eq "b@x" and active eq true', user, /element_value \(.*value=\?\)/],
];

for (const [filter, type, index] of everyday) {
  test(`${filter} is found by an index, page and total`, () => {
    const [arm] = armsOf({ type, plan: bindFilter(parseFilter(filter), type) });
    assert.ok(arm);
    for (const sql of [pageSql(sqliteDialect, [arm], { kind: 'all' }, false), countSql(arm)]) {
      const steps = stepsOf(sql);
      assert.match(steps.join('\n'), index);
      const tables = steps.filter((step) => /^(SCAN|SEARCH) /.test(step) && !/^SCAN (down|up)\b/.test(step));
      assert.deepEqual(
        tables.filter((step) => !/[=<>]\?\)$/.test(step) || /\(tenant=\?( AND type=\?)?\)$/.test(step)),
        [],
        steps.join('\n'),
      );
    }
  });
}

test('userName or externalId is found by both indexes', () => {
  const [arm] = armsOf({
    type: user,
    plan: bindFilter(parseFilter('userName eq "a" or externalId eq "b"'), user),
  });
  assert.ok(arm);
  assert.match(
    stepsOf(pageSql(sqliteDialect, [arm], { kind: 'all' }, false)).join('\n'),
    /resource_unique[\s\S]*resource_external/,
  );
});

for (const [sortBy, index] of [
  ['userName', /resource_unique/],
  ['displayName', /resource_display/],
  ['externalId', /resource_external/],
  ['meta.lastModified', /resource_modified/],
] as const) {
  test(`a page sorted by ${sortBy} is read off an index, from the start and from any position`, () => {
    const sort = sortAttribute(user, sortBy, false);
    assert.ok(sort);
    const arms = armsOf({ type: user, sort });
    for (const backwards of [false, true]) {
      for (const phase of [{ kind: 'all' } as const, ...phasesBeyond(writePosition(['x', 1]), backwards)]) {
        const steps = stepsOf(pageSql(sqliteDialect, arms, phase, backwards)).join('\n');
        // There is always a lastModified, so the phase without one reads nothing.
        if (sortBy !== 'meta.lastModified' || phase.kind !== 'unassigned') assert.match(steps, index);
        assert.doesNotMatch(steps, /TEMP B-TREE/);
      }
    }
  });
}

test('a page sorted by emails reads each user’s own values', () => {
  const sort = sortAttribute(user, 'emails', false);
  assert.ok(sort);
  const steps = stepsOf(pageSql(sqliteDialect, armsOf({ type: user, sort }), { kind: 'all' }, false)).join(
    '\n',
  );
  assert.match(steps, /SEARCH e USING PRIMARY KEY \(rid=\? AND attribute=\?\)/);
});

test('an unsorted page is read off the order of creation', () => {
  const steps = stepsOf(
    pageSql(sqliteDialect, armsOf({ type: user }), { kind: 'unassigned', beyond: 1000 }, false),
  );
  assert.match(steps.join('\n'), /resource_order \(tenant=\? AND type=\? AND rowid>\?\)/);
  assert.doesNotMatch(steps.join('\n'), /TEMP B-TREE/);
});

test('whether the resources of a page are in a group is looked up in the index, and members are never walked through', () => {
  const { text, parameters } = pageSql(sqliteDialect, armsOf({ type: user }), { kind: 'all' }, false, 1000);
  assert.match(stepsOf({ text, parameters }).join('\n'), /USING INDEX member_value FOR IN-OPERATOR/);
  const codes = db.prepare(`EXPLAIN ${text}`).all(...parameters, 100, 0) as { opcode: string }[];
  const opcodes = codes.map(({ opcode }) => opcode);
  assert.ok(opcodes.includes('Found') || opcodes.includes('NotFound'), opcodes.join(' '));
  assert.ok(!opcodes.includes('Rewind'), opcodes.join(' '));
});
