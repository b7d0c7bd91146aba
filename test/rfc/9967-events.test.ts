/** RFC 9967: security event tokens of what happens to resources, as a receiver polls them (RFC 8936). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import {
  credentialChange,
  prov,
  push,
  type ReceiverClient,
  receiverOf,
  sessionRevoked,
} from '../events/receiver-client.ts';
import { verified } from '../events/set-receiver.ts';
import { enterpriseSchema, newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';

let server: TestServer;
let receiver: ReceiverClient;
// biome-ignore lint/suspicious/noExplicitAny: the configuration of a stream
let notices: any;
// biome-ignore lint/suspicious/noExplicitAny: the configuration of a stream
let full: any;

const forms = ['create', 'patch', 'put'].map((name) => prov(`${name}:full`));
before(async () => {
  // In this process, whatever SCIMD_COMMAND says: a test locks somebody in the store.
  server = await startScimd({ basePath: '/scim/v2' });
  receiver = await receiverOf(server);
  notices = await receiver.create();
  full = await receiver.create({ events_requested: [...forms, prov('delete')] });
});
after(() => server.close());

/** Takes what is there already, so that the next tokens are of what comes now. */
async function fresh(): Promise<void> {
  await receiver.take(notices);
  await receiver.take(full);
}

async function created(endpoint: string, body: object): Promise<string> {
  const { status, json, text } = await server.request('POST', endpoint, { body });
  assert.equal(status, 201, text);
  return json.id;
}

describe('RFC 9967 §2.1: the subject', () => {
  test('E-2.1-01: sub_id is in the body of the token, of the format scim, with a URI relative to the base', async () => {
    await fresh();
    const id = await created('/Users', newUser());
    const [token] = await receiver.take(notices);
    assert.deepEqual(token.sub_id, { format: 'scim', uri: `/Users/${id}` });
    for (const payload of Object.values(token.events)) assert.ok(!('sub_id' in (payload as object)));
    assert.equal((await server.request('GET', token.sub_id.uri)).json.id, id);
  });

  test('E-2.1-02: no token has the claim sub, nor exp (SSF 1.0 §4.1)', async () => {
    await fresh();
    const id = await created('/Users', newUser());
    await server.request('DELETE', `/Users/${id}`);
    const tokens = await receiver.take(notices);
    assert.equal(tokens.length, 3);
    for (const token of tokens) assert.ok(!('sub' in token) && !('exp' in token));
  });

  test('E-2.1-03: externalId is beside the URI where there is one, also when the resource is gone', async () => {
    await fresh();
    const id = await created('/Users', newUser({ externalId: '00u7' }));
    const [first] = await receiver.take(notices);
    await server.request('DELETE', `/Users/${id}`);
    const [gone, session] = await receiver.take(notices);
    for (const token of [first, gone, session])
      assert.deepEqual(token.sub_id, { format: 'scim', uri: `/Users/${id}`, externalId: '00u7' });
  });
});

describe('RFC 9967 §2.2: common attributes', () => {
  test('E-2.2-01: txn is one over all tokens of a request, on every try and in every stream; jti is the token’s own', async () => {
    await fresh();
    const id = await created('/Users', newUser());
    await created('/Groups', newGroup({ members: [{ value: id }] }));
    await fresh();
    await server.request('DELETE', `/Users/${id}`);
    const first = await receiver.take(notices, { acknowledge: false });
    const again = await receiver.take(notices);
    const other = await receiver.take(full);
    assert.ok(first.length >= 3, 'the user, the session, and the group that they left');
    assert.equal(new Set([...first, ...again, ...other].map(({ txn }) => txn)).size, 1);
    assert.ok(first[0].txn.length > 0);
    assert.deepEqual(
      first.map(({ jti }) => jti),
      again.map(({ jti }) => jti),
    );
    const ids = [...first, ...other].map(({ jti }) => jti);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('E-2.2-02: exactly one of data and attributes is in each payload that is not empty', async () => {
    await fresh();
    const id = await created('/Users', newUser());
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'add', path: 'title', value: 'A' }),
    });
    await server.request('PUT', `/Users/${id}`, { body: newUser({ title: 'B' }) });
    const check = (tokens: readonly { events: object }[], member: string): void => {
      const payloads = tokens.flatMap(({ events }) => Object.values(events));
      assert.equal(payloads.length, 3);
      for (const payload of payloads)
        assert.deepEqual(
          ['data', 'attributes'].filter((name) => name in payload),
          [member],
        );
    };
    check(await receiver.take(notices), 'attributes');
    check(await receiver.take(full), 'data');
  });

  test('E-2.2-03: names in attributes are paths of PATCH', async () => {
    const id = await created('/Users', newUser());
    await fresh();
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp(
        { op: 'add', path: 'title', value: 'A' },
        { op: 'add', path: `${enterpriseSchema}:department`, value: 'Sales' },
      ),
    });
    const [token] = await receiver.take(notices);
    const { attributes } = token.events[prov('patch:notice')];
    assert.deepEqual([...attributes].sort(), ['title', `${enterpriseSchema}:department`]);
    for (const path of attributes) {
      const removal = patchOp({ op: 'remove', path });
      const { status } = await server.request('PATCH', `/Users/${id}`, { body: removal });
      assert.ok(status === 200 || status === 204, `${path}: ${status}`);
    }
  });

  test('E-2.2-04: version is the ETag that the change made', async () => {
    const id = await created('/Users', newUser());
    await fresh();
    const { headers } = await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'add', path: 'title', value: 'A' }),
    });
    const [token] = await receiver.take(notices);
    assert.equal(token.events[prov('patch:notice')].version, headers.get('etag'));
  });
});

