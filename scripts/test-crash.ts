/**
 * npm run test:crash [-- --kills 100 --workers 8 --seed 1]: kill -9 under write load, of one server on a file, and of three
 * and of PostgreSQL; SCIMD_COMMAND names another program.
 */
import { parseArgs } from 'node:util';
import { killAgainAndAgain } from '../test/crash/rounds.ts';
import { killSeveral } from '../test/crash/several-servers.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    workers: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
  },
});
const { kills, acknowledged } = await killAgainAndAgain(Number(values.kills), {
  workers: Number(values.workers),
  seed: Number(values.seed),
  onRound: (kill, changes) => {
    if (kill % 10 === 0) console.log(`${kill} kills, ${changes} acknowledged changes`);
  },
});
console.log(
  `${kills} kills: all ${acknowledged} acknowledged changes are there, nothing half, the change log agrees`,
);
const several = await killSeveral(Number(values.kills), {
  onRound: (kill, requests) => {
    if (kill % 10 === 0) console.log(`${kill} kills, ${requests} successful requests`);
  },
});
console.log(
  `${several.kills.server} kills of three servers and ${several.kills.postgres} of PostgreSQL: all that ${several.acknowledged} successful requests wrote is there, once; ${several.changes} changes in one order; ${several.delivered} events delivered, ${several.repeated} of them more than once`,
);
