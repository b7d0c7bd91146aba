/** Mistakes of an embedder's own code: each is told, none is stored, and none ends the process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScimd, type Hooks, type Scimd, ScimError } from '../../src/index.ts';
import { userSchema } from '../server.ts';

async function withHooks(
  hooks: Hooks,
  work: (scimd: Scimd, errors: string[]) => Promise<void>,
): Promise<void> {
  const errors: string[] = [];
  const error = ({ err }: { readonly err?: { readonly message?: string } }): void =>
    void errors.push(String(err?.message));
  const log = { info() {}, warn() {}, error, isLevelEnabled: () => false };
  const scimd = await createScimd({ database: ':memory:', log, ...hooks });
  await work(scimd, errors);
  await scimd.close();
}

async function created(scimd: Scimd): Promise<Response> {
  const { token } = await scimd.createToken({ name: 'okta' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const body = JSON.stringify({
    schemas: [userSchema],
    userName: 'ann',
    emails: [{ value: 'ann@example.com' }],
  });
  return scimd.fetch(new Request('http://localhost/scim/v2/Users', { method: 'POST', headers, body }));
}

for (const status of [200, 204, 0, 302, 700, '400', Number.NaN])
  test(`a change that is refused with the status ${JSON.stringify(status)} does not look done`, () =>
    withHooks({ before: ({ refuse }) => refuse(status as number, 'not here') }, async (scimd, errors) => {
      assert.equal((await created(scimd)).status, 500);
      assert.match(errors.join(), /status of an error must be a number from 400 to 599/);
      assert.deepEqual(await scimd.changes(), []);
    }));

test('what a hook writes into the document that it sees is not stored unchecked', () =>
  withHooks(
    {
      before({ operation, before, after, edits }) {
        const seen = { before, after, edits } as {
          before?: object;
          after: { emails: object[] };
          edits: object[];
        };
        assert.ok(Object.isFrozen(seen.edits));
        if (operation === 'patch')
          assert.throws(() => Object.assign(seen.before ?? {}, { title: 'x' }), TypeError);
        assert.throws(() => seen.after.emails.push({ value: 5 }), TypeError);
        Object.assign(seen.after, { active: 'yes' });
      },
    },
    async (scimd, errors) => {
      assert.equal((await created(scimd)).status, 500);
      assert.match(errors.join(), /read.only property 'active'/);
      assert.equal((await scimd.users.list()).totalResults, 0);
    },
  ));

for (const kept of [{ password: 'Correct horse 1' }, { members: [] }, { groups: [{ value: 'x' }] }]) {
  const [name] = Object.keys(kept);
  test(`a hook does not bring ${name} into the document, where it would be shown`, () =>
    withHooks({ before: ({ after }) => ({ ...after, ...kept }) }, async (scimd, errors) => {
      const make = name === 'members' ? scimd.groups.create({ displayName: 'a' }) : created(scimd);
      if (name !== 'members') assert.equal((await (make as Promise<Response>)).status, 500);
      const told = name === 'members' ? await make.then(String, String) : errors.join();
      assert.match(told, new RegExp(`${name} is kept apart from the document`));
      assert.deepEqual(await scimd.changes(), []);
    }));
}

test('an asynchronous within that fails later is refused, and does not end the process', () =>
  withHooks(
    {
      within: async () => {
        throw new Error('too late');
      },
    },
    async (scimd, errors) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      process.once('unhandledRejection', resolve);
      assert.equal((await created(scimd)).status, 500);
      const ended = await Promise.race([promise, new Promise((done) => setTimeout(done, 50, 'quiet'))]);
      process.removeListener('unhandledRejection', resolve);
      assert.equal(ended, 'quiet');
      assert.match(errors.join(), /does not wait for a promise/);
    },
  ));

test('calls that the compiler has not seen are refused with what is wrong, and where', () =>
  withHooks({}, async (scimd) => {
    const wrong: [call: () => Promise<unknown>, message: RegExp][] = [
      [() => scimd.createToken(undefined as never), /createToken: name must be a text/],
      [() => scimd.access.lock({ id: 'ann' } as never), /access.lock: id must be a text/],
      [() => scimd.access.unlock(undefined as never), /access.unlock: id must be a text/],
      [
        () => scimd.createToken({ name: 'a', idp: 'otka' as never }),
        /idp must be one of .* did you mean "okta"/,
      ],
      [() => scimd.createToken({ name: 'a', scope: 'all' as never }), /scope must be one of scim, read/],
      [() => scimd.createToken({ name: 'a', expires: '2030-01-01' as never }), /expires must be a Date/],
      [
        () => scimd.createToken({ name: 'a', expires: new Date('never') }),
        /expires must be a Date, not Invalid/,
      ],
      [() => scimd.createToken({ name: 'a', tenant: '' }), /tenant must be a text/],
      [
        () => scimd.tenants.create(5 as never),
        /tenants.create: name must be a text that is not empty, not 5/,
      ],
      [() => scimd.users.list({ filtr: 'x' } as never), /unknown option "filtr", did you mean "filter"/],
      [() => scimd.users.list({ count: '5' as never }), /list: count must be a whole number, not "5"/],
      [() => scimd.changes({ limit: 'all' as never }), /changes: limit must be a whole number/],
    ];
    for (const [call, message] of wrong) await assert.rejects(call(), { name: 'TypeError', message });
    assert.deepEqual(await scimd.tokens.list(), []);
  }));

test('what is refused without HTTP is the ScimError that a client would get', () =>
  withHooks({}, async ({ users }) => {
    await users.create({ userName: 'ann' });
    const refusals: [call: () => Promise<unknown>, status: number, scimType: string | undefined][] = [
      [() => users.create({ userName: 'ANN' }), 409, 'uniqueness'],
      [() => users.delete('nobody'), 404, undefined],
      [() => users.replace('nobody', { userName: 'x' }), 404, undefined],
      [() => users.list({ filter: 'userName is "x"' }), 400, 'invalidFilter'],
    ];
    for (const [call, status, scimType] of refusals) {
      const error = await call().then(String, (thrown: unknown) => thrown);
      assert.ok(error instanceof ScimError, String(error));
      assert.deepEqual([error.status, error.scimType], [status, scimType]);
    }
  }));

test('options that are no options are refused with what they should be', async () => {
  const wrong: [options: unknown, message: RegExp][] = [
    [null, /the options must be an object, not null/],
    [{ store: {} }, /store must be what sql\(…\), drizzle\(…\) or kysely\(…\) answers/],
    [{ store: null }, /store must be what sql/],
    [{ database: ':memory:', link: () => undefined }, /link is for tables of your own/],
  ];
  for (const [options, message] of wrong)
    await assert.rejects(createScimd(options as never), { name: 'ConfigurationError', message });
});

test('nobody is let in by an answer of authenticate that is no principal', async () => {
  const answers: [answer: unknown, status: number][] = [
    [undefined, 401],
    [null, 401],
    [false, 401],
    [true, 500],
    [1, 500],
    ['ann', 500],
    [[], 500],
    [{ name: 'a', scope: 'everything' }, 500],
    [{ name: 'a', idp: 'otka' }, 500],
    [{ name: 5 }, 500],
    [{ name: 'a' }, 200],
  ];
  for (const [answer, status] of answers)
    for (const authenticate of [() => answer, async () => answer]) {
      const scimd = await createScimd({ database: ':memory:', authenticate: authenticate as never });
      const { status: given } = await scimd.fetch(new Request('http://localhost/scim/v2/Users'));
      assert.equal(given, status, JSON.stringify(answer));
      await scimd.close();
    }
});

test('who is of a tenant that was deleted and made again is of the new one', async () => {
  let now = Date.now();
  const scimd = await createScimd({
    database: ':memory:',
    clock: () => new Date(now),
    authenticate: () => ({ name: 'ours', tenant: 'acme' }),
  });
  const status = async () => (await scimd.fetch(new Request('http://localhost/scim/v2/Users'))).status;
  for (let round = 0; round < 2; round++) {
    await scimd.tenants.create('acme');
    assert.equal(await status(), 200);
    await scimd.tenants.delete('acme');
    now += 2000;
    assert.equal(await status(), 500);
  }
  await scimd.close();
});
