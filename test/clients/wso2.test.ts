import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIds, provider } from './provider.ts';

const wso2 = provider();

test('WSO2: members are added without a path, with display and $ref; again is a success', async () => {
  const [a, b] = [await wso2.user(), await wso2.user()];
  const group = await wso2.group([a]);
  for (let i = 0; i < 2; i++) {
    const now = await wso2.patch(group, {
      op: 'add',
      value: { members: [{ display: 'PRIMARY/b', value: b.id, $ref: b.meta.location }] },
    });
    assert.deepEqual(memberIds(now), [a.id, b.id].sort());
  }
});

test('WSO2: a group’s name with its user store before a slash is kept', async () => {
  const group = await wso2.group([], { displayName: 'PRIMARY/managers' });
  assert.deepEqual(await wso2.find('/Groups', 'displayName eq "PRIMARY/managers"'), [group.id]);
});

test('WSO2: a search by POST finds what the filter by GET finds', async () => {
  const user = await wso2.user();
  const { status, json } = await wso2.send('POST', '/Users/.search', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
    attributes: ['userName'],
    filter: `userName eq "${user.userName}"`,
    startIndex: 1,
    count: 10,
  });
  assert.equal(status, 200);
  assert.deepEqual([json.totalResults, json.Resources[0].id], [1, user.id]);
  assert.equal('emails' in json.Resources[0], false);
});
