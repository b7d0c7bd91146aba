/** Roles and the guard beside an embedder's tables. Groups are named by their ids. */
import { keyOfTime } from '../layout/instant.ts';
import type { AccessRules, RulesInForce } from '../sql/access-rules.ts';
import { AccessWatch, type Bases } from '../sql/access-watch.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { CommandWatch } from '../sql/command-watch.ts';
import { grantSqlOf } from '../sql/grants.ts';
import { guardSqlOf } from '../sql/guard.ts';
import type { Steps as StoreSteps } from '../sql/steps.ts';
import type { Holders } from './holders.ts';
import type { Turn } from './turn.ts';

export const grantStatements = grantSqlOf('scimd_', 'group_id');
export const guardStatements = guardSqlOf('scimd_');

/** What commands of a unit are watched with. */
export interface WatchTools {
  readonly rules: AccessRules;
  readonly holders: Holders;
  readonly clock: () => Date;
  /** Outlives the transaction. */
  readonly bases: Bases;
}

/** Whoever holds the head of the tenant's record is the only one to look and to write. */
export const lockTenant = 'SELECT tenant FROM scimd_change_counter WHERE tenant = ? FOR UPDATE';

/** Watches the commands of units in one transaction; what is to be recorded of one comes into the turn's `entries`. */
export function watchOf({ rules, holders, clock, bases }: WatchTools, turn: Turn): CommandWatch {
  let known: RulesInForce | undefined;
  // Units hold the head of the record from their beginning.
  const inForce = function* (): StoreSteps<RulesInForce> {
    known ??= yield* rules.inForce();
    return known;
  };
  const { sql, activePeople } = holders;
  return new CommandWatch({
    ...{ rules, inForce },
    watch: new AccessWatch({ sql, guard: guardStatements, activePeople }, clock, bases),
    note(notice, transaction) {
      const entry = noticeEntry(notice, keyOfTime(clock().getTime()), transaction);
      turn.entries.push({ ...entry, type: notice.subject.type });
    },
  });
}
