/** The use cases of whoever reads and writes resources, for every resource type alike (RFC 7644 §3.3 to §3.6). */
import { DEFAULT_LIMITS, type Limits, type Range } from '../../grammar/index.ts';
import { Patch } from '../query/patch.ts';
import { compare, never } from '../query/plan.ts';
import { isDescending, sortAttribute } from '../query/sort.ts';
import { keyOf } from '../scim/comparison.ts';
import { type Document, membersAttribute } from '../scim/document.ts';
import { interoperable, refuseUndefined } from '../scim/interop.ts';
import { readPatchOp } from '../scim/messages.ts';
import { membersPatches } from '../scim/patch-members.ts';
import type { Attribute, Registry, ResourceType } from '../scim/registry.ts';
import { type CheckedResource, checkNew, checkReplacement } from '../scim/resource.ts';
import type {
  Awaitable,
  FoundResource,
  Page,
  Parts,
  Position,
  Query,
  Store,
  StoredResource,
} from '../store/store.ts';
import { documentOf } from '../store/stored-resource.ts';
import { type Caller, requireProvider, requireWrite } from './caller.ts';
import { type CommitOptions, Commits, type Patched, type Written } from './commits.ts';
import { busy, notFound, versionMismatch } from './directory-error.ts';
import {
  creationOf,
  type Draft,
  documentChange,
  isEmpty,
  memberEdit,
  memberEdits,
  onlyPlaced,
  Passwords,
  type PatchParts,
  textChange,
} from './draft.ts';
import { Filters } from './filters.ts';
import { KeyedLock } from './keyed-lock.ts';
import { PathCosts } from './path-costs.ts';
import { check, type Precondition } from './precondition.ts';

/** A query as asked, whichever way it came (RFC 7644 §3.4.2). */
export interface ListQuery extends Parts {
  readonly types: readonly ResourceType[];
  readonly filter?: string | undefined;
  readonly sortBy?: string | undefined;
  readonly sortOrder?: string | undefined;
  /** How many results to skip. */
  readonly offset?: number;
  /** Page size; 0 counts only. */
  readonly limit: number;
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  /** A page ends before its documents are larger than so many bytes together (RFC 7644 §3.4.2.4). */
  readonly bytes?: number;
  /** Names of the members of documents that are wanted, by type; undefined: all. */
  readonly shownOf?: (type: ResourceType) => readonly string[] | undefined;
}

export interface DirectoryOptions extends CommitOptions {
  /** Of filters and of paths. */
  readonly limits?: Limits;
}

/** Of a condition that stands in no text. */
const nowhere: Range = [0, 0];

/** How often a change is computed anew when another one came in between. */
const attempts = 20;

export class Directory {
  readonly store: Store;
  readonly filters: Filters;
  /** Is a name that another group of the tenant has refused? */
  readonly uniqueDisplayName: boolean;
  readonly #limits: Limits;
  readonly #lock = new KeyedLock();
  readonly #commits: Commits;

  constructor(store: Store, { limits = DEFAULT_LIMITS, ...options }: DirectoryOptions = {}) {
    this.store = store;
    this.uniqueDisplayName = options.uniqueDisplayName ?? false;
    this.#limits = limits;
    this.#commits = new Commits(store, options);
    this.filters = new Filters(limits);
  }

  get registry(): Registry {
    return this.store.registry;
  }

