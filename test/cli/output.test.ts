/** Where results go: a disk that is full, a reader that has had enough, a signal in between. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { newUser } from '../server.ts';
import { type Result, running, scimd, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
const temporary = join(folder, 'temporary');
const environment = { TMPDIR: temporary };
const copies = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('scimd-backup-'));

before(async () => {
  mkdirSync(temporary);
  const people = Array.from({ length: 2000 }, () => JSON.stringify(newUser({ title: 'x'.repeat(8000) })));
  writeFileSync(join(folder, 'people.ndjson'), people.join('\n'));
  const { status, stderr } = await scimd(['import', 'people.ndjson'], { folder });
  assert.equal(status, 0, stderr);
});

const everyKind: readonly string[][] = [
  ['--help'],
  ['version'],
  ['licenses'],
  ['config', 'print'],
  ['user', 'list'],
  ['user', 'list', '--json'],
  ['export'],
  ['export', '--format', 'csv'],
  ['backup', '-'],
];

describe('a result that cannot be written', {
  skip: !existsSync('/dev/full') && 'there is no /dev/full',
}, () => {
  for (const args of everyKind)
    test(`${args.join(' ')} > a full disk: said, and status 1`, async () => {
      const { status, stderr } = await scimd(args, {
        folder,
        environment,
        under: ['sh', '-c', 'exec "$0" "$@" >/dev/full'],
      });
      assert.equal(status, 1);
      assert.match(stderr, /standard output cannot be written: ENOSPC: no space left on device/);
      assert.doesNotMatch(stderr, /^ +at /m, 'no stack');
      assert.deepEqual(copies(), []);
    });
});

describe('a reader that has had enough', { skip: process.platform === 'win32' }, () => {
  for (const args of everyKind.slice(2))
    test(`${args.join(' ')} | true: ends in silence, with the status of an end by SIGPIPE`, async () => {
      const { stdout, stderr } = await scimd(args, {
        folder,
        environment,
        under: ['sh', '-c', '{ "$0" "$@"; echo $? >status; } | true'],
      });
      assert.deepEqual([stdout, stderr], ['', '']);
      assert.equal(readFileSync(join(folder, 'status'), 'utf8'), '141\n');
      assert.deepEqual(copies(), []);
    });
});

describe('a backup to standard output', { skip: process.platform === 'win32' }, () => {
  const ended = async (end: Promise<Result>): Promise<void> => {
    const { status } = await end;
    // Null is the end by the signal itself.
    assert(status === 143 || status === null, `status ${status}`);
    assert.deepEqual(copies(), []);
  };

  test('leaves no copy behind when it is ended while it copies', async () => {
    const { signal, end } = running(['backup', '-'], { folder, environment });
    while (copies().length === 0) await wait(1);
    signal('SIGTERM');
    await ended(end);
  });

  test('has no copy under any name while it is read', async () => {
    const { signal, end } = running(['backup', '-'], {
      folder,
      environment,
      under: ['sh', '-c', 'mkfifo pipe; exec 3<>pipe; exec "$0" "$@" >pipe'],
    });
    while (copies().length === 0) await wait(1);
    while (copies().length > 0) await wait(1);
    signal('SIGTERM');
    await ended(end);
  });
});

test('a backup that is ended while it copies leaves nothing half behind', async () => {
  const { signal, end } = running(['backup', 'ended.backup'], { folder });
  while (!readdirSync(folder).some((name) => name.startsWith('ended.backup'))) await wait(1);
  signal('SIGINT');
  assert.equal((await end).status, 130);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('ended.backup.')),
    [],
  );
});
