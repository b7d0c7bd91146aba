import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { optionNames, optionOf } from '../../src/ops/options.ts';
import { until } from '../until.ts';
import { scimd, serving, temporaryFolder } from './scimd.ts';

test('init writes a valid configuration in which every setting is explained, and overwrites nothing', async () => {
  const folder = temporaryFolder();
  const made = await scimd(['init'], { folder });
  assert.equal(made.status, 0, made.stderr);
  const text = readFileSync(join(folder, 'scim.config.json'), 'utf8');
  for (const name of optionNames) {
    if (optionOf(name).secret) continue;
    assert.ok(text.includes(`"${name.split('.').at(-1)}"`), name);
    assert.ok(text.includes(optionOf(name).help), name);
  }
  assert.equal(JSON.parse(readFileSync(join(folder, 'scim.config.schema.json'), 'utf8')).type, 'object');
  assert.equal((await scimd(['config', 'check'], { folder })).status, 0);
  const again = await scimd(['init'], { folder });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /are there already/);
  assert.equal((await scimd(['init', '--force'], { folder })).status, 0);
});

test('every setting that init wrote can be put in force by taking its comment marks away', async () => {
  const folder = temporaryFolder();
  await scimd(['init'], { folder });
  const file = join(folder, 'scim.config.json');
  const text = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => (/^ *\/\/ +"(port|metrics|logLevel)":/.test(line) ? line.replace('// ', '') : line))
    .join('\n');
  writeFileSync(file, text);
  const printed = await scimd(['config', 'print', '--json'], { folder });
  assert.equal(printed.status, 0, printed.stderr);
  const { settings } = JSON.parse(printed.stdout);
  for (const name of ['port', 'metrics', 'logLevel'])
    assert.match(settings[name].origin, /^scim\.config\.json:\d+:\d+$/);
});

test('init --systemd writes a unit of Type=notify, and serve tells systemd when it is ready and when it stops', async () => {
  const folder = temporaryFolder();
  const made = await scimd(['init', '--systemd'], { folder });
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stderr, /^scimd init$/m, 'the configuration that the next lines install');
  const unit = readFileSync(join(folder, 'scimd.service'), 'utf8');
  assert.match(unit, /^Type=notify$/m);
  assert.match(unit, /^WatchdogSec=30$/m);
  // What hardening stands in the way of, and how to let it through.
  for (const directive of ['ReadWritePaths', 'LoadCredential', 'SupplementaryGroups'])
    assert.match(unit, new RegExp(`^#${directive}=\\S`, 'm'));
  assert.match(unit, /CAP_NET_BIND_SERVICE/);
  if (process.env.SCIMD_COMMAND === undefined)
    assert.match(
      made.stderr,
      new RegExp(`install -m 755 scimd-linux-${process.arch} /usr/local/bin/scimd$`, 'm'),
    );
  // In the place of systemd's own systemd-notify: what it was called with.
  const calls = join(folder, 'calls');
  const stand = join(folder, 'systemd-notify');
  writeFileSync(stand, `#!/bin/sh\necho "$@" >> "${calls}"\n`);
  chmodSync(stand, 0o755);
  const environment = {
    PATH: `${folder}${delimiter}${process.env.PATH}`,
    NOTIFY_SOCKET: join(folder, 'socket'),
    WATCHDOG_USEC: '200000',
  };
  const server = await serving(['serve', '--port', '0', '--database', ':memory:'], { folder, environment });
  const told = (what: RegExp) =>
    until(String(what), () => existsSync(calls) && what.test(readFileSync(calls, 'utf8')));
  await told(/--pid=\d+ --ready --status=listening on http:/);
  await told(/WATCHDOG=1/);
  await server.stop();
  // What was called may still run.
  await told(/STOPPING=1/);
});
