import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Filter, parseFilter, stringify } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { type Engines, openEngines } from './engines.ts';
import { filters, people } from './generated.ts';
import { staffType } from './staff.ts';

/** `SCIMD_SEED=… SCIMD_RUNS=…` repeat or prolong a run. */
const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.SCIMD_RUNS ?? 60);

/** Generated filters are now and then longer than a client's may be. */
const limits = { characters: Infinity, depth: 256, terms: Infinity };

let engines: Engines;
before(async () => {
  engines = await openEngines(staffType);
});
after(() => engines.close());

/** The people are those of the run, so a filter that disagrees shrinks while they stay. */
test(`any filter finds the same people in matcher, SQLite and PostgreSQL (seed ${seed})`, async () => {
  const agrees = async (filter: Filter) => {
    const text = stringify(filter);
    const [[first, expected], ...others] = Object.entries(
      await engines.select(bindFilter(parseFilter(text, { limits }), staffType, { source: text })),
    ) as [[string, readonly string[]], ...[string, readonly string[]][]];
    for (const [engine, ids] of others) assert.deepEqual(ids, expected, `${engine} and ${first} on ${text}`);
  };
  for (let round = 0; round < 4; round++) {
    const [crowd] = fc.sample(people, { seed: seed + round, numRuns: 1 });
    await engines.load(crowd!);
    await fc.assert(fc.asyncProperty(filters, agrees), { seed: seed + round, numRuns: runs });
  }
});
