/** The page for administrators under attack: who gets in, from where, what stored values can do there, and what tenants see of each other. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { type AdminServer, noBrowser, openBrowser, startAdmin } from '../admin/admin-server.ts';
import { type Answer, groupSchema, newUser, patchOp, userSchema } from '../server.ts';

let server: AdminServer;
before(async () => {
  server = await startAdmin({ limits: { failedAttempts: 5 } });
});
after(() => server.close());

interface Asked {
  readonly cookie?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

function ask(
  method: string,
  path: string,
  { cookie, headers = {}, form, json }: Asked = {},
): Promise<Answer> {
  const body =
    form === undefined
      ? json === undefined
        ? undefined
        : JSON.stringify(json)
      : new URLSearchParams(form).toString();
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
  return server.request(method, server.origin + path, {
    token: null,
    ...(body === undefined ? {} : { body }),
    headers: {
      accept: 'text/html',
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
  });
}

/** The proof in a page's forms. */
async function proofFor(cookie: string): Promise<string> {
  const { text } = await ask('GET', '/admin', { cookie });
  return /name="proof" value="([^"]+)"/.exec(text)?.[1] ?? '';
}

describe('who gets in', () => {
  test('nobody without a session: pages lead to the sign-in, the API is 401', async () => {
    for (const path of [
      '/admin',
      '/admin/traffic',
      '/admin/directory',
      '/admin/connections',
      '/admin/access',
      '/admin/system',
      '/admin/find?q=x',
    ]) {
      const answer = await ask('GET', path);
      assert.equal(answer.status, 303, path);
      assert.match(answer.headers.get('location') ?? '', /^\/admin\/sign-in\?to=%2Fadmin/);
    }
    for (const path of [
      '/admin/api/now',
      '/admin/api/exchanges',
      '/admin/api/exchanges/stream',
      '/admin/api/tokens',
      '/admin/api/system',
    ])
      assert.equal((await ask('GET', path)).status, 401, path);
  });

  test('a session is a cookie of this host alone, that scripts cannot read and other sites do not send', async () => {
    const link = new URL(await server.link());
    const code = link.searchParams.get('code') ?? '';
    const entered = await ask('POST', '/admin/enter', { form: { code } });
    assert.equal(entered.status, 303);
    const cookie = entered.headers.get('set-cookie') ?? '';
    assert.match(
      cookie,
      /^__Host-scimd=[\w-]{40,}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Strict$/,
    );
    const used = await ask('POST', '/admin/enter', { form: { code } });
    assert.equal(used.status, 401, 'a link works once');
  });

  test('a link that two use at the same time works for one', async () => {
    const code = new URL(await server.link()).searchParams.get('code') ?? '';
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask('POST', '/admin/enter', { form: { code } })),
    );
    assert.equal(answers.filter(({ status }) => status === 303).length, 1);
  });

  test('by a token of scope admin or read; by no other, and not for longer than the token lives', async () => {
    for (const scope of ['scim', 'events', 'metrics'] as const) {
      const token = await server.newToken({ scope });
      const answer = await ask('POST', '/admin/sign-in', { form: { token } });
      assert.equal(answer.status, 403, scope);
      assert.equal(answer.headers.get('set-cookie'), null);
    }
    const token = await server.newToken({ scope: 'admin' });
    const entered = await ask('POST', '/admin/sign-in', { form: { token, to: 'https://evil.example/' } });
    assert.deepEqual([entered.status, entered.headers.get('location')], [303, '/admin']);
    const cookie = entered.headers.get('set-cookie')?.split(';')[0];
    assert.equal((await ask('GET', '/admin', { cookie })).status, 200);
    const [made] = (await server.store.listTokens()).slice(-1);
    await server.store.revokeToken(made?.id ?? '', new Date().toISOString());
    assert.equal((await ask('GET', '/admin', { cookie })).status, 303);
  });

  test('a session that was signed out is over, whoever has its cookie', async () => {
    const cookie = await server.cookie();
    const proof = await proofFor(cookie);
    assert.equal((await ask('POST', '/admin/sign-out', { cookie, form: { proof } })).status, 303);
    assert.equal((await ask('GET', '/admin', { cookie })).status, 303);
  });

  test('guessing tokens and links is slow, and is in the record', async () => {
    const started = performance.now();
    for (let n = 0; n < 7; n++) {
      assert.equal(
        (await ask('POST', '/admin/sign-in', { form: { token: `scimd_${'x'.repeat(40)}${n}` } })).status,
        401,
      );
      assert.equal(
        (await ask('POST', '/admin/enter', { form: { code: `scimd_${'y'.repeat(40)}${n}` } })).status,
        401,
      );
    }
    assert.ok(performance.now() - started > 400);
    const actions = await server.store.admin.actions({ limit: 50 });
    assert.ok(actions.filter(({ action }) => action === 'sign-in.refused').length >= 10);
    for (const { detail = '' } of actions) assert.ok(!detail.includes('xxxx') && !detail.includes('yyyy'));
  });

  test('a cookie that is none of ours, or of another session, opens nothing', async () => {
    for (const value of ['', 'x', 'scimd_', `scimd_${'a'.repeat(43)}`, "'; DROP TABLE admin_grant; --"])
      assert.equal((await ask('GET', '/admin', { cookie: `__Host-scimd=${value}` })).status, 303, value);
  });
});

