/** scimd doctor --only integrity against servers that lose one thing each behind a 2xx, and one that loses nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scimd, temporaryFolder } from '../cli/scimd.ts';
import { startScimd } from '../server.ts';
import { type Fault, startLosing } from './losing-server.ts';

const folder = temporaryFolder();

interface Check {
  readonly id: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly problems: readonly {
    readonly level: string;
    readonly expected: string;
    readonly found: string;
    readonly exchange: number;
    readonly cause?: number;
  }[];
  readonly exchanges: readonly {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly body?: object;
  }[];
}

interface Report {
  readonly passed: boolean;
  readonly flows: readonly string[];
  readonly cleanup: { readonly made: number; readonly deleted: number; readonly left: readonly unknown[] };
  readonly checks: readonly Check[];
}

async function examine(base: string, ...more: readonly string[]): Promise<Report> {
  const { stdout, stderr } = await scimd(['doctor', base, '--only', 'integrity', '--json', ...more], {
    folder,
  });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Report;
}

const idsOf = ({ checks }: Report, outcome: string): string[] =>
  checks.filter((check) => check.outcome === outcome).map(({ id }) => id.replace(/^integrity-/, ''));

async function examineLosing(...faults: readonly Fault[]): Promise<Report> {
  const server = await startLosing(...faults);
  try {
    const report = await examine(server.base);
    assert.deepEqual(report.cleanup.left, []);
    assert.equal(server.size(), 0, 'something is left');
    return report;
  } finally {
    server.close();
  }
}

describe('doctor --only integrity', () => {
  test('a server that refuses with 400 all that it does not do loses nothing, and passes', async () => {
    const report = await examineLosing();
    assert.deepEqual(idsOf(report, 'failed'), []);
    assert.equal(report.passed, true);
    assert.deepEqual(report.flows, ['integrity']);
    assert.ok(report.checks.length > 20);
    const refused = report.checks
      .flatMap(({ exchanges }) => exchanges)
      .filter(({ status }) => status === 400);
    assert.ok(refused.length > 40, `${refused.length} requests were refused`);
  });

  test('every request that may lose something is followed by a GET of the same resource', async () => {
    const { checks } = await examineLosing();
    for (const { id, exchanges } of checks)
      for (const [index, { method, path }] of exchanges.entries()) {
        if (method !== 'PATCH') continue;
        assert.deepEqual([exchanges[index - 1]?.method, exchanges[index - 1]?.path], ['GET', path], id);
        assert.deepEqual([exchanges[index + 1]?.method, exchanges[index + 1]?.path], ['GET', path], id);
      }
  });

  const losses: readonly (readonly [fault: Fault, failed: readonly string[]])[] = [
    [
      'filters-members',
      [
        'members-replace-nobody',
        'members-replace-nobody-pathless',
        'members-put-nobody',
        'members-wrapped',
        'members-json-text',
      ],
    ],
    [
      'remove-ignores-value',
      [
        'remove-named',
        'members-wrapped',
        'members-remove-named',
        'members-remove-nobody',
        'members-json-text',
      ],
    ],
    ['stores-filter-only', ['value-path-no-match', 'letter-case']],
    [
      'says-done',
      [
        'value-wrapped',
        'remove-named',
        'value-path-no-match',
        'clear-manager',
        'clear-name',
        'add',
        'primary-survives',
        'json-text',
        'letter-case',
        'members-wrapped',
        'members-remove-named',
        'members-json-text',
        'group-array-value',
      ],
    ],
    ['text-becomes-value', ['json-text', 'members-json-text']],
    ['drops-attributes', ['create-whole', 'replace-whole']],
    ['thins-values', ['primary-survives']],
    ['overwrites-group', ['group-duplicate']],
    [
      'refuses-after-change',
      ['members-replace-nobody', 'members-replace-nobody-pathless', 'members-wrapped', 'members-json-text'],
    ],
  ];
  for (const [fault, failed] of losses)
    test(`${fault}: ${failed.join(', ')}`, async () => {
      const report = await examineLosing(fault);
      assert.equal(report.passed, false);
      assert.deepEqual(idsOf(report, 'failed').sort(), [...failed].sort());
    });

  test('a problem says what was sent, what came back, what is there and what was expected', async () => {
    const { checks } = await examineLosing('filters-members');
    const check = checks.find(({ id }) => id === 'integrity-members-replace-nobody');
    const [problem] = check?.problems ?? [];
    assert.ok(check && problem);
    const [sent, read] = [check.exchanges[problem.cause ?? -1], check.exchanges[problem.exchange]];
    assert.equal(sent?.method, 'PATCH');
    assert.equal(sent?.status, 200);
    assert.equal(read?.method, 'GET');
    assert.equal(read?.path, sent?.path);
    assert.match(problem.expected, /^after 200 nothing has changed, or members is /);
    assert.match(problem.found, /^members is \[\], and was \[\{/);
    const server = await startLosing('filters-members');
    const { status, stdout } = await scimd(['doctor', server.base, '--only', 'integrity'], { folder });
    server.close();
    assert.equal(status, 1);
    assert.match(
      stdout,
      /sent {7}PATCH \/Groups\/\S+ \{.*\n *came back {2}200 OK .*\n *read back {2}200 OK .*\n *expected {3}after 200 .*\n *found {6}members is \[\]/,
    );
  });

  test('an error of the server that changed nothing is a warning', async () => {
    const report = await examineLosing('fails');
    assert.deepEqual(idsOf(report, 'failed'), []);
    const warned = idsOf(report, 'warning');
    for (const id of ['members-replace-nobody', 'value-unknown', 'json-text'])
      assert.ok(warned.includes(id), id);
  });

  test('active that can be removed from a deactivated user is a warning', async () => {
    const report = await examineLosing('forgets-active');
    assert.deepEqual(idsOf(report, 'failed'), []);
    assert.ok(idsOf(report, 'warning').includes('inactive'));
  });

  test('scimd passes, with a generic token and with a strict one', async () => {
    const server = await startScimd();
    try {
      for (const idp of ['generic', 'strict'] as const) {
        const report = await examine(server.base, '--token', await server.newToken({ idp }));
        assert.deepEqual(idsOf(report, 'failed'), [], idp);
        assert.equal(report.cleanup.deleted, report.cleanup.made);
      }
    } finally {
      await server.close();
    }
  });
});
