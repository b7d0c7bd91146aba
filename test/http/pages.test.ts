/** What people see: the front page, and the documentation at /docs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { documentation } from '../../src/docs/documentation.ts';
import { anybody, mount, mountTable } from '../../src/http/mounts.ts';
import { startScimd, type TestServer } from '../server.ts';

let scimd: TestServer;
const observed: string[] = [];
before(async () => {
  scimd = await startScimd({
    docs: documentation,
    baseUrl: 'https://id.example.com/scim/v2',
    observe: ({ route }) => observed.push(route),
  });
});
after(() => scimd.close());

const html = 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8';
const page = (path: string, headers: Readonly<Record<string, string>> = {}, server = scimd, method = 'GET') =>
  server.request(method, new URL(path, server.base).href, {
    token: null,
    headers: { accept: html, ...headers },
  });

test('GET / says what this is and where SCIM is: JSON, or a page for browsers', async () => {
  const json = await page('/', { accept: 'application/json' });
  assert.equal(json.status, 200);
  assert.match(json.headers.get('content-type') ?? '', /^application\/json/);
  assert.equal(json.json.scim, 'https://id.example.com/scim/v2');
  assert.equal(json.json.documentation, '/docs');
  const shown = await page('/');
  assert.match(shown.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(shown.headers.get('vary') ?? '', /Accept/);
  assert.ok(shown.text.includes('https://id.example.com/scim/v2'));
  assert.match((await page('/', { accept: 'text/html;q=0, */*' })).headers.get('content-type') ?? '', /json/);
});

test('GET / tells nobody of tenants, tokens or the version', async () => {
  await scimd.newToken({ tenant: 'secret-customer' });
  for (const accept of [html, 'application/json']) {
    const { text } = await page('/', { accept });
    assert.doesNotMatch(
      text,
      new RegExp(`secret-customer|scimd_|tenant|${manifest.version.replaceAll('.', '\\.')}`, 'i'),
    );
  }
});

test('a Host that is no host is not written into the page', async () => {
  const plain = await startScimd({ docs: documentation });
  const { text } = await page('/', { 'x-forwarded-host': '"><script>alert(1)</script>' }, plain);
  await plain.close();
  assert.doesNotMatch(text, /<script|alert/);
});

test('every page of the documentation is at /docs, as HTML without scripts, and its Markdown beside it', async () => {
  const contents = await page('/docs');
  for (const { name, title } of documentation.topics) {
    assert.ok(contents.text.includes(`href="docs/${name}"`), name);
    const shown = await page(`/docs/${name}`);
    assert.equal(shown.status, 200);
    assert.ok(shown.text.includes(`<h1>${title.replaceAll('&', '&amp;')}</h1>`), title);
    assert.doesNotMatch(shown.text, /<script|javascript:| on\w+=|<!--/i);
    const markdown = await page(`/docs/${name}.md`);
    assert.match(markdown.headers.get('content-type') ?? '', /^text\/markdown/);
    assert.equal(markdown.text, documentation.markdown(name));
  }
});

test('every link from a page to another, and to a heading, leads somewhere', async () => {
  const ids = new Map<string, ReadonlySet<string>>();
  const links = new Set<string>();
  for (const path of [
    '/',
    '/docs',
    '/docs/',
    '/docs/nothing/here',
    ...documentation.topics.map(({ name }) => `/docs/${name}`),
  ]) {
    const { text } = await page(path);
    ids.set(path, new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)));
    for (const [, href = ''] of text.matchAll(/<a [^>]*href="([^"]+)"/g))
      links.add(new URL(href, new URL(path, 'http://scimd')).href);
  }
  const own = [...links].filter((link) => link.startsWith('http://scimd/'));
  assert.ok(own.length > 100);
  for (const link of own) {
    const { pathname, hash } = new URL(link);
    assert.ok(ids.has(pathname), link);
    if (hash !== '') assert.ok(ids.get(pathname)?.has(hash.slice(1)), link);
  }
});

