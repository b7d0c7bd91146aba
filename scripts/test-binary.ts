/**
 * npm run test:binary: the scenarios of the test suite against the binary for this system, and the tests of what is in
 * dist. Both must have been made: npm run build, npm run binary.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { here } from './binary/target.ts';

const program = fileURLToPath(new URL(`../${here.output}`, import.meta.url));
if (!existsSync(program)) {
  console.error(`${here.output} is missing: npm run binary -- ${here.name}`);
  process.exit(1);
}
const scenarios = ['clients', 'rfc', 'http', 'cli', 'dist'].map((folder) => `test/${folder}/**/*.test.ts`);
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-timeout=600000', ...scenarios],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, SCIMD_COMMAND: program },
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
