/** Gives changes to the store: what hooks make of them, passwords hashed, with what the record tells of the caller. */
import { ScimError } from '../error.ts';
import { sensitivePaths } from '../query/sensitive.ts';
import { type Document, membersAttribute } from '../scim/document.ts';
import type { ResourceType } from '../scim/registry.ts';
import { demandsNewGroupName } from '../scim/tolerances.ts';
import type { Change } from '../store/change.ts';
import type { GuardReason } from '../store/guard.ts';
import type {
  Command,
  FoundResource,
  Result,
  SensitivePaths,
  Store,
  StoredResource,
  Unit,
  WriteContext,
} from '../store/store.ts';
import { type Submit, submitTo } from './batch.ts';
import type { Caller } from './caller.ts';
import { DirectoryError, notDeleted, notFound } from './directory-error.ts';
import { type Creation, type Draft, documentChange, isEmpty } from './draft.ts';
import {
  type GuardNews,
  type GuardOptions,
  type GuardPolicies,
  guardError,
  guardPolicies,
  policyFor,
} from './guard.ts';
import { enriched, type Hooks, type Proposal, proposedMembers, refuse } from './hooks.ts';
import type { Hashing } from './password.ts';

export interface CommitOptions {
  /** Attributes, in standard notation, of which the change record keeps no values. */
  readonly sensitive?: readonly string[];
  /** Is a group refused, 409 uniqueness, whose displayName another group of its tenant has? No unless given. */
  readonly uniqueDisplayName?: boolean;
  readonly hooks?: Hooks;
  /** When losses of access are too many at once; with the defaults unless given. */
  readonly guard?: GuardOptions;
  /** Is told of what the guard did. */
  readonly onGuard?: (news: GuardNews) => void;
  /** Is told of what {@link Hooks.after} throws. */
  readonly onHookError?: (error: unknown) => void;
}

/** A resource after a write. */
export interface Written {
  readonly resource: FoundResource;
  /** False where the resource was already as it was to be. */
  readonly changed: boolean;
}

export class Commits {
  readonly #store: Store;
  readonly #submit: Submit;
  readonly #sensitive = new Map<ResourceType, SensitivePaths>();
  readonly #uniqueDisplayName: boolean;
  readonly #hooks: Hooks;
  readonly #onHookError: ((error: unknown) => void) | undefined;
  readonly #guard: GuardPolicies;
  readonly #onGuard: ((news: GuardNews) => void) | undefined;
  readonly #tenantNames = new Map<number, string>();

