import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../src/ops/log.ts';
import { readableLine } from '../../src/ops/log-line.ts';
import { processorTime } from '../processor-time.ts';

const secret = `scimd_${'a1_-'.repeat(10)}xyz`;

function lines(write: (log: ReturnType<typeof createLog>) => void, settings: object = {}): string[] {
  const out: string[] = [];
  const log = createLog(
    { logLevel: 'info', logFormat: 'auto', logPersonalData: false, ...settings },
    { isTTY: false, color: false, write: (text) => out.push(text) },
  );
  write(log);
  return out;
}

const fields = (line = ''): Record<string, unknown> => {
  const { time, level, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal(typeof level, 'string');
  return rest;
};

describe('off a terminal', () => {
  test('a line is JSON with level and time', () => {
    const [line] = lines((log) => log.info({ status: 200 }, 'answered'));
    assert.deepEqual(fields(line), { status: 200, msg: 'answered' });
  });
  test('lines below the level are left out', () => {
    assert.equal(lines((log) => log.info({}, 'x'), { logLevel: 'warn' }).length, 0);
    assert.equal(lines((log) => log.info({}, 'x')).length, 1);
    assert.equal(lines((log) => log.error({}, 'x'), { logLevel: 'silent' }).length, 0);
  });
  test('an error keeps its type, code, stack and causes', () => {
    const cause = new Error('disk');
    const error = Object.assign(new TypeError('broken', { cause }), { code: 'EIO' });
    const { err } = fields(lines((log) => log.error({ err: error }, 'failed'))[0]) as {
      err: Record<string, string>;
    };
    assert.equal(err.type, 'TypeError');
    assert.equal(err.code, 'EIO');
    assert.match(err.stack ?? '', /TypeError: broken[\s\S]*caused by: Error: disk/);
  });
});

describe('secrets never reach the log', () => {
  for (const settings of [{}, { logPersonalData: true }]) {
    const mode = 'logPersonalData' in settings ? 'with personal data' : 'by default';
    test(`${mode}: under their keys, at any depth`, () => {
      const headers = { Authorization: `Bearer ${secret}`, accept: 'x' };
      const [line] = lines((log) => log.info({ request: { headers }, password: 'p', token: 't' }), settings);
      assert.deepEqual(fields(line), {
        request: { headers: { Authorization: '[hidden]', accept: 'x' } },
        password: '[hidden]',
        token: '[hidden]',
      });
    });
    test(`${mode}: inside texts, messages and errors`, () => {
      const out = lines((log) => {
        log.info({ note: `got ${secret}!` }, `Bearer abc.def and ${secret}`);
        log.error({ err: new Error(`bad ${secret}`) }, 'failed');
        log.error(new Error(`alone ${secret}`));
        log.info(
          { note: 'an eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl' },
          `scimd_at_${'b2'.repeat(46)}`,
        );
      }, settings).join('');
      assert.doesNotMatch(out, /a1_-a1|abc\.def|eyJ|c2lnb|b2b2/);
      assert.match(out, /alone \[hidden\]/);
    });
  }
});

describe('percent-encoding hides nothing from the log', () => {
  const line = (path: string, settings = {}) =>
    String(fields(lines((log) => log.info({ path }, 'request'), settings)[0]).path);
  const twice = (text: string) => encodeURIComponent(encodeURIComponent(text));

  for (const path of [
    '/scim/v2/Users/bob%40example.com',
    '/scim/v2/Users/bob%2540example%252Ecom',
    `/scim/v2/Users/${twice('bob@example.com')}`,
    '/Users?%66ilter=userName%20eq%20%22bob%40example.com%22',
    '/Users?count=1&FILTER=userName+eq+%22bob%40example%2ecom%22',
  ])
    test(`personal data: ${path}`, () => {
      assert.doesNotMatch(line(path), /bob|example/i);
      assert.equal(line(path, { logPersonalData: true }), path);
    });

  for (const path of [
    `/Users/${secret.replaceAll('_', '%5F')}`,
    `/Users?access%5Ftoken=${'q'.repeat(30)}`,
    `/Users/Bearer%20${'q'.repeat(30)}`,
    `/Users/eyJhbGciOiJub25lIn0%2EeyJzdWIiOiJib2IifQ%2E${'q'.repeat(30)}`,
  ])
    test(`secrets: ${path}`, () => {
      for (const settings of [{}, { logPersonalData: true }])
        assert.doesNotMatch(line(path, settings), /q{30}|a1_?-a1|a1%5F-a1|eyJzdWI/);
    });

  test('what hides nothing stays as it was sent', () => {
    for (const path of ['/Users/a%20b', '/Users/100%', '/Users/%zz%41', '/Groups?count=%31'])
      assert.equal(line(path), path);
  });
});

test('long texts that look like the beginning of a secret or an address are read in no time', () => {
  for (const part of ['x', 'x@', 'x.', '-eyJ', 'eyJ.', 'scimd_', 'Bearer ', '?filter='])
    for (const end of ['', '@', '.']) {
      const started = processorTime(process.pid, 'main thread');
      lines((log) => log.info({ path: part.repeat(64_000 / part.length) + end }, 'answered'));
      assert(processorTime(process.pid, 'main thread') - started < 500, `${part}…${end}`);
    }
});

describe('personal data', () => {
  const write = (log: ReturnType<typeof createLog>) =>
    log.info(
      {
        url: '/Users?filter=userName%20eq%20%22bj%22&count=3',
        userName: 'bj',
        emails: [{ value: 'bj@example.com' }],
      },
      'userName bj@example.com is taken',
    );
  test('is hidden by default', () => {
    assert.deepEqual(fields(lines(write)[0]), {
      url: '/Users?filter=[hidden]&count=3',
      userName: '[hidden]',
      emails: '[hidden]',
      msg: 'userName [hidden] is taken',
    });
  });
  test('is shown if asked for', () => {
    assert.match(lines(write, { logPersonalData: true })[0] ?? '', /bj@example\.com is taken/);
  });
});

describe('on a terminal', () => {
  const time = '2026-01-02T03:04:05.678Z';
  test('a line is readable', () => {
    const line = JSON.stringify({
      level: 'warn',
      time,
      path: '/Users',
      text: 'two words',
      status: 404,
      msg: 'answered',
    });
    assert.equal(
      readableLine(line, false),
      '03:04:05.678 warn  answered  path=/Users  text="two words"  status=404\n',
    );
  });
  test('a stack stands below its line', () => {
    const line = JSON.stringify({
      level: 'error',
      time,
      err: { type: 'Error', stack: 'Error: x\n    at y' },
      msg: 'failed',
    });
    assert.equal(readableLine(line, false), '03:04:05.678 error failed\n    Error: x\n        at y\n');
  });
  test('colors are there only if wanted', () => {
    const line = JSON.stringify({ level: 'info', time, msg: 'x' });
    assert.match(readableLine(line, true), /\u001b\[32minfo/);
    assert.doesNotMatch(readableLine(line, false), /\u001b/);
  });
  test('control characters in values do not reach the terminal', () => {
    const line = JSON.stringify({ level: 'info', time, path: '\u001b[2J', msg: 'a\u001b[2Jb' });
    assert.doesNotMatch(readableLine(line, false), /\u001b/);
  });
  test('pretty asks for it everywhere', () => {
    assert.match(
      lines((log) => log.info({}, 'x'), { logFormat: 'pretty' })[0] ?? '',
      /^\d\d:\d\d.*info {2}x\n$/,
    );
  });
});