test('a page may do nothing: no script, no frame, no other host', async () => {
  for (const path of ['/', '/docs', '/docs/okta', '/docs/none']) {
    const { headers } = await page(path);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; /);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.ok(headers.get('x-request-id'));
  }
});

test('a page that a browser has is 304 (RFC 9110 §13.1.2), HEAD has no body, other methods are 405', async () => {
  const first = await page('/docs/okta');
  const tag = first.headers.get('etag') ?? '';
  const again = await page('/docs/okta', { 'if-none-match': tag });
  assert.equal(again.status, 304);
  assert.equal(again.text, '');
  const head = await page('/docs/okta', {}, scimd, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  const posted = await page('/docs/okta', {}, scimd, 'POST');
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get('allow'), 'GET, HEAD');
});

test('a page that is none is 404, as a page; a path of no mount is a SCIM error', async () => {
  const missing = await page('/docs/<b>');
  assert.equal(missing.status, 404);
  assert.match(missing.headers.get('content-type') ?? '', /^text\/html/);
  assert.doesNotMatch(missing.text, /<b>/);
  for (const path of ['/docsx', '/index.html', '/docs.html']) {
    const answer = await page(path);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.json.schemas[0], 'urn:ietf:params:scim:api:messages:2.0:Error');
  }
});

test('metrics count pages as /docs and /, whatever the path', async () => {
  observed.length = 0;
  await page('/docs/okta');
  await page('/docs/x/y/z');
  await page('/');
  assert.deepEqual(observed, ['/docs', '/docs', '/']);
});

test('without documentation there is no /docs, and the front page does not speak of it', async () => {
  // With an option it is made of the sources, also where the others are the binary.
  const bare = await startScimd({ basePath: '/scim/v2' });
  const front = await page('/', {}, bare);
  const docs = await page('/docs', {}, bare);
  const json = await page('/', { accept: '*/*' }, bare);
  await bare.close();
  assert.equal(front.status, 200);
  assert.doesNotMatch(front.text, /docs/);
  assert.equal(json.json.documentation, undefined);
  assert.equal(docs.status, 404);
});

test('SCIM at the root of the server keeps it: GET / is the query of all types there (RFC 7644 §3.4.2.1)', async () => {
  const atRoot = await startScimd({ basePath: '', docs: documentation });
  assert.equal((await page('/', {}, atRoot)).status, 401);
  const listed = await atRoot.request('GET', '/');
  assert.equal(listed.status, 200);
  assert.equal(listed.json.totalResults, 0);
  assert.equal((await page('/docs/okta', {}, atRoot)).status, 200);
  assert.equal((await page('/healthz', {}, atRoot)).text, 'ok\n');
  await atRoot.close();
});

test('a mount authenticates in its own way: a principal need not belong to a tenant', async () => {
  const shared = { headers: ['Cache-Control', 'no-store'], recorded: true };
  const admin = mount<{ readonly operator: string }>({
    ...shared,
    path: '/admin',
    below: true,
    authenticate({ request }) {
      const operator = request.header('x-operator') ?? '';
      return { operator };
    },
    answer: (_, { operator }) => ({ status: 200, headers: [], body: operator }),
  });
  const events = mount({
    ...shared,
    path: '/admin/events',
    authenticate: anybody,
    answer: () => ({ status: 204, headers: [] }),
  });
  const mountOf = mountTable([admin, events]);
  const visit = {
    request: {
      ...{ method: 'GET', path: '/admin/now', search: '', remoteAddress: undefined, secure: true },
      header: (name: string) => (name === 'x-operator' ? 'jane' : undefined),
      body: () => Promise.resolve(new Uint8Array()),
      signal: new AbortController().signal,
    },
    ...{
      clock: () => new Date(),
      requestId: undefined,
      route: 'unknown',
      identity: undefined,
      tolerated: undefined,
    },
  };
  assert.equal((await mountOf('/admin/now')?.handle(visit))?.body, 'jane');
  assert.equal((await mountOf('/admin/events')?.handle(visit))?.status, 204);
  assert.equal(mountOf('/administration'), undefined);
  assert.equal(mountOf('/admin/events/x'), admin);
});
