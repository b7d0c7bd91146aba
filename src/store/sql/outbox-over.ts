/**
 * Consumers, endpoints, failed messages and attempts, over any database that carries steps out. Of several servers one
 * at a time writes to an endpoint.
 */
import { attemptsOf, mostOfBatch } from '../attempts.ts';
import type {
  Confirmation,
  Consumer,
  Endpoint,
  EndpointChange,
  Outbox,
  Progress,
  StoredDelivery,
} from '../outbox.ts';
import type { NewNotice } from '../store.ts';
import type { StreamStore } from '../streams.ts';
import { type ConfirmationSql, confirmationSqlOf, handledUpTo } from './confirmation.ts';
import type { StoreDialect } from './dialect.ts';
import { batchStep, keptAttempts, type OutboxSql, outboxSqlOf } from './outbox.ts';
import { type Step, type Steps, type StepsPort, step } from './steps.ts';
import { streamSqlOf, streamsOver } from './streams.ts';

type Value = Step['parameters'][number];

/** As a database answers them: some have numbers as text. */
type Row = readonly (string | number | null)[];

function toEndpoint(row: unknown): Endpoint {
  const [id, tenant, tenantName, url, types, batch, isPrivate, secrets, signingKeys, ...more] = row as Row;
  const [state, reason, created, position, failingSince, kind, stream] = more;
  return {
    id: String(id),
    kind: kind as Endpoint['kind'],
    tenant: Number(tenant),
    tenantName: String(tenantName),
    url: String(url),
    ...(types === null ? {} : { types: JSON.parse(String(types)) }),
    batch: Number(batch),
    allowPrivate: Number(isPrivate) === 1,
    secrets: JSON.parse(String(secrets)),
    signingKeys: JSON.parse(String(signingKeys)),
    state: state as Endpoint['state'],
    ...(reason === null ? {} : { reason: String(reason) }),
    created: String(created),
    position: String(position),
    ...(failingSince === null ? {} : { failingSince: String(failingSince) }),
    ...(stream === null ? {} : { stream: JSON.parse(String(stream)) }),
  };
}

function toConsumer(row: unknown): Consumer {
  const [name, position, acknowledged, created] = row as [string, string, string, string];
  return { name, position, acknowledged, created };
}

function toDelivery(row: unknown): StoredDelivery {
  const [message, sequence, place, subjects, leaver, tries, next] = row as Row;
  return {
    message: String(message),
    sequence: Number(sequence),
    place: Number(place),
    subjects: JSON.parse(String(subjects)),
    leaver: Number(leaver) === 1,
    tries: Number(tries),
    next: Number(next),
  };
}

const jsonOrNull = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

/** What a database has of its own. */
export interface DeliveryTools {
  /** What the names of its tables begin with. */
  readonly prefix: string;
  /** The column that orders batches of attempts: it counts by itself, or is given. */
  readonly batch: 'number' | 'id';
  /** Ends a statement after which nobody else changes the row until the transaction ends. */
  readonly held: '' | ' FOR UPDATE';
  readonly jsonStrings: StoreDialect['jsonStrings'];
  readonly clock: () => Date;
  readonly newId: () => string;
}

export function deliveryOver(
  { prefix, batch, held, jsonStrings, clock, newId }: DeliveryTools,
  port: StepsPort,
): { readonly outbox: Outbox; readonly streams: StreamStore } {
  const sql = outboxSqlOf(prefix, batch, held);
  const newBatch = batch === 'id' ? newId : undefined;
  return {
    outbox: outboxOver({ sql, confirmation: confirmationSqlOf(prefix), clock, newId, newBatch }, port),
    streams: streamsOver({ sql: streamSqlOf(prefix, held, jsonStrings), outbox: sql, newBatch }, port),
  };
}

interface OutboxTools {
  readonly sql: OutboxSql;
  readonly confirmation: ConfirmationSql;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** The id of a batch of attempts, where it does not number itself. */
  readonly newBatch: (() => string) | undefined;
}

/** How many attempts of an endpoint there are, and how many of them were added here since they were counted. */
interface AttemptCount {
  readonly there: number;
  readonly since: number;
}

