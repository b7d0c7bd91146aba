/** Who left, and how long it took until each application had heard of it. */
import { isLeaver } from '../events/change-record.ts';
import type { TenantName } from '../events/reader.ts';
import { typeFilter } from '../events/webhook/message.ts';
import type { Change } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import { textOf } from './people.ts';
import { actorText, asOf, counted, type Moment, type Report, sequenceOf, stateAt } from './report.ts';

/** One person who left and one application; without applications one row with none. */
export interface LeaverRow {
  /** `met`, `missed`, or `waiting`: not confirmed, and there is time left. */
  readonly sla: 'met' | 'missed' | 'waiting';
  /** From the change to the confirmation, or until now. */
  readonly seconds: number;
  readonly userName: string;
  /** `locked`: here, whatever the provider says. */
  readonly event: 'deactivated' | 'deleted' | 'locked';
  /** When the change was committed, and by whom. */
  readonly at: string;
  readonly by: string;
  /** The name of a consumer of the feed, or the URL of a webhook. */
  readonly application: string | undefined;
  /** When the application said that it has handled it. */
  readonly confirmed: string | undefined;
  readonly sequence: number;
  readonly id: string;
}

export interface LeaversQuery {
  readonly since: Moment;
  /** Those who left before then; without it all until now. */
  readonly until?: Moment | undefined;
  /** In milliseconds. */
  readonly sla: number;
  readonly now?: Date;
}

/** An application that is to hear of leavers. */
export interface Application {
  readonly kind: 'consumer' | 'endpoint';
  readonly key: string;
  readonly name: string;
  /** From when on. */
  readonly created: string;
}

const pageSize = 1000;
const leaverTypes = ['user.deactivated', 'user.deleted', 'user.access_changed'] as const;

/** Slowest first. */
export async function leaversReport(
  store: Store,
  tenant: TenantName,
  { since, until, sla, now = new Date() }: LeaversQuery,
): Promise<Report<LeaverRow>> {
  const { number } = tenant;
  const after = await sequenceOf(store, tenant, since);
  const isOpen = until === undefined || (typeof until === 'object' && until >= now);
  const end = isOpen ? Number.POSITIVE_INFINITY : await sequenceOf(store, tenant, until);
  const state = await stateAt(store, tenant, undefined);
  const leavers: Change[] = [];
  for (let last = after; ; ) {
    const changes = await store.changes({ tenant: number, after: last, limit: pageSize });
    for (const change of changes)
      if (change.sequence <= Math.min(end, state.sequence) && isLeaver(change)) leavers.push(change);
    last = changes.at(-1)?.sequence ?? last;
    if (changes.length < pageSize || last >= end) break;
  }
  const applications = await applicationsOf(store, number);
  const confirmations = await store.outbox.confirmations(
    number,
    leavers.map(({ sequence }) => sequence),
  );
  const confirmedAt = new Map(
    confirmations.map(({ kind, key, sequence, at }) => [`${kind} ${key} ${sequence}`, at]),
  );
  const rows = leavers.flatMap((change): LeaverRow[] => {
    const { sequence, at, id, last } = change;
    const userName =
      textOf(last?.document.userName) ?? textOf(state.resources.get(id)?.document.userName) ?? '';
    const rowOf = (application: Application | undefined): LeaverRow => {
      const confirmed =
        application === undefined
          ? undefined
          : confirmedAt.get(`${application.kind} ${application.key} ${sequence}`);
      const until = confirmed === undefined ? now : new Date(confirmed);
      const took = Math.max(0, until.getTime() - Date.parse(at));
      return {
        sla: took > sla ? 'missed' : confirmed === undefined ? 'waiting' : 'met',
        seconds: Math.round(took / 100) / 10,
        userName,
        event: howTheyLeft(change),
        ...{ at, by: actorText(change), application: application?.name, confirmed, sequence, id },
      };
    };
    const told = applications.filter(({ created }) => created <= at);
    return told.length === 0 ? [rowOf(undefined)] : told.map(rowOf);
  });
  rows.sort((a, b) => b.seconds - a.seconds || a.sequence - b.sequence);
  const count = (which: LeaverRow['sla']): number => rows.filter((row) => row.sla === which).length;
  return {
    tenant: tenant.name,
    asOf: asOf(state),
    columns: [
      ...(['sla', 'seconds', 'userName', 'event', 'at', 'by', 'application', 'confirmed'] as const),
      ...(['sequence', 'id'] as const),
    ],
    rows,
    summary: [
      `who left since ${momentText(since)}${until === undefined ? '' : `, until ${momentText(until)}`}; applications have ${spanText(sla)} to confirm it`,
      `${counted(leavers.length, 'leaver', 'leavers')}, ${counted(applications.length, 'application', 'applications')}`,
      `${count('met')} in time, ${count('missed')} too late or not confirmed in time, ${count('waiting')} waiting`,
      ...(applications.length === 0
        ? ['no application confirms anything: see the feed’s /events/ack, and webhooks']
        : []),
    ],
  };
}

function momentText(moment: Moment): string {
  return typeof moment === 'number' ? `change ${moment}` : moment.toISOString();
}

function spanText(milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  return minutes % 60 === 0 ? counted(minutes / 60, 'hour', 'hours') : counted(minutes, 'minute', 'minutes');
}

/** Of a change by which somebody left. */
export function howTheyLeft({ operation }: Pick<Change, 'operation'>): LeaverRow['event'] {
  return operation === 'delete' ? 'deleted' : operation === 'notice' ? 'locked' : 'deactivated';
}

/** Consumers of the feed, and endpoints of webhooks that are told of leavers. */
export async function applicationsOf(store: Pick<Store, 'outbox'>, tenant: number): Promise<Application[]> {
  const consumers = await store.outbox.consumers(tenant);
  const endpoints = await store.outbox.endpoints(tenant);
  return [
    ...consumers.map(({ name, created }): Application => ({ kind: 'consumer', key: name, name, created })),
    ...endpoints
      .filter(({ types }) => leaverTypes.some(typeFilter(types)))
      .map(({ id, url, created }): Application => ({ kind: 'endpoint', key: id, name: url, created })),
  ];
}
