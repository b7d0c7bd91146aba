/** The program of the delivery thread. The only place that knows where it is: bundling replaces this module by its text. */

export interface DeliveryProgram {
  /** A file, or the program's text. */
  readonly program: URL | string;
  /** The module whose packages it uses. */
  readonly packages: string;
  readonly execArgv: string[];
}

export function deliveryProgram(): DeliveryProgram {
  return {
    program: new URL('../../delivery-worker.ts', import.meta.url),
    packages: import.meta.url,
    execArgv: ['--import', import.meta.resolve('tsx')],
  };
}
