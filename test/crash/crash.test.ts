import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAgainAndAgain } from './rounds.ts';

test('kill -9 of two processes over one database: the same', async () => {
  const { kills, acknowledged } = await killAgainAndAgain(2, { processes: 2 });
  assert.equal(kills, 2);
  assert.ok(acknowledged >= 2 * 8, `${acknowledged} changes were acknowledged`);
});

test('kill -9 under write load: every acknowledged change is there, nothing half, and the change log agrees', async () => {
  const { kills, acknowledged } = await killAgainAndAgain(3);
  assert.equal(kills, 3);
  assert.ok(acknowledged >= 3 * 8, `${acknowledged} changes were acknowledged`);
});
