/** The state of the guard of each tenant, in SQLite. */
import type { Database } from 'better-sqlite3';
import type { GuardState, Guards, MassLoss } from '../guard.ts';
import { refusedNotice } from '../sql/access-notices.ts';
import { guardSql } from '../sql/guard.ts';
import type { NewNotice } from '../store.ts';

interface GuardTools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
  /** Records a notice, in the transaction. */
  readonly note: (notice: NewNotice) => unknown;
}

interface Row {
  tenant: number;
  held: string | null;
  tripped: string | null;
  released: string | null;
  reason: string | null;
}

const subject = { type: 'Guard', id: 'guard' } as const;

export function guardsOver({ db, clock, read, write, note }: GuardTools): Guards {
  const states = db.prepare<[], Row>(guardSql.states);
  const state = db.prepare<[number], Omit<Row, 'tenant'>>(guardSql.state);
  const hold = db.prepare(guardSql.hold);
  const release = db.prepare(guardSql.release);
  const forgetAll = db.prepare(guardSql.forgetAll);
  const toState = ({ tenant, held, tripped, released, reason }: Row): GuardState => ({
    tenant,
    ...(held === null ? {} : { held }),
    ...(tripped === null ? {} : { tripped }),
    ...(released === null ? {} : { released }),
    ...(reason === null ? {} : { reason: JSON.parse(reason) as MassLoss }),
  });
  return {
    states: () => read(() => states.all().map(toState)),
    hold: (tenant, loss, actor, request) =>
      write(() => {
        const now = clock();
        const { held = null, released = null } = state.get(tenant) ?? {};
        if (held !== null || (released !== null && now.getTime() < Date.parse(released))) return false;
        const at = now.toISOString();
        hold.run(tenant, at, at, JSON.stringify(loss));
        note({
          ...{ tenant, event: 'guard.tripped', subject, actor, data: { mode: 'hold', ...loss } },
          ...(request === undefined ? {} : { request }),
        });
        return true;
      }),
    refused: (tenant, reason, actor, request) =>
      write(() => {
        const unlessSince = new Date(clock().getTime() - 3_600_000).toISOString();
        note({
          tenant,
          actor,
          unlessSince,
          ...refusedNotice(reason),
          ...(request === undefined ? {} : { request }),
        });
      }),
    release: (tenant, until, actor) =>
      write(() => {
        const { held, tripped, reason } = state.get(tenant) ?? { held: null, tripped: null, reason: null };
        const released = until.toISOString();
        release.run(tenant, released);
        forgetAll.run(tenant);
        note({
          ...{ tenant, event: 'guard.released', subject, actor },
          data: { until: released, ...(held === null ? {} : { held }) },
        });
        return toState({ tenant, held: null, tripped, released, reason });
      }),
  };
}
