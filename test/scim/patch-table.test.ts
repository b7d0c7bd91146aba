/**
 * What a PATCH answers, by the shape of the attribute, the operation, the form of the path and the form of the value
 * (RFC 7644 §3.5.2): the attribute as it then is, or the scimType of the refusal; by default and to the letter.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScimFilterError } from '../../grammar/index.ts';
import { ScimError } from '../../src/error.ts';
import { applyPatch } from '../../src/query/apply-patch.ts';
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import type { PatchOperation } from '../../src/scim/resource-types.ts';

const base = 'urn:example:params:scim:schemas:thing:1.0';
const more = `${base}:More`;
const schemas: readonly SchemaDefinition[] = [
  {
    id: base,
    name: 'Thing',
    attributes: [
      { name: 'nick' },
      { name: 'code', caseExact: true },
      { name: 'floor', type: 'integer' },
      { name: 'active', type: 'boolean' },
      { name: 'tags', multiValued: true },
      { name: 'codes', multiValued: true, caseExact: true },
      {
        name: 'desk',
        type: 'complex',
        subAttributes: [{ name: 'room' }, { name: 'tools', multiValued: true }],
      },
      { name: 'boss', type: 'complex', subAttributes: [{ name: 'value' }, { name: 'name', mutability: 'readOnly' }] },
      {
        name: 'cards',
        type: 'complex',
        multiValued: true,
        subAttributes: [
          { name: 'value', caseExact: true },
          { name: 'type' },
          { name: 'display' },
          { name: 'primary', type: 'boolean' },
          { name: 'doors', multiValued: true },
        ],
      },
      { name: 'places', type: 'complex', multiValued: true, subAttributes: [{ name: 'city' }, { name: 'kind' }] },
    ],
  },
  {
    id: more,
    name: 'More',
    attributes: [{ name: 'badge' }, { name: 'ids', multiValued: true }, { name: 'chief', type: 'complex', subAttributes: [{ name: 'value' }] }],
  },
]; // biome-ignore format: a schema

const a = { value: 'a', type: 'x', display: 'A' };
const b = { value: 'b', type: 'x', display: 'B', primary: true };
const c = { value: 'c', type: 'y' };
const desk = { room: '1', tools: ['p', 'q'] };
const stored = {
  nick: 'Bo', code: 'Bo', floor: 2, active: false, tags: ['p', 'Q'], codes: ['p', 'Q'], desk, boss: { value: '7' },
  cards: [a, b], places: [{ city: 'Ulm', kind: 'x' }, { city: 'Bonn', kind: 'x' }],
  [more]: { badge: '9', ids: ['1', '2'], chief: { value: '7' } },
}; // biome-ignore format: a table

type Answer = unknown;
type Op = PatchOperation['op'];
/** `strict` is left out where it is the same. A text is the scimType of a refusal; undefined: no value is left. */
type Row = readonly [op: Op, path: string | undefined, value: unknown, generic: Answer, strict?: Answer];

/** The answer is the value of this attribute. */
function answers(name: string, before: Readonly<Record<string, unknown>>, rows: readonly Row[]): void {
  for (const row of rows) {
    const [op, path, value, generic] = row;
    const strict = row.length === 5 ? row[4] : generic;
    for (const [tolerances, expected] of [
      ['generic', generic],
      ['strict', strict],
    ] as const) {
      test(`${tolerances}: ${op} ${path ?? 'without path'} ${JSON.stringify(value) ?? ''}`, () => {
        const operation = {
          op,
          ...(path === undefined ? {} : { path }),
          ...(value === undefined ? {} : { value }),
        };
        const resource = { schemas: [base], id: '1', ...before };
        let is: Answer;
        try {
          const after = applyPatch(resource, [operation], { schemas, tolerances })
            .resource as typeof resource;
          const { [name]: own, schemas: _, ...others } = after as Record<string, unknown>;
          const { [name]: __, schemas: ___, ...same } = resource as Record<string, unknown>;
          assert.deepEqual(others, same, 'everything else is untouched');
          is = own;
        } catch (error) {
          if (!(error instanceof ScimError) && !(error instanceof ScimFilterError)) throw error;
          is = error.toJSON().scimType;
        }
        assert.deepEqual(is, expected);
      });
    }
  }
}

const gone = undefined;
const refused = 'invalidValue';

