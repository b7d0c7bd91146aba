import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever its clock. */
const tick = 10;

/**
 * Milliseconds for which a process has had a processor, or its main thread alone: what is said of a time holds on a busy
 * machine too where it is told in these. Where the system does not tell it is the time that has passed.
 */
export function processorTime(pid: number, what: 'process' | 'main thread' = 'process'): number {
  if (process.platform !== 'linux') return performance.now();
  const file = what === 'process' ? `/proc/${pid}/stat` : `/proc/${pid}/task/${pid}/stat`;
  const text = readFileSync(file, 'utf8');
  // What comes behind the name of the program, which may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tick;
}
