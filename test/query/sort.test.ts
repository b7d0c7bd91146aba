import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { postgres } from '../../src/query/postgres.ts';
import { compileSort, sortAttribute } from '../../src/query/sort.ts';
import { sqlite } from '../../src/query/sqlite.ts';
import { type Engines, openEngines } from './engines.ts';
import { staff, staffType, staffUri } from './staff.ts';

let engines: Engines;
before(async () => {
  engines = await openEngines(staffType);
  await engines.load(staff);
});
after(() => engines.close());

const orders: Record<string, readonly (readonly [path: string, ascending: string, descending: string])[]> = {
  'RFC 7644 §3.4.2.3: by the attribute’s type and caseExact': [
    ['userName', 'ada bob cha dee', 'dee cha bob ada'],
    ['displayName', 'dee bob ada cha', 'cha ada bob dee'],
    [`${staffUri}:rating`, 'bob ada cha dee', 'cha dee ada bob'],
    ['meta.lastModified', 'ada bob cha dee', 'cha dee bob ada'],
  ],
  'RFC 7644 §3.4.2.3: without a value last when ascending, first when descending': [
    ['title', 'bob ada cha dee', 'cha dee ada bob'],
    [`${staffUri}:floor`, 'bob cha ada dee', 'dee ada cha bob'],
  ],
  'RFC 7644 §3.4.2.3: of several values the primary one, else the first': [
    ['emails', 'ada bob dee cha', 'cha dee bob ada'],
    ['emails.value', 'ada bob dee cha', 'cha dee bob ada'],
    ['emails.type', 'bob ada dee cha', 'cha ada dee bob'],
    [`${staffUri}:skills`, 'bob ada cha dee', 'cha dee ada bob'],
    [`${staffUri}:lockers.size`, 'ada cha bob dee', 'bob dee ada cha'],
  ],
};

for (const [rule, cases] of Object.entries(orders)) {
  describe(rule, () => {
    for (const [path, ascending, descending] of cases) {
      test(path, async () => {
        const attribute = sortAttribute(staffType, path, false)!;
        for (const [engine, ids] of Object.entries(await engines.sort(attribute, false))) {
          assert.equal(ids.join(' '), ascending, engine);
        }
        for (const [engine, ids] of Object.entries(await engines.sort(attribute, true))) {
          assert.equal(ids.join(' '), descending, engine);
        }
      });
    }
  });
}

test('RFC 7644 §3.4.2.3: nothing is sorted by a password, an unknown attribute, or a complex one without value', () => {
  for (const path of ['password', 'nosuch', 'name', 'addresses', staffUri]) {
    assert.throws(
      () => sortAttribute(staffType, path, false),
      { status: 400, scimType: 'invalidValue' },
      path,
    );
  }
});

test('an order that an index has says so, and needs no NULLS where there is always a value', () => {
  const map = { key: 'id', resolve: () => ({ kind: 'column', sql: 'c', indexed: true }) as const };
  const userName = sortAttribute(staffType, 'userName', false)!;
  const title = sortAttribute(staffType, 'title', false)!;
  assert.deepEqual(compileSort(userName, map, sqlite), { sql: 'c ASC', parameters: [], indexed: true });
  assert.equal(compileSort(title, map, sqlite, { descending: true }).sql, 'c DESC NULLS FIRST');
  assert.equal(compileSort(title, map, postgres).sql, 'c COLLATE "C" ASC NULLS LAST');
});
