/** `scimd import` of people from NDJSON into a database that it makes: the whole command, from its start to its end. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Options } from './arguments.ts';
import { userDocument } from './data.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { bundle } from './programs.ts';
import type { Usage } from './server-process.ts';

/** Beyond this many people it shows nothing new. */
const mostPeople = 100_000;

export async function importUsers(_: Options, fixtures: Fixtures, users: number): Promise<Figure[]> {
  if (users > mostPeople) return [];
  const [input, database] = [fixtures.path('import input'), fixtures.path('import')];
  const file = openSync(input, 'w');
  for (let n = 1; n <= users; n++) writeSync(file, `${JSON.stringify(userDocument(n))}\n`);
  closeSync(file);
  const probe = fileURLToPath(new URL('usage-probe.mjs', import.meta.url));
  const started = performance.now();
  const child = fork(bundle(), ['import', input, '--database', database], {
    execArgv: ['--import', probe],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let usage: Usage | undefined;
  child.on('message', (message: { readonly usage: Usage }) => {
    usage = message.usage;
  });
  const [status] = await once(child, 'exit');
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`scimd import ended with ${status}`);
  const size = Fixtures.size(database);
  rmSync(input);
  const figure = (name: string, title: string, value: number, unit: string): Figure => ({
    ...{ name, title, users, value, unit },
  });
  return [
    figure('import', 'import from NDJSON', seconds, 's'),
    figure('import-size', 'database after the import', size / 2 ** 20, 'MB'),
    ...(usage === undefined
      ? []
      : [
          figure('import-cpu', 'CPU of the import, for each person', usage.cpu / users, 'µs'),
          figure('import-rss', 'most memory of the import', usage.peak / 2 ** 20, 'MB'),
        ]),
  ];
}
