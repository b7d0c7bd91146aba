/** Who has a processor before others: clients and receivers are elsewhere in truth, and here share those of the server. */
import { execFileSync } from 'node:child_process';

/** Linux schedules this process from now on as these options of chrt say. False where it may not be, or nothing does it. */
export function scheduleAs(...policy: readonly string[]): boolean {
  const priority = policy.includes('--fifo') ? '1' : '0';
  try {
    execFileSync('chrt', [...policy, '--pid', priority, String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
