import assert from 'node:assert/strict';

const tries = 5;

/**
 * Does it, which answers the milliseconds that it took, again until they were fewer than that: five times at most. Anything may
 * wait for a processor once, and what is slow by itself is slow each time.
 */
export async function within(milliseconds: number, action: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  while (times.length < tries && !times.some((time) => time < milliseconds)) times.push(await action());
  assert.ok(Math.min(...times) < milliseconds, `${times.map(Math.round)} ms, not ${milliseconds}`);
}
