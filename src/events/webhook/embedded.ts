/** Webhook endpoints for who embeds the server, by names of tenants. */
import type { Endpoints } from './endpoints.ts';
import type { Webhooks } from './management.ts';

const day = 24 * 60 * 60 * 1000;

/** `existing` and `made` answer a tenant's number by its name: the first throws where there is none, the other makes one. */
export function embeddedWebhooks(
  endpoints: Endpoints,
  {
    existing,
    made,
    clock,
  }: {
    readonly existing: (tenant: string) => Promise<number>;
    readonly made: (tenant: string) => Promise<number>;
    readonly clock: () => Date;
  },
): Webhooks {
  return {
    create: async ({ tenant = 'default', ...more }) =>
      endpoints.create({ ...more, tenant: await made(tenant) }),
    list: async (tenant) => endpoints.list(tenant === undefined ? undefined : await existing(tenant)),
    show: (id) => endpoints.show(id),
    test: (id) => endpoints.test(id),
    pause: (id) => endpoints.pause(id),
    resume: (id) => endpoints.resume(id),
    rotate: (id, until = new Date(clock().getTime() + day)) => endpoints.rotate(id, until),
    replay: (id, from, to) => endpoints.replay(id, from, to),
    delete: (id) => endpoints.delete(id),
  };
}
