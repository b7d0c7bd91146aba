import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scimd, temporaryFolder } from './scimd.ts';

const place = { folder: temporaryFolder() };

describe('explain shows what a filter becomes', () => {
  test('tree, plan, SQL, parameters, query plan; and that an index serves it', async () => {
    const { status, stdout, stderr } = await scimd(['explain', 'USERNAME eq "BJensen"'], place);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Plan\n {2}userName eq "bjensen"$/m);
    assert.match(stdout, /r\.unique_key = \?/);
    assert.match(stdout, /^Parameters\n {2}\[.*"bjensen".*\]$/m);
    assert.match(stdout, /USING (?:COVERING )?INDEX resource_unique/);
    assert.match(stdout, /An index serves this filter\./);
  });

  test('the tree has one node a line, as it was written', async () => {
    const title = 'urn:ietf:params:scim:schemas:core:2.0:User:Title';
    const filter = `not (${title} EQ "A" or emails[type eq "work" and primary pr].value co "b") and active pr`;
    const { stdout, stderr } = await scimd(['explain', filter], place);
    const tree = /^Tree\n((?: .*\n)+)/m.exec(stdout)?.[1];
    assert.equal(
      tree,
      [
        '  and',
        '    not',
        '      or',
        `        compare ${title} eq "A"`,
        '        valuePath emails',
        '          and',
        '            compare type eq "work"',
        '            present primary pr',
        '          .value co "b"',
        '    present active pr',
        '',
      ].join('\n'),
      stderr,
    );
  });

  test('what no index serves is named', async () => {
    const told = JSON.parse(
      (await scimd(['explain', 'title eq "x" and name.givenName co "y"', '--json'], place)).stdout,
    );
    assert.equal(told.indexed, false);
    assert.deepEqual(told.unindexed, ['title', 'name.givenName']);
    assert.equal(told.ast.type, 'and');
  });

  test('an index for co serves needles of three characters or more, and is proposed where there is none', async () => {
    const filter = 'emails[type eq "work" and value co "@example"]';
    const without = await scimd(['explain', filter], place);
    assert.match(
      without.stdout,
      /An index for `co` helps with many resources: --contains-index emails\.value$/m,
    );
    const flag = ['--contains-index', 'emails.value'];
    const served = await scimd(['explain', filter, ...flag], place);
    assert.match(served.stdout, /trigram MATCH \?/);
    assert.match(served.stdout, /An index serves this filter\.\n$/);
    const short = await scimd(['explain', 'emails.value co "ab"', ...flag, '--json'], place);
    assert.deepEqual(JSON.parse(short.stdout).unindexed, ['emails.value']);
    assert.doesNotMatch((await scimd(['explain', 'title eq "abc"'], place)).stdout, /--contains-index/);
  });

  test('--type names another resource type; an unknown one is told with those that there are', async () => {
    const group = await scimd(['explain', 'members.value eq "1"', '--type', 'group'], place);
    assert.equal(group.status, 0, group.stderr);
    assert.match(group.stdout, /An index serves/);
    const none = await scimd(['explain', 'a pr', '--type', 'Printer'], place);
    assert.equal(none.status, 2);
    assert.match(none.stderr, /there are User, Group/);
  });

  test('a wrong filter is shown with its caret', async () => {
    const wrong = await scimd(['explain', 'userNam eq "x"'], place);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /Did you mean userName\?/);
  });
});
