/** Everything that happened to one resource: by whom, from where, on which request, and what it was before. */
import type { TenantName } from '../events/reader.ts';
import type { Change, RecordedEdit } from '../store/change.ts';
import type { Confirmation } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { textOf } from './people.ts';
import { actorText, counted, HistoryError, type Report } from './report.ts';

export interface HistoryRow {
  readonly sequence: number;
  readonly at: string;
  /** `title: "Engineer" → "Staff engineer"`, `joined Tour Guides`. */
  readonly what: string;
  readonly by: string;
  /** The client's address, where it is kept. */
  readonly from: string | undefined;
  readonly request: string | undefined;
  /** Deviations of the provider that were tolerated. */
  readonly tolerances: readonly string[];
  /** The change that made this one happen. */
  readonly cause: string | undefined;
  /** Which applications had it when: `crm 2026-11-28T09:14:04.020Z`. */
  readonly confirmed: readonly string[];
  readonly version: number | undefined;
  readonly transaction: string | undefined;
}

/** Of a resource by its id: there, deleted or erased. @throws HistoryError where nothing of it is kept. */
export async function historyReport(
  store: Store,
  tenant: TenantName,
  id: string,
): Promise<Report<HistoryRow>> {
  const changes = await store.past.changesAbout(tenant.number, id);
  const { newest } = await store.changeRange(tenant.number);
  const last = changes.at(-1);
  if (last === undefined)
    throw new HistoryError(`tenant ${tenant.name} has no change about ${id} that is still kept`);
  const names = await namesOf(store, tenant.number, new Set(changes.map((change) => change.id)));
  const confirmations = await store.outbox.confirmations(
    tenant.number,
    changes.map(({ sequence }) => sequence),
  );
  const bySequence = Map.groupBy(confirmations, ({ sequence }) => sequence);
  const [head] = await store.changes({ tenant: tenant.number, after: newest - 1, limit: 1 });
  return {
    tenant: tenant.name,
    asOf: { sequence: newest, at: head?.at, link: head?.link },
    columns: [
      ...(['sequence', 'at', 'what', 'by', 'from', 'request', 'tolerances', 'cause'] as const),
      ...(['confirmed', 'version', 'transaction'] as const),
    ],
    rows: changes.map((change) => rowOf(change, id, names, bySequence.get(change.sequence) ?? [])),
    summary: [counted(changes.length, 'change', 'changes')],
  };
}

function rowOf(
  change: Change,
  id: string,
  names: ReadonlyMap<string, string>,
  confirmations: readonly Confirmation[],
): HistoryRow {
  const { sequence, at, request, tolerances = [], cause, version, transaction, actor } = change;
  return {
    sequence,
    at,
    what: (change.id === id ? whatHappened(change) : whatOfGroup(change, id, names)).join('; '),
    by: actorText(change),
    from: actor.address,
    request,
    tolerances,
    cause: cause === undefined ? undefined : `${cause.operation} of ${cause.type} ${cause.id}`,
    confirmed: confirmations.map(({ name, at: when }) => `${name} ${when}`),
    version: change.id === id ? version : undefined,
    transaction,
  };
}

const verbs: Readonly<Record<Change['operation'], string | undefined>> = {
  create: 'created',
  delete: 'deleted',
  restore: 'restored',
  erase: 'erased',
  migrate: 'fitted to new schemas',
  notice: undefined,
  replace: undefined,
  patch: undefined,
};

/** `locked here`; what is erased is told without its content. */
export function noticeText(notice: Change['notice']): string {
  if (notice === undefined) return 'a lock or a notice, whose content was erased';
  const locked = notice.event === 'user.access_changed' ? notice.data.locked : undefined;
  return locked === undefined ? notice.event : locked === true ? 'locked here' : 'unlocked here';
}

/** At most so many members of a group are told by id. */
const mostMembers = 5;

function whatHappened({ operation, edits, notice, added = [], removed = [] }: Change): string[] {
  const verb = verbs[operation];
  const members = (ids: readonly string[], word: string): string[] =>
    ids.length === 0
      ? []
      : [`${word} ${ids.length <= mostMembers ? ids.join(', ') : counted(ids.length, 'member', 'members')}`];
  return [
    ...(verb === undefined ? [] : [verb]),
    ...(operation === 'notice' ? [noticeText(notice)] : []),
    ...edits.map(editText),
    ...members(added, 'members added:'),
    ...(operation === 'delete' ? [] : members(removed, 'members removed:')),
  ];
}

function whatOfGroup(
  { id, operation, added = [] }: Change,
  member: string,
  names: ReadonlyMap<string, string>,
): string[] {
  const group = names.get(id) ?? id;
  if (added.includes(member)) return [`joined ${group}`];
  return [operation === 'delete' ? `left ${group}, which was deleted` : `left ${group}`];
}

function editText(edit: RecordedEdit): string {
  const { path } = edit;
  if (edit.omitted !== undefined) return `${path} changed (${edit.omitted})`;
  const text = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  return `${path}: ${text(edit.from)} → ${text(edit.to)}`;
}

/** What groups are called, or were when they were deleted. */
async function namesOf(
  store: Store,
  tenant: number,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const [id, { resource }] of await store.feed.resources(tenant, ids)) {
    const name = textOf((JSON.parse(resource.body) as Record<string, unknown>).displayName);
    if (name !== undefined) names.set(id, name);
  }
  for (const id of ids) {
    if (names.has(id)) continue;
    for (const type of store.registry.resourceTypes) {
      const deleted = await store.deletion({ tenant, type, id });
      const name = textOf(deleted?.last.document.displayName);
      if (name !== undefined) names.set(id, name);
    }
  }
  return names;
}
