/**
 * npm run test:postgres: the tests of the RFCs, of the providers' clients, of the guard, and those of HTTP, administration,
 * history and events that are about a server of their own, over one PostgreSQL server.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/postgres-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
/** The others are of SQLite, of programs, or of no store at all. */
const isOverTestStore = (file: string): boolean =>
  /\b(?:startScimd|startAdmin|openTestStore|databaseFor)\(/.test(readFileSync(join(root, file), 'utf8'));
const files =
  given.length > 0
    ? given
    : [
        ...globSync(['test/rfc/*.test.ts', 'test/clients/*.test.ts', 'test/directory/guard.test.ts'], {
          cwd: root,
        }),
        ...globSync('test/{http,admin,history,events}/*.test.ts', { cwd: root }).filter(isOverTestStore),
      ].sort();

const server = await startPostgres();
try {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--test', '--test-timeout=600000', '--test-concurrency=2', ...files],
    { cwd: root, stdio: 'inherit', env: { ...process.env, SCIMD_TEST_POSTGRES: server.url } },
  );
  process.exitCode = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
} finally {
  await server.close();
}
