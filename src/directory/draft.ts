/** What a write is to do, computed from what is stored and what is asked. */
import type { Patch } from '../query/patch.ts';
import { differenceOf } from '../scim/difference.ts';
import type { Document } from '../scim/document.ts';
import type { MembersPatch } from '../scim/patch-members.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import type { CheckedResource } from '../scim/resource.ts';
import type { CreateCommand, MemberEdit, UpdateCommand } from '../store/store.ts';
import { type Hashing, hashPassword } from './password.ts';

/** A new password, hashed when it is known that it will be written; null clears it. */
export type NewPassword = ((hashing: Hashing) => Promise<string>) | null;

/** A resource that is to be created. */
export interface Creation extends Pick<CreateCommand, 'document' | 'members' | 'id'> {
  readonly operation: 'create';
  readonly password?: NewPassword;
}

/** What is to be done with a stored resource: nothing, if none of the parts is there. */
export interface Draft
  extends Pick<UpdateCommand, 'operation' | 'document' | 'members' | 'groups' | 'countMembers'> {
  readonly password?: NewPassword;
}

export function creationOf(
  { document, members, password }: CheckedResource,
  id: string | undefined,
): Creation {
  return {
    operation: 'create',
    document,
    ...(id === undefined ? {} : { id }),
    ...(members === undefined || members.length === 0 ? {} : { members: [{ kind: 'add', members }] }),
    ...(password == null ? {} : { password: (hashing: Hashing) => hashPassword(password, hashing) }),
  };
}

/** Nothing if the documents are the same but for their order. */
export function documentChange(
  type: ResourceType,
  before: Document,
  after: Document,
): Pick<Draft, 'document'> {
  if (before === after) return {};
  const difference = differenceOf(type, before, after);
  return difference.edits.length === 0 ? {} : { document: { before, after, difference } };
}

export function isEmpty({ document, members, password }: Draft): boolean {
  return document === undefined && members === undefined && password === undefined;
}

/** The passwords of one request, each hashed once however often the change is computed. */
export class Passwords {
  readonly #hashes = new Map<string, Promise<string>>();

  /** `text` as a request gives it: null clears the password, undefined leaves it. */
  of(text: string | null | undefined): Pick<Draft, 'password'> {
    if (text === undefined) return {};
    return { password: text === null ? null : (hashing) => this.#hash(text, hashing) };
  }

  #hash(text: string, hashing: Hashing): Promise<string> {
    let hash = this.#hashes.get(text);
    if (hash === undefined) {
      hash = hashPassword(text, hashing);
      this.#hashes.set(text, hash);
    }
    return hash;
  }
}

export function memberEdit(patched: MembersPatch, members: Attribute, patch: Patch): MemberEdit {
  if (!('filter' in patched)) return patched;
  const { filter, ...rest } = patched;
  return { ...rest, plan: patch.plan(members, filter) };
}
