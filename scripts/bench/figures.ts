/** What is measured beside the workloads: ratios, waits, memory and times. Each by its name, as --only has it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Options } from './arguments.ts';
import { capacity } from './capacity.ts';
import type { Databases } from './compare.ts';
import { cursorDepth } from './cursor.ts';
import { deliveryFigures } from './delivery.ts';
import { exchangeLogCost } from './exchange-log.ts';
import type { Fixtures } from './fixtures.ts';
import { historyTimes } from './history.ts';
import { hostileFigures } from './hostile.ts';
import { importUsers } from './import.ts';
import { mixedInterference, scanInterference, streamInterference } from './interference.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import { pageTimes } from './pages.ts';
import type { BenchPostgres } from './postgres.ts';
import { measureStart } from './start.ts';
import { tablesFigures } from './tables.ts';
import { tenantCosts } from './tenants.ts';
import { aWeek } from './week.ts';

interface Measurement {
  readonly name: string;
  readonly from: number;
  readonly run: (
    options: Options,
    fixtures: Fixtures,
    users: number,
    postgres: BenchPostgres | undefined,
  ) => Promise<Figure[]>;
}

const measurements: readonly Measurement[] = [
  { name: 'loop', from: 0, run: storeLoop },
  { name: 'cursor', from: 0, run: cursorDepth },
  { name: 'scan', from: 0, run: scanInterference },
  { name: 'stream', from: 100_000, run: streamInterference },
  { name: 'interference', from: 100_000, run: mixedInterference },
  { name: 'start', from: 0, run: measureStart },
  { name: 'capacity', from: 0, run: capacity },
  { name: 'tenants', from: 0, run: tenantCosts },
  { name: 'import', from: 0, run: importUsers },
  { name: 'exchange-log', from: 0, run: exchangeLogCost },
  { name: 'delivery', from: 0, run: deliveryFigures },
  { name: 'history', from: 0, run: historyTimes },
  { name: 'hostile', from: 0, run: hostileFigures },
  { name: 'tables', from: 0, run: tablesFigures },
  { name: 'pages', from: 0, run: pageTimes },
  { name: 'week', from: 0, run: aWeek },
];

export const figureNames: readonly string[] = measurements.map(({ name }) => name);

export async function measureFigures(
  options: Options,
  { fixtures, postgres }: Databases,
  users: number,
  progress: (text: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, from, run } of measurements) {
    if (users < from || (options.only.length > 0 && !options.only.includes(name))) continue;
    for (const found of await run(options, fixtures, users, postgres)) {
      figures.push(found);
      progress(`${found.title}: ${found.value.toFixed(2)} ${found.unit}`);
    }
  }
  return figures;
}

/** Creates in the store against a bare loop; the number of users does not matter. */
async function storeLoop(
  { quick, rounds, scales }: Options,
  { folder }: Fixtures,
  users: number,
): Promise<Figure[]> {
  if (users !== scales[0]) return [];
  const script = fileURLToPath(new URL('loop.ts', import.meta.url));
  return [32, 1].flatMap((lanes) => {
    const rows = (quick ? 3000 : 20_000) / (lanes === 1 ? 5 : 1);
    const args = ['--expose-gc', script, folder, ...[rows, lanes, rounds].map(String)];
    const { store, bare, grouped } = JSON.parse(
      execFileSync(process.execPath, args, { encoding: 'utf8' }),
    ) as Record<'store' | 'bare' | 'grouped', number[]>;
    const ofBare = (name: string, title: string, times: number[]): Figure => ({
      name: `${name}-${lanes}`,
      title: `${title}, ${lanes} at once, of a bare loop`,
      users,
      value: median(bare) / median(times),
      unit: '×',
    });
    return [
      ofBare('loop', 'creates in the store', store),
      ofBare('group', 'group commit by itself', grouped),
    ];
  });
}
