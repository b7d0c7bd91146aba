/** Gives changes to the store: what hooks make of them, passwords hashed, and what a store may compute in its transaction. */
import { sensitivePaths } from '../query/sensitive.ts';
import { type Document, membersAttribute } from '../scim/document.ts';
import type { Edit } from '../scim/patch-request.ts';
import type { ResourceType } from '../scim/registry.ts';
import { demandsNewGroupName } from '../scim/tolerances.ts';
import type {
  Computed,
  FoundResource,
  Result,
  SensitivePaths,
  Store,
  StoredResource,
  UpdateCommand,
} from '../store/store.ts';
import type { Caller } from './caller.ts';
import { type Creation, type Draft, documentChange, isEmpty } from './draft.ts';
import { enriched, frozenCopy, type Hooks, type Proposal, proposedMembers, refuse } from './hooks.ts';
import type { Hashing } from './password.ts';
import { type UnitOptions, Units } from './units.ts';

export interface CommitOptions extends UnitOptions {
  /** Attributes, in standard notation, of which the change record keeps no values. */
  readonly sensitive?: readonly string[];
  /** Is a group refused, 409 uniqueness, whose displayName another group of its tenant has? No unless given. */
  readonly uniqueDisplayName?: boolean;
}

/** A resource after a write. */
export interface Written {
  readonly resource: FoundResource;
  /** False where the resource was already as it was to be. */
  readonly changed: boolean;
}

/** A resource after a PATCH, and the edits that were asked for. */
export interface Patched extends Written {
  readonly edits: readonly Edit[];
}

export class Commits {
  readonly #store: Store;
  readonly #units: Units;
  readonly #sensitive = new Map<ResourceType, SensitivePaths>();
  readonly #uniqueDisplayName: boolean;
  readonly #hooks: Hooks;

  constructor(store: Store, options: CommitOptions) {
    const { sensitive = [], uniqueDisplayName = false, hooks = {} } = options;
    this.#store = store;
    this.#units = new Units(store, options);
    this.#uniqueDisplayName = uniqueDisplayName;
    this.#hooks = hooks;
    for (const type of store.registry.resourceTypes) {
      const paths = sensitivePaths(type, sensitive);
      if (paths.size > 0) this.#sensitive.set(type, paths);
    }
  }

  /** Must a resource be read before it is changed, since a hook is to see it? */
  get needsBefore(): boolean {
    return this.#hooks.before !== undefined;
  }

