import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from './sources.ts';

test('The documentation lists every export of scimd/filter, and the docstring of each names its section of an RFC', () => {
  const check = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/filter-reference.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(check.stderr, '');
  assert.equal(check.status, 0);
});
