/** Who left, and when each application heard of it: the proof that an auditor asks for. */
import * as v from 'valibot';
import { isLeaver } from '../../events/change-record.ts';
import { applicationsOf, howTheyLeft } from '../../history/leavers.ts';
import type { Attempt } from '../../store/attempts.ts';
import type { Change } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';
import { nameOfDocument } from '../explained.ts';
import { type AdminParts, type Asked, endpoint, tenantFor, tenantQuery, wholeNumber } from './endpoint.ts';
import { actorName } from './resources.ts';

const confirmation = v.object({
  application: v.string(),
  /** When it confirmed; absent: it has not. */
  at: v.optional(v.string()),
  /** Milliseconds after the change was durable. */
  after: v.optional(v.number()),
  tries: v.optional(v.number()),
});
export type Confirmation = v.InferOutput<typeof confirmation>;

const leaverShape = v.object({
  id: v.string(),
  name: v.string(),
  at: v.string(),
  sequence: v.number(),
  how: v.picklist(['deactivated', 'deleted', 'locked']),
  by: v.string(),
  confirmations: v.array(confirmation),
  /** The longest that an application took, in milliseconds; absent: one has not heard yet, or there is none. */
  slowest: v.optional(v.number()),
});
export type Leaver = v.InferOutput<typeof leaverShape>;

/** Leavers in one report: the last of them. */
const mostLeavers = 2000;
/** Changes that are looked through at once, and by one request; the rest is, little by little, behind it. */
const atOnce = 500;
const byRequest = 4000;
const mostAttempts = 2000;
const day = 86_400_000;

/** Changes whose confirmations are read in one go. */
const confirmedAtOnce = 200;

/**
 * What each application that was there by then first said of each of these changes, as the evidence of leavers has it. Of webhooks
 * that is kept of what ends somebody's access; of the rest, and for how often they were tried, their last attempts tell.
 */
export async function confirmationsOf(
  store: Pick<Store, 'outbox'>,
  tenant: number,
  changes: readonly Change[],
): Promise<(change: Change) => Confirmation[]> {
  const applications = await applicationsOf(store, tenant);
  const first = new Map<string, string>();
  for (let start = 0; start < changes.length; start += confirmedAtOnce) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    const some = changes.slice(start, start + confirmedAtOnce).map(({ sequence }) => sequence);
    for (const { kind, key, sequence, at } of await store.outbox.confirmations(tenant, some))
      first.set(`${kind} ${key} ${sequence}`, at);
  }
  const attempts = new Map<string, Attempt>();
  for (const { kind, key } of applications)
    if (kind === 'endpoint')
      for (const attempt of await store.outbox.attempts(key, mostAttempts))
        if (attempt.status !== undefined && attempt.status < 300)
          attempts.set(`endpoint ${key} ${attempt.sequence}`, attempt);
  return (change) =>
    applications
      .filter(({ created }) => created <= change.at)
      .flatMap(({ kind, key, name }): Confirmation[] => {
        const which = `${kind} ${key} ${change.sequence}`;
        const attempt = attempts.get(which);
        const at = first.get(which) ?? attempt?.at;
        if (at === undefined) return kind === 'endpoint' && !isLeaver(change) ? [] : [{ application: name }];
        const after = Math.max(0, Date.parse(at) - Date.parse(change.at));
        return [{ application: name, at, after, ...(attempt === undefined ? {} : { tries: attempt.try }) }];
      });
}

async function leaversOf(
  parts: AdminParts,
  tenant: number,
  from: number,
  to: number,
): Promise<{ readonly leavers: Leaver[]; readonly isComplete: boolean; readonly sequence: number }> {
  const { store } = parts;
  const known = await knownLeavers(store, tenant);
  const { isComplete, scanned: after } = known;
  const left = known.leavers
    .filter(({ at }) => Date.parse(at) >= from && Date.parse(at) < to)
    .slice(-mostLeavers);
  const confirmed = await confirmationsOf(store, tenant, left);
  const names = await namesOf(store, tenant, left);
  const leavers = left.map((change): Leaver => {
    const { id, at, sequence, actor } = change;
    const confirmations = confirmed(change);
    const times = confirmations.map((each) => each.after);
    const isHeard = times.length > 0 && times.every((each) => each !== undefined);
    return {
      ...{ id, name: names.get(id) ?? id, at, sequence, by: actorName(actor), confirmations },
      how: howTheyLeft(change),
      ...(isHeard ? { slowest: Math.max(...(times as number[])) } : {}),
    };
  });
  // Those that somebody has not heard of first, then the slowest.
  const slowness = ({ slowest, confirmations }: Leaver): number =>
    slowest ?? (confirmations.length === 0 ? -1 : Number.POSITIVE_INFINITY);
  leavers.sort((a, b) => slowness(b) - slowness(a) || b.sequence - a.sequence);
  return { leavers, isComplete, sequence: after };
}