  /** @throws DirectoryError `taken`, `invalid-id`, `undone`; StoreError; what hooks throw. */
  async create(caller: Caller, type: ResourceType, creation: Creation): Promise<StoredResource> {
    const { id, members, password } = creation;
    const { before } = this.#hooks;
    let { document } = creation;
    if (before !== undefined) {
      const after = await before(
        await this.#proposal(caller, type, {
          operation: 'create',
          id,
          before: undefined,
          after: document,
          edits: [],
          members: proposedMembers(members),
          password: password !== undefined,
        }),
      );
      if (after !== undefined) document = enriched(type, document, after);
    }
    const result = await this.#units.commit(caller, type, id ?? '', {
      kind: 'create',
      type,
      document,
      uniqueDisplayName:
        isGroup(type) && (this.#uniqueDisplayName || demandsNewGroupName(caller.principal.idp)),
      ...(id === undefined ? {} : { id }),
      ...(members === undefined ? {} : { members }),
      ...(password == null ? {} : { credential: await password(hashingOf(caller)) }),
    });
    return resourceOf(result);
  }

  /**
   * The change of the stored version; undefined when another change came first.
   * @throws DirectoryError `not-found`, `taken`, `undone`; ScimError 400 noTarget; StoreError; what hooks throw.
   */
  async update(
    caller: Caller,
    type: ResourceType,
    stored: StoredResource,
    draft: Draft,
  ): Promise<Written | undefined> {
    const change = await this.#considered(caller, type, stored, draft);
    if (isEmpty(change)) return { resource: stored, changed: false };
    const { password } = change;
    const { id } = stored;
    const result = await this.#units.commit(caller, type, id, {
      ...this.#updateOf(type, id, change),
      ...(password == null ? {} : { credential: await password(hashingOf(caller)) }),
      expected: stored.version,
    });
    return writtenOf(result);
  }

  /** The change of whichever version is there, which is no matter of hooks, and no password's. @throws as {@link update}. */
  edit(caller: Caller, type: ResourceType, id: string, draft: Draft): Promise<Written | undefined> {
    return this.#units.commit(caller, type, id, this.#updateOf(type, id, draft)).then(writtenOf);
  }

  /** Can a change be computed in the transaction that writes it? */
  get computes(): boolean {
    return this.#store.change !== undefined && !this.needsBefore;
  }

  /**
   * The change that is computed from the resource as it is in the transaction that writes it; undefined where it must be
   * computed beforehand, since a password is to be hashed.
   * @throws as {@link update}, and what `compute` throws.
   */
  async change(
    caller: Caller,
    type: ResourceType,
    id: string,
    compute: (stored: StoredResource) => Draft,
  ): Promise<Written | undefined> {
    const { change } = this.#store;
    if (change === undefined) return undefined;
    const making = this.#units.of(caller);
    const unitOf = making instanceof Promise ? await making : making;
    const computed = (stored: StoredResource): Computed => {
      const draft = compute(stored);
      if (isEmpty(draft)) return 'unchanged';
      return draft.password == null ? unitOf(this.#updateOf(type, id, draft)) : 'apart';
    };
    const { tenant } = caller.principal;
    const outcome = await change({ tenant, type, id, once: this.#hooks.within !== undefined }, computed);
    const settled = this.#units.resultOf(outcome, caller, type, id);
    return writtenOf(settled instanceof Promise ? await settled : settled);
  }

  /** By name: a copy of what is left of an object takes several times as long. */
  #updateOf(type: ResourceType, id: string, draft: Draft): UpdateCommand {
    const { operation, document, members, groups, countMembers, password } = draft;
    return {
      ...{ kind: 'update', type, id, operation, document, members, groups, countMembers },
      uniqueDisplayName: this.#uniqueDisplayName && isGroup(type),
      credential: password === null ? null : undefined,
      sensitive: this.#sensitive.get(type),
    };
  }

  /**
   * Of the stored version, of any where `stored` is only an id. False when another change came first.
   * @throws DirectoryError `not-found`; StoreError; what hooks throw.
   */
  async delete(caller: Caller, type: ResourceType, stored: StoredResource | string): Promise<boolean> {
    const { before } = this.#hooks;
    if (before !== undefined && typeof stored !== 'string')
      await before(
        await this.#proposal(caller, type, {
          operation: 'delete',
          id: stored.id,
          before: JSON.parse(stored.body) as Document,
          after: undefined,
          edits: [],
          members: [],
          password: false,
        }),
      );
    const id = typeof stored === 'string' ? stored : stored.id;
    const result = await this.#units.commit(caller, type, id, {
      kind: 'delete',
      type,
      id,
      sensitiveOf: this.#sensitivePaths,
      ...(typeof stored === 'string' ? {} : { expected: stored.version }),
      ...this.#sensitiveOf(type),
    });
    return result !== undefined;
  }

  /**
   * Brings a deleted resource back. `deleted`: the document of its deletion, for hooks.
   * @throws DirectoryError `not-found`, `present`, `taken`; StoreError; what hooks throw.
   */
  async restore(
    caller: Caller,
    type: ResourceType,
    id: string,
    deleted: Document | undefined,
  ): Promise<StoredResource> {
    const { before } = this.#hooks;
    let document: Document | undefined;
    if (before !== undefined && deleted !== undefined) {
      const { id: _, ...rest } = deleted;
      const after = await before(
        await this.#proposal(caller, type, {
          operation: 'restore',
          id,
          before: undefined,
          after: rest,
          edits: [],
          members: [],
          password: false,
        }),
      );
      if (after !== undefined) document = enriched(type, rest, after);
    }
    const result = await this.#units.commit(caller, type, id, {
      kind: 'restore',
      type,
      id,
      uniqueDisplayName:
        isGroup(type) && (this.#uniqueDisplayName || demandsNewGroupName(caller.principal.idp)),
      ...(document === undefined ? {} : { document }),
    });
    return resourceOf(result);
  }

  /** @throws DirectoryError `not-found`; StoreError; what hooks throw. */
  async erase(caller: Caller, type: ResourceType, id: string, stored: Document | undefined): Promise<void> {
    const { before } = this.#hooks;
    if (before !== undefined)
      await before(
        await this.#proposal(caller, type, {
          operation: 'erase',
          id,
          before: stored,
          after: undefined,
          edits: [],
          members: [],
          password: false,
        }),
      );
    await this.#units.commit(caller, type, id, {
      ...{ kind: 'erase', type, id, sensitiveOf: this.#sensitivePaths },
      ...this.#sensitiveOf(type),
    });
  }

  /** The draft with what a hook makes of it. */
  async #considered(
    caller: Caller,
    type: ResourceType,
    stored: StoredResource,
    draft: Draft,
  ): Promise<Draft> {
    const { before: hook } = this.#hooks;
    if (hook === undefined) return draft;
    const before = draft.document?.before ?? (JSON.parse(stored.body) as Document);
    const after = draft.document?.after ?? before;
    const answer = await hook(
      await this.#proposal(caller, type, {
        operation: draft.operation,
        id: stored.id,
        before,
        after,
        edits: draft.document?.difference.edits ?? [],
        members: proposedMembers(draft.members),
        password: draft.password !== undefined,
      }),
    );
    if (answer === undefined) return draft;
    const { document: _, ...rest } = draft;
    return { ...rest, ...documentChange(type, before, enriched(type, after, answer)) };
  }

  async #proposal(
    { principal }: Caller,
    type: ResourceType,
    what: Omit<Proposal, 'tenant' | 'type' | 'actor' | 'refuse'>,
  ): Promise<Proposal> {
    const tenant = await this.#units.tenantName(principal.tenant);
    const { before, after, edits } = frozenCopy({
      before: what.before,
      after: what.after,
      edits: what.edits,
    });
    return { ...what, before, after, edits, tenant, type: type.name, actor: principal.actor, refuse };
  }

  readonly #sensitivePaths = (type: ResourceType): SensitivePaths | undefined => this.#sensitive.get(type);

  #sensitiveOf(type: ResourceType): { readonly sensitive?: SensitivePaths } {
    const sensitive = this.#sensitive.get(type);
    return sensitive === undefined ? {} : { sensitive };
  }
}

function isGroup(type: ResourceType): boolean {
  return membersAttribute(type) !== undefined;
}

function hashingOf({ principal, work }: Caller): Hashing {
  return { tenant: principal.tenant, work };
}

/** What an update has come to; undefined when another change came first. */
function writtenOf(result: Result | undefined): Written | undefined {
  return result && { resource: resourceOf(result), changed: result.outcome === 'updated' };
}

/** The resource that a create or an update leaves. */
function resourceOf(result: Result | undefined): FoundResource {
  if (result === undefined || !('resource' in result)) throw new Error('the store answered no resource');
  return result.resource;
}
