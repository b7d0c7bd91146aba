/** What commands mean for who has access, watched in their transaction: roles of groups, the guard, limits of roles. */
import { type Granted, grantedText } from '../../scim/roles.ts';
import type { GuardAlert } from '../guard.ts';
import { accessNotices, alertNotice } from '../sql/access-notices.ts';
import type { AccessWatch, Verdict } from '../sql/access-watch.ts';
import {
  GuardedError,
  givesRoles,
  isActive,
  isUser,
  type Target,
  type WatchedUnit,
} from '../sql/watched-unit.ts';
import type { Document, NewNotice } from '../store.ts';
import type { GrantTable } from './grants.ts';

/** Members that came and went, by id. */
interface MemberChanges {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

export interface CommandWatchTools {
  readonly table: GrantTable;
  readonly watch: AccessWatch;
  /** Records a notice in the transaction, as a part of the unit's. */
  readonly note: (notice: NewNotice, transaction: string) => unknown;
  readonly isLocked: (tenant: number, id: string) => boolean;
}

/** A deletion that has been let pass so far, to be checked once more when it is done. */
export type Deletion = () => void;

/** Every method throws a GuardedError where the guard does not let the command pass. */
export class CommandWatch {
  readonly #tools: CommandWatchTools;
  #alerts: GuardAlert[] = [];

  constructor(tools: CommandWatchTools) {
    this.#tools = tools;
  }

  /** What the commands since the last call have set off. */
  takeAlerts(): readonly GuardAlert[] {
    const alerts = this.#alerts;
    if (alerts.length > 0) this.#alerts = [];
    return alerts;
  }

  /** After a resource came into being. `grouped`: a group had its id as a member already. */
  created(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    added: ReadonlySet<string>,
    grouped: boolean,
  ): void {
    const { table, watch } = this.#tools;
    const { tenant } = unit;
    if (givesRoles(target) && table.compiled.length > 0) table.regrant(tenant, target.rid, document);
    if (watch.limits.length === 0) return;
    if (isUser(target)) {
      if (grouped && isActive(document)) this.#seatOne(unit, target.id);
    } else if (added.size > 0) this.#seatMembers(unit, target, added);
  }

  /** Before a document is replaced by another. */
  changing(unit: WatchedUnit, target: Target, before: Document, after: Document): void {
    if (!isUser(target) || !isActive(before) || isActive(after)) return;
    this.#leave(unit, target.id, before);
  }

  /** After that. */
  changed(unit: WatchedUnit, target: Target, before: Document, after: Document): void {
    const { table, watch } = this.#tools;
    const { tenant } = unit;
    if (isUser(target)) {
      if (watch.limits.length === 0 || isActive(before) === isActive(after)) return;
      if (isActive(after)) this.#seatOne(unit, target.id);
      else this.#keep(unit, this.#through(tenant, target.id), [], !this.#tools.isLocked(tenant, target.id));
      return;
    }
    if (!givesRoles(target) || table.compiled.length === 0) return;
    this.#regrant(unit, target, after);
  }

  /** After members of a group came and went. */
  membersChanged(unit: WatchedUnit, target: Target, { added, removed }: MemberChanges): void {
    this.#lose(unit, [...removed]);
    if (this.#tools.watch.limits.length === 0 || added.size + removed.size === 0) return;
    const rules = this.#through(unit.tenant, target.id);
    if (rules.length === 0) return;
    if (removed.size > 0) this.#keep(unit, rules, [...removed], false);
    if (added.size > 0) this.#seatMembers(unit, target, added);
  }

  /** Before a resource is deleted; what it answers is called behind that. */
  deleting(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    members: readonly string[],
  ): Deletion | undefined {
    const { watch, isLocked } = this.#tools;
    const { tenant } = unit;
    const limited = watch.limits.length > 0;
    if (isUser(target)) {
      if (!isActive(document)) return undefined;
      this.#leave(unit, target.id, document);
      if (!limited || isLocked(tenant, target.id)) return undefined;
      const rules = this.#through(tenant, target.id);
      return () => this.#keep(unit, rules, [], true);
    }
    if (members.length === 0) return undefined;
    this.#lose(unit, members);
    if (!limited) return undefined;
    const rules = this.#through(tenant, target.id);
    return rules.length === 0 ? undefined : () => this.#keep(unit, rules, members, false);
  }

  #leave(unit: WatchedUnit, id: string, document: Document): void {
    const { tenant, guard } = unit;
    if (guard === undefined) return;
    const { table, watch } = this.#tools;
    this.#judge(unit, table.run(watch.leaving(tenant, guard, id, document)));
  }

  #lose(unit: WatchedUnit, members: readonly string[]): void {
    const { tenant, guard } = unit;
    if (members.length === 0 || guard === undefined || guard.mode === 'off') return;
    const { table, watch } = this.#tools;
    const people = table.run(watch.peopleAmong(tenant, members));
    this.#judge(unit, table.run(watch.losing(tenant, guard, 'removed', people)));
  }

  /** The group gives other roles: for exactly those who gain or lose one, that their access changed is recorded. */
  #regrant(unit: WatchedUnit, { rid, id, kind }: Target, document: Document): void {
    const { table, watch, note } = this.#tools;
    const { tenant, context } = unit;
    const { gained, lost } = table.regranting(tenant, rid, document);
    const all = [...gained, ...lost];
    if (all.length === 0) return;
    const before = all.map((granted) => table.holders(tenant, granted));
    table.regrant(tenant, rid, document);
    const changes = all.map((granted, index) => {
      const had = new Set(before[index]);
      const has = new Set(table.holders(tenant, granted));
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
    for (const notice of accessNotices(tenant, some, more)) note(notice, unit.transaction);
    const limitsOf = (granted: readonly Granted[]) => {
      const names = new Set(granted.map(grantedText));
      return watch.limits.filter((rule) => names.has(grantedText(rule)));
    };
    this.#keep(unit, limitsOf(lost), [id], false);
    this.#judge(unit, table.run(watch.seating(tenant, limitsOf(gained), 'many')));
  }

  #seatOne(unit: WatchedUnit, id: string): void {
    const { tenant } = unit;
    const { table, watch, isLocked } = this.#tools;
    if (isLocked(tenant, id)) return;
    this.#judge(unit, table.run(watch.seating(tenant, this.#through(tenant, id), 'one')));
  }

  #seatMembers(unit: WatchedUnit, { rid, id }: Target, members: ReadonlySet<string>): void {
    const { table, watch } = this.#tools;
    const rules = this.#through(unit.tenant, id);
    this.#judge(unit, table.run(watch.seating(unit.tenant, rules, { rid, members })));
  }

  #keep(unit: WatchedUnit, rules: AccessWatch['limits'], ids: readonly string[], sure: boolean): void {
    if (!sure && ids.length === 0) return;
    const { table, watch } = this.#tools;
    this.#judge(unit, table.run(watch.keeping(unit.tenant, rules, ids, sure)));
  }

  #through(tenant: number, id: string): AccessWatch['limits'] {
    const { table, watch } = this.#tools;
    return table.run(watch.through(tenant, [id]));
  }

  #judge({ tenant, transaction, context: { actor, request } }: WatchedUnit, verdict: Verdict): void {
    if (verdict.refused !== undefined) throw new GuardedError(verdict.refused);
    const { alert } = verdict;
    if (alert === undefined) return;
    this.#alerts.push(alert);
    this.#tools.note(
      { tenant, actor, ...(request === undefined ? {} : { request }), ...alertNotice(alert) },
      transaction,
    );
  }
}
