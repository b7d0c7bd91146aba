/**
 * A change record as units in their order, each of which becomes one event, or a few. The units of a record are always
 * the same, so that a position within them holds; what an event says beside them is as it is when it is read.
 */

import type { RecordedEdit } from '../store/change.ts';
import { type ChangeRecord, concernsActive, isDeactivation, isReactivation } from './change-record.ts';
import type { EventType } from './event.ts';

export type Unit =
  /** No change of a resource. */
  | { readonly kind: 'notice' }
  /** The change itself. */
  | { readonly kind: 'resource'; readonly type: EventType; readonly edits: readonly RecordedEdit[] }
  /** A part of the members that came and went. */
  | {
      readonly kind: 'members';
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly index: number;
      readonly of: number;
    }
  /** The access of a person, or of all people in a member that is a group. */
  | {
      readonly kind: 'access';
      readonly member: string;
      /**
       * What the change of the group does to them; `rules`: what groups give has changed; undefined: it is the person's
       * own change.
       */
      readonly group?: 'gained' | 'lost' | 'rules';
    };

/** Members in one part of `group.members_changed`. */
const partSize = 500;

export function unitsOf(record: ChangeRecord): Unit[] {
  if (record.operation === 'notice') return noticeUnits(record);
  if (record.operation === 'erase') return erasureUnits(record);
  switch (record.type) {
    case 'User':
      return userUnits(record);
    case 'Group':
      return groupUnits(record);
    default:
      return [{ kind: 'resource', type: `resource.${verbOf(record)}`, edits: record.edits }];
  }
}

/** A lock, or a change of what groups give, is told as what it makes of the access of people. */
function noticeUnits({ type, id, notice }: ChangeRecord): Unit[] {
  if (notice?.event !== 'user.access_changed') return [{ kind: 'notice' }];
  if (type === 'User') return [{ kind: 'access', member: id }];
  const { gained, lost } = notice.data;
  return [gained, lost]
    .flatMap((ids) => (Array.isArray(ids) ? ids : []))
    .map((member: string) => ({ kind: 'access', member, group: 'rules' }));
}

/** An event there is of people alone: the others are erased with whom they are about. */
function erasureUnits({ type }: ChangeRecord): Unit[] {
  return type === 'User' ? [{ kind: 'resource', type: 'user.erased', edits: [] }] : [];
}

function verbOf({ operation }: ChangeRecord): 'created' | 'updated' | 'deleted' | 'restored' {
  switch (operation) {
    case 'restore':
      return 'restored';
    case 'create':
      return 'created';
    case 'delete':
      return 'deleted';
    default:
      return 'updated';
  }
}

function userUnits(record: ChangeRecord): Unit[] {
  const { id, edits } = record;
  const access: Unit = { kind: 'access', member: id };
  const verb = verbOf(record);
  if (verb !== 'updated') return [{ kind: 'resource', type: `user.${verb}`, edits }, access];
  const ofActive = edits.filter((edit) => isDeactivation(edit) || isReactivation(edit));
  const others = edits.filter((edit) => !ofActive.includes(edit));
  const units: Unit[] = [];
  for (const edit of ofActive)
    units.push({
      kind: 'resource',
      type: isDeactivation(edit) ? 'user.deactivated' : 'user.reactivated',
      edits: [edit],
    });
  if (others.length > 0) units.push({ kind: 'resource', type: 'user.updated', edits: others });
  if (ofActive.length > 0 || edits.some(concernsActive)) units.push(access);
  return units;
}

function groupUnits(record: ChangeRecord): Unit[] {
  const { edits, added = [], removed = [] } = record;
  const verb = verbOf(record);
  const units: Unit[] = [];
  if (verb !== 'updated' || edits.length > 0) units.push({ kind: 'resource', type: `group.${verb}`, edits });
  if (verb !== 'deleted') units.push(...memberParts(added, removed));
  for (const member of added) units.push({ kind: 'access', member, group: 'gained' });
  for (const member of removed) units.push({ kind: 'access', member, group: 'lost' });
  return units;
}

function memberParts(added: readonly string[], removed: readonly string[]): Unit[] {
  const of = Math.ceil((added.length + removed.length) / partSize);
  return Array.from({ length: of }, (_, index) => {
    const from = index * partSize;
    const to = from + partSize;
    return {
      kind: 'members',
      added: added.slice(from, to),
      removed: removed.slice(Math.max(0, from - added.length), Math.max(0, to - added.length)),
      index,
      of,
    };
  });
}
