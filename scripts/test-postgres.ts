/** npm run test:postgres: the tests of the RFCs and of the providers' clients, over one PostgreSQL server. */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/postgres-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
const files =
  given.length > 0 ? given : globSync(['test/rfc/*.test.ts', 'test/clients/*.test.ts'], { cwd: root }).sort();

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
