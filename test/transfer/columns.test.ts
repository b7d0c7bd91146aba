/** Every column that an export can write an import reads back, or says that it does not; the same for NDJSON. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { commands } from '../../src/cli/commands.ts';
import { run } from '../../src/cli/run.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { parseRecord } from '../../src/transfer/csv.ts';
import { enterpriseSchema, groupSchema, userSchema } from '../server.ts';

// biome-ignore lint/suspicious/noExplicitAny: resources of any shape
type Json = any;

const folder = mkdtempSync(join(tmpdir(), 'scimd-columns-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = (ending: string) => join(folder, `${++files}${ending}`);

interface Done {
  readonly status: number;
  readonly out: string;
  readonly told: string;
}

/** A command line in this process: there are many of them. */
async function scimd(database: string, ...args: readonly string[]): Promise<Done> {
  let [out, told] = ['', ''];
  const status = await run(commands, [...args, '--database', database], {
    interactive: false,
    errorIsTerminal: false,
    color: false,
    environment: {},
    folder,
    print: (text) => {
      out += `${text}\n`;
    },
    note: (text) => {
      told += `${text}\n`;
    },
    renew: () => undefined,
    write: async (part) => {
      out += String(part);
    },
    written: async () => {},
  });
  return { status, out, told };
}

