/** Reads by id. */
import type { Database } from 'better-sqlite3';
import type { ResourceType } from '../../scim/registry.ts';
import type { StoredResource } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { type ResourceRow, resourceColumns, toResource } from './row.ts';

export interface Reads {
  get(tenant: number, type: ResourceType, id: string): StoredResource | undefined;
  credential(tenant: number, id: string): string | undefined;
}

export function reads(db: Database, kinds: Kinds): Reads {
  const get = db
    .prepare<[number, string, number], ResourceRow>(
      `SELECT ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
       WHERE r.tenant = ? AND r.id = ? AND r.type = ?`,
    )
    .raw();
  const credential = db
    .prepare<[number, string], string>(
      'SELECT c.hash FROM resource r JOIN credential c ON c.rid = r.rid WHERE r.tenant = ? AND r.id = ?',
    )
    .pluck();
  return {
    get(tenant, type, id) {
      const row = get.get(tenant, id, kinds.of(type).number);
      return row === undefined ? undefined : toResource(kinds, row);
    },
    credential: (tenant, id) => credential.get(tenant, id),
  };
}
