/** Links by which customers' administrators connect their tenant, over the admin API. */
import * as v from 'valibot';
import { hashSecret, newSecret } from '../../directory/secret.ts';
import { ScimError } from '../../error.ts';
import { endpoint, noteAction, tenantFor, tenantQuery, wholeNumber } from './endpoint.ts';

import { day, labelName } from './tokens.ts';

const setUpShape = v.object({
  id: v.string(),
  tenant: v.string(),
  name: v.string(),
  created: v.string(),
  expires: v.string(),
  token: v.optional(v.string()),
});

export const setUpLinkEndpoints = [
  endpoint({
    method: 'GET',
    path: '/set-up-links',
    summary: 'Links by which customers’ administrators connect their tenant',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: v.object({ links: v.array(setUpShape) }),
    async handle(asked) {
      const tenant = await tenantFor(asked, asked.query.tenant);
      const links = await asked.parts.store.admin.grants('set-up', tenant.number);
      return { links: links.map((link) => linkShown(link, tenant.name)) };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/set-up-links',
    summary: 'A link by which a customer’s administrator connects one tenant; it is told only now',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({ name: labelName, days: v.optional(wholeNumber(1, 30), 7) }),
    answer: v.object({ link: setUpShape, url: v.string() }),
    async handle(asked) {
      const { parts, body } = asked;
      const tenant = await tenantFor(asked, asked.query.tenant);
      const secret = newSecret();
      const link = await parts.store.admin.createGrant({
        kind: 'set-up',
        role: 'read',
        tenant: tenant.number,
        name: body.name,
        hash: hashSecret(secret),
        expires: new Date(parts.clock().getTime() + body.days * day).toISOString(),
      });
      await noteAction(asked, 'set-up-link.create', {
        tenant: tenant.number,
        subject: link.id,
        detail: link.name,
      });
      const url = `${new URL(asked.base).origin}/admin/set-up?code=${secret}`;
      return { link: linkShown(link, tenant.name), url };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/set-up-links/{id}/close',
    summary: 'End a set-up link now',
    needs: 'admin',
    body: v.object({}),
    answer: v.object({ id: v.string() }),
    async handle(asked) {
      const links = await asked.parts.store.admin.grants('set-up', asked.session.tenant);
      const link = links.find(({ id }) => id === asked.path.id);
      if (link === undefined) throw new ScimError(404, undefined, 'There is no such link');
      await asked.parts.store.admin.endGrant(link.id);
      await noteAction(asked, 'set-up-link.close', {
        tenant: link.tenant,
        subject: link.id,
        detail: link.name,
      });
      return { id: link.id };
    },
  }),
] as const;

function linkShown(
  {
    id,
    name: called,
    created,
    expires,
    source,
  }: {
    readonly id: string;
    readonly name: string;
    readonly created: string;
    readonly expires: string;
    readonly source?: string;
  },
  tenant: string,
) {
  return { id, tenant, name: called, created, expires, ...(source === undefined ? {} : { token: source }) };
}
