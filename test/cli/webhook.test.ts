/** scimd webhook, against a running server and a real receiver. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type Receiver, startReceiver } from '../events/receiver.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };
const server = await serving(['serve', '--port', '0'], place);
const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';
let app: Receiver;
let id: string;
after(async () => {
  await app?.close();
  await server.stop();
});

/** What any of the commands prints. */
interface Shown {
  readonly id: string;
  readonly secret: string;
  readonly secrets: number;
  readonly behind: number;
  readonly replayed: number;
  readonly attempts: readonly { readonly status: number }[];
}

const webhook = (...args: string[]) => scimd(['webhook', ...args], place);
async function json(...args: string[]): Promise<Shown> {
  const { status, stdout, stderr } = await webhook(...args, '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}
async function create(): Promise<string> {
  const response = await fetch(`${server.url}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify(newUser()),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

describe('scimd webhook', () => {
  for (const [args, why] of [
    [['http://app.example.com/'], /must begin with https/],
    [['https://127.0.0.1/'], /not an address of the public internet[\s\S]*--allow-private/],
    [['nowhere'], /is not a URL/],
    [['https://app.example.com/', '--type', 'user.removed'], /none of the events: .*user\.deleted/],
    [['https://app.example.com/', '--batch', '501'], /1 to 500/],
    [['https://app.example.com/', '--from', '99'], /is no position/],
  ] as const)
    test(`create ${args.join(' ')} is refused`, async () => {
      const { status, stderr } = await webhook('create', ...args);
      assert.equal(status, 2);
      assert.match(stderr, why);
    });

  test('create prints the secret, and the server that runs delivers from then on', async () => {
    app = await startReceiver();
    const made = await json('create', app.url, '--allow-private', '--type', 'user.created');
    assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    ({ id } = made);
    app.secret = made.secret;
    const user = await create();
    await until('the event', () => app.received.length === 1);
    const [event] = app.events();
    assert.ok(event?.type === 'user.created');
    assert.equal(event.subject.id, user);
  });

  test('create with an ed25519 key prints the public one too, and in a pipe nothing else', async () => {
    const { stdout } = await webhook(
      'create',
      'https://app.example.com/hook',
      '--public-key',
      '--batch',
      '100',
    );
    const [secret = '', key = '', ...rest] = stdout.trimEnd().split('\n');
    assert.match(secret, /^whsec_/);
    assert.match(key, /^whpk_/);
    assert.deepEqual(rest, []);
    const found = (await json('list')) as unknown as { id: string; url: string }[];
    const other = found.find(({ url }) => url === 'https://app.example.com/hook');
    assert.equal((await webhook('delete', other?.id ?? '')).status, 0);
  });

  test('list and show tell state, position and attempts, and no secret', async () => {
    const { stdout } = await webhook('list');
    assert.match(stdout, new RegExp(`${id} +default +active +\\d+ +user\\.created +${app.url}`));
    assert.doesNotMatch(stdout, /whsec_/);
    const shown = await until(
      'the position',
      async () => {
        const found = await json('show', id);
        return found.behind === 0 && found;
      },
      200,
    );
    assert.equal(shown.attempts[0]?.status, 204);
    assert.doesNotMatch(JSON.stringify(shown), /whsec_/);
    assert.match((await webhook('show', id)).stdout, /AT +TRY +ANSWER/);
  });

  test('test sends an event now and tells the answer', async () => {
    const { status, stdout } = await webhook('test', id);
    assert.equal(status, 0);
    assert.match(stdout, /it answered 204 in \d+ ms/);
    assert.equal(app.events().at(-1)?.type, 'endpoint.test');
    app.answer = (_message, response) => {
      response.writeHead(503).end('later');
      return undefined;
    };
    const failed = await webhook('test', id);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /it answered 503, not 2xx[\s\S]*later/);
    app.answer = undefined;
  });

  test('pause holds back, resume goes on where it was', async () => {
    await json('pause', id);
    // The server hears of it within its next lease.
    await new Promise((resolve) => setTimeout(resolve, 3500));
    let before = 0;
    await until('it to hold back', async () => {
      before = app.received.length;
      await create();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return app.received.length === before;
    });
    await json('resume', id);
    await until('the event', () => app.received.length > before);
  });

  test('rotate: messages are signed with both secrets', async () => {
    const { secret, secrets } = await json('rotate', id, '--overlap', '1h');
    assert.notEqual(secret, app.secret);
    assert.equal(secrets, 2);
    assert.equal((await webhook('test', id)).status, 0);
    app.secret = secret;
    assert.equal((await webhook('test', id)).status, 0);
  });

  test('replay sends events once more', async () => {
    app.received.length = 0;
    const { replayed } = await json('replay', id, '--from', '1', '--to', '1');
    assert.equal(replayed, 1);
    await until('the event again', () => app.events().some(({ type }) => type === 'user.created'));
    assert.equal((await json('replay', id, '--from', 'oldest')).replayed, 1, 'the oldest event alone');
    assert.match((await webhook('replay', id, '--from', '99')).stderr, /is no position/);
  });

  test('what there is not is told', async () => {
    for (const command of ['show', 'test', 'pause', 'resume', 'rotate', 'delete']) {
      const { status, stderr } = await webhook(command, 'nothing');
      assert.equal(status, 1);
      assert.match(stderr, /There is no endpoint nothing[\s\S]*scimd webhook list/);
    }
    assert.equal((await webhook('delete', id)).status, 0);
    assert.equal((await webhook('show', id)).status, 1);
  });

  test('what was done stands in the record of actions, with who did it', () => {
    const db = new Sqlite(join(place.folder, 'scimd.db'), { readonly: true });
    const actions = db
      .prepare<[string], { action: string; actor: string; detail: string }>(
        'SELECT action, actor, detail FROM admin_action WHERE subject = ? ORDER BY number',
      )
      .all(id);
    db.close();
    assert.deepEqual(
      actions.map(({ action }) => action),
      [
        ...['webhook.create', 'webhook.pause', 'webhook.resume', 'webhook.rotate', 'webhook.replay'],
        ...['webhook.replay', 'webhook.delete'],
      ],
    );
    for (const { actor } of actions) assert.match(actor, /, at the command line$/);
    assert.equal(actions.at(-1)?.detail, app.url);
  });
});
