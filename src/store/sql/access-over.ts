/** Roles, entitlements, locks and the state of the guard, over any database that carries steps out. */
import type { Granted } from '../../scim/roles.ts';
import type { Actor } from '../change.ts';
import type { Grants, Lock } from '../grants.ts';
import type { GuardState, Guards, MassLoss } from '../guard.ts';
import type { NewNotice } from '../store.ts';
import { accessNotices, refusedNotice, rulesNotices } from './access-notices.ts';
import type { AccessRules } from './access-rules.ts';
import type { GuardSql } from './guard.ts';
import type { Steps, StepsPort } from './steps.ts';

export function grantsOver(rules: AccessRules, clock: () => Date, { read, writeNoted }: StepsPort): Grants {
  const { grants } = rules;
  /** `data` is what is told of it, where the statement does something. */
  const changeLock = (
    [tenant, id]: readonly [tenant: number, id: string],
    text: string,
    more: readonly (string | null)[],
    actor: Actor,
    data: Readonly<Record<string, unknown>>,
  ): Promise<boolean> =>
    writeNoted(tenant, function* () {
      const rows = yield { text, parameters: [tenant, id, ...more] };
      const subject = { type: 'User', id } as const;
      const notice = { tenant, event: 'user.access_changed', subject, actor, data } as const;
      return rows.length === 0 ? { result: false, notices: [] } : { result: true, notices: [notice] };
    });
  return {
    rules: () =>
      read(function* () {
        return (yield* rules.inForce()).rules;
      }),
    check: (others) =>
      read(function* () {
        return (yield* rules.effect(others)).map(({ effect }) => effect);
      }),
    apply: (others, actor, refuse) =>
      writeNoted('all', function* () {
        const effects = yield* rules.effect(others);
        const result = effects.map(({ effect }) => effect);
        const refused = refuse?.(result);
        if (refused !== undefined) throw refused;
        const { rules: before } = yield* rules.inForce();
        yield* rules.put(others, effects);
        const notices: NewNotice[] = [];
        for (const { number, effect } of effects) {
          const tenant = { number, name: effect.tenant };
          // Of a tenant without a past nobody asks which rules were in force.
          const [past] = yield { text: grants.hasPast, parameters: [number] };
          if (past !== undefined) notices.push(...rulesNotices(tenant, { before, after: others }, { actor }));
          notices.push(...accessNotices(number, effect.changes, { actor }));
        }
        return { result, notices };
      }),
    people: (tenant) =>
      read(function* () {
        const found: (Granted & { readonly people: number })[] = [];
        for (const { kind, name } of (yield* rules.inForce()).rules)
          found.push({ kind, name, people: (yield* rules.holders(tenant, { kind, name })).length });
        return found;
      }, tenant),
    lock: (tenant, id, actor, reason) =>
      changeLock([tenant, id], grants.lock, [clock().toISOString(), reason ?? null], actor, {
        locked: true,
        ...(reason === undefined ? {} : { reason }),
      }),
    unlock: (tenant, id, actor) => changeLock([tenant, id], grants.unlock, [], actor, { locked: false }),
    locks: (tenant) =>
      read(function* () {
        const rows = yield { text: grants.locks, parameters: [tenant] };
        return (rows as readonly [string, string, string | null][]).map(
          ([id, since, reason]): Lock => ({ id, since, ...(reason === null ? {} : { reason }) }),
        );
      }),
  };
}

/** As the columns of the guard have it. */
type State = readonly [
  held: string | null,
  tripped: string | null,
  released: string | null,
  reason: string | null,
];

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

export function guardsOver(
  guard: GuardSql,
  clock: () => Date,
  { read, writeNoted, note }: StepsPort,
): Guards {
  const stateOf = function* (tenant: number): Steps<State> {
    const rows = (yield { text: guard.state, parameters: [tenant] }) as readonly State[];
    return rows[0] ?? [null, null, null, null];
  };
  return {
    states: () =>
      read(function* () {
        const rows = (yield { text: guard.states, parameters: [] }) as readonly (readonly [
          number,
          ...State,
        ])[];
        return rows.map(([tenant, ...state]) => toState(Number(tenant), state));
      }),
    hold: (tenant, loss, actor, request) =>
      writeNoted(tenant, function* () {
        const now = clock();
        const [held, , released] = yield* stateOf(tenant);
        if (held !== null || (released !== null && now.getTime() < Date.parse(released)))
          return { result: false, notices: [] };
        const at = now.toISOString();
        yield { text: guard.hold, parameters: [tenant, at, at, JSON.stringify(loss)] };
        const notice = {
          ...{ tenant, event: 'guard.tripped', subject, actor, data: { mode: 'hold', ...loss } },
          ...(request === undefined ? {} : { request }),
        } as const;
        return { result: true, notices: [notice] };
      }),
    async refused(tenant, reason, actor, request) {
      const unlessSince = new Date(clock().getTime() - 3_600_000).toISOString();
      const more = request === undefined ? {} : { request };
      await note({ tenant, actor, unlessSince, ...refusedNotice(reason), ...more });
    },
    release: (tenant, until, actor) =>
      writeNoted(tenant, function* () {
        const [held, tripped, , reason] = yield* stateOf(tenant);
        const released = until.toISOString();
        yield { text: guard.release, parameters: [tenant, released] };
        yield { text: guard.forgetAll, parameters: [tenant] };
        const data = { until: released, ...(held === null ? {} : { held }) };
        return {
          result: toState(tenant, [null, tripped, released, reason]),
          notices: [{ tenant, event: 'guard.released', subject, actor, data }],
        };
      }),
  };
}
