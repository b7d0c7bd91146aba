/** Roles, the guard and locks beside an embedder's tables. Groups are named by their ids. */
import type { Change } from '../change.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { AccessPort, Noted } from '../sql/access-over.ts';
import type { AccessRules, RulesInForce } from '../sql/access-rules.ts';
import { AccessWatch, type Bases } from '../sql/access-watch.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { CommandWatch, type WatchedUnit } from '../sql/command-watch.ts';
import { grantSqlOf } from '../sql/grants.ts';
import { guardSqlOf } from '../sql/guard.ts';
import type { Steps as StoreSteps } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import type { NewChange } from './changes.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';
import type { Holders } from './holders.ts';

export const grantStatements = grantSqlOf('scimd_', 'group_id');
const guardStatements = guardSqlOf('scimd_');

/** What commands of a unit are watched with. */
export interface WatchTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly rules: AccessRules;
  readonly holders: Holders;
  readonly clock: () => Date;
  /** Outlives the unit. */
  readonly bases: Bases;
}

/** Whoever holds the head of the tenant's record is the only one to look and to write. */
const lockTenant = 'SELECT tenant FROM scimd_change_counter WHERE tenant = ? FOR UPDATE';

/** Watches the commands of one unit; what is to be recorded of it comes into `entries`. */
export function watchOf(
  { dialect, rules, holders, clock, bases }: WatchTools,
  { transaction }: WatchedUnit,
  entries: NewChange[],
): CommandWatch {
  let known: RulesInForce | undefined;
  let isAlone = false;
  const inForce = function* (tenant: number, alone: boolean): StoreSteps<RulesInForce> {
    if (alone && !isAlone && dialect === 'postgres') {
      yield { text: lockTenant, parameters: [tenant] };
      known = undefined;
    }
    if (alone) isAlone = true;
    known ??= yield* rules.inForce();
    return known;
  };
  const { sql, activePeople } = holders;
  return new CommandWatch({
    ...{ rules, inForce },
    watch: new AccessWatch({ sql, guard: guardStatements, activePeople }, clock, bases),
    note(notice) {
      const entry = noticeEntry(notice, keyOfTime(clock().getTime()), transaction);
      entries.push({ ...entry, type: notice.subject.type });
    },
  });
}

export interface AccessTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly rules: AccessRules;
  readonly holders: Holders;
  readonly clock: () => Date;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly readOf: <T>(tenant: number, steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
  /** Records notices in the transaction, and answers them as changes. */
  readonly note: (notices: readonly NewNotice[]) => Steps<readonly Change[]>;
  /** Tells the embedder's own code of the access of these people, within the transaction. */
  readonly tell: (change: Change, people: readonly string[]) => Steps<void>;
  /** The tenants that there are, whose names are known from then on. */
  readonly tenants: () => Steps<unknown>;
}

export function accessPort(tools: AccessTools): AccessPort {
  const { dialect, rules, holders, clock, read, readOf, write, note, tell, tenants } = tools;
  const written = function* <Result>(
    tenant: number | 'all',
    steps: () => StoreSteps<Noted<Result>>,
  ): Steps<Result> {
    yield* tenants();
    if (dialect === 'postgres')
      yield tenant === 'all'
        ? statement('SELECT tenant FROM scimd_change_counter ORDER BY tenant FOR UPDATE')
        : statement(lockTenant, tenant);
    const { result, notices } = yield* holders.run(steps());
    for (const change of yield* note(notices)) yield* tell(change, peopleIn(change));
    return result;
  };
  return {
    ...{ rules, guard: guardStatements, clock },
    read: (steps, tenant) => {
      const run = () => holders.run(steps());
      return tenant === undefined ? read(run) : readOf(tenant, run);
    },
    write: (tenant, steps) => write(() => written(tenant, steps)),
    note: (notice) => write(() => note([notice])),
  };
}

/** Whose access a notice says that changed. */
export function peopleIn({ type, id, notice }: Change): readonly string[] {
  if (notice?.event === 'user.access_changed' && type === 'User') return [id];
  const { gained, lost } = (notice?.data ?? {}) as {
    readonly gained?: readonly string[];
    readonly lost?: readonly string[];
  };
  return [...(gained ?? []), ...(lost ?? [])];
}
