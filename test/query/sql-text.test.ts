import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import type { Parameter } from '../../src/query/dialect.ts';
import { keyStorage } from '../../src/query/keys.ts';
import { postgres } from '../../src/query/postgres.ts';
import { compilePlan } from '../../src/query/sql.ts';
import { sqlite } from '../../src/query/sqlite.ts';
import type { StorageMap } from '../../src/query/storage.ts';
import { staffType, staffUri } from './staff.ts';

/** Some columns with indexes, an element table, and a document of keys for the rest. */
const map: StorageMap = {
  key: 'r.rid',
  resolve(attribute) {
    switch (attribute.path) {
      case 'userName':
      case 'meta.lastModified':
        return { kind: 'column', sql: `r.${attribute.name.toLowerCase()}`, indexed: true };
      case 'displayName':
        return {
          kind: 'column',
          sql: 'r.display',
          indexed: true,
          containing: (needle) =>
            needle.length < 3
              ? undefined
              : { sql: 'r.rid IN (SELECT rowid FROM trigram(?))', parameters: [needle] },
        };
      case 'active':
        return { kind: 'column', sql: 'r.active', indexed: false };
      case 'emails':
        return {
          kind: 'table',
          from: 'element e',
          key: 'e.rid',
          where: { sql: 'e.attribute = ?', parameters: [7] },
          column: (sub) => ({ kind: 'column', sql: `e."${sub.name}"`, indexed: sub.name === 'value' }),
        };
      case 'groups':
        return {
          kind: 'table',
          from: 'membership m',
          key: 'm.user',
          where: { sql: '', parameters: [] },
          column: (sub) =>
            sub.name === 'value' ? { kind: 'column', sql: 'm.group', indexed: false } : undefined,
          equals: (sub, key) =>
            sub.name === 'value' ? { sql: 'SELECT user FROM members_of(?)', parameters: [key] } : undefined,
        };
      case 'title':
        return undefined;
      default:
        return keyStorage('d.keys', attribute);
    }
  },
};

interface Expected {
  readonly sqlite: string;
  readonly postgres: string;
  /** Of both, unless PostgreSQL's are given too. */
  readonly parameters: readonly Parameter[];
  readonly unindexed: readonly string[];
}

