/** Kills a server under write load, again and again over the same database, and examines what it left. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../until.ts';
import { examine } from './examine.ts';
import { startProgram, token } from './program.ts';
import { Worker } from './worker.ts';

export interface Rounds {
  readonly kills: number;
  /** Changes that were acknowledged before a kill. */
  readonly acknowledged: number;
}

/** Throws an AssertionError where anything acknowledged is lost, or anything half is there. */
export async function killAgainAndAgain(
  kills: number,
  { workers = 8, seed = 1, processes = 1, onRound = (_: number, __: number) => {} } = {},
): Promise<Rounds> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-crash-'));
  const database = join(folder, 'scimd.db');
  const random = randomFrom(seed);
  const clients = Array.from({ length: workers }, (_, index) => new Worker(`w${index}`, random));
  const acknowledged = (): number => clients.reduce((sum, client) => sum + client.acknowledged, 0);
  try {
    for (let kill = 1; kill <= kills + 1; kill++) {
      // Several processes over one file, each with clients of its own.
      const servers = [await startProgram(database)];
      while (servers.length < processes) servers.push(await startProgram(database));
      const urlOf = (index: number): string => (servers[index % processes] as (typeof servers)[number]).url;
      const killAll = () => Promise.all(servers.map((server) => server.kill()));
      try {
        const actual = examine(database, clients);
        for (const client of clients) client.settle(actual.get(client.name)!);
        await readBack(urlOf(0), clients);
        if (kill > kills) break;
        const before = acknowledged();
        const working = Promise.all(clients.map((client, index) => client.work(urlOf(index))));
        // Not before something was acknowledged, and then at any moment.
        await until('the first answers', () => acknowledged() - before >= workers);
        await Promise.race([wait(random() * 300), working]);
        await killAll();
        await working;
      } finally {
        await killAll();
      }
      onRound(kill, acknowledged());
    }
    return { kills, acknowledged: acknowledged() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The server that was started again answers what the database has. */
async function readBack(url: string, clients: readonly Worker[]): Promise<void> {
  for (const client of clients) {
    for (const { id, userName, nickName } of client.sample(3)) {
      const response = await fetch(`${url}/Users/${id}`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(response.status, 200);
      const user = (await response.json()) as Record<string, unknown>;
      assert.deepEqual([user.userName, user.nickName], [userName, nickName]);
    }
  }
}

/** mulberry32: the same changes for the same seed, though a kill falls where it falls. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
