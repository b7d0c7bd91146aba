/** How far a long command has come, as one line of the terminal that renews itself. */
import type { Terminal } from './terminal.ts';

const width = 24;
/** Milliseconds between two renewals. */
const interval = 100;

export interface Progress {
  /** `part` is from 0 to 1; undefined if unknown. */
  show(part: number | undefined, text: string): void;
  /** Takes the line away, before anything else is printed. */
  clear(): void;
}

/** Shows nothing unless standard error is a terminal, or if the output is for a machine. */
export function progressOn(terminal: Terminal, json: boolean): Progress {
  if (!terminal.errorIsTerminal || json) return { show() {}, clear() {} };
  let last = 0;
  let shown = false;
  return {
    show(part, text) {
      const now = performance.now();
      if (shown && now - last < interval) return;
      last = now;
      shown = true;
      const done = Math.round((part ?? 0) * width);
      const bar =
        part === undefined ? '' : `[${'='.repeat(done).padEnd(width)}] ${Math.floor(part * 100)} %  `;
      terminal.renew(bar + text);
    },
    clear() {
      if (shown) terminal.renew('');
      shown = false;
    },
  };
}
