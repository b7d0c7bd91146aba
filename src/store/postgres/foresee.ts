/** What units will ask the database for, as far as their commands tell it: it is read in one go, beforehand. */
import type { Command, MemberEdit, Unit } from '../store.ts';
import { type Change, isChange } from './computed.ts';

/** Members that are looked for beforehand. */
const mostForeseen = 2000;

export interface Foreseen {
  readonly creations: number;
  /** Ids that callers give to new resources: a group may have one as a member already. */
  readonly given: ReadonlySet<string>;
  /** Ids of resources that are changed. */
  readonly current: ReadonlySet<string>;
  /** Ids that become members, or may be. */
  readonly members: ReadonlySet<string>;
  /** Groups by id, and the members that come or go. */
  readonly edges: readonly (readonly [group: string, member: string])[];
  /** May somebody lose access? */
  readonly loses: boolean;
  /**
   * Up to how many members of each group are counted: of one that has so many, as many as is asked for are left whatever the
   * units do. 0 where that cannot be told.
   */
  readonly counted: number;
}

/** What the units will ask for, as far as it can be told beforehand. */
export function foresee(work: readonly (Unit | Change)[]): Foreseen {
  let creations = 0;
  const given = new Set<string>();
  const current = new Set<string>();
  const members = new Set<string>();
  const edges: (readonly [string, string])[] = [];
  let loses = false;
  let [most, gone] = [0, 0];
  for (const each of work) {
    if (isChange(each)) {
      current.add(each.id);
      loses = true;
      gone = Number.POSITIVE_INFINITY;
      continue;
    }
    for (const command of each.commands) {
      if (command.kind === 'create' || command.kind === 'restore') creations++;
      if (command.kind !== 'create') current.add(command.id);
      else if (command.id !== undefined) given.add(command.id);
      loses ||= mayLose(command);
      gone += mostGone(command);
      if (command.kind === 'update') most = Math.max(most, command.countMembers ?? 0);
      for (const value of valuesOf(command)) {
        if (members.size >= mostForeseen) break;
        members.add(value);
        if (command.kind === 'update') edges.push([command.id, value]);
      }
    }
  }
  const counted = most > 0 && gone <= mostForeseen ? most + gone : 0;
  return { creations, given, current, members, edges, loses, counted };
}

/** How many members a group loses by it at most. */
function mostGone(command: Command): number {
  if (command.kind === 'create') return 0;
  if (command.kind !== 'update') return Number.POSITIVE_INFINITY;
  let gone = 0;
  for (const edit of command.members ?? [])
    if (edit.kind === 'remove') gone += edit.values.length;
    else if (edit.kind !== 'add') return Number.POSITIVE_INFINITY;
  return gone;
}

function mayLose(command: Command): boolean {
  if (command.kind === 'delete') return true;
  if (command.kind !== 'update') return false;
  const { document, members = [] } = command;
  return document?.after.active === false || members.some(({ kind }) => kind !== 'add');
}

function* valuesOf(command: Command): Generator<string> {
  if (command.kind !== 'create' && command.kind !== 'update') return;
  for (const edit of command.members ?? ([] as readonly MemberEdit[])) {
    if (edit.kind === 'add') for (const { value } of edit.members) yield value;
    else if (edit.kind === 'remove') yield* edit.values;
  }
}