test('E-2.3-01: feed:remove and feed:add tell that a receiver’s stream lost a resource and has it again', async () => {
  const id = await created('/Users', newUser());
  await fresh();
  const subject = { format: 'scim', uri: `/Users/${id}` };
  const about = { stream_id: notices.stream_id, subject };
  assert.equal((await receiver.send('POST', '/ssf/subjects/remove', about)).status, 204);
  await server.request('PATCH', `/Users/${id}`, { body: patchOp({ op: 'add', path: 'title', value: 'A' }) });
  assert.equal((await receiver.send('POST', '/ssf/subjects/add', about)).status, 200);
  const tokens = await receiver.take(notices);
  assert.deepEqual(
    tokens.map(({ events }) => Object.keys(events)),
    [['urn:ietf:params:scim:event:feed:remove'], ['urn:ietf:params:scim:event:feed:add']],
  );
  for (const token of tokens) assert.deepEqual(token.sub_id, subject);
});

describe('RFC 9967 §2.4: provisioning events', () => {
  test('E-2.4-01: full events carry data, notices carry attributes, of POST, PUT and PATCH', async () => {
    await fresh();
    const id = await created('/Users', newUser({ title: 'A' }));
    await server.request('PUT', `/Users/${id}`, { body: newUser({ title: 'B' }) });
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'replace', path: 'title', value: 'C' }),
    });
    const uris = (tokens: readonly { events: object }[]) => tokens.map(({ events }) => Object.keys(events));
    assert.deepEqual(uris(await receiver.take(notices)), [
      [prov('create:notice')],
      [prov('put:notice')],
      [prov('patch:notice')],
    ]);
    const tokens = await receiver.take(full);
    assert.deepEqual(uris(tokens), [[prov('create:full')], [prov('put:full')], [prov('patch:full')]]);
    const [, put, patch] = tokens;
    assert.equal(put.events[prov('put:full')].data.id, id);
    // RFC 9967 figure 6: what a PATCH did, as a PatchOp.
    assert.deepEqual(
      patch.events[prov('patch:full')].data,
      patchOp({ op: 'replace', path: 'title', value: 'C' }),
    );
  });

  test('E-2.4-02: create:full has the final representation with its id, and no password', async () => {
    await fresh();
    const id = await created('/Users', newUser({ password: 'correct horse battery', title: 'A' }));
    const [token] = await receiver.take(full);
    const { data } = token.events[prov('create:full')];
    const { json } = await server.request('GET', `/Users/${id}`);
    assert.equal(data.meta.version, json.meta.version);
    assert.deepEqual({ ...data, meta: undefined }, { ...json, meta: undefined });
    assert.ok(!JSON.stringify(token).includes('correct horse'));
    assert.ok(!('password' in data));
  });

  test('E-2.4-03: a notice lists what was created or changed', async () => {
    await fresh();
    const id = await created('/Users', newUser({ title: 'A', [enterpriseSchema]: { department: 'Sales' } }));
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp(
        { op: 'replace', path: 'title', value: 'B' },
        { op: 'add', path: 'nickName', value: 'Babs' },
      ),
    });
    const [create, patch] = await receiver.take(notices);
    const { attributes } = create.events[prov('create:notice')];
    for (const name of ['id', 'userName', 'title', `${enterpriseSchema}:department`])
      assert.ok(attributes.includes(name), name);
    assert.ok(!attributes.includes('meta') && !attributes.includes('schemas'));
    assert.deepEqual([...patch.events[prov('patch:notice')].attributes].sort(), ['nickName', 'title']);
  });

  test('a changed password is named in a notice, and in no form told', async () => {
    const id = await created('/Users', newUser());
    await fresh();
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'replace', path: 'password', value: 'correct horse battery' }),
    });
    const tokens = await receiver.take(notices);
    assert.deepEqual(tokens[0].events[prov('patch:notice')].attributes, ['password']);
    assert.equal(tokens[1].events[credentialChange].credential_type, 'password');
    assert.equal(tokens[1].events[credentialChange].change_type, 'update');
    assert.deepEqual(await receiver.take(full), []);
  });

  test('E-2.4-04: delete has no payload and no suffix, and no feed:remove comes with it', async () => {
    const id = await created('/Users', newUser());
    await fresh();
    await server.request('DELETE', `/Users/${id}`);
    const tokens = await receiver.take(notices);
    assert.deepEqual(
      tokens.map(({ events }) => Object.keys(events)),
      [[prov('delete')], [sessionRevoked]],
    );
    assert.deepEqual(tokens[0].events, { [prov('delete')]: {} });
    assert.deepEqual((await receiver.take(full))[0].events, { [prov('delete')]: {} });
  });

  test('E-2.4-05: deactivate and activate stand beside the PATCH that made them, without payload', async () => {
    const id = await created('/Users', newUser({ active: true }));
    await fresh();
    for (const value of [false, true])
      await server.request('PATCH', `/Users/${id}`, {
        body: patchOp({ op: 'replace', path: 'active', value }),
      });
    const [off, revoked, on] = await receiver.take(notices);
    assert.deepEqual(Object.keys(off.events), [prov('patch:notice'), prov('deactivate')]);
    assert.deepEqual(off.events[prov('deactivate')], {});
    assert.deepEqual(Object.keys(on.events), [prov('patch:notice'), prov('activate')]);
    // CAEP 1.0 §3.1, in a token of its own (SSF 1.0 §4.2.1).
    assert.deepEqual(Object.keys(revoked.events), [sessionRevoked]);
    assert.equal(revoked.txn, off.txn);
    const payload = revoked.events[sessionRevoked];
    assert.equal(payload.initiating_entity, 'admin');
    assert.ok(Math.abs(payload.event_timestamp - Date.now() / 1000) < 60);
  });
});