async function databaseWith(resources: readonly object[]): Promise<string> {
  const [database, file] = [newFile('.db'), newFile('.ndjson')];
  writeFileSync(file, resources.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const { status, told } = await scimd(database, 'import', file);
  assert.deepEqual([status, told], [0, '']);
  return database;
}

const sorted = (value: Json): Json =>
  Array.isArray(value)
    ? value.map((each) => JSON.stringify(sorted(each))).sort()
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .map(([name, each]) => [name, sorted(each)] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : value;

/** All resources, without what each server writes itself, in no order. */
async function all(database: string): Promise<Json[]> {
  const { out } = await scimd(database, 'export');
  const resources = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return sorted(resources.map(({ meta: _, ...rest }) => rest));
}

const text = fc.oneof(
  fc.string({
    minLength: 1,
    maxLength: 8,
    unit: fc.constantFrom('a', 'ä', '"', ',', ';', '[', '{', ']', '=', '😀'),
  }),
  fc.constantFrom('["a"]', '[x', 'true', '7', '{}', 'plain'),
);
// JSON text is no id of a resource.
const id = text.filter((each) => !/^[[{]/.test(each));
const value = fc.record(
  { value: text, display: text, type: fc.constantFrom('work', 'home', 'other'), primary: fc.constant(false) },
  { requiredKeys: ['value'] },
);
const values = fc.uniqueArray(value, {
  maxLength: 3,
  selector: ({ value, type }) => JSON.stringify([value.toLowerCase(), type]),
});
const person = fc.record(
  {
    title: text,
    nickName: text,
    active: fc.boolean(),
    name: fc.record({ givenName: text, familyName: text }, { requiredKeys: ['givenName'] }),
    phoneNumbers: values,
    ims: values,
    roles: values,
    [enterpriseSchema]: fc.record(
      { department: text, manager: fc.record({ value: id }) },
      { requiredKeys: ['department'] },
    ),
  },
  { requiredKeys: [] },
);
const people = fc.array(person, { minLength: 1, maxLength: 3 });

/** With ids, userNames, and two groups over them, one of which is in the other. */
function resourcesOf(persons: readonly object[]): object[] {
  const users = persons.map((each, index) => ({
    schemas: [userSchema],
    id: `u-${index}`,
    userName: `user${index}`,
    ...each,
  }));
  const members = users.map(({ id }) => ({ value: id }));
  return [
    ...users,
    { schemas: [groupSchema], id: 'g-all', displayName: 'All, "of them"', members },
    { schemas: [groupSchema], id: 'g-outer', displayName: 'Outer', members: [{ value: 'g-all' }] },
  ];
}

describe('what an export has, an import reads back', () => {
  test('NDJSON, and CSV under the columns that an export chooses: nothing is lost', async () => {
    await fc.assert(
      fc.asyncProperty(people, async (persons) => {
        const database = await databaseWith(resourcesOf(persons));
        const before = await all(database);
        const byLines = newFile('.db');
        const lines = newFile('.ndjson');
        await scimd(database, 'export', lines);
        assert.equal((await scimd(byLines, 'import', lines)).status, 0);
        assert.deepEqual(await all(byLines), before);
        const byTable = newFile('.db');
        for (const type of ['User', 'Group']) {
          const table = newFile('.csv');
          await scimd(database, 'export', table, '--type', type);
          const { status, told } = await scimd(byTable, 'import', table, '--type', type);
          assert.deepEqual([status, told], [0, ''], readFileSync(table, 'utf8'));
        }
        assert.deepEqual(await all(byTable), before);
      }),
      { numRuns: 15 },
    );
  });

  /** Every path that names one column: attributes, their parts, and parts of the values that a type selects. */
  const pathsOf = (name: string): string[] =>
    standardRegistry()
      .resourceTypes.filter((type) => type.name === name)
      .flatMap((type) => [
        ...type.attributes.values(),
        ...[...type.extensions.values()].flatMap(({ attributes }) => [...attributes.values()]),
      ])
      .flatMap(({ path, multiValued, subAttributes }) => [
        path,
        ...[...subAttributes.values()].flatMap((sub) => [
          sub.path,
          ...(multiValued && subAttributes.has('type') ? [`${path}[type eq "work"].${sub.name}`] : []),
        ]),
      ]);

  /** Something in each attribute, and several values with and without each of their parts. */
  const rich = resourcesOf([
    {
      externalId: 'x',
      name: { formatted: 'A B', givenName: 'A', familyName: 'B', honorificPrefix: '[Dr' },
      displayName: '["A"]',
      title: '=1',
      active: false,
      profileUrl: 'https://example.com/a',
      emails: [
        { value: 'a@example.com', type: 'work', primary: true, display: '[x' },
        { value: 'b@example.com', type: 'work' },
      ],
      phoneNumbers: [{ value: '1' }, { value: '[2]', type: 'home', display: 'd' }],
      ims: [{ value: '["x"]', type: 'work' }],
      photos: [{ value: 'https://example.com/p', type: 'photo' }],
      addresses: [
        { type: 'work', locality: 'L', country: 'DE' },
        { type: 'home', locality: '[M' },
      ],
      roles: [{ value: 'r' }],
      [enterpriseSchema]: { department: 'D', manager: { value: 'u-1' } },
    },
    { roles: [{ value: 'r', primary: false }] },
  ]);

  for (const type of ['User', 'Group'])
    test(`each column of a ${type} is written, and read back or said to be left out`, async () => {
      const database = await databaseWith(rich);
      const leftOut: string[] = [];
      const refused: string[] = [];
      for (const path of pathsOf(type)) {
        const named = type === 'User' ? 'userName' : 'displayName';
        const columns = [...new Set(['id', named, path])].join(',');
        const [table, again, target] = [newFile('.csv'), newFile('.csv'), newFile('.db')];
        const exported = await scimd(database, 'export', table, '--type', type, '--columns', columns);
        if (exported.status !== 0) {
          // What no export has is refused, not written as nothing.
          assert.match(exported.told, /--columns: password is kept as a hash only, and never shown/);
          assert.equal(path, 'password');
          continue;
        }
        const { status, told } = await scimd(target, 'import', table, '--type', type);
        if (told.includes(`${path}: left out, since only the server writes it`)) leftOut.push(path);
        else if (status !== 0) {
          assert.match(told, /^\S+\.csv:\d+: \S/m);
          refused.push(path);
        } else {
          await scimd(target, 'export', again, '--type', type, '--columns', columns);
          assert.deepEqual(rowsOf(again), rowsOf(table), path);
        }
      }
      assert.deepEqual(
        leftOut.filter((path) => !/^(schemas|meta|groups)\b/.test(path)),
        type === 'User'
          ? [`${enterpriseSchema}:manager.displayName`]
          : ['members.display', 'members[type eq "work"].display'],
      );
      // Where a value has nothing of the part, the line has a value without anything, which is none.
      assert.deepEqual(
        refused.filter((path) => !/^members[.[]/.test(path)),
        [],
      );
    });
});

/** Rows and the values of a cell have no order, and equal values are one (RFC 7643 §2.4); one that has nothing is none. */
function rowsOf(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\r\n')
    .map((row) => JSON.stringify(parseRecord(row, ',').cells.map(valuesIn)))
    .sort();
}

function valuesIn(cell: string | undefined): unknown {
  if (cell === undefined || !/^[[{]/.test(cell)) return cell === undefined ? [] : [JSON.stringify(cell)];
  try {
    const json = JSON.parse(cell);
    if (!Array.isArray(json)) return sorted(json);
    // One that is alone is written without its list.
    const texts = json
      .filter((each) => each !== null)
      .map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    return [...new Set(texts.map((each) => JSON.stringify(each)))].sort();
  } catch {
    return [JSON.stringify(cell)];
  }
}

describe('groups', () => {
  const resources = resourcesOf([{}, {}]);

  test('a column groups has the ids of the groups, groups.display their names; an import says that it leaves them out', async () => {
    const database = await databaseWith(resources);
    const table = newFile('.csv');
    const columns = 'id,userName,groups,groups.display,groups.type,meta.version';
    await scimd(database, 'export', table, '--columns', columns);
    const [header, first] = readFileSync(table, 'utf8').split('\r\n');
    assert.equal(header, columns);
    assert.equal(
      first,
      `u-0,user0,"[""g-all"",""g-outer""]","[""All, \\""of them\\"""",""Outer""]","[""direct"",""indirect""]","W/""1"""`,
    );
    const { status, told, out } = await scimd(newFile('.db'), 'import', table);
    assert.deepEqual([status, out], [0, '2 created\n']);
    assert.equal(
      told,
      'scimd: groups, groups.display, groups.type, meta.version: left out, since only the server writes them; memberships come with the members of groups\n',
    );
  });

  test('groups in a line of NDJSON are told as left out, unless groups came too', async () => {
    const line = `${JSON.stringify({ schemas: [userSchema], userName: 'a', groups: [{ value: 'g' }] })}\n`;
    const file = newFile('.ndjson');
    writeFileSync(file, line);
    const alone = await scimd(newFile('.db'), 'import', file);
    assert.equal(alone.told, 'scimd: groups, which 1 had, is left out: only the server writes it\n');
    writeFileSync(file, `${line}${JSON.stringify({ schemas: [groupSchema], displayName: 'G' })}\n`);
    assert.equal((await scimd(newFile('.db'), 'import', file)).told, '');
  });

  test('what a line has beside that no schema knows is told, however deep', async () => {
    const file = newFile('.ndjson');
    writeFileSync(
      file,
      `${JSON.stringify({
        schemas: [userSchema, enterpriseSchema],
        userName: 'a',
        unheard: 1,
        name: { givenName: 'A', shoeSize: 44 },
        emails: [{ value: 'a@example.com', verified: true }],
        [enterpriseSchema]: { floor: 3 },
      })}\n`,
    );
    const { told } = await scimd(newFile('.db'), 'import', file);
    assert.deepEqual(told.trim().split('\n'), [
      'scimd: unheard, which 1 had, is left out: no schema here has it',
      'scimd: name.shoeSize, which 1 had, is left out: no schema here has it',
      'scimd: emails.verified, which 1 had, is left out: no schema here has it',
      `scimd: ${enterpriseSchema}:floor, which 1 had, is left out: no schema here has it`,
    ]);
  });
});

describe('members by name', () => {
  const users = ['bjensen', 'jdoe'].map((userName) => ({
    schemas: [userSchema],
    id: `id-${userName}`,
    userName,
  }));
  const membersOf = async (database: string): Promise<Record<string, string[]>> => {
    const { out } = await scimd(database, 'export', '--type', 'Group');
    return Object.fromEntries(
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
        .map(({ displayName, members = [] }: Json) => [
          displayName,
          members.map(({ value }: Json) => value).sort(),
        ]),
    );
  };
  const importing = async (database: string, rows: string) => {
    const file = newFile('.csv');
    writeFileSync(file, rows);
    const done = await scimd(database, 'import', file, '--type', 'Group');
    return { ...done, told: done.told.replaceAll(/\d+\.csv/g, 'groups.csv') };
  };

  test('become ids: people by userName in any letter case, groups by displayName, in whatever order they come', async () => {
    const database = await databaseWith(users);
    const { status, out, told } = await importing(
      database,
      'displayName,members\nOuter,"[""Inner"",""jdoe""]"\nInner,"[""BJensen"",""id-jdoe""]"\nOne,bjensen\n',
    );
    assert.deepEqual([status, out, told], [0, '3 created\n', '']);
    const found = await membersOf(database);
    assert.deepEqual(found.Inner, ['id-bjensen', 'id-jdoe']);
    assert.deepEqual(found.One, ['id-bjensen']);
    assert.equal(found.Outer?.length, 2);
    assert.ok(found.Outer?.includes('id-jdoe'));
    const again = await importing(database, 'displayName,members\nInner,"[""bjensen"",""jdoe""]"\n');
    assert.equal(again.out, '0 created, 1 the same already\n');
  });

  test('one that is nobody is refused with its line, and no member of that name is made', async () => {
    const database = await databaseWith(users);
    const { status, out, told } = await importing(
      database,
      'displayName,members\nWrong,"[""bjensen"",""nobody""]"\nRight,jdoe\n',
    );
    assert.deepEqual([status, out], [1, '1 created, 1 refused\n']);
    assert.equal(told, 'groups.csv:2: members: nobody here has the id or name "nobody"\n');
    assert.deepEqual(await membersOf(database), { Right: ['id-jdoe'] });
  });

  test('a name that several have is refused with its line', async () => {
    const group = (id: string) => ({ schemas: [groupSchema], id, displayName: 'Same' });
    const database = await databaseWith([...users, group('g1'), group('g2')]);
    const { status, told } = await importing(database, 'displayName,members\nOuter,Same\n');
    assert.equal(status, 1);
    assert.equal(told, 'groups.csv:2: members: "Same" is the name of several here: give the id\n');
  });

  test('in NDJSON value is an id: a name is understood, an unknown id is kept and told', async () => {
    const database = await databaseWith(users);
    const file = newFile('.ndjson');
    writeFileSync(
      file,
      `${JSON.stringify({ schemas: [groupSchema], displayName: 'G', members: [{ value: 'bjensen' }, { value: 'x-1' }] })}\n`,
    );
    const { status, told } = await scimd(database, 'import', file);
    assert.equal(status, 0);
    assert.match(told, /^\d+\.ndjson:1: Group G has the member x-1, whose id nobody here has\n$/);
    assert.deepEqual(await membersOf(database), { G: ['id-bjensen', 'x-1'] });
  });

  test('a row with an id comes from an export: a name is no id there, and is kept and told', async () => {
    const database = await databaseWith(users);
    const { status, told } = await importing(
      database,
      'id,displayName,members\ng,G,"[""bjensen"",""id-jdoe""]"\n',
    );
    assert.equal(status, 0);
    assert.equal(told, 'groups.csv:2: Group G has the member bjensen, whose id nobody here has\n');
  });
});
