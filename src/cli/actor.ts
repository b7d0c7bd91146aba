/** Who works at the command line, for the change record: the user of the operating system. */
import { userInfo } from 'node:os';
import type { Actor } from '../store/change.ts';

/** With sudo, who called it: `jane (as root)`. */
export function operatingSystemUser(environment: NodeJS.ProcessEnv = process.env): string {
  const name = ownName();
  const caller = environment.SUDO_USER;
  return caller === undefined || caller === '' || caller === name ? name : `${caller} (as ${name})`;
}

/** An account may have no name, in a container for instance. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.getuid === undefined ? 'unknown' : `uid ${process.getuid()}`;
  }
}

export function commandActor(): Actor {
  return { kind: 'cli', name: operatingSystemUser() };
}
