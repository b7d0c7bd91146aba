import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from './sources.ts';

test('The documentation lists every export of scimd and its modules, each with its docstring, which for scimd/filter names its section of an RFC', () => {
  const check = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/reference.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(check.stderr, '');
  assert.equal(check.status, 0);
});
