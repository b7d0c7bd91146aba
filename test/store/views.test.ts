/** The views that other programs read, with SQLite alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { createScimd } from '../../src/index.ts';
import { groupSchema, patchOp, userSchema } from '../server.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-views-'));
after(() => rmSync(folder, { recursive: true }));

test('v_users, v_groups, v_memberships, v_access and v_roles have the columns and rows that are promised', async () => {
  const database = join(folder, 'scimd.db');
  const scimd = await createScimd({ database, roles: { guide: { groups: 'displayName eq "Outer"' } } });
  const { token } = await scimd.createToken({ name: 'test' });
  const send = async (method: string, path: string, body: object): Promise<{ id: string }> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
    const request = new Request(`http://localhost/scim/v2${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    return (await (await scimd.fetch(request)).json()) as { id: string };
  };
  const user = (userName: string, more = {}) =>
    send('POST', '/Users', { schemas: [userSchema], userName, ...more });
  const group = (displayName: string, ...members: string[]) =>
    send('POST', '/Groups', {
      schemas: [groupSchema],
      displayName,
      members: members.map((value) => ({ value })),
    });
  const jane = await user('jane', { externalId: '00u7', displayName: 'Jane', active: true });
  const joe = await user('joe');
  const inner = await group('Inner', jane.id, joe.id);
  const outer = await group('Outer', inner.id);
  await send('PATCH', `/Users/${joe.id}`, patchOp({ op: 'replace', path: 'active', value: false }));

  const db = new Sqlite(database, { readonly: true });
  try {
    const [first, second] = db.prepare('SELECT * FROM v_users ORDER BY user_name').all() as Record<
      string,
      unknown
    >[];
    assert.deepEqual(
      { ...first, created: undefined, modified: undefined, document: undefined },
      {
        ...{ tenant: 'default', id: jane.id, user_name: 'jane', external_id: '00u7', display_name: 'Jane' },
        ...{ active: 1, version: 1, created: undefined, modified: undefined, document: undefined },
        locked: 0,
      },
    );
    for (const time of [first?.created, first?.modified])
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(JSON.parse(String(first?.document)).userName, 'jane');
    assert.deepEqual([second?.user_name, second?.active, second?.version], ['joe', 0, 2]);
    assert.deepEqual(
      db.prepare('SELECT tenant, id, display_name FROM v_groups ORDER BY display_name').all(),
      [
        { tenant: 'default', id: inner.id, display_name: 'Inner' },
        { tenant: 'default', id: outer.id, display_name: 'Outer' },
      ],
    );
    assert.deepEqual(db.prepare('SELECT * FROM v_memberships WHERE group_id = ?').all(outer.id), [
      { tenant: 'default', group_id: outer.id, member_id: inner.id, member_type: 'Group' },
    ]);
    assert.deepEqual(
      db.prepare('SELECT * FROM v_access ORDER BY group_display_name').all(),
      [
        { group: inner, name: 'Inner', direct: 1, roles: '[]' },
        { group: outer, name: 'Outer', direct: 0, roles: '["guide"]' },
      ].map(({ group: { id }, name, direct, roles }) => ({
        ...{ tenant: 'default', user_id: jane.id, group_id: id, group_display_name: name },
        ...{ group_external_id: null, direct, roles, entitlements: '[]' },
      })),
      'who is not active has no access',
    );
    assert.deepEqual(db.prepare('SELECT * FROM v_roles').all(), [
      {
        ...{ tenant: 'default', user_id: jane.id, kind: 'role', name: 'guide', group_id: outer.id },
        ...{ group_display_name: 'Outer', direct: 0 },
      },
    ]);
    await scimd.access.lock(jane.id);
    assert.deepEqual(db.prepare('SELECT * FROM v_access').all(), []);
    assert.deepEqual(db.prepare('SELECT * FROM v_roles').all(), []);
    assert.equal(db.prepare('SELECT locked FROM v_users WHERE id = ?').pluck().get(jane.id), 1);
  } finally {
    db.close();
    await scimd.close();
  }
});