function outboxOver(tools: OutboxTools, { read, write, ride = write, writeNoted }: StepsPort): Outbox {
  const { sql, confirmation, clock, newId, newBatch } = tools;
  /** By endpoint, of what is stored. */
  const counted = new Map<string, AttemptCount>();

  const put = (endpoint: string, delivery: StoredDelivery & { readonly body: string }): Step => {
    const { message, sequence, place, subjects, leaver, tries, next, body } = delivery;
    const more = [JSON.stringify(subjects), leaver ? 1 : 0, tries, next, body];
    return step(sql.put, endpoint, message, sequence, place, ...more);
  };

  const change = function* (id: string, changes: EndpointChange): Steps<Endpoint | undefined> {
    const [row] = yield step(sql.held, id);
    if (row === undefined) return undefined;
    const known = toEndpoint(row);
    const { url, types, batch, secrets, signingKeys, state, position, kind, stream } = {
      ...known,
      ...changes,
    };
    const reason = changes.reason === undefined ? known.reason : changes.reason;
    // Who was given up on starts anew, where it was.
    const wakes = state === 'active' && known.state !== 'active';
    if (wakes) {
      yield step(sql.dueNow, id);
      yield step(sql.untell, id);
    }
    yield step(
      sql.update,
      ...[url, jsonOrNull(types), batch, JSON.stringify(secrets), JSON.stringify(signingKeys), state],
      ...[wakes ? null : (reason ?? null), position, wakes ? null : (known.failingSince ?? null)],
      ...[kind, jsonOrNull(stream), id],
    );
    const [changed] = yield step(sql.byId, id);
    return toEndpoint(changed);
  };

  /** Counting them, and finding the oldest from the newest, takes as long as a request: the number of them is kept. */
  const prune = function* (
    endpoint: string,
    added: number,
    known: AttemptCount | undefined,
  ): Steps<AttemptCount> {
    const since = (known?.since ?? 0) + added;
    // Other processes write some too.
    if (known === undefined || since >= keptAttempts) {
      const [row] = yield step(sql.countAttempts, endpoint);
      known = { there: Number((row as Row)[0]), since: 0 };
    } else known = { there: known.there + added, since };
    const surplus = known.there - keptAttempts;
    // Then there is a batch to remove, and few are removed together, since requests wait meanwhile.
    if (surplus < mostOfBatch) return known;
    const pruned = (yield step(sql.pruneBatches, endpoint, endpoint, surplus)) as readonly Row[];
    return { ...known, there: pruned.reduce((there, [count]) => there - Number(count), known.there) };
  };

  /** `counts` is of this try alone: a transaction may be done again. */
  const store = function* (
    owner: string,
    progress: Progress,
    counts: Map<string, AttemptCount>,
  ): Steps<boolean> {
    const { endpoint, position, retried, removed, attempts, failingSince, state, reason = null } = progress;
    const [owned] = yield step(sql.owned, endpoint, owner);
    if (owned === undefined) return false;
    // What was delivered until it was paused does not come again when it goes on.
    const isActive = (owned as Row)[0] === 'active';
    if (position !== undefined) yield step(sql.setPosition, position, endpoint);
    for (const each of progress.put) yield put(endpoint, each);
    for (const { message, tries, next } of retried) yield step(sql.retry, tries, next, endpoint, message);
    for (const message of removed) yield step(sql.remove, endpoint, message);
    let added = 0;
    for (const batch of attempts) {
      yield batchStep(sql, newBatch, endpoint, batch);
      added += batch.count;
      for (const { at, sequence } of batch.told) yield step(confirmation.ofEndpoint, at, sequence, endpoint);
    }
    if (added > 0) {
      const known = counts.get(endpoint) ?? counted.get(endpoint);
      counts.set(endpoint, yield* prune(endpoint, added, known));
    }
    if (failingSince !== undefined) yield step(sql.setFailing, failingSince, endpoint);
    if (state !== undefined && isActive) yield step(sql.setState, state, reason, endpoint);
    return isActive;
  };

  const done = (text: string, ...parameters: readonly Value[]): Promise<boolean> =>
    write(function* () {
      return (yield step(text, ...parameters)).length > 0;
    });

  const endpointsBy = function* (text: string, ...parameters: readonly Value[]): Steps<readonly Endpoint[]> {
    return (yield step(text, ...parameters)).map(toEndpoint);
  };

  return {
    confirmations: (tenant, sequences) =>
      read(function* () {
        const consumers = (yield step(sql.consumers, tenant)).map(toConsumer);
        const endpoints = yield* endpointsBy(sql.ofTenant, tenant);
        const applications = [
          ...consumers.map(({ name }) => ({ kind: 'consumer', key: name, name }) as const),
          ...endpoints.map(({ id, url }) => ({ kind: 'endpoint', key: id, name: url }) as const),
        ];
        const found: Confirmation[] = [];
        for (const sequence of sequences)
          for (const application of applications) {
            const { firstOfConsumer, firstOfEndpoint } = confirmation;
            const text = application.kind === 'consumer' ? firstOfConsumer : firstOfEndpoint;
            const [row] = (yield step(text, tenant, application.key, sequence)) as readonly [string][];
            if (row !== undefined) found.push({ ...application, sequence, at: row[0] });
          }
        return found;
      }),
    consumers: (tenant) =>
      read(function* () {
        return (yield step(sql.consumers, tenant)).map(toConsumer);
      }),
    acknowledge: (tenant, name, position, isBehind) =>
      write(function* () {
        const now = clock().toISOString();
        const isNew = (yield step(sql.insertConsumer, tenant, name, position, now, now)).length > 0;
        const [row] = yield step(sql.consumer, tenant, name);
        const known = toConsumer(row);
        if (!isNew) {
          if (known.position !== position && !isBehind(known.position)) return undefined;
          yield step(sql.setConsumer, position, now, tenant, name);
        }
        const handled = handledUpTo(position);
        if (handled > 0) yield step(confirmation.ofConsumer, tenant, name, handled, now);
        return { ...known, position, acknowledged: now };
      }),
    forgetConsumer: (tenant, name) => done(sql.deleteConsumer, tenant, name),

    endpoints: (tenant) =>
      read(() => (tenant === undefined ? endpointsBy(sql.all) : endpointsBy(sql.ofTenant, tenant))),
    createEndpoint: ({ kind = 'webhook', stream, types, ...endpoint }) =>
      write(function* () {
        const { tenant, url, batch, allowPrivate, secrets, signingKeys, position } = endpoint;
        const id = newId();
        yield step(
          sql.insert,
          ...[id, tenant, url, jsonOrNull(types), batch, allowPrivate ? 1 : 0, JSON.stringify(secrets)],
          ...[JSON.stringify(signingKeys), clock().toISOString(), position, kind, jsonOrNull(stream)],
        );
        const [made] = yield step(sql.byId, id);
        return toEndpoint(made);
      }),
    changeEndpoint: (id, changes) => write(() => change(id, changes)),
    deleteEndpoint: (id) => done(sql.delete, id),
    attempts: (endpoint, limit) =>
      read(function* () {
        const batches = (yield step(sql.batches, endpoint, limit)) as readonly [string][];
        return batches.flatMap(([text]) => attemptsOf(text)).slice(0, limit);
      }),

    enqueue: (endpoint, messages) =>
      write(function* () {
        if ((yield step(sql.held, endpoint)).length === 0) return false;
        for (const each of messages) yield put(endpoint, each);
        return true;
      }),

    lease: (owner, now, until) =>
      write(function* () {
        // Nobody holds one for so long: the clock was set back.
        yield step(sql.take, owner, until, owner, now, now + 2 * (until - now));
        return yield* endpointsBy(sql.leased, owner);
      }),
    leasable: (owner) =>
      read(function* () {
        return JSON.stringify(yield step(sql.leasable, owner));
      }),
    owners: () =>
      read(function* () {
        return ((yield step(sql.owners)) as readonly [string][]).map(([owner]) => owner);
      }),
    async release(owner) {
      await done(sql.give, owner);
    },
    deliveries: (endpoint) =>
      read(function* () {
        return (yield step(sql.deliveries, endpoint)).map(toDelivery);
      }),
    deliveryBody: (endpoint, message) =>
      read(function* () {
        const [row] = (yield step(sql.body, endpoint, message)) as readonly [string][];
        return row?.[0];
      }),
    async noteDisabled() {
      // Mostly there are none, and nothing is to be written.
      if ((await read(() => endpointsBy(sql.untold))).length === 0) return 0;
      return writeNoted('all', function* () {
        const notices: NewNotice[] = [];
        for (const { id, tenant, url, reason } of yield* endpointsBy(sql.untold)) {
          if ((yield step(sql.tell, id)).length === 0) continue;
          const data = { endpoint: { id, url }, reason: reason ?? '' };
          notices.push({ tenant, event: 'endpoint.disabled', subject: { type: 'Endpoint', id }, data });
        }
        return { result: notices.length, notices };
      });
    },
    async progress(owner, all) {
      // What is put there is sent when it is there; nothing waits for the rest.
      const isAwaited = all.some(({ put: bodies }) => bodies.length > 0);
      const { stored, counts } = await (isAwaited ? write : ride)(function* () {
        const done = { stored: [] as boolean[], counts: new Map<string, AttemptCount>() };
        for (const each of all) done.stored.push(yield* store(owner, each, done.counts));
        return done;
      });
      for (const [endpoint, count] of counts) counted.set(endpoint, count);
      return stored;
    },
  };
}
