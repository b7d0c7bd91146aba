/** What an operator's Prometheus reads of a real server, and what promtool says of it and of the documented rules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { newGroup, newUser, patchOp } from '../server.ts';

const folder = temporaryFolder();
const place = { folder, environment: { SCIMD_DATABASE: 'scimd.db', SCIMD_LOG_LEVEL: 'warn' } };
const server = await serving(['serve', '--port', '0'], place);
after(() => server.stop());
const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';

async function newToken(...flags: string[]): Promise<string> {
  const { status, stdout, stderr } = await scimd(['token', 'create', ...flags], place);
  assert.equal(status, 0, stderr);
  return secretPattern.exec(stdout)?.[0] ?? '';
}
async function send(method: string, path: string, body?: object): Promise<string> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${response.status}`);
  return ((await response.json()) as { id: string }).id;
}

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const skip = hasPromtool ? false : 'there is no promtool here';

test('people, groups, changes, tokens and files, as they are', async () => {
  const prometheus = await newToken('--name', 'prometheus', '--scope', 'metrics', '--expires', '30d');
  const people = await Promise.all([1, 2, 3].map(() => send('POST', '/Users', newUser({ active: true }))));
  await send('POST', '/Users', newUser());
  await send('PATCH', `/Users/${people[0]}`, patchOp({ op: 'replace', path: 'active', value: false }));
  await send('POST', '/Groups', newGroup());
  const response = await fetch(`${new URL(server.url).origin}/metrics`, {
    headers: { authorization: `Bearer ${prometheus}` },
  });
  const text = await response.text();
  const value = (series: string): number => {
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    assert.ok(line !== undefined, `${series} in ${text}`);
    return Number(line.slice(series.length + 1));
  };
  assert.equal(value('scimd_people{state="active"}'), 3);
  assert.equal(value('scimd_people{state="inactive"}'), 1);
  assert.equal(value('scimd_groups'), 1);
  assert.equal(value('scimd_changes_total{type="User",operation="create"}'), 4);
  assert.equal(value('scimd_changes_total{type="User",operation="patch"}'), 1);
  assert.equal(value('scimd_changes_total{type="Group",operation="create"}'), 1);
  assert.doesNotMatch(text, /operation="notice"/);
  const listed = await scimd(['token', 'list', '--json'], place);
  const tokens = JSON.parse(listed.stdout) as { id: string; name: string; expires: string }[];
  assert.equal(tokens.length, 2);
  for (const { id, name, expires } of tokens) {
    const labels = `{tenant="default",token="${name}",id="${id}"}`;
    assert.equal(value(`scimd_token_expiry_timestamp_seconds${labels}`), Date.parse(expires) / 1000);
    const used = value(`scimd_token_last_request_timestamp_seconds${labels}`);
    // That of this very request is written down behind it.
    if (name !== 'prometheus') assert.ok(Math.abs(used - Date.now() / 1000) < 60, `${used}`);
  }
  assert.ok(value('scimd_database_size_bytes') > 0);
  assert.ok(value('scimd_wal_size_bytes') > 0);
  if (hasPromtool) {
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr + stdout);
  }
});

test('the documented rules are taken by promtool, and fire', { skip }, () => {
  const page = readFileSync(fileURLToPath(new URL('../../src/docs/operating.md', import.meta.url)), 'utf8');
  const rules = /```yaml\n(groups:[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const alerts = (parse(rules) as { groups: { rules: { alert: string }[] }[] }).groups.flatMap(
    (group) => group.rules,
  );
  assert.ok(alerts.length >= 8);
  writeFileSync(join(folder, 'rules.yaml'), rules);
  const checked = spawnSync('promtool', ['check', 'rules', 'rules.yaml'], { cwd: folder, encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  const day = 86_400;
  const series = (name: string, values: string) => ({ series: name, values });
  const labels = 'tenant="acme",token="okta",id="1"';
  // Evaluated ten days after 1970, where promtool's time begins.
  const at = 10 * day;
  const fires = (alert: string, ...input: { series: string; values: string }[]) => ({
    interval: '5m',
    input_series: input,
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) > bool 0`,
        eval_time: `${at}s`,
        exp_samples: [{ labels: '{}', value: 1 }],
      },
    ],
  });
  writeFileSync(
    join(folder, 'test.yaml'),
    JSON.stringify({
      rule_files: ['rules.yaml'],
      evaluation_interval: '5m',
      tests: [
        fires('ScimdDown', series('up{job="scimd"}', '0x2880')),
        fires('ScimdLeaverNotTold', series('scimd_deprovision_lag_seconds', '301x2880')),
        fires(
          'ScimdTokenEnds',
          series(`scimd_token_expiry_timestamp_seconds{${labels}}`, `${at + 13 * day}x2880`),
        ),
        fires(
          'ScimdProviderSilent',
          series(`scimd_token_last_request_timestamp_seconds{${labels}}`, `${6 * day}x2880`),
        ),
        fires('ScimdProviderRefused', series('scimd_authentication_failures_total', '0+30x2880')),
        fires(
          'ScimdManyLeave',
          series('scimd_people{state="inactive"}', '0x2875 20x10'),
          series('scimd_people{state="active"}', '100x2875 80x10'),
        ),
        fires('ScimdGuardHolds', series('scimd_guard_held_tenants', '1x2880')),
        fires('ScimdDiskFails', series('scimd_http_requests_total{status="507"}', '0+100x2880')),
        fires('ScimdWalGrows', series('scimd_wal_size_bytes', '2000000000x2880')),
        fires('ScimdBackupOld', series('scimd_backup_last_success_timestamp_seconds', `${7 * day}x2880`)),
        fires('ScimdBackupFails', series('scimd_backup_failures_total', '0+5x2880')),
      ],
    }),
  );
  const fired = spawnSync('promtool', ['test', 'rules', 'test.yaml'], { cwd: folder, encoding: 'utf8' });
  assert.equal(fired.status, 0, fired.stdout + fired.stderr);
});
