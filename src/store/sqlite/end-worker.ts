/** The end of a thread that has a connection: it closes that itself, within a second. */
import type { Worker } from 'node:worker_threads';

/** Milliseconds that it is given. */
const patience = 1000;

/** Resolves when the thread has ended. It hears `close`, and is ended where it does not end in time. */
export async function endWorker(worker: Worker): Promise<void> {
  worker.ref();
  worker.postMessage('close');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience);
  });
  await Promise.race([new Promise((resolve) => worker.once('exit', resolve)), late]);
  clearTimeout(timer);
  await worker.terminate();
}
