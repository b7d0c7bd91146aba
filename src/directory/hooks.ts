/** What the embedder's own code does before and within every change, whoever makes it. */
import { ScimError, type ScimType } from '../error.ts';
import { type AttributeEdit, differenceOf } from '../scim/difference.ts';
import { type Document, inSchemaOrder, schemasOf, setValue } from '../scim/document.ts';
import { isObject } from '../scim/object.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { toleratedFor } from '../scim/tolerances.ts';
import { validatorOf } from '../scim/value.ts';
import type { Actor, Change } from '../store/change.ts';
import type { MemberEdit } from '../store/store.ts';

/** A change, with its tenant's name. */
export interface TenantChange extends Omit<Change, 'tenant'> {
  readonly tenant: string;
}

/** A change that is about to be made, as {@link Hooks.before} sees it. */
export interface Proposal {
  /** Name of the tenant. */
  readonly tenant: string;
  readonly operation: Change['operation'];
  /** Name of the resource type. */
  readonly type: string;
  /** Undefined where the store is to give one. */
  readonly id: string | undefined;
  /** The resource without `meta`, `members`, `groups` and password, frozen: as it is, and as it is to be. */
  readonly before: Document | undefined;
  readonly after: Document | undefined;
  /** How the two differ; empty for a creation and a deletion. */
  readonly edits: readonly AttributeEdit[];
  /** What is asked of a group's members, in order. */
  readonly members: readonly ProposedMembers[];
  /** Is a password set or cleared? */
  readonly password: boolean;
  readonly actor: Actor;
  /** Refuses the change: the client gets the status with this detail, and this `scimType` if there is one. */
  refuse(status: number, detail: string, scimType?: ScimType): never;
}

/** Members to add or remove by id, the exact new set, or (`select`) those that a filter finds. */
export type ProposedMembers =
  | { readonly kind: 'add' | 'remove' | 'replace'; readonly ids: readonly string[] }
  | { readonly kind: 'select' };

/**
 * Code of the embedder's own that every change passes, whoever makes it: requests, bulk, imports.
 */
export interface Hooks {
  /**
   * May refuse a change, or answer the document that is to be written in place of `after`. May be asked again about
   * the same change where another one came in between.
   */
  readonly before?: (
    proposal: Proposal,
  ) => void | undefined | Document | Promise<void> | Promise<undefined | Document>;
  /**
   * Runs in the transaction of the change, which is taken back if it throws; a ScimError is what the client gets. It
   * must answer at once: transactions of SQLite do not wait.
   */
  readonly within?: (change: TenantChange) => void;
}

export function refuse(status: number, detail: string, scimType?: ScimType): never {
  throw new ScimError(status, scimType, detail);
}

/** A copy that cannot be changed: what a hook wrote into the document itself would be stored unchecked. */
export function frozenCopy<T>(value: T): T {
  return frozen(structuredClone(value));
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}

export function proposedMembers(edits: readonly MemberEdit[] | undefined): readonly ProposedMembers[] {
  return (edits ?? []).map(proposedEdit).filter((edit) => edit !== undefined);
}

function proposedEdit(edit: MemberEdit): ProposedMembers | undefined {
  switch (edit.kind) {
    case 'add':
    case 'replace':
      return { kind: edit.kind, ids: edit.members.map(({ value }) => value) };
    case 'remove':
      return { kind: 'remove', ids: edit.values };
    case 'removeWhere':
      return { kind: 'select' };
    case 'require':
      return undefined;
  }
}

/**
 * The document to write in place of `proposed`, as a hook gave it.
 * @throws TypeError where it is not one of the type: that is the hook's mistake, not the client's.
 */
export function enriched(type: ResourceType, proposed: Document, given: unknown): Document {
  if (!isObject(given)) throw new TypeError('before: the hook must answer a resource, or nothing');
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'id' && name !== 'meta' && !isMember(type, name))
      throw new TypeError(`before: ${type.name} has no attribute ${name}`);
    if (keptApart.has(name) && value !== undefined)
      throw new TypeError(`before: ${name} is kept apart from the document, and the hook must not answer it`);
  }
  const document: Record<string, unknown> = { ...proposed };
  for (const { path, to } of differenceOf(type, proposed, given).edits) {
    const attribute = attributeAt(type, path);
    const clean = to === undefined ? undefined : validated(attribute, to);
    if (clean === undefined && attribute.required)
      throw new TypeError(`before: ${path} is required, and the hook took it away`);
    setValue(document, attribute, clean);
  }
  document.schemas = schemasOf(type, document);
  return inSchemaOrder(type, document);
}

/** What a hook does not see. */
const keptApart: ReadonlySet<string> = new Set(['password', 'members', 'groups']);

function isMember(type: ResourceType, name: string): boolean {
  return (
    type.attributes.get(name.toLowerCase())?.name === name ||
    type.extensions.get(name.toLowerCase())?.schema.id === name
  );
}

function attributeAt(type: ResourceType, path: string): Attribute {
  const all = [type.attributes, ...[...type.extensions.values()].map(({ attributes }) => attributes)];
  for (const attributes of all)
    for (const attribute of attributes.values()) if (attribute.path === path) return attribute;
  throw new TypeError(`before: ${type.name} has no attribute ${path}`);
}

function validated(attribute: Attribute, value: unknown): unknown {
  try {
    return validatorOf(attribute)(value, attribute.path, toleratedFor('strict'));
  } catch (error) {
    if (!(error instanceof ScimError)) throw error;
    throw new TypeError(`before: ${error.message}`, { cause: error });
  }
}
