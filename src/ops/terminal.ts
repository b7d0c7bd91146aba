import { fstatSync } from 'node:fs';
import { escapeControls } from './escape-controls.ts';
import { Writer } from './writer.ts';

/** Where a command's output goes. Results are on standard output, everything else is on standard error. */
export interface Terminal {
  /** Is standard output a terminal? In a pipe only the result itself is printed. */
  readonly interactive: boolean;
  readonly errorIsTerminal: boolean;
  /** Do both outputs go to the same place, as with `2>&1`? */
  readonly oneOutput?: boolean;
  /** False with NO_COLOR (https://no-color.org). */
  readonly color: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  print(text: string): void;
  note(text: string): void;
  /** One line on standard error that replaces the one before it, where that is a terminal; '' removes it. */
  renew(text: string): void;
  /**
   * A result too large to be printed at once, in parts; waits for a slow reader.
   * @throws OutputError
   */
  write(part: string | Uint8Array): Promise<void>;
  /**
   * Settles when all that was printed is written.
   * @throws OutputError, once.
   */
  written(): Promise<void>;
}

/** Standard output took no more. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  readonly advice = 'Check where it goes to, and the space there.';
  /** The reader closed the pipe, as `head` does: not an error to report. */
  readonly unread: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(`standard output cannot be written: ${cause.message}`, { cause });
    this.unread = cause.code === 'EPIPE';
  }
}

function isSameFile(descriptor: number, other: number): boolean {
  try {
    const [one, two] = [fstatSync(descriptor), fstatSync(other)];
    return one.ino !== 0 && one.ino === two.ino && one.dev === two.dev;
  } catch {
    return false;
  }
}

export function processTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  // There is nobody left to notify, and a server runs without.
  stderr.on('error', () => {});
  const output = new Writer(stdout);
  const failed = (error: NodeJS.ErrnoException): never => {
    throw new OutputError(error);
  };
  return {
    interactive: stdout.isTTY === true,
    errorIsTerminal: stderr.isTTY === true,
    oneOutput: isSameFile(1, 2),
    color: !env.NO_COLOR && env.TERM !== 'dumb',
    environment: env,
    folder: process.cwd(),
    print: (text) => void output.put(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    renew: (text) => {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
    },
    write: (part) => output.write(part).catch(failed),
    written: () => output.flush().catch(failed),
  };
}

/** Columns as wide as their widest cell; the last one is not padded. Cells can contain what clients have sent. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const shown = rows.map((row) =>
    row.map((cell) => {
      const text = escapeControls(cell);
      return { text, width: widthOf(text) };
    }),
  );
  const widths: number[] = [];
  for (const row of shown)
    for (const [index, { width }] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width);
  return shown
    .map((row) => {
      const cells = row.map(({ text, width }, index) => text + ' '.repeat((widths[index] ?? 0) - width));
      return (indent + cells.join('  ')).trimEnd();
    })
    .join('\n');
}

/** Made when needed, since it takes milliseconds. */
let graphemes: Intl.Segmenter | undefined;
/** What terminals give two columns to (Unicode TR 11, wide and full width). */
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many terminal columns a string without control characters occupies. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}
