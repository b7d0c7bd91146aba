/** What the digest says of people: the same here and at the consumer. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** A person as the digest counts them. `groups`: the ids of all groups, nested ones too; none for who is not active. */
export interface DigestPerson {
  readonly id: string;
  /** Of `data.meta.version`, the number in it. */
  readonly version: number;
  readonly active: boolean;
  readonly groups: readonly string[];
}

/** The bucket that a person is in: the first byte of the SHA-256 of the id. */
export function bucketOf(id: string): number {
  return sha256(utf8ToBytes(id))[0] ?? 0;
}

/** What the digest covers of a person. */
export function digestLine({ id, version, active, groups }: DigestPerson): string {
  return `${id} ${version} ${active ? 1 : 0} ${[...groups].sort().join(',')}\n`;
}

/** The SHA-256 of a bucket's lines, in the order of their ids. */
export function bucketHash(lines: ReadonlyMap<string, string>): string {
  const sum = sha256.create();
  for (const [, line] of [...lines].sort(([a], [b]) => (a < b ? -1 : 1))) sum.update(utf8ToBytes(line));
  return bytesToHex(sum.digest());
}
