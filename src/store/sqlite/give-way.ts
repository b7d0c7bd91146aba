/**
 * A thread with much to do leaves its processor for a moment once in a while, where others want it: Linux lets a thread go on for
 * up to 4 ms, whatever its priority, and whoever wakes meanwhile waits for that long. A moment costs a tenth of a millisecond, so
 * there is none where the thread has a processor for itself. Shown by the workload `interference` of npm run bench.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

export interface Pacer {
  /** The work begins. */
  begin(): void;
  /** To be called often while it lasts. */
  giveWay(): void;
  close(): void;
}

/** What is added to the niceness of the server, and the most that there is. */
const [yielding, lowest] = [10, 19];

/**
 * Where processors are short, requests go before the thread: the one that calls it, or that of the id. On Linux a priority is that
 * of one thread, and goes only downwards; elsewhere it is that of the process, and stays.
 */
export function yieldToRequests(thread = 0): void {
  if (process.platform === 'linux') setPriority(thread, Math.min(lowest, getPriority() + yielding));
}

/** Milliseconds: as short as a sleep can be. */
const moment = 0.01;
/** Milliseconds of a turn for which the thread waited for a processor, and for how long that is remembered. */
const [shortOfIt, remembered] = [0.1, 50];

/**
 * Of the thread that calls it. `turn`: milliseconds of work between two moments. Elsewhere than on Linux, which tells a thread for
 * how long it has waited, it does nothing, unless it is to give way `always`: a thread whose work is soon done never waits, and
 * does not know that others do.
 */
export function pacer(turn = 1, always = false): Pacer {
  const waits = always ? undefined : waitsOfThread();
  if (waits === undefined && !always) return { begin() {}, giveWay() {}, close() {} };
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  let [began, before, busyUntil] = [0, 0, 0];
  return {
    begin() {
      began = performance.now();
    },
    giveWay() {
      const now = performance.now();
      if (now - began < turn) return;
      began = now;
      if (waits !== undefined) {
        const all = waits.read();
        if (all - before > shortOfIt) busyUntil = now + remembered;
        before = all;
        if (now > busyUntil) return;
      }
      Atomics.wait(nobody, 0, 0, moment);
      began = performance.now();
    },
    close: () => waits?.close(),
  };
}

/** Reads for how many milliseconds this thread has waited for a processor. */
function waitsOfThread(): { readonly read: () => number; readonly close: () => void } | undefined {
  let file: number;
  try {
    file = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return undefined;
  }
  const bytes = Buffer.alloc(64);
  const read = (): number => {
    const [, waited] = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).split(' ');
    return Number(waited) / 1e6;
  };
  return { read, close: () => closeSync(file) };
}