  /** @throws DirectoryError `read-only` for whoever may not write, and for whoever changes by hand what is the provider's. */
  #requireWrite({ principal }: Caller): void {
    requireWrite(principal);
    if (this.registry.profile !== undefined) requireProvider(principal);
  }

  /** Undefined if there is none. */
  find(
    { principal, base, work }: Caller,
    type: ResourceType,
    id: string,
    { groups, members }: Parts = {},
  ): Awaitable<FoundResource | undefined> {
    return this.store.get({ tenant: principal.tenant, type, id, base, work, groups, members });
  }

  /** @throws DirectoryError `not-found`. */
  get(caller: Caller, type: ResourceType, id: string, parts?: Parts): Awaitable<FoundResource> {
    const there = (resource: FoundResource | undefined): FoundResource => {
      if (resource === undefined) throw notFound(type, id);
      return resource;
    };
    const found = this.find(caller, type, id, parts);
    return found instanceof Promise ? found.then(there) : there(found);
  }

  /**
   * One page of what a query finds.
   * @throws ScimFilterError, and ScimError 400 invalidValue for sortBy and sortOrder.
   */
  list(caller: Caller, asked: ListQuery): Awaitable<Page> {
    const { types, filter, sortBy, sortOrder, offset, limit, after, before, groups, members } = asked;
    const { bytes, shownOf } = asked;
    const several = types.length > 1;
    const query: Query = {
      tenant: caller.principal.tenant,
      base: caller.base,
      targets: types.map((type) => {
        const plan =
          filter === undefined ? undefined : this.filters.plan(type, filter, several, caller.tolerated);
        const sort = sortBy === undefined ? undefined : sortAttribute(type, sortBy, several);
        return {
          type,
          shown: shownOf?.(type),
          ...(plan === undefined ? {} : { plan }),
          ...(sort === undefined ? {} : { sort }),
        };
      }),
      descending: isDescending(sortOrder),
      limit,
      ...(offset === undefined ? {} : { offset }),
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
      ...(groups === undefined ? {} : { groups }),
      ...(members === undefined ? {} : { members }),
      bytes,
      work: caller.work,
    };
    return this.store.list(query);
  }

  /** A page of those whose value of an attribute, which is text and has one value at most, is this one. */
  findBy(
    caller: Caller,
    type: ResourceType,
    attribute: Attribute,
    value: string,
    limit: number,
  ): Awaitable<Page> {
    const key = keyOf(attribute, value);
    const plan = key === undefined ? never : compare('eq', attribute, key, nowhere);
    const { principal, base, work } = caller;
    return this.store.list({ tenant: principal.tenant, base, targets: [{ type, plan }], limit, work });
  }

  /**
   * Creates a resource from the body of a POST. `id` is given by a bulk request, whose operations may refer to what
   * does not exist yet.
   * @throws ScimError where the body is not valid, or a unique value is taken.
   */
  async create(caller: Caller, type: ResourceType, body: unknown, id?: string): Promise<StoredResource> {
    this.#requireWrite(caller);
    if (this.registry.profile !== undefined) refuseUndefined(type, body);
    return this.createChecked(caller, type, checkNew(type, body, caller.tolerated), id);
  }

  /** The same of a body that was checked already; an import keeps the `id` that the resource had elsewhere. */
  async createChecked(
    caller: Caller,
    type: ResourceType,
    checked: CheckedResource,
    id?: string,
  ): Promise<StoredResource> {
    this.#requireWrite(caller);
    return this.#commits.create(caller, type, creationOf(checked, id));
  }

  /**
   * Replaces a resource by the body of a PUT (RFC 7644 §3.5.1).
   * @throws ScimError where the body is not valid; DirectoryError `not-found`, `version-mismatch`, `busy`.
   */
  async replace(
    caller: Caller,
    type: ResourceType,
    id: string,
    body: unknown,
    precondition?: Precondition,
  ): Promise<Written> {
    this.#requireWrite(caller);
    if (this.registry.profile !== undefined) refuseUndefined(type, body);
    const passwords = new Passwords();
    return this.change(caller, type, id, precondition, (stored) => {
      const before = documentOf(stored);
      const checked = checkReplacement(type, body, before, caller.tolerated);
      return {
        operation: 'replace',
        ...documentChange(type, before, checked.document),
        ...(checked.members === undefined
          ? {}
          : { members: [{ kind: 'replace', members: checked.members }] }),
        ...passwords.of(checked.password),
      };
    });
  }

  /**
   * Changes a resource by a PatchOp message (RFC 7644 §3.5.2).
   * @throws ScimError and ScimFilterError where the message is not valid; DirectoryError `not-found`,
   * `version-mismatch`, `busy`.
   */
  async patch(
    caller: Caller,
    type: ResourceType,
    id: string,
    message: unknown,
    precondition?: Precondition,
    parts: PatchParts = {},
  ): Promise<Patched> {
    const patch = this.#patchOf(caller, type, id, message);
    const members = membersAttribute(type);
    const onlyMembers = members !== undefined && patch.areOf(members);
    // Edits of members alone need neither the document nor its version: they cost what the change costs.
    const written = await (onlyMembers && precondition === undefined && !this.#commits.needsBefore
      ? this.#commits.edit(caller, type, id, {
          ...{ operation: 'patch', groups: parts.groups, countMembers: parts.countMembers },
          members: memberEdits(patch, members, caller.tolerated),
        })
      : this.#patchDocument(caller, type, id, patch, precondition, parts));
    if (written === undefined) throw busy(type, id);
    return { resource: written.resource, changed: written.changed, edits: patch.edits };
  }

  #patchOf(caller: Caller, type: ResourceType, id: string, message: unknown): Patch {
    this.#requireWrite(caller);
    const asked = readPatchOp(message, type, caller.tolerated);
    const operations = this.registry.profile === undefined ? asked : interoperable(type, asked);
    return new Patch(type, operations, id, caller.tolerated, new PathCosts(this.#limits, caller.work));
  }

  #patchDocument(
    caller: Caller,
    type: ResourceType,
    id: string,
    patch: Patch,
    precondition: Precondition | undefined,
    { groups, countMembers }: PatchParts,
  ): Promise<Written> {
    const members = membersAttribute(type);
    const ofMembers = members && { attribute: members, patches: membersPatches };
    const spend = (values: number): void => caller.work?.spendInWrites(values);
    const passwords = new Passwords();
    const placed = onlyPlaced(patch.edits);
    return this.change(caller, type, id, precondition, (stored, isWithin) => {
      const inText =
        isWithin && placed && textChange(type, stored, placed, (part) => patch.apply(part, {}).document);
      if (inText) return { operation: 'patch', groups, countMembers, ...inText };
      const before = documentOf(stored);
      const result = patch.apply(before, { members: ofMembers, spend });
      return {
        ...{ operation: 'patch', groups, countMembers },
        ...documentChange(type, before, result.document),
        ...(result.members.length === 0 || members === undefined
          ? {}
          : { members: result.members.map((each) => memberEdit(each, members, patch)) }),
        ...passwords.of(result.password),
      };
    });
  }

  /** @throws DirectoryError `not-found`, `version-mismatch`, `busy`. */
  async delete(caller: Caller, type: ResourceType, id: string, precondition?: Precondition): Promise<void> {
    this.#requireWrite(caller);
    if (precondition === undefined && !this.#commits.needsBefore) {
      await this.#commits.delete(caller, type, id);
      return;
    }
    await this.#attempt(caller, type, id, precondition, async (stored) => {
      const isDeleted = await this.#commits.delete(caller, type, stored);
      // One version was asked for: what came in between made another of it.
      if (!isDeleted && Array.isArray(precondition?.match)) throw versionMismatch();
      return isDeleted ? true : undefined;
    });
  }

  /**
   * Brings a deleted resource back with its id, its groups and its members, as it was when it was deleted; its version
   * goes on. Passwords and sensitive attributes are kept nowhere, and do not come back.
   * @throws DirectoryError `not-found` where nothing of the deletion is kept; `present`; `taken` where another resource
   * has its name meanwhile.
   */
  async restore(caller: Caller, type: ResourceType, id: string): Promise<StoredResource> {
    this.#requireWrite(caller);
    const { tenant } = caller.principal;
    const deleted = await this.store.deletion({ tenant, type, id });
    return this.#commits.restore(caller, type, id, deleted?.last.document);
  }

  /**
   * Takes everything about a resource out of what is stored, its past included; deletes it first if it is there. Its id,
   * and the numbers and times of its changes, stay.
   * @throws DirectoryError `not-found` where there is nothing to erase.
   */
  async erase(caller: Caller, type: ResourceType, id: string): Promise<void> {
    requireWrite(caller.principal);
    const stored = await this.find(caller, type, id);
    const document = stored === undefined ? undefined : (JSON.parse(stored.body) as Document);
    await this.#commits.erase(caller, type, id, document);
  }

  /**
   * Computes the change in the transaction that writes it, where the store can (`isWithin`). Else compare and swap: reads, computes,
   * commits; computes anew when another change came in between.
   * @throws DirectoryError `not-found`, `version-mismatch`, `busy`, and what `compute` throws.
   */
  async change(
    caller: Caller,
    type: ResourceType,
    id: string,
    precondition: Precondition | undefined,
    compute: (stored: StoredResource, isWithin: boolean) => Draft,
  ): Promise<Written> {
    // One of several that run together is given to the store with them.
    if (caller.submit === undefined && this.#commits.computes) {
      const written = await this.#commits.change(caller, type, id, (stored) => {
        check(precondition, stored.version);
        return compute(stored, true);
      });
      if (written !== undefined) return written;
    }
    return this.#attempt<Written>(caller, type, id, precondition, (stored) => {
      const draft = compute(stored, false);
      return isEmpty(draft)
        ? Promise.resolve({ resource: stored, changed: false })
        : this.#commits.update(caller, type, stored, draft);
    });
  }

  /**
   * The change of a resource as it was read; undefined when another change came first.
   * @throws DirectoryError `not-found`.
   */
  changeVersion(
    caller: Caller,
    type: ResourceType,
    stored: StoredResource,
    draft: Draft,
  ): Promise<Written | undefined> {
    this.#requireWrite(caller);
    return this.#commits.update(caller, type, stored, draft);
  }

  /**
   * What `work` makes of the stored resource; tried again while it answers undefined, in turn with the others of this
   * process who had to, so that only another process can come in between again.
   */
  async #attempt<T>(
    caller: Caller,
    type: ResourceType,
    id: string,
    precondition: Precondition | undefined,
    work: (stored: StoredResource) => Promise<T | undefined>,
  ): Promise<T> {
    const attempt = async (times: number): Promise<T | undefined> => {
      for (let time = 0; time < times; time++) {
        const stored = await this.get(caller, type, id);
        check(precondition, stored.version);
        const done = await work(stored);
        if (done !== undefined) return done;
      }
      return undefined;
    };
    const key = `${caller.principal.tenant}/${id}`;
    // One of several that run together waits for nobody first, since others may wait for it.
    const waits = caller.submit === undefined && this.#lock.isTaken(key);
    const first = waits ? undefined : await attempt(1);
    const done = first ?? (await this.#lock.take(key, () => attempt(attempts)));
    if (done === undefined) throw busy(type, id);
    return done;
  }
}
