/** Who is told: webhooks and consumers of the feed, over the admin API. */
import * as v from 'valibot';
import { ScimError } from '../../error.ts';
import { behindOf } from '../../events/behind.ts';
import { AddressError } from '../../events/webhook/address.ts';
import { EndpointError, Endpoints } from '../../events/webhook/endpoints.ts';
import { succeeded } from '../../events/webhook/management.ts';
import type { Endpoint as WebhookEndpoint } from '../../store/outbox.ts';
import {
  type AdminParts,
  type Asked,
  endpoint,
  noteAction,
  tenantFor,
  tenantQuery,
  wholeNumber,
} from './endpoint.ts';

import { day } from './tokens.ts';

const webhookShape = v.object({
  id: v.string(),
  tenant: v.string(),
  url: v.string(),
  types: v.optional(v.array(v.string())),
  batch: v.number(),
  state: v.picklist(['active', 'paused', 'disabled']),
  reason: v.optional(v.string()),
  created: v.string(),
  failingSince: v.optional(v.string()),
});
export type WebhookShown = v.InferOutput<typeof webhookShape>;

export function webhookShown({
  id,
  tenantName,
  url,
  types,
  batch,
  state,
  reason,
  created,
  failingSince,
}: WebhookEndpoint): WebhookShown {
  return {
    ...{ id, tenant: tenantName, url, batch, state, created },
    ...(types === undefined ? {} : { types: [...types] }),
    ...(reason === undefined ? {} : { reason }),
    ...(failingSince === undefined ? {} : { failingSince }),
  };
}

function endpointsOf({ store, reader, clock, urlOf }: AdminParts): Endpoints {
  return new Endpoints(store, reader, clock, urlOf);
}

/** A webhook endpoint of theirs. @throws ScimError 404. */
async function webhookOf({
  parts,
  session,
  path,
}: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'path'>): Promise<WebhookEndpoint> {
  const found = (await parts.store.outbox.endpoints(session.tenant)).find(({ id }) => id === path.id);
  if (found === undefined) throw new ScimError(404, undefined, 'There is no such webhook');
  return found;
}

async function refusedAsError<T>(action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    if (error instanceof EndpointError || error instanceof AddressError)
      throw new ScimError(400, 'invalidValue', error.message, { cause: error });
    throw error;
  }
}

/** The rest of a form's text: types with commas or blanks between them. */
const typesText = v.optional(
  v.pipe(
    v.union([v.array(v.pipe(v.string(), v.maxLength(60))), v.pipe(v.string(), v.maxLength(2000))]),
    v.transform((given) =>
      (typeof given === 'string' ? given.split(/[\s,]+/) : given).filter((each) => each !== ''),
    ),
    v.transform((types) => (types.length === 0 ? undefined : types)),
  ),
);

const flag = v.optional(
  v.pipe(
    v.union([v.boolean(), v.picklist(['on', 'true', 'false', ''])]),
    v.transform((given) => given === true || given === 'on' || given === 'true'),
  ),
  false,
);

/** What is done to one webhook by a button. */
function webhookDeed(deed: 'pause' | 'resume' | 'delete', summary: string) {
  return endpoint({
    method: 'POST',
    path: `/webhooks/{id}/${deed}`,
    summary,
    needs: 'admin',
    body: v.object({}),
    answer: v.object({ id: v.string(), done: v.string() }),
    async handle(asked) {
      const { id, tenant, url } = await webhookOf(asked);
      await endpointsOf(asked.parts)[deed](id);
      await noteAction(asked, `webhook.${deed}`, { tenant, subject: id, detail: url });
      return { id, done: deed };
    },
  });
}

const answerShape = v.object({
  succeeded: v.boolean(),
  status: v.optional(v.number()),
  error: v.optional(v.string()),
  body: v.string(),
  milliseconds: v.number(),
});

