import { DatabaseSync } from 'node:sqlite';
import { createScimd, sql } from '../../../src/index.ts';
import { Group, User } from './map.ts';

export async function start(file: string) {
  const db = new DatabaseSync(file);
  const scimd = await createScimd({
    store: sql(db, { User, Group }),
    within(_, { subject, access }) {
      if (access?.active === false) db.prepare('DELETE FROM sessions WHERE scim_id = ?').run(subject.id);
      return undefined;
    },
  });
  return { scimd, fetch: scimd.fetch }; // Deno.serve(fetch)
}