describe('from where', () => {
  test('what another site makes a browser send is refused, and changes nothing', async () => {
    const cookie = await server.cookie();
    const proof = await proofFor(cookie);
    const before = (await server.store.listTokens()).length;
    const form = { name: 'evil', proof };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: `${server.origin}.evil.example` },
    ] as Record<string, string>[])
      assert.equal(
        (await ask('POST', '/admin/api/tokens', { cookie, form, headers })).status,
        403,
        JSON.stringify(headers),
      );
    for (const given of [undefined, '', 'x', `${proof}x`, await proofFor(await server.cookie())])
      assert.equal(
        (
          await ask('POST', '/admin/api/tokens', {
            cookie,
            form: { name: 'evil', ...(given === undefined ? {} : { proof: given }) },
          })
        ).status,
        403,
      );
    assert.equal((await ask('POST', '/admin/api/tokens', { cookie, json: { name: 'evil' } })).status, 403);
    for (const path of ['/admin/api/tokens', '/admin/api/tenants', '/admin/api/set-up-links'])
      assert.equal((await ask('GET', `${path}?name=evil&proof=${proof}`, { cookie })).status === 303, false);
    assert.equal((await server.store.listTokens()).length, before);
    const good = await ask('POST', '/admin/api/tokens', {
      cookie,
      form: { name: 'good', proof },
      headers: { origin: server.origin },
    });
    assert.equal(good.status, 200);
  });

  test('no answer may be framed, sniffed, kept or asked for by another origin; no script but our own runs', async () => {
    const cookie = await server.cookie();
    for (const path of [
      '/admin',
      '/admin/sign-in',
      '/admin/nothing',
      '/admin/api/now',
      '/admin/api/nothing',
      '/admin/traffic',
    ]) {
      const { headers } = await ask('GET', path, { cookie });
      const policy = headers.get('content-security-policy') ?? '';
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
      ])
        assert.ok(policy.split('; ').includes(part), `${path}: ${part}`);
      assert.ok(!/unsafe|\*|data:/.test(policy), policy);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('x-frame-options'), 'DENY');
      assert.equal(headers.get('cache-control'), 'no-store', path);
      assert.equal(headers.get('access-control-allow-origin'), null);
    }
  });

  test('an address to go back to is ours, or none', async () => {
    const cookie = await server.cookie();
    const proof = await proofFor(cookie);
    for (const back of [
      'https://evil.example',
      '//evil.example',
      '/admin/../../evil',
      'javascript:alert(1)',
      '/admin\r\nSet-Cookie: a=b',
      '/adminevil',
    ]) {
      const answer = await ask('POST', '/admin/api/tenants', {
        cookie,
        form: { name: `t${Math.random()}`.slice(0, 20), proof, back },
      });
      assert.equal(answer.status, 303);
      assert.match(answer.headers.get('location') ?? '', /^\/admin(?:$|[/?])/);
      assert.equal(answer.headers.get('set-cookie'), null);
    }
  });
});

