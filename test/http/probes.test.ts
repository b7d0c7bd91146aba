import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMetrics } from '../../src/ops/metrics.ts';
import { newUser, patchOp, startScimd, type TestServer } from '../server.ts';

let scimd: TestServer;
let ready = true;
const metrics = createMetrics();
const at = (path: string) => new URL(path, scimd.base).href;

before(async () => {
  scimd = await startScimd({
    isReady: () => ready,
    observe: metrics.observe,
    onWrongToken: metrics.wrongToken,
    metrics: metrics.text,
  });
});
after(() => scimd.close());

test('GET /healthz says ok to anybody', async () => {
  const answer = await scimd.request('GET', at('/healthz'), { token: null });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'ok\n');
});

test('GET /readyz is 200 when the database answers, and 503 from the moment the server stops', async () => {
  assert.equal((await scimd.request('GET', at('/readyz'), { token: null })).status, 200);
  ready = false;
  const answer = await scimd.request('GET', at('/readyz'), { token: null });
  ready = true;
  assert.equal(answer.status, 503);
  assert.equal(answer.text, 'stopping\n');
});

test('a probe takes GET and HEAD only', async () => {
  const answer = await scimd.request('POST', at('/healthz'), { token: null, body: {} });
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get('allow'), 'GET, HEAD');
});

test('whoever may not read the metrics is in the log, as is what is not implemented, without a stack', async () => {
  const lines: { readonly level: string; readonly fields: object; readonly message?: string }[] = [];
  const line = (level: string) => (fields: object, message?: string) =>
    void lines.push({ level, fields, ...(message === undefined ? {} : { message }) });
  const own = await startScimd({
    metrics: async () => '',
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  });
  try {
    await own.request('GET', new URL('/metrics', own.base).href);
    const subject = (await own.request('POST', '/Users', { body: newUser() })).json.id;
    const token = await own.newToken({ subject });
    assert.equal((await own.request('POST', '/Me', { token, body: newUser() })).status, 501);
  } finally {
    await own.close();
  }
  const logged = lines.map(({ level, fields }) => ({
    level,
    ...(fields as { path?: string; status?: number }),
  }));
  assert.deepEqual(
    logged.map(({ level, path, status }) => [level, path, status]),
    [
      ['info', '/metrics', 403],
      ['info', '/scim/v2/Users', 201],
      ['info', '/scim/v2/Me', 501],
    ],
  );
});

test('GET /metrics is read with the scope admin too', async () => {
  assert.equal((await scimd.request('GET', at('/metrics'), { token: null })).status, 401);
  const refused = await scimd.request('GET', at('/metrics'));
  assert.equal(refused.status, 403);
  assert.match(refused.headers.get('www-authenticate') ?? '', /insufficient_scope/);
});

test('GET /metrics counts requests by method, route and status, and each tolerance used; no id is a label', async () => {
  const user = await scimd.request('POST', '/Users', { body: newUser() });
  const { id } = user.json;
  await scimd.request('GET', `/Users/${id}`);
  await scimd.request('PATCH', `/Users/${id}`, {
    body: patchOp({ op: 'Replace', path: 'active', value: 'False' }),
  });
  await scimd.request('GET', '/Nowhere/at/all');
  const { status, text, headers } = await scimd.request('GET', at('/metrics'), {
    token: await scimd.newToken({ scope: 'admin' }),
  });
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^text\/plain/);
  assert.match(text, /^scimd_http_requests_total\{method="POST",route="\/Users",status="201"\} 1$/m);
  assert.match(text, /^scimd_http_requests_total\{method="GET",route="\/Users\/:id",status="200"\} 1$/m);
  assert.match(text, /^scimd_http_requests_total\{method="GET",route="unknown",status="404"\} 1$/m);
  assert.match(text, /^scimd_tolerances_total\{tolerance="booleanText"\} 1$/m);
  assert.match(text, /^scimd_tolerances_total\{tolerance="operationCase"\} 1$/m);
  assert.match(text, /^scimd_http_request_duration_seconds_count\{method="POST",route="\/Users"\} 1$/m);
  assert.equal(text.includes(id), false);
});

test('GET /metrics counts wrong tokens, and no request without any', async () => {
  const counted = async () => {
    const token = await scimd.newToken({ scope: 'admin' });
    const { text } = await scimd.request('GET', at('/metrics'), { token });
    return Number(/^scimd_authentication_failures_total (\d+)$/m.exec(text)?.[1]);
  };
  const before = await counted();
  assert.equal((await scimd.request('GET', '/Users', { token: 'wrong' })).status, 401);
  assert.equal((await scimd.request('GET', at('/metrics'), { token: 'wrong' })).status, 401);
  assert.equal((await scimd.request('GET', '/Users', { token: null })).status, 401);
  assert.equal(await counted(), before + 2);
});

test('GET /metrics needs a token with the scope metrics, which may read nothing else', async () => {
  const own = await startScimd({ metrics: async () => '' });
  const metricsAt = new URL('/metrics', own.base).href;
  const token = await own.newToken({ scope: 'metrics' });
  assert.equal((await own.request('GET', metricsAt, { token })).status, 200);
  for (const [method, path] of [
    ['GET', '/Users'],
    ['GET', '/Schemas'],
    ['POST', '/Users/.search'],
    ['POST', '/Users'],
    ['POST', '/Bulk'],
  ] as const) {
    const answer = await own.request(method, path, { token, ...(method === 'POST' ? { body: {} } : {}) });
    assert.equal(answer.status, 403, `${method} ${path}`);
    assert.match(answer.headers.get('www-authenticate') ?? '', /insufficient_scope/);
  }
  assert.equal(
    (await own.request('GET', metricsAt, { token: await own.newToken({ scope: 'read' }) })).status,
    403,
  );
  await own.close();
});
