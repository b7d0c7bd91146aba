/** The program of the write thread. The only place that knows where it is: bundling replaces this module by its text. */
import type { ScanProgram } from './scan-program.ts';

export function writeProgram(): ScanProgram {
  return {
    program: new URL('./write-worker.ts', import.meta.url),
    packages: import.meta.url,
    execArgv: ['--import', import.meta.resolve('tsx')],
  };
}
