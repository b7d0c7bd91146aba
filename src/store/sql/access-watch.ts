/**
 * What is watched while a unit is carried out, in its transaction: how many people lose access, that roles keep their
 * people, and that nobody gets what has no seat left. Plain steps, for any database. Where no rule has a limit and
 * nobody loses anything, it costs nothing.
 */
import { fold } from '../../scim/comparison.ts';
import { type AccessRule, type Granted, grantedText } from '../../scim/roles.ts';
import type { DocumentChange } from '../document-change.ts';
import type { GuardAlert, GuardPolicy, GuardReason, Loss } from '../guard.ts';
import type { HolderSql } from './grants.ts';
import type { GuardSql } from './guard.ts';
import type { Steps } from './steps.ts';

/** Lets pass, perhaps with an alert; or not. */
export type Verdict =
  | { readonly refused: GuardReason }
  | { readonly refused?: undefined; readonly alert?: GuardAlert };

const pass: Verdict = {};

/** What the guard of a tenant does: times, as {@link GuardSql} has them. */
interface State {
  readonly held: string | null;
  readonly tripped: string | null;
  readonly released: string | null;
}

/** Members of one group, by its row. */
export interface Edges {
  readonly rid: number | string;
  readonly members: Iterable<string>;
}

/** What is asked of the database. */
export interface AccessSql {
  readonly sql: HolderSql;
  readonly guard: GuardSql;
  /** How many people of a tenant are active: the tenant twice. */
  readonly activePeople: string;
}

/** Behind the largest number that a count is asked for. */
const all = Number.MAX_SAFE_INTEGER;

/** By tenant how many people were active when the time of its policy began. */
export type Bases = Map<number, { readonly minute: number; readonly minutes: number; readonly of: number }>;

export class AccessWatch {
  readonly #sql: HolderSql;
  readonly #guard: GuardSql;
  readonly #activePeople: string;
  readonly #clock: () => Date;
  /** At least so many seats are free: less than that need not be counted. By tenant, kind and name. */
  readonly #free = new Map<string, number>();
  readonly #states = new Map<number, State>();
  /** By tenant and loss. */
  readonly #sums = new Map<string, { readonly minute: number; readonly minutes: number; sum: number }>();
  readonly #bases: Bases;

  constructor({ sql, guard, activePeople }: AccessSql, clock: () => Date, bases: Bases = new Map()) {
    this.#sql = sql;
    this.#guard = guard;
    this.#activePeople = activePeople;
    this.#bases = bases;
    this.#clock = clock;
  }

  /** Somebody else may have written, or what was written was taken back. */
  forget(): void {
    this.#free.clear();
    this.#states.clear();
    this.#sums.clear();
    this.#bases.clear();
  }