describe('tenants', () => {
  test('an administrator of one tenant sees and changes nothing of another', async () => {
    const [mine, theirs] = [
      await server.store.createTenant('mine'),
      await server.store.createTenant('theirs'),
    ];
    const cookie = await server.cookie('admin', mine.number);
    const proof = await proofFor(cookie);
    const token = await server.newToken({ tenant: 'theirs', scope: 'scim' });
    const { json: victim } = await server.request('POST', '/Users', {
      token,
      body: newUser({ userName: 'victim@example.com' }),
    });
    await server.request('POST', '/Users', { token, body: newUser({ userName: 'victim@example.com' }) });
    const [their] = await server.store.listTokens(theirs.number);
    const { exchanges } = await server.log.find({ limit: 1, tenant: theirs.number });
    const pages = [
      `/admin/directory/User/${victim.id}`,
      `/admin/traffic/${exchanges[0]?.id}`,
      `/admin/connections/tokens/${their?.id}`,
      `/admin/access/proof/${victim.id}`,
      '/admin?tenant=theirs',
      '/admin/traffic?tenant=theirs',
      '/admin/directory?tenant=theirs',
      `/admin/api/exchanges/${exchanges[0]?.id}`,
      `/admin/api/resources/User/${victim.id}`,
      `/admin/api/resources/User/${victim.id}?tenant=theirs`,
      '/admin/api/exchanges?tenant=theirs',
      '/admin/api/exchanges/stream?tenant=theirs',
      '/admin/api/tokens?tenant=theirs',
      '/admin/api/leavers?tenant=theirs',
      `/admin/api/tokens/${their?.id}/first`,
    ];
    for (const path of pages) {
      const answer = await ask('GET', path, { cookie });
      assert.equal(answer.status, 404, path);
      assert.ok(!answer.text.includes('victim@'), path);
    }
    for (const path of [
      '/admin/traffic',
      '/admin/traffic?about=victim%40example.com',
      '/admin/find?q=victim%40example.com',
      '/admin/directory?q=victim',
      '/admin/system',
      '/admin/system/actions',
      '/admin/api/session',
      '/admin/api/system',
    ]) {
      const { text } = await ask('GET', path, { cookie });
      assert.ok(!/victim@example\.com(?!")/.test(text.replace(/value="[^"]*"/g, '')), path);
      assert.ok(!text.includes('theirs'), path);
    }
    const deeds: readonly (readonly [path: string, form?: Readonly<Record<string, string>>])[] = [
      [`/admin/api/resources/User/${victim.id}/deactivate`],
      [`/admin/api/resources/User/${victim.id}/deactivate?tenant=theirs`],
      [`/admin/api/tokens/${their?.id}/revoke`],
      [`/admin/api/tokens/${their?.id}/rotate`],
      ['/admin/api/tokens?tenant=theirs', { name: 'x' }],
      ['/admin/api/set-up-links?tenant=theirs', { name: 'x' }],
      ['/admin/api/webhooks?tenant=theirs', { url: 'https://a.example' }],
    ];
    for (const [path, form] of deeds)
      assert.equal((await ask('POST', path, { cookie, form: { proof, ...form } })).status, 404, path);
    assert.equal(
      (await ask('POST', '/admin/api/tenants', { cookie, form: { proof, name: 'more' } })).status,
      403,
    );
    assert.equal(
      (
        await ask('POST', '/admin/api/webhooks', {
          cookie,
          form: { proof, url: 'http://127.0.0.1:1/', allowPrivate: 'on' },
        })
      ).status,
      403,
    );
    const still = await server.request('GET', `/Users/${victim.id}`, { token });
    assert.equal(still.json.active ?? true, true);
    // What is the machine's is not told them either.
    const system = await server.request('GET', `${server.origin}/admin/api/system`, {
      token: null,
      headers: { cookie },
    });
    assert.deepEqual(
      [system.json.settings, system.json.database.file, system.json.backups],
      [[], '', undefined],
    );
  });

  test('who may only read changes nothing, and has no buttons that would', async () => {
    const cookie = await server.cookie('read');
    const proof = await proofFor(cookie);
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    for (const path of [
      '/admin/api/tokens',
      '/admin/api/webhooks',
      '/admin/api/set-up-links',
      '/admin/api/tenants',
      `/admin/api/resources/User/${json.id}/deactivate`,
      `/admin/api/resources/User/${json.id}/restore`,
    ])
      assert.equal(
        (await ask('POST', path, { cookie, form: { proof, name: 'x', url: 'https://a.example' } })).status,
        403,
        path,
      );
    for (const path of [`/admin/directory/User/${json.id}`, '/admin/connections', '/admin/system']) {
      const { text } = await ask('GET', path, { cookie });
      assert.deepEqual(text.match(/<form[^>]*action="\/admin\/api\/[^"]*"/g) ?? [], [], path);
    }
  });

  test('a tenant that is deleted takes its sessions and links with it', async () => {
    const gone = await server.store.createTenant('gone');
    const cookie = await server.cookie('admin', gone.number);
    assert.equal((await ask('GET', '/admin', { cookie })).status, 200);
    await server.store.deleteTenant('gone');
    assert.equal((await ask('GET', '/admin', { cookie })).status, 303);
  });
});

describe('the record', () => {
  test('every action of the page is in it, with who did it', async () => {
    const cookie = await server.cookie();
    const proof = await proofFor(cookie);
    const post = async (path: string, form: Readonly<Record<string, string>> = {}): Promise<string> => {
      const answer = await ask('POST', `/admin/api${path}`, { cookie, form: { proof, ...form } });
      assert.ok(
        answer.status === 200 || answer.status === 303,
        `${path}: ${answer.status} ${answer.text.slice(0, 300)}`,
      );
      return answer.text;
    };
    const made = await post('/tokens', { name: 'audited' });
    const token = /\/api\/tokens\/([\w-]+)\/first/.exec(made)?.[1] ?? '';
    await post(`/tokens/${token}/rotate`);
    await post(`/tokens/${token}/revoke`);
    await post('/webhooks', { url: 'http://127.0.0.1:9/', allowPrivate: 'on' });
    const [webhook] = await server.store.outbox.endpoints();
    for (const deed of ['test', 'pause', 'resume', 'rotate', 'delete'])
      await post(`/webhooks/${webhook?.id}/${deed}`);
    await post('/set-up-links', { name: 'audited link' });
    const [link] = await server.store.admin.grants('set-up');
    await post(`/set-up-links/${link?.id}/close`);
    await post('/tenants', { name: 'audited tenant' });
    const { json } = await server.request('POST', '/Users', { body: newUser() });
    await post(`/resources/User/${json.id}/deactivate`);
    await post(`/resources/User/${json.id}/reactivate`);
    await server.request('DELETE', `/Users/${json.id}`);
    await post(`/resources/User/${json.id}/restore`);
    const actions = await server.store.admin.actions({ limit: 100 });
    const seen = new Set(actions.filter(({ actor }) => actor === 'tester').map(({ action }) => action));
    for (const action of [
      ...['sign-in', 'token.create', 'token.rotate', 'token.revoke'],
      ...[
        'webhook.create',
        'webhook.test',
        'webhook.pause',
        'webhook.resume',
        'webhook.rotate',
        'webhook.delete',
      ],
      ...['set-up-link.create', 'set-up-link.close', 'tenant.create'],
    ])
      assert.ok(seen.has(action), action);
    // Changes of people stand in their own history.
    const changes = await server.store.changes({ tenant: 1, id: json.id, limit: 10 });
    assert.deepEqual(
      changes
        .filter(({ actor }) => actor.kind === 'admin')
        .map(({ operation, actor }) => [operation, actor.name]),
      [
        ['patch', 'tester'],
        ['patch', 'tester'],
        ['restore', 'tester'],
      ],
    );
  });
});

/** Texts that would do something if they were taken for HTML, for a script, for an address or for a line of a terminal. */
const corpus = [
  '<script>pwned=1</script>',
  '"><img src=x onerror=pwned=1>',
  "'><svg/onload=pwned=1>",
  '</title><script>pwned=1</script>',
  '</textarea><script>pwned=1</script>',
  '</pre></section><iframe srcdoc="<script>parent.pwned=1</script>">',
  '" autofocus onfocus=pwned=1 x="',
  "' onmouseover='pwned=1",
  'javascript:pwned=1',
  '{{constructor.constructor("pwned=1")()}}',
  '\u0024{pwned=1}',
  '<a href="javascript:pwned=1">x</a>',
  '&lt;script&gt;pwned=1&lt;/script&gt;',
  '<!--<script>pwned=1//-->',
  '\u202e<script>pwned=1</script>',
  '<style>@import "http://evil.example/x"</style>',
  '<meta http-equiv=refresh content="0;url=http://evil.example/">',
  '<form action=http://evil.example><button>x',
  '<base href=http://evil.example/>',
];

describe('stored values', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  test('no name, attribute, user agent, path, token, tenant or webhook answer does anything on any page', {
    timeout: 300_000,
  }, async () => {
    const receiver = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.statusCode = 500;
        response.end(corpus.join('\n'));
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.origin)) elsewhere.push(request.url());
    });
    try {
      const ids: string[] = [];
      for (const [index, text] of corpus.entries()) {
        const { json } = await server.request('POST', '/Users', {
          body: {
            schemas: [userSchema],
            userName: `${text}${index}`,
            displayName: text,
            externalId: text,
            title: text,
            name: { familyName: text },
          },
          headers: { 'user-agent': text.replace(/[^\x20-\x7e]/g, '') },
        });
        if (typeof json.id === 'string') ids.push(json.id);
        await server.request('POST', '/Users', {
          body: { schemas: [userSchema], userName: `${text}${index}` },
        });
        await server.request('GET', `/${encodeURIComponent(text)}`);
        await server.request(
          'GET',
          `/Users?filter=${encodeURIComponent(`userName eqq "${text.replaceAll('"', '')}"`)}`,
        );
        await server.request('POST', '/Groups', {
          body: { schemas: [groupSchema], displayName: text, members: [{ value: json.id }] },
        });
      }
      assert.ok(ids.length >= 15);
      await server.request('PATCH', `/Users/${ids[0]}`, {
        body: patchOp({ op: 'replace', path: 'title', value: corpus[1] }),
      });
      await server.request('DELETE', `/Users/${ids[1]}`);
      await server.store.createToken({
        hash: 'ab'.repeat(32),
        name: corpus[1] as string,
        tenant: 1,
        idp: corpus[0] as string,
        scope: 'scim',
      });
      const cookie = await server.cookie();
      await ask('POST', '/admin/api/webhooks', {
        cookie,
        form: {
          proof: await proofFor(cookie),
          url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/"><img src=x onerror=pwned=1>`,
          allowPrivate: 'on',
        },
      });
      await page.goto(await server.link());
      await page.click('button');
      const { exchanges } = await server.log.find({ limit: 400 });
      const refused = exchanges.filter(({ status }) => status >= 400).slice(0, 12);
      const [webhook] = await server.store.outbox.endpoints();
      const [token] = (await server.store.listTokens()).slice(-1);
      const group = (await server.request('GET', '/Groups?count=1')).json.Resources[0];
      const addresses = [
        ...[
          '',
          '/traffic',
          '/directory',
          '/directory?type=Group',
          '/directory/deleted',
          '/connections',
          '/access',
          '/system',
          '/system/actions',
        ],
        ...ids.slice(0, 6).flatMap((id) => [`/directory/User/${id}`, `/access/proof/${id}`]),
        `/directory/Group/${group.id}`,
        ...refused.map(({ id }) => `/traffic/${id}`),
        `/connections/tokens/${token?.id}`,
        `/connections/webhooks/${webhook?.id}`,
        ...corpus.flatMap((text) => [
          `/traffic?about=${encodeURIComponent(text)}`,
          `/directory?q=${encodeURIComponent(text)}`,
          `/system/filters?filter=${encodeURIComponent(text)}`,
          `/connections/add?idp=${encodeURIComponent(text)}`,
        ]),
        ...corpus.slice(0, 4).map((text) => `/traffic?done=${encodeURIComponent(text)}`),
      ];
      for (const address of addresses) {
        await page.goto(`${server.origin}/admin${address}`);
        assert.equal(await page.evaluate('typeof pwned'), 'undefined', address);
        const foreign = await page.evaluate(
          '[...document.querySelectorAll("script, iframe, img, base, meta[http-equiv], style, object, embed, form[action^=http]")].filter((each) => !(each.matches("script[src^=\\"/admin/assets/\\"]"))).map((each) => each.outerHTML.slice(0, 200))',
        );
        assert.deepEqual(foreign, [], address);
      }
      // Those that scripts draw, too: what streams in, and what the filter box finds.
      await page.goto(`${server.origin}/admin/traffic`);
      await page.waitForTimeout(300);
      await server.request('POST', '/Users', { body: newUser({ userName: `${corpus[1]}streamed` }) });
      await page.waitForSelector('.stream .new');
      await page.goto(`${server.origin}/admin/directory`);
      await page.fill('#q', '<script');
      await page.waitForTimeout(600);
      assert.equal(await page.evaluate('typeof pwned'), 'undefined');
      await page.goto(`${server.origin}/admin/connections/webhooks/${webhook?.id}`);
      await page.click('text=Send test');
      await page.waitForSelector('text=Test → 500');
      assert.equal(await page.evaluate('typeof pwned'), 'undefined');
      assert.deepEqual(elsewhere, []);
      // The list for a spreadsheet begins no cell with what would be a formula.
      const csv = await server.request('GET', `${server.origin}/admin/access/leavers.csv`, {
        token: null,
        headers: { cookie },
      });
      assert.ok(!/(?:^|,)"?[=+@-]/m.test(csv.text), csv.text);
    } finally {
      await context.close();
      receiver.close();
    }
  });
});
