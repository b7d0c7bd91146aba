import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newUser, startScimd, type TestServer } from '../server.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

test('E-4-01: without securityEvents in ServiceProviderConfig there are no events and no asynchronous requests', async () => {
  const { json } = await server.request('GET', '/ServiceProviderConfig');
  assert.ok(!('securityEvents' in json));
});

test('E-2.5.1.1-01: Prefer: respond-async is not honoured: the answer is the usual one', async () => {
  for (const prefer of ['respond-async', 'respond-async, wait=10', 'wait=1']) {
    const answer = await server.request('POST', '/Users', { body: newUser(), headers: { prefer } });
    assert.equal(answer.status, 201);
    assert.ok(answer.json.id);
    assert.equal(answer.headers.get('preference-applied'), null);
    assert.equal(answer.headers.get('set-txn'), null);
  }
});
