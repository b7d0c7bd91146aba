import { Database } from 'bun:sqlite';
import { createScimd, sql } from '../../../src/index.ts';
import { Group, User } from './map.ts';

export async function start(file: string) {
  const db = new Database(file);
  const scimd = await createScimd({
    store: sql(db, { User, Group }),
    within(_, { subject, access }) {
      if (access?.active === false) db.query('DELETE FROM sessions WHERE scim_id = ?').run(subject.id);
      return undefined;
    },
  });
  return { scimd, fetch: scimd.fetch }; // export default { port: 8080, fetch }
}
