/** The people and groups of the benchmark: the same for every server, and by number, so that nothing is kept. */

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** What a server with so many users is told to index for `co`: what README says of large ones. */
export function containsIndex(users: number): readonly string[] {
  return users >= 1_000_000 ? ['displayName', 'emails.value'] : [];
}

/** Users beyond the first so many, who are in no group: the benchmark adds and removes them. */
export const outsiders = 64;

/** Sizes of the groups that are made where there are enough users. */
export const groupSizes = [10, 10_000, 100_000] as const;

/** Ids grow as those of scimd do. */
export function userId(number: number): string {
  return `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

export function groupId(size: number): string {
  return `01900000-0000-7000-9000-${String(size).padStart(12, '0')}`;
}

export function userName(number: number): string {
  return `user${number}@example.com`;
}

/** What a provider sends for a user: about 800 bytes. */
export function userDocument(number: number): Record<string, unknown> {
  return {
    schemas: [userSchema, enterpriseSchema],
    externalId: `00u${number}`,
    userName: userName(number),
    name: {
      formatted: `Given${number} Family${number}`,
      familyName: `Family${number}`,
      givenName: `Given${number}`,
    },
    displayName: `Given${number} Family${number}`,
    title: 'Engineer',
    preferredLanguage: 'en-US',
    active: true,
    emails: [
      { value: userName(number), type: 'work', primary: true },
      { value: `user${number}@home.example`, type: 'home' },
    ],
    phoneNumbers: [{ value: `+1555${String(number).padStart(7, '0')}`, type: 'work' }],
    [enterpriseSchema]: {
      employeeNumber: String(number),
      department: `Department ${number % 20}`,
      manager: { value: userId(1) },
    },
  };
}

export function groupDocument(name: string): Record<string, unknown> {
  return { schemas: [groupSchema], displayName: name };
}

export function patchOf(...operations: readonly object[]): Record<string, unknown> {
  return { schemas: [patchSchema], Operations: operations };
}
