/** scimd doctor against a sound server, and against fronts of it that break one thing each. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { run } from '../../src/cli/run.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { until } from '../until.ts';
import { type Result, running, scimd, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
let server: TestServer;
before(async () => {
  // Every examination sends wrong tokens, and all come from one address.
  server = await startScimd({ limits: { failedAttempts: 0 } });
});
after(() => server.close());

const doctor = (...args: readonly string[]): Promise<Result> => scimd(['doctor', ...args], { folder });

interface Told {
  readonly passed: boolean;
  readonly interrupted: boolean;
  readonly mark: string;
  readonly flows: readonly string[];
  readonly requests: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly cleanup: {
    readonly made: number;
    readonly deleted: number;
    readonly left: readonly { readonly url: string; readonly name: string; readonly reason: string }[];
  };
  readonly checks: readonly {
    readonly id: string;
    readonly flow: string;
    readonly title: string;
    readonly section: string;
    readonly why: string;
    readonly outcome: string;
    readonly reason?: string;
    readonly problems: readonly {
      readonly level: string;
      readonly expected: string;
      readonly found: string;
      readonly exchange: number;
    }[];
    readonly exchanges: readonly {
      readonly method: string;
      readonly path: string;
      readonly status?: number;
      readonly failure?: string;
    }[];
  }[];
}

async function told(
  url: string,
  ...args: readonly string[]
): Promise<{ status: number | null; report: Told }> {
  const { status, stdout, stderr } = await doctor(url, '--token', server.token, '--json', ...args);
  assert.notEqual(stdout, '', stderr);
  return { status, report: JSON.parse(stdout) as Told };
}

const idsOf = (report: Told, outcome: string): string[] =>
  report.checks.filter((check) => check.outcome === outcome).map(({ id }) => id);

async function assertNothingLeft(): Promise<void> {
  for (const endpoint of ['/Users', '/Groups'])
    assert.equal((await server.request('GET', `${endpoint}?count=0`)).json.totalResults, 0, endpoint);
}

interface Passed {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Front {
  readonly url: string;
  readonly seen: readonly string[];
}

type Handle = (
  request: { readonly method: string; readonly path: string; readonly body: string },
  forward: (body?: string) => Promise<Passed>,
) => Promise<Passed | undefined>;

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** A server that answers as it is told; `forward` asks the sound one. Undefined never answers. */
async function front(handle: Handle): Promise<Front> {
  const seen: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '' } = request;
    const body = await read(request);
    seen.push(`${method} ${path}`);
    const forward = async (changed = body): Promise<Passed> => {
      const fields = ['accept', 'authorization', 'content-type', 'if-match', 'if-none-match'] as const;
      const sent = fields.flatMap((name) => {
        const value = request.headers[name];
        return value === undefined ? [] : [[name, value] as [string, string]];
      });
      const reply = await fetch(server.base + path, {
        method,
        headers: sent,
        ...(changed === '' ? {} : { body: changed }),
      });
      const kept = ['content-type', 'location', 'etag', 'www-authenticate'].flatMap((name) => {
        const value = reply.headers.get(name);
        return value === null ? [] : [[name, value]];
      });
      return { status: reply.status, headers: Object.fromEntries(kept), body: await reply.text() };
    };
    const given = await handle({ method, path: decodeURIComponent(path), body }, forward);
    if (given !== undefined) response.writeHead(given.status, given.headers).end(given.body);
  };
  const listening = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, seen };
}

const json = (status: number, body: object): Passed => ({
  status,
  headers: { 'content-type': 'application/scim+json' },
  body: JSON.stringify(body),
});

const scimError = (status: number, detail: string): Passed =>
  json(status, { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status), detail });