  /** What these ids have, or give if they are groups, directly and by other groups. */
  *through(tenant: number, ids: readonly string[]): Steps<readonly Granted[]> {
    const rows = yield { text: this.#sql.through, parameters: [JSON.stringify(ids), tenant] };
    return (rows as readonly [Granted['kind'], string][]).map(([kind, name]) => ({ kind, name }));
  }

  /** Before somebody who is active is deactivated or deleted. */
  *leaving(
    tenant: number,
    policy: GuardPolicy,
    id: string,
    person: Pick<DocumentChange, 'before'>,
  ): Steps<Verdict> {
    if (policy.protectedPeople.size === 0) return yield* this.losing(tenant, policy, 'left', 1);
    const { userName, externalId } = person.before;
    const names = [id, userName, externalId].filter((name) => typeof name === 'string');
    if (names.some((name) => policy.protectedPeople.has(fold(name))))
      return {
        refused: { kind: 'protected', id, ...(typeof userName === 'string' ? { userName } : {}) },
      };
    return yield* this.losing(tenant, policy, 'left', 1);
  }

  /** Before so many people lose something, or within the transaction in which they do. */
  *losing(tenant: number, policy: GuardPolicy, loss: Loss, people: number): Steps<Verdict> {
    const { mode, minutes, byHand = false } = policy;
    if (mode === 'off' || people === 0) return pass;
    const now = this.#clock();
    const { held, tripped, released } = this.#states.get(tenant) ?? (yield* this.#state(tenant));
    if (released !== null && now.getTime() < Date.parse(released)) return pass;
    if (held !== null && mode === 'hold' && !byHand) return { refused: { kind: 'held', since: held } };
    const minute = Math.floor(now.getTime() / 60_000);
    const lost = yield* this.#count(tenant, loss, people, minute, minutes);
    if (lost < policy.people) return pass;
    const refuses = mode === 'hold' && !byHand;
    // It is told already, whatever share of all they are by now.
    if (!refuses && tripped !== null && now.getTime() - Date.parse(tripped) < minutes * 60_000) return pass;
    const of = yield* this.#base(tenant, loss, people, minute, minutes);
    if (lost < policy.share * of) return pass;
    const mass = { kind: 'mass', loss, people: lost, of, minutes } as const;
    if (refuses) return { refused: mass };
    const { kind: _, ...reason } = mass;
    yield { text: this.#guard.trip, parameters: [tenant, now.toISOString(), JSON.stringify(reason)] };
    this.#states.delete(tenant);
    return { alert: mass };
  }

  *#state(tenant: number): Steps<State> {
    const [row] = (yield { text: this.#guard.state, parameters: [tenant] }) as readonly [
      held: string | null,
      tripped: string | null,
      released: string | null,
    ][];
    const [held = null, tripped = null, released = null] = row ?? [];
    const state = { held, tripped, released };
    this.#states.set(tenant, state);
    return state;
  }

  /** Adds to those of this minute; how many they are within all of the policy's. */
  *#count(tenant: number, loss: Loss, people: number, minute: number, minutes: number): Steps<number> {
    yield { text: this.#guard.count, parameters: [tenant, loss, minute, people] };
    const key = `${tenant} ${loss}`;
    const known = this.#sums.get(key);
    if (known?.minute === minute && known.minutes === minutes) {
      known.sum += people;
      return known.sum;
    }
    yield { text: this.#guard.forget, parameters: [tenant, loss, minute - minutes] };
    const sum = yield* this.#number(this.#guard.sum, tenant, loss, minute - minutes);
    this.#sums.set(key, { minute, minutes, sum });
    return sum;
  }

  /** How many people were active when the policy's time began, as it is reckoned once a minute. */
  *#base(tenant: number, loss: Loss, people: number, minute: number, minutes: number): Steps<number> {
    const known = this.#bases.get(tenant);
    if (known?.minute === minute && known.minutes === minutes) return known.of;
    const active = yield* this.#number(this.#activePeople, tenant, tenant);
    // Who has left within the time was there when it began; who is leaving still is.
    const left = yield* this.#number(this.#guard.sum, tenant, 'left', minute - minutes);
    const of = Math.max(1, active + left - (loss === 'left' ? people : 0));
    this.#bases.set(tenant, { minute, minutes, of });
    return of;
  }

  /** How many of these resources, and in those of them that are groups, are active people. */
  *peopleAmong(tenant: number, ids: readonly string[]): Steps<number> {
    const [only] = ids;
    if (only !== undefined && ids.length === 1) {
      const rows = yield { text: this.#sql.isPerson, parameters: [tenant, only] };
      const [isUser, isActive] = (rows as readonly [boolean | number, boolean | number][])[0] ?? [1, 0];
      if (isUser) return isActive ? 1 : 0;
    }
    return (yield* this.#ids(this.#sql.peopleIn, JSON.stringify(ids), tenant)).length;
  }

  /**
   * After a change that took these roles from people: from all of `sure`, if there are any, or from those who are
   * among `ids`, or in those of them that are groups, and have them no more.
   */
  *keeping(
    tenant: number,
    rules: readonly AccessRule[],
    ids: readonly string[],
    sure: boolean,
  ): Steps<Verdict> {
    for (const { kind, name, keep = 0 } of rules) {
      if (keep === 0) continue;
      // Mostly there are enough without the groups in groups.
      const direct = yield* this.#number(this.#sql.countDirect, tenant, kind, name, keep);
      if (direct >= keep) continue;
      const left = yield* this.#number(this.#sql.count, tenant, kind, name, keep);
      if (left >= keep) continue;
      if (!sure) {
        const people = yield* this.#ids(this.#sql.peopleIn, JSON.stringify(ids), tenant);
        const holders = new Set(yield* this.#ids(this.#sql.holders, tenant, kind, name));
        if (people.every((id) => holders.has(id))) continue;
      }
      return { refused: { kind: 'keep', grant: kind, name, keep, left } };
    }
    return pass;
  }

  /** After a change that gave these roles to people: by new members of a group, or without it to one more, or to many. */
  *seating(tenant: number, rules: readonly AccessRule[], added: Edges | 'one' | 'many'): Steps<Verdict> {
    let alert: GuardAlert | undefined;
    for (const rule of rules) {
      const { kind, name, seats } = rule;
      if (seats === undefined) continue;
      const key = `${tenant} ${grantedText(rule)}`;
      const people = added === 'one' ? 1 : added === 'many' ? all : [...added.members].length;
      const free = (this.#free.get(key) ?? 0) - people;
      // A member that is a group brings more than one: it is counted.
      if (free > 0 && (added === 'one' || (yield* this.#areUsers(tenant, added)))) {
        this.#free.set(key, free);
        continue;
      }
      const used = yield* this.#number(this.#sql.count, tenant, kind, name, seats + 1);
      this.#free.set(key, seats - used);
      if (used < seats) continue;
      const before = yield* this.#before(tenant, rule, added);
      if (
        used > seats &&
        (before <= seats || before < (yield* this.#number(this.#sql.count, tenant, kind, name, all)))
      )
        return { refused: { kind: 'seats', grant: kind, name, seats } };
      if (used === seats && before < seats) alert = { kind: 'seats', grant: kind, name, seats };
    }
    return alert === undefined ? pass : { alert };
  }

  /** How many had it before. */
  *#before(tenant: number, { kind, name }: AccessRule, added: Edges | 'one' | 'many'): Steps<number> {
    if (added === 'many') return 0;
    if (added === 'one') return (yield* this.#number(this.#sql.count, tenant, kind, name, all)) - 1;
    const { rid, members } = added;
    const text = JSON.stringify([...members]);
    const rows = yield {
      text: this.#sql.countWithout,
      parameters: [tenant, kind, name, rid, text, all],
    };
    return Number((rows as readonly [number][])[0]?.[0]);
  }

  *#areUsers(tenant: number, added: Edges | 'one' | 'many'): Steps<boolean> {
    if (typeof added === 'string') return false;
    const members = [...added.members];
    const rows = yield { text: this.#sql.groupsAmong, parameters: [JSON.stringify(members), tenant] };
    return rows.length === 0;
  }

  *#number(text: string, ...parameters: readonly (string | number)[]): Steps<number> {
    const rows = (yield { text, parameters }) as readonly [number | string][];
    return Number(rows[0]?.[0] ?? 0);
  }

  *#ids(text: string, ...parameters: readonly (string | number)[]): Steps<string[]> {
    const rows = (yield { text, parameters }) as readonly [string][];
    return rows.map(([id]) => id);
  }
}
