import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { addonFor } from '../../scripts/binary/sqlite.ts';
import { type Target, usual } from '../../scripts/binary/target.ts';
import { binary, built, call, place, serve } from './programs.ts';

/** Fields of the executable's header that say for which processor it is. */
function processorOf(file: Buffer): string {
  if (file.readUInt32BE(0) === 0x7f454c46)
    return { 62: 'ELF x64', 183: 'ELF arm64' }[file.readUInt16LE(18)] ?? '';
  assert.equal(file.toString('latin1', 0, 2), 'MZ');
  const header = file.readUInt32LE(0x3c);
  assert.equal(file.toString('latin1', header, header + 4), 'PE\0\0');
  return { 34404: 'PE x64', 43620: 'PE arm64' }[file.readUInt16LE(header + 4)] ?? '';
}

/** The type of a table of symbols in an ELF executable. */
const symbols = 2;

function sectionTypesOf(elf: Buffer): number[] {
  const [at, size] = [Number(elf.readBigUInt64LE(0x28)), elf.readUInt16LE(0x3a)];
  return Array.from({ length: elf.readUInt16LE(0x3c) }, (_, index) =>
    elf.readUInt32LE(at + index * size + 4),
  );
}

for (const target of usual)
  describe(`the binary for ${target.name}`, () => {
    const file = readFileSync(built(target.output));

    test('is an executable for that system and processor', () => {
      assert.equal(processorOf(file), `${target.os === 'win' ? 'PE' : 'ELF'} ${target.arch}`);
    });

    test('starts the program inside, not Node.js', () => {
      // In two parts, as Node.js wants it: the whole must be in an executable once.
      assert(file.includes(`NODE_SEA_FUSE${'_fce680ab2cc467b6e072b8b5df1996b2'}:1`));
      assert(file.includes(Buffer.from('NODE_SEA_BLOB', target.os === 'win' ? 'utf16le' : 'latin1')));
      assert(file.includes('scimd token create'));
    });

    test('is no larger than 113 MB, and has no symbols', () => {
      assert(file.length <= 113 * 2 ** 20, `${file.length}`);
      if (target.os === 'linux') assert(!sectionTypesOf(file).includes(symbols));
    });

    test('contains the migrations, and the SQLite addon of that system only', () => {
      assert(file.includes('CREATE TABLE'));
      for (const each of usual)
        assert.equal(file.includes(readFileSync(addonFor(each))), each === target, each.name);
    });
  });

test('SHA256SUMS has each binary and the bill of materials', () => {
  const lines = readFileSync(built('dist/SHA256SUMS'), 'utf8').trimEnd().split('\n');
  const files = lines.map((line) => {
    const [sum, name] = line.split('  ');
    const content = readFileSync(built(`dist/${name}`));
    assert.equal(createHash('sha256').update(content).digest('hex'), sum, name);
    return `dist/${name}`;
  });
  assert.deepEqual(files, [...usual.map(({ output }) => output), 'dist/sbom.cdx.json']);
});

test('the bill of materials names all that the binary says to contain', () => {
  const bill = JSON.parse(readFileSync(built('dist/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string;
    components: { name: string; version: string }[];
  };
  assert.equal(bill.bomFormat, 'CycloneDX');
  const { stdout } = call(binary, ['licenses', '--json'], place());
  const inside = JSON.parse(stdout) as { name: string; version: string }[];
  const listed = bill.components.map(({ name, version }) => `${name} ${version}`);
  for (const { name, version } of inside) assert(listed.includes(`${name} ${version}`), name);
  for (const name of ['Node.js', 'SQLite', 'better-sqlite3'])
    assert(
      inside.some((each) => each.name === name),
      name,
    );
});

test('with flags that its code was not compiled for it starts all the same', () => {
  const flags = { NODE_OPTIONS: '--max-old-space-size=200 --stack-trace-limit=5' };
  const { status, stdout } = spawnSync(binary[0] ?? '', ['version'], {
    env: { ...process.env, ...flags },
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /^scimd \d/);
});

test('two servers of the binary share a temporary folder', async () => {
  const first = place();
  const second = { ...place(), temporary: first.temporary };
  const servers = await Promise.all([serve(binary, first), serve(binary, second)]);
  for (const server of servers) {
    const { status } = await fetch(`${server.url}/Users`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
    assert.equal(status, 200);
  }
  assert.deepEqual(await Promise.all(servers.map((server) => server.stop())), [0, 0]);
});

if (process.platform === 'linux')
  test('a server whose file was removed has all that was in it', async () => {
    const where = place();
    const copy = join(where.folder, 'scimd');
    copyFileSync(binary[0] ?? '', copy);
    const server = await serve([copy], where);
    rmSync(copy);
    const { status } = await fetch(`${server.url.replace(/\/scim\/v2$/, '')}/docs/filters`);
    assert.equal(status, 200);
    assert.equal(await server.stop(), 0);
  });

test('a temporary folder that does not exist is no obstacle where there is another', () => {
  const where = place();
  const { status, stderr } = call(binary, ['tenant', 'create', 'a', '--database', 'scimd.db'], {
    ...where,
    temporary: join(where.temporary, 'missing'),
  });
  assert.equal(status, existsSync('/dev/shm') ? 0 : 1, stderr);
});

// A folder of the test's own gets mounted, which takes a namespace, which some systems do not give.
if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/dev/shm']).status === 0)
  for (const [flag, reason] of [
    ['noexec', /failed to map segment from shared object/],
    ['ro', /EROFS: read-only file system/],
  ] as const)
    test(`with every temporary folder mounted ${flag} it says so, and what to do`, () => {
      const script = `mount -t tmpfs -o ${flag} none /dev/shm && exec "$0" "$@"`;
      const { status, stderr } = call(
        ['unshare', '-rm', 'sh', '-c', script, ...binary],
        ['tenant', 'create', 'a', '--database', 'scimd.db'],
        { ...place(), temporary: '/dev/shm' },
      );
      assert.equal(status, 1);
      assert.match(stderr, reason);
      assert.match(stderr, /Set TMPDIR to a folder that is writable and not mounted noexec\./);
    });

const libraries = '/usr/aarch64-linux-gnu';
const emulated = usual.find(({ name }) => name === 'linux-arm64') as Target;

if (
  spawnSync('qemu-aarch64', ['--version']).status === 0 &&
  existsSync(join(libraries, 'lib', 'libstdc++.so.6'))
)
  test('the binary for linux-arm64 makes a database and a token in an emulator', () => {
    const { status, stdout, stderr } = call(
      ['qemu-aarch64', '-L', libraries, built(emulated.output)],
      ['token', 'create', '--name', 'first', '--json', '--database', 'scimd.db'],
      place(),
    );
    assert.equal(status, 0, stderr);
    assert.match((JSON.parse(stdout) as { token: string }).token, /^scimd_/);
  });
else console.log('not started: the binary for linux-arm64, for lack of qemu-aarch64 and its libraries');
