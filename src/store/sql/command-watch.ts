/**
 * What commands mean for who has access, watched in their transaction: roles of groups, the guard, limits of roles.
 * Plain steps, for any database.
 */
import { type AccessRule, type Granted, grantedText } from '../../scim/roles.ts';
import type { DocumentChange } from '../document-change.ts';
import type { GuardAlert, GuardReason } from '../guard.ts';
import type { Document, NewNotice, Unit } from '../store.ts';
import { accessNotices, alertNotice } from './access-notices.ts';
import type { AccessRules, Regranting, RulesInForce } from './access-rules.ts';
import type { AccessWatch, Verdict } from './access-watch.ts';
import type { Steps } from './steps.ts';

/** Thrown where the guard does not let a command pass; what the unit has written by then is to be taken back. */
export class GuardedError extends Error {
  override readonly name = 'GuardedError';
  readonly reason: GuardReason;

  constructor(reason: GuardReason) {
    super(`the guard refuses it: ${reason.kind}`);
    this.reason = reason;
  }
}

/** A resource that a command is about. */
export interface Target {
  readonly kind: { readonly type: { readonly name: string } };
  /** What the statements name it by as a group. */
  readonly rid: number | string;
  readonly id: string;
}

/** A unit with the id of its transaction. */
export interface WatchedUnit extends Pick<Unit, 'tenant' | 'guard' | 'context'> {
  readonly transaction: string;
}

/** Members that came and went, by id. */
export interface MemberChanges {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

export interface CommandWatchTools {
  readonly rules: AccessRules;
  readonly watch: AccessWatch;
  /**
   * The rules in force. `alone`: until the unit ends nobody else changes what groups of the tenant give, or who is in
   * them.
   */
  readonly inForce: (tenant: number, alone: boolean) => Steps<RulesInForce>;
  /** Those of them that limit somebody, where they are known without asking, and nobody else changes them until the unit ends. */
  readonly limits?: () => readonly AccessRule[] | undefined;
  /** Records a notice in the transaction, as a part of the unit's. */
  readonly note: (notice: NewNotice, transaction: string) => unknown;
}

type ChangeOf<State extends 'before' | 'after'> = Pick<DocumentChange, State | 'difference'>;

/** A deletion that has been let pass so far, to be checked once more when it is done. */
export type Deletion = () => Steps<void>;

const isActive = (document: Document): boolean => document.active !== false;

/** Does it make somebody active who was not, or the other way about? Undefined where it does neither. */
function isActivation({ difference }: Pick<DocumentChange, 'difference'>): boolean | undefined {
  const edit = difference.edits.find(({ path }) => path === 'active');
  const [was, is] = [edit?.from !== false, edit?.to !== false];
  return edit === undefined || was === is ? undefined : is;
}

const isUser = ({ kind }: Target): boolean => kind.type.name === 'User';
const givesRoles = ({ kind }: Target): boolean => kind.type.name === 'Group';

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

  /** The unit was taken back. */
  forget(): void {
    this.#alerts = [];
    this.#tools.watch.forget();
  }

  /** After a resource came into being. `grouped`: a group had its id as a member already. */
  *created(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    added: ReadonlySet<string>,
    grouped: boolean,
  ): Steps<void> {
    if (isUser(target)) {
      if (grouped && isActive(document)) yield* this.#seatOne(unit, target.id);
      return;
    }
    if (givesRoles(target)) {
      const inForce = yield* this.#alone(unit);
      if (inForce.compiled.length > 0) {
        const { rules } = this.#tools;
        const changes = yield* rules.regranting(inForce, unit.tenant, target.rid, document);
        yield* rules.regrant(unit.tenant, target.rid, changes);
      }
    }
    if (added.size > 0) yield* this.#seatMembers(unit, target, added);
  }

  /** After somebody came into a group that had waited for them. */
  joined(unit: WatchedUnit, id: string): Steps<void> {
    return this.#seatOne(unit, id);
  }

  /** Before a document is replaced by another. */
  *changing(unit: WatchedUnit, target: Target, change: ChangeOf<'before'>): Steps<void> {
    if (isUser(target) && isActivation(change) === false) yield* this.#leave(unit, target.id, change);
  }

  /** After that. */
  *changed(unit: WatchedUnit, target: Target, change: ChangeOf<'after'>): Steps<void> {
    if (givesRoles(target)) yield* this.#regrant(unit, target, change.after);
    const activated = isUser(target) ? isActivation(change) : undefined;
    if (activated === undefined) return;
    if (activated) yield* this.#seatOne(unit, target.id);
    else {
      const rules = yield* this.#through(unit, target.id);
      if (rules.length > 0) yield* this.#keep(unit, rules, [], !(yield* this.#isLocked(unit, target.id)));
    }
  }

