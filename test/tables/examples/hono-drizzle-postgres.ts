import { eq } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgTable, text } from 'drizzle-orm/pg-core';
import { Hono } from 'hono';
import { drizzle } from '../../../src/drizzle.ts';
import { createScimd } from '../../../src/index.ts';
import { Group, User } from './map.ts';

const sessions = pgTable('sessions', { scimId: text('scim_id') });
const admins = pgTable('admins', { scimId: text('scim_id') });

export async function start(db: NodePgDatabase) {
  const scimd = await createScimd({
    store: drizzle(db, { User, Group }),
    roles: { admin: { groups: 'externalId eq "fin-admins"', keep: 1, seats: 20 } },
    async within(tx, { subject, access }) {
      if (access === undefined) return;
      if (!access.active) await tx.delete(sessions).where(eq(sessions.scimId, subject.id));
      await tx.delete(admins).where(eq(admins.scimId, subject.id));
      if (access.roles.some(({ role }) => role === 'admin'))
        await tx.insert(admins).values({ scimId: subject.id });
    },
  });
  const app = new Hono();
  app.mount('/scim/v2', scimd.fetch);
  return { scimd, app };
}
