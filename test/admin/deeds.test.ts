/** What the buttons do: by keyboard, by plain forms, never for who only reads; each recorded with who did it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { groupSchema, newUser } from '../server.ts';
import { until } from '../until.ts';
import { type AdminServer, noBrowser, openBrowser, startAdmin } from './admin-server.ts';

for (const javaScriptEnabled of [true, false])
  describe(`buttons ${javaScriptEnabled ? 'by keyboard' : 'without JavaScript'}`, { skip: noBrowser }, () => {
    let server: AdminServer;
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    before(async () => {
      server = await startAdmin({
        idp: 'okta',
        guard: { mode: 'hold', percent: 20, people: 6, minutes: 60, protectedPeople: [] },
      });
      browser = await openBrowser();
      context = await browser.newContext({ javaScriptEnabled });
      page = await context.newPage();
      page.setDefaultTimeout(20_000);
      page.on('dialog', (dialog) => void dialog.accept());
      await page.goto(await server.link());
      await page.focus('button');
      await page.keyboard.press('Enter');
      await page.waitForURL(`${server.origin}/admin`);
    });
    after(async () => {
      await context.close();
      await browser.close();
      await server.close();
    });

    const create = async (userName: string): Promise<string> =>
      (await server.request('POST', '/Users', { body: newUser({ userName }) })).json.id;
    const show = (path: string) => page.goto(`${server.origin}/admin${path}`);
    /** Presses a button without a mouse. */
    const press = async (words: string, notice: string): Promise<void> => {
      await page.locator(`main button:has-text("${words}") >> visible=true`).first().focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector(`.notice >> text=${notice}`);
    };
    const active = async (id: string): Promise<boolean> =>
      (await server.request('GET', `/Users/${id}`)).json.active;

    test('lock with a reason, and unlock: beside active, which the provider still sees', async () => {
      const id = await create('lock@example.com');
      await show(`/directory/User/${id}`);
      await page.fill('input[name=reason]', 'lost laptop');
      await press('Lock', 'Locked. Applications are told now; the identity provider is not.');
      assert.match((await page.textContent('.head')) ?? '', /locked here since .*: lost laptop/);
      assert.equal(await active(id), true);
      const [lock] = await server.store.grants.locks(1);
      assert.deepEqual([lock?.id, lock?.reason], [id, 'lost laptop']);
      await press('Unlock', 'Unlocked.');
      assert.match(
        (await page.textContent('.time-line')) ?? '',
        /Unlocked here by tester.*Locked here by tester/s,
      );
      assert.deepEqual(await server.store.grants.locks(1), []);
    });

    test('deactivate and reactivate', async () => {
      const id = await create('active@example.com');
      await show(`/directory/User/${id}`);
      await press('Deactivate', 'Deactivated. Applications are told now.');
      assert.equal(await active(id), false);
      await press('Reactivate', 'Reactivated. Applications are told now.');
      assert.equal(await active(id), true);
    });

    test('restore: who was deleted is back with id and groups', async () => {
      const id = await create('back@example.com');
      const { json: group } = await server.request('POST', '/Groups', {
        body: { schemas: [groupSchema], displayName: 'Guides', members: [{ value: id }] },
      });
      await server.request('DELETE', `/Users/${id}`);
      await show('/directory/deleted');
      await page.locator('main a:has-text("back@example.com")').focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(new RegExp(`/directory/User/${id}`));
      await press('Restore', 'Restored, with id and memberships.');
      const { json } = await server.request('GET', `/Groups/${group.id}`);
      assert.deepEqual(
        json.members.map(({ value }: { value: string }) => value),
        [id],
      );
    });

    test('a name that was taken meanwhile is said, and nothing is lost', async () => {
      const id = await create('taken@example.com');
      await server.request('DELETE', `/Users/${id}`);
      await create('taken@example.com');
      await show(`/directory/User/${id}`);
      await page.locator('main button:has-text("Restore")').focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector('h1 >> text=That cannot be done');
      assert.match((await page.textContent('main')) ?? '', /taken|exists|userName/);
      await page.click('text=Back');
      await page.waitForURL(new RegExp(`/directory/User/${id}`));
    });

    test('forget: by a word that is typed; gone from directory, history and exchange log, and recorded', async () => {
      const id = await create('forget@example.com');
      await show(`/directory/User/${id}`);
      await page.locator('summary:has-text("Forget")').focus();
      await page.keyboard.press('Enter');
      await page.fill('#confirm', 'forget');
      await page.focus('button:has-text("Forget for ever")');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.notice >> text=Erased, with everything that was stored of them');
      assert.equal((await server.request('GET', `/Users/${id}`)).status, 404);
      assert.doesNotMatch(
        JSON.stringify(await server.store.changes({ tenant: 1, id, limit: 100 })),
        /forget@example/,
      );
      const { exchanges } = await server.log.find({ limit: 200 });
      for (const { id: number } of exchanges)
        assert.doesNotMatch(JSON.stringify(await server.log.get(number)), /forget@example/);
      const refused = await fetch(`${server.origin}/admin/api/resources/User/${id}/forget`, {
        method: 'POST',
        headers: { cookie: await server.cookie('read'), origin: server.origin },
      });
      assert.equal(refused.status, 403);
    });

    test('pause and resume a provider: writes are answered 503, reads go on', async () => {
      const [token] = await server.store.listTokens(1);
      await show(`/connections/tokens/${token?.id}`);
      await press('Pause', 'Paused.');
      const write = () =>
        server.request('POST', '/Users', { body: newUser({ userName: `p${Math.random()}@example.com` }) });
      assert.equal((await write()).status, 503);
      assert.equal((await server.request('GET', '/Users?count=1')).status, 200);
      assert.match((await page.textContent('.head')) ?? '', /paused since/);
      await press('Resume', 'It may write again.');
      assert.equal((await write()).status, 201);
    });

    test('the guard holds, says so on the first screen, and is released there', async () => {
      const ids: string[] = [];
      for (let index = 0; index < 6; index++) ids.push(await create(`guard${index}@example.com`));
      let held = 0;
      for (const id of ids) if ((await server.request('DELETE', `/Users/${id}`)).status === 429) held++;
      assert.ok(held > 0);
      await show('');
      assert.match((await page.textContent('.bad-box')) ?? '', /the guard holds back/);
      await press('It was meant', 'The guard lets it pass now.');
      for (const id of ids) await server.request('DELETE', `/Users/${id}`);
      await show(`/directory/User/${ids.at(-1)}`);
      await page.waitForSelector('text=deleted');
    });

    test('who did each of them is recorded', async () => {
      const changes = await server.store.changes({ tenant: 1, limit: 500 });
      const byAdmin = changes.filter(({ actor }) => actor.kind === 'admin');
      assert.ok(byAdmin.every(({ actor }) => actor.name === 'tester'));
      const operations = new Set(byAdmin.map(({ operation }) => operation));
      for (const operation of ['patch', 'restore', 'erase', 'notice'])
        assert.ok(operations.has(operation as never), operation);
      const actions = (await server.store.admin.actions({ limit: 200 })).map(({ action }) => action);
      for (const action of ['sign-in', 'user.forget', 'token.pause', 'token.resume', 'guard.release'])
        assert.ok(actions.includes(action), `${action} in ${actions.join(', ')}`);
      await show('/system/actions');
      await until('the page', async () => /guard\.release/.test((await page.textContent('main')) ?? ''));
    });
  });
