/** The log of a process whose standard error takes nothing for a while, or for ever. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

const log = JSON.stringify(new URL('../../src/ops/log.ts', import.meta.url).href);

/** A program that logs `lines` lines at once, says so, and lives for `milliseconds`. */
function logging(lines: number, milliseconds: number) {
  const program = `
    import { createLog } from ${log};
    process.stderr.on('error', () => {});
    const log = createLog({ logLevel: 'info', logFormat: 'json', logPersonalData: false }, { isTTY: false, color: false });
    const text = 'x '.repeat(500);
    for (let n = 0; n < ${lines}; n++) log.info({ n, text }, 'line');
    setTimeout(() => log.info({}, 'the end'), ${milliseconds} - 100);
    setTimeout(() => process.exit(0), ${milliseconds});
    process.stdout.write('logged');`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

interface Line {
  readonly msg: string;
  readonly n?: number;
  readonly lines?: number;
}

test('a reader that comes late gets what waited for it, and how many lines did not', async () => {
  const child = logging(20_000, 3000);
  const end = once(child, 'exit');
  await once(child.stdout, 'data');
  await wait(300);
  let text = '';
  for await (const part of child.stderr.setEncoding('utf8')) text += part;
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const notices = lines.filter(({ lines: lost }) => lost !== undefined);
  assert.equal(notices.length, 1);
  const numbers = lines.flatMap(({ n }) => (n === undefined ? [] : [n]));
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index),
    'the first ones, in order',
  );
  assert(numbers.length > 5000);
  assert.equal(numbers.length + notices[0]!.lines!, 20_000);
  assert.deepEqual(
    lines.slice(numbers.length).map(({ msg }) => msg),
    ['log lines were dropped: the log destination was full or too slow', 'the end'],
  );
  assert.deepEqual(await end, [0, null]);
});

test('a reader that never reads does not keep a process from its end', async () => {
  const child = logging(1000, 200);
  child.stderr.pause();
  await once(child.stdout, 'data');
  const started = performance.now();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert(performance.now() - started < 5000);
});
