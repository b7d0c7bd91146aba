import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { enterpriseSchema, groupSchema, newUser, userSchema } from '../server.ts';
import { until } from '../until.ts';
import { running, scimd, serving, temporaryFolder } from './scimd.ts';

// biome-ignore lint/suspicious/noExplicitAny: resources of any shape
type Json = any;

const user = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });
const group = (displayName: string, members: readonly string[], more: object = {}) => ({
  schemas: [groupSchema],
  displayName,
  members: members.map((value) => ({ value })),
  ...more,
});

const lines = (resources: readonly unknown[]): string =>
  resources.map((each) => `${JSON.stringify(each)}\n`).join('');

/** Commands in a folder of their own. */
function folderWith(files: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const run = (...args: string[]) => scimd(args, { folder });
  const all = async (database = 'scimd.db'): Promise<Json[]> => {
    const { stdout, stderr, status } = await run('export', '--database', database);
    assert.equal(status, 0, stderr);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };
  return { folder, run, all };
}

const withoutMeta = (resources: readonly Json[]): Json[] => resources.map(({ meta: _, ...rest }) => rest);

/** Two groups, one within the other, users, and a member that nobody knows; in an order that refers ahead. */
const people = [
  group('Outer', ['inner-id', 'nobody-knows'], { id: 'outer-id', externalId: 'x' }),
  group('Inner', ['u-1', 'u-2'], { id: 'inner-id' }),
  user('bjensen', {
    id: 'u-1',
    name: { givenName: 'Barbara', familyName: 'Jensen, "Babs"' },
    emails: [
      { value: 'b@example.com', type: 'work', primary: true },
      { value: 'b@home.example', type: 'home' },
    ],
    phoneNumbers: [{ value: '+1-555-1' }],
    active: false,
    [enterpriseSchema]: { department: 'Tours\nand more', manager: { value: 'u-2' } },
  }),
  user('Ändréa', { id: 'u-2', title: '=1+1', nickName: ' ' }),
];

