/** Where processors are few V8's threads give way to the server, which would wait for them otherwise. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { yieldToRequests } from '../store/sqlite/give-way.ts';

/** So few processors are taken by the server, its threads and whoever else the machine has. */
const few = 2;

/** To be called when the server is there. */
export function giveWayToServer(): void {
  if (availableParallelism() > few) return;
  collectAlone();
  lowerWorkers();
}

/**
 * V8 shares a collection of what is young among threads, and the server stands still until the last of them is done. Where
 * processors are few that one waits for its turn, for up to 4 ms, and what it does takes the server half a millisecond. Shown by
 * the workload `interference` of npm run bench. Set when the server is there, since code that V8 has kept is of other flags.
 */
function collectAlone(): void {
  setTimeout(() => setFlagsFromString('--no-parallel-scavenge'), 2000).unref();
}

/**
 * V8's own threads compile and mark for milliseconds at a time, and a request waited for its turn behind them. Shown by the
 * workload `delivery` of npm run bench.
 */
function lowerWorkers(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of readdirSync('/proc/self/task'))
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'utf8') === 'V8Worker\n')
        yieldToRequests(Number(thread));
  } catch {
    // Where threads cannot be looked at, or may not be changed, they keep the server's priority.
  }
}