describe('one simple value', () => {
  answers('nick', stored, [
    ['replace', 'nick', 'Al', 'Al'],
    ['add', 'nick', 'Al', 'Al'],
    ['replace', 'nick', null, gone],
    ['replace', 'nick', '', ''],
    ['replace', 'nick', ['Al'], 'Al', refused],
    ['replace', 'nick', [], gone, refused],
    ['replace', 'nick', [null], refused],
    ['replace', 'nick', ['Al', 'Bo'], refused],
    ['replace', 'nick', { value: 'Al' }, 'Al', refused],
    ['replace', 'nick', { nick: 'Al' }, 'Al', refused],
    ['replace', 'nick', { NICK: 'Al' }, 'Al', refused],
    ['replace', 'nick', {}, refused],
    ['replace', 'nick', { other: 'Al' }, refused],
    ['replace', 'nick', '{"value":"Al"}', '{"value":"Al"}'],
    ['replace', undefined, { nick: 'Al' }, 'Al'],
    ['replace', undefined, [{ nick: 'Al' }], 'Al', refused],
    ['replace', undefined, '{"nick":"Al"}', 'Al', refused],
    ['replace', undefined, ['{"nick":"Al"}'], 'Al', refused],
    ['replace', undefined, [{ nick: 'Al' }, { nick: 'Bo' }], refused],
    ['replace', undefined, {}, refused],
    ['replace', undefined, { nope: 'Al' }, refused],
    ['replace', undefined, [], refused],
    ['remove', 'nick', undefined, gone],
    ['remove', 'nick', null, gone],
    ['remove', 'nick', '', gone, refused],
    ['remove', 'nick', 'bo', gone, refused],
    ['remove', 'nick', ['Bo'], gone, refused],
    ['remove', 'nick', { nick: 'Bo' }, gone, refused],
    ['remove', 'nick', 'Al', 'Bo', refused],
    ['remove', 'nick', [], 'Bo', refused],
    ['remove', 'nick', {}, refused],
    ['remove', 'nick', [null], refused],
  ]); // biome-ignore format: a table
  answers('code', stored, [
    ['remove', 'code', 'Bo', gone, refused],
    ['remove', 'code', 'bo', 'Bo', refused],
  ]); // biome-ignore format: a table
  answers('floor', stored, [
    ['remove', 'floor', '2', gone, refused],
    ['remove', 'floor', 3, 2, refused],
    ['remove', 'floor', 'two', refused],
  ]); // biome-ignore format: a table
});

describe('active of a leaver: no road leads to a state without it', () => {
  answers('active', stored, [
    ['remove', 'active', undefined, false],
    ['replace', 'active', null, false],
    ['add', 'active', null, false],
    ['replace', undefined, { active: null }, false],
    ['add', undefined, { Active: null }, false],
    ['replace', undefined, { [base]: { active: null } }, false, 'invalidPath'],
    ['replace', `${base}:active`, null, false],
    ['replace', 'active', [], false, refused],
    ['remove', 'active', false, false, refused],
    ['remove', 'active', true, false, refused],
    ['replace', 'active', { value: null }, false, refused],
    ['replace', 'active', true, true],
  ]); // biome-ignore format: a table
  answers('active', { ...stored, active: true }, [['remove', 'active', undefined, gone]]);
});

