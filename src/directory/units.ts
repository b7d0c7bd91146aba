/** Units of commands on behalf of a caller, and what the store, the guard and hooks make of them. */
import { ScimError } from '../error.ts';
import type { ResourceType } from '../scim/registry.ts';
import type { Change } from '../store/change.ts';
import type { GuardReason } from '../store/guard.ts';
import type { Awaitable, Command, Result, Store, Unit, WriteContext } from '../store/store.ts';
import { isPromise } from '../store/stored-resource.ts';
import { type Submit, type Submitted, submitTo } from './batch.ts';
import type { Caller } from './caller.ts';
import { DirectoryError, notDeleted, notFound } from './directory-error.ts';
import {
  type GuardNews,
  type GuardOptions,
  type GuardPolicies,
  guardError,
  guardPolicies,
  policyFor,
} from './guard.ts';
import type { Hooks } from './hooks.ts';

export interface UnitOptions {
  readonly hooks?: Hooks;
  /** When losses of access are too many at once; with the defaults unless given. */
  readonly guard?: GuardOptions;
  /** Is told of what the guard did. */
  readonly onGuard?: (news: GuardNews) => void;
}

export class Units {
  readonly #store: Store;
  readonly #submit: Submit;
  readonly #hooks: Hooks;
  readonly #guard: GuardPolicies;
  readonly #onGuard: ((news: GuardNews) => void) | undefined;
  readonly #tenantNames = new Map<number, string>();

  constructor(store: Store, { hooks = {}, guard = {}, onGuard }: UnitOptions) {
    this.#store = store;
    this.#submit = submitTo(store);
    this.#hooks = hooks;
    this.#guard = guardPolicies(guard);
    this.#onGuard = onGuard;
  }

  /** The name of a tenant, for hooks. */
  async tenantName(number: number): Promise<string> {
    if (!this.#tenantNames.has(number))
      for (const tenant of await this.#store.tenants()) this.#tenantNames.set(tenant.number, tenant.name);
    return this.#tenantNames.get(number) ?? String(number);
  }

  /** Undefined where the version was not the expected one. */
  commit(caller: Caller, type: ResourceType, id: string, command: Command): Promise<Result | undefined> {
    const { submit = this.#submit } = caller;
    const unitOf = this.of(caller);
    const submitted =
      unitOf instanceof Promise ? unitOf.then((made) => submit(made(command))) : submit(unitOf(command));
    return submitted.then((outcome) => this.resultOf(outcome, caller, type, id, command.kind));
  }

  /** What makes a unit of a command of this caller, with the tolerances that were needed by then. */
  of(caller: Caller): Awaitable<(command: Command) => Unit> {
    const { within } = this.#hooks;
    if (within === undefined) return (command) => this.#unit(caller, command, undefined);
    return this.tenantName(caller.principal.tenant).then(
      (tenant) => (command) => this.#unit(caller, command, (changes) => runWithin(within, changes, tenant)),
    );
  }

  #unit(caller: Caller, command: Command, within: Unit['within']): Unit {
    const { principal, base, work } = caller;
    return {
      tenant: principal.tenant,
      context: contextOf(caller),
      base,
      work,
      commands: [command],
      guard: policyFor(this.#guard, principal.actor),
      within,
    };
  }

  /** Undefined where the version was not the expected one. */
  resultOf(
    submitted: Submitted,
    caller: Caller,
    type: ResourceType,
    id: string,
    kind: Command['kind'] = 'update',
  ): Awaitable<Result | undefined> {
    const { tenant } = caller.principal;
    switch (submitted.outcome) {
      case 'done':
        for (const alert of submitted.alerts ?? []) this.#onGuard?.({ tenant, kind: 'alert', alert });
        return submitted.results[0];
      case 'conflict':
        return undefined;
      case 'missing':
        throw kind === 'restore' || kind === 'erase' ? notDeleted(type, id) : notFound(type, id);
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
        throw new DirectoryError(
          'invalid-id',
          'id must not be empty, "." or "..", and must not contain "bulkId"',
        );
      case 'guarded':
        return this.#guarded(caller, submitted.reason);
      case 'undone':
        throw new DirectoryError('undone', 'Another change, to be made together with this one, failed');
      case 'failed':
        throw submitted.error;
    }
  }

  /**
   * Records that the guard refused something, and refuses it: the first of its kind in a while, since a provider tries again
   * and again.
   */
  async #guarded({ principal, requestId }: Caller, reason: GuardReason): Promise<never> {
    const { tenant, actor } = principal;
    if (reason.kind === 'mass') {
      const { kind: _, ...loss } = reason;
      if (await this.#store.guards.hold(tenant, loss, actor, requestId))
        this.#onGuard?.({ tenant, kind: 'held', ...loss });
    } else if (reason.kind !== 'held') await this.#store.guards.refused(tenant, reason, actor, requestId);
    this.#onGuard?.({ tenant, kind: 'refused', reason });
    throw guardError(reason);
  }
}

function runWithin(within: NonNullable<Hooks['within']>, changes: readonly Change[], tenant: string): void {
  for (const change of changes) {
    const answer: unknown = within({ ...change, tenant });
    if (!isPromise(answer)) continue;
    // What it comes to is told to nobody, and would end the process where it is an error.
    answer.then(undefined, () => {});
    throw new TypeError('within must answer at once: an SQLite transaction does not wait for a promise');
  }
}

/** What the change record tells of the caller. */
function contextOf({ principal, tolerated, requestId, address, transaction }: Caller): WriteContext {
  const { actor } = principal;
  const { used } = tolerated;
  return {
    actor: address === undefined ? actor : { ...actor, address },
    request: requestId,
    transaction,
    tolerances: used.size === 0 ? undefined : [...used],
  };
}
