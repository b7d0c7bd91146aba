/** OpenAPI 3.1: linted, and what it says of the admin API is what the server answers. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { eventTypes } from '../../src/events/catalogue.ts';
import { newUser } from '../server.ts';
import { type AdminServer, startAdmin } from './admin-server.ts';

let server: AdminServer;
before(async () => {
  server = await startAdmin();
  await server.request('POST', '/Users', { body: newUser() });
});
after(() => server.close());

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses?: Readonly<Record<string, unknown>> }>>>
  >;
}

test('the document is OpenAPI 3.1 without a problem, by the recommended rules of a linter', async () => {
  const answer = await server.request('GET', `${server.origin}/openapi.json`, { token: null });
  assert.equal(answer.status, 200);
  const document = answer.json as Document;
  assert.equal(document.openapi, '3.1.0');
  const config = await createConfig({
    extends: ['recommended'],
    // That of a server on the reader's own machine.
    rules: { 'no-server-example.com': 'off' },
  });
  const problems = await lintFromString({ source: answer.text, config, absoluteRef: 'openapi.json' });
  assert.deepEqual(
    problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ''}: ${message}`),
    [],
  );
  assert.ok(Object.keys(document.paths).length > 40);
});

test('generators of clients get a type for each event, and nothing that they do not know', async () => {
  const { text, json } = await server.request('GET', `${server.origin}/openapi.json`, { token: null });
  // oapi-codegen knows no list of types.
  assert.doesNotMatch(text, /"type":\[/);
  const { Event, ...schemas } = json.components.schemas;
  const { propertyName, mapping } = Event.discriminator;
  assert.equal(propertyName, 'type');
  assert.deepEqual(Object.keys(mapping), eventTypes);
  assert.deepEqual(
    Event.oneOf.map(({ $ref }: { $ref: string }) => $ref),
    Object.values(mapping),
  );
  for (const [type, reference] of Object.entries<string>(mapping)) {
    const { properties } = schemas[reference.replace('#/components/schemas/', '')];
    assert.deepEqual(properties.type, { type: 'string', const: type });
    // Defined in each event anew, openapi-python-client refuses all but the first.
    assert.deepEqual(properties.actor, { $ref: '#/components/schemas/EventActor' });
  }
  // openapi-generator looks for a class Null.
  assert.deepEqual(schemas.UserDeletedEvent.properties.data, { const: null });
  // In Go the answer to an operation is called after it.
  const operations = Object.values<Record<string, { operationId?: string }>>(json.paths)
    .flatMap((methods) => Object.values(methods))
    .map(({ operationId = '' }) => `${operationId}Response`.toLowerCase());
  assert.deepEqual(
    Object.keys(json.components.schemas).filter((name) => operations.includes(name.toLowerCase())),
    [],
  );
});

test('it has SCIM with the configured types, the feed, and each endpoint of the admin API', async () => {
  const { paths } = (await server.request('GET', `${server.origin}/openapi.json`)).json as Document;
  for (const path of [
    '/scim/v2/Users/{id}',
    '/scim/v2/Bulk',
    '/events',
    '/admin/api/exchanges/{id}',
    '/admin/api/tokens',
  ])
    assert.ok(path in paths, path);
});

test('a page behind a position that was not given out is refused with 400', async () => {
  await server.request('POST', '/Users', { body: newUser() });
  const headers = { cookie: await server.cookie('read') };
  const list = (query: string) =>
    server.request('GET', `${server.origin}/admin/api/resources/User?${query}`, { token: null, headers });
  const { after: next } = (await list('limit=1')).json;
  assert.equal((await list(`limit=1&after=${encodeURIComponent(next)}`)).json.resources.length, 1);
  for (const wrong of ['x', '{}', '[null,"1"]', '["a",1]', '[null,00]']) {
    const { status, json } = await list(`after=${encodeURIComponent(wrong)}`);
    assert.equal(status, 400, wrong);
    assert.match(json.detail, /after/);
  }
});

/** PyPI's schemathesis, where it is installed; `.ci/run` installs it. */
const schemathesis = [process.env.SCHEMATHESIS, 'schemathesis', 'st'].find((name) => {
  try {
    return name !== undefined && execFileSync(name, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return false;
  }
});

test('schemathesis finds no 5xx, and no answer outside its schema', {
  skip:
    schemathesis === undefined &&
    'there is no schemathesis here: pip install schemathesis, or name it in SCHEMATHESIS',
  timeout: 600_000,
}, async () => {
  const token = await server.newToken({ scope: 'admin' });
  const run = await new Promise<{ readonly failed: boolean; readonly said: string }>((resolve) => {
    execFile(
      schemathesis as string,
      [
        ...['run', `${server.origin}/openapi.json`, '--url', server.origin],
        ...['-H', `Authorization: Bearer ${token}`],
        ...[
          '--checks',
          'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
        ],
        ...[
          '--max-examples',
          process.env.SCHEMATHESIS_EXAMPLES ?? '15',
          '--phases',
          'examples,coverage,fuzzing',
          '--seed',
          '1',
        ],
        // These never end, end the session of the run, or have its writes answered with 503.
        ...[
          '--exclude-path',
          '/admin/api/exchanges/stream',
          '--exclude-path',
          '/admin/api/tokens/{id}/revoke',
          '--exclude-path',
          '/admin/api/tokens/{id}/pause',
        ],
        '--no-color',
      ],
      { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ failed: error !== null, said: stdout.slice(-8000) + stderr.slice(-2000) }),
    );
  });
  assert.ok(!run.failed, run.said);
});
