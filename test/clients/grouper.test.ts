import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseSchema } from '../server.ts';
import { provider } from './provider.ts';

const grouper = provider();

test('Grouper: clears attributes by remove; one that is not set is no error', async () => {
  const user = await grouper.user({
    displayName: 'Nora',
    [enterpriseSchema]: { costCenter: 'CC-5', employeeNumber: '5' },
  });
  const now = await grouper.patch(
    user,
    { op: 'remove', path: 'displayName' },
    { op: 'remove', path: `${enterpriseSchema}:costCenter` },
    { op: 'remove', path: 'title' },
  );
  assert.equal('displayName' in now, false);
  assert.deepEqual(now[enterpriseSchema], { employeeNumber: '5' });
});

test('Grouper: writes a dot between the extension’s URN and the attribute', async () => {
  const user = await grouper.user({ [enterpriseSchema]: { costCenter: 'CC-0', department: 'Ledger' } });
  const now = await grouper.patch(user, {
    op: 'replace',
    path: `${enterpriseSchema}.costCenter`,
    value: 'CC-1',
  });
  assert.deepEqual(now[enterpriseSchema], { costCenter: 'CC-1', department: 'Ledger' });
});

test('Grouper: escapes quotes and backslashes in filters as JSON does; the filter comes last', async () => {
  const displayName = 'a "b" \\ c';
  const group = await grouper.group([], { displayName });
  const filter = encodeURIComponent(`displayName eq ${JSON.stringify(displayName)}`);
  const { json } = await grouper.send('GET', `/Groups?startIndex=1&count=50&filter=${filter}`);
  assert.deepEqual(
    json.Resources.map(({ id }: { id: string }) => id),
    [group.id],
  );
});

test('Grouper: a group name with colons, as folders are written, is found', async () => {
  const group = await grouper.group([], { displayName: 'app:wiki:ref:editors' });
  assert.deepEqual(await grouper.find('/Groups', 'displayName eq "app:wiki:ref:editors"'), [group.id]);
});
