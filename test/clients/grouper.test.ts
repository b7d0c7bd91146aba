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

test('Grouper: a filter with a dot behind the extension’s URN finds what one with a colon does', async () => {
  const user = await grouper.user({ [enterpriseSchema]: { costCenter: 'CC.7', employeeNumber: '7' } });
  const dotted = `${enterpriseSchema}.costCenter eq "CC.7"`;
  for (const filter of [
    dotted,
    `${dotted} and not (${enterpriseSchema}.department pr) and active eq "True"`,
    `userName eq "nobody" or ${enterpriseSchema.toUpperCase()}.employeeNumber eq "7" and ${dotted}`,
  ])
    assert.deepEqual(await grouper.find('/Users', filter), [user.id], filter);
  for (const [filter, detail] of [
    [`${enterpriseSchema}.shoe eq "7"`, /has no attribute .*User[:.]shoe/],
    [`${dotted} and active eq "maybe"`, /active is a boolean/],
    [`name.shoe eq "7"`, /has no attribute name\.shoe/],
  ] as const) {
    const { status, json } = await grouper.send('GET', `/Users?filter=${encodeURIComponent(filter)}`);
    assert.deepEqual([status, json.scimType], [400, 'invalidFilter']);
    assert.match(json.detail, detail);
  }
  const token = await grouper.server().newToken({ idp: 'strict' });
  const path = `/Users?filter=${encodeURIComponent(dotted)}`;
  assert.equal((await grouper.server().request('GET', path, { token })).status, 400);
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
