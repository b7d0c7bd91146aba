/** Tenants: each with its own resources, tokens and changes. */
import type { Database } from 'better-sqlite3';
import type { Tenant } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { isConstraint } from './errors.ts';

export interface Tenants {
  list(): Tenant[];
  create(name: string): Tenant;
  remove(name: string): boolean;
}

export function tenantTable(db: Database, clock: () => Date): Tenants {
  const all = db.prepare<[], Tenant>('SELECT number, name, created FROM tenant ORDER BY number');
  const insert = db.prepare('INSERT INTO tenant (name, created) VALUES (?, ?)');
  const numberOf = db.prepare<[string], number>('SELECT number FROM tenant WHERE name = ?').pluck();
  // What hangs on a resource goes with it, but for the trigram index; tokens and counters go with the tenant.
  const removals = [
    'DELETE FROM member WHERE tenant = ?',
    'DELETE FROM trigram WHERE rowid IN (SELECT rid FROM resource WHERE tenant = ?)',
    'DELETE FROM resource WHERE tenant = ?',
    'DELETE FROM change WHERE tenant = ?',
    'DELETE FROM tenant WHERE number = ?',
  ].map((sql) => db.prepare(sql));
  return {
    list: () => all.all(),
    create(name) {
      const created = clock().toISOString();
      try {
        return { number: Number(insert.run(name, created).lastInsertRowid), name, created };
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
