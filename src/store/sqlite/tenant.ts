/** Tenants: each with its own resources, tokens and changes. */
import type { Database } from 'better-sqlite3';
import type { Actor } from '../change.ts';
import { beginningAt, tenantSql } from '../sql/tenant.ts';
import type { NewNotice, Tenant } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { isConstraint } from './errors.ts';

export interface Tenants {
  list(): Tenant[];
  create(name: string): Tenant;
  get(number: number): Tenant | undefined;
  remove(name: string, actor: Actor | undefined): boolean;
  forget(before: Date): number;
  /** Since when writes of the tenant are paused; null: they are not. */
  pause(number: number, since: string | null): void;
}

export interface TenantTools {
  readonly db: Database;
  readonly clock: () => Date;
  /** Records a notice, within the transaction. */
  readonly note: (notice: NewNotice) => unknown;
  /** Brings the numbers of the record that the transaction has given out to the database. */
  readonly settle: () => void;
}

export function tenantTable({ db, clock, note, settle }: TenantTools): Tenants {
  const one = db.prepare<[number], Tenant>(tenantSql.get);
  const hasListeners = db.prepare<[number]>(tenantSql.hasListeners);
  const counts = db.prepare<[number], { name: string; total: number }>(tenantSql.counts);
  const succeed = db.prepare(tenantSql.succeed);
  const moves = [
    tenantSql.succeedRecord,
    tenantSql.succeedEndpoints,
    tenantSql.succeedConsumers,
    tenantSql.succeedTokens,
  ].map((sql) => db.prepare(sql));
  const deleteDeliveries = db.prepare(tenantSql.deleteDeliveries);
  const forgotten = db.prepare<[string], number>(tenantSql.forgotten).pluck();
  const all = db.prepare<[], Omit<Tenant, 'paused'> & { paused: string | null }>(tenantSql.list);
  const pause = db.prepare(tenantSql.pause);
  const insert = db.prepare(tenantSql.insert);
  const begin = db.prepare(tenantSql.begin);
  const numberOf = db.prepare<[string], number>(tenantSql.number).pluck();
  const removals = [
    tenantSql.deleteMembers,
    'DELETE FROM trigram WHERE rowid IN (SELECT rid FROM resource WHERE tenant = ?)',
    tenantSql.deleteResources,
    tenantSql.deleteChanges,
    tenantSql.deleteChangeMembers,
    tenantSql.delete,
  ].map((sql) => db.prepare(sql));
  /** Endpoints, tokens and the end of the record go over to a tenant that nobody sees, and are told there. */
  const tell = (number: number, name: string, actor: Actor | undefined): void => {
    settle();
    const deleted = clock().toISOString();
    const successor = Number(succeed.run(`\n${number}`, deleted, number).lastInsertRowid);
    deleteDeliveries.run(number);
    for (const move of moves) move.run(successor, number);
    const totals = counts.all(number).map(({ name: type, total }) => [type, total]);
    note({
      ...{ tenant: successor, event: 'tenant.deleted', subject: { type: 'Tenant', id: name } },
      ...(actor === undefined ? {} : { actor }),
      data: { priority: 'leaver', data: null, counts: Object.fromEntries(totals) },
    });
  };

  const removeAll = (number: number): void => {
    for (const removal of removals) removal.run(number);
  };

  return {
    list: () => all.all().map(({ paused, ...tenant }) => (paused === null ? tenant : { ...tenant, paused })),
    pause: (number, since) => void pause.run(since, number),
    get: (number) => one.get(number),
    create(name) {
      const created = clock().toISOString();
      try {
        const number = Number(insert.run(name, created).lastInsertRowid);
        begin.run(number, ...beginningAt(clock()));
        return { number, name, created };
      } catch (error) {
        if (!isConstraint(error, 'tenant.name')) throw error;
        throw new StoreError('tenant-exists', `there is a tenant ${name} already`, 'Give another name.', {
          cause: error,
        });
      }
    },
    remove(name, actor) {
      const number = numberOf.get(name);
      if (number === undefined) return false;
      if (hasListeners.get(number) !== undefined) tell(number, name, actor);
      removeAll(number);
      return true;
    },
    forget(before) {
      const numbers = forgotten.all(before.toISOString());
      for (const number of numbers) removeAll(number);
      return numbers.length;
    },
  };
}