describe('several simple values', () => {
  answers('tags', stored, [
    ['replace', 'tags', ['z'], ['z']],
    ['replace', 'tags', 'z', ['z'], refused],
    ['replace', 'tags', [{ value: 'z' }], ['z'], refused],
    ['replace', 'tags', [], gone],
    ['replace', 'tags', null, gone],
    ['replace', 'tags', '', gone, refused],
    ['replace', 'tags', [null], refused],
    ['replace', 'tags', [{}], refused],
    ['replace', 'tags', { tags: ['z'] }, ['z'], refused],
    ['replace', 'tags', [{ tags: ['z'] }], ['z'], refused],
    ['add', 'tags', ['z', 'p'], ['p', 'Q', 'z']],
    ['add', 'tags', 'z', ['p', 'Q', 'z'], refused],
    ['add', 'tags', [], ['p', 'Q']],
    ['add', 'tags', null, ['p', 'Q']],
    ['remove', 'tags', ['P', 'q'], gone, refused],
    ['remove', 'tags', 'q', ['p'], refused],
    ['remove', 'tags', [{ value: 'q' }], ['p'], refused],
    ['remove', 'tags', { tags: ['q'] }, ['p'], refused],
    ['remove', 'tags', ['z'], ['p', 'Q'], refused],
    ['remove', 'tags', [], ['p', 'Q'], refused],
    ['remove', 'tags', [{}], refused],
    ['remove', 'tags', [null], refused],
    ['remove', 'tags', '', gone, refused],
    ['remove', 'tags', undefined, gone],
    ['remove', 'tags[value eq "q"]', undefined, ['p']],
    ['remove', 'tags[value eq "q"]', ['q'], ['p'], refused],
    ['remove', 'tags[value eq "q"]', ['p'], ['p', 'Q'], refused],
    ['remove', 'tags[value eq "z"]', undefined, ['p', 'Q'], 'noTarget'],
    ['remove', 'tags[value eq "z"]', [{}], refused],
    ['replace', 'tags[value eq "q"]', 'z', ['p', 'z']],
    ['replace', 'tags[value eq "q"]', 'p', ['p']],
    ['replace', 'tags[value eq "y"]', 'z', 'noTarget'],
    ['add', 'tags[value eq "q"]', 'z', ['p', 'Q', 'z']],
    ['add', 'tags[value eq "y"]', 'z', 'noTarget'],
  ]); // biome-ignore format: a table
  answers('codes', stored, [
    ['remove', 'codes', ['P', 'Q'], ['p'], refused],
    ['remove', 'codes[value eq "q"]', undefined, ['p', 'Q'], 'noTarget'],
  ]); // biome-ignore format: a table
});

