/** The program of the scan thread. The only place that knows where it is: bundling replaces this module by its text. */

export interface ScanProgram {
  /** A file, or the program's text. */
  readonly program: URL | string;
  /** The module whose packages it uses. */
  readonly packages: string;
  /** What Node.js is started with in the thread; the loader of TypeScript from wherever the server was started. */
  readonly execArgv: string[];
}

export function scanProgram(): ScanProgram {
  return {
    program: new URL('./scan-worker.ts', import.meta.url),
    packages: import.meta.url,
    execArgv: ['--import', import.meta.resolve('tsx')],
  };
}