describe('export and import', () => {
  test('what one scimd exports another imports unchanged, ids and memberships included', async () => {
    const { run, all, folder } = folderWith({ 'people.ndjson': lines(people) });
    const first = await run('import', 'people.ndjson', '--database', 'one.db', '--json');
    assert.equal(first.status, 0);
    // It may come yet, so it is kept; but nobody is a member of it in silence.
    assert.deepEqual(JSON.parse(first.stderr), {
      at: 'people.ndjson:1',
      warning: 'unknownMember',
      name: 'Group Outer',
      member: 'nobody-knows',
    });
    assert.deepEqual(JSON.parse(first.stdout), {
      created: 4,
      replaced: 0,
      same: 0,
      skipped: 0,
      refused: 0,
      complete: true,
      dryRun: false,
    });
    assert.equal(
      (await run('export', 'one.ndjson', '--database', 'one.db')).stdout,
      'one.ndjson: 4 resources\n',
    );
    const second = await run('import', 'one.ndjson', '--database', 'two.db');
    assert.equal(second.stdout, '4 created\n', second.stderr);
    assert.deepEqual(withoutMeta(await all('two.db')), withoutMeta(await all('one.db')));

    const exported = withoutMeta(await all('two.db'));
    // Users first, so that whoever reads them in order knows the members of groups.
    assert.deepEqual(
      exported
        .map(({ id }) => id)
        .slice(2)
        .sort(),
      ['inner-id', 'outer-id'],
    );
    const outer = exported.find(({ id }) => id === 'outer-id');
    assert.deepEqual(outer.members, [
      { value: 'inner-id', $ref: '/Groups/inner-id', type: 'Group', display: 'Inner' },
      { value: 'nobody-knows' },
    ]);
    const { groups: _, ...babs } = exported.find(({ id }) => id === 'u-1');
    assert.deepEqual(babs, { ...people[2], schemas: [userSchema, enterpriseSchema] });

    const refused = await run('export', 'one.ndjson', '--database', 'one.db');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /one\.ndjson exists already/);
    assert.equal(existsSync(join(folder, 'one.ndjson.partial')), false);
  });

  test('the same by CSV: every value has a column, JSON where nothing else is lossless', async () => {
    const { run, all, folder } = folderWith({ 'people.ndjson': lines(people) });
    await run('import', 'people.ndjson', '--database', 'one.db');
    for (const [file, type, told] of [
      ['users.csv', 'User', ''],
      [
        'groups.csv',
        'Group',
        'groups.csv:2: Group Outer has the member nobody-knows, whose id nobody here has\n',
      ],
    ] as const) {
      assert.equal((await run('export', file, '--type', type, '--database', 'one.db')).status, 0);
      const { status, stderr } = await run('import', file, '--type', type, '--database', 'two.db');
      assert.deepEqual([status, stderr], [0, told]);
    }
    const [header] = readFileSync(join(folder, 'users.csv'), 'utf8').split('\r\n');
    assert.equal(
      header,
      [
        'id,userName,name.familyName,name.givenName,nickName,title,active',
        '"emails[type eq ""work""].value","emails[type eq ""work""].primary","emails[type eq ""home""].value"',
        'phoneNumbers',
        `${enterpriseSchema}:department,${enterpriseSchema}:manager.value`,
      ].join(','),
    );
    assert.deepEqual(withoutMeta(await all('two.db')), withoutMeta(await all('one.db')));
  });

  test('a filter and columns of one’s choice', async () => {
    const { run } = folderWith({ 'people.ndjson': lines(people) });
    await run('import', 'people.ndjson');
    const csv = await run(
      ...['export', '--format', 'csv', '--type', 'User', '--filter', 'active eq false'],
      ...['--columns', 'userName,emails[type eq "work"].value'],
    );
    assert.equal(csv.stdout, 'userName,"emails[type eq ""work""].value"\r\nbjensen,b@example.com\r\n');
    const wrong = await run('export', '--format', 'csv', '--columns', 'userNam');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /--columns: User has no attribute userNam, did you mean userName\?/);
  });

  test('without a file, what comes by a pipe is imported; a terminal or nothing is not waited for', async () => {
    const { folder, run } = folderWith({ 'people.ndjson': lines(people) });
    for (const [text, told] of [
      ['cat people.ndjson | "$0" "$@"', '4 created\n'],
      ['"$0" "$@" < people.ndjson', '0 created, 4 the same already\n'],
    ] as const) {
      const { status, stdout, stderr } = await scimd(['import'], { folder, under: ['sh', '-c', text] });
      const stranger =
        'standard input:1: Group Outer has the member nobody-knows, whose id nobody here has\n';
      assert.deepEqual([status, stdout, stderr], [0, told, stranger]);
    }
    assert.equal((await run('import')).status, 2);
  });

  test('imported again, what is there and the same is left as it is', async () => {
    const unnamed = people.map(({ id: _, ...rest }: Json) => rest);
    for (const resources of [people, unnamed]) {
      const { run, all } = folderWith({ 'people.ndjson': lines(resources) });
      assert.equal((await run('import', 'people.ndjson')).stdout, '4 created\n');
      const before = await all();
      assert.equal((await run('import', 'people.ndjson')).stdout, '0 created, 4 the same already\n');
      assert.deepEqual(await all(), before);
    }
  });

  test('every line is checked as a POST is; what is refused is told with file, line and rule, the rest is taken', async () => {
    const { run, all } = folderWith({
      'mixed.ndjson': [
        JSON.stringify(user('good')),
        '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]}',
        JSON.stringify(user('x', { emails: [{ value: 7 }] })),
        '{"schemas":[],',
        JSON.stringify({ schemas: ['urn:example:Nothing'], userName: 'y' }),
        '',
        JSON.stringify(user('twice', { password: 'secret-of-tests' })),
        JSON.stringify(user('Twice', { title: 'another' })),
        '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","userName":"b"}',
        JSON.stringify(user('numbered', { ID: 7 })),
        JSON.stringify(user('last', { unheardOf: 1 })),
      ].join('\r\n'),
    });
    const { status, stdout, stderr } = await run('import', 'mixed.ndjson', '--on-conflict', 'skip');
    assert.equal(status, 1);
    assert.deepEqual(stderr.trim().split('\n'), [
      'mixed.ndjson:2: userName is required',
      'mixed.ndjson:3: emails[0].value must be a string, not a number',
      'mixed.ndjson:4: The body is not valid JSON: it ends too early',
      `mixed.ndjson:5: schemas must name a resource type: ${userSchema}, ${groupSchema}`,
      'mixed.ndjson:9: The member "userName" at column 74 is duplicated',
      'mixed.ndjson:10: id must be a string, not a number',
      'scimd: unheardOf, which 1 had, is left out: no schema here has it',
    ]);
    assert.equal(stdout, '3 created, 1 skipped, 6 refused\n');
    assert.deepEqual((await all()).map(({ userName }) => userName).sort(), ['good', 'last', 'twice']);
  });

  test('what a POST tolerates an import does: names that are paths, free text for URLs', async () => {
    const { run, all } = folderWith({
      'odd.ndjson': lines([
        user('odd', {
          [`${enterpriseSchema}:department`]: 'Cider',
          'name.givenName': 'Til',
          profileUrl: ' ',
        }),
      ]),
    });
    const { status, stdout, stderr } = await run('import', 'odd.ndjson');
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /department|givenName/, 'nothing was left out');
    const [odd] = await all();
    assert.deepEqual(
      [odd[enterpriseSchema], odd.name, odd.profileUrl],
      [{ department: 'Cider' }, { givenName: 'Til' }, ' '],
    );
  });

  test('with uniqueDisplayName a second group of one name is refused, and one renamed to it', async () => {
    const { run, all } = folderWith({
      'scim.config.json': JSON.stringify({ uniqueDisplayName: true }),
      'groups.ndjson': lines([group('Crew', [], { id: 'g-1' }), group('Cooks', [], { id: 'g-2' })]),
      'more.ndjson': lines([group('CREW', [], { id: 'g-3' }), group('crew', [], { id: 'g-2' })]),
    });
    assert.equal((await run('import', 'groups.ndjson')).status, 0);
    const { status, stderr } = await run('import', 'more.ndjson', '--on-conflict', 'replace');
    assert.equal(status, 1);
    assert.match(stderr, /more\.ndjson:1: .*displayName "CREW" is already in use/);
    assert.match(stderr, /more\.ndjson:2: .*displayName "crew" is already in use/);
    assert.deepEqual(
      (await all()).map(({ displayName }) => displayName),
      ['Crew', 'Cooks'],
    );
  });

  test('a dry run tells of each line what would become of it, and writes nothing', async () => {
    const { run, all, folder } = folderWith({
      'old.ndjson': lines([user('a', { title: 'old' }), user('b')]),
      'new.ndjson': lines([user('a', { title: 'new' }), user('b'), user('c'), user('C', { title: 'x' }), {}]),
    });
    const nothing = await run('import', 'old.ndjson', '--dry-run');
    assert.deepEqual([nothing.status, existsSync(join(folder, 'scimd.db'))], [0, false]);
    await run('import', 'old.ndjson');
    const before = await all();
    const { status, stdout, stderr } = await run(
      'import',
      'new.ndjson',
      '--dry-run',
      '--on-conflict',
      'replace',
    );
    assert.equal(status, 1);
    assert.deepEqual(stdout.trim().split('\n'), [
      'new.ndjson:1: change User a: title',
      'new.ndjson:2: the same already User b',
      'new.ndjson:3: create User c',
      'new.ndjson:4: change User C: userName, title',
      '1 created, 2 changed, 1 the same already, 1 refused (dry run: nothing is written)',
    ]);
    assert.match(stderr, /^new\.ndjson:5: schemas must name a resource type/);
    assert.deepEqual(await all(), before);
  });

  test('what a file holds moves no cursor and begins no line in what is told of it', async () => {
    const { run } = folderWith({
      'evil.ndjson': lines([
        group('\u001b[31mred\nevil.ndjson:9: create User fake\u0007', []),
        user('x', { '\u001b[2J': 1 }),
        group('\u202etxt', []),
      ]),
    });
    const { stdout, stderr } = await run('import', 'evil.ndjson', '--dry-run');
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(stdout, /^evil\.ndjson:1: create Group \\x1b\[31mred\\x0aevil\.ndjson:9: .*\n.*:2: /);
    assert.match(stderr, /scimd: \\x1b\[2J, which 1 had, is left out/);
  });

  test('--on-conflict: fail stops there, skip leaves it, replace changes it whole', async () => {
    const { run, all, folder } = folderWith({
      'old.ndjson': lines([
        user('a', { id: '1', title: 'old', nickName: 'n' }),
        group('G', ['1'], { id: 'g' }),
      ]),
      'new.ndjson': lines([
        user('z'),
        user('a', { id: '1', title: 'new' }),
        group('G', ['2'], { id: 'g' }),
        user('a', { id: 'other' }),
        user('y'),
      ]),
    });
    await run('import', 'old.ndjson');
    const failed = await run('import', 'new.ndjson');
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /^new\.ndjson:2: User a is there already with another nickName, title$/m);
    assert.match(failed.stderr, /--on-conflict skip or replace\. Go on with --resume/);
    assert.ok(existsSync(join(folder, 'new.ndjson.position')));

    const skipped = await run('import', 'new.ndjson', '--on-conflict', 'skip', '--resume');
    assert.deepEqual([skipped.status, skipped.stdout], [0, '1 created, 3 skipped\n']);
    assert.equal(existsSync(join(folder, 'new.ndjson.position')), false);
    assert.equal((await all()).find(({ id }) => id === '1').title, 'old');

    const replaced = await run('import', 'new.ndjson', '--on-conflict', 'replace');
    assert.equal(replaced.stdout, '0 created, 2 changed, 2 the same already, 1 refused\n');
    // Under another id it is another resource, to which memberships would point in vain.
    assert.match(replaced.stderr, /^new\.ndjson:4: User a is 1 here already, under which others know it$/m);
    const after = await all();
    const a = after.find(({ id }) => id === '1');
    assert.deepEqual([a.title, a.nickName, a.meta.version], ['new', undefined, 'W/"2"']);
    assert.deepEqual(
      after.find(({ id }) => id === 'g').members.map(({ value }: Json) => value),
      ['2'],
    );
  });

  test('an import that is killed goes on with --resume: all is there in the end, and nothing twice', async () => {
    const count = 20_000;
    const many = Array.from({ length: count }, (_, index) =>
      user(`user-${index}`, { title: 'x'.repeat(200) }),
    );
    const { run, all, folder } = folderWith({ 'many.ndjson': lines(many) });
    const position = join(folder, 'many.ndjson.position');
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const before = existsSync(position) ? readFileSync(position, 'utf8') : '';
      const importing = running(['import', 'many.ndjson', '--on-conflict', 'skip'], { folder });
      let ended = false;
      void importing.end.then(() => (ended = true));
      // Written anew once this one is under way; gone if it was faster.
      await until(
        'a position, or its end',
        () => ended || (existsSync(position) ? readFileSync(position, 'utf8') : '') !== before,
      );
      importing.signal(signal);
      const { status, stderr } = await importing.end;
      if (signal === 'SIGKILL') continue;
      // It may have been done already, and on its way out.
      if (status !== 0 && existsSync(position)) assert.match(stderr, /interrupted\. Go on with --resume/);
    }
    const resumed = await run('import', 'many.ndjson', '--resume', '--json');
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.equal(existsSync(join(folder, 'many.ndjson.position')), false);
    const names = (await all()).map(({ userName }) => userName);
    assert.equal(names.length, count);
    assert.equal(new Set(names).size, count);
  });

  test('--resume refuses a file that is not what it was; --after leaves lines out', async () => {
    const { run, all, folder } = folderWith({
      'a.csv': 'userName,title\na,1\nb,2\na,3\nc,4\n',
    });
    const stopped = await run('import', 'a.csv');
    assert.match(stopped.stderr, /a\.csv:4: User a is there already with another title/);
    writeFileSync(join(folder, 'a.csv'), 'userName,title\nx,1\nb,2\na,1\nc,4\n');
    const changed = await run('import', 'a.csv', '--resume');
    assert.equal(changed.status, 1);
    assert.match(changed.stderr, /a\.csv is not as it was up to line 3/);
    assert.equal((await run('import', 'a.csv', '--after', '4')).stdout, '0 created, 1 the same already\n');
    assert.deepEqual(
      (await all()).map(({ userName }) => userName),
      ['a', 'b', 'c'],
    );
  });

  test('neither export nor import needs memory for the whole', async () => {
    // 64 MB of titles alone: with the program itself more than the heap has.
    const many = Array.from({ length: 8000 }, (_, index) =>
      user(`user-${index}`, { title: 'x'.repeat(8000) }),
    );
    const { folder } = folderWith({ 'many.ndjson': lines(many) });
    const place = { folder, environment: { NODE_OPTIONS: '--max-old-space-size=64' } };
    const imported = await scimd(['import', 'many.ndjson'], place);
    assert.equal(imported.stdout, '8000 created\n', imported.stderr);
    const exported = await scimd(['export', 'again.ndjson'], place);
    assert.equal(exported.stdout, 'again.ndjson: 8000 resources\n', exported.stderr);
  });

  test('what is no header, no file, no type is said at once', async () => {
    const { run } = folderWith({ 'wrong.csv': 'userName,nothing\na,b\n' });
    const cases: [string[], number, RegExp][] = [
      [['wrong.csv'], 1, /the header: User has no attribute nothing/],
      [['none.ndjson'], 1, /there is no file none\.ndjson/],
      [[], 2, /give either FILE or --from URL/],
      [['wrong.csv', '--from', 'https://x.example'], 2, /give either FILE or --from URL/],
      [
        ['wrong.csv', '--type', 'Usr'],
        2,
        /--type must be one of User, Group, not "Usr", did you mean "User"\?/,
      ],
      [['--from', 'ftp://x'], 2, /--from must be the base URL/],
    ];
    for (const [args, status, message] of cases) {
      const result = await run('import', ...args);
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, message);
    }
  });

  test('the header that a refusal of one advises is taken', async () => {
    const refused = await folderWith({ 'people.csv': 'userName,emails[type eq "work"].value\na,b\n' }).run(
      'import',
      'people.csv',
    );
    assert.equal(refused.status, 1);
    const [message, advice = ''] = refused.stderr.trim().split('\n');
    assert.equal(message, 'scimd: the header: cell 2 has a quote within');
    const header = advice.slice(advice.indexOf(': ') + 2);
    const { run, all } = folderWith({ 'people.csv': `${header}\njane,Jane,jane@example.com\n` });
    const taken = await run('import', 'people.csv');
    assert.equal(taken.stdout, '1 created\n', taken.stderr);
    assert.deepEqual(
      (await all()).map(({ userName, name, emails }) => ({ userName, name, emails })),
      [
        {
          userName: 'jane',
          name: { givenName: 'Jane' },
          emails: [{ value: 'jane@example.com', type: 'work' }],
        },
      ],
    );
  });
});

