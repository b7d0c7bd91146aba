/** The page in a real browser: its three stories, its keys, its themes and widths, and what axe finds on each of its pages. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { built } from '../../src/admin/built.ts';
import { groupSchema, newUser, patchOp, userSchema } from '../server.ts';
import { until } from '../until.ts';
import { type AdminServer, noBrowser, openBrowser, startAdmin } from './admin-server.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test('style and script together are at most 45 kB in gzip', () => {
  const { css, js } = built();
  const size = gzipSync(css).length + gzipSync(js).length;
  assert.ok(size > 1000 && size <= 45_000, `${size} bytes`);
});

interface Finding {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
}

/** What is against WCAG 2.2 A and AA, and its best practices. */
async function findings(page: Page): Promise<string[]> {
  // The page's own policy lets nothing be injected: axe comes by the debugger.
  const client = await page.context().newCDPSession(page);
  await client.send('Runtime.evaluate', { expression: axe });
  const { result, exceptionDetails } = await client.send('Runtime.evaluate', {
    expression:
      'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(violations))',
    awaitPromise: true,
  });
  assert.equal(exceptionDetails, undefined);
  const violations = JSON.parse(result.value) as Finding[];
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
}

describe('in Chromium', { skip: noBrowser }, () => {
  let server: AdminServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const troubles: string[] = [];

  const open = async (
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<readonly [BrowserContext, Page]> => {
    const made = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const tab = await made.newPage();
    tab.on('console', (message) => {
      if (message.type() === 'error') troubles.push(`${tab.url()}: ${message.text()}`);
    });
    tab.on('pageerror', ({ message }) => troubles.push(`${tab.url()}: ${message}`));
    await tab.goto(await server.link());
    tab.setDefaultTimeout(15_000);
    await tab.click('button');
    await tab.waitForURL(`${server.origin}/admin`);
    return [made, tab];
  };

  before(async () => {
    server = await startAdmin({ idp: 'okta' });
    browser = await openBrowser();
    [context, page] = await open();
  });
  after(async () => {
    await context.close();
    await browser.close();
    await server.close();
  });

  const scim = (method: string, path: string, body?: unknown, token?: string | null) =>
    server.request(method, path, {
      ...(body === undefined ? {} : { body }),
      ...(token === undefined ? {} : { token }),
    });

  test('story 1: from the empty page to the first person confirmed by the application', async () => {
    await page.goto(`${server.origin}/admin/connections`);
    await page.click('text=Connect a provider');
    await page.click('.choices >> text=Okta');
    await page.click('text=Create the token');
    // Address and token in Okta's words, to copy; the steps in Okta's words below.
    await page.waitForSelector('text=The token is shown only now.');
    assert.equal(await page.inputValue('#base'), server.base.replace('127.0.0.1', 'localhost'));
    const token = await page.inputValue('#secret');
    assert.match(token, /^scimd_/);
    assert.match(
      (await page.textContent('.guide')) ?? '',
      /Test Connector Configuration|Test API Credentials|Provisioning/,
    );
    assert.match((await page.textContent('#wait')) ?? '', /Waiting for the first request/);
    // Test Connector Configuration: the look-up appears in words, within a second.
    const started = performance.now();
    await scim(
      'GET',
      `/Users?filter=${encodeURIComponent('userName eq "test@example.com"')}`,
      undefined,
      token,
    );
    await page.waitForSelector(
      '#first-list >> text=Okta looked up test@example.com by userName: nobody there has it.',
    );
    assert.ok(performance.now() - started < 5000);
    // Assign Jane: she appears by name.
    await scim(
      'POST',
      '/Users',
      { schemas: [userSchema], userName: 'jane@example.com', externalId: '00u1' },
      token,
    );
    await page.waitForSelector('#first-list >> text=Okta created jane@example.com.');
    // Your application: no consumer yet.
    await page.goto(page.url().includes('/tokens/') ? page.url() : `${server.origin}/admin`);
    const receiver = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.end('welcome'));
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    try {
      await page.goto(`${server.origin}/admin/connections/webhooks/add`);
      await page.fill('#url', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`);
      await page.check('input[name=allowPrivate]');
      await page.click('text=Add the webhook >> nth=-1');
      await page.waitForSelector('text=The secret is shown only now.');
      await page.click('text=Send test');
      await page.waitForSelector('text=Test → 200');
    } finally {
      receiver.close();
    }
    // A wrong token is no silence.
    const old = await server.newToken({ idp: 'okta', expires: new Date(Date.now() - 86_400_000) });
    await scim('GET', '/Users', undefined, old);
    await page.goto(`${server.origin}/admin/traffic`);
    assert.match((await page.textContent('#stream li')) ?? '', /A token that ended on .* was used\./);
  });

  test('story 2: why Okta shows an error, from the address to the rule', async () => {
    await scim('POST', '/Users', {
      schemas: [userSchema],
      userName: 'jane@example.com',
      externalId: '00u1',
      name: { familyName: 7 },
    });
    await scim('POST', '/Users', { schemas: [userSchema], userName: 'jane@example.com', externalId: '00u1' });
    await page.goto(`${server.origin}/admin`);
    await page.keyboard.press('/');
    await page.fill('#find', 'jane@example.com');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1 >> text=jane@example.com');
    await page.click('.actions >> text=Requests');
    await page.waitForURL(/traffic\?about=jane/);
    const lines = await page.locator('#stream .words').allTextContents();
    assert.ok(
      lines.some((line) => /the name is taken by a person created on/.test(line)),
      lines.join('\n'),
    );
    await page.click('#stream li.refused >> nth=0');
    await page.waitForSelector('h1 >> text=refused');
    assert.match((await page.textContent('.json .fault')) ?? '', /"userName": "jane@example.com"/);
    assert.match((await page.textContent('.bad-box')) ?? '', /RFC 7643 §2\.2/);
    await page.click('text=Replay as strict');
    await page.waitForSelector('text=As strict: accepted.');
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('text=Copy as curl');
    await page.waitForSelector('text=Copied');
    const copied = await page.evaluate('navigator.clipboard.readText()');
    assert.match(String(copied), /^curl -X POST 'http:\/\/localhost:\d+\/scim\/v2\/Users'/);
    assert.match(String(copied), /Bearer \$TOKEN/);
  });

  test('a request id that is pasted leads to its request', async () => {
    await server.request('GET', '/Users/nobody', { headers: { 'x-request-id': '7f1c2f0e-one-of-oktas' } });
    await page.goto(`${server.origin}/admin`);
    await page.fill('#find', '7f1c2f0e-one-of-oktas');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dd >> text=7f1c2f0e-one-of-oktas');
    assert.match((await page.textContent('h1')) ?? '', /there is none with this id/);
  });

  test('story 3: that Jane left, when, by whom, and who heard of it', async () => {
    const { json } = await scim(
      'GET',
      `/Users?filter=${encodeURIComponent('userName eq "jane@example.com"')}`,
    );
    const { id } = json.Resources[0];
    await scim('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: false } }));
    await page.goto(`${server.origin}/admin/access/proof/${id}`);
    const text = (await page.textContent('main')) ?? '';
    assert.match(text, /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC.*deactivated/s);
    assert.match(text, /127\.0\.0\.1.*(?:not confirmed|\+\d+ m?s)/s);
    assert.match(text, /As of change \d+/);
    await page.goto(`${server.origin}/admin/access`);
    assert.match((await page.textContent('table')) ?? '', /jane@example\.com.*deactivated/s);
    const csv = await page.evaluate(
      'fetch("/admin/access/files/leavers.csv").then((answer) => answer.text())',
    );
    assert.match(String(csv), /^# scimd evidence 1\n# query: scimd leavers --since /);
    assert.match(String(csv), /jane@example\.com,deactivated,/);
    // Back again, from the page: recorded with the administrator as actor.
    await page.goto(`${server.origin}/admin/directory/User/${id}`);
    await page.click('text=Reactivate');
    await page.waitForSelector('text=Reactivated. Applications are told now.');
    const changes = await server.store.changes({ tenant: 1, id, limit: 100 });
    assert.deepEqual([changes.at(-1)?.actor.kind, changes.at(-1)?.actor.name], ['admin', 'tester']);
  });

  test('requests stream in; the stream can be paused and goes on with what came', async () => {
    await page.goto(`${server.origin}/admin/traffic`);
    await page.waitForTimeout(300);
    await scim('POST', '/Users', newUser({ userName: 'streamed@example.com' }));
    await page.waitForSelector('text=Okta created streamed@example.com.');
    await page.keyboard.press('p');
    await scim('POST', '/Users', newUser({ userName: 'later@example.com' }));
    await page.waitForSelector('text=Go on (1 new)');
    assert.equal(await page.locator('text=Okta created later@example.com.').count(), 0);
    await page.keyboard.press('p');
    await page.waitForSelector('text=Okta created later@example.com.');
  });

  test('the filter box completes attributes, points to what is wrong, and finds as one types', async () => {
    await page.goto(`${server.origin}/admin/directory`);
    await page.click('#q');
    await page.keyboard.type('userna');
    await page.waitForSelector('.suggest li >> text=userName');
    await page.fill('#q', '');
    await page.keyboard.type('name.');
    await page.waitForSelector('.suggest li >> nth=2');
    const marked = () => page.getAttribute('.suggest [aria-selected=true]', 'id');
    await page.keyboard.press('ArrowUp');
    const [last, before] = [await marked(), await page.keyboard.press('ArrowUp').then(marked)];
    assert.equal(Number(before?.split('-').at(-1)), Number(last?.split('-').at(-1)) - 1);
    await page.fill('#q', '');
    await page.keyboard.type('userna');
    await page.waitForSelector('.suggest li >> text=userName');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.type('eqq "x"');
    await page.waitForSelector('#problem >> text=Unknown operator');
    assert.match((await page.textContent('#caret')) ?? '', /^ {9}\^\^\^$/);
    await page.fill('#q', 'streamed');
    await page.waitForSelector('#total >> text=1 found');
    assert.equal(await page.locator('#results tbody tr').count(), 1);
    await page.fill('#q', 'nobody is called so');
    await page.waitForSelector('#results >> text=Nobody is found by this.');
  });

  test('by keyboard alone: skip link, places, search, list of keys, lines', async () => {
    await page.goto(`${server.origin}/admin`);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content');
    await page.keyboard.press('?');
    assert.ok(await page.locator('#keys').isVisible());
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.waitForURL(/\/admin\/traffic/);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/admin\/traffic\/\d+/);
    // Arrows go along a list without asking; Enter asks, and the button is there too.
    await page.goto(`${server.origin}/admin/traffic`);
    await page.focus('#status');
    for (const _ of [1, 2, 3]) await page.keyboard.press('ArrowDown');
    assert.equal(await page.inputValue('#status'), '4xx');
    assert.equal(page.url(), `${server.origin}/admin/traffic`);
    assert.ok(await page.locator('main form button').isVisible());
    await page.keyboard.press('Enter');
    await page.waitForURL(/status=4xx/);
    await page.selectOption('#method', 'GET');
    await page.waitForURL(/method=GET/);
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.waitForURL(/\/admin\/directory/);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'q');
    const small =
      await page.evaluate(`[...document.querySelectorAll('a[href], button, input, select, summary')]
      .filter((each) => each.offsetParent !== null && !each.closest('p, small, dd, td, .skip'))
      .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect().height])
      .filter(([, height]) => height < 23.5)`);
    assert.deepEqual(small, []);
  });

  const addresses = async (): Promise<string[]> => {
    const { json: group } = await scim('POST', '/Groups', {
      schemas: [groupSchema],
      displayName: `Team ${Math.random()}`,
    });
    const [user] = (await scim('GET', '/Users?count=1')).json.Resources;
    const { exchanges } = await server.log.find({ limit: 1, status: '409' });
    const [token] = await server.store.listTokens();
    const [webhook] = await server.store.outbox.endpoints();
    return [
      '',
      '/traffic',
      '/traffic?status=4xx&about=nobody',
      `/traffic/${exchanges[0]?.id}`,
      '/directory',
      '/directory?q=userName+eqq',
      '/directory?type=Group',
      '/directory/deleted',
      `/directory/User/${user.id}`,
      `/directory/Group/${group.id}`,
      '/connections',
      '/connections/add',
      '/connections/add?idp=entra',
      `/connections/tokens/${token?.id}`,
      '/connections/webhooks/add',
      `/connections/webhooks/${webhook?.id}`,
      '/connections/links/add',
      '/access',
      '/access/at',
      '/access/at?group=nothing',
      '/access/changes?show=1',
      '/access/seats',
      '/access/orphans',
      `/access/proof/${user.id}`,
      '/system',
      '/system/filters?filter=userName+sw+"a"',
      '/system/actions',
      '/nothing',
    ].map((path) => `/admin${path}`);
  };

  for (const colorScheme of ['light', 'dark'] as const)
    test(`axe finds nothing on any page (${colorScheme})`, { timeout: 300_000 }, async () => {
      const [themed, tab] = await open({ colorScheme });
      try {
        for (const address of await addresses()) {
          await tab.goto(server.origin + address);
          assert.deepEqual(await findings(tab), [], `${colorScheme} ${address}`);
        }
        await tab.click('text=Sign out').catch(() => {});
        await tab.goto(`${server.origin}/admin/sign-in`);
        assert.deepEqual(await findings(tab), [], 'sign-in');
        await tab.goto(await server.link());
        assert.deepEqual(await findings(tab), [], 'enter');
      } finally {
        await themed.close();
      }
    });

  test('from 360 to 1,600 pixels nothing is wider than the window', { timeout: 300_000 }, async () => {
    const all = await addresses();
    for (const width of [360, 768, 1600]) {
      await page.setViewportSize({ width, height: 800 });
      for (const address of all) {
        await page.goto(server.origin + address);
        const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.ok(Number(over) <= 0, `${address} is ${over} pixels too wide at ${width}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('reading works without JavaScript, and so do forms', { timeout: 300_000 }, async () => {
    const [plain, tab] = await open({ javaScriptEnabled: false });
    try {
      for (const address of await addresses()) {
        const answer = await tab.goto(server.origin + address);
        assert.equal(answer?.status(), address.endsWith('/nothing') ? 404 : 200, address);
        assert.ok(((await tab.textContent('main')) ?? '').trim().length > 20, address);
      }
      await tab.goto(`${server.origin}/admin/traffic`);
      await tab.selectOption('#status', '4xx');
      await tab.click('button:has-text("Filter")');
      assert.match(tab.url(), /status=4xx/);
      await tab.goto(`${server.origin}/admin/connections/add?idp=google`);
      await tab.click('text=Create the token');
      assert.match(await tab.inputValue('#secret'), /^scimd_/);
    } finally {
      await plain.close();
    }
  });

  test('a set-up link: one tenant, a guide, the first request, nothing else', async () => {
    const acme = await server.store.createTenant('acme');
    await page.goto(`${server.origin}/admin/connections/links/add?tenant=acme`);
    await page.fill('#name', 'Acme, Jane');
    await page.click('text=Make the link >> nth=-1').catch(() => {});
    const problem = await page.textContent('main');
    assert.match(problem ?? '', /must be at most 64 letters/);
    await page.goto(`${server.origin}/admin/connections/links/add?tenant=acme`);
    await page.fill('#name', 'Acme Jane');
    await page.click('text=Make the link >> nth=-1');
    const link = await page.inputValue('#link');
    const theirs = await browser.newContext();
    const tab = await theirs.newPage();
    try {
      await tab.goto(link);
      tab.setDefaultTimeout(15_000);
      await tab.click('button');
      await tab.waitForSelector('h1 >> text=Connect acme');
      assert.deepEqual(await findings(tab), []);
      await tab.click('button:has-text("Entra ID")');
      const token = await tab.inputValue('#secret');
      assert.match((await tab.textContent('main')) ?? '', /Secret Token/);
      assert.deepEqual(await findings(tab), []);
      await server.request('GET', `/Users?filter=${encodeURIComponent('userName eq "a@b.example"')}`, {
        token,
      });
      await tab.waitForSelector('text=Entra ID looked up a@b.example');
      const made = (await server.store.listTokens(acme.number)).at(-1);
      assert.deepEqual([made?.tenantName, made?.idp, made?.scope], ['acme', 'entra', 'scim']);
      // Nothing else: neither pages nor the API.
      await tab.goto(`${server.origin}/admin/traffic`);
      assert.equal(new URL(tab.url()).pathname, '/admin/set-up');
      const status = await tab.evaluate('fetch("/admin/api/tokens").then((answer) => answer.status)');
      assert.equal(status, 403);
      // It ends when it is closed.
      await page.goto(`${server.origin}/admin/connections?tenant=acme`);
      await page.click('text=Close >> nth=0');
      await page.waitForSelector('text=The link is closed.');
      await tab.goto(`${server.origin}/admin/set-up`);
      assert.equal(new URL(tab.url()).pathname, '/admin/sign-in');
    } finally {
      await theirs.close();
    }
  });

  test('no page had an error in its console', async () => {
    await until('the last messages', () => true);
    assert.deepEqual(
      troubles.filter((text) => !/status of (?:400|403|404)/.test(text)),
      [],
    );
  });
});
