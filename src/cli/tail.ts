/** scimd tail. */
import { eventPatterns } from '../events/catalogue.ts';
import type { Event } from '../events/event.ts';
import { Feed, PositionError } from '../events/feed.ts';
import { Hub } from '../events/hub.ts';
import { EventReader, recordsOf } from '../events/reader.ts';
import { shownAs } from '../events/shown.ts';
import { typeFilter } from '../events/webhook/message.ts';
import { suggestion } from '../nearest.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import type { Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';

/** Events in one page. */
const pageSize = 100;
/** Milliseconds between looks whether the output is still read. */
const patience = 1000;

/** Prints events in their order; with --follow those to come too, until it is ended. */
export async function tail(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const { basePath, baseUrl } = invocation.settings().settings;
  const type = flags
    .get('type')
    ?.split(',')
    .map((each) => each.trim());
  const unknown = type?.find((each) => !eventPatterns.includes(each));
  if (unknown !== undefined)
    throw new UsageError(
      `--type: ${JSON.stringify(unknown)} is none of the events${suggestion(unknown, eventPatterns)}; they are ${eventPatterns.join(', ')}`,
    );
  const matches = typeFilter(type);
  const wants = type === undefined ? undefined : (event: Event) => matches(event.type);
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    const reader = new EventReader(recordsOf(store), store.feed, shownAs(store.registry, basePath, baseUrl));
    const hub = new Hub(store);
    const feed = new Feed(reader, store.feed, store.outbox, hub);
    const stop = (): void => hub.stop();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      const after = flags.get('after') ?? (flags.has('follow') ? 'now' : 'oldest');
      let position = await feed.positionOf(tenant.number, after, undefined);
      for (;;) {
        const page = await feed.page(tenant, position, { limit: pageSize, wants });
        await store.durable();
        for (const { event, text } of page.made) terminal.print(json ? text : lineOf(event));
        await terminal.written();
        ({ position } = page);
        if (page.more) continue;
        if (!flags.has('follow')) return 0;
        const woken = await hub.wait(tenant.number, position.sequence, patience, undefined);
        if (woken === 'ended') return 0;
      }
    } catch (error) {
      if (error instanceof PositionError) throw new CommandError(error.message, '');
      throw error;
    } finally {
      stop();
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    }
  });
}

/** `4812.1 2026-11-28T09:14:03.218Z user.updated jane@example.com title (by okta)` */
function lineOf(event: Event): string {
  const { position, timestamp, type, actor } = event;
  const parts = [position, timestamp, type];
  if ('subject' in event) parts.push(event.subject.userName ?? nameOf(event) ?? event.subject.id);
  if ('changes' in event) parts.push(event.changes.map(({ path }) => path).join(','));
  if ('added' in event)
    parts.push(
      ...event.added.map(({ id, userName }) => `+${userName ?? id}`),
      ...event.removed.map(({ id, userName }) => `-${userName ?? id}`),
    );
  if ('token' in event) parts.push(event.token.name);
  if ('reason' in event) parts.push(event.reason);
  if ('access' in event) parts.push(event.access.active ? 'active' : 'inactive');
  return `${escapeControls(parts.filter((part) => part !== '').join(' '))} (by ${escapeControls(actor.name ?? actor.kind)})`;
}

function nameOf(event: Event): string | undefined {
  const document =
    ('data' in event ? event.data : null) ?? ('previous' in event ? event.previous : undefined);
  return typeof document?.displayName === 'string' ? JSON.stringify(document.displayName) : undefined;
}
