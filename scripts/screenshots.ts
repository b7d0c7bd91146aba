/**
 * npm run screenshots: the pictures of the page in README.md, taken in a real browser over a server with a day's work in it. They
 * are in src/docs/images.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { hashSecret, newSecret } from '../src/directory/secret.ts';
import { openBrowser, startAdmin } from '../test/admin/admin-server.ts';
import { groupSchema, patchOp, userSchema } from '../test/server.ts';

const folder = fileURLToPath(new URL('../src/docs/images/', import.meta.url));
const people = [
  ['jane', 'Jane', 'Doe'],
  ['ada', 'Ada', 'Lovelace'],
  ['grace', 'Grace', 'Hopper'],
  ['alan', 'Alan', 'Turing'],
  ['katherine', 'Katherine', 'Johnson'],
  ['edsger', 'Edsger', 'Dijkstra'],
  ['barbara', 'Barbara', 'Liskov'],
  ['donald', 'Donald', 'Knuth'],
] as const;

const server = await startAdmin({ idp: 'okta' });
const application = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.end('ok'));
});
await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
const browser = await openBrowser();
try {
  const { store } = server;
  const headers = { 'user-agent': 'Okta SCIM Client 1.0.0' };
  const named = async (name: string, idp: string, expires?: Date): Promise<string> => {
    const secret = newSecret();
    const end = expires === undefined ? {} : { expires: expires.toISOString() };
    await store.createToken({ hash: hashSecret(secret), name, tenant: 1, idp, scope: 'scim', ...end });
    return secret;
  };
  const okta = await named('okta', 'okta');
  const entra = await named('entra', 'entra');
  const old = await named('okta-old', 'okta', new Date(Date.now() - 30 * 86_400_000));
  const ask = (method: string, path: string, body: unknown, token = okta) =>
    server.request(method, path, { token, headers, ...(body === undefined ? {} : { body }) });
  const ids: string[] = [];
  for (const [index, [name, givenName, familyName]] of people.entries()) {
    const userName = `${name}@example.com`;
    await ask('GET', `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`, undefined);
    const user = {
      schemas: [userSchema],
      userName,
      externalId: `00u${index + 1}`,
      displayName: `${givenName} ${familyName}`,
      name: { givenName, familyName },
      emails: [{ value: userName, type: 'work', primary: true }],
      active: true,
    };
    ids.push((await ask('POST', '/Users', user)).json.id);
  }
  for (const [index, displayName] of ['Engineering', 'Billing admins', 'Everyone'].entries()) {
    const group = (await ask('POST', '/Groups', { schemas: [groupSchema], displayName })).json.id;
    const members = ids.slice(index, 4 + index * 2).map((value) => ({ value }));
    await ask('PATCH', `/Groups/${group}`, patchOp({ op: 'add', path: 'members', value: members }));
  }
  await ask(
    'PATCH',
    `/Users/${ids[3]}`,
    patchOp({ op: 'Replace', path: 'title', value: 'Staff engineer' }),
    entra,
  );
  await ask('PATCH', `/Users/${ids[0]}`, patchOp({ op: 'replace', value: { active: false } }));
  await ask('POST', '/Users', {
    schemas: [userSchema],
    userName: 'jane@example.com',
    externalId: '00u1',
    name: { givenName: 'Jane', familyName: 'Doe' },
    active: true,
  });
  await ask('GET', `/Users?filter=${encodeURIComponent('userName eqq "x"')}`, undefined, entra);
  await ask('GET', '/Users', undefined, old);
  await store.outbox.createEndpoint({
    ...{
      tenant: 1,
      url: `http://127.0.0.1:${(application.address() as AddressInfo).port}/hooks/scimd`,
      batch: 1,
      allowPrivate: true,
    },
    ...{
      secrets: [{ secret: 'whsec_c2NpbWQgc2NyZWVuc2hvdHM=' }],
      signingKeys: [],
      position: String((await store.feed.extent(1)).newest),
    },
  });
  const page = await browser.newPage({ viewport: { width: 1160, height: 720 }, colorScheme: 'light' });
  await page.goto(await server.link());
  await page.click('button');
  const { exchanges } = await server.log.find({ limit: 1, status: '409' });
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of [
    ['now', ''],
    ['traffic', '/traffic'],
    ['exchange', `/traffic/${exchanges[0]?.id}`],
  ] as const) {
    await page.goto(`${server.origin}/admin${path}`);
    await page.waitForTimeout(400);
    const picture = await page.screenshot({ type: 'png' });
    writeFileSync(`${folder}${name}.png`, picture);
    console.log(`src/docs/images/${name}.png  ${Math.ceil(picture.length / 1024)} KB`);
  }
} finally {
  await browser.close();
  application.close();
  await server.close();
}
