/**
 * What commands mean for who has access, watched in their transaction, as in SQLite: roles of groups, the guard, limits of
 * roles. One for each transaction, with the rules as they are under the tenant's lock.
 */
import type { CompiledRule } from '../../query/access-rules.ts';
import { type AccessRule, type Granted, grantedText } from '../../scim/roles.ts';
import type { GuardAlert, Loss } from '../guard.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { accessNotices, alertNotice } from '../sql/access-notices.ts';
import { AccessWatch, type Bases, type Verdict } from '../sql/access-watch.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { grantSql } from '../sql/grants.ts';
import { activePeopleSql, guardSql } from '../sql/guard.ts';
import { tenantSql } from '../sql/tenant.ts';
import {
  GuardedError,
  givesRoles,
  isActive,
  isUser,
  type Target,
  type WatchedUnit,
} from '../sql/watched-unit.ts';
import type { Document, NewNotice } from '../store.ts';
import { carryOut, type GrantRules, type RunSql } from './grants.ts';
import type { UnitWriter } from './unit-writer.ts';

export interface CommandWatchTools {
  readonly writer: UnitWriter;
  readonly types: StoredTypes;
  readonly grants: GrantRules;
  /** The rows of `grantSql.rules`. */
  readonly rules: readonly unknown[][];
  /** The rows of `guardSql.state`, where they were asked for beforehand. */
  readonly state: readonly unknown[][] | undefined;
  /** Outlives the transaction. */
  readonly bases: Bases;
  readonly clock: () => Date;
}

/** A deletion that has been let pass so far, to be checked once more when it is done. */
export type Deletion = () => Promise<void>;

/** Every method rejects with a GuardedError where the guard does not let the command pass. */
export class CommandWatch {
  readonly #tools: CommandWatchTools;
  readonly #run: RunSql;
  readonly #watch: AccessWatch;
  readonly #compiled: readonly CompiledRule[];
  #alerts: GuardAlert[] = [];

