/**
 * The start of a thread leaves behind some 2 MB of what Node.js made for itself. V8 would give it back when the thread has much to
 * collect, which few ever have.
 */

/**
 * To be called once in a thread that stays, when nobody waits for it: it takes some 20 ms. Nothing happens where the program has
 * not asked V8 for it: only a binary does (heap-limits.ts).
 */
export function collectStart(): void {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'sync' });
}
