/** What a write is to do, computed from what is stored and what is asked. */
import type { Patch } from '../query/patch.ts';
import { type Difference, differenceOf } from '../scim/difference.ts';
import type { Document } from '../scim/document.ts';
import { hasPlace, placedValue } from '../scim/document-text.ts';
import { type MembersPatch, membersPatches } from '../scim/patch-members.ts';
import type { Edit } from '../scim/patch-request.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import type { CheckedResource } from '../scim/resource.ts';
import type { Tolerated } from '../scim/tolerances.ts';
import type { DocumentChange, TextChange } from '../store/document-change.ts';
import type { CreateCommand, MemberEdit, StoredResource, UpdateCommand } from '../store/store.ts';
import { documentOf } from '../store/stored-resource.ts';
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

/**
 * What is wanted with a resource that a PATCH has changed: its groups, and the number of its members up to `countMembers`, which
 * a store answers that has them at hand.
 */
export type PatchParts = Pick<Draft, 'groups' | 'countMembers'>;

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

/** The attribute whose value is all that the edits give, and may be found in the text of a document. */
export function onlyPlaced(edits: readonly Edit[]): Attribute | undefined {
  const [edit, ...others] = edits;
  if (edit === undefined || others.length > 0 || edit.op === 'remove') return undefined;
  const { attribute, filter, sub } = edit;
  return filter === undefined && sub === undefined && hasPlace(attribute) ? attribute : undefined;
}

/**
 * The same as {@link documentChange} of a patch that gives the attribute a value, where the document has one: made in its text.
 * Undefined where it must be made of the whole document.
 */
export function textChange(
  type: ResourceType,
  stored: StoredResource,
  attribute: Attribute,
  apply: (document: Document) => Document,
): Pick<Draft, 'document'> | undefined {
  const { name, path } = attribute;
  const { body } = stored;
  const found = placedValue(body, name);
  if (found === undefined) return undefined;
  const { value: from, start, end } = found;
  const before: Document = { schemas: [type.schema.id], [name]: from };
  const after = apply(before);
  if (after === before) return {};
  const to = after[name];
  if (to === undefined) return undefined;
  const difference = { edits: [{ path, from, to }], members: new Set([name]) };
  const text = `${body.slice(0, start)}${JSON.stringify(to)}${body.slice(end)}`;
  return { document: new ChangeInText(stored, difference, { body: text, before, after }) };
}

class ChangeInText implements DocumentChange {
  readonly difference: Difference;
  readonly inText: TextChange;
  readonly #stored: StoredResource;
  #after: Document | undefined;

  constructor(stored: StoredResource, difference: Difference, inText: TextChange) {
    this.difference = difference;
    this.inText = inText;
    this.#stored = stored;
  }

  get before(): Document {
    return documentOf(this.#stored);
  }

  get after(): Document {
    this.#after ??= JSON.parse(this.inText.body) as Document;
    return this.#after;
  }
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

/** What the edits, which are all of `members`, ask of the store. */
export function memberEdits(patch: Patch, members: Attribute, tolerated: Tolerated): MemberEdit[] {
  return patch.edits
    .flatMap((edit) => membersPatches(edit, tolerated))
    .map((each) => memberEdit(each, members, patch));
}
