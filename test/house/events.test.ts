/** The page of events is what a server tells. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { eventTypes } from '../../src/events/catalogue.ts';
import { read, root } from './sources.ts';

test('src/docs/events.md has an example of every event, as a server tells it: npm run generate:events', () => {
  const check = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/event-examples.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(check.status, 0, check.stderr);
  const headings = [...read('src/docs/events.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  assert.deepEqual(headings, eventTypes);
});

test('the table of events in src/docs/application.md has all of them, and no others', () => {
  const rows = read('src/docs/application.md').split('\n');
  const begin = rows.findIndex((row) => row.startsWith('| event |'));
  const cells = rows
    .slice(begin + 2, rows.indexOf('', begin))
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z_.]+)`/g)].map(([, type]) => type));
  assert.deepEqual([...cells].sort(), [...eventTypes].sort());
});
