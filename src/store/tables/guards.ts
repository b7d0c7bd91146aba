/** The state of the guard of each tenant, beside an embedder's tables. */
import type { GuardState, Guards, MassLoss } from '../guard.ts';
import { refusedNotice } from '../sql/access-notices.ts';
import { guardSqlOf } from '../sql/guard.ts';
import type { NewNotice } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { one, type SqlDatabase, type SqlRow, type Steps, statement } from './database.ts';

export const guardStatements = guardSqlOf('scimd_');

export interface GuardTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly clock: () => Date;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
  /** Records notices, in the transaction. */
  readonly note: (notices: readonly NewNotice[]) => Steps<unknown>;
}

const subject = { type: 'Guard', id: 'guard' } as const;

function toState({ tenant, held, tripped, released, reason }: SqlRow): GuardState {
  return {
    tenant: Number(tenant),
    ...(typeof held === 'string' ? { held } : {}),
    ...(typeof tripped === 'string' ? { tripped } : {}),
    ...(typeof released === 'string' ? { released } : {}),
    ...(typeof reason === 'string' ? { reason: JSON.parse(reason) as MassLoss } : {}),
  };
}

export function guardsOver({ dialect, clock, read, write, note }: GuardTools): Guards {
  /** Whoever holds the head of the tenant's record is the only one to look and to write. */
  const state = function* (tenant: number): Steps<SqlRow> {
    if (dialect === 'postgres')
      yield statement('SELECT tenant FROM scimd_change_counter WHERE tenant = ? FOR UPDATE', tenant);
    return (yield* one(guardStatements.state, tenant)) ?? {};
  };
  return {
    states: () =>
      read(function* () {
        return (yield statement(guardStatements.states)).map(toState);
      }),
    hold: (tenant, loss, actor, request) =>
      write(function* () {
        const now = clock();
        const { held, released } = yield* state(tenant);
        const isReleased = typeof released === 'string' && now.getTime() < Date.parse(released);
        if (typeof held === 'string' || isReleased) return false;
        const at = now.toISOString();
        yield statement(guardStatements.hold, tenant, at, at, JSON.stringify(loss));
        yield* note([
          {
            ...{ tenant, event: 'guard.tripped', subject, actor, data: { mode: 'hold', ...loss } },
            ...(request === undefined ? {} : { request }),
          },
        ]);
        return true;
      }),
    refused: (tenant, reason, actor, request) =>
      write(function* () {
        const unlessSince = new Date(clock().getTime() - 3_600_000).toISOString();
        yield* note([
          {
            ...{ tenant, actor, unlessSince, ...refusedNotice(reason) },
            ...(request === undefined ? {} : { request }),
          },
        ]);
      }),
    release: (tenant, until, actor) =>
      write(function* () {
        const { held, ...before } = yield* state(tenant);
        const released = until.toISOString();
        yield statement(guardStatements.release, tenant, released);
        yield statement(guardStatements.forgetAll, tenant);
        yield* note([
          {
            ...{ tenant, event: 'guard.released', subject, actor },
            data: { until: released, ...(typeof held === 'string' ? { held } : {}) },
          },
        ]);
        return toState({ ...before, tenant, released });
      }),
  };
}
