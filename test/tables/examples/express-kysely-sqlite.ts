import express from 'express';
import type { Kysely } from 'kysely';
import { createScimd } from '../../../src/index.ts';
import { kysely } from '../../../src/kysely.ts';
import { Group, User } from './map.ts';

export async function start(db: Kysely<{ sessions: { scim_id: string } }>) {
  const scimd = await createScimd({
    store: kysely(db, { User, Group }),
    async within(trx, { subject, access }) {
      if (access?.active === false)
        await trx.deleteFrom('sessions').where('scim_id', '=', subject.id).execute();
    },
  });
  const app = express();
  app.use('/scim/v2', (request, response) => scimd.handler(request, response));
  return { scimd, app };
}
