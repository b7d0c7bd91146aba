/** The state of a tenant in numbers and words: what the first page shows. */
import * as v from 'valibot';
import { operator } from '../../directory/caller.ts';
import { behindOf } from '../../events/behind.ts';
import { isDeactivation, isReactivation } from '../../events/change-record.ts';
import { LagWatch } from '../../events/lag.ts';
import { dayOf, type ExplainedExchange } from '../explained.ts';
import { providerName } from '../meaning.ts';
import { type AdminParts, type Asked, endpoint, seesNobodys, tenantFor, tenantQuery } from './endpoint.ts';
import { guardOf } from './guard.ts';
import { stateOf } from './tokens.ts';

const connection = v.object({
  token: v.string(),
  name: v.string(),
  provider: v.string(),
  scope: v.string(),
  /** `good`, `attention`, `off`; `words` says why. */
  state: v.picklist(['good', 'attention', 'off']),
  words: v.string(),
  last: v.optional(v.object({ at: v.string(), text: v.string(), exchange: v.number() })),
});
export type ConnectionShown = v.InferOutput<typeof connection>;

const nowShape = v.object({
  tenant: v.string(),
  at: v.string(),
  people: v.object({ total: v.number(), active: v.number(), groups: v.number() }),
  today: v.object({ joined: v.number(), left: v.number(), isComplete: v.boolean() }),
  connections: v.array(connection),
  applications: v.array(
    v.object({
      kind: v.picklist(['webhook', 'consumer']),
      id: v.string(),
      name: v.string(),
      state: v.picklist(['good', 'attention', 'off']),
      words: v.string(),
      behind: v.number(),
    }),
  ),
  guard: v.object({ state: v.picklist(['watching', 'held', 'released']), words: v.string() }),
  /** How long the first leaver waits that some application has not heard of. */
  leaverLagSeconds: v.number(),
  errors: v.array(
    v.object({
      group: v.string(),
      count: v.number(),
      last: v.object({ at: v.string(), text: v.string(), exchange: v.number() }),
    }),
  ),
  traffic: v.object({
    from: v.string(),
    minutes: v.number(),
    answered: v.array(v.number()),
    refused: v.array(v.number()),
  }),
});
export type Now = v.InferOutput<typeof nowShape>;

const hour = 3_600_000;
const day = 24 * hour;
/** Milliseconds after which one look reads no more changes; the next look goes on. */
const readFor = 25;
/** Changes that are read at once. */
const readAtOnce = 1000;
/** Exchanges of the day that were refused, as far as they are grouped. */
const mostErrors = 400;

interface Today {
  readonly day: number;
  scanned: number;
  joined: number;
  left: number;
  isComplete: boolean;
}

/** What is costly to count anew, by tenant. */
export class Counts {
  readonly #parts: AdminParts;
  readonly #today = new Map<number, Today>();
  readonly #people = new Map<number, { readonly sequence: number; readonly people: Now['people'] }>();
  readonly #lag: LagWatch;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#lag = new LagWatch(parts.store);
  }

  /** Counted again when something has changed. */
  async people(tenant: number): Promise<Now['people']> {
    const { store, directory } = this.#parts;
    const { newest } = await store.changeRange(tenant);
    const known = this.#people.get(tenant);
    if (known?.sequence === newest) return known.people;
    const caller = operator(tenant, { kind: 'admin' }, 'strict');
    const count = async (type: string, filter?: string): Promise<number> => {
      const found = store.registry.resourceTypes.find(({ name }) => name === type);
      if (found === undefined) return 0;
      return (await directory.list(caller, { types: [found], filter, limit: 0 })).total;
    };
    const total = await count('User');
    const people = {
      total,
      active: total - (await count('User', 'active eq false')),
      groups: await count('Group'),
    };
    this.#people.set(tenant, { sequence: newest, people });
    return people;
  }

  /** Who came and went since midnight in UTC, from the change record. */
  async today(tenant: number): Promise<Today> {
    const { store, clock } = this.#parts;
    const start = Math.floor(clock().getTime() / day) * day;
    let today = this.#today.get(tenant);
    if (today?.day !== start) {
      today = {
        day: start,
        scanned: await firstChangeSince(store, tenant, start),
        joined: 0,
        left: 0,
        isComplete: false,
      };
      this.#today.set(tenant, today);
    }
    today.isComplete = false;
    for (const end = performance.now() + readFor; performance.now() < end; ) {
      const changes = await store.changes({ tenant, after: today.scanned, limit: readAtOnce });
      for (const change of changes) {
        today.scanned = change.sequence;
        if (change.type !== 'User') continue;
        if (change.operation === 'create' || change.edits.some(isReactivation)) today.joined++;
        if (change.operation === 'delete' || change.edits.some(isDeactivation)) today.left++;
      }
      if (changes.length < readAtOnce) {
        today.isComplete = true;
        break;
      }
    }
    return today;
  }

  /** Seconds. */
  async lag(tenant: number): Promise<number> {
    const now = this.#parts.clock().getTime();
    const lags = (await this.#lag.look()).filter((each) => each.tenant === tenant);
    return Math.max(0, ...lags.map(({ since }) => (now - since.getTime()) / 1000));
  }
}