describe('one complex value', () => {
  answers('desk', stored, [
    ['replace', 'desk', { room: '2' }, { room: '2', tools: ['p', 'q'] }],
    ['replace', 'desk', { ROOM: '2', Tools: ['z'] }, { room: '2', tools: ['z'] }],
    ['replace', 'desk', { room: null }, { tools: ['p', 'q'] }],
    ['replace', 'desk', { tools: [] }, { room: '1' }],
    ['replace', 'desk', [{ room: '2' }], { room: '2', tools: ['p', 'q'] }, refused],
    ['replace', 'desk', '{"room":"2"}', { room: '2', tools: ['p', 'q'] }, refused],
    ['replace', 'desk', '{"room":', refused],
    ['replace', 'desk', { desk: { room: '2' } }, { room: '2', tools: ['p', 'q'] }, refused],
    ['replace', 'desk', '{"desk":{"room":"2"}}', { room: '2', tools: ['p', 'q'] }, refused],
    ['replace', 'desk', {}, refused],
    ['replace', 'desk', { chair: '2' }, refused],
    ['replace', 'desk', [{}], refused],
    ['replace', 'desk', [null], refused],
    ['replace', 'desk', [''], refused],
    ['replace', 'desk', 'two', refused],
    ['replace', 'desk', null, gone],
    ['replace', 'desk', '', gone, refused],
    ['add', 'desk', '', gone, refused],
    ['replace', undefined, { desk: '' }, gone, refused],
    ['add', 'desk', { tools: ['z'] }, { room: '1', tools: ['p', 'q', 'z'] }],
    ['add', undefined, { desk: { tools: ['z'] } }, { room: '1', tools: ['p', 'q', 'z'] }],
    ['add', 'desk', { tools: [] }, desk],
    ['add', 'desk.tools', ['z', 'p'], { room: '1', tools: ['p', 'q', 'z'] }],
    ['add', 'desk.tools', { tools: ['z'] }, { room: '1', tools: ['p', 'q', 'z'] }, refused],
    ['replace', 'desk.room', '2', { room: '2', tools: ['p', 'q'] }],
    ['remove', 'desk.room', undefined, { tools: ['p', 'q'] }],
    ['remove', 'desk.room', '1', { tools: ['p', 'q'] }, refused],
    ['remove', 'desk.room', '2', desk, refused],
    ['remove', 'desk.tools', ['P'], { room: '1', tools: ['q'] }, refused],
    ['remove', 'desk.tools', 'p', { room: '1', tools: ['q'] }, refused],
    ['remove', 'desk.tools', [{ value: 'p' }], { room: '1', tools: ['q'] }, refused],
    ['remove', 'desk.tools', ['z'], desk, refused],
    ['remove', 'desk.tools[value eq "p"]', undefined, { room: '1', tools: ['q'] }],
    ['remove', 'desk.tools[value eq "z"]', undefined, desk, 'noTarget'],
    ['replace', 'desk.tools[value eq "p"]', 'z', { room: '1', tools: ['z', 'q'] }],
    ['replace', 'desk.tools[value eq "y"]', 'z', 'noTarget'],
    ['replace', 'desk.room[value eq "1"]', 'z', 'invalidPath'],
    ['remove', 'desk', undefined, gone],
    ['remove', 'desk', { tools: ['p'] }, { room: '1', tools: ['q'] }, refused],
    ['remove', 'desk', { room: '1' }, { tools: ['p', 'q'] }, refused],
    ['remove', 'desk', { room: '2' }, desk, refused],
    ['remove', 'desk', { room: '1', tools: ['z'] }, desk, refused],
    ['remove', 'desk', { chair: '1' }, refused],
    ['remove', 'desk', {}, refused],
    ['remove', 'desk', [], desk, refused],
    ['replace', 'desk[room eq "1"].room', '2', { room: '2', tools: ['p', 'q'] }],
    ['replace', 'desk[room eq "1"]', { room: '2' }, { room: '2', tools: ['p', 'q'] }],
    ['add', 'desk[room eq "1"]', { tools: ['z'] }, { room: '1', tools: ['p', 'q', 'z'] }],
    ['replace', 'desk[room eq "9"].room', '2', 'noTarget'],
    ['add', 'desk[room eq "9"]', { room: '2' }, 'noTarget'],
    ['add', 'desk[room eq "9"]', 'two', refused],
    ['remove', 'desk[room eq "9"]', undefined, desk, 'noTarget'],
  ]); // biome-ignore format: a table
  answers('desk', { nick: 'Bo' }, [
    ['add', 'desk[room eq "9"]', { room: '9' }, 'noTarget'],
    ['replace', 'desk[room eq "9"].room', null, 'noTarget'],
    ['add', 'desk.tools', ['z'], { tools: ['z'] }],
  ]); // biome-ignore format: a table
  answers('boss', stored, [
    ['replace', 'boss', '8', { value: '8' }, refused],
    ['replace', 'boss', '{"value":"8"}', { value: '8' }, refused],
    ['replace', 'boss', ['{"value":"8"}'], { value: '8' }, refused],
    ['replace', 'boss', '{"value":', refused],
    ['replace', 'boss', '[]', refused],
    ['replace', 'boss', '', gone, refused],
    ['add', 'boss', '', gone, refused],
    ['replace', 'boss', { name: 'Al' }, 'mutability'],
    ['replace', 'boss', { value: '8', name: 'Al' }, { value: '8' }],
    ['remove', 'boss', { value: '7' }, gone, refused],
    ['remove', 'boss', '7', gone, refused],
    ['remove', 'boss', { value: '8' }, { value: '7' }, refused],
  ]); // biome-ignore format: a table
});

