/** Text as lines, with where each begins and ends, however large the whole is. */
import { isUtf8 } from 'node:buffer';
import { CommandError } from '../ops/command-error.ts';

/** A place between two records: how many bytes and lines are before it. */
export interface FileOffset {
  readonly bytes: number;
  readonly lines: number;
}

export const start: FileOffset = { bytes: 0, lines: 0 };

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its end; undefined if it is no UTF-8. */
  readonly text: string | undefined;
  readonly end: FileOffset;
}

/** Longer lines are no resource: something else was given, and is not to fill the memory. */
const longest = 256 * 1024 * 1024;

/** The lines of `chunks`, which begin at `from`. The last one need not have an end. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  from: FileOffset = start,
): AsyncGenerator<Line> {
  let { bytes, lines } = from;
  let pieces: Buffer[] = [];
  let size = 0;
  const take = (piece: Buffer, newline: 0 | 1): Line => {
    const whole = pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
    pieces = [];
    size = 0;
    bytes += whole.length + newline;
    lines += 1;
    return { number: lines, text: textOf(whole, lines === 1), end: { bytes, lines } };
  };
  for await (const chunk of chunks) {
    let done = 0;
    for (;;) {
      const newline = chunk.indexOf(0x0a, done);
      if (newline < 0) break;
      yield take(chunk.subarray(done, newline), 1);
      done = newline + 1;
    }
    if (done === chunk.length) continue;
    pieces.push(chunk.subarray(done));
    size += chunk.length - done;
    if (size > longest)
      throw new CommandError(
        `line ${lines + 1} is longer than ${longest / 1024 / 1024} MiB`,
        'Give a file with one resource on each line, or CSV.',
      );
  }
  if (pieces.length > 0) yield take(Buffer.alloc(0), 0);
}

function textOf(line: Buffer, first: boolean): string | undefined {
  if (!isUtf8(line)) return undefined;
  const text = line.toString('utf8', 0, line.at(-1) === 0x0d ? line.length - 1 : line.length);
  return first && text.startsWith('\ufeff') ? text.slice(1) : text;
}
