/** What commands mean for who has access, watched in their transaction: roles of groups, the guard, limits of roles. */
import { type AccessRule, type Granted, grantedText } from '../../scim/roles.ts';
import type { GuardAlert } from '../guard.ts';
import { keyOfTime } from '../layout/instant.ts';
import { accessNotices, alertNotice } from '../sql/access-notices.ts';
import { AccessWatch, type Bases, type Verdict } from '../sql/access-watch.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { GuardedError, isActive } from '../sql/watched-unit.ts';
import type { Document, NewNotice, Unit } from '../store.ts';
import type { NewChange } from './changes.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';
import { type GrantSteps, grantStatements, type RulesInForce } from './grants.ts';
import { guardStatements } from './guards.ts';
import type { Holders } from './holders.ts';

export interface CommandWatchTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly holders: Holders;
  readonly grants: GrantSteps;
  readonly clock: () => Date;
  readonly bases: Bases;
  readonly tenantName: (tenant: number) => string;
}

/** What is to be known of the unit; `entries` is what is to be recorded of it. */
interface WatchedWork extends Pick<Unit, 'tenant' | 'guard' | 'context'> {
  readonly transaction: string;
  readonly entries: NewChange[];
}

/** Members of a group that came and went, by id. */
export interface MemberEffect {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

/** A resource that a command is about. */
interface Target {
  readonly type: { readonly name: string };
  readonly id: string;
}

const isUser = ({ type }: Target): boolean => type.name === 'User';
const givesRoles = ({ type }: Target): boolean => type.name === 'Group';

/** Of one unit. Every method throws a GuardedError where the guard does not let the command pass. */
export class CommandWatch {
  readonly alerts: GuardAlert[] = [];
  readonly #tools: CommandWatchTools;
  readonly #unit: WatchedWork;
  readonly #watch: AccessWatch;
  #inForce: RulesInForce | undefined;
  #isAlone = false;

  constructor(tools: CommandWatchTools, unit: WatchedWork) {
    this.#tools = tools;
    this.#unit = unit;
    const { sql, activePeople } = tools.holders;
    this.#watch = new AccessWatch(
      { sql, guard: guardStatements, activePeople },
      () => this.#inForce?.rules ?? [],
      tools.clock,
      tools.bases,
    );
  }

  /** After a resource came into being. `grouped`: it is in groups already. */
  *created(target: Target, document: Document, added: ReadonlySet<string>, grouped: boolean): Steps<void> {
    const { tenant } = this.#unit;
    if (givesRoles(target)) {
      const { compiled } = yield* this.#rules(true);
      if (compiled.length > 0) {
        const changes = yield* this.#regranting(target.id, document);
        yield* this.#tools.grants.regrant(tenant, target.id, changes);
      }
      if (added.size > 0) yield* this.#seatMembers(target.id, added);
    } else if (isUser(target) && grouped && isActive(document)) yield* this.#seatOne(target.id);
  }

  /** After somebody came into a group that had waited for them. */
  *joined(id: string): Steps<void> {
    yield* this.#seatOne(id);
  }

  /** Before a document is replaced by another. */
  *changing(target: Target, before: Document, after: Document): Steps<void> {
    if (isUser(target) && isActive(before) && !isActive(after)) yield* this.#leave(target.id, before);
  }

  /** After that. */
  *changed(target: Target, before: Document, after: Document): Steps<void> {
    if (isUser(target)) {
      if (isActive(before) === isActive(after)) return;
      if (isActive(after)) yield* this.#seatOne(target.id);
      else yield* this.#keep(yield* this.#through(target.id), [], !(yield* this.#isLocked(target.id)));
    } else if (givesRoles(target)) yield* this.#regrant(target.id, after);
  }

  /** After members of a group came and went. */
  *membersChanged({ id }: Target, { added, removed }: MemberEffect): Steps<void> {
    yield* this.#lose([...removed]);
    const rules = yield* this.#through(id);
    if (rules.length === 0) return;
    if (removed.size > 0) yield* this.#keep(rules, [...removed], false);
    if (added.size > 0) yield* this.#seatMembers(id, added);
  }

  /** Before a resource is deleted; what it answers is carried out behind that. */
  *deleting(target: Target, document: Document, members: readonly string[]): Steps<() => Steps<void>> {
    const nothing = function* (): Steps<void> {};
    const { id } = target;
    if (isUser(target)) {
      if (!isActive(document)) return nothing;
      yield* this.#leave(id, document);
      const rules = yield* this.#through(id);
      if (rules.length === 0 || (yield* this.#isLocked(id))) return nothing;
      return () => this.#keep(rules, [], true);
    }
    if (!givesRoles(target)) return nothing;
    yield* this.#lose(members);
    const rules = members.length === 0 ? [] : yield* this.#through(id);
    return () => this.#deleted(rules, id, members);
  }

  *#deleted(rules: readonly AccessRule[], id: string, members: readonly string[]): Steps<void> {
    yield statement(
      'DELETE FROM scimd_access_grant WHERE tenant = ? AND group_id = ?',
      this.#unit.tenant,
      id,
    );
    yield* this.#keep(rules, members, false);
  }

  /** The rules in force. `alone`: with nobody else to change what groups of the tenant give. */
  *#rules(alone: boolean): Steps<RulesInForce> {
    if (alone && !this.#isAlone && this.#tools.dialect === 'postgres') {
      yield statement(
        'SELECT tenant FROM scimd_change_counter WHERE tenant = ? FOR UPDATE',
        this.#unit.tenant,
      );
      this.#inForce = undefined;
    }
    if (alone) this.#isAlone = true;
    this.#inForce ??= yield* this.#tools.grants.inForce();
    return this.#inForce;
  }