  constructor(tools: CommandWatchTools) {
    const { writer, types, grants, rules: rows, clock, bases } = tools;
    const { rules, compiled } = grants.of(rows);
    this.#tools = tools;
    let { state } = tools;
    this.#run = async (text, parameters) => {
      if (text === guardSql.state && state !== undefined) {
        const known = state;
        state = undefined;
        return [...known];
      }
      if (text === guardSql.count) {
        // Of all commands together: each by itself is a round trip.
        const [, loss, minute, people] = parameters as [number, Loss, number, number];
        writer.losses.add(loss, minute, people);
        return [];
      }
      if (text === guardSql.sum) writer.sendLosses();
      return writer.query(text, parameters);
    };
    this.#watch = new AccessWatch(
      { sql: grants.sql, guard: guardSql, activePeople: activePeopleSql(types) },
      () => rules,
      clock,
      bases,
    );
    this.#compiled = compiled;
  }

  /** What the commands since the last call have set off. */
  takeAlerts(): readonly GuardAlert[] {
    const alerts = this.#alerts;
    if (alerts.length > 0) this.#alerts = [];
    return alerts;
  }

  /** The unit was taken back. */
  forget(): void {
    this.#alerts = [];
    this.#watch.forget();
  }

  /** After a resource came into being. `grouped`: a group had its id as a member already. */
  async created(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    added: ReadonlySet<string>,
    grouped: boolean,
  ): Promise<void> {
    if (givesRoles(target) && this.#compiled.length > 0)
      await this.#regrantOnly(unit.tenant, target.rid, document);
    if (this.#watch.limits.length === 0) return;
    if (isUser(target)) {
      if (grouped && isActive(document)) await this.#seatOne(unit, target.id);
    } else if (added.size > 0) await this.#seatMembers(unit, target, added);
  }

  /** Before a document is replaced by another. */
  async changing(unit: WatchedUnit, target: Target, before: Document, after: Document): Promise<void> {
    if (!isUser(target) || !isActive(before) || isActive(after)) return;
    await this.#leave(unit, target.id, before);
  }

  /** After that. */
  async changed(unit: WatchedUnit, target: Target, before: Document, after: Document): Promise<void> {
    const { tenant } = unit;
    if (isUser(target)) {
      if (this.#watch.limits.length === 0 || isActive(before) === isActive(after)) return;
      if (isActive(after)) await this.#seatOne(unit, target.id);
      else
        await this.#keep(
          unit,
          await this.#through(tenant, target.id),
          [],
          !(await this.#isLocked(tenant, target.id)),
        );
      return;
    }
    if (!givesRoles(target) || this.#compiled.length === 0) return;
    await this.#regrant(unit, target, after);
  }

  /** After members of a group came and went. */
  async membersChanged(
    unit: WatchedUnit,
    target: Target,
    added: ReadonlySet<string>,
    removed: ReadonlySet<string>,
  ): Promise<void> {
    await this.#lose(unit, removed);
    if (this.#watch.limits.length === 0 || added.size + removed.size === 0) return;
    const rules = await this.#through(unit.tenant, target.id);
    if (rules.length === 0) return;
    if (removed.size > 0) await this.#keep(unit, rules, [...removed], false);
    if (added.size > 0) await this.#seatMembers(unit, target, added);
  }

  /** Before a resource is deleted; what it answers is called behind that. */
  async deleting(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    members: readonly string[],
  ): Promise<Deletion | undefined> {
    const { tenant } = unit;
    const limited = this.#watch.limits.length > 0;
    if (isUser(target)) {
      if (!isActive(document)) return undefined;
      await this.#leave(unit, target.id, document);
      if (!limited || (await this.#isLocked(tenant, target.id))) return undefined;
      const rules = await this.#through(tenant, target.id);
      return () => this.#keep(unit, rules, [], true);
    }
    if (members.length === 0) return undefined;
    await this.#lose(unit, new Set(members));
    if (!limited) return undefined;
    const rules = await this.#through(tenant, target.id);
    return rules.length === 0 ? undefined : () => this.#keep(unit, rules, members, false);
  }

  async #leave(unit: WatchedUnit, id: string, document: Document): Promise<void> {
    const { tenant, guard } = unit;
    if (guard === undefined) return;
    this.#judge(unit, await carryOut(this.#run, this.#watch.leaving(tenant, guard, id, document)));
  }

  async #lose(unit: WatchedUnit, members: ReadonlySet<string>): Promise<void> {
    const { tenant, guard } = unit;
    if (members.size === 0 || guard === undefined || guard.mode === 'off') return;
    const people = await this.#peopleAmong(tenant, [...members]);
    this.#judge(unit, await carryOut(this.#run, this.#watch.losing(tenant, guard, 'removed', people)));
  }

  /** As the watch counts them; what is known of the only one need not be asked for. */
  async #peopleAmong(tenant: number, ids: readonly string[]): Promise<number> {
    const { writer, types } = this.#tools;
    const [only] = ids;
    if (only !== undefined && ids.length === 1) {
      const [type, , isActive] = (await writer.describe(ids)).get(only) ?? [];
      if (type !== undefined && types.nameOf(type) === 'User') return isActive ? 1 : 0;
    }
    return carryOut(this.#run, this.#watch.peopleAmong(tenant, ids));
  }

  /** What a group with this document gives that it did not, and does not any more. */
  async #regranting(
    tenant: number,
    rid: number,
    document: Document,
  ): Promise<{ gained: Granted[]; lost: Granted[] }> {
    const [row] = (await this.#run(tenantSql.name, [tenant])) as [string][];
    const name = row?.[0] ?? '';
    const before = (await this.#run(grantSql.ofGroup, [rid])) as [Granted['kind'], string][];
    const had = (granted: Granted): boolean =>
      before.some(([kind, given]) => kind === granted.kind && given === granted.name);
    const of = (rules: readonly CompiledRule[]): Granted[] =>
      rules.map(({ rule }) => ({ kind: rule.kind, name: rule.name }));
    return {
      gained: of(this.#compiled.filter(({ rule, gives }) => !had(rule) && gives(name, document))),
      lost: of(this.#compiled.filter(({ rule, gives }) => had(rule) && !gives(name, document))),
    };
  }

  async #regrantOnly(tenant: number, rid: number, document: Document): Promise<void> {
    const { writer } = this.#tools;
    const { gained, lost } = await this.#regranting(tenant, rid, document);
    for (const { kind, name } of gained) writer.send(grantSql.insert, [rid, kind, name, tenant]);
    for (const { kind, name } of lost) writer.send(grantSql.delete, [rid, kind, name]);
  }

  /** For exactly those who gain or lose one, that their access changed is recorded. */
  async #regrant(unit: WatchedUnit, { rid, id, kind }: Target, document: Document): Promise<void> {
    const { tenant, context } = unit;
    const { gained, lost } = await this.#regranting(tenant, rid, document);
    const all = [...gained, ...lost];
    if (all.length === 0) return;
    const before = await this.#holders(tenant, all);
    await this.#regrantOnly(tenant, rid, document);
    const after = await this.#holders(tenant, all);
    const changes = all.map((granted, index) => {
      const had = new Set(before[index]);
      const has = new Set(after[index]);
      return {
        ...granted,
        gained: [...has].filter((person) => !had.has(person)),
        lost: [...had].filter((person) => !has.has(person)),
      };
    });
    const { actor, request } = context;
    const cause = { operation: 'patch', type: kind.type.name, id } as const;
    const more = { actor, cause, ...(request === undefined ? {} : { request }) };
    const some = changes.filter((each) => each.gained.length + each.lost.length > 0);
    for (const notice of accessNotices(tenant, some, more)) this.#note(notice, unit.transaction);
    const limitsOf = (granted: readonly Granted[]): readonly AccessRule[] => {
      const names = new Set(granted.map(grantedText));
      return this.#watch.limits.filter((rule) => names.has(grantedText(rule)));
    };
    await this.#keep(unit, limitsOf(lost), [id], false);
    this.#judge(unit, await carryOut(this.#run, this.#watch.seating(tenant, limitsOf(gained), 'many')));
  }

  async #holders(tenant: number, all: readonly Granted[]): Promise<string[][]> {
    const { sql } = this.#tools.grants;
    const found: string[][] = [];
    for (const { kind, name } of all) {
      const rows = (await this.#run(sql.holders, [tenant, kind, name])) as [string][];
      found.push(rows.map(([id]) => id));
    }
    return found;
  }

  async #seatOne(unit: WatchedUnit, id: string): Promise<void> {
    const { tenant } = unit;
    if (await this.#isLocked(tenant, id)) return;
    const rules = await this.#through(tenant, id);
    this.#judge(unit, await carryOut(this.#run, this.#watch.seating(tenant, rules, 'one')));
  }

  async #seatMembers(unit: WatchedUnit, { rid, id }: Target, members: ReadonlySet<string>): Promise<void> {
    const { tenant } = unit;
    const rules = await this.#through(tenant, id);
    this.#judge(unit, await carryOut(this.#run, this.#watch.seating(tenant, rules, { rid, members })));
  }

  async #keep(
    unit: WatchedUnit,
    rules: readonly AccessRule[],
    ids: readonly string[],
    sure: boolean,
  ): Promise<void> {
    if (!sure && ids.length === 0) return;
    this.#judge(unit, await carryOut(this.#run, this.#watch.keeping(unit.tenant, rules, ids, sure)));
  }

  #through(tenant: number, id: string): Promise<readonly AccessRule[]> {
    return carryOut(this.#run, this.#watch.through(tenant, [id]));
  }

  async #isLocked(tenant: number, id: string): Promise<boolean> {
    return (await this.#run(grantSql.isLocked, [tenant, id])).length > 0;
  }

  #judge({ tenant, transaction, context: { actor, request } }: WatchedUnit, verdict: Verdict): void {
    if (verdict.refused !== undefined) throw new GuardedError(verdict.refused);
    const { alert } = verdict;
    if (alert === undefined) return;
    this.#alerts.push(alert);
    this.#note(
      { tenant, actor, ...(request === undefined ? {} : { request }), ...alertNotice(alert) },
      transaction,
    );
  }

  /** As a part of the unit's transaction. */
  #note(notice: NewNotice, transaction: string): void {
    const { writer, clock } = this.#tools;
    writer.append(noticeEntry(notice, keyOfTime(clock().getTime()), transaction), notice.subject.type);
  }
}