export const webhookEndpoints = [
  endpoint({
    method: 'GET',
    path: '/webhooks',
    summary: 'Webhook endpoints',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: v.object({ webhooks: v.array(webhookShape) }),
    async handle(asked) {
      const tenant = await tenantFor(asked, asked.query.tenant);
      return { webhooks: (await asked.parts.store.outbox.endpoints(tenant.number)).map(webhookShown) };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/webhooks',
    summary: 'Create a webhook endpoint; its signing secret is told only now',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({
      url: v.pipe(v.string('must be a URL'), v.maxLength(2000)),
      types: typesText,
      batch: v.optional(wholeNumber(1, 500), 1),
      allowPrivate: flag,
    }),
    answer: v.object({ webhook: webhookShape, secret: v.string() }),
    async handle(asked) {
      const { parts, body } = asked;
      const tenant = await tenantFor(asked, asked.query.tenant);
      if (body.allowPrivate && asked.session.tenant !== undefined)
        throw new ScimError(
          403,
          undefined,
          'A private address is for administrators of the whole server to allow',
        );
      const made = await refusedAsError(
        endpointsOf(parts).create({
          tenant: tenant.number,
          url: body.url,
          types: body.types,
          batch: body.batch,
          allowPrivate: body.allowPrivate,
        }),
      );
      await noteAction(asked, 'webhook.create', {
        tenant: tenant.number,
        subject: made.endpoint.id,
        detail: body.url,
      });
      return { webhook: webhookShown(made.endpoint), secret: made.secret };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/webhooks/{id}',
    summary: 'A webhook endpoint with its last attempts',
    needs: 'read',
    answer: v.object({
      webhook: webhookShape,
      behind: v.number(),
      waiting: v.number(),
      attempts: v.array(
        v.object({
          message: v.string(),
          sequence: v.number(),
          try: v.number(),
          at: v.string(),
          milliseconds: v.number(),
          status: v.optional(v.number()),
          error: v.optional(v.string()),
          answer: v.string(),
        }),
      ),
    }),
    async handle(asked) {
      const webhook = await webhookOf(asked);
      const { attempts, waiting, behind } = await endpointsOf(asked.parts).show(webhook.id, 50);
      return {
        webhook: webhookShown(webhook),
        behind,
        waiting: waiting.length,
        attempts: attempts.map(
          ({ message, sequence, at, milliseconds, status, error, answer, try: time }) => ({
            ...{ message, sequence, try: time, at, milliseconds, answer },
            ...(status === undefined ? {} : { status }),
            ...(error === undefined ? {} : { error }),
          }),
        ),
      };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/webhooks/{id}/test',
    summary: 'Send a test event now, and tell the answer',
    needs: 'admin',
    body: v.object({}),
    answer: answerShape,
    async handle(asked) {
      const { id, tenant, url } = await webhookOf(asked);
      const answer = await endpointsOf(asked.parts).test(id);
      await noteAction(asked, 'webhook.test', { tenant, subject: id, detail: url });
      const { status, error, body, milliseconds } = answer;
      return {
        ...{ succeeded: succeeded(answer), body, milliseconds },
        ...(status === undefined ? {} : { status }),
        ...(error === undefined ? {} : { error }),
      };
    },
  }),
  webhookDeed('pause', 'Pause a webhook endpoint'),
  webhookDeed('resume', 'Let a webhook endpoint go on where it stopped'),
  webhookDeed('delete', 'Delete a webhook endpoint with its attempts'),
  endpoint({
    method: 'POST',
    path: '/webhooks/{id}/rotate',
    summary: 'A new signing secret; the old one signs beside it for a day',
    needs: 'admin',
    body: v.object({}),
    answer: v.object({ webhook: webhookShape, secret: v.string() }),
    async handle(asked) {
      const { id, tenant, url } = await webhookOf(asked);
      const until = new Date(asked.parts.clock().getTime() + day);
      const { endpoint: webhook, secret } = await endpointsOf(asked.parts).rotate(id, until);
      await noteAction(asked, 'webhook.rotate', { tenant, subject: id, detail: url });
      return { webhook: webhookShown(webhook), secret };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/webhooks/{id}/replay',
    summary: 'Send events once more',
    needs: 'admin',
    body: v.object({
      from: v.pipe(v.string(), v.maxLength(40)),
      to: v.optional(v.pipe(v.string(), v.maxLength(40))),
    }),
    answer: v.object({ replayed: v.number() }),
    async handle(asked) {
      const { id, tenant } = await webhookOf(asked);
      const { from, to } = asked.body;
      const replayed = await refusedAsError(
        endpointsOf(asked.parts).replay(id, from, to === '' ? undefined : to),
      );
      await noteAction(asked, 'webhook.replay', { tenant, subject: id, detail: `${from} to ${to || from}` });
      return { replayed };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/consumers',
    summary: 'Applications that follow the feed under a name',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: v.object({
      consumers: v.array(
        v.object({
          name: v.string(),
          position: v.string(),
          acknowledged: v.string(),
          created: v.string(),
          behind: v.number(),
        }),
      ),
    }),
    async handle(asked) {
      const { number } = await tenantFor(asked, asked.query.tenant);
      const { store } = asked.parts;
      const { newest } = await store.feed.extent(number);
      const consumers = (await store.outbox.consumers(number)).map(async (consumer) => ({
        ...consumer,
        behind: await behindOf(store, { tenant: number, newest }, consumer.position),
      }));
      return { consumers: await Promise.all(consumers) };
    },
  }),
] as const;