describe('several complex values', () => {
  const both = [a, b];
  answers('cards', stored, [
    ['replace', 'cards', [c], [c]],
    ['replace', 'cards', c, [c], refused],
    ['replace', 'cards', [c, null], [c]],
    ['replace', 'cards', { cards: [c] }, [c], refused],
    ['replace', 'cards', JSON.stringify(c), [c], refused],
    ['replace', 'cards', JSON.stringify([c]), [c], refused],
    ['replace', 'cards', [JSON.stringify(c)], [c], refused],
    ['replace', 'cards', ['c'], [{ value: 'c' }], refused],
    ['replace', 'cards', [], gone],
    ['replace', 'cards', null, gone],
    ['replace', 'cards', '', gone, refused],
    ['replace', 'cards', '[]', refused],
    ['replace', 'cards', {}, refused],
    ['replace', 'cards', [{}], refused],
    ['replace', 'cards', [null], refused],
    ['replace', 'cards', [''], refused],
    ['replace', 'cards', [[]], refused],
    ['replace', 'cards', [{ value: null }], refused],
    ['replace', 'cards', [{ id: 'c' }], refused],
    ['replace', 'cards', [c, { id: 'd' }], refused],
    ['replace', 'cards', { id: 'c' }, refused],
    ['replace', undefined, { cards: [{ id: 'c' }] }, refused],
    ['replace', 'cards', [c, { ...c, primary: true }], [{ ...c, primary: true }]],
    ['replace', 'cards', [{ ...c, display: 'C' }, { ...c, display: 'D' }], refused],
    ['add', 'cards', [c], [a, b, c]],
    ['add', 'cards', c, [a, b, c]],
    ['add', undefined, { cards: c }, [a, b, c]],
    ['add', 'cards', [{ value: 'a', type: 'X', display: 'new' }], [{ ...a, type: 'X', display: 'new' }, b]],
    ['add', 'cards', [{ ...a, doors: ['1'] }], [{ ...a, doors: ['1'] }, b]],
    ['add', 'cards', [{ ...a, primary: true }], [{ ...a, primary: true }, { ...b, primary: false }]],
    ['add', 'cards', [{ id: 'c' }], refused],
    ['add', 'cards', [], both],
    ['remove', 'cards', [{ value: 'a' }], [b], refused],
    ['remove', 'cards', { value: 'a' }, [b], refused],
    ['remove', 'cards', 'a', [b], refused],
    ['remove', 'cards', [{ value: 'A' }], both, refused],
    ['remove', 'cards', [{ display: 'b' }], [a], refused],
    ['remove', 'cards', [{ display: 'Nobody' }], both, refused],
    ['remove', 'cards', [{ value: 'a', display: 'B' }], both, refused],
    ['remove', 'cards', [{ value: 'a', $ref: null, other: 1 }], [b], refused],
    ['remove', 'cards', [{ type: 'X' }], gone, refused],
    ['remove', 'cards', [{ type: 'x', primary: false }], [b], refused],
    ['remove', 'cards', [{ type: 'x', other: 1 }], refused],
    ['remove', 'cards', { cards: [{ value: 'a' }] }, [b], refused],
    ['remove', 'cards', ['{"value":"a"}'], [b], refused],
    ['remove', 'cards', [{ other: 1 }], refused],
    ['remove', 'cards', [{ value: null }], refused],
    ['remove', 'cards', [''], refused],
    ['remove', 'cards', [], both, refused],
    ['remove', 'cards[type eq "x"]', undefined, gone],
    ['remove', 'cards[type eq "x"]', [{ value: 'a' }], [b], refused],
    ['remove', 'cards[type eq "x"]', { value: 'c' }, both, refused],
    ['remove', 'cards[type eq "z"]', { value: 'a' }, both, refused],
    ['remove', 'cards[type eq "z"]', undefined, both, 'noTarget'],
    ['remove', 'cards[value eq "b"].display', 'B', [a, { value: 'b', type: 'x', primary: true }], refused],
    ['remove', 'cards[value eq "b"].display', 'A', both, refused],
    ['replace', 'cards[value eq "a"]', { value: 'd' }, [{ value: 'd' }, b]],
    ['replace', 'cards[value eq "a"]', [{ value: 'd' }], [{ value: 'd' }, b], refused],
    ['replace', 'cards[value eq "a"]', { id: 'd' }, refused],
    ['replace', 'cards[value eq "a"]', {}, refused],
    ['replace', 'cards[value eq "a"]', [''], refused],
    ['replace', 'cards[value eq "a"]', { value: null }, refused],
    ['replace', 'cards[value eq "a"]', null, [b]],
    ['replace', 'cards[value eq "a"]', '', [b], refused],
    ['replace', 'cards[primary eq true].value', 'a', [{ ...a, display: 'B', primary: true }]],
    ['replace', 'cards.primary', true, refused],
    ['add', 'cards[value eq "a"]', { doors: ['1'] }, [{ ...a, doors: ['1'] }, b]],
    ['add', 'cards[value eq "c"]', { type: 'y' }, [a, b, c], 'noTarget'],
    ['add', 'cards[value eq "c"]', { TYPE: 'y', Value: 'c' }, [a, b, c], 'noTarget'],
    ['add', 'cards[type eq "y"]', 'c', [a, b, c], refused],
    ['add', 'cards[type eq "y"]', [{ value: 'c' }], [a, b, c], refused],
    ['add', 'cards[type eq "y"]', 5, refused],
    ['add', 'cards[type eq "y"]', {}, refused],
    ['add', 'cards[type eq "y"]', null, both, 'noTarget'],
    ['add', 'cards[type eq "y"].value', 'c', [a, b, c], 'noTarget'],
    ['add', 'cards[type eq "y"].value', null, both, 'noTarget'],
    ['replace', 'cards[type eq "y"].value', 'c', [a, b, c], 'noTarget'],
    ['replace', 'cards[type eq "y"]', null, both, 'noTarget'],
    ['replace', 'cards[type eq "y" and type eq "z"].value', 'c', 'noTarget'],
    ['replace', 'cards[type sw "y"].value', 'c', 'noTarget'],
  ]); // biome-ignore format: a table
  const withDoors = {
    cards: [
      { ...a, doors: ['1', '2'] },
      { ...b, doors: ['2'] },
    ],
  };
  answers('cards', withDoors, [
    ['remove', 'cards.doors', ['2'], [{ ...a, doors: ['1'] }, b], refused],
    ['remove', 'cards.doors[value eq "2"]', undefined, [{ ...a, doors: ['1'] }, b]],
    ['remove', 'cards.doors[value eq "9"]', undefined, withDoors.cards, 'noTarget'],
    ['replace', 'cards.doors[value eq "1"]', '3', [{ ...a, doors: ['3', '2'] }, withDoors.cards[1]]],
    ['add', 'cards[value eq "b"].doors', ['3'], [withDoors.cards[0], { ...b, doors: ['2', '3'] }]],
    ['remove', 'cards[value eq "a"].doors', ['2'], [{ ...a, doors: ['1'] }, withDoors.cards[1]], refused],
    ['remove', 'cards', [{ doors: ['1'] }], [withDoors.cards[1]], refused],
  ]); // biome-ignore format: a table
  answers('places', stored, [
    ['remove', 'places', [{ city: 'ulm', kind: 'x' }], [stored.places[1]], refused],
    ['remove', 'places', [{ city: 'Ulm', kind: 'y' }], stored.places, refused],
    ['remove', 'places', 'Ulm', refused],
    ['add', 'places', stored.places[0], stored.places],
    ['replace', 'places[city eq "Ulm"].city', 'Bonn', [stored.places[1]]],
  ]); // biome-ignore format: a table
});

