import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { standardRegistry } from '../../src/scim/standard.ts';
import { csvCell, csvRecords, parseRecord, separatorOf } from '../../src/transfer/csv.ts';
import { ColumnError, columnsOf, resourceOf } from '../../src/transfer/csv-columns.ts';
import { linesOf } from '../../src/transfer/lines.ts';

const [user] = standardRegistry().resourceTypes;
assert.ok(user);

/** The text in pieces of so many bytes. */
async function* chunksOf(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function records(text: string | Buffer, size = 7) {
  const found = [];
  for await (const record of csvRecords(linesOf(chunksOf(text, size)), () => ',')) found.push(record);
  return found;
}

describe('CSV (RFC 4180)', () => {
  test('whatever cells hold comes back as it was, wherever the chunks are cut', async () => {
    const cell = fc.option(
      fc.string({ unit: fc.constantFrom('a', 'ä', '"', ',', ';', '\n', '\r\n', ' ', '😀', '\t') }),
      { nil: undefined },
    );
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 50 }), async (rows, size) => {
        const whole = rows.filter((row) => row.some((each) => each !== undefined));
        const text = whole.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
        const expected = whole.map((row) => row.map((each) => each?.replaceAll('\r\n', '\n')));
        assert.deepEqual(
          (await records(text, size)).map(({ cells, problem }) => problem ?? cells),
          expected,
        );
      }),
    );
  });

  test('a record is on the line where it begins, also behind cells of several lines', async () => {
    const found = await records('\ufeffa,b\n"x\ny",1\n\nz,2');
    assert.deepEqual(
      found.map(({ number, cells }) => [number, ...cells]),
      [
        [1, 'a', 'b'],
        [2, 'x\ny', '1'],
        [5, 'z', '2'],
      ],
    );
  });

  test('an empty cell is no value, a quoted empty one is an empty text', () => {
    assert.deepEqual(parseRecord('a,,"",', ',').cells, ['a', undefined, '', undefined]);
  });

  for (const [text, problem] of [
    ['a,"b', 'a quote that opens here is not closed'],
    ['"a"b,c', 'cell 1 goes on behind its closing quote'],
    ['a,b"c"', 'cell 2 has a quote within'],
  ] as const)
    test(`${text}: ${problem}`, async () => {
      assert.equal((await records(text))[0]?.problem, problem);
    });

  test('bytes that are no UTF-8 are refused by line', async () => {
    const found = await records(Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]));
    assert.deepEqual(
      found.map(({ number, problem }) => [number, problem]),
      [
        [1, undefined],
        [2, 'is not UTF-8'],
        [3, undefined],
      ],
    );
  });

  test('commas, semicolons and tabs separate, whichever the header has outside quotes', () => {
    assert.equal(separatorOf('userName,active'), ',');
    assert.equal(separatorOf('userName;active'), ';');
    assert.equal(separatorOf('"a,b"\tactive'), '\t');
    assert.equal(separatorOf('userName'), ',');
  });
});

describe('columns are attribute paths', () => {
  const read = (header: readonly string[], cells: readonly (string | undefined)[]) =>
    resourceOf(user, columnsOf(user, header), cells);
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

  test('simple, complex, selected by type, of extensions, and JSON', () => {
    const header = [
      'USERNAME',
      'name.givenName',
      'emails[type eq "work"].value',
      'emails[type eq "work"].primary',
      'emails[type eq "home"].value',
      `${enterprise}:manager.value`,
      'roles',
      'active',
      'meta.created',
      'groups',
    ];
    const cells = [
      'bjensen',
      'B',
      'b@example.com',
      'TRUE',
      undefined,
      'm1',
      '[{"value":"x"}]',
      'no',
      'x',
      'y',
    ];
    assert.deepEqual(read(header, cells), {
      schemas: [user.schema.id, enterprise],
      userName: 'bjensen',
      name: { givenName: 'B' },
      emails: [{ type: 'work', value: 'b@example.com', primary: true }],
      [enterprise]: { manager: { value: 'm1' } },
      roles: [{ value: 'x' }],
      // Not of the form: for the check of the attribute to say so.
      active: 'no',
    });
  });

  for (const [header, message] of [
    [['userNam'], 'User has no attribute userNam, did you mean userName?'],
    [['userName', 'USERNAME'], 'the column USERNAME is duplicated'],
    [['userName', ''], 'column 2 has no name'],
    [['emails[type eq "work"'], /^the column emails\[type eq "work" is no attribute path: /],
    [['emails[type sw "work"].value'], /only eq and and can be used/],
    [['emails[type eq "work"].nothing'], /has no attribute emails\[type eq "work"\]\.nothing/],
    [['name[givenName eq "x"].familyName'], /there is nothing to select/],
  ] as const)
    test(`${header.join()} is refused`, () => {
      assert.throws(
        () => columnsOf(user, header),
        (error) =>
          error instanceof ColumnError &&
          (typeof message === 'string' ? error.message === message : message.test(error.message)),
      );
    });
});
