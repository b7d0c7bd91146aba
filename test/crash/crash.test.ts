import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAgainAndAgain } from './rounds.ts';
import { killSeveral } from './several-servers.ts';

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

test('three servers on one PostgreSQL database under mixed load: each webhook once, one dense order at all, revocations in two seconds', async () => {
  const { repeated, revocation, delivered } = await killSeveral(0);
  assert.equal(repeated, 0);
  assert.ok(delivered > 0);
  assert.ok(revocation < 2000, `${revocation} ms`);
});

test('kill -9 of three servers and of PostgreSQL at random: what was acknowledged is there, once, and all see it in one order', async () => {
  const { kills, acknowledged } = await killSeveral(3);
  assert.equal(kills.server + kills.postgres, 3);
  assert.ok(acknowledged > 50, `${acknowledged} requests were acknowledged`);
});