  /** After members of a group came and went. Undefined where nothing needs to be looked at. */
  membersChanged(unit: WatchedUnit, target: Target, changes: MemberChanges): Steps<void> | undefined {
    const { added, removed } = changes;
    if (removed.size === 0 && (added.size === 0 || this.#limitsNobody())) return undefined;
    return this.#membersChanged(unit, target, changes);
  }

  *#membersChanged(unit: WatchedUnit, target: Target, { added, removed }: MemberChanges): Steps<void> {
    if (removed.size > 0) yield* this.#lose(unit, [...removed]);
    if (this.#limitsNobody()) return;
    const rules = yield* this.#through(unit, target.id);
    if (rules.length === 0) return;
    yield* this.#keep(unit, rules, [...removed], false);
    if (added.size > 0) yield* this.#seatMembers(unit, target, added);
  }

  /** Before a resource is deleted; what it answers is carried out behind that. */
  *deleting(
    unit: WatchedUnit,
    target: Target,
    document: Document,
    members: readonly string[],
  ): Steps<Deletion | undefined> {
    if (isUser(target)) {
      if (!isActive(document)) return undefined;
      yield* this.#leave(unit, target.id, { before: document });
      const rules = yield* this.#through(unit, target.id);
      if (rules.length === 0 || (yield* this.#isLocked(unit, target.id))) return undefined;
      return () => this.#keep(unit, rules, [], true);
    }
    if (members.length === 0) return undefined;
    yield* this.#lose(unit, members);
    const rules = yield* this.#through(unit, target.id);
    return rules.length === 0 ? undefined : () => this.#keep(unit, rules, members, false);
  }

  #limitsNobody(): boolean {
    return this.#tools.limits?.()?.length === 0;
  }

  #alone({ tenant }: WatchedUnit): Steps<RulesInForce> {
    return this.#tools.inForce(tenant, true);
  }

  *#leave(unit: WatchedUnit, id: string, person: Pick<DocumentChange, 'before'>): Steps<void> {
    const { tenant, guard } = unit;
    if (guard === undefined) return;
    if (guard.mode !== 'off') yield* this.#alone(unit);
    this.#judge(unit, yield* this.#tools.watch.leaving(tenant, guard, id, person));
  }

  *#lose(unit: WatchedUnit, members: readonly string[]): Steps<void> {
    const { tenant, guard } = unit;
    if (members.length === 0 || guard === undefined || guard.mode === 'off') return;
    // What is known already is nobody else's to change.
    if (this.#tools.limits?.() === undefined) yield* this.#alone(unit);
    const { watch } = this.#tools;
    const people = yield* watch.peopleAmong(tenant, members);
    this.#judge(unit, yield* watch.losing(tenant, guard, 'removed', people));
  }

  /** The group gives other roles: for exactly those who gain or lose one, that their access changed is recorded. */
  *#regrant(unit: WatchedUnit, { rid, id, kind }: Target, document: Document): Steps<void> {
    const { rules, watch, note } = this.#tools;
    const { tenant, context, transaction } = unit;
    const inForce = yield* this.#alone(unit);
    if (inForce.compiled.length === 0) return;
    const changes = yield* rules.regranting(inForce, tenant, rid, document);
    const all = [...changes.gained, ...changes.lost];
    if (all.length === 0) return;
    const before = yield* this.#holders(tenant, all);
    yield* rules.regrant(tenant, rid, changes);
    const after = yield* this.#holders(tenant, all);
    const { actor, request } = context;
    const cause = { operation: 'patch', type: kind.type.name, id } as const;
    const more = { actor, cause, ...(request === undefined ? {} : { request }) };
    const effect = all.map((granted, index) => {
      const had = before[index] ?? new Set();
      const has = after[index] ?? new Set();
      return {
        ...granted,
        gained: [...has].filter((person) => !had.has(person)),
        lost: [...had].filter((person) => !has.has(person)),
      };
    });
    const some = effect.filter((each) => each.gained.length + each.lost.length > 0);
    for (const notice of accessNotices(tenant, some, more)) note(notice, transaction);
    yield* this.#keep(unit, among(inForce.limits, changes.lost), [id], false);
    this.#judge(unit, yield* watch.seating(tenant, among(inForce.limits, changes.gained), 'many'));
  }

  /** Who has each of them. */
  *#holders(tenant: number, all: Regranting['gained']): Steps<readonly ReadonlySet<string>[]> {
    const found: ReadonlySet<string>[] = [];
    for (const granted of all) found.push(new Set(yield* this.#tools.rules.holders(tenant, granted)));
    return found;
  }

  *#seatOne(unit: WatchedUnit, id: string): Steps<void> {
    const rules = yield* this.#through(unit, id);
    if (rules.length === 0 || (yield* this.#isLocked(unit, id))) return;
    this.#judge(unit, yield* this.#tools.watch.seating(unit.tenant, rules, 'one'));
  }

  *#seatMembers(unit: WatchedUnit, { rid, id }: Target, members: ReadonlySet<string>): Steps<void> {
    const rules = yield* this.#through(unit, id);
    this.#judge(unit, yield* this.#tools.watch.seating(unit.tenant, rules, { rid, members }));
  }

  *#keep(
    unit: WatchedUnit,
    rules: readonly AccessRule[],
    ids: readonly string[],
    sure: boolean,
  ): Steps<void> {
    if (rules.length === 0 || (!sure && ids.length === 0)) return;
    this.#judge(unit, yield* this.#tools.watch.keeping(unit.tenant, rules, ids, sure));
  }

  /** What of the limited roles somebody has, or a group gives. */
  *#through(unit: WatchedUnit, id: string): Steps<readonly AccessRule[]> {
    if ((yield* this.#tools.inForce(unit.tenant, false)).limits.length === 0) return [];
    const { limits } = yield* this.#alone(unit);
    return among(limits, yield* this.#tools.watch.through(unit.tenant, [id]));
  }

  *#isLocked({ tenant }: WatchedUnit, id: string): Steps<boolean> {
    const { isLocked } = this.#tools.rules.grants;
    return (yield { text: isLocked, parameters: [tenant, id] }).length > 0;
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

/** The rules of these. */
function among(rules: readonly AccessRule[], granted: readonly Granted[]): readonly AccessRule[] {
  const names = new Set(granted.map(grantedText));
  return rules.filter((rule) => names.has(grantedText(rule)));
}
