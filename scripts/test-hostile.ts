/**
 * npm run test:hostile [-- FILE …]: the attacks of test/hostile in their whole extent, fifty kills under delivery among them, which takes some 20 minutes. All of it
 * stays on this machine. SCIMD_HOSTILE_SEED repeats the requests that were made at random.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { killAgainAndAgain } from '../test/crash/rounds.ts';

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : ['test/hostile/*.test.ts', 'test/events/kill.test.ts'];
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-concurrency=1', '--test-timeout=1800000', ...files],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, SCIMD_HOSTILE: 'long' },
    stdio: 'inherit',
  },
);
if (status !== 0) process.exit(status ?? 1);
if (chosen.length === 0)
  for (const processes of [1, 2]) {
    const { kills, acknowledged } = await killAgainAndAgain(40, { processes });
    console.log(
      `${kills} kills of ${processes} processes: all ${acknowledged} acknowledged changes are there`,
    );
  }
