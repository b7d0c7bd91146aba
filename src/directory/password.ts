import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { preparePassword } from '../scim/precis.ts';
import { FairQueue } from '../store/fair-queue.ts';
import type { Work } from '../store/work.ts';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** About 64 MB and 100 ms of a thread of the pool for each hash (OWASP's figures for scrypt: N = 2^16, r = 8, p = 1). */
const cost = { log2: 16, r: 8, p: 1 };

/** Of the four threads of the pool at least one is left to the disk; tenants take turns. */
const places = Math.min(3, Math.max(2, availableParallelism()));
const queue = new FairQueue<number>(places, places);

/** For whom it is hashed, and what the request may cost. */
export interface Hashing {
  readonly tenant: number;
  readonly work: Work | undefined;
}

/** The PHC string of a prepared password (RFC 8265 §4.2, RFC 7643 §9): `$scrypt$ln=16,r=8,p=1$salt$hash`. */
export async function hashPassword(
  password: string,
  { tenant, work }: Hashing = { tenant: 0, work: undefined },
): Promise<string> {
  const prepared = preparePassword(password);
  return queue.run(tenant, () => hash(prepared), work);
}

async function hash(password: string): Promise<string> {
  const salt = randomBytes(16);
  const { log2, r, p } = cost;
  const derived = await derive(password, salt, 32, {
    N: 2 ** log2,
    r,
    p,
    maxmem: 256 * 1024 * 1024,
  });
  const encode = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${log2},r=${r},p=${p}$${encode(salt)}$${encode(derived)}`;
}
