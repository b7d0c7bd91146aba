/** What the mounts of events and streams work with, over the store. */
import { operator } from '../directory/caller.ts';
import type { Directory } from '../directory/directory.ts';
import { Feed } from '../events/feed.ts';
import type { Hub } from '../events/hub.ts';
import type { PageAsked, PageText } from '../events/page-text.ts';
import { EventReader, recordsOf, type TenantName } from '../events/reader.ts';
import { shownAs } from '../events/shown.ts';
import { snapshotLines } from '../events/snapshot.ts';
import { Polls } from '../events/streams/poll.ts';
import { SigningKeys } from '../events/streams/signing-keys.ts';
import { Streams } from '../events/streams/streams.ts';
import { TokenReader } from '../events/streams/token-reader.ts';
import type { HttpOptions } from './options.ts';

/** The feed over the store. `meta.location` of events is the same for all who read them: it needs a configured base. */
export function eventsParts({ store, baseUrl, basePath, pages }: HttpOptions, hub: Hub) {
  const shown = shownAs(store.registry, basePath, baseUrl);
  const reader = new EventReader(recordsOf(store), store.feed, shown);
  const names = new Map<number, string>();
  const feed = new Feed(reader, store.feed, store.outbox, hub);
  const asked = new Map<string, Promise<PageText>>();
  const make = async (page: PageAsked): Promise<PageText> =>
    (await pages?.(page, baseUrl)) ?? feed.pageText(page);
  return {
    reader,
    urlOf: shown.urlOf,
    feed,
    resourceTypes: store.registry.resourceTypes.map(({ name }) => name),
    /**
     * Made by the thread that makes events for webhooks, where there is one: requests do not wait for it. Who asks for the
     * same while nothing has changed is given the same.
     */
    async page(page: PageAsked): Promise<PageText> {
      const { newest } = await store.feed.extent(page.tenant.number);
      const key = JSON.stringify([page, newest]);
      const known = asked.get(key);
      if (known !== undefined) return known;
      const made = make(page).finally(() => asked.delete(key));
      asked.set(key, made);
      return made;
    },
    durable: () => store.durable(),
    snapshot: (tenant: TenantName) => snapshotLines(store.feed, tenant, shown),
    async tenantOf(number: number): Promise<TenantName | undefined> {
      const name = names.get(number) ?? (await store.tenant(number))?.name;
      if (name === undefined) return undefined;
      names.set(number, name);
      return { number, name };
    },
  };
}

/** Streams over the store. */
export function streamsParts(
  { store, baseUrl, basePath, privateReceivers: allowPrivate = false }: HttpOptions,
  hub: Hub,
  directory: Directory,
  clock: () => Date,
) {
  const shown = shownAs(store.registry, basePath, baseUrl);
  const keys = new SigningKeys(store.streams, clock);
  const streams = new Streams(store, keys, { shown, allowPrivate, clock });
  const reader = new TokenReader(recordsOf(store), store.feed, store.streams, shown);
  const user = store.registry.resourceTypes.find(({ name }) => name === 'User');
  return {
    ...{ keys, streams },
    polls: new Polls(store, { streams, reader, keys, hub, clock }),
    async usersBy(tenant: number, filter: string): Promise<readonly string[]> {
      if (user === undefined) return [];
      const caller = operator(tenant, { kind: 'system' }, 'generic');
      const { resources } = await directory.list(caller, { types: [user], filter, limit: 2 });
      return resources.map(({ id }) => id);
    },
  };
}
