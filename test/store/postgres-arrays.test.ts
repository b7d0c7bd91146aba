import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseAddress } from '../../src/store/postgres/address.ts';
import { Connection } from '../../src/store/postgres/driver.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';

let server: PostgresServer;
let connection: Connection;
before(async () => {
  server = await startPostgres();
  connection = await Connection.open(parseAddress(server.url));
});
after(async () => {
  await connection.close();
  await server.close();
});

const texts = [
  ...['', ' ', 'NULL', 'null', '{}', '{a,b}', 'a,b', '"', '\\', '\\"', '\\\\x00', "it's", '$1 $&', '?'],
  ...[
    'line\nline\r\n\ttab',
    ' blanks ',
    'Žluťoučký 👩‍🚀',
    '{"userName":"a\\"b","note":"c:\\\\d"}',
    'x'.repeat(100_000),
    ...['"line"\nline\ttab \u0001', '{"name":"👩‍🚀"}', '"\u007f\u2028"', '\\n \\u0041'],
  ],
];

test('texts of an array come to the database as they are, and null as NULL', async () => {
  const sent = [...texts, null];
  const { rows } = await connection.run(
    'SELECT u.value FROM unnest(?::text[]) WITH ORDINALITY AS u (value, n) ORDER BY n',
    [sent],
  );
  assert.deepEqual(
    rows.map(([value]) => value),
    sent,
  );
});

test('a character that PostgreSQL cannot hold is replaced in texts, and in those of arrays', async () => {
  const { rows } = await connection.run('SELECT ?::text, u.value FROM unnest(?::text[]) AS u (value)', [
    'a\0b',
    ['\0', 'c\0"d"\0'],
  ]);
  assert.deepEqual(rows, [
    ['a\ufffdb', '\ufffd'],
    ['a\ufffdb', 'c\ufffd"d"\ufffd'],
  ]);
});

test('numbers and bytes of an array come to the database as they are', async () => {
  const numbers = [0, -1, 1.5, 2 ** 53 - 1, 1e21, 5e-324, -1.7976931348623157e308];
  const bytes = [Buffer.from([0, 1, 92, 34, 255]), new Uint8Array([7, 8, 9]).subarray(1), Buffer.alloc(0)];
  const { rows } = await connection.run(
    'SELECT u.n FROM unnest(?::float8[]) WITH ORDINALITY AS u (n, place) ORDER BY place',
    [numbers],
  );
  assert.deepEqual(
    rows.map(([n]) => n),
    numbers,
  );
  const read = await connection.run(
    'SELECT u.b FROM unnest(?::bytea[]) WITH ORDINALITY AS u (b, place) ORDER BY place',
    [[...bytes, null]],
  );
  assert.deepEqual(
    read.rows.map(([b]) => b),
    [...bytes.map((each) => Buffer.from(each)), null],
  );
});

test('an array of nothing is one', async () => {
  const { rows } = await connection.run('SELECT cardinality(?::text[])', [[]]);
  assert.deepEqual(rows, [[0]]);
});
