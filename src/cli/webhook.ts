/** scimd webhook create, list, show, test, pause, resume, rotate, replay, delete. */
import { EventReader, recordsOf } from '../events/reader.ts';
import { shownAs } from '../events/shown.ts';
import { AddressError } from '../events/webhook/address.ts';
import { EndpointError, Endpoints } from '../events/webhook/endpoints.ts';
import { type EndpointSecrets, succeeded } from '../events/webhook/management.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { columns } from '../ops/terminal.ts';
import type { Endpoint } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import type { Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';
import { type Deed, noteDeed } from './noted-deed.ts';
import { parseOverlap } from './time.ts';

export const defaultOverlap = '24h';

/** Runs `action`; what cannot be is told as the command's error. */
function withEndpoints(
  invocation: Invocation,
  create: boolean,
  action: (endpoints: Endpoints, store: Store) => Promise<number>,
): Promise<number> {
  const { basePath, baseUrl } = invocation.settings().settings;
  return withStore(invocation, create, async (store) => {
    const shown = shownAs(store.registry, basePath, baseUrl);
    const reader = new EventReader(recordsOf(store), store.feed, shown);
    try {
      return await action(new Endpoints(store, reader, () => new Date(), shown.urlOf), store);
    } catch (error) {
      if (error instanceof AddressError)
        throw new UsageError(
          error.message,
          undefined,
          error.mayBeAllowed ? 'On a closed network: --allow-private' : undefined,
        );
      if (error instanceof EndpointError && error.code === 'missing')
        throw new CommandError(error.message, 'See: scimd webhook list');
      if (error instanceof EndpointError) throw new UsageError(error.message);
      throw error;
    }
  });
}

export async function createEndpoint(invocation: Invocation): Promise<number> {
  const { operand: url = '', flags } = invocation;
  const batch = flags.get('batch');
  if (batch !== undefined && !/^\d{1,4}$/.test(batch))
    throw new UsageError(`--batch must be a number, not ${JSON.stringify(batch)}`);
  return withEndpoints(invocation, true, async (endpoints, store) => {
    const { number: tenant } = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    const made = await endpoints.create({
      tenant,
      url,
      types: flags
        .get('type')
        ?.split(',')
        .map((type) => type.trim()),
      batch: batch === undefined ? undefined : Number(batch),
      allowPrivate: flags.has('allow-private'),
      ed25519: flags.has('public-key'),
      from: flags.get('from'),
    });
    printSecrets(invocation, made, 'made');
    await noteDeed(store, deedOf('create', made.endpoint));
    return 0;
  });
}

export async function listEndpoints(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  return withEndpoints(invocation, false, async (endpoints, store) => {
    const tenant = flags.get('tenant');
    const found = await endpoints.list(
      tenant === undefined ? undefined : (await findTenant(store, tenant)).number,
    );
    if (json) terminal.print(JSON.stringify(found.map(endpointJson)));
    else if (found.length === 0)
      terminal.note('no endpoints; make one: scimd webhook create https://app.example.com/hooks');
    else
      terminal.print(
        columns([
          ['ID', 'TENANT', 'STATE', 'POSITION', 'EVENTS', 'URL'],
          ...found.map(({ id, tenantName, state, position, types, url }) => [
            ...[id, tenantName, state, position, types?.join(',') ?? 'all', url],
          ]),
        ]),
      );
    return 0;
  });
}

export async function showEndpoint(invocation: Invocation): Promise<number> {
  const { operand: id = '', json, terminal } = invocation;
  return withEndpoints(invocation, false, async (endpoints) => {
    const { endpoint, attempts, waiting, behind } = await endpoints.show(id);
    if (json) {
      terminal.print(JSON.stringify({ ...endpointJson(endpoint), behind, waiting, attempts }));
      return 0;
    }
    const { url, tenantName, state, reason, failingSince, created, position } = endpoint;
    terminal.print(
      columns([
        ['url', url],
        ['tenant', tenantName],
        ['state', reason === undefined ? state : `${state}: ${reason}`],
        ['created', created],
        ['position', `${position}, ${behind} changes behind`],
        ['waiting', `${waiting.length} messages`],
        ...(failingSince === undefined ? [] : [['failing since', failingSince]]),
      ]),
    );
    if (attempts.length > 0)
      terminal.print(
        `\n${columns([
          ['AT', 'TRY', 'ANSWER', 'MS', 'CLOCK', 'MESSAGE', ''],
          ...attempts.map(
            ({ at, try: number, status, error, milliseconds, clockDifference, message, answer }) => [
              ...[at, String(number), String(status ?? error), String(milliseconds)],
              ...[clockDifference === undefined ? '' : `${clockDifference} s`, message],
              JSON.stringify(answer.slice(0, 60)),
            ],
          ),
        ])}`,
      );
    return 0;
  });
}

export async function testEndpoint(invocation: Invocation): Promise<number> {
  const { operand: id = '', json, terminal } = invocation;
  return withEndpoints(invocation, false, async (endpoints) => {
    const answer = await endpoints.test(id);
    const done = succeeded(answer);
    if (json) terminal.print(JSON.stringify({ succeeded: done, ...answer }));
    else if (done) terminal.print(`it answered ${answer.status} in ${answer.milliseconds} ms`);
    if (done) return 0;
    if (!json)
      throw new CommandError(
        answer.status === undefined ? `no answer: ${answer.error}` : `it answered ${answer.status}, not 2xx`,
        answer.body === '' ? '' : `It said: ${JSON.stringify(answer.body.slice(0, 200))}`,
      );
    return 1;
  });
}

export const pauseEndpoint = changing('pause', 'paused');
export const resumeEndpoint = changing('resume', 'goes on');

function changing(deed: 'pause' | 'resume', what: string) {
  return (invocation: Invocation): Promise<number> =>
    withEndpoints(invocation, false, async (endpoints, store) => {
      const endpoint = await endpoints[deed](invocation.operand ?? '');
      await noteDeed(store, deedOf(deed, endpoint));
      const { json, terminal } = invocation;
      terminal.print(json ? JSON.stringify(endpointJson(endpoint)) : `${endpoint.id}: ${what}`);
      return 0;
    });
}

export async function rotateEndpoint(invocation: Invocation): Promise<number> {
  const { operand: id = '', flags } = invocation;
  const until = parseOverlap(flags.get('overlap') ?? defaultOverlap, new Date());
  return withEndpoints(invocation, false, async (endpoints, store) => {
    const rotated = await endpoints.rotate(id, until);
    printSecrets(invocation, rotated, 'rotated');
    await noteDeed(store, deedOf('rotate', rotated.endpoint));
    return 0;
  });
}

export async function replayEvents(invocation: Invocation): Promise<number> {
  const { operand: id = '', flags, json, terminal } = invocation;
  return withEndpoints(invocation, false, async (endpoints, store) => {
    const { endpoint } = await endpoints.show(id, 0);
    const [from = '', to] = [flags.get('from'), flags.get('to')];
    const replayed = await endpoints.replay(id, from, to);
    await noteDeed(store, { ...deedOf('replay', endpoint), detail: `${from} to ${to ?? from}` });
    terminal.print(json ? JSON.stringify({ id, replayed }) : `${replayed} events are sent again`);
    return 0;
  });
}

export async function deleteEndpoint(invocation: Invocation): Promise<number> {
  const { operand: id = '', json, terminal } = invocation;
  return withEndpoints(invocation, false, async (endpoints, store) => {
    const { endpoint } = await endpoints.show(id, 0);
    await endpoints.delete(id);
    await noteDeed(store, deedOf('delete', endpoint));
    terminal.print(json ? JSON.stringify({ id, deleted: true }) : `deleted endpoint ${id}`);
    return 0;
  });
}

function deedOf(deed: string, { id, tenant, url }: Endpoint): Deed {
  return { action: `webhook.${deed}`, tenant, subject: id, detail: url };
}

function printSecrets(
  { json, terminal }: Invocation,
  { endpoint, secret, publicKey }: EndpointSecrets<Endpoint>,
  what: string,
): void {
  if (json) {
    terminal.print(JSON.stringify({ ...endpointJson(endpoint), secret, publicKey }));
    return;
  }
  // In a pipe only the secret.
  terminal.print(secret);
  if (publicKey !== undefined) terminal.print(publicKey);
  if (!terminal.interactive) return;
  terminal.note(`${what} endpoint ${endpoint.id} of tenant ${endpoint.tenantName}: ${endpoint.url}`);
  terminal.note(`The secret is shown only now. Try it: scimd webhook test ${endpoint.id}`);
}

/** Without its secrets. */
function endpointJson({ secrets, signingKeys, tenant: _, tenantName, ...rest }: Endpoint): object {
  return { ...rest, tenant: tenantName, secrets: secrets.length, ed25519: signingKeys.length > 0 };
}
