/** Where results go: a disk that is full, a reader that has had enough, a signal in between. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { running, scimd, temporaryFolder } from './scimd.ts';

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

/** Settles when something whose name begins so is made in the folder, however soon it is gone again. */
function made(inFolder: string, prefix: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(inFolder, (_, name) => {
      if (!name?.startsWith(prefix)) return;
      watcher.close();
      resolve();
    }).on('error', reject);
  });
}

describe('a backup to standard output that nobody reads', { skip: process.platform === 'win32' }, () => {
  const unread = {
    folder,
    environment,
    under: ['sh', '-c', '[ -p pipe ] || mkfifo pipe; exec 3<>pipe; exec "$0" "$@" >pipe'],
  };

  const ended = async ({ signal, end }: ReturnType<typeof running>): Promise<void> => {
    signal('SIGTERM');
    const { status } = await end;
    // Null is the end by the signal itself.
    assert(status === 143 || status === null, `status ${status}`);
    assert.deepEqual(copies(), []);
  };

  test('leaves no copy behind when it is ended while it copies', async () => {
    const copied = made(temporary, 'scimd-backup-');
    const backup = running(['backup', '-'], unread);
    await copied;
    await ended(backup);
  });

  for (let time = 1; time <= 5; time++)
    test(`has no copy under any name, and a signal in that moment is not lost (${time} of 5)`, async () => {
      const copied = made(temporary, 'scimd-backup-');
      const backup = running(['backup', '-'], unread);
      await copied;
      await until('the end of its name', () => copies().length === 0, 0);
      await ended(backup);
    });
});

test('a backup that is ended while it copies leaves nothing half behind', async () => {
  const backUp = async (name: string): Promise<number | null> => {
    const copied = made(folder, name);
    const { signal, end } = running(['backup', name], { folder });
    await copied;
    signal('SIGINT');
    const { status } = await end;
    // Whole if the signal came while it was verified, but never in part.
    assert.deepEqual(
      readdirSync(folder).filter((each) => each.startsWith(`${name}.`)),
      [],
    );
    return status;
  };
  // The signal may come when all is done: then it is for the next one.
  let status: number | null = 0;
  for (let time = 1; status === 0 && time <= 5; time++) status = await backUp(`ended-${time}.backup`);
  assert.equal(status, 130);
});