test('CAEP 1.0 §3.1: whoever is locked here has no session either', async () => {
  const id = await created('/Users', newUser());
  await fresh();
  await server.store?.grants.lock(1, id, { kind: 'cli' }, 'investigation');
  const [token, ...others] = await receiver.take(notices);
  assert.deepEqual(Object.keys(token.events), [sessionRevoked]);
  assert.deepEqual(token.events[sessionRevoked].reason_admin, { en: 'The user was locked' });
  assert.equal(token.sub_id.uri, `/Users/${id}`);
  assert.deepEqual(others, []);
});

test('CAEP Interoperability Profile 1.0 §2.5: a stream of CAEP alone names people by e-mail address, or by id', async () => {
  const caep = await receiver.create({ events_requested: [sessionRevoked, credentialChange] });
  const primary = await created('/Users', {
    ...newUser(),
    emails: [{ value: 'home@example.org' }, { value: 'work@example.org', primary: true }],
  });
  const first = await created('/Users', { ...newUser(), emails: [{ value: 'first@example.org' }] });
  const named = await created('/Users', {
    ...newUser(),
    userName: 'caep.named@example.org',
    emails: undefined,
  });
  const nameless = await created('/Users', { ...newUser(), userName: 'caep nameless', emails: undefined });
  await receiver.take(caep);
  for (const id of [primary, first, named])
    await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'replace', path: 'active', value: false }),
    });
  const tokens = await receiver.take(caep);
  await server.request('DELETE', `/Users/${nameless}`);
  await server.request('DELETE', `/Users/${primary}`);
  tokens.push(...(await receiver.take(caep)));
  assert.deepEqual(
    tokens.map(({ sub_id }) => sub_id),
    [
      { format: 'email', email: 'work@example.org' },
      { format: 'email', email: 'first@example.org' },
      { format: 'email', email: 'caep.named@example.org' },
      { format: 'opaque', id: nameless },
      { format: 'email', email: 'work@example.org' },
    ],
  );
});

describe('RFC 9967 §2.5: asynchronous requests', () => {
  test('E-2.5.1.1-01: Prefer: respond-async is not honoured: the answer is the usual one', async () => {
    for (const prefer of ['respond-async', 'respond-async, wait=10', 'wait=1']) {
      const answer = await server.request('POST', '/Users', { body: newUser(), headers: { prefer } });
      assert.equal(answer.status, 201);
      assert.ok(answer.json.id);
      assert.equal(answer.headers.get('preference-applied'), null);
      assert.equal(answer.headers.get('set-txn'), null);
    }
  });
});

