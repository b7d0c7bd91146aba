/**
 * A request of node:http whose body is gathered as it comes, and taken whole. node:http makes a stream of each body, also of
 * one that is empty, and its beginning, end and close each take a turn for which nobody here waits: shown by the workloads
 * `get` and `patch` of npm run bench.
 */
import { IncomingMessage } from 'node:http';
import { ScimError } from '../error.ts';
import { tooLarge } from './body.ts';

/** What node:http itself closes the stream of a request with that has no body. */
const { _dumpAndCloseReadable: closeReadable } = IncomingMessage.prototype as unknown as {
  readonly _dumpAndCloseReadable?: (this: IncomingMessage) => void;
};

interface Reader {
  readonly limit: number;
  resolve(body: Buffer): void;
  reject(error: ScimError): void;
}

export class WholeRequest extends IncomingMessage {
  /** Does its client send no body before it is told that it is taken? */
  waitsForContinue = false;
  #parts: Buffer[] | undefined;
  /** Of the parts, in bytes. */
  #length = 0;
  #reader: Reader | undefined;
  #isUnwanted = false;
  /** Was the parser told to read no more? */
  #isPaused = false;
  #onEnd: (() => void) | undefined;

  /** Rejects with 413 as soon as there are more bytes than `limit`, and with 400 where the body ends too early. */
  body(limit: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.complete) {
        if (this.#length > limit) reject(tooLarge(limit));
        else resolve(this.#takeParts());
        return;
      }
      this.#reader = { limit, resolve, reject };
      if (this.destroyed) this.#cutOff();
      else if (this.#length > limit) this.#refuse();
      else this.#readOn();
    });
  }

  /**
   * Nobody wants the body, or what is left of it, unless somebody still waits for it; `onEnd` is called when it has come, or the
   * connection is closed.
   */
  discard(onEnd: () => void): void {
    this.#isUnwanted = this.#reader === undefined;
    this.#onEnd = onEnd;
    if (this.destroyed) onEnd();
    else this.#readOn();
  }

  /** What node:http's parser calls with each part of the body, and with null at its end. False: it reads no more for now. */
  override push(part: Buffer | null): boolean {
    if (part === null) {
      this.#end();
      return false;
    }
    if (this.#isUnwanted) return true;
    this.#parts ??= [];
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#reader === undefined) this.#isPaused = this.#length >= this.readableHighWaterMark;
    else if (this.#length > this.#reader.limit) this.#refuse();
    return !this.#isPaused;
  }

  /** The connection is closed before the request is answered. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#cutOff();
    super._destroy(error, callback);
  }

  #end(): void {
    if (closeReadable !== undefined) closeReadable.call(this);
    else {
      super.push(null);
      this.resume();
    }
    this.#reader?.resolve(this.#takeParts());
    this.#reader = undefined;
    this.#onEnd?.();
  }

  #cutOff(): void {
    this.#reader?.reject(
      new ScimError(400, undefined, 'The request body is shorter than its Content-Length'),
    );
    this.#reader = undefined;
    this.#onEnd?.();
  }

  #refuse(): void {
    this.#reader?.reject(tooLarge(this.#reader.limit));
    this.#reader = undefined;
    this.#isUnwanted = true;
    this.#takeParts();
    this.#readOn();
  }

  #takeParts(): Buffer {
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    this.#length = 0;
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  #readOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this._read(0);
  }
}
