import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesUnder, importsOf, read, sourceFiles } from './sources.ts';

/** From the bottom up: a room imports itself and those before it; those in one place do not import each other. */
const rooms = [
  'grammar',
  'scim',
  'query',
  'store',
  'directory',
  'events',
  'history',
  'http',
  'admin',
  ['doctor', 'transfer'],
  'cli',
];
const floorOf = (room: string): number => rooms.findIndex((each) => each === room || each.includes(room));

/** `src/http/server.ts` is in `http`, `src/error.ts` in `error.ts`, `package.json` in itself. */
function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second : first;
}

const edges = sourceFiles.flatMap((from) => importsOf(from).map((imported) => ({ from, ...imported })));

function violations(allowed: (edge: (typeof edges)[number]) => boolean): string[] {
  return edges.filter((edge) => !allowed(edge)).map(({ from, specifier }) => `${from} imports ${specifier}`);
}

test('imports run one way: grammar ← scim ← query ← store ← directory ← events ← history ← http ← admin ← doctor, transfer ← cli', () => {
  const found = violations(({ from, file }) => {
    if (file === undefined || roomOf(from) === roomOf(file)) return true;
    const [floor, target] = [floorOf(roomOf(from)), floorOf(roomOf(file))];
    return floor < 0 || target < floor;
  });
  assert.deepEqual(found, []);
});

test('the leaves error.ts and nearest.ts import nothing', () => {
  assert.deepEqual(
    violations(({ from }) => from !== 'src/error.ts' && from !== 'src/nearest.ts'),
    [],
  );
});

test('the client of other servers, a leaf that doctor and transfer share, imports nothing but the version', () => {
  assert.deepEqual(
    violations(
      ({ from, file, specifier }) =>
        from !== 'src/scim-client.ts' || file === 'package.json' || specifier.startsWith('node:'),
    ),
    [],
  );
});

test('ops imports no room, only libraries and the leaves', () => {
  const found = violations(
    ({ from, file }) =>
      roomOf(from) !== 'ops' ||
      file === undefined ||
      ['ops', 'error.ts', 'nearest.ts'].includes(roomOf(file)),
  );
  assert.deepEqual(found, []);
});

test('only the rooms from events upwards know ops', () => {
  const below = ['grammar', 'scim', 'query', 'store', 'directory', 'error.ts', 'nearest.ts', 'filter.ts'];
  const found = violations(
    ({ from, file }) => !below.includes(roomOf(from)) || !file || roomOf(file) !== 'ops',
  );
  assert.deepEqual(found, []);
});

test('the grammar imports chevrotain only', () => {
  const found = violations(
    ({ from, file, specifier }) =>
      roomOf(from) !== 'grammar' ||
      specifier === 'chevrotain' ||
      (file !== undefined && roomOf(file) === 'grammar'),
  );
  assert.deepEqual(found, []);
});

test('chevrotain does not leave the grammar', () => {
  const found = violations(({ from, specifier }) => specifier !== 'chevrotain' || roomOf(from) === 'grammar');
  assert.deepEqual(found, []);
});

/** Parts of the store, from the bottom up; the engines are beside each other. */
const storeParts = ['layout', 'sql', 'engine'];

function storePart(path: string | undefined): string | undefined {
  const part = path?.match(/^src\/store\/(\w+)\//)?.[1];
  return part === undefined || part === 'layout' || part === 'sql' ? part : 'engine';
}

test('within the store: layout ← sql ← sqlite, postgres; no engine imports another', () => {
  const found = violations(({ from, file }) => {
    const [part, target] = [storePart(from), storePart(file)];
    if (part === undefined || target === undefined) return true;
    if (part === 'engine' && target === 'engine') return from.split('/')[2] === file?.split('/')[2];
    return storeParts.indexOf(target) <= storeParts.indexOf(part);
  });
  assert.deepEqual(found, []);
});

test('layout knows no SQL, and only the engines know a driver', () => {
  const sql = /\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|JOIN)\b/;
  const withSql = sourceFiles.filter((file) => storePart(file) === 'layout' && sql.test(read(file)));
  assert.deepEqual(withSql, []);
  const found = violations(
    ({ from, specifier }) =>
      (specifier !== 'better-sqlite3' || storePart(from) === 'engine') &&
      (specifier !== 'pg' || from === 'src/store/postgres/driver.ts'),
  );
  assert.deepEqual(found, []);
});

test('only store/open.ts, cli, src/index.ts with its types and the threads that deliver and log know a concrete store', () => {
  const found = violations(({ from, file }) => {
    const engine = storePart(file) === 'engine' ? file?.split('/')[2] : undefined;
    return (
      engine === undefined ||
      roomOf(from) === 'cli' ||
      ['src/index.ts', 'src/scimd.ts', 'src/store/open.ts', 'src/drizzle.ts', 'src/kysely.ts'].includes(
        from,
      ) ||
      from === 'src/delivery-worker.ts' ||
      from === 'src/exchange-worker.ts' ||
      from.startsWith(`src/store/${engine}/`)
    );
  });
  assert.deepEqual(found, []);
});

test('only the directory gives units to a store, and a store to its own thread', () => {
  const writes = /\b[sS]tore(?:\(\))?\s*\??\.\s*commit\s*\(/;
  const allowed = (file: string): boolean =>
    roomOf(file) === 'directory' || file === 'src/store/sqlite/write-worker.ts';
  const callers = sourceFiles.filter((file) => !allowed(file) && writes.test(read(file)));
  assert.deepEqual(callers, []);
});

test('the entries stand on the rooms, not the rooms on them', () => {
  const found = violations(
    ({ file }) =>
      ![
        ...['src/main.ts', 'src/index.ts', 'src/filter.ts', 'src/consumer.ts'],
        ...['src/delivery-worker.ts', 'src/exchange-worker.ts'],
      ].includes(file ?? ''),
  );
  assert.deepEqual(found, []);
});

test('every relative import says its .ts or .json', () => {
  assert.deepEqual(
    violations(({ file }) => file === undefined || /\.(ts|json)$/.test(file)),
    [],
  );
});

test('no file imports itself by a detour, those of scripts and tests either', () => {
  const files = [...sourceFiles, ...filesUnder('scripts', '.ts'), ...filesUnder('test', '.ts')];
  const targets = new Map(files.map((from) => [from, importsOf(from).flatMap(({ file }) => file ?? [])]));
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) assert.fail(`cycle: ${[...path.slice(start), file].join(' → ')}`);
    if (done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
});
