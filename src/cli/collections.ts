/** How V8 collects what a server needs no more. */
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** So few processors are taken by the server, its threads and whoever else the machine has. */
const few = 2;

/**
 * V8 shares a collection of what is young among threads, and the server stands still until the last of them is done. Where
 * processors are few that one waits for its turn, for up to 4 ms, and what it does takes the server half a millisecond. Shown by
 * the workload `interference` of npm run bench. Set when the server is there, since code that V8 has kept is of other flags.
 */
export function collectAlone(): void {
  if (availableParallelism() > few) return;
  setTimeout(() => setFlagsFromString('--no-parallel-scavenge'), 2000).unref();
}
