/** scimd stream list, show, pause, resume, delete, rotate-key. */
import { shownAs } from '../events/shown.ts';
import { type Stream, StreamError, statusOf } from '../events/streams/management.ts';
import { SigningKeys } from '../events/streams/signing-keys.ts';
import { Streams } from '../events/streams/streams.ts';
import { CommandError } from '../ops/command-error.ts';
import { columns } from '../ops/terminal.ts';
import type { Store } from '../store/store.ts';
import type { Invocation } from './command.ts';
import { findTenant, withStore } from './database.ts';
import { type Deed, noteDeed } from './noted-deed.ts';

interface Tools {
  readonly streams: Streams;
  readonly keys: SigningKeys;
  readonly store: Store;
}

/** Runs `action`; what cannot be is told as the command's error. */
function withStreams(invocation: Invocation, action: (tools: Tools) => Promise<number>): Promise<number> {
  const { basePath, baseUrl, changes } = invocation.settings().settings;
  return withStore(invocation, false, async (store) => {
    const clock = (): Date => new Date();
    const keys = new SigningKeys(store.streams, clock);
    const shown = shownAs(store.registry, basePath, baseUrl);
    const streams = new Streams(store, keys, { shown, allowPrivate: changes.privateReceivers, clock });
    try {
      return await action({ streams, keys, store });
    } catch (error) {
      if (error instanceof StreamError) throw new CommandError(error.message, 'See: scimd stream list');
      throw error;
    }
  });
}

export async function listStreams(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  return withStreams(invocation, async ({ streams, store }) => {
    const tenant = flags.get('tenant');
    const found = await streams.list(
      tenant === undefined ? undefined : (await findTenant(store, tenant)).number,
    );
    if (json) terminal.print(JSON.stringify(found.map(streamJson)));
    else if (found.length === 0)
      terminal.note('no streams; a receiver makes one with a token: scimd token create --scope events');
    else
      terminal.print(
        columns([
          ['ID', 'TENANT', 'RECEIVER', 'STATUS', 'POSITION', 'DELIVERY'],
          ...found.map((stream) => [
            ...[stream.id, stream.tenantName, stream.stream.receiver, statusOf(stream), stream.position],
            stream.kind === 'push' ? stream.url : 'poll',
          ]),
        ]),
      );
    return 0;
  });
}

export async function showStream(invocation: Invocation): Promise<number> {
  const { operand: id = '', json, terminal } = invocation;
  return withStreams(invocation, async ({ streams }) => {
    const { endpoint: stream, attempts, waiting, behind } = await streams.show(id);
    if (json) {
      terminal.print(JSON.stringify({ ...streamJson(stream), behind, waiting, attempts }));
      return 0;
    }
    const { url, kind, tenantName, reason, failingSince, created, position } = stream;
    const { receiver, requested, issuer, audience } = stream.stream;
    const status = statusOf(stream);
    terminal.print(
      columns([
        ['receiver', receiver],
        ['tenant', tenantName],
        ['delivery', kind === 'push' ? url : 'poll'],
        ['issuer', issuer],
        ['audience', audience],
        ['events', requested?.join(', ') ?? 'the usual ones'],
        ['status', reason === undefined ? status : `${status}: ${reason}`],
        ['created', created],
        ['position', `${position}, ${behind} changes behind`],
        ['waiting', `${waiting.length} tokens`],
        ...(failingSince === undefined ? [] : [['failing since', failingSince]]),
      ]),
    );
    if (attempts.length > 0)
      terminal.print(
        `\n${columns([
          ['AT', 'TRY', 'ANSWER', 'TOKEN', ''],
          ...attempts.map(({ at, try: number, status: answered, error, message, answer }) => [
            ...[at, String(number), String(answered ?? error), message],
            answer === '' ? '' : JSON.stringify(answer.slice(0, 60)),
          ]),
        ])}`,
      );
    return 0;
  });
}

export const pauseStream = changing('pause', 'paused');
export const resumeStream = changing('resume', 'goes on');

function changing(deed: 'pause' | 'resume', what: string) {
  return (invocation: Invocation): Promise<number> =>
    withStreams(invocation, async ({ streams, store }) => {
      const stream = await streams[deed](invocation.operand ?? '');
      await noteDeed(store, deedOf(deed, stream));
      const { json, terminal } = invocation;
      terminal.print(json ? JSON.stringify(streamJson(stream)) : `${stream.id}: ${what}`);
      return 0;
    });
}

export async function deleteStream(invocation: Invocation): Promise<number> {
  const { operand: id = '', json, terminal } = invocation;
  return withStreams(invocation, async ({ streams, store }) => {
    const stream = await streams.find(id);
    await streams.delete(id);
    await noteDeed(store, deedOf('delete', stream));
    terminal.print(json ? JSON.stringify({ id, deleted: true }) : `deleted stream ${id}`);
    return 0;
  });
}

export async function rotateSigningKey(invocation: Invocation): Promise<number> {
  const { json, terminal, flags } = invocation;
  return withStreams(invocation, async ({ keys, store }) => {
    const { id, created } = await keys.rotate(flags.has('revoke'));
    await noteDeed(store, { action: 'stream.rotate-key', detail: id });
    terminal.print(json ? JSON.stringify({ kid: id, created }) : `tokens are signed with ${id} from now on`);
    return 0;
  });
}

function deedOf(deed: string, { id, tenant, stream }: Stream): Deed {
  return { action: `stream.${deed}`, tenant, subject: id, detail: stream.receiver };
}

/** Without what it authenticates with at its receiver. */
function streamJson(each: Stream): object {
  const { id, kind, url, tenantName, state: _, reason, created, position, failingSince, stream } = each;
  const { authorization, isDropped, ...settings } = stream;
  return {
    ...{ id, tenant: tenantName, status: statusOf(each), reason, delivery: kind },
    ...(kind === 'push' ? { url, authorization: authorization !== undefined } : {}),
    ...{ created, position, failingSince, ...settings },
  };
}
