/** The page where nothing new can arrive: the server is away, or the session is over. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { hashSecret } from '../../src/directory/secret.ts';
import { newUser } from '../server.ts';
import { type AdminServer, noBrowser, openBrowser, startAdmin } from './admin-server.ts';

describe('without a browser', () => {
  test('what came between a page and its stream is streamed', async () => {
    const server = await startAdmin({ idp: 'okta' });
    try {
      const cookie = await server.cookie();
      const traffic = await fetch(`${server.origin}/admin/traffic`, { headers: { cookie } });
      const [, address = ''] = /data-address="([^"]+)"/.exec(await traffic.text()) ?? [];
      await server.request('POST', '/Users', { body: newUser({ userName: 'between@example.com' }) });
      // Written by now.
      await server.log.find({ limit: 1 });
      const stop = new AbortController();
      const stream = await fetch(`${server.origin}${address.replaceAll('&amp;', '&')}`, {
        ...{ headers: { cookie }, signal: stop.signal },
      });
      let text = '';
      for await (const piece of stream.body ?? []) {
        text += Buffer.from(piece).toString();
        if (text.includes('data:')) break;
      }
      assert.match(text, /created between@example\.com/);
      stop.abort();
    } finally {
      await server.close();
    }
  });

  test('the stream of requests ends with its session', async () => {
    const server = await startAdmin({ idp: 'okta' });
    try {
      const cookie = await server.cookie();
      const answer = await fetch(`${server.origin}/admin/api/exchanges/stream`, { headers: { cookie } });
      assert.equal(answer.status, 200);
      const grant = await server.store.admin.findGrant(hashSecret(cookie.split('=')[1] ?? ''));
      await server.store.admin.endGrant(grant?.id ?? '');
      await server.request('POST', '/Users', { body: newUser({ userName: 'unseen@example.com' }) });
      // The whole answer: it is there because the server ended it.
      assert.doesNotMatch(await answer.text(), /unseen/);
    } finally {
      await server.close();
    }
  });
});

describe('in Chromium', { skip: noBrowser }, () => {
  let server: AdminServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  before(async () => {
    server = await startAdmin({ idp: 'okta' });
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  const signIn = async (): Promise<void> => {
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('dialog', (dialog) => dialog.accept());
    await page.goto(await server.link());
    await page.click('button');
    await page.waitForURL(`${server.origin}/admin`);
  };
  const create = async (userName: string): Promise<string> => {
    const answer = await server.request('POST', '/Users', { body: newUser({ userName }) });
    return answer.json.id as string;
  };

  test('traffic says that the server cannot be reached, and goes on when it can', async () => {
    await signIn();
    await context.route(/exchanges\/stream/, (route) => route.abort('connectionrefused'));
    await page.goto(`${server.origin}/admin/traffic`);
    await page.waitForSelector('#lost >> text=The server cannot be reached.');
    await context.unroute(/exchanges\/stream/);
    await page.waitForSelector('#lost', { state: 'hidden' });
    await create('after@example.com');
    await page.waitForSelector('text=Okta created after@example.com.');
  });

  test('traffic of another tab that was signed out shows nothing more, and says so', async () => {
    await signIn();
    await page.goto(`${server.origin}/admin/traffic`);
    await create('seen@example.com');
    await page.waitForSelector('text=Okta created seen@example.com.');
    const other = await context.newPage();
    await other.goto(`${server.origin}/admin`);
    await other.click('text=Sign out');
    await other.waitForURL(/sign-in/);
    await create('unseen@example.com');
    await page.waitForSelector('#lost >> text=you are signed out');
    assert.equal(await page.locator('text=unseen@example.com').count(), 0);
  });

  test('a form of a session that is over changes nothing, and leads to the way in and back', async () => {
    const id = await create('stays@example.com');
    await signIn();
    await page.goto(`${server.origin}/admin/directory/User/${id}`);
    const session = (await context.cookies()).find(({ name }) => name === '__Host-scimd');
    const grant = await server.store.admin.findGrant(hashSecret(session?.value ?? ''));
    await server.store.admin.endGrant(grant?.id ?? '');
    await page.click('text=Deactivate');
    await page.waitForSelector('text=Your session has ended. Nothing was changed');
    await page.click('.button');
    await page.waitForSelector('text=Your session has ended: sign in again.');
    assert.equal(await page.inputValue('input[name=to]'), `/admin/directory/User/${id}`);
    const { json } = await server.request('GET', `/Users/${id}`);
    assert.equal(json.active, true);
  });
});
