/** What operators get wrong, and what their disks do: said in words, of the file that it is about, never with a stack. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { userSchema } from '../server.ts';
import { type Result, scimd, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
const run = (...args: string[]): Promise<Result> => scimd(args, { folder });

function assertSaid({ status, stderr }: Result, message: RegExp, exit = 1): void {
  assert.equal(status, exit, stderr);
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /unexpected error|^ +at |node:/m);
}

before(async () => {
  mkdirSync(join(folder, 'folder'));
  writeFileSync(
    join(folder, 'people.ndjson'),
    `${JSON.stringify({ schemas: [userSchema], userName: 'bjensen' })}\n`,
  );
  assert.equal((await run('import', 'people.ndjson')).status, 0);
  assert.equal((await run('backup', 'whole.backup')).status, 0);
  writeFileSync(join(folder, 'cut.db'), readFileSync(join(folder, 'whole.backup')).subarray(0, 8000));
  writeFileSync(join(folder, 'table.csv'), 'userName,title\n'.repeat(100));
});

describe('a path that leads nowhere is named, with what it was to be', () => {
  const cases: [args: string[], message: RegExp, exit?: number][] = [
    [['backup', 'none/x'], /^scimd: the backup none\/x cannot be written: its folder does not exist/],
    [['backup', ''], /^scimd: scimd backup: FILE is empty\nSee: scimd backup --help/, 2],
    [['restore', ''], /^scimd: scimd restore: FILE is empty/, 2],
    [
      ['restore', 'whole.backup', '--database', 'none/x.db'],
      /^scimd: the database none\/x\.db cannot be opened: its folder does not exist/,
    ],
    [['restore', 'folder'], /^scimd: the backup folder cannot be opened: it is a folder/],
    [
      ['user', 'list', '--database', 'folder'],
      /^scimd: the database folder cannot be opened: it is a folder/,
    ],
    [['import', 'folder'], /^scimd: folder is a folder\nGive a file/],
    [
      ['import', '--from', 'http://127.0.0.1:9', '--token-file', 'none'],
      /^scimd: --token-file none cannot be read: no such file or folder \(ENOENT\)\n/,
    ],
    [
      ['config', 'check', '--config', 'folder'],
      /\n {2}folder: cannot be read: it is a folder, not a file \(EISDIR\)\n/,
      2,
    ],
    [
      ['config', 'check', '--bootstrap-token-file', 'none'],
      /flag --bootstrap-token-file: cannot read none: no such file or folder \(ENOENT\)\n/,
      2,
    ],
  ];
  for (const [args, message, exit] of cases)
    test(args.join(' '), async () => assertSaid(await run(...args), message, exit));
});

describe('contents that cannot be used are those of the file that is read', () => {
  const cases: [args: string[], message: RegExp][] = [
    [['restore', 'cut.db'], /^scimd: the backup cut\.db is damaged.*\nRestore another backup\.\n$/],
    [
      ['restore', 'table.csv'],
      /^scimd: the backup table\.csv is not an SQLite database.*\nGive a file that scimd backup wrote\.\n$/,
    ],
    [['backup', 'x', '--database', 'cut.db'], /^scimd: the database cut\.db is damaged.*\nStop the server/],
    [['backup', 'x', '--database', 'table.csv'], /^scimd: the database table\.csv is not an SQLite database/],
    [
      ['restore', 'whole.backup', '--database', 'table.csv'],
      /^scimd: the database table\.csv is not an SQLite database.*\nStop the server if it runs, and give the file/,
    ],
  ];
  for (const [args, message] of cases)
    test(args.join(' '), async () => {
      const files = readdirSync(folder).sort();
      assertSaid(await run(...args), message);
      assert.deepEqual(readdirSync(folder).sort(), files);
    });
});

test('the backup of a database that another process has locked says so', async () => {
  const other = new Sqlite(join(folder, 'locked.db'));
  other.exec('CREATE TABLE t (a); BEGIN EXCLUSIVE');
  const result = await run('backup', 'x', '--database', 'locked.db');
  other.close();
  assertSaid(result, /^scimd: the database locked\.db is locked by another process \(SQLITE_BUSY\)\nRetry\./);
});

// A file system of the test's own, which takes a namespace, which some systems do not give.
if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0) {
  /** On a disk of its own with so little space, after a command of the shell's. */
  const onDisk = (size: string, prepare: string, ...args: string[]): Promise<Result> =>
    scimd(args, {
      folder,
      under: [
        'unshare',
        '-rm',
        'sh',
        '-c',
        `mount -t tmpfs -o size=${size} none folder; ${prepare}; "$0" "$@"`,
      ],
    });

  describe('a full disk is that of the file that is written', () => {
    test('a backup', async () => {
      const result = await onDisk('64k', ':', 'backup', 'folder/x');
      assertSaid(
        result,
        /^scimd: the backup folder\/x has no space left .*\nFree space on its volume, or give/,
      );
    });

    test('the database that a backup is restored to', async () => {
      const result = await onDisk('64k', ':', 'restore', 'whole.backup', '--database', 'folder/x');
      assertSaid(result, /^scimd: the database folder\/x has no space left/);
    });

    test('the database that a backup is restored over: it stays as it was', async () => {
      const prepare = 'cp whole.backup folder/x; cat /dev/zero >folder/ballast 2>/dev/null';
      const result = await onDisk('2m', prepare, 'restore', 'whole.backup', '--database', 'folder/x');
      assertSaid(result, /^scimd: the database folder\/x has no space left .*\nFree space/);
    });

    test('an import: what was taken until then is counted, and where to go on is said', async () => {
      const many = Array.from({ length: 4000 }, (_, index) =>
        JSON.stringify({ schemas: [userSchema], userName: `user-${index}`, title: 'x'.repeat(1000) }),
      );
      writeFileSync(join(folder, 'many.ndjson'), many.join('\n'));
      const input = 'folder/many.ndjson';
      for (const [size, prepare, file] of [
        ['4m', ':', 'many.ndjson'],
        ['9m', `cp many.ndjson ${input}`, input],
      ] as const) {
        const full = await onDisk(size, prepare, 'import', file, '--database', 'folder/x.db');
        assertSaid(full, /^scimd: \S.* no space .*\nFree space /);
        assert.match(full.stdout, /^[1-9]\d+ created\n$/);
      }
      const dry = await scimd(['import', 'many.ndjson', '--dry-run'], {
        folder,
        // From the sources, tsx would fill the same disk with what it keeps.
        environment: { TMPDIR: join(folder, 'folder'), TSX_DISABLE_CACHE: '1' },
        under: ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=4m none folder; "$0" "$@"'],
      });
      assertSaid(dry, /folder has no space left for the copy that a dry run works on\n.*TMPDIR\.\n$/);
    });

    test('a configuration, of which nothing is left', async () => {
      const init = 'head -c 64k /dev/zero > folder/ballast; cd folder';
      const result = await onDisk('64k', `${init}; trap ls EXIT`, 'init');
      assertSaid(
        result,
        /^scimd: scim\.config\.json and .* cannot be written in \S+: no space is left on its volume/,
      );
      assert.equal(result.stdout, 'ballast\n');
    });
  });

  describe('a disk that is mounted read-only', () => {
    const readOnly = 'mount -o remount,ro folder';

    test('is said of a backup and of a configuration', async () => {
      assertSaid(
        await onDisk('1m', readOnly, 'backup', 'folder/x'),
        /^scimd: the backup folder\/x cannot be written/,
      );
      assertSaid(
        await onDisk('1m', `${readOnly}; cd folder`, 'init'),
        /its volume is mounted read-only \(EROFS\)/,
      );
    });

    test('is no matter for what is imported from it', async () => {
      const prepare = `cp people.ndjson folder; ${readOnly}`;
      const { status, stdout } = await onDisk('1m', prepare, 'import', 'folder/people.ndjson');
      assert.deepEqual([status, stdout], [0, '0 created, 1 the same already\n']);
    });

    test('shows nothing of a database, but says how to look at it', async () => {
      for (const args of [['user', 'list'], ['export'], ['token', 'list']])
        assertSaid(
          await onDisk('1m', `cp scimd.db folder; ${readOnly}`, ...args, '--database', 'folder/scimd.db'),
          /^scimd: the database folder\/scimd\.db cannot be opened: its folder cannot be written to .*\n.*copy it/,
        );
    });
  });
}

test('a configuration that cannot be written leaves the one that is there as it is', async () => {
  const place = temporaryFolder();
  writeFileSync(join(place, 'scim.config.json'), '{}');
  mkdirSync(join(place, 'scim.config.schema.json.new'));
  const result = await scimd(['init', '--force'], { folder: place });
  assertSaid(result, /cannot be written in .*: it is a folder, not a file \(EISDIR\)/);
  assert.equal(readFileSync(join(place, 'scim.config.json'), 'utf8'), '{}');
  assert.equal(existsSync(join(place, 'scim.config.json.new')), false);
});
