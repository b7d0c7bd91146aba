/** createScimd().history: the reports, restoration and erasure in an embedder's process. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createScimd, EvidenceError, HistoryError } from '../../src/index.ts';
import { newGroup, newUser } from '../server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-embedded-history-'));
after(() => rmSync(folder, { recursive: true }));

test('reports, evidence, verification, restore and erase, with the hooks of the embedder', async () => {
  const seen: string[] = [];
  const told: string[] = [];
  const scimd = await createScimd({
    database: join(folder, 'scimd.db'),
    roles: { editor: { groups: 'externalId eq "g-1"', seats: 5 } },
    before({ operation, id, after: proposed }) {
      seen.push(`before ${operation} ${id === undefined ? '-' : 'id'}`);
      return operation === 'restore' ? { ...proposed, title: 'Back' } : undefined;
    },
    after: ({ type }) => void told.push(type),
  });
  try {
    const { token } = await scimd.createToken({ name: 'okta' });
    // biome-ignore lint/suspicious/noExplicitAny: answers of any shape
    const ask = async (method: string, path: string, body?: object): Promise<any> => {
      const request = new Request(`http://scimd.example/scim/v2${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const response = await scimd.fetch(request);
      return response.status === 204 ? undefined : await response.json();
    };
    const { id } = await ask('POST', '/Users', newUser({ userName: 'ann' }));
    await ask('POST', '/Groups', newGroup({ displayName: 'G', externalId: 'g-1', members: [{ value: id }] }));
    const { history } = scimd;
    const access = await history.access({ role: 'editor' });
    assert.deepEqual(
      access.rows.map(({ userName, group, roles }) => [userName, group, roles]),
      [['ann', 'G', ['editor']]],
    );
    await ask('DELETE', `/Users/${id}`);
    assert.deepEqual((await history.access()).rows, []);
    assert.equal((await history.access({ at: access.asOf.sequence })).rows.length, 1);
    assert.equal((await history.leavers({ since: 0, sla: 1 })).rows[0]?.userName, 'ann');
    assert.equal(
      (await history.orphans({ accounts: [{ line: 1, userName: 'ann' }] })).rows[0]?.reason,
      'deleted',
    );
    await until('the deletion', () => told.includes('user.deleted'));
    seen.length = told.length = 0;
    await history.restore({ id });
    assert.deepEqual(seen, ['before restore id']);
    await until('the access', () => told.includes('user.access_changed'));
    assert.equal(told[0], 'user.restored');
    const back = await ask('GET', `/Users/${id}`);
    assert.deepEqual([back.title, back.groups[0].display], ['Back', 'G']);
    assert.deepEqual(
      (await history.diff({ from: access.asOf.sequence })).rows.map(({ change }) => change),
      [],
    );
    assert.deepEqual(
      (await history.of(id)).rows.map(({ what }) => what),
      ['created', 'joined G', 'left G', 'deleted', 'restored', 'joined G'],
    );
    assert.equal((await history.seats()).rows.find(({ kind }) => kind === 'role')?.used, 1);
    await assert.rejects(history.of('nobody'), HistoryError);
    await assert.rejects(history.access({ tenant: 'nowhere' }), /there is no tenant nowhere/);
    await assert.rejects(history.restore({ id }), /is not deleted/);

    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signKey = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const text = history.evidence(access, { query: 'access review', author: 'ann', format: 'csv', signKey });
    const verified = history.verifyEvidence(text, String(publicKey.export({ type: 'spki', format: 'pem' })));
    assert.equal(verified.header.query, 'access review');
    assert.throws(() => history.verifyEvidence(text.replace('ann', 'bob')), EvidenceError);

    const { head } = await history.verify();
    assert.ok(head !== undefined);
    seen.length = 0;
    await history.erase({ id });
    assert.deepEqual(
      seen.filter((each) => each.startsWith('before')),
      ['before erase id'],
    );
    const report = await history.verify({ head });
    assert.deepEqual([report.problems, report.erased > 0], [[], true]);
    assert.doesNotMatch(JSON.stringify(await scimd.changes({ limit: 100 })), /ann/);
  } finally {
    await scimd.close();
  }
});
