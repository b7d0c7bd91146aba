/** What the digest says of people: the same here and at the consumer. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** A person as the digest counts them. Who is not active has no groups and no roles. */
export interface DigestPerson {
  readonly id: string;
  /** Of `data.meta.version`, the number in it. */
  readonly version: number;
  readonly active: boolean;
  /** The ids of all groups, nested ones too. */
  readonly groups: readonly string[];
  /** The names of the roles that these give by the rules in force. */
  readonly roles: readonly string[];
}

/** What is compared of people beside id, version and `active`. */
export type DigestOf = 'groups' | 'roles';

/** What a copy has of a person that is compared. */
export type ComparedPerson<Of extends DigestOf> = Pick<DigestPerson, 'id' | 'version' | 'active' | Of>;

/** The bucket that a person is in: the first byte of the SHA-256 of the id. */
export function bucketOf(id: string): number {
  return sha256(utf8ToBytes(id))[0] ?? 0;
}

/** What the digest covers of a person. */
export function digestLine<Of extends DigestOf>(person: ComparedPerson<Of>, of: Of): string {
  const { id, version, active } = person;
  const has: readonly string[] = person[of];
  return `${id} ${version} ${active ? 1 : 0} ${[...has].sort().join(',')}\n`;
}

/** The SHA-256 of a bucket's lines, in the order of their ids. */
export function bucketHash(lines: ReadonlyMap<string, string>): string {
  const sum = sha256.create();
  for (const [, line] of [...lines].sort(([a], [b]) => (a < b ? -1 : 1))) sum.update(utf8ToBytes(line));
  return bytesToHex(sum.digest());
}