describe('import from another SCIM server', () => {
  test('from a scimd: by cursor, groups with their members, ids kept', async () => {
    const { run, all, folder } = folderWith({
      'people.ndjson': lines(people),
      token: 'token-of-the-source\n',
    });
    const many = Array.from({ length: 250 }, (_, index) => ({ ...newUser(), id: `m-${index}` }));
    writeFileSync(
      join(folder, 'many.ndjson'),
      lines([
        ...many,
        group(
          'All',
          many.map(({ id }) => id),
          { id: 'all' },
        ),
      ]),
    );
    for (const file of ['people.ndjson', 'many.ndjson']) await run('import', file, '--database', 'source.db');
    const server = await serving(['serve', '--port', '0', '--database', 'source.db'], {
      folder,
      environment: { SCIMD_BOOTSTRAP_TOKEN: 'token-of-the-source', SCIMD_LOG_LEVEL: 'info' },
    });
    const from = ['import', '--from', server.url, '--token-file', 'token'];
    const dry = await run(...from, '--dry-run');
    assert.match(dry.stdout, /^Users:1: create User /);
    assert.match(dry.stdout, /255 created \(dry run: nothing is written\)\n$/);
    assert.equal((await run(...from)).stdout, '255 created\n');
    assert.equal((await run(...from)).stdout, '0 created, 255 the same already\n');
    await server.stop();
    assert.deepEqual(withoutMeta(await all()), withoutMeta(await all('source.db')));
  });

  test('from a server without cursors, that leaves members out of lists and asks to wait', async () => {
    const users = Array.from({ length: 230 }, (_, index) => ({
      ...newUser(),
      id: `u${index}`,
      meta: { version: 'x' },
    }));
    const groups = [{ schemas: [groupSchema], id: 'g1', displayName: 'One' }];
    const asked: string[] = [];
    const source = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://source');
      asked.push(request.url ?? '');
      const send = (status: number, body: unknown, headers = {}) =>
        response.writeHead(status, headers).end(JSON.stringify(body));
      if (request.headers.authorization !== 'Bearer t') return send(401, {});
      if (url.pathname === '/scim/Groups/g1') return send(200, { ...groups[0], members: [{ value: 'u7' }] });
      const list = { '/scim/Users': users, '/scim/Groups': groups }[url.pathname];
      if (list === undefined) return send(404, {});
      if (asked.length === 5) return send(429, {}, { 'retry-after': '0' });
      const startIndex = Number(url.searchParams.get('startIndex') ?? 1);
      // Fewer than asked for, as a server may give.
      const Resources = list.slice(startIndex - 1, startIndex + 49);
      return send(200, { totalResults: list.length, startIndex, itemsPerPage: Resources.length, Resources });
    }).listen(0);
    after(() => source.close());
    const base = `http://127.0.0.1:${(source.address() as AddressInfo).port}/scim`;
    const { run, all } = folderWith({ token: 't', wrong: 'w', two: 'secret\nof-two-lines' });
    const unsendable = await run('import', '--from', base, '--token-file', 'two');
    assert.equal(unsendable.status, 2);
    assert.match(unsendable.stderr, /the token contains characters that are not allowed in a header/);
    assert.doesNotMatch(unsendable.stderr, /secret/);
    const unauthorised = await run('import', '--from', base, '--token-file', 'wrong');
    assert.equal(unauthorised.status, 1);
    assert.match(unauthorised.stderr, /does not take the token: 401/);
    asked.length = 0;
    const { status, stdout, stderr } = await run('import', '--from', `${base}/`, '--token-file', 'token');
    assert.deepEqual([status, stderr, stdout], [0, '', '231 created\n']);
    assert.equal(asked.filter((url) => url.startsWith('/scim/Users')).length, 7);
    const one = (await all()).find(({ id }) => id === 'g1');
    assert.deepEqual(
      one.members.map(({ value }: Json) => value),
      ['u7'],
    );
  });

  test('a server that fails in between is gone on with by --resume', async () => {
    const users = Array.from({ length: 500 }, (_, index) => ({ ...newUser(), id: `u${index}` }));
    let broken = true;
    const asked: string[] = [];
    const source = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://source');
      asked.push(request.url ?? '');
      if (url.pathname !== '/Users') return void response.writeHead(404).end();
      const startIndex = Number(url.searchParams.get('startIndex'));
      if (broken && startIndex > 300)
        return void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
      const Resources = users.slice(startIndex - 1, startIndex + 99);
      response.end(JSON.stringify({ totalResults: users.length, startIndex, Resources }));
    }).listen(0);
    after(() => source.close());
    const { run, all } = folderWith();
    const base = `http://127.0.0.1:${(source.address() as AddressInfo).port}`;
    const broke = await run('import', '--from', base);
    assert.equal(broke.status, 1);
    assert.match(broke.stderr, /\/Users answered 302/);
    broken = false;
    asked.length = 0;
    const resumed = await run('import', '--from', base, '--resume');
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.deepEqual(
      asked
        .filter((url) => url.startsWith('/Users'))
        .map((url) => new URL(url, base).searchParams.get('startIndex')),
      // The first only looks whether there is a list.
      ['1', '201', '301', '401'],
    );
    assert.equal((await all()).length, 500);
  });

  test('where there is none, the import fails, says where it looked, and makes no database', async () => {
    const { run, folder } = folderWith({ 'people.ndjson': lines(people), token: 'token-of-the-source\n' });
    await run('import', 'people.ndjson', '--database', 'source.db');
    const server = await serving(['serve', '--port', '0', '--database', 'source.db'], {
      folder,
      environment: { SCIMD_BOOTSTRAP_TOKEN: 'token-of-the-source' },
    });
    const wrongPath = await run('import', '--from', new URL('/', server.url).href, '--token-file', 'token');
    await server.stop();
    assert.equal(wrongPath.status, 1);
    assert.match(
      wrongPath.stderr,
      /^scimd: there is no SCIM server at http\S+: \/ServiceProviderConfig is 404, \/Users is 404, \/Groups is 404\nCheck the path/,
    );
    const other = createServer((_, response) => void response.end('{"hello":"world"}')).listen(0);
    after(() => other.close());
    const base = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const more of [[], ['--dry-run'], ['--type', 'Group']]) {
      const { status, stdout, stderr } = await run('import', '--from', base, ...more);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, /there is no SCIM server at .*\/Groups is no SCIM message/);
    }
    assert.equal(existsSync(join(folder, 'scimd.db')), false);
  });
});
