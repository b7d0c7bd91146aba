/** Tenants: each with its own resources, tokens and changes. */
import type { Database } from 'better-sqlite3';
import { changeSql } from '../sql/change.ts';
import { tenantSql } from '../sql/tenant.ts';
import type { Tenant } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { isConstraint } from './errors.ts';

export interface Tenants {
  list(): Tenant[];
  create(name: string): Tenant;
  remove(name: string): boolean;
}

export function tenantTable(db: Database, clock: () => Date): Tenants {
  const all = db.prepare<[], Tenant>(tenantSql.list);
  const insert = db.prepare(tenantSql.insert);
  const begin = db.prepare(changeSql.begin);
  const numberOf = db.prepare<[string], number>(tenantSql.number).pluck();
  const removals = [
    tenantSql.deleteMembers,
    'DELETE FROM trigram WHERE rowid IN (SELECT rid FROM resource WHERE tenant = ?)',
    tenantSql.deleteResources,
    tenantSql.deleteChanges,
    tenantSql.deleteChangeMembers,
    tenantSql.delete,
  ].map((sql) => db.prepare(sql));
  return {
    list: () => all.all(),
    create(name) {
      const created = clock().toISOString();
      try {
        const number = Number(insert.run(name, created).lastInsertRowid);
        begin.run(number);
        return { number, name, created };
      } catch (error) {
        if (!isConstraint(error, 'tenant.name')) throw error;
        throw new StoreError('tenant-exists', `there is a tenant ${name} already`, 'Give another name.', {
          cause: error,
        });
      }
    },
    remove(name) {
      const number = numberOf.get(name);
      if (number === undefined) return false;
      for (const removal of removals) removal.run(number);
      return true;
    },
  };
}
