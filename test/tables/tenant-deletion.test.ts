/** A tenant of an application's own tables is deleted: the application's code is told in the transaction, and nobody writes in it any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Database from 'better-sqlite3';
import type pg from 'pg';
import { createScimd, ScimError, sql } from '../../src/index.ts';
import { maps, openDatabase } from './fixture.ts';

for (const kind of ['sqlite', 'server'] as const)
  test(`within is told of a tenant that is deleted, and of the access of all who were in it: ${kind}`, async () => {
    const { connection, run, close } = await openDatabase(kind);
    const told: string[] = [];
    let isRefused = true;
    const scimd = await createScimd({
      store: sql(connection as Database.Database, maps()),
      within: (_, { operation, tenant, subject, access, notice }) => {
        if (operation !== 'notice') return undefined;
        told.push([tenant, notice?.event, subject.type, subject.id, access?.active].join(' '));
        if (isRefused && subject.type === 'User') throw new ScimError(409, undefined, 'not yet');
        return undefined;
      },
    });
    await scimd.tenants.create('acme');
    const make = (userName: string, tenant: string) => scimd.users.create({ userName }, { tenant });
    const [ann, bob] = [await make('ann', 'acme'), await make('bob', 'acme')];
    await scimd.groups.create({ displayName: 'g', members: [{ value: ann.id }] }, { tenant: 'acme' });
    await make('other', 'default');
    await assert.rejects(scimd.tenants.delete('acme'), { status: 409, message: 'not yet' });
    assert.equal((await scimd.users.list({ tenant: 'acme' })).totalResults, 2);
    assert.equal((await scimd.changes({ tenant: 'acme' })).length, 3);
    told.length = 0;
    isRefused = false;
    assert.equal(await scimd.tenants.delete('acme'), true);
    assert.deepEqual(told, [
      'acme tenant.deleted Tenant acme ',
      `acme tenant.deleted User ${ann.id} false`,
      `acme tenant.deleted User ${bob.id} false`,
    ]);
    const left = await run("SELECT count(*) AS n FROM users WHERE org = 'acme' AND deleted_at IS NULL");
    assert.equal(Number(left[0]?.n), 0);
    assert.equal((await scimd.users.list()).totalResults, 1);
    await scimd.close();
    await close();
  });

test('whoever writes in a tenant while it is deleted is deleted with it, or told that it is gone: server', async () => {
  const { connection, run, close } = await openDatabase('server');
  let go = (): void => {};
  let entered = (): void => {};
  const isEntered = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const scimd = await createScimd({
    store: sql(connection as pg.Pool, maps()),
    async within(_, { operation, subject }) {
      if (operation !== 'create' || subject.type !== 'User') return;
      entered();
      await held;
    },
  });
  await scimd.tenants.create('acme');
  const first = scimd.users.create({ userName: 'first' }, { tenant: 'acme' });
  await isEntered;
  const deleted = scimd.tenants.delete('acme');
  const waiting = async () =>
    Number((await run("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))[0]?.n);
  while ((await waiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = scimd.users.create({ userName: 'second' }, { tenant: 'acme' });
  const refused = assert.rejects(second, { code: 'no-tenant' });
  go();
  assert.equal((await first).userName, 'first');
  assert.equal(await deleted, true);
  await refused;
  const left = await run('SELECT login FROM users WHERE deleted_at IS NULL');
  assert.deepEqual(left, []);
  await scimd.close();
  await close();
});
