/**
 * How far an import has come, in a small file beside its input, so that --resume goes on behind what is already
 * there. It may lag behind, or be missing where nothing can be written: what is taken twice is found to be there and the
 * same.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { CommandError } from '../ops/command-error.ts';
import type { FileOffset } from './lines.ts';

/** Milliseconds between two writings of the file. */
const interval = 500;

export interface PositionFile<P> {
  readonly file: string;
  /** Undefined if there is none. */
  read(): P | undefined;
  /** What is written down later by itself, or by `flush`. */
  note(position: P): void;
  flush(): void;
  remove(): void;
}

/** `identity` says what is imported into what: a position of another import is none. */
export function positionFile<P>(file: string, identity: string): PositionFile<P> {
  let pending: P | undefined;
  let last = 0;
  const flush = (): void => {
    if (pending === undefined) return;
    last = performance.now();
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify({ identity, position: pending })}\n`);
      renameSync(`${file}.new`, file);
      pending = undefined;
    } catch {
      // The next one may be written.
    }
  };
  return {
    file,
    read() {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch {
        return undefined;
      }
      let found: { readonly identity?: unknown; readonly position?: P } = {};
      try {
        found = Object(JSON.parse(text));
      } catch {
        // Whatever it is, it is none of ours.
      }
      if (found.identity === identity && found.position !== undefined) return found.position;
      throw new CommandError(
        `${file} is of another import`,
        'Import from the start, without --resume: what is there already stays.',
      );
    },
    note(position) {
      pending = position;
      if (performance.now() - last > interval) flush();
    },
    flush,
    remove() {
      pending = undefined;
      for (const each of [file, `${file}.new`]) rmSync(each, { force: true });
    },
  };
}

/** How many bytes before a place must be the same as when it was noted. */
const compared = 4096;

/** A place in a file, with what stood before it. */
export interface FilePosition extends FileOffset {
  readonly before: string;
}

export function filePosition(file: string, place: FileOffset): FilePosition {
  return { ...place, before: digestBefore(file, place.bytes) };
}

/** Is what stood before the place there still? */
export function isStillThere(file: string, { bytes, before }: FilePosition): boolean {
  return statSync(file).size >= bytes && digestBefore(file, bytes) === before;
}

function digestBefore(file: string, bytes: number): string {
  const length = Math.min(bytes, compared);
  const buffer = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, buffer, 0, length, bytes - length);
  } finally {
    closeSync(descriptor);
  }
  return createHash('sha256').update(buffer).digest('base64url').slice(0, 22);
}
