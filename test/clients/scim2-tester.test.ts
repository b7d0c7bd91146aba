/**
 * PyPI's scim2-cli: scim2-tester, which examines a server, over scim2-client, which refuses what is in no model of its own.
 * `.ci/run` installs it.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startScimd } from '../server.ts';

const scim2 = [process.env.SCIM2, 'scim2'].find((name) => {
  try {
    return name !== undefined && execFileSync(name, ['--help'], { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return false;
  }
});

/** Its users are active or not by chance, and who is not stays a leaver when `active` is removed. */
const meant = /did not remove attribute 'active'$/;

test('scim2-tester finds no fault', {
  skip: scim2 === undefined && 'there is no scim2 here: pip install scim2-cli, or name it in SCIM2',
  timeout: 600_000,
}, async (t) => {
  const server = await startScimd();
  t.after(() => server.close());
  const said = await new Promise<string>((resolve) => {
    const credentials = ['--header', `Authorization: Bearer ${server.token}`];
    execFile(
      scim2 as string,
      ['--url', server.base, ...credentials, 'test'],
      { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 64 * 1024 * 1024 },
      (_, stdout, stderr) => resolve(stdout + stderr),
    );
  });
  const results = said.match(/^[A-Z]+ [a-z_]+$\n.*$/gm) ?? [];
  assert.ok(results.length > 100, said);
  const faults = results.filter((each) => !each.startsWith('SUCCESS ') && !meant.test(each));
  assert.deepEqual(faults, [], said);
});
