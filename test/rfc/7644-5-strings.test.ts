import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  // In this process, whatever SCIMD_COMMAND says: a test looks into the store.
  server = await startScimd({ basePath: '/scim/v2' });
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

const post = (userName: string) => client.request('POST', '/Users', { body: newUser({ userName }) });
const found = (userName: string) => client.find('/Users', `userName eq ${JSON.stringify(userName)}`);

test('P-5-01, P-7.8-01: userNames are prepared by PRECIS before they are compared, in uniqueness and in filters', async () => {
  const { id, userName } = await client.create('/Users', newUser({ userName: 'rené' }));
  assert.equal(userName, 'rené');
  for (const same of ['rene\u0301', 'RENÉ', 'ｒｅｎé', 'Ｒene\u0301']) {
    refused(await post(same), 409, 'uniqueness');
    assert.deepEqual(await found(same), [id], same);
  }
  for (const operator of ['co "EN"', 'sw "ｒ"', 'ew "e\u0301"', 'ge "rene\u0301"']) {
    assert.deepEqual(await client.find('/Users', `userName ${operator}`), [id], operator);
  }
  assert.deepEqual(await found('rene'), []);
});

test('P-5-01: a userName that PRECIS does not allow is 400 invalidValue', async () => {
  for (const userName of ['henryⅣ', '♚', 'a\u0007b', 'a\u200Bb', 'tab\there', '\uE000']) {
    refused(await post(userName), 400, 'invalidValue', /userName/);
  }
});

test('P-5-02: userName is compared without regard to case, beyond ASCII too', async () => {
  const { id, userName } = await client.create('/Users', newUser({ userName: 'ÅSA.Öberg@example.com' }));
  assert.equal(userName, 'ÅSA.Öberg@example.com', 'as it was written');
  refused(await post('åsa.öberg@EXAMPLE.com'), 409, 'uniqueness');
  assert.deepEqual(await found('åsa.ÖBERG@example.com'), [id]);
});

test('P-5-02: a password keeps its case', async () => {
  const store = server.store;
  assert.ok(store !== undefined);
  const tenant = (await store.tenants()).find(({ name }) => name === client.tenant)?.number as number;
  const matches = async (id: string, password: string) => {
    const [, , cost, salt, hash] = ((await store.credential(tenant, id)) ?? '').split('$');
    const [ln, r, p] = ((cost ?? '').match(/\d+/g) ?? []).map(Number) as [number, number, number];
    const derived = scryptSync(password, Buffer.from(salt ?? '', 'base64'), 32, {
      N: 2 ** ln,
      r,
      p,
      maxmem: 2 ** 28,
    });
    return derived.equals(Buffer.from(hash ?? '', 'base64'));
  };
  const { id } = await client.create('/Users', newUser({ password: 'Corre\u0301ct Horse\u00A0Ⅳ' }));
  assert.ok(await matches(id, 'Corréct Horse Ⅳ'), 'NFC, and blanks of every kind are blanks (RFC 8265 §4.2)');
  assert.ok(!(await matches(id, 'corréct horse ⅳ')));
});