describe('a sound server', () => {
  test('passes with the generic token, and is left empty', async () => {
    const { status, report } = await told(server.base);
    assert.deepEqual(idsOf(report, 'failed'), []);
    assert.deepEqual(idsOf(report, 'warning'), []);
    assert.equal(status, 0);
    assert.equal(report.passed, true);
    assert.deepEqual(report.flows, ['core', 'okta', 'entra', 'integrity']);
    assert(report.cleanup.made > 20);
    assert.equal(report.cleanup.deleted, report.cleanup.made);
    await assertNothingLeft();
  });

  test('passes with a strict token; what the standard does not ask for is a warning with what to do', async () => {
    const token = await server.newToken({ idp: 'strict' });
    const { status, stdout } = await doctor(server.base, '--token', token);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /All that matters passed: \d+ passed, 0 failed, 2 with warnings/);
    assert.match(stdout, /warn {2}Disabling a user with "Replace" and the text "False".* RFC 7643 §2\.3\.2/);
    assert.match(stdout, /why {8}Entra ID must be set up with \?aadOptscim062020/);
    await assertNothingLeft();
  });

  test('the report for machines has for each check what was sent, what came back and the section', async () => {
    const { report } = await told(server.base, '--only', 'okta');
    assert.deepEqual(report.flows, ['okta']);
    assert.equal(report.interrupted, false);
    assert.equal(
      Object.values(report.totals).reduce((sum, count) => sum + count),
      report.checks.length,
    );
    const lookUp = report.checks.find(({ id }) => id === 'okta-filter-unknown');
    assert.equal(lookUp?.flow, 'okta');
    assert.equal(lookUp?.section, 'RFC 7644 §3.4.2');
    assert.equal(lookUp?.outcome, 'passed');
    const [exchange] = lookUp?.exchanges ?? [];
    assert.equal(exchange?.method, 'GET');
    assert.equal(
      decodeURIComponent(exchange?.path ?? ''),
      `/Users?filter=userName eq "${report.mark}-okta@example.com"`,
    );
    assert.equal(exchange?.status, 200);
    for (const check of report.checks) {
      assert.match(check.section, /^RFC 76\d\d §/);
      assert.match(check.id, /^okta-/);
      assert.notEqual(check.why, '');
      assert(check.exchanges.length > 0, check.id);
    }
  });

  test('identifiers of checks and sections are there, and no identifier twice', async () => {
    const { report } = await told(server.base);
    const ids = report.checks.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { id, flow, section } of report.checks) {
      assert(id.startsWith(`${flow}-`), id);
      assert.match(section, /^RFC 76(43|44) §/, id);
    }
  });

  test('--verbose shows every request and answer, and no secret', async () => {
    const { status, stdout } = await doctor(
      server.base,
      '--token',
      server.token,
      '--only',
      'okta',
      '--verbose',
    );
    assert.equal(status, 0);
    assert.match(stdout, /> POST \/Users\n/);
    assert.match(stdout, /< 201 Created \(\d+ ms\)\n/);
    assert.match(stdout, /"password":"\[hidden\]"/);
    assert(!stdout.includes(server.token));
    assert(!stdout.includes('\u001b'), 'colours in a pipe');
  });

  test('a token from a file is not on the command line', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${server.token}\n`);
    const { status, stdout } = await doctor(server.base, '--token-file', file, '--only', 'entra');
    assert.equal(status, 0, stdout);
  });

  test('colours are for terminals, and not with NO_COLOR', async () => {
    const reportOn = async (interactive: boolean, color: boolean): Promise<string> => {
      const printed: string[] = [];
      const args = ['doctor', server.base, '--token', server.token, '--only', 'okta'];
      await run(commands, args, {
        interactive,
        errorIsTerminal: false,
        color,
        environment: {},
        folder,
        print: (text) => void printed.push(text),
        note: () => undefined,
        renew: () => undefined,
        write: async () => {},
        written: async () => {},
      });
      return printed.join('\n');
    };
    assert.match(await reportOn(true, true), /\u001b\[32mok {2}\u001b\[0m/);
    assert(!(await reportOn(true, false)).includes('\u001b'));
    assert(!(await reportOn(false, true)).includes('\u001b'));
  });
});

describe('a broken server fails, and the report names the fault with its section', () => {
  test('"False" stored as text', async () => {
    const disabled = new Set<string>();
    const { url } = await front(async ({ method, path, body }, forward) => {
      if (method === 'PATCH' && body.includes('"False"')) {
        disabled.add(path);
        return forward(body.replace('"False"', 'false'));
      }
      if (method === 'PATCH' && body.includes('"True"')) disabled.delete(path);
      const answer = await forward();
      if (method !== 'GET' || !disabled.has(path)) return answer;
      return { ...answer, body: answer.body.replace('"active":false', '"active":"False"') };
    });
    const { status, report } = await told(url);
    assert.equal(status, 1);
    assert.deepEqual(idsOf(report, 'failed'), ['entra-disable-text']);
    const check = report.checks.find(({ id }) => id === 'entra-disable-text');
    assert.equal(check?.section, 'RFC 7643 §2.3.2');
    assert.equal(check?.problems[0]?.expected, 'active is the boolean false');
    assert.equal(check?.problems[0]?.found, 'active is the text "False"');
    await assertNothingLeft();
  });

  test('filters ignored; nobody else is touched or shown', async () => {
    const other = await server.request('POST', '/Users', { body: newUser({ nickName: 'Bystander' }) });
    const { url } = await front(async ({ method, path }, forward) => {
      if (method !== 'GET' || !path.startsWith('/Users?filter=')) return forward();
      const everybody = await server.request('GET', '/Users?count=1000');
      return { status: 200, headers: { 'content-type': 'application/scim+json' }, body: everybody.text };
    });
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'okta', '--verbose');
    assert.equal(status, 1);
    assert.match(
      stdout,
      /FAIL {2}The look-up of a user who does not exist is 200 with an empty list {2}RFC 7644 §3\.4\.2\n/,
    );
    assert.match(
      stdout,
      /sent {7}GET \/Users\?filter=userName eq "scimd-doctor-[0-9a-f]{8}-okta@example\.com"\n/,
    );
    assert.match(stdout, /expected {3}a ListResponse, totalResults 0\n/);
    assert.match(stdout, /found {6}totalResults is 1\n/);
    assert(!stdout.includes('Bystander'));
    assert.deepEqual((await server.request('GET', `/Users/${other.json.id}`)).json, other.json);
    await server.request('DELETE', `/Users/${other.json.id}`);
    await assertNothingLeft();
  });

  test('404 for an empty list', async () => {
    const { url } = await front(async ({ method, path }, forward) => {
      const answer = await forward();
      const empty = method === 'GET' && path.includes('filter=') && answer.body.includes('"totalResults":0');
      return empty ? scimError(404, 'Nobody found') : answer;
    });
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'entra');
    assert.equal(status, 1);
    assert.match(stdout, /FAIL {2}Test Connection: .* {2}RFC 7644 §3\.4\.2\n/);
    assert.match(stdout, /found {6}status 404 Nobody found\n/);
    assert.match(stdout, /why {8}Entra ID does not save the credentials otherwise\./);
    await assertNothingLeft();
  });

  test('a value path that mixes the values of a multi-valued attribute', async () => {
    const { url } = await front(({ method, path }, forward) => {
      const mixed = /\[type eq "work" and (value eq "[^"]*-home@example\.com")\]/.exec(path);
      if (method !== 'GET' || mixed === null) return forward();
      return server
        .request('GET', `/Users?filter=${encodeURIComponent(`emails.${mixed[1]}`)}`)
        .then(({ text }) => ({
          status: 200,
          headers: { 'content-type': 'application/scim+json' },
          body: text,
        }));
    });
    const { status, report } = await told(url, '--only', 'core');
    assert.equal(status, 1);
    assert.deepEqual(idsOf(report, 'failed'), ['core-filter-value-path-one-element']);
  });

  test('a PATCH that is applied in part', async () => {
    const { url } = await front(async ({ method, body }, forward) => {
      if (method !== 'PATCH' || !body.includes('Half done')) return forward();
      const { schemas, Operations } = JSON.parse(body);
      await forward(JSON.stringify({ schemas, Operations: Operations.slice(0, 1) }));
      return forward();
    });
    const { status, report } = await told(url, '--only', 'core');
    assert.equal(status, 1);
    assert.deepEqual(idsOf(report, 'failed'), ['core-patch-atomic']);
    assert.equal(report.checks.find(({ id }) => id === 'core-patch-atomic')?.section, 'RFC 7644 §3.5.2');
    await assertNothingLeft();
  });

  test('remove of members that ignores the value and empties the group', async () => {
    const { url } = await front(({ method, path, body }, forward) => {
      if (method !== 'PATCH' || !path.startsWith('/Groups/') || !body.includes('"Remove"')) return forward();
      const { schemas } = JSON.parse(body);
      return forward(JSON.stringify({ schemas, Operations: [{ op: 'remove', path: 'members' }] }));
    });
    const { status, report } = await told(url, '--only', 'entra');
    assert.equal(status, 1);
    assert.deepEqual(idsOf(report, 'failed'), ['entra-group-remove-value']);
  });

  test('a password that is given back is reported, but not repeated', async () => {
    let password = '';
    const { url } = await front(async ({ method, body }, forward) => {
      const answer = await forward();
      if (method !== 'POST' || !body.includes('"password"')) return answer;
      password = JSON.parse(body).password;
      return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), password }) };
    });
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'core', '--verbose');
    assert.equal(status, 1);
    assert.match(stdout, /FAIL {2}A password is never given back {2}RFC 7643 §4\.1\.1\n/);
    assert.notEqual(password, '');
    assert(!stdout.includes(password));
    await assertNothingLeft();
  });

  test('answers that would move the cursor are shown as text', async () => {
    const { url } = await front(({ method, path }, forward) =>
      method === 'GET' && path === '/Schemas'
        ? Promise.resolve({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'x\u001b[2Jy' })
        : forward(),
    );
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'core');
    assert.equal(status, 1);
    assert(stdout.includes('x\\x1b[2Jy'));
    assert(!stdout.includes('\u001b'));
  });
});

describe('what is optional', () => {
  test('PATCH and sort that are announced as unsupported are not asked for, only their refusal', async () => {
    const { url } = await front(async ({ method, path }, forward) => {
      if (method === 'PATCH') return scimError(501, 'No PATCH here');
      const answer = await forward();
      if (path !== '/ServiceProviderConfig') return answer;
      const config = JSON.parse(answer.body);
      return json(200, { ...config, patch: { supported: false }, sort: { supported: false } });
    });
    const { status, report } = await told(url, '--only', 'core');
    assert.equal(status, 0);
    assert.equal(report.checks.find(({ id }) => id === 'core-no-patch')?.outcome, 'passed');
    const sort = report.checks.find(({ id }) => id === 'core-sort');
    assert.equal(sort?.reason, '/ServiceProviderConfig says that sort is not supported');
    assert.equal(sort?.exchanges.length, 0);
    assert(idsOf(report, 'skipped').includes('core-patch-atomic'));
  });

  test('PATCH answered 204, lists without Resources, and filters refused in order are no faults', async () => {
    const { url } = await front(async ({ method, path }, forward) => {
      if (method === 'GET' && /filter=.*( not \(| ew |\[)/.test(path))
        return scimError(400, 'Unsupported filter');
      const answer = await forward();
      if (method === 'PATCH' && answer.status === 200 && !path.includes('?'))
        return { status: 204, headers: {}, body: '' };
      return { ...answer, body: answer.body.replace(',"Resources":[]', '') };
    });
    const { status, report } = await told(url);
    assert.deepEqual(idsOf(report, 'failed'), []);
    assert.equal(status, 0);
    assert(idsOf(report, 'warning').includes('core-filter-ew'));
  });
});

test('a server that asks for patience (429) is asked again', async () => {
  let refused = 0;
  const { url } = await front(async ({ method }, forward) =>
    method === 'POST' && refused++ === 0
      ? { status: 429, headers: { 'retry-after': '0' }, body: '' }
      : forward(),
  );
  const { status, report } = await told(url, '--only', 'okta');
  assert.equal(status, 0);
  assert(refused > 1);
  assert.deepEqual(idsOf(report, 'failed'), []);
  await assertNothingLeft();
});

describe('cleaning up', () => {
  test('what a failed check made is deleted, also when the answer told no id', async () => {
    const { url } = await front(async ({ method, body }, forward) => {
      const answer = await forward();
      if (method !== 'POST') return answer;
      if (body.includes('-own-id@')) return { status: 500, headers: {}, body: 'broken' };
      if (body.includes('-nulls@')) return { status: 201, headers: {}, body: '' };
      return answer;
    });
    const { status, report } = await told(url, '--only', 'core');
    assert.equal(status, 1);
    assert(idsOf(report, 'failed').includes('core-read-only-in-create'));
    assert(idsOf(report, 'failed').includes('core-null'));
    assert.equal(report.cleanup.deleted, report.cleanup.made);
    await assertNothingLeft();
  });

  test('a resource whose answer is not about the visit is not taken for its own', async () => {
    const other = await server.request('POST', '/Users', { body: newUser() });
    const { url, seen } = await front(async ({ method, path, body }, forward) =>
      method === 'POST' && path === '/Users' && body.includes('-okta@') ? json(201, other.json) : forward(),
    );
    const { status } = await told(url, '--only', 'okta');
    assert.equal(status, 1);
    const changes = seen.filter((each) => !/^(GET|POST) /.test(each) && each.includes(other.json.id));
    assert.deepEqual(changes, []);
    assert.deepEqual((await server.request('GET', `/Users/${other.json.id}`)).json, other.json);
    await server.request('DELETE', `/Users/${other.json.id}`);
    await assertNothingLeft();
  });

  test('what cannot be deleted is told, with its address, and is a failure', async () => {
    const { url } = await front(async ({ method, path }, forward) =>
      method === 'DELETE' && path.startsWith('/Users/') ? scimError(405, 'No DELETE here') : forward(),
    );
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'okta');
    assert.equal(status, 1);
    const [, addresses = ''] = stdout.split('Not deleted, please do it by hand:\n');
    const left = addresses.trim().split('\n');
    assert.equal(left.length, 5);
    for (const line of left)
      assert.match(
        line,
        /^ *http:\S+\/Users\/\S+ \(scimd-doctor-\S+@example\.com\): DELETE gave 405 No DELETE here$/,
      );
    for (const line of left) {
      const id = /\/Users\/(\S+)/.exec(line)?.[1];
      assert.equal((await server.request('DELETE', `/Users/${id}`)).status, 204);
    }
    await assertNothingLeft();
  });

  test('Ctrl-C deletes what was made, reports, and is a failure', async () => {
    let reached = (): void => undefined;
    const posted = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const { url } = await front(async ({ method, body }, forward) => {
      // The request that is running when the signal comes.
      if (method !== 'POST' || !body.includes('-okta-one@')) return forward();
      reached();
      await until('the signal', () => stopping.test(visit.output.stderr));
      return forward();
    });
    const stopping = /stopping; what was made is being deleted/;
    const visit = running(['doctor', url, '--token', server.token, '--only', 'okta', '--json'], { folder });
    await posted;
    visit.signal('SIGINT');
    const { status, stdout, stderr } = await visit.end;
    assert.equal(status, 1, stderr);
    assert.match(stderr, stopping);
    const report = JSON.parse(stdout) as Told;
    assert.equal(report.interrupted, true);
    assert.equal(report.cleanup.made, 2);
    assert.equal(report.cleanup.deleted, 2);
    assert(!report.checks.some(({ id }) => id === 'okta-import-pages'));
    await assertNothingLeft();
  });
});

test('a second Ctrl-C ends the cleaning up, and what is left is told', async () => {
  let reached = (): void => undefined;
  const deleting = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const { url } = await front(async ({ method }, forward) => {
    if (method !== 'DELETE') return forward();
    reached();
    return undefined;
  });
  const visit = running(['doctor', url, '--token', server.token, '--only', 'okta', '--json'], { folder });
  await deleting;
  visit.signal('SIGINT');
  visit.signal('SIGTERM');
  const { status, stdout, stderr } = await visit.end;
  assert.equal(status, 1, stderr);
  const { cleanup } = JSON.parse(stdout) as Told;
  assert.equal(cleanup.deleted, 0);
  assert.equal(cleanup.left.length, cleanup.made);
  for (const { url: left } of cleanup.left)
    assert.equal((await server.request('DELETE', left.slice(url.length))).status, 204);
  await assertNothingLeft();
});

describe('no answers', () => {
  test('a server that hangs', async () => {
    const { url } = await front(async () => undefined);
    const { status, stderr } = await doctor(url, '--token', server.token, '--timeout', '1');
    assert.equal(status, 1);
    assert.match(stderr, /GET http:\S+\/ServiceProviderConfig: no answer within 1 s \(RFC 7644 §4\)/);
    assert.match(stderr, /A slow server needs more: --timeout SECONDS/);
  });

  test('one request that hangs fails its check, with its section, and the rest goes on', async () => {
    const { url } = await front(async ({ method, body }, forward) =>
      method === 'PATCH' && body.includes('"active"') ? undefined : forward(),
    );
    // Longer than the requests that are answered wait for a processor.
    const { status, stdout } = await doctor(url, '--token', server.token, '--only', 'okta', '--timeout', '5');
    assert.equal(status, 1);
    assert.match(stdout, /FAIL {2}Deactivation by PATCH without a path.* RFC 7644 §3\.5\.2\.3\n/);
    assert.match(stdout, /found {6}no answer within 5 s\n/);
    assert.match(stdout, /: \d+ passed, 1 failed/);
    await assertNothingLeft();
  });

  test('a server that stops answering is left alone after three requests, and what is left there is told', async () => {
    let gone = false;
    const { url, seen } = await front(async ({ method, path }, forward) => {
      gone ||= method === 'PUT' && path.startsWith('/Users/');
      return gone ? undefined : forward();
    });
    const { status, report } = await told(url, '--only', 'okta', '--timeout', '5');
    assert.equal(status, 1);
    assert(report.checks.some(({ reason }) => reason === 'the server stopped answering'));
    assert.equal(report.cleanup.left.length, 1);
    const [left] = report.cleanup.left;
    assert.equal(left?.name, `${report.mark}-okta@example.com`);
    assert(seen.length < 30, `${seen.length} requests`);
    const id = left?.url.split('/').at(-1);
    assert.equal((await server.request('DELETE', `/Users/${id}`)).status, 204);
    await assertNothingLeft();
  });

  test('nothing listens, no such host, no TLS, no URL', async () => {
    const { url } = await front(async () => json(200, {}));
    const cases: readonly (readonly [string, RegExp, RegExp, status?: number])[] = [
      ['http://127.0.0.1:9', /nothing listens at 127\.0\.0\.1:9|no HTTP answer/, /./],
      ['http://doctor.invalid/scim/v2', /there is no host doctor\.invalid/, /Check the name/],
      [url.replace('http:', 'https:'), /does not speak TLS/, /Is it http:\/\/ instead/],
      ['ftp://id.example.com', /must be the base of a SCIM server/, /For example: scimd doctor https:/, 2],
      ['https://me:s3cret@id.example.com/', /must not contain a password/, /--token TOKEN/, 2],
      ['https://id.example.com/scim?key=s3cret', /without "\?" and "#"/, /aadOptscim062020/, 2],
    ];
    for (const [base, message, advice, wanted = 1] of cases) {
      const { status, stdout, stderr } = await doctor(base, '--token', 'unused-token');
      const [first = '', second = ''] = stderr.split('\n');
      assert.deepEqual([status, stdout], [wanted, ''], base);
      assert.match(first, message);
      assert.match(second, advice);
      assert(!stderr.includes('s3cret'));
    }
  });
});

describe('answers that are no SCIM', () => {
  const cases: readonly (readonly [name: string, answer: Passed, message: RegExp, advice: RegExp])[] = [
    [
      'a web page',
      {
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: '<!doctype html><title>Welcome</title>',
      },
      /gives a web page \(200 OK\), not SCIM's JSON \(RFC 7644 §3\.8\)/,
      /often ends with \/scim\/v2/,
    ],
    [
      'JSON of something else',
      { status: 200, headers: { 'content-type': 'application/json' }, body: '{"hello":"world"}' },
      /but no SCIM message \(RFC 7644 §3\.8, §4\)/,
      /often ends with \/scim\/v2/,
    ],
    [
      'a wrong path',
      scimError(404, 'No such path'),
      /there is no SCIM server at .* \(RFC 7644 §4\)/,
      /the path/,
    ],
    [
      '401',
      scimError(401, 'Who are you?'),
      /does not take the token: 401 \(RFC 7644 §2\)/,
      /neither expired nor revoked/,
    ],
    ['403', { status: 403, headers: {}, body: '' }, /may not read here: 403/, /right to read and write/],
    ['500', { status: 502, headers: {}, body: 'bad' }, /fails: 502 Bad Gateway \(RFC 7644 §4\)/, /The log/],
  ];
  for (const [name, answer, message, advice] of cases)
    test(name, async () => {
      const { url, seen } = await front(async () => answer);
      const { status, stdout, stderr } = await doctor(url, '--token', server.token);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      const [first = '', second = ''] = stderr.split('\n');
      assert.match(first, message);
      assert.match(second, advice);
      assert(!stderr.includes(server.token));
      assert(seen.length <= 3);
    });

  test('a redirect is told and not followed: the token is for the given URL only', async () => {
    const elsewhere = await front(async () => json(200, {}));
    const { url } = await front(async () => ({
      status: 302,
      headers: { location: `${elsewhere.url}/login` },
      body: '',
    }));
    const { status, stderr } = await doctor(url, '--token', server.token);
    assert.equal(status, 1);
    assert(stderr.includes(`redirects: 302 Found to ${elsewhere.url}/login (RFC 7644 §3.12)`), stderr);
    assert.deepEqual(elsewhere.seen, []);
  });

  test('without a token, where one is needed, and as JSON', async () => {
    const { status, stdout, stderr } = await doctor(server.base, '--json');
    assert.deepEqual([status, stdout], [1, '']);
    assert.deepEqual(JSON.parse(stderr), {
      error: {
        message: 'the server wants a token: 401 (RFC 7644 §2)',
        advice: 'Give one: --token TOKEN, or --token-file FILE',
      },
    });
  });

  test('a token that no header can hold, two tokens, a wrong time are wrong usage', async () => {
    for (const [args, message] of [
      [['--token', 'two words'], /characters that are not allowed in a header/],
      [['--token', 'a', '--token-file', 'b'], /--token or --token-file, not both/],
      [['--timeout', 'soon'], /--timeout must be a number of seconds/],
      [['--only', 'octa'], /did you mean "okta"/],
    ] as const) {
      const { status, stderr } = await doctor(server.base, ...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert(!stderr.includes('two words'));
    }
  });
});
