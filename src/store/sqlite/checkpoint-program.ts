/** The program of the checkpoint thread. The only place that knows where it is: bundling replaces this module by its text. */
import type { ScanProgram } from './scan-program.ts';

export function checkpointProgram(): ScanProgram {
  return {
    program: new URL('./checkpoint-worker.ts', import.meta.url),
    packages: import.meta.url,
    execArgv: ['--import', import.meta.resolve('tsx')],
  };
}
