/** The use cases of whoever reads and writes resources, for every resource type alike (RFC 7644 §3.3 to §3.6). */
import { DEFAULT_LIMITS, type Limits } from '../../grammar/index.ts';
import { ScimError } from '../error.ts';
import { Patch } from '../query/patch.ts';
import { differenceOf } from '../scim/difference.ts';
import { readPatchOp } from '../scim/messages.ts';
import type { PatchResult } from '../scim/patch.ts';
import { type EdgePatch, edgePatches } from '../scim/patch-edges.ts';
import type { Edit } from '../scim/patch-request.ts';
import type { Attribute, Registry, ResourceType } from '../scim/registry.ts';
import {
  type CheckedResource,
  checkNew,
  checkReplacement,
  type Document,
  edgeAttribute,
} from '../scim/resource.ts';
import { demandsNewGroupName } from '../scim/tolerances.ts';
import type {
  Command,
  FoundResource,
  MemberEdit,
  Page,
  Parts,
  Position,
  Query,
  Result,
  Store,
  StoredResource,
  UpdateCommand,
} from '../store/store.ts';
import { type Submit, submitTo } from './batch.ts';
import { type Caller, requireWrite } from './caller.ts';
import { DirectoryError } from './directory-error.ts';
import { Filters, isDescending, sortAttribute } from './filters.ts';
import { KeyedLock } from './keyed-lock.ts';
import { hashPassword } from './password.ts';

/** The versions of which a resource must have one to be changed (If-Match, RFC 7644 §3.14); `*`: any. */
export type IfMatch = '*' | readonly number[];

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
}

/** What a write is to do with a stored resource: nothing, if none of the parts is there. */
export type Change = Pick<UpdateCommand, 'operation' | 'document' | 'members' | 'credential'>;

/** A resource after a write. */
export interface Written {
  readonly resource: StoredResource;
  /** False where the resource was already as it was to be. */
  readonly changed: boolean;
}

export interface DirectoryOptions {
  /** Those of filters and of paths. */
  readonly limits?: Limits;
  /** Is a group refused, 409 uniqueness, whose displayName another group of its tenant has? No unless given. */
  readonly uniqueDisplayName?: boolean;
}

/** How often a change is computed anew when another one came in between. */
const attempts = 20;

export class Directory {
  readonly store: Store;
  readonly filters: Filters;
  /** Is a name that another group of the tenant has refused? */
  readonly uniqueDisplayName: boolean;
  readonly #limits: Limits;
  readonly #lock = new KeyedLock();
  readonly #submit: Submit;

