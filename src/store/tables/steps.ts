/** Carries steps of the stores of scimd's own out over an embedder's tables. */
import type { Change } from '../change.ts';
import type { Noted, StepsPort, Steps as StoreSteps } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';
import { lockTenant } from './grants.ts';
import type { Holders } from './holders.ts';
import type { Turn } from './turn.ts';

export interface StepsTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly holders: Holders;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly readOf: <T>(tenant: number, steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(work: (turn: Turn) => Steps<T>) => Promise<T>;
  /** The same, of which the application is told when it is done. */
  readonly writeAndTell: <T>(work: (turn: Turn) => Steps<T>) => Promise<T>;
  /** Records notices in the transaction, and answers them as changes. */
  readonly note: (notices: readonly NewNotice[], turn: Turn) => Steps<readonly Change[]>;
  /** Tells the embedder's own code of the access of these people, within the transaction. */
  readonly tell: (change: Change, people: readonly string[]) => Steps<void>;
  /** The tenants that there are, whose names are known from then on. */
  readonly tenants: () => Steps<unknown>;
}

export function stepsPort(tools: StepsTools): StepsPort {
  const { dialect, holders, read, readOf, write, writeAndTell, note, tell, tenants } = tools;
  const written = function* <Result>(
    tenant: number | 'all',
    steps: () => StoreSteps<Noted<Result>>,
    turn: Turn,
  ): Steps<Result> {
    yield* tenants();
    if (dialect === 'postgres')
      yield tenant === 'all'
        ? statement('SELECT tenant FROM scimd_change_counter ORDER BY tenant FOR UPDATE')
        : statement(lockTenant, tenant);
    const { result, notices } = yield* holders.run(steps());
    for (const change of yield* note(notices, turn)) yield* tell(change, peopleIn(change));
    // A hook may have caught the error of a statement of its own: then PostgreSQL takes all back, and COMMIT does not say so.
    if (dialect === 'postgres') yield statement('SELECT 1 AS done');
    return result;
  };
  return {
    read: (steps, tenant) => {
      const run = () => holders.run(steps());
      return tenant === undefined ? read(run) : readOf(tenant, run);
    },
    write: (steps) => write(() => holders.run(steps())),
    writeNoted: (tenant, steps) => writeAndTell((turn) => written(tenant, steps, turn)),
    note: (notice) => writeAndTell((turn) => note([notice], turn)),
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