test('E-4-01: securityEvents says that no request is asynchronous, and which events there are', async () => {
  const { json } = await server.request('GET', '/ServiceProviderConfig');
  const { asyncRequest, eventUris } = json.securityEvents;
  assert.equal(asyncRequest, 'none');
  assert.deepEqual([...eventUris].sort(), [...notices.events_supported].sort());
  assert.ok(eventUris.includes(prov('delete')) && eventUris.includes(prov('patch:full')));
  assert.ok(!eventUris.some((uri: string) => uri.includes('asyncresp')));
});

test('E-4-01: securityEvents is there once somebody could receive: a token of scope events, or a stream', async (t) => {
  const other = await startScimd({ basePath: '/scim/v2' });
  t.after(() => other.close());
  const tells = async (): Promise<boolean> =>
    'securityEvents' in (await other.request('GET', '/ServiceProviderConfig', { token: null })).json;
  assert.equal(await tells(), false);
  const { token, create } = await receiverOf(other);
  assert.equal(await tells(), true);
  const revoke = async (): Promise<void> => {
    const tokens = (await other.store?.listTokens()) ?? [];
    const { id } = tokens.find(({ scope }) => scope === 'events') ?? assert.fail(token);
    await other.store?.revokeToken(id, new Date(0).toISOString());
  };
  const stream = await create();
  await revoke();
  assert.equal(await tells(), true);
  await other.store?.outbox.deleteEndpoint(stream.stream_id);
  assert.equal(await tells(), false);
});

describe('RFC 9967 §5: security', () => {
  test('E-5-01: tokens are pushed over TLS only', async () => {
    const delivery = { method: push, endpoint_url: 'http://receiver.example.com/events' };
    const answer = await receiver.send('POST', '/ssf/streams', { delivery });
    assert.equal(answer.status, 400);
    assert.match(answer.json.detail, /https/);
  });

  test('E-5-02: a stream is its receiver’s: not another receiver’s, another tenant’s, or a provisioning client’s', async () => {
    const url = notices.delivery.endpoint_url;
    const others = [await receiverOf(server), await receiverOf(server, 'acme')];
    for (const other of others) {
      assert.equal((await other.send('POST', url, { returnImmediately: true })).status, 404);
      assert.deepEqual((await other.send('GET', '/ssf/streams')).json, []);
      const path = `/ssf/streams?stream_id=${notices.stream_id}`;
      assert.equal((await other.send('GET', path)).status, 404);
      assert.equal((await other.send('DELETE', path)).status, 404);
    }
    const foreign = await server.request('POST', url, { body: {}, token: server.token });
    assert.equal(foreign.status, 403);
    const anonymous = await server.request('POST', url, { body: {}, token: null });
    assert.equal(anonymous.status, 401);
    assert.match(anonymous.headers.get('www-authenticate') ?? '', /Bearer/);
  });

  test('E-5-04: tokens are signed, typed, and can be verified with the published keys', async () => {
    await fresh();
    await created('/Users', newUser());
    const { json } = await receiver.send('POST', notices.delivery.endpoint_url, { returnImmediately: true });
    const [token] = Object.values(json.sets) as string[];
    const { alg, typ, kid } = decodeProtectedHeader(token ?? '');
    const published = await server.request('GET', new URL('/jwks.json', server.base).href, { token: null });
    assert.deepEqual({ alg, typ }, { alg: 'RS256', typ: 'secevent+jwt' });
    const key = published.json.keys.find((each: { kid: string }) => each.kid === kid);
    assert.deepEqual(Object.keys(key).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'], 'nothing private');
    const claims = await verified(token ?? '', receiver.origin);
    assert.equal(claims.iss, notices.iss);
    assert.equal(claims.aud, notices.aud);
    const [head, body, signature] = (token ?? '').split('.');
    const forged = Buffer.from(JSON.stringify({ ...claims, sub_id: {} })).toString('base64url');
    await assert.rejects(verified(`${head}.${forged}.${signature}`, receiver.origin));
    assert.notEqual(body, forged);
  });

  test('E-5-05: a PUT of a large group is told as a small PATCH, whatever the form', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 30; count++) ids.push(await created('/Users', newUser()));
    const members = ids.map((value) => ({ value }));
    const group = newGroup();
    const id = await created('/Groups', { ...group, members });
    await fresh();
    await server.request('PUT', `/Groups/${id}`, { body: { ...group, members: members.slice(1) } });
    const [notice] = await receiver.take(notices);
    assert.deepEqual(notice.events[prov('put:notice')].attributes, ['members']);
    const [patch] = await receiver.take(full);
    assert.deepEqual(
      patch.events[prov('patch:full')].data,
      patchOp({ op: 'remove', path: `members[value eq "${ids[0]}"]` }),
    );
  });
});