  *#leave(id: string, document: Document): Steps<void> {
    const { tenant, guard } = this.#unit;
    if (guard === undefined) return;
    if (guard.mode !== 'off') yield* this.#rules(true);
    yield* this.#judge(this.#watch.leaving(tenant, guard, id, document));
  }

  *#lose(members: readonly string[]): Steps<void> {
    const { tenant, guard } = this.#unit;
    if (members.length === 0 || guard === undefined || guard.mode === 'off') return;
    yield* this.#rules(true);
    const people = yield* this.#tools.holders.run(this.#watch.peopleAmong(tenant, members));
    yield* this.#judge(this.#watch.losing(tenant, guard, 'removed', people));
  }

  *#regranting(id: string, document: Document) {
    const { tenant } = this.#unit;
    const rules = yield* this.#rules(true);
    return yield* this.#tools.grants.regranting(rules, this.#tools.tenantName(tenant), id, document);
  }

  /** The group gives other roles: for exactly those who gain or lose one, that their access changed is recorded. */
  *#regrant(id: string, document: Document): Steps<void> {
    const { grants } = this.#tools;
    const { tenant, context } = this.#unit;
    if ((yield* this.#rules(true)).compiled.length === 0) return;
    const { gained, lost } = yield* this.#regranting(id, document);
    const all = [...gained, ...lost];
    if (all.length === 0) return;
    const before: (readonly string[])[] = [];
    for (const granted of all) before.push(yield* grants.holders(tenant, granted));
    yield* grants.regrant(tenant, id, { gained, lost });
    const changes = [];
    for (const [index, granted] of all.entries()) {
      const had = new Set(before[index]);
      const has = new Set(yield* grants.holders(tenant, granted));
      changes.push({
        ...granted,
        gained: [...has].filter((person) => !had.has(person)),
        lost: [...had].filter((person) => !has.has(person)),
      });
    }
    const { actor, request } = context;
    const cause = { operation: 'patch', type: 'Group', id } as const;
    const more = { actor, cause, ...(request === undefined ? {} : { request }) };
    const some = changes.filter((each) => each.gained.length + each.lost.length > 0);
    for (const notice of accessNotices(tenant, some, more)) this.#note(notice);
    const limitsOf = (granted: readonly Granted[]) => {
      const named = new Set(granted.map(grantedText));
      return this.#watch.limits.filter((rule) => named.has(grantedText(rule)));
    };
    yield* this.#keep(limitsOf(lost), [id], false);
    yield* this.#judge(this.#watch.seating(tenant, limitsOf(gained), 'many'));
  }

  *#seatOne(id: string): Steps<void> {
    const rules = yield* this.#through(id);
    if (rules.length === 0 || (yield* this.#isLocked(id))) return;
    yield* this.#judge(this.#watch.seating(this.#unit.tenant, rules, 'one'));
  }

  *#seatMembers(id: string, members: ReadonlySet<string>): Steps<void> {
    const rules = yield* this.#through(id);
    yield* this.#judge(this.#watch.seating(this.#unit.tenant, rules, { rid: id, members }));
  }

  *#keep(rules: readonly AccessRule[], ids: readonly string[], sure: boolean): Steps<void> {
    if (rules.length === 0 || (!sure && ids.length === 0)) return;
    yield* this.#judge(this.#watch.keeping(this.#unit.tenant, rules, ids, sure));
  }

  /** What of the limited roles somebody has or a group gives; nobody else changes who has them until the unit ends. */
  *#through(id: string): Steps<readonly AccessRule[]> {
    yield* this.#rules(false);
    if (this.#watch.limits.length === 0) return [];
    yield* this.#rules(true);
    return yield* this.#tools.holders.run(this.#watch.through(this.#unit.tenant, [id]));
  }

  *#isLocked(id: string): Steps<boolean> {
    return (yield statement(grantStatements.isLocked, this.#unit.tenant, id)).length > 0;
  }

  *#judge(steps: ReturnType<AccessWatch['seating']>): Steps<void> {
    const verdict: Verdict = yield* this.#tools.holders.run(steps);
    if (verdict.refused !== undefined) throw new GuardedError(verdict.refused);
    const { alert } = verdict;
    if (alert === undefined) return;
    const { tenant, context } = this.#unit;
    const { actor, request } = context;
    this.alerts.push(alert);
    this.#note({ tenant, actor, ...(request === undefined ? {} : { request }), ...alertNotice(alert) });
  }

  /** Records a notice as a part of the unit's. */
  #note(notice: NewNotice): void {
    const entry = noticeEntry(notice, keyOfTime(this.#tools.clock().getTime()), this.#unit.transaction);
    this.#unit.entries.push({ ...entry, type: notice.subject.type });
  }
}
