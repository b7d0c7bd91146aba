/**
 * Writes log lines to standard error without blocking. While its disk is full or its reader slow, lines are buffered; beyond
 * the buffer they are dropped, and a later line says how many. The server keeps running.
 */
import { write, writeSync } from 'node:fs';

const standardError = 2;
/** Characters. */
const mostWaiting = 8 * 1024 * 1024;
/** Milliseconds until the next attempt. */
const pause = { slow: 10, failed: 1000 };
/** Milliseconds that the end of the process waits for a slow reader. */
const lastPatience = 1000;

const isSlow = ({ code }: NodeJS.ErrnoException): boolean => code === 'EAGAIN';

/** Returns the function that writes a line; `notice` is the line that says how many were dropped. */
export function logOutput(notice: (lost: number) => string): (line: string) => void {
  let waiting = '';
  let batch = Buffer.alloc(0);
  let state: 'idle' | 'writing' | 'pausing' | 'unread' = 'idle';
  let lost = 0;

  const next = (): void => {
    if (batch.length === 0) batch = take();
    state = batch.length === 0 ? 'idle' : 'writing';
    if (state === 'writing') write(standardError, batch, 0, batch.length, null, written);
  };
  const take = (): Buffer<ArrayBuffer> => {
    let text = waiting;
    waiting = '';
    if (lost > 0) text += notice(lost);
    lost = 0;
    return Buffer.from(text);
  };
  const written = (error: NodeJS.ErrnoException | null, count: number): void => {
    if (error === null) {
      batch = batch.subarray(count);
      next();
    } else if (error.code === 'EPIPE') {
      // Its reader has gone, and none can come.
      state = 'unread';
      waiting = '';
    } else {
      state = 'pausing';
      setTimeout(next, isSlow(error) ? pause.slow : pause.failed).unref();
    }
  };
  process.once('exit', () => {
    if (state === 'unread') return;
    // What is being written is written still: the threads that do it are waited for.
    const rest = take();
    writeLast(state === 'writing' ? rest : Buffer.concat([batch, rest]));
  });

  return (line) => {
    if (state === 'unread') return;
    // All of them until the others are written, so that there is one gap, where the notice is.
    if (lost > 0 || waiting.length > mostWaiting) {
      lost++;
      return;
    }
    waiting += line;
    if (state === 'idle') next();
  };
}

function writeLast(bytes: Buffer): void {
  const end = performance.now() + lastPatience;
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(standardError, rest));
    } catch (error) {
      if (!isSlow(error as NodeJS.ErrnoException) || performance.now() > end) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause.slow);
    }
  }
}