  constructor(store: Store, options: DirectoryOptions = {}) {
    this.store = store;
    this.uniqueDisplayName = options.uniqueDisplayName ?? false;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#submit = submitTo(store);
    this.filters = new Filters(this.#limits);
  }

  get registry(): Registry {
    return this.store.registry;
  }

  /** Undefined if there is none. */
  async find(
    { principal, base }: Caller,
    type: ResourceType,
    id: string,
    parts?: Parts,
  ): Promise<FoundResource | undefined> {
    return this.store.get({ tenant: principal.tenant, type, id, base, ...parts });
  }

  /** @throws DirectoryError `not-found`. */
  async get(caller: Caller, type: ResourceType, id: string, parts?: Parts): Promise<FoundResource> {
    const resource = await this.find(caller, type, id, parts);
    if (resource === undefined) throw notFound(type, id);
    return resource;
  }

  /**
   * One page of what a query finds.
   * @throws ScimFilterError, and ScimError 400 invalidValue for sortBy and sortOrder.
   */
  async list(caller: Caller, asked: ListQuery): Promise<Page> {
    const { types, filter, sortBy, sortOrder, offset, limit, after, before, groups, members } = asked;
    const several = types.length > 1;
    const query: Query = {
      tenant: caller.principal.tenant,
      base: caller.base,
      targets: types.map((type) => {
        const plan =
          filter === undefined ? undefined : this.filters.plan(type, filter, several, caller.tolerated);
        const sort = sortBy === undefined ? undefined : sortAttribute(type, sortBy, several);
        return { type, ...(plan === undefined ? {} : { plan }), ...(sort === undefined ? {} : { sort }) };
      }),
      descending: isDescending(sortOrder),
      limit,
      ...(offset === undefined ? {} : { offset }),
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
      ...(groups === undefined ? {} : { groups }),
      ...(members === undefined ? {} : { members }),
    };
    return this.store.list(query);
  }

  /**
   * Creates a resource from the body of a POST. `id` is given by a bulk request, whose operations may refer to what
   * does not exist yet.
   * @throws ScimError where the body is not valid, or a unique value is taken.
   */
  async create(caller: Caller, type: ResourceType, body: unknown, id?: string): Promise<StoredResource> {
    requireWrite(caller.principal);
    return this.createChecked(caller, type, checkNew(type, body, caller.tolerated), id);
  }

  /** The same of a body that was checked already; an import keeps the `id` that the resource had elsewhere. */
  async createChecked(
    caller: Caller,
    type: ResourceType,
    { document, edges, password }: CheckedResource,
    id?: string,
  ): Promise<StoredResource> {
    requireWrite(caller.principal);
    const credential = password == null ? undefined : await hashPassword(password);
    const result = await this.#commit(caller, type, id ?? '', {
      kind: 'create',
      type,
      document,
      uniqueDisplayName:
        isGroup(type) && (this.uniqueDisplayName || demandsNewGroupName(caller.principal.idp)),
      ...(id === undefined ? {} : { id }),
      ...(edges === undefined || edges.length === 0 ? {} : { members: [{ kind: 'add', members: edges }] }),
      ...(credential === undefined ? {} : { credential }),
    });
    return resourceOf(result);
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
    ifMatch?: IfMatch,
  ): Promise<Written> {
    requireWrite(caller.principal);
    let hash: string | undefined;
    return this.change(caller, type, id, ifMatch, async (stored) => {
      const before = JSON.parse(stored.body) as Document;
      const checked = checkReplacement(type, body, before, caller.tolerated);
      if (checked.password != null) hash ??= await hashPassword(checked.password);
      return {
        operation: 'replace',
        ...documentChange(type, before, checked.document),
        ...(checked.edges === undefined ? {} : { members: [{ kind: 'replace', members: checked.edges }] }),
        ...credentialOf(checked.password, hash),
      };
    });
  }

  /**
   * Changes a resource by a PatchOp message (RFC 7644 §3.5.2); answers the message's edits too.
   * @throws ScimError and ScimFilterError where the message is not valid; DirectoryError `not-found`,
   * `version-mismatch`, `busy`.
   */
  async patch(
    caller: Caller,
    type: ResourceType,
    id: string,
    message: unknown,
    ifMatch?: IfMatch,
  ): Promise<Written & { readonly edits: readonly Edit[] }> {
    requireWrite(caller.principal);
    const operations = readPatchOp(message, type, caller.tolerated);
    const patch = new Patch(type, operations, id, caller.tolerated, this.#limits);
    const { edits } = patch;
    const members = edgeAttribute(type);
    const edges = members && { attribute: members, patches: edgePatches };
    let hash: string | undefined;
    const changeBy = async (before: Document | undefined, result: PatchResult): Promise<Change> => {
      if (result.password != null) hash ??= await hashPassword(result.password);
      return {
        operation: 'patch',
        ...(before === undefined ? {} : documentChange(type, before, result.document)),
        ...(result.edges.length === 0 || members === undefined
          ? {}
          : { members: result.edges.map((edge) => memberEdit(edge, members, patch)) }),
        ...credentialOf(result.password, hash),
      };
    };
    // Edits of members alone need neither the document nor its version: they cost what the change costs.
    const onlyMembers = members !== undefined && edits.every(({ attribute }) => attribute === members);
    if (onlyMembers && ifMatch === undefined) {
      const change = await changeBy(undefined, patch.apply({}, { edges }));
      const written = await this.changeVersion(caller, type, id, change, undefined);
      if (written === undefined) throw busy(type, id);
      return { ...written, edits };
    }
    const written = await this.change(caller, type, id, ifMatch, async (stored) => {
      const before = JSON.parse(stored.body) as Document;
      return changeBy(before, patch.apply(before, { edges }));
    });
    return { ...written, edits };
  }

  /** @throws DirectoryError `not-found`, `version-mismatch`. */
  async delete(caller: Caller, type: ResourceType, id: string, ifMatch?: IfMatch): Promise<void> {
    requireWrite(caller.principal);
    let expected: number | undefined;
    if (ifMatch !== undefined) {
      const stored = await this.get(caller, type, id);
      checkVersion(ifMatch, stored.version);
      expected = stored.version;
    }
    const result = await this.#commit(caller, type, id, {
      kind: 'delete',
      type,
      id,
      ...(expected === undefined ? {} : { expected }),
    });
    if (result === undefined) throw versionMismatch();
  }

  /**
   * Compare and swap: reads, computes, commits; computes anew when another change came in between, in turn with the
   * others of this process who had to, so that only another process can come in between again.
   * @throws DirectoryError `not-found`, `version-mismatch`, `busy`, and what `compute` throws.
   */
  async change(
    caller: Caller,
    type: ResourceType,
    id: string,
    ifMatch: IfMatch | undefined,
    compute: (stored: StoredResource) => Promise<Change>,
  ): Promise<Written> {
    const attempt = async (times: number): Promise<Written | undefined> => {
      for (let time = 0; time < times; time++) {
        const stored = await this.get(caller, type, id);
        checkVersion(ifMatch, stored.version);
        const change = await compute(stored);
        const written = isEmpty(change)
          ? { resource: stored, changed: false }
          : await this.changeVersion(caller, type, id, change, stored.version);
        if (written !== undefined) return written;
      }
      return undefined;
    };
    const key = `${caller.principal.tenant}/${id}`;
    // One of several that run together waits for nobody first, since others may wait for it.
    const waits = caller.submit === undefined && this.#lock.isTaken(key);
    const first = waits ? undefined : await attempt(1);
    const written = first ?? (await this.#lock.take(key, () => attempt(attempts)));
    if (written === undefined) throw busy(type, id);
    return written;
  }

  /**
   * The change of one version, of any without `expected`; undefined when another change came first.
   * @throws DirectoryError `not-found`.
   */
  async changeVersion(
    caller: Caller,
    type: ResourceType,
    id: string,
    change: Change,
    expected: number | undefined,
  ): Promise<Written | undefined> {
    const result = await this.#commit(caller, type, id, {
      kind: 'update',
      type,
      id,
      uniqueDisplayName: isGroup(type) && this.uniqueDisplayName,
      ...change,
      ...(expected === undefined ? {} : { expected }),
    });
    if (result === undefined) return undefined;
    return { resource: resourceOf(result), changed: result.outcome === 'updated' };
  }

  /** Undefined where the version was not the expected one. */
  async #commit(
    caller: Caller,
    type: ResourceType,
    id: string,
    command: Command,
  ): Promise<Result | undefined> {
    const { principal, base, submit = this.#submit } = caller;
    const submitted = await submit({
      tenant: principal.tenant,
      context: { actor: principal.actor },
      base,
      commands: [command],
    });
    switch (submitted.outcome) {
      case 'done':
        return submitted.results[0];
      case 'conflict':
        return undefined;
      case 'missing':
        throw notFound(type, id);
      case 'taken':
        throw new DirectoryError(
          'taken',
          `${submitted.path} ${JSON.stringify(submitted.value)} is already in use`,
        );
      case 'unmatched':
        throw new ScimError(400, 'noTarget', submitted.detail);
      case 'invalid-id':
        throw new DirectoryError('invalid-id', 'id must not be empty and must not contain "bulkId"');
      case 'undone':
        throw new DirectoryError('undone', 'Another change, to be made together with this one, failed');
      case 'failed':
        throw submitted.error;
    }
  }
}

