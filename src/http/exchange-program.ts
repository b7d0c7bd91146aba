/** The program of the exchange log's thread. The only place that knows where it is: bundling replaces this module by its text. */

export interface ExchangeProgram {
  /** A file, or the program's text. */
  readonly program: URL | string;
  /** The module whose packages it uses. */
  readonly packages: string;
  readonly execArgv: string[];
}

export function exchangeProgram(): ExchangeProgram {
  return {
    program: new URL('../exchange-worker.ts', import.meta.url),
    packages: import.meta.url,
    execArgv: ['--import', import.meta.resolve('tsx')],
  };
}
