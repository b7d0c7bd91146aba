/** The state of the guard of each tenant. */
import type { GuardState, Guards, MassLoss } from '../guard.ts';
import { keyOfTime } from '../layout/instant.ts';
import { refusedNotice } from '../sql/access-notices.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { guardSql } from '../sql/guard.ts';
import type { NewNotice } from '../store.ts';
import { noTenant, type Transactions } from './transactions.ts';
import type { UnitWriter } from './unit-writer.ts';

export interface GuardTools {
  readonly transactions: Transactions;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** Records notices. */
  readonly note: (notices: readonly NewNotice[]) => Promise<unknown>;
}

type State = [held: string | null, tripped: string | null, released: string | null, reason: string | null];

const subject = { type: 'Guard', id: 'guard' } as const;

function toState(tenant: number, [held, tripped, released, reason]: State): GuardState {
  return {
    tenant,
    ...(held === null ? {} : { held }),
    ...(tripped === null ? {} : { tripped }),
    ...(released === null ? {} : { released }),
    ...(reason === null ? {} : { reason: JSON.parse(reason) as MassLoss }),
  };
}

export function guardsOver({ transactions, clock, newId, note }: GuardTools): Guards {
  const inTenant = async <T>(tenant: number, action: (writer: UnitWriter) => Promise<T>): Promise<T> => {
    const done = await transactions.inTenant(tenant, String, async (writer) => ({
      value: await action(writer),
    }));
    if (done === undefined) throw noTenant(tenant);
    return done.value;
  };
  const append = (writer: UnitWriter, notice: NewNotice): void =>
    writer.append(noticeEntry(notice, keyOfTime(clock().getTime()), newId()), notice.subject.type);
  const stateIn = async (writer: UnitWriter, tenant: number): Promise<State> => {
    const [row] = (await writer.query(guardSql.state, [tenant])) as State[];
    return row ?? [null, null, null, null];
  };
  return {
    async states() {
      const rows = (await transactions.pool.read(guardSql.states)) as [number, ...State][];
      return rows.map(([tenant, ...state]) => toState(tenant, state));
    },
    hold: (tenant, loss, actor, request) =>
      inTenant(tenant, async (writer) => {
        const now = clock();
        const [held, , released] = await stateIn(writer, tenant);
        if (held !== null || (released !== null && now.getTime() < Date.parse(released))) return false;
        const at = now.toISOString();
        writer.send(guardSql.hold, [tenant, at, at, JSON.stringify(loss)]);
        append(writer, {
          ...{ tenant, event: 'guard.tripped', subject, actor, data: { mode: 'hold', ...loss } },
          ...(request === undefined ? {} : { request }),
        });
        return true;
      }),
    async refused(tenant, reason, actor, request) {
      const unlessSince = new Date(clock().getTime() - 3_600_000).toISOString();
      const more = request === undefined ? {} : { request };
      await note([{ tenant, actor, unlessSince, ...refusedNotice(reason), ...more }]);
    },
    release: (tenant, until, actor) =>
      inTenant(tenant, async (writer) => {
        const [held, tripped, , reason] = await stateIn(writer, tenant);
        const released = until.toISOString();
        writer.send(guardSql.release, [tenant, released]);
        writer.send(guardSql.forgetAll, [tenant]);
        append(writer, {
          ...{ tenant, event: 'guard.released', subject, actor },
          data: { until: released, ...(held === null ? {} : { held }) },
        });
        return toState(tenant, [null, tripped, released, reason]);
      }),
  };
}