  constructor(store: Store, options: CommitOptions) {
    const { sensitive = [], uniqueDisplayName = false, hooks = {}, onHookError } = options;
    this.#store = store;
    this.#submit = submitTo(store);
    this.#uniqueDisplayName = uniqueDisplayName;
    this.#hooks = hooks;
    this.#onHookError = onHookError;
    this.#guard = guardPolicies(options.guard ?? {});
    this.#onGuard = options.onGuard;
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
    const result = await this.#commit(caller, type, id ?? '', {
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
   * The change of the stored version, of any where `stored` is only an id; undefined when another change came first.
   * @throws DirectoryError `not-found`, `taken`, `undone`; ScimError 400 noTarget; StoreError; what hooks throw.
   */
  async update(
    caller: Caller,
    type: ResourceType,
    stored: StoredResource | string,
    draft: Draft,
  ): Promise<Written | undefined> {
    const change = typeof stored === 'string' ? draft : await this.#considered(caller, type, stored, draft);
    if (isEmpty(change) && typeof stored !== 'string') return { resource: stored, changed: false };
    const { password, ...more } = change;
    const id = typeof stored === 'string' ? stored : stored.id;
    const result = await this.#commit(caller, type, id, {
      kind: 'update',
      type,
      id,
      uniqueDisplayName: isGroup(type) && this.#uniqueDisplayName,
      ...more,
      ...(password === undefined
        ? {}
        : { credential: password === null ? null : await password(hashingOf(caller)) }),
      ...(typeof stored === 'string' ? {} : { expected: stored.version }),
      ...this.#sensitiveOf(type),
    });
    if (result === undefined) return undefined;
    return { resource: resourceOf(result), changed: result.outcome === 'updated' };
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
    const result = await this.#commit(caller, type, id, {
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
    const result = await this.#commit(caller, type, id, {
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
    await this.#commit(caller, type, id, {
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
    const tenant = await this.#tenantName(principal.tenant);
    return { ...what, tenant, type: type.name, actor: principal.actor, refuse };
  }

  async #tenantName(number: number): Promise<string> {
    if (!this.#tenantNames.has(number))
      for (const tenant of await this.#store.tenants()) this.#tenantNames.set(tenant.number, tenant.name);
    return this.#tenantNames.get(number) ?? String(number);
  }

  readonly #sensitivePaths = (type: ResourceType): SensitivePaths | undefined => this.#sensitive.get(type);

  #sensitiveOf(type: ResourceType): { readonly sensitive?: SensitivePaths } {
    const sensitive = this.#sensitive.get(type);
    return sensitive === undefined ? {} : { sensitive };
  }

  /** Undefined where the version was not the expected one. */
  async #commit(
    caller: Caller,
    type: ResourceType,
    id: string,
    command: Command,
  ): Promise<Result | undefined> {
    const { principal, base, work, submit = this.#submit } = caller;
    const { within, after } = this.#hooks;
    const hooked = within !== undefined || after !== undefined;
    const tenant = hooked ? await this.#tenantName(principal.tenant) : '';
    const unit: Unit = {
      tenant: principal.tenant,
      context: contextOf(caller),
      base,
      ...(work === undefined ? {} : { work }),
      commands: [command],
      guard: policyFor(this.#guard, principal.actor),
      ...(after === undefined ? {} : { reports: true }),
      ...(within === undefined ? {} : { within: (changes) => runWithin(within, changes, tenant) }),
    };
    const submitted = await submit(unit);
    switch (submitted.outcome) {
      case 'done':
        for (const alert of submitted.alerts ?? [])
          this.#onGuard?.({ tenant: principal.tenant, kind: 'alert', alert });
        if (after !== undefined)
          for (const change of submitted.changes ?? []) this.#tell(after, { ...change, tenant });
        return submitted.results[0];
      case 'conflict':
        return undefined;
      case 'missing':
        throw command.kind === 'restore' || command.kind === 'erase'
          ? notDeleted(type, id)
          : notFound(type, id);
      case 'present':
        throw new DirectoryError('present', `${type.name} ${id} is not deleted`);
      case 'taken':
        throw new DirectoryError(
          'taken',
          `${submitted.path} ${JSON.stringify(submitted.value)} is already in use`,
        );
      case 'unmatched':
        throw new ScimError(400, 'noTarget', submitted.detail);
      case 'invalid-id':
        throw new DirectoryError('invalid-id', 'id must not be empty and must not contain "bulkId"');
      case 'guarded':
        await this.#guarded(caller, submitted.reason);
        throw guardError(submitted.reason);
      case 'undone':
        throw new DirectoryError('undone', 'Another change, to be made together with this one, failed');
      case 'failed':
        throw submitted.error;
    }
  }

  /** Records that the guard refused something: the first of its kind in a while, since a provider tries again and again. */
  async #guarded({ principal, requestId }: Caller, reason: GuardReason): Promise<void> {
    const { tenant, actor } = principal;
    if (reason.kind === 'mass') {
      const { kind: _, ...loss } = reason;
      if (await this.#store.guards.hold(tenant, loss, actor, requestId))
        this.#onGuard?.({ tenant, kind: 'held', ...loss });
    } else if (reason.kind !== 'held') await this.#store.guards.refused(tenant, reason, actor, requestId);
    this.#onGuard?.({ tenant, kind: 'refused', reason });
  }

  #tell(after: NonNullable<Hooks['after']>, change: Parameters<typeof after>[0]): void {
    const failed = (error: unknown): void => this.#onHookError?.(error);
    try {
      const told = after(change);
      if (told instanceof Promise) told.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function isGroup(type: ResourceType): boolean {
  return membersAttribute(type) !== undefined;
}

function runWithin(within: NonNullable<Hooks['within']>, changes: readonly Change[], tenant: string): void {
  for (const change of changes) {
    const answer: unknown = within({ ...change, tenant });
    if (typeof (answer as { then?: unknown } | undefined)?.then === 'function')
      throw new TypeError('within must answer at once: an SQLite transaction does not wait for a promise');
  }
}

function hashingOf({ principal, work }: Caller): Hashing {
  return { tenant: principal.tenant, work };
}

/** The resource that a create or an update leaves. */
function resourceOf(result: Result | undefined): FoundResource {
  if (result === undefined || !('resource' in result)) throw new Error('the store answered no resource');
  return result.resource;
}

/** What the change record tells of the caller. */
function contextOf({ principal, tolerated, requestId, address, transaction }: Caller): WriteContext {
  const { actor } = principal;
  return {
    actor: address === undefined ? actor : { ...actor, address },
    ...(requestId === undefined ? {} : { request: requestId }),
    ...(transaction === undefined ? {} : { transaction }),
    ...(tolerated.used.size === 0 ? {} : { tolerances: [...tolerated.used] }),
  };
}
