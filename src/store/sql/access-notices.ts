/** What the change record tells of roles and of the guard. */
import { type AccessRule, rulesOf } from '../../scim/roles.ts';
import { type RulesEffect, rulesReplaced } from '../grants.ts';
import type { GuardAlert, GuardReason } from '../guard.ts';
import type { NewNotice } from '../store.ts';

/** Ids in one record of a change of rules. */
const inOneRecord = 500;

/** The records that say whose access a change of what groups give did change. */
export function accessNotices(
  tenant: number,
  changes: RulesEffect['changes'],
  more: Pick<NewNotice, 'actor' | 'request' | 'cause'>,
): NewNotice[] {
  return changes.flatMap(({ kind, name, gained, lost }) => {
    const notices: NewNotice[] = [];
    for (let from = 0; from < Math.max(gained.length, lost.length); from += inOneRecord) {
      const part = (ids: readonly string[]): readonly string[] => ids.slice(from, from + inOneRecord);
      notices.push({
        ...{ tenant, event: 'user.access_changed', ...more },
        subject: { type: kind === 'role' ? 'Role' : 'Entitlement', id: name },
        data: { gained: part(gained), lost: part(lost) },
      });
    }
    return notices;
  });
}

/** The record that keeps the rules that others have replaced; none where those of the tenant stay as they are. */
export function rulesNotices(
  { number, name }: { readonly number: number; readonly name: string },
  rules: { readonly before: readonly AccessRule[]; readonly after: readonly AccessRule[] },
  more: Pick<NewNotice, 'actor'>,
): NewNotice[] {
  const before = rulesOf(name, rules.before);
  const texts = (some: readonly AccessRule[]): string =>
    some
      .map((rule) => JSON.stringify(rule))
      .sort()
      .join('\n');
  if (texts(before) === texts(rulesOf(name, rules.after))) return [];
  return [{ tenant: number, ...rulesReplaced, ...more, data: { before } }];
}

/** What the record tells of an alert. */
export function alertNotice(alert: GuardAlert): Pick<NewNotice, 'event' | 'subject' | 'data'> {
  if (alert.kind === 'mass') {
    const { kind: _, ...mass } = alert;
    return {
      event: 'guard.tripped',
      subject: { type: 'Guard', id: 'guard' },
      data: { mode: 'alert', ...mass },
    };
  }
  const { grant, name, seats } = alert;
  return {
    event: 'seats.exhausted',
    subject: { type: grant === 'role' ? 'Role' : 'Entitlement', id: name },
    data: { [grant]: name, seats, used: seats },
  };
}

/** What it tells of something that was refused. */
export function refusedNotice(
  reason: Exclude<GuardReason, { kind: 'mass' | 'held' }>,
): Pick<NewNotice, 'event' | 'subject' | 'data'> {
  const event = 'guard.refused';
  if (reason.kind === 'protected') {
    const { id, userName } = reason;
    return {
      ...{ event, subject: { type: 'User', id } },
      data: { reason: 'protected', ...(userName === undefined ? {} : { userName }) },
    };
  }
  const { kind, grant, name } = reason;
  const limit = reason.kind === 'keep' ? { keep: reason.keep, left: reason.left } : { seats: reason.seats };
  return {
    event,
    subject: { type: grant === 'role' ? 'Role' : 'Entitlement', id: name },
    data: { reason: kind, [grant]: name, ...limit },
  };
}