const cases: Record<string, Expected> = {
  'userName eq "Ada"': {
    sqlite: 'r.username = ?',
    postgres: 'r.username = $1',
    parameters: ['ada'],
    unindexed: [],
  },
  'userName sw "Ad"': {
    sqlite: 'r.username >= ? AND r.username < ?',
    postgres: 'r.username COLLATE "C" >= $1 AND r.username COLLATE "C" < $2',
    parameters: ['ad', 'ae'],
    unindexed: [],
  },
  'userName ew "da"': {
    sqlite: 'substr(r.username, -?) = ?',
    postgres: 'right(r.username, $1::int) = $2',
    parameters: [2, 'da'],
    unindexed: ['userName'],
  },
  'userName co "%_"': {
    sqlite: 'instr(r.username, ?) > 0',
    postgres: 'strpos(r.username, $1) > 0',
    parameters: ['%_'],
    unindexed: ['userName'],
  },
  'displayName co "love"': {
    sqlite: 'r.rid IN (SELECT rowid FROM trigram(?)) AND instr(r.display, ?) > 0',
    postgres: 'r.rid IN (SELECT rowid FROM trigram($1)) AND strpos(r.display, $2) > 0',
    parameters: ['love', 'love'],
    unindexed: [],
  },
  'displayName co "lo"': {
    sqlite: 'instr(r.display, ?) > 0',
    postgres: 'strpos(r.display, $1) > 0',
    parameters: ['lo'],
    unindexed: ['displayName'],
  },
  'userName ne "ada"': {
    sqlite: 'r.username IS DISTINCT FROM ?',
    postgres: 'r.username IS DISTINCT FROM $1',
    parameters: ['ada'],
    unindexed: ['userName'],
  },
  'meta.lastModified gt "2024-05-01T14:00:00+02:00"': {
    sqlite: 'r.lastmodified > ?',
    postgres: 'r.lastmodified COLLATE "C" > $1',
    parameters: ['2024-05-01T12:00:00'],
    unindexed: [],
  },
  'active eq true': {
    sqlite: 'r.active = ?',
    postgres: 'r.active = $1::bigint',
    parameters: [1],
    unindexed: ['active'],
  },
  'emails.value eq "Ada@Engine.example"': {
    sqlite: 'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = ? AND e."value" = ?)',
    postgres: 'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = $1 AND e."value" = $2)',
    parameters: [7, 'ada@engine.example'],
    unindexed: [],
  },
  'emails[type eq "work" or value eq "x"]': {
    sqlite:
      'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = ? AND (e."type" = ? OR e."value" = ?))',
    postgres:
      'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = $1 AND (e."type" = $2 OR e."value" = $3))',
    parameters: [7, 'work', 'x'],
    unindexed: ['emails.type'],
  },
  'emails[type eq "work" and value eq "x"]': {
    sqlite: 'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = ? AND e."type" = ? AND e."value" = ?)',
    postgres:
      'r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = $1 AND e."type" = $2 AND e."value" = $3)',
    parameters: [7, 'work', 'x'],
    unindexed: [],
  },
  'not (emails[type eq "work"])': {
    sqlite: '(r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = ? AND e."type" = ?)) IS NOT TRUE',
    postgres: '(r.rid IN (SELECT e.rid FROM element e WHERE e.attribute = $1 AND e."type" = $2)) IS NOT TRUE',
    parameters: [7, 'work'],
    unindexed: ['emails.type'],
  },
  'groups.value eq "g1"': {
    sqlite: 'r.rid IN (SELECT user FROM members_of(?))',
    postgres: 'r.rid IN (SELECT user FROM members_of($1))',
    parameters: ['g1'],
    unindexed: [],
  },
  'groups pr': {
    sqlite: `r.rid IN (SELECT m.user FROM membership m WHERE m.group <> '')`,
    postgres: `r.rid IN (SELECT m.user FROM membership m WHERE m.group <> '')`,
    parameters: [],
    unindexed: ['groups'],
  },
  'name.givenName eq "Ada"': {
    sqlite: `json_extract(d.keys, '$."name"."givenname"') = ?`,
    postgres: `(d.keys -> 'name' ->> 'givenname') = $1`,
    parameters: ['ada'],
    unindexed: ['name.givenName'],
  },
  [`${staffUri}:floor gt 2.5`]: {
    sqlite: `json_extract(d.keys, '$."${staffUri.toLowerCase()}"."floor"') > ?`,
    postgres:
      `CASE jsonb_typeof(d.keys -> '${staffUri.toLowerCase()}' -> 'floor') WHEN 'number' ` +
      `THEN (d.keys -> '${staffUri.toLowerCase()}' -> 'floor')::numeric END > $1::numeric`,
    parameters: [2.5],
    unindexed: [`${staffUri}:floor`],
  },
  'photos.type eq "photo"': {
    sqlite: `EXISTS (SELECT 1 FROM json_each(d.keys, '$."photos"') AS e1 WHERE json_extract(e1.value, '$."type"') = ?)`,
    postgres:
      `EXISTS (SELECT 1 FROM jsonb_array_elements(CASE jsonb_typeof(d.keys -> 'photos') WHEN 'array' ` +
      `THEN d.keys -> 'photos' END) WITH ORDINALITY AS e1(value, key) WHERE (e1.value ->> 'type') = $1)`,
    parameters: ['photo'],
    unindexed: ['photos.type'],
  },
  'userName eq "a" and active eq true': {
    sqlite: 'r.username = ? AND r.active = ?',
    postgres: 'r.username = $1 AND r.active = $2::bigint',
    parameters: ['a', 1],
    unindexed: [],
  },
  'userName eq "a" or active eq true': {
    sqlite: 'r.username = ? OR r.active = ?',
    postgres: 'r.username = $1 OR r.active = $2::bigint',
    parameters: ['a', 1],
    unindexed: ['active'],
  },
  'not (userName eq "a" or active eq true) and userName sw "b"': {
    sqlite: '(r.username = ? OR r.active = ?) IS NOT TRUE AND r.username >= ? AND r.username < ?',
    postgres:
      '(r.username = $1 OR r.active = $2::bigint) IS NOT TRUE AND r.username COLLATE "C" >= $3 AND r.username COLLATE "C" < $4',
    parameters: ['a', 1, 'b', 'c'],
    unindexed: [],
  },
};

describe('the SQL of both dialects, side by side', () => {
  for (const [filter, expected] of Object.entries(cases)) {
    test(filter, () => {
      const plan = bindFilter(parseFilter(filter), staffType);
      for (const dialect of [sqlite, postgres] as const) {
        const { sql, parameters, unindexed } = compilePlan(plan, map, dialect);
        assert.equal(sql, expected[dialect.name as 'sqlite' | 'postgres']);
        assert.deepEqual(parameters, expected.parameters);
        assert.deepEqual(unindexed, expected.unindexed);
      }
    });
  }
});

test('placeholders count on from the parameters that stand before', () => {
  const plan = bindFilter(parseFilter('userName sw "a"'), staffType);
  const { sql } = compilePlan(plan, map, postgres, { offset: 5 });
  assert.equal(sql, 'r.username COLLATE "C" >= $6 AND r.username COLLATE "C" < $7');
});

test('an attribute without a place is an error that shows where it stands', () => {
  const source = 'userName pr and title eq "x"';
  const plan = bindFilter(parseFilter(source), staffType, { source });
  assert.throws(() => compilePlan(plan, map, sqlite, { source }), {
    name: 'ScimFilterError',
    scimType: 'invalidFilter',
    code: 'unmappedAttribute',
    offset: 16,
  });
});

test('a filter that would scan is refused where only indexed ones are wanted', () => {
  const source = 'userName eq "a" or active eq true';
  const plan = bindFilter(parseFilter(source), staffType, { source });
  assert.throws(() => compilePlan(plan, map, sqlite, { source, indexedOnly: true }), {
    code: 'unindexed',
    message:
      'No index serves active in this filter (character 20).\n  userName eq "a" or active eq true\n                     ^^^^^^^^^^^^^^',
  });
  const narrow = bindFilter(parseFilter('userName eq "a" and active eq true'), staffType);
  assert.deepEqual(compilePlan(narrow, map, sqlite, { indexedOnly: true }).unindexed, []);
});
