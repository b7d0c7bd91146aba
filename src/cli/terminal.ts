/** Where a command's output goes. Results are on standard output, everything else is on standard error. */
export interface Terminal {
  /** Is standard output a terminal? In a pipe only the result itself is printed. */
  readonly interactive: boolean;
  readonly errorIsTerminal: boolean;
  /** False with NO_COLOR (https://no-color.org). */
  readonly color: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  print(text: string): void;
  note(text: string): void;
}

export function processTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  return {
    interactive: stdout.isTTY === true,
    errorIsTerminal: stderr.isTTY === true,
    color: !env.NO_COLOR && env.TERM !== 'dumb',
    environment: env,
    folder: process.cwd(),
    print: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows
    .map((row) => (indent + row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')).trimEnd())
    .join('\n');
}