/** The number before the first change since then, in milliseconds since 1970: numbers are in order of time. */
async function firstChangeSince(store: AdminParts['store'], tenant: number, time: number): Promise<number> {
  const { oldest, newest } = await store.changeRange(tenant);
  let [low, high] = [oldest - 1, newest];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [change] = await store.changes({ tenant, after: middle, limit: 1 });
    if (change !== undefined && Date.parse(change.at) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `3 minutes`, `2 hours`, `4 days`. */
export function spanOf(milliseconds: number): string {
  const units: readonly (readonly [size: number, one: string])[] = [
    [day, 'day'],
    [hour, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ];
  for (const [size, one] of units) {
    const count = Math.floor(milliseconds / size);
    if (count >= 1) return `${count} ${one}${count === 1 ? '' : 's'}`;
  }
  return 'a moment';
}

/** Silence after which a connection is worth a look. */
const silent = 3 * day;

export async function connectionsOf(parts: AdminParts, tenant: number): Promise<ConnectionShown[]> {
  const { store, clock, options, words } = parts;
  const now = clock();
  const latest = new Map(
    (await options.exchangeLog?.latest(tenant))?.map(({ token, last }) => [token, last]),
  );
  const explained = new Map<string, ExplainedExchange>();
  for (const each of await words.explain([...latest.values()]))
    if (each.token !== undefined) explained.set(each.token, each);
  const tokens = await store.listTokens(tenant);
  return tokens
    .filter((token) => token.scope !== 'metrics')
    .map((token) => {
      const last = explained.get(token.id);
      const state = stateOf(token, now);
      const left =
        token.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(token.expires) - now.getTime();
      const quiet = last === undefined ? undefined : now.getTime() - last.at;
      const [tone, say]: [ConnectionShown['state'], string] =
        state === 'revoked' || state === 'expired'
          ? ['off', `${state} on ${dayOf((state === 'revoked' ? token.revoked : token.expires) ?? now)}`]
          : last === undefined
            ? [
                'off',
                token.lastUsed === undefined ? 'no request yet' : `last request on ${dayOf(token.lastUsed)}`,
              ]
            : last.status >= 400
              ? ['attention', 'the last request was refused']
              : left < 14 * day
                ? ['attention', `the token ends in ${spanOf(left)}`]
                : quiet !== undefined && quiet > silent
                  ? ['attention', `silent for ${spanOf(quiet)}`]
                  : ['good', `last request ${spanOf(quiet ?? 0)} ago`];
      return {
        token: token.id,
        name: token.name,
        provider: providerName(token.idp, token.name),
        scope: token.scope,
        state: tone,
        words: say,
        ...(last === undefined
          ? {}
          : { last: { at: new Date(last.at).toISOString(), text: last.meaning.text, exchange: last.id } }),
      };
    });
}

async function applicationsOf({ store, clock }: AdminParts, tenant: number): Promise<Now['applications']> {
  const now = clock().getTime();
  const { newest } = await store.feed.extent(tenant);
  const webhooks = (await store.outbox.endpoints(tenant)).map(async (each) => {
    const behind = await behindOf(store, { tenant, newest }, each.position);
    const failing = each.failingSince === undefined ? undefined : now - Date.parse(each.failingSince);
    const [state, words]: [ConnectionShown['state'], string] =
      each.state === 'disabled'
        ? ['attention', `disabled: ${each.reason ?? 'it failed for too long'}`]
        : each.state === 'paused'
          ? ['off', 'paused']
          : failing !== undefined
            ? ['attention', `failing for ${spanOf(failing)}`]
            : behind === 0
              ? ['good', 'up to date']
              : ['good', `${behind} changes behind`];
    return { kind: 'webhook' as const, id: each.id, name: each.url, state, words, behind };
  });
  const consumers = (await store.outbox.consumers(tenant)).map(async ({ name, position, acknowledged }) => {
    const behind = await behindOf(store, { tenant, newest }, position);
    const words =
      behind === 0
        ? 'up to date'
        : `${behind} changes behind, last heard ${spanOf(now - Date.parse(acknowledged))} ago`;
    return {
      kind: 'consumer' as const,
      id: name,
      name,
      state: behind > 1000 ? ('attention' as const) : ('good' as const),
      words,
      behind,
    };
  });
  return Promise.all([...webhooks, ...consumers]);
}

async function errorsOf(
  { parts: { options, words, clock }, session }: Pick<Asked<unknown, unknown>, 'parts' | 'session'>,
  tenant: number,
): Promise<Now['errors']> {
  const since = clock().getTime() - day;
  const page = await options.exchangeLog?.find({
    ...{ tenant, orNobody: seesNobodys(session) },
    ...{ status: 'error', since, limit: mostErrors },
  });
  const explained = await words.explain(page?.exchanges ?? []);
  const groups = Map.groupBy(explained, ({ meaning }) => meaning.group ?? meaning.text);
  return [...groups]
    .map(([group, members]) => {
      const last = members[0] as ExplainedExchange;
      return {
        group,
        count: members.length,
        last: { at: new Date(last.at).toISOString(), text: last.meaning.text, exchange: last.id },
      };
    })
    .sort((a, b) => b.count - a.count)
    .slice(0, 8);
}

/** Parts of the day that the plot shows. */
const parts = 48;
const partLength = day / parts;

export async function nowOf(
  asked: Asked<{ readonly tenant?: string | undefined }, unknown>,
  counts: Counts,
): Promise<Now> {
  const tenant = await tenantFor(asked, asked.query.tenant);
  const { number } = tenant;
  const at = asked.parts.clock();
  const log = asked.parts.options.exchangeLog;
  // Threads that are asked the first time begin side by side.
  const [traffic, people, today, connections, applications, guard, leaverLagSeconds, errors] =
    await Promise.all([
      log?.counts(at.getTime(), partLength, parts, seesNobodys(asked.session) ? [number, 0] : [number]),
      counts.people(number),
      counts.today(number),
      connectionsOf(asked.parts, number),
      applicationsOf(asked.parts, number),
      shortGuard(asked.parts, number),
      counts.lag(number),
      errorsOf(asked, number),
    ]);
  return {
    tenant: tenant.name,
    at: at.toISOString(),
    ...{ people, connections, applications, guard, leaverLagSeconds, errors },
    today: { joined: today.joined, left: today.left, isComplete: today.isComplete },
    traffic: {
      from: new Date(traffic?.from ?? at.getTime() - day).toISOString(),
      minutes: partLength / 60_000,
      answered: [...(traffic?.answered ?? [])],
      refused: [...(traffic?.refused ?? [])],
    },
  };
}

async function shortGuard(parts: AdminParts, tenant: number): Promise<Now['guard']> {
  const { state, words } = await guardOf(parts, tenant);
  return { state, words };
}

export function nowEndpoints(counts: Counts) {
  return [
    endpoint({
      method: 'GET',
      path: '/now',
      summary: 'How a tenant is, on one screen',
      needs: 'read',
      query: v.object(tenantQuery),
      answer: nowShape,
      handle: (asked) => nowOf(asked, counts),
    }),
  ] as const;
}