describe('attributes of an extension, and the extension', () => {
  const own = stored[more];
  answers(more, stored, [
    ['replace', `${more}:badge`, { badge: '8' }, { ...own, badge: '8' }, refused],
    ['replace', `${more}:badge`, { [`${more}:badge`]: '8' }, { ...own, badge: '8' }, refused],
    ['remove', `${more}:ids`, [{ value: '2' }], { ...own, ids: ['1'] }, refused],
    ['remove', `${more}:ids[value eq "2"]`, undefined, { ...own, ids: ['1'] }],
    ['add', more, { ids: ['3'] }, { ...own, ids: ['1', '2', '3'] }],
    ['add', more, { [more]: { ids: ['3'] } }, { ...own, ids: ['1', '2', '3'] }, refused],
    ['add', more, '{"ids":["3"]}', { ...own, ids: ['1', '2', '3'] }, refused],
    ['replace', `${more}:chief`, '', { badge: '9', ids: ['1', '2'] }, refused],
    ['add', `${more}:chief`, '', { badge: '9', ids: ['1', '2'] }, refused],
    ['replace', more, { chief: '' }, { badge: '9', ids: ['1', '2'] }, refused],
    ['replace', undefined, { [more]: { chief: '' } }, { badge: '9', ids: ['1', '2'] }, refused],
    ['replace', undefined, { [`${more}:chief`]: '' }, { badge: '9', ids: ['1', '2'] }, refused],
    ['replace', `${more}:chief`, {}, refused],
    ['replace', more, {}, refused],
    ['replace', more, { nope: 1 }, refused],
    ['replace', undefined, { [more]: { nope: 1 } }, refused],
    ['replace', more, null, gone],
    ['replace', more, '', gone, refused],
    ['remove', more, undefined, gone],
    ['remove', more, { badge: '9' }, { ids: ['1', '2'], chief: { value: '7' } }, refused],
    ['remove', more, { badge: '8', ids: ['2'] }, { ...own, ids: ['1'] }, refused],
    ['remove', more, { nope: '8' }, refused],
    ['remove', more, {}, refused],
  ]); // biome-ignore format: a table
});
