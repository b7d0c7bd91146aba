import { tenantFor } from '../api/endpoint.ts';
import { rowOf } from '../api/exchanges.ts';
import { connectionsOf } from '../api/now.ts';
import { stateOf, tokenOf, tokenShown } from '../api/tokens.ts';
import { webhookShown } from '../api/webhooks.ts';
import { guideFor } from '../guide.ts';
import type { Page } from '../layout.ts';
import {
  addProviderPage,
  connectionsPage,
  newTokenPage,
  tokenPage,
  webhookPage,
} from '../pages/connections.ts';

import { endpointAt, type Given, pageOf, run } from './given.ts';

export async function showConnections(given: Given): Promise<Page> {
  const tenant = await tenantFor(given, given.query.tenant);
  const { store } = given.parts;
  const { consumers } = (await run(endpointAt('/consumers', 'GET'), given)) as {
    consumers: { name: string; position: string; acknowledged: string; behind: number }[];
  };
  const links = await store.admin.grants('set-up', tenant.number);
  const shown = {
    connections: await connectionsOf(given.parts, tenant.number),
    webhooks: (await store.outbox.endpoints(tenant.number)).map(webhookShown),
    consumers,
    links: links.map(({ id, name, expires, source }) => ({
      id,
      name,
      expires,
      ...(source === undefined ? {} : { token: source }),
    })),
  };
  return pageOf('Connections', '/connections', connectionsPage(shown, given.view));
}

export async function showAddProvider(given: Given): Promise<Page> {
  const { idp } = given.query;
  if (idp === undefined) return pageOf('Connect a provider', '/connections', addProviderPage(given.view));
  const tenant = await tenantFor(given, given.query.tenant);
  const now = given.parts.clock();
  const names = (await given.parts.store.listTokens(tenant.number))
    .filter((token) => stateOf(token, now) === 'active')
    .map(({ name }) => name);
  return pageOf('Connect a provider', '/connections', newTokenPage(idp, names, given.view));
}

export async function showToken(given: Given, secret?: string): Promise<Page> {
  const token = await tokenOf(given);
  const { options, words, store } = given.parts;
  const found = await options.exchangeLog?.find({ token: token.id, tenant: token.tenant, limit: 20 });
  const exchanges = (await words.explain(found?.exchanges ?? [])).map(rowOf);
  const hasApplication =
    (await store.outbox.endpoints(token.tenant)).length > 0 ||
    (await store.outbox.consumers(token.tenant)).length > 0;
  const guide = await guideFor(options.docs, token.idp, given.base);
  const shown = {
    token: tokenShown(token, given.parts.clock()),
    secret,
    base: given.base,
    guide,
    exchanges,
    hasApplication,
  };
  return pageOf(token.name, '/connections', tokenPage(shown, given.view));
}

export async function showWebhook(given: Given, more: Parameters<typeof webhookPage>[1] = {}): Promise<Page> {
  const shown = (await run(endpointAt('/webhooks/{id}', 'GET'), given)) as Parameters<typeof webhookPage>[0];
  return pageOf(shown.webhook.url, '/connections', webhookPage(shown, more, given.view));
}