/** Who left, as far as the record has been looked through. */
interface KnownLeavers {
  readonly leavers: Change[];
  scanned: number;
  isComplete: boolean;
  isScanning: boolean;
}

const known = new WeakMap<Store, Map<number, KnownLeavers>>();

/** Each change is looked at once, as long as the server runs. */
async function knownLeavers(store: Store, tenant: number): Promise<KnownLeavers> {
  const ofStore = known.get(store) ?? new Map<number, KnownLeavers>();
  known.set(store, ofStore);
  let found = ofStore.get(tenant);
  if (found === undefined) {
    const { oldest } = await store.changeRange(tenant);
    found = { leavers: [], scanned: oldest - 1, isComplete: false, isScanning: false };
    ofStore.set(tenant, found);
  }
  if (found.isScanning) return found;
  found.isComplete = false;
  for (let read = 0; read < byRequest && !found.isComplete; read += atOnce) await scan(store, tenant, found);
  if (!found.isComplete) {
    found.isScanning = true;
    void scanOn(store, tenant, found);
  }
  return found;
}

async function scan(store: Store, tenant: number, to: KnownLeavers): Promise<void> {
  const changes = await store.changes({ tenant, after: to.scanned, limit: atOnce });
  to.scanned = changes.at(-1)?.sequence ?? to.scanned;
  for (const change of changes) if (isLeaver(change)) to.leavers.push(change);
  to.isComplete = changes.length < atOnce;
}

/** Between requests, so that none waits for it. */
async function scanOn(store: Store, tenant: number, found: KnownLeavers): Promise<void> {
  try {
    while (!found.isComplete) {
      await new Promise((resolve) => setTimeout(resolve, 2).unref());
      await scan(store, tenant, found);
    }
  } catch {
    // The database is closed, or cannot be read: the next request goes on.
  } finally {
    found.isScanning = false;
  }
}

async function namesOf(
  store: Store,
  tenant: number,
  changes: readonly Change[],
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const { id, last } of changes) {
    const name = nameOfDocument(last?.document);
    if (name !== undefined) names.set(id, name);
  }
  const missing = changes.map(({ id }) => id).filter((id) => !names.has(id));
  for (const [id, { resource }] of await store.feed.resources(tenant, missing)) {
    const name = nameOfDocument(JSON.parse(resource.body));
    if (name !== undefined) names.set(id, name);
  }
  return names;
}

/** A day as `2026-05-02`, or what is left out. */
const dayText = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^(?:|\d{4}-\d\d-\d\d)$/, 'must be a day such as 2026-05-02'),
    v.transform((text) => (text === '' ? undefined : text)),
    v.check(
      (text) => text === undefined || !Number.isNaN(Date.parse(text)),
      'must be a day such as 2026-05-02',
    ),
  ),
);

export const leaversQuery = v.object({
  ...tenantQuery,
  from: dayText,
  to: dayText,
  limit: v.optional(wholeNumber(1, 1000), 200),
});

/** The days of a report: the last 90 unless given. */
function periodOf(
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: Date,
): { readonly from: number; readonly to: number } {
  const end = to === undefined ? now.getTime() + 1 : Date.parse(to) + day;
  return { from: from === undefined ? now.getTime() - 90 * day : Date.parse(from), to: end };
}

export async function leaversFor(asked: Asked<v.InferOutput<typeof leaversQuery>, unknown>) {
  const { query, parts } = asked;
  const tenant = await tenantFor(asked, query.tenant);
  const period = periodOf(query, parts.clock());
  const { leavers, isComplete, sequence } = await leaversOf(parts, tenant.number, period.from, period.to);
  return {
    tenant: tenant.name,
    from: new Date(period.from).toISOString(),
    to: new Date(period.to).toISOString(),
    asOf: { sequence, at: parts.clock().toISOString() },
    isComplete,
    count: leavers.length,
    leavers: leavers.slice(0, query.limit),
  };
}

export const accessEndpoints = [
  endpoint({
    method: 'GET',
    path: '/leavers',
    summary: 'Who left, and when each application confirmed it; the slowest first',
    needs: 'read',
    query: leaversQuery,
    answer: v.object({
      tenant: v.string(),
      from: v.string(),
      to: v.string(),
      asOf: v.object({ sequence: v.number(), at: v.string() }),
      isComplete: v.boolean(),
      count: v.number(),
      leavers: v.array(leaverShape),
    }),
    handle: leaversFor,
  }),
] as const;
