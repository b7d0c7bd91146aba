/** scimd history, access, diff, leavers, orphans, seats and verify, as an auditor calls them. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type Result, scimd, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
const place = { folder };
const run = (...args: string[]): Promise<Result> => scimd(args, place);
// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Json = any;
const json = async (...args: string[]): Promise<Json> => {
  const { status, stdout, stderr } = await run(...args, '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
};

let jane = '';
before(async () => {
  await json('token', 'create', '--name', 'okta');
  jane = (await json('user', 'create', 'jane@example.com', 'title=Engineer')).id;
  await json('user', 'create', '=cmd@example.com');
  await json('group', 'create', 'Staff');
  await json('group', 'add', 'Staff', 'jane@example.com');
  await json('user', 'set', jane, 'title=Staff engineer');
  await json('user', 'delete', jane);
});

test('history is found by name, also of somebody who was deleted, and by id', async () => {
  for (const name of ['jane@example.com', jane]) {
    const { evidence, rows } = await json('history', name);
    assert.deepEqual(
      rows.map(({ what }: Json) => what),
      ['created', 'joined Staff', 'title: "Engineer" → "Staff engineer"', 'left Staff', 'deleted'],
    );
    assert.ok(rows.every(({ by }: Json) => by === `cli ${userInfo().username}`));
    assert.equal(evidence.rows, 5);
  }
  const group = await json('history', 'Staff', '--type', 'Group');
  assert.equal(group.rows.length, 3);
  const nobody = await run('history', 'nobody');
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /no user nobody, and no deleted one/);
});

test('access is a table, CSV or JSON, by flag or by the name of the file, and says what it is', async () => {
  const table = await run('access', '--at', '4');
  assert.equal(table.status, 0, table.stderr);
  assert.match(
    table.stdout,
    /^# scimd evidence 1\n# query: scimd access --at 4\n# tenant: default\n# as of: change 4, /,
  );
  assert.match(table.stdout, /\njane@example.com +active +Staff +direct +/);
  const csv = await run('access', '--at', '4', '--output', 'access.csv');
  assert.equal(csv.status, 0, csv.stderr);
  assert.equal(csv.stdout, '');
  assert.match(csv.stderr, /access.csv: 2 rows, as of change 4/);
  const text = readFileSync(join(folder, 'access.csv'), 'utf8');
  assert.match(text, /\n# author: .+ on .+\n/);
  assert.match(text, /\n'=cmd@example.com,,active,,/, 'no spreadsheet takes it for a formula');
  assert.equal(statSync(join(folder, 'access.csv')).mode & 0o077, 0, 'its owner’s alone');
  assert.equal((await json('access', '--at', 'now')).rows.length, (await json('access')).rows.length);
  const { evidence, rows } = await json('access', '--group', 'Staff');
  assert.deepEqual([evidence.query, evidence.rows, rows], ['scimd access --group Staff', 0, []]);
  assert.match(
    (await run('verify', 'access.csv')).stdout,
    /access.csv: whole and unchanged, 2 rows\n.*not signed/s,
  );
});

test('a report replaces no file that is there', async () => {
  writeFileSync(join(folder, 'kept.csv'), 'of last year');
  for (const command of ['access', 'seats', 'leavers']) {
    const { status, stderr } = await run(command, '--output', 'kept.csv');
    assert.deepEqual([status, stderr.split('\n')[0]], [1, 'scimd: kept.csv exists already']);
  }
  assert.equal(readFileSync(join(folder, 'kept.csv'), 'utf8'), 'of last year');
});

test('diff, leavers and seats', async () => {
  const { rows } = await json('diff', '--from', '4');
  assert.deepEqual(
    rows.map(({ change, userName, what }: Json) => [change, userName, what]),
    [
      ['left', 'jane@example.com', 'account'],
      ['lost', 'jane@example.com', 'group'],
    ],
  );
  const leavers = await json('leavers', '--since', '1d', '--sla', '24h');
  assert.deepEqual(
    leavers.rows.map(({ userName, event, sla }: Json) => [userName, event, sla]),
    [['jane@example.com', 'deleted', 'waiting']],
  );
  const seats = await json('seats');
  assert.deepEqual(
    seats.rows.map(({ kind, name, used }: Json) => [kind, name, used]),
    [
      ['people', 'all', 1],
      ['group', 'Staff', 0],
    ],
  );
});

test('orphans reads a CSV of accounts by the heads of its columns', async () => {
  writeFileSync(
    join(folder, 'accounts.csv'),
    '\ufeffLogin;Name\njane@example.com;Jane\n=CMD@example.com;Cmd\nstranger;"Some;body"\n',
  );
  const { rows } = await json('orphans', '--against', 'accounts.csv');
  assert.deepEqual(
    rows.map(({ reason, account, line }: Json) => [reason, account, line]),
    [
      ['deleted', 'jane@example.com', 2],
      ['unknown', 'stranger', 4],
    ],
  );
  writeFileSync(join(folder, 'odd.csv'), 'colour,size\nred,1\n');
  const odd = await run('orphans', '--against', 'odd.csv');
  assert.equal(odd.status, 1);
  assert.match(odd.stderr, /odd.csv has no column to compare by\nCall one id, externalId, userName or email/);
  const missing = await run('orphans', '--against', 'nowhere.csv');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /nowhere.csv/);
});

test('a signed file is verified against its key, and not against another or after a change', async () => {
  const [mine, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const write = (name: string, text: string | Buffer): void => writeFileSync(join(folder, name), text);
  write('key.pem', mine.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  write('key.pub', mine.publicKey.export({ type: 'spki', format: 'pem' }));
  write('other.pub', other.publicKey.export({ type: 'spki', format: 'pem' }));
  const signed = await run('seats', '--output', 'seats.json', '--sign-key', 'key.pem');
  assert.equal(signed.status, 0, signed.stderr);
  const good = await run('verify', 'seats.json', '--public-key', 'key.pub');
  assert.equal(good.status, 0, good.stderr);
  assert.match(
    good.stdout,
    /whole and unchanged, 2 rows\nscimd seats, made .* by .*\nsigned by the key \S+=\n/,
  );
  const bad = await run('verify', 'seats.json', '--public-key', 'other.pub');
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /seats.json is signed by another key than the one given/);
  write('seats.json', readFileSync(join(folder, 'seats.json'), 'utf8').replace('"used":1', '"used":2'));
  const changed = await run('verify', 'seats.json');
  assert.equal(changed.status, 1);
  assert.match(changed.stderr, /seats.json was changed after it was made/);
  const wrong = await run('seats', '--sign-key', 'key.pub');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /key.pub is not an ed25519 private key/);
  assert.ok(!existsSync(join(folder, 'seats.json.partial')));
});

test('verify checks the chain, prints its head, and knows it again', async () => {
  const [{ head, problems }] = await json('verify');
  assert.deepEqual(problems, []);
  const noted = `${head.sequence}:${head.link}`;
  const plain = await run('verify');
  assert.equal(plain.stdout, `default: ${head.sequence} changes verified\n  head ${noted}\n`);
  await json('user', 'create', 'later@example.com');
  assert.equal((await run('verify', '--head', noted)).status, 0);
  const db = new Sqlite(join(folder, 'scimd.db'));
  db.exec("UPDATE change SET edits = replace(edits, 'Engineer', 'Director') WHERE edits IS NOT NULL");
  db.close();
  const tampered = await run('verify');
  assert.equal(tampered.status, 1);
  assert.match(tampered.stdout, /NOT as recorded\n {2}change 5 is not what was recorded/);
});

test('wrong moments, spans and heads are wrong usage', async () => {
  for (const [said, ...args] of [
    [/--at must be a date such as/, 'access', '--at', 'yesterday'],
    [/--at must be a date such as/, 'access', '--at', '2026-02-31'],
    [/needs --from/, 'diff'],
    [/--sla must be a span/, 'leavers', '--sla', 'soon'],
    [/needs --against/, 'orphans'],
    [/--head must be as scimd verify printed it/, 'verify', '--head', '12'],
    [/--json and --format say two things/, 'seats', '--json', '--format', 'csv'],
    [/--type must be one of User, Group/, 'history', 'x', '--type', 'Robot'],
  ] as const) {
    const result = await run(...args);
    assert.equal(result.status, 2, args.join(' '));
    assert.match(result.stderr, said);
  }
  const future = await run('access', '--at', '2999-01-01');
  assert.equal(future.status, 1);
  assert.match(future.stderr, /is in the future/);
});
