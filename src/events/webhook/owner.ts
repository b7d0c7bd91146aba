/** Who delivers to an endpoint: a process, named so that another one on the same system can see that it is gone. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import type { Endpoint, Outbox } from '../../store/outbox.ts';

/** Where process ids mean the same: one start of one system, and in it one container. Empty where that cannot be told. */
function system(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

export function newOwner(): string {
  return `${system()}/${process.pid}/${randomUUID()}`;
}

/** Is the process gone for certain? Of another system nobody knows. */
function isGone(owner: string): boolean {
  const [place = '', pid] = owner.split('/');
  if (place === '' || place !== system() || !/^\d+$/.test(pid ?? '')) return false;
  return !existsSync(`/proc/${pid}`);
}

/** The endpoints that the owner delivers to for so many milliseconds. Whoever is seen to be gone is not waited for. */
export async function leaseOf(
  outbox: Pick<Outbox, 'owners' | 'release' | 'lease'>,
  owner: string,
  now: number,
  milliseconds: number,
): Promise<readonly Endpoint[]> {
  for (const other of await outbox.owners()) if (isGone(other)) await outbox.release(other);
  return outbox.lease(owner, now, now + milliseconds);
}
