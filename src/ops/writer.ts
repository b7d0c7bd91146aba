import type { Writable } from 'node:stream';

/** Writes to a stream and remembers what went wrong with it, which streams report later and elsewhere. */
export class Writer {
  readonly #stream: Writable;
  #failure: Error | undefined;
  /** What was put last is written, or has failed; all before it too. */
  #last = Promise.resolve();

  constructor(stream: Writable) {
    this.#stream = stream;
    // The callbacks report it; without a listener the event would end the process.
    stream.on('error', () => {});
  }

  /** Answers whether the stream would take more without piling it up. */
  put(chunk: string | Uint8Array): boolean {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    return this.#stream.write(chunk, (error) => {
      this.#failure ??= error ?? undefined;
      resolve();
    });
  }

  /** Waits for a slow reader, so that what is not written yet stays little; throws the error of the stream. */
  async write(chunk: string | Uint8Array): Promise<void> {
    this.#check();
    if (!this.put(chunk)) await this.flush();
  }

  /** Waits until all is written; throws the error of the stream, once. */
  async flush(): Promise<void> {
    await this.#last;
    this.#check();
  }

  #check(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
