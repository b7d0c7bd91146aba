/** Webhook endpoints for who embeds the server, by names of tenants. */
import type { Endpoint } from '../../store/outbox.ts';
import type { Endpoints } from './endpoints.ts';
import type { ShownEndpoint, Webhooks } from './management.ts';

const day = 24 * 60 * 60 * 1000;

/** `existing` answers a tenant's number by its name, and throws where there is none. */
export function embeddedWebhooks(
  endpoints: Endpoints,
  {
    existing,
    clock,
  }: {
    readonly existing: (tenant: string) => Promise<number>;
    readonly clock: () => Date;
  },
): Webhooks {
  return {
    create: async ({ tenant = 'default', ...more }) =>
      withShown(await endpoints.create({ ...more, tenant: await existing(tenant) })),
    list: async (tenant) => {
      const found = await endpoints.list(tenant === undefined ? undefined : await existing(tenant));
      return found.map(shownEndpoint);
    },
    show: async (id) => withShown(await endpoints.show(id)),
    test: (id) => endpoints.test(id),
    pause: async (id) => shownEndpoint(await endpoints.pause(id)),
    resume: async (id) => shownEndpoint(await endpoints.resume(id)),
    rotate: async (id, until = new Date(clock().getTime() + day)) =>
      withShown(await endpoints.rotate(id, until)),
    replay: (id, from, to) => endpoints.replay(id, from, to),
    delete: (id) => endpoints.delete(id),
  };
}

/** Secrets are told once: who shows the list of endpoints to somebody shows none. */
function shownEndpoint({ secrets: _, signingKeys: __, stream: ___, ...shown }: Endpoint): ShownEndpoint {
  return shown;
}

function withShown<Made extends { readonly endpoint: Endpoint }>(
  made: Made,
): Omit<Made, 'endpoint'> & { readonly endpoint: ShownEndpoint } {
  return { ...made, endpoint: shownEndpoint(made.endpoint) };
}