function isGroup(type: ResourceType): boolean {
  return edgeAttribute(type) !== undefined;
}

/** The resource that a create or an update leaves. */
function resourceOf(result: Result | undefined): StoredResource {
  if (result === undefined || !('resource' in result)) throw new Error('the store answered no resource');
  return result.resource;
}

/** Nothing if the documents are the same but for their order. */
function documentChange(type: ResourceType, before: Document, after: Document): Pick<Change, 'document'> {
  if (before === after) return {};
  const difference = differenceOf(type, before, after);
  return difference.edits.length === 0 ? {} : { document: { before, after, difference } };
}

function isEmpty({ document, members, credential }: Change): boolean {
  return document === undefined && members === undefined && credential === undefined;
}

function credentialOf(
  password: string | null | undefined,
  hash: string | undefined,
): Pick<Change, 'credential'> {
  if (password === undefined) return {};
  return { credential: password === null ? null : (hash as string) };
}

function memberEdit(edge: EdgePatch, members: Attribute, patch: Patch): MemberEdit {
  if (!('filter' in edge)) return edge;
  const { filter, ...rest } = edge;
  return { ...rest, plan: patch.plan(members, filter) };
}

function checkVersion(ifMatch: IfMatch | undefined, version: number): void {
  if (ifMatch !== undefined && ifMatch !== '*' && !ifMatch.includes(version)) throw versionMismatch();
}

function notFound(type: ResourceType, id: string): DirectoryError {
  return new DirectoryError('not-found', `There is no ${type.name} with id ${id}`);
}

function versionMismatch(): DirectoryError {
  return new DirectoryError(
    'version-mismatch',
    'The resource has changed since: its version is not the one in If-Match',
  );
}

function busy(type: ResourceType, id: string): DirectoryError {
  return new DirectoryError(
    'busy',
    `${type.name} ${id} is being changed by too many requests at once; try again`,
  );
}
