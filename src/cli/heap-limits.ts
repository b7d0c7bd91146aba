/** How far V8's heaps grow in a binary before they are collected, and what compiling leaves behind. */
import { isSea } from 'node:sea';
import { setFlagsFromString } from 'node:v8';

/**
 * V8 lets what is old grow to four times what is alive before it clears it, and keeps the pages that it has had: with two and
 * a half times, a server under mixed load has some 70 MB less, and no answer costs measurably more. With twice a list of 100
 * costs up to a tenth more.
 */
const sparing = '--heap-growing-percent=150';

/** What a binary is started with (scripts/binary/program.ts) would be for threads too, whatever they are given themselves. */
const threadsDecide = ['--max-semi-space-size=0', '--min-semi-space-size=0'];

/**
 * V8 has its threads free what compiling a function took, behind all else that they do. Hundreds of functions become hot within
 * one second, and the system's allocator keeps what all of them took together. Freed where they are finished, a server that has
 * read 100,000 people has some 12 MB less.
 */
const freeAtOnce = '--no-maglev-destroy-on-background';

/** Threads collect what their start has left behind (collect-start.ts). */
const collectable = '--expose-gc';

/** To be called when the server is there, since code that V8 has kept is of other flags, and before it has threads. */
export function limitHeaps(): void {
  if (!isSea()) return;
  setFlagsFromString(sparing);
  setFlagsFromString(freeAtOnce);
  setFlagsFromString(collectable);
  for (const flag of threadsDecide) setFlagsFromString(flag);
}
