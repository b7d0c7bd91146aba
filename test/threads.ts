import type { Worker } from 'node:worker_threads';

/** The threads that begin in this process from now on until `stop`. */
export function countThreads(): { begun: number; ended: number; readonly stop: () => void } {
  const count = (worker: Worker): void => {
    threads.begun++;
    worker.once('exit', () => threads.ended++);
  };
  const threads = { begun: 0, ended: 0, stop: () => void process.off('worker', count) };
  process.on('worker', count);
  return threads;
}
