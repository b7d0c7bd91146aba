import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topics } from '../../src/docs/topics.ts';
import { scimd, serving, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();

test('scimd docs lists every page; scimd docs TOPIC prints it, without Markdown', async () => {
  const list = await scimd(['docs'], { folder });
  assert.equal(list.status, 0);
  for (const { name, title } of topics) assert.match(list.stdout, new RegExp(`^  ${name} +${title}$`, 'm'));
  const okta = await scimd(['docs', 'okta'], { folder });
  assert.match(okta.stdout, /^OKTA\n/);
  assert.match(okta.stdout, /SCIM connector base URL/);
  assert.match(okta.stdout, /Start \(scimd\s+docs\s+start\)/);
  assert.doesNotMatch(okta.stdout, /\]\(|\*\*|<!--/);
  const lines = okta.stdout.split('\n');
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 100);
});

test('scimd docs --json has the pages as Markdown', async () => {
  const { stdout } = await scimd(['docs', 'filters', '--json'], { folder });
  assert.match(JSON.parse(stdout).markdown, /^# Filters\n/);
});

test('scimd docs names the page that may be meant', async () => {
  const { status, stderr } = await scimd(['docs', 'oktta'], { folder });
  assert.equal(status, 2);
  assert.match(stderr, /no page on "oktta", did you mean "scimd docs okta"\?/);
});

test('--no-docs takes /docs away', async () => {
  const server = await serving(['serve', '--port', '0', '--no-docs', '--database', ':memory:'], { folder });
  assert.equal((await fetch(new URL('/docs', server.url))).status, 404);
  assert.equal((await fetch(new URL('/', server.url))).status, 200);
  await server.stop();
});
