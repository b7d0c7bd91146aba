/** Resources whose type is configured no more: they stay, and are served again when it is. */
import type { Database } from 'better-sqlite3';
import type { OpeningNotice } from '../store.ts';
import type { Kinds } from './kinds.ts';

export function unserved(db: Database, kinds: Kinds): OpeningNotice[] {
  const known = new Set(kinds.all.map(({ number }) => number));
  return db
    .prepare<[], { number: number; type: string; resources: number }>(
      `SELECT t.number, t.name AS type, sum(c.total) AS resources
       FROM counter c JOIN resource_type t ON t.number = c.type GROUP BY t.number HAVING sum(c.total) > 0`,
    )
    .all()
    .filter(({ number }) => !known.has(number))
    .map(({ type, resources }) => ({ kind: 'unserved', type, resources }));
}
