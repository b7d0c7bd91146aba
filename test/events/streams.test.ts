/** Streams of security event tokens: Shared Signals Framework 1.0, polled (RFC 8936). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { newUser, patchOp, startScimd, type TestServer } from '../server.ts';
import {
  poll,
  prov,
  push,
  type ReceiverClient,
  receiverOf,
  sessionRevoked,
  streamUpdated,
  verification,
} from './receiver-client.ts';

let server: TestServer;
let receiver: ReceiverClient;
before(async () => {
  server = await startScimd();
  receiver = await receiverOf(server);
});
after(() => server.close());

async function createUser(): Promise<string> {
  const { json } = await server.request('POST', '/Users', { body: newUser() });
  return json.id;
}
const patchTitle = (id: string, value: string) =>
  server.request('PATCH', `/Users/${id}`, { body: patchOp({ op: 'replace', path: 'title', value }) });

describe('SSF 1.0 §7: discovery', () => {
  test('/.well-known/ssf-configuration names this issuer, its keys and its endpoints, to anybody', async () => {
    const url = `${receiver.origin}/.well-known/ssf-configuration`;
    const { status, json, headers } = await server.request('GET', url, { token: null });
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.equal(json.issuer, receiver.origin);
    assert.equal(json.spec_version, '1_0');
    assert.deepEqual(json.delivery_methods_supported, [push, poll]);
    assert.equal(json.default_subjects, 'ALL');
    assert.ok(
      json.authorization_schemes.some(
        (each: object) => 'spec_urn' in each && each.spec_urn === 'urn:ietf:rfc:6749',
      ),
    );
    const names = ['configuration', 'status', 'add_subject', 'remove_subject', 'verification'];
    for (const endpoint of names) {
      const there = await server.request('OPTIONS', json[`${endpoint}_endpoint`], { token: receiver.token });
      assert.equal(there.status, 405, endpoint);
    }
    const keys = await server.request('GET', json.jwks_uri, { token: null });
    assert.equal(keys.headers.get('content-type'), 'application/jwk-set+json');
    assert.equal(keys.json.keys.length, 1);
  });
});

describe('SSF 1.0 §8.1.1: configuration', () => {
  test('a stream without a word of delivery is polled; GET has it, alone and in the list', async () => {
    const stream = await receiver.create({ description: 'all' });
    assert.equal(stream.iss, receiver.origin);
    assert.equal(typeof stream.aud, 'string');
    assert.equal(stream.delivery.method, poll);
    assert.ok(stream.delivery.endpoint_url.startsWith(`${receiver.origin}/ssf/poll/`));
    assert.ok(!('events_requested' in stream));
    assert.ok(stream.events_delivered.includes(prov('patch:notice')));
    assert.ok(
      !stream.events_delivered.some((uri: string) => uri.endsWith(':full')),
      'notice is the usual form',
    );
    const one = await receiver.send('GET', `/ssf/streams?stream_id=${stream.stream_id}`);
    assert.deepEqual(one.json, stream);
    assert.equal(one.headers.get('cache-control'), 'no-store');
    const all = await receiver.send('GET', '/ssf/streams');
    assert.deepEqual(
      all.json.filter((each: { stream_id: string }) => each.stream_id === stream.stream_id),
      [stream],
    );
  });

  test('events_delivered is what is asked for and known; what is not known is ignored', async () => {
    const events_requested = [sessionRevoked, 'https://example.com/unknown', prov('delete')];
    const stream = await receiver.create({ events_requested });
    assert.deepEqual(stream.events_requested, events_requested);
    assert.deepEqual([...stream.events_delivered].sort(), [sessionRevoked, prov('delete')].sort());
    const id = await createUser();
    await server.request('DELETE', `/Users/${id}`);
    const tokens = await receiver.take(stream);
    assert.deepEqual(
      tokens.map(({ events }) => Object.keys(events)),
      [[prov('delete')], [sessionRevoked]],
    );
  });

  test('PATCH changes what it names, PUT clears what it leaves out; iss and aud are the transmitter’s', async () => {
    const stream = await receiver.create({ description: 'one', events_requested: [prov('delete')] });
    const { stream_id, iss, aud } = stream;
    const patched = await receiver.send('PATCH', '/ssf/streams', { stream_id, iss, aud, description: 'two' });
    assert.deepEqual(patched.json, { ...stream, description: 'two' });
    for (const wrong of [{ aud: 'https://other.example.com' }, { iss: 'x' }, { events_delivered: [] }]) {
      const { status, json } = await receiver.send('PATCH', '/ssf/streams', { stream_id, ...wrong });
      assert.equal(status, 400);
      assert.match(json.detail, new RegExp(Object.keys(wrong)[0] ?? ''));
    }
    const replaced = await receiver.send('PUT', '/ssf/streams', { ...patched.json, description: undefined });
    assert.equal(replaced.status, 200);
    assert.ok(!('description' in replaced.json));
    assert.deepEqual(replaced.json.events_requested, [prov('delete')]);
    const cleared = await receiver.send('PUT', '/ssf/streams', { stream_id });
    assert.ok(!('events_requested' in cleared.json));
    assert.equal(cleared.json.delivery.method, poll);
  });

  test('DELETE ends it: it is gone for everything', async () => {
    const { stream_id, delivery } = await receiver.create();
    assert.equal((await receiver.send('DELETE', '/ssf/streams')).status, 400);
    assert.equal((await receiver.send('DELETE', `/ssf/streams?stream_id=${stream_id}`)).status, 204);
    const gone = [
      ['GET', `/ssf/streams?stream_id=${stream_id}`],
      ['DELETE', `/ssf/streams?stream_id=${stream_id}`],
      ['GET', `/ssf/status?stream_id=${stream_id}`],
      ['PATCH', '/ssf/streams', { stream_id }],
      ['POST', '/ssf/status', { stream_id, status: 'paused' }],
      ['POST', '/ssf/verify', { stream_id }],
      ['POST', '/ssf/subjects/add', { stream_id, subject: { format: 'opaque', id: 'x' } }],
      ['POST', delivery.endpoint_url, {}],
    ] as const;
    for (const [method, path, body] of gone)
      assert.equal((await receiver.send(method, path, body)).status, 404, `${method} ${path}`);
  });

  test('what cannot be is 400, and says what and where', async () => {
    const wrong: [object, RegExp][] = [
      [{ delivery: { method: 'urn:example' } }, /delivery/],
      [{ delivery: { method: push } }, /delivery/],
      [{ events_requested: 'all' }, /events_requested must be a list/],
      [
        { delivery: { method: push, endpoint_url: 'https://127.0.0.1/events' } },
        /endpoint_url: 127\.0\.0\.1/,
      ],
      [
        { delivery: { method: push, endpoint_url: 'https://10.0.0.8/events' } },
        /not an address of the public/,
      ],
      [{ delivery: { method: push, endpoint_url: 'not a URL' } }, /endpoint_url/],
    ];
    for (const [body, detail] of wrong) {
      const { status, json } = await receiver.send('POST', '/ssf/streams', body);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(json.detail, detail);
    }
    assert.equal((await receiver.send('POST', '/ssf/streams', '{')).status, 400);
    assert.equal((await receiver.send('POST', '/ssf/nothing', {})).status, 404);
  });

  test('a token that replaces another of its name has its streams; one of scope admin sees all', async () => {
    const { stream_id } = await receiver.create();
    const admin = await server.newToken({ scope: 'admin' });
    const { json } = await server.request('GET', `${receiver.origin}/ssf/streams`, { token: admin });
    assert.ok(json.some((each: { stream_id: string }) => each.stream_id === stream_id));
  });
});

describe('SSF 1.0 §8.1.2: status', () => {
  const setStatus = (stream_id: string, status: string, more = {}) =>
    receiver.send('POST', '/ssf/status', { stream_id, status, ...more });

  test('while it is paused nothing comes, and all of it when it is enabled again', async () => {
    const stream = await receiver.create();
    const { stream_id } = stream;
    const enabled = await receiver.send('GET', `/ssf/status?stream_id=${stream_id}`);
    assert.deepEqual(enabled.json, { stream_id, status: 'enabled' });
    const paused = await setStatus(stream_id, 'paused', { reason: 'maintenance' });
    assert.deepEqual(paused.json, { stream_id, status: 'paused', reason: 'maintenance' });
    const id = await createUser();
    assert.deepEqual(await receiver.take(stream), []);
    assert.deepEqual((await setStatus(stream_id, 'enabled')).json, { stream_id, status: 'enabled' });
    const [token] = await receiver.take(stream);
    assert.equal(token.sub_id.uri, `/Users/${id}`);
  });

  test('while it is disabled nothing is held', async () => {
    const stream = await receiver.create();
    const { stream_id } = stream;
    await createUser();
    assert.equal((await receiver.take(stream, { acknowledge: false })).length, 1);
    assert.equal((await setStatus(stream_id, 'disabled')).json.status, 'disabled');
    await createUser();
    await setStatus(stream_id, 'enabled');
    const id = await createUser();
    const tokens = await receiver.take(stream);
    assert.deepEqual(
      tokens.map(({ sub_id }) => sub_id.uri),
      [`/Users/${id}`],
    );
  });

  test('another status is refused', async () => {
    const { stream_id } = await receiver.create();
    const { status, json } = await setStatus(stream_id, 'off');
    assert.equal(status, 400);
    assert.match(json.detail, /status must be enabled, paused or disabled/);
  });
});

describe('SSF 1.0 §8.1.3: subjects', () => {
  test('a person is removed by each format, and added again; events between are not told later', async () => {
    const stream = await receiver.create();
    const { json: user } = await server.request('POST', '/Users', {
      body: newUser({ externalId: '00u9', emails: [{ value: 'Jane.Doe@example.com', type: 'work' }] }),
    });
    const subjects = [
      { format: 'scim', uri: `/Users/${user.id}` },
      { format: 'scim', externalId: '00u9' },
      { format: 'email', email: 'jane.doe@example.com' },
      { format: 'opaque', id: user.id },
      { format: 'iss_sub', iss: receiver.origin, sub: user.id },
      { format: 'complex', user: { format: 'opaque', id: user.id } },
    ];
    await receiver.take(stream);
    for (const [index, subject] of subjects.entries()) {
      const about = { stream_id: stream.stream_id, subject };
      const removed = await receiver.send('POST', '/ssf/subjects/remove', about);
      assert.equal(removed.status, 204, JSON.stringify(subject));
      await patchTitle(user.id, `hidden ${index}`);
      const added = await receiver.send('POST', '/ssf/subjects/add', { ...about, verified: true });
      assert.equal(added.status, 200);
      assert.equal(added.text, '');
      await patchTitle(user.id, `told ${index}`);
      const told = (await receiver.take(stream)).filter(({ events }) => prov('patch:notice') in events);
      assert.equal(told.length, 1, JSON.stringify(subject));
    }
  });

  test('who is not known is 404, and a format that names nobody here 400', async () => {
    const { stream_id } = await receiver.create();
    const statusOf = async (subject: object) =>
      (await receiver.send('POST', '/ssf/subjects/remove', { stream_id, subject })).status;
    assert.equal(await statusOf({ format: 'email', email: 'nobody@example.com' }), 404);
    assert.equal(await statusOf({ format: 'scim', uri: '/Users/none' }), 404);
    // The id is that of a person, and no group has it.
    const { json: user } = await server.request('POST', '/Users', { body: newUser() });
    assert.equal(await statusOf({ format: 'scim', uri: `/Groups/${user.id}` }), 404);
    assert.equal(await statusOf({ format: 'scim', uri: `${server.base}/Users/${user.id}` }), 204);
    assert.equal(await statusOf({ format: 'phone_number', phone_number: '+12065550100' }), 400);
    assert.equal(await statusOf({ format: 'iss_sub', iss: 'https://other.example.com', sub: 'x' }), 400);
  });
});

describe('SSF 1.0 §8.1.4: verification', () => {
  test('the stream itself is its subject, and state comes back as it was given', async () => {
    const stream = await receiver.create();
    const { stream_id } = stream;
    assert.equal(
      (await receiver.send('POST', '/ssf/verify', { stream_id, state: 'VGhpcyBpcyA=' })).status,
      204,
    );
    assert.equal((await receiver.send('POST', '/ssf/verify', { stream_id })).status, 204);
    const tokens = await receiver.take(stream);
    assert.deepEqual(
      tokens.map(({ events }) => events),
      [{ [verification]: { state: 'VGhpcyBpcyA=' } }, { [verification]: {} }],
    );
    for (const token of tokens) {
      assert.deepEqual(token.sub_id, { format: 'opaque', id: stream_id });
      assert.equal(token.aud, stream.aud);
    }
    assert.deepEqual(await receiver.take(stream), []);
  });

  test('a receiver that asks and never takes is told to wait', async () => {
    const { stream_id } = await receiver.create();
    let last = 0;
    for (let count = 0; count <= 100; count++)
      last = (await receiver.send('POST', '/ssf/verify', { stream_id })).status;
    assert.equal(last, 429);
  });
});

describe('RFC 8936: polling', () => {
  const pollOnce = async (stream: { delivery: { endpoint_url: string } }, body: object) => {
    const answer = await receiver.send('POST', stream.delivery.endpoint_url, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.json as { sets: Record<string, string>; moreAvailable?: boolean };
  };

  test('§2.4: what is not acknowledged comes again under the same jti; what is does not', async () => {
    const stream = await receiver.create();
    await createUser();
    await createUser();
    const first = Object.keys((await pollOnce(stream, { returnImmediately: true })).sets);
    assert.equal(first.length, 2);
    // Out of order.
    const [one = '', two = ''] = first;
    const next = await pollOnce(stream, { returnImmediately: true, ack: [two] });
    assert.deepEqual(Object.keys(next.sets), [one]);
    const last = await pollOnce(stream, { returnImmediately: true, ack: [one, two, 'nonsense'] });
    assert.deepEqual(last.sets, {});
  });

  test('§2.4: what comes again is the same token byte for byte, whatever became of its resource', async () => {
    const stream = await receiver.create({ events_requested: [prov('create:full'), prov('patch:notice')] });
    const { json: user } = await server.request('POST', '/Users', { body: newUser({ externalId: 'first' }) });
    const { sets } = await pollOnce(stream, { returnImmediately: true });
    const [[jti, token] = []] = Object.entries(sets);
    await server.request('PATCH', `/Users/${user.id}`, {
      body: patchOp({ op: 'replace', path: 'externalId', value: 'second' }),
    });
    // Into the next second, which `iat` would be.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const both = await pollOnce(stream, { returnImmediately: true });
    assert.deepEqual(Object.entries(both.sets)[0], [jti, token]);
    assert.equal(Object.keys(both.sets).length, 2);
    await server.request('DELETE', `/Users/${user.id}`);
    const later = await pollOnce(stream, { returnImmediately: true });
    assert.deepEqual(Object.entries(later.sets), Object.entries(both.sets));
    const none = await pollOnce(stream, { returnImmediately: true, ack: Object.keys(later.sets) });
    assert.deepEqual(none.sets, {});
  });

  test('§2.2: maxEvents holds, moreAvailable tells of the rest, and 0 only acknowledges', async () => {
    const stream = await receiver.create();
    for (let count = 0; count < 5; count++) await createUser();
    const seen = new Set<string>();
    let answer = await pollOnce(stream, { maxEvents: 2, returnImmediately: true });
    for (; ; answer = await pollOnce(stream, { maxEvents: 2, returnImmediately: true })) {
      const jtis = Object.keys(answer.sets);
      assert.ok(jtis.length <= 2);
      for (const jti of jtis) seen.add(jti);
      const none = await pollOnce(stream, { maxEvents: 0, ack: jtis, returnImmediately: true });
      assert.deepEqual(none.sets, {});
      assert.equal(none.moreAvailable === true, answer.moreAvailable === true);
      if (answer.moreAvailable !== true) break;
    }
    // SGNL's receiver for Go reads every member of the answer as an object of tokens.
    assert.deepEqual(Object.keys(answer), ['sets']);
    assert.equal(seen.size, 5);
  });

  test('§2.4: a long poll answers when something happens', async () => {
    const stream = await receiver.create();
    const started = performance.now();
    const waiting = pollOnce(stream, {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    await createUser();
    const { sets } = await waiting;
    assert.equal(Object.keys(sets).length, 1);
    const took = performance.now() - started;
    assert.ok(took > 250 && took < 10_000, `${took}`);
    // A verification wakes it too.
    const other = pollOnce(stream, { ack: Object.keys(sets) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await receiver.send('POST', '/ssf/verify', { stream_id: (stream as { stream_id?: string }).stream_id });
    assert.equal(Object.keys((await other).sets).length, 1);
  });

  test('a receiver that comes when changes are not kept any more is told which, and goes on behind them', async () => {
    const stream = await receiver.create();
    await createUser();
    await createUser();
    const later = new Date(Date.now() + 60_000);
    while (((await server.store?.pruneChanges(later, 1000)) ?? 0) > 0);
    const id = await createUser();
    const [gap, token, ...others] = await receiver.take(stream);
    assert.match(gap.events[streamUpdated].reason, /^Changes \d+ to \d+ are not kept any more/);
    assert.equal(gap.events[streamUpdated].status, 'enabled');
    assert.equal(token.sub_id.uri, `/Users/${id}`);
    assert.deepEqual(others, []);
  });

  test('iat is of the clock of the server, of a token about the stream itself too', async (t) => {
    const day = 24 * 60 * 60 * 1000;
    const own = await startScimd({ clock: () => new Date(Date.now() + day) });
    t.after(() => own.close());
    const client = await receiverOf(own);
    const stream = await client.create();
    await client.send('POST', '/ssf/verify', { stream_id: stream.stream_id });
    await own.request('POST', '/Users', { body: newUser() });
    const tokens = await client.take(stream);
    assert.equal(tokens.length, 2);
    for (const { iat } of tokens) assert.ok(Math.abs(iat - (Date.now() + day) / 1000) < 60, `${iat}`);
  });

  test('a database that was restored is told in its place, and no id of a token is that of an earlier one', async () => {
    const stream = await receiver.create();
    await createUser();
    const [before] = await receiver.take(stream);
    assert.equal(await server.store?.noteRestored({ kind: 'cli', name: 'jane' }), 1);
    const id = await createUser();
    const [told, token, ...others] = await receiver.take(stream);
    const [kept] = before.jti.split('-');
    assert.deepEqual(told.events[streamUpdated], {
      status: 'enabled',
      reason: `The database was restored, and what came after change ${kept} is taken back: read all resources anew`,
    });
    assert.equal(token.sub_id.uri, `/Users/${id}`);
    assert.ok(Number(token.jti.split('-')[0]) > Number(kept) + 1_000_000_000, token.jti);
    assert.deepEqual(others, []);
  });

  test('§2.4.4: a token with an error does not come again, and the error is evidence', async () => {
    const stream = await receiver.create();
    await createUser();
    const [jti = ''] = Object.keys((await pollOnce(stream, { returnImmediately: true })).sets);
    const setErrs = { [jti]: { err: 'invalid_key', description: 'The key is not known' } };
    assert.deepEqual((await pollOnce(stream, { setErrs, returnImmediately: true })).sets, {});
    const [attempt] = (await server.store?.outbox.attempts(stream.stream_id, 1)) ?? [];
    assert.equal(attempt?.message, jti);
    assert.equal(attempt?.status, 400);
    assert.match(attempt?.answer ?? '', /invalid_key/);
  });

  test('§2.5.1: a poll that cannot be read is 400 and says why', async () => {
    const { delivery } = await receiver.create();
    for (const body of [
      { maxEvents: -1 },
      { maxEvents: 'x' },
      { ack: 'x' },
      { setErrs: { a: 1 } },
      '[',
      [],
    ]) {
      const { status } = await receiver.send('POST', delivery.endpoint_url, body);
      assert.equal(status, 400, JSON.stringify(body));
    }
  });
});
