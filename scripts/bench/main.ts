/** npm run bench: scimd, its peers and the limit side by side. */
import { writeFileSync } from 'node:fs';
import { help, type Options, readArguments } from './arguments.ts';
import { drawChart } from './chart.ts';
import { compareWorkloads } from './compare.ts';
import { figureNames, measureFigures } from './figures.ts';
import { firstSync, firstSyncName } from './first-sync.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure, Line } from './line.ts';
import { BenchPostgres } from './postgres.ts';
import { report } from './report.ts';
import { allHold, judge } from './targets.ts';
import { workloads } from './workloads.ts';

const names = [...workloads.map((each) => each.name), firstSyncName, ...figureNames];
const options = readArguments(process.argv.slice(2));
if (options === 'help') process.stdout.write(help);
else if (options === 'list') for (const name of names) console.log(name);
else await bench(options);

async function bench(chosen: Options): Promise<void> {
  const unknown = chosen.only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(', ')}; see --list`);
  const fixtures = new Fixtures(chosen.directory, chosen.memberships);
  const postgres = chosen.postgres ? await BenchPostgres.start(chosen.postgresUrl) : undefined;
  if (postgres !== undefined) postgres.memberships = chosen.memberships;
  const lines: Line[] = [];
  const figures: Figure[] = [];
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    for (const users of chosen.scales) {
      lines.push(...(await compareWorkloads(chosen, { fixtures, postgres }, users, progress)));
      const sync = await firstSync(chosen, fixtures, users, progress);
      lines.push(...sync.lines);
      figures.push(...sync.figures);
      figures.push(...(await measureFigures(chosen, { fixtures, postgres }, users, progress)));
    }
  } finally {
    fixtures.remove();
    await postgres?.close();
  }
  const findings = { lines, figures };
  const verdicts = judge(findings);
  if (chosen.json !== '-') console.log(report(findings, verdicts));
  if (chosen.json !== undefined) {
    const text = `${JSON.stringify({ at: new Date().toISOString(), node: process.version, ...findings, targets: verdicts.map(({ target, measured, holds }) => ({ what: target.what, measured, atLeast: target.atLeast, atMost: target.atMost, holds })) }, undefined, 2)}\n`;
    if (chosen.json === '-') process.stdout.write(text);
    else writeFileSync(chosen.json, text);
  }
  if (chosen.check && !allHold(verdicts)) process.exitCode = 1;
  if (chosen.chart !== undefined) writeFileSync(chosen.chart, drawChart(lines));
}
