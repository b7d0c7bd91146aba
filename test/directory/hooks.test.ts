/** Code of the embedder's own before and within every change, whoever makes it (application.md §6). */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { Directory } from '../../src/directory/directory.ts';
import {
  createScimd,
  type Hooks,
  type Proposal,
  type Scimd,
  ScimError,
  type TenantChange,
} from '../../src/index.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { Importer } from '../../src/transfer/importer.ts';
import { load } from '../../src/transfer/load.ts';
import { groupSchema, patchOp, userSchema } from '../server.ts';

const opened: Scimd[] = [];
after(() => Promise.all(opened.map((scimd) => scimd.close())));

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape are checked
  readonly json: any;
}

/** A server with these hooks, and a way to ask it. */
async function hooked(hooks: Hooks, errors: unknown[] = [], idp: 'okta' | 'entra' = 'okta') {
  const log = {
    info() {},
    warn() {},
    error: (fields: object) => void errors.push(fields),
    isLevelEnabled: () => false,
  };
  const scimd = await createScimd({ database: ':memory:', log, ...hooks });
  opened.push(scimd);
  const { token, id: tokenId } = await scimd.createToken({ name: 'okta', idp });
  const send = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await scimd.fetch(
      new Request(`http://localhost/scim/v2${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
  };
  return { scimd, send, tokenId };
}

const user = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });

function plainly({ refuse: _, ...proposal }: Proposal): object {
  return proposal;
}

describe('before', () => {
  test('sees each change with the resource before and after, and who makes it', async () => {
    const seen: Proposal[] = [];
    const { send, tokenId } = await hooked({ before: (proposal) => void seen.push(proposal) });
    const { id } = (await send('POST', '/Users', user('a', { title: 'old' }))).json;
    await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'new' }));
    await send(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'replace', path: 'password', value: 'Correct horse 1' }),
    );
    await send('PUT', `/Users/${id}`, user('b'));
    const group = { schemas: [groupSchema], displayName: 'g', members: [{ value: id }] };
    const { id: groupId } = (await send('POST', '/Groups', group)).json;
    await send('PATCH', `/Groups/${groupId}`, patchOp({ op: 'remove', path: `members[value eq "${id}"]` }));
    assert.equal((await send('DELETE', `/Users/${id}`)).status, 204);
    const actor = { kind: 'token', id: tokenId, name: 'okta', idp: 'okta' };
    const shared = { tenant: 'default', actor };
    const [a, retitled] = ['old', 'new'].map((title) => ({
      ...{ schemas: [userSchema], id, userName: 'a', title, active: true },
    }));
    const { id: _, ...first } = a ?? { id: '' };
    const b = { schemas: [userSchema], id, userName: 'b', active: true };
    const g = { schemas: [groupSchema], id: groupId, displayName: 'g' };
    const { id: __, ...newGroup } = g;
    const none = { edits: [], members: [], password: false };
    const sorted = (value: object | undefined) =>
      value && Object.fromEntries(Object.entries(value).sort(([x], [y]) => x.localeCompare(y)));
    assert.deepEqual(
      seen.map((proposal) => ({
        ...plainly(proposal),
        before: sorted(proposal.before),
        after: sorted(proposal.after),
      })),
      [
        { ...none, operation: 'create', type: 'User', id: undefined, before: undefined, after: first },
        {
          ...none,
          ...{ operation: 'patch', type: 'User', id, before: a, after: retitled },
          edits: [{ path: 'title', from: 'old', to: 'new' }],
        },
        {
          ...none,
          ...{ operation: 'patch', type: 'User', id, before: retitled, after: retitled, password: true },
        },
        {
          ...none,
          ...{ operation: 'replace', type: 'User', id, before: retitled, after: b },
          edits: [
            { path: 'userName', from: 'a', to: 'b' },
            { path: 'title', from: 'new' },
          ],
        },
        {
          ...none,
          ...{ operation: 'create', type: 'Group', id: undefined, before: undefined, after: newGroup },
          members: [{ kind: 'add', ids: [id] }],
        },
        {
          ...none,
          ...{ operation: 'patch', type: 'Group', id: groupId, before: g, after: g },
          members: [{ kind: 'remove', ids: [id] }],
        },
        { ...none, operation: 'delete', type: 'User', id, before: b, after: undefined },
      ].map((proposal) => ({
        ...shared,
        ...proposal,
        before: sorted(proposal.before),
        after: sorted(proposal.after),
      })),
    );
  });

  test('refuses with the status, scimType and detail that it says, and nothing is written', async () => {
    const { send, scimd } = await hooked({
      before: async ({ operation, after, refuse }) => {
        await Promise.resolve();
        if (operation === 'delete') refuse(403, 'nobody is deleted here');
        if (!String(after?.userName).endsWith('@example.com'))
          refuse(400, 'not an address of example.com', 'invalidValue');
      },
    });
    const refused = await send('POST', '/Users', user('eve@elsewhere.example'));
    assert.equal(refused.status, 400);
    assert.equal(refused.json.scimType, 'invalidValue');
    assert.equal(refused.json.detail, 'not an address of example.com');
    const { id } = (await send('POST', '/Users', user('ann@example.com'))).json;
    const renamed = await send(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'replace', path: 'userName', value: 'x' }),
    );
    assert.equal(renamed.status, 400);
    assert.equal((await send('DELETE', `/Users/${id}`)).status, 403);
    assert.equal((await send('GET', `/Users/${id}`)).json.userName, 'ann@example.com');
    assert.equal((await scimd.changes()).length, 1);
  });

  test('may give another document, which is checked as a body is; what it adds is recorded too', async () => {
    const { send, scimd } = await hooked({
      before({ after }) {
        if (after?.userName === undefined) return undefined;
        if (after.title === 'wrong') return { ...after, active: 'maybe' };
        if (after.title === 'unknown') return { ...after, shoeSize: 43 };
        return { ...after, displayName: String(after.userName).toUpperCase() };
      },
    });
    const created = await send('POST', '/Users', user('ann'));
    assert.deepEqual([created.status, created.json.displayName], [201, 'ANN']);
    const { id } = created.json;
    const changed = await send(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'replace', path: 'userName', value: 'eve' }),
    );
    assert.equal(changed.json.displayName, 'EVE');
    assert.deepEqual((await scimd.changes()).at(-1)?.edits, [
      { path: 'userName', from: 'ann', to: 'eve' },
      { path: 'displayName', from: 'ANN', to: 'EVE' },
    ]);
    for (const title of ['wrong', 'unknown']) {
      const mistake = await send('POST', '/Users', user(`of ${title}`, { title }));
      assert.equal(mistake.status, 500);
      assert.doesNotMatch(JSON.stringify(mistake.json), /shoeSize|maybe/);
    }
    assert.equal((await scimd.changes()).length, 2);
  });

  test('is asked again where another change came in between', async () => {
    const titles: unknown[] = [];
    let raced = false;
    const { send } = await hooked({
      async before({ before, operation }) {
        titles.push(before?.title);
        if (operation !== 'patch' || raced) return;
        raced = true;
        await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'between' }));
      },
    });
    const { id } = (await send('POST', '/Users', user('a', { title: 'first' }))).json;
    await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'nickName', value: 'n' }));
    assert.deepEqual(titles, [undefined, 'first', 'first', 'between']);
    const { title, nickName } = (await send('GET', `/Users/${id}`)).json;
    assert.deepEqual([title, nickName], ['between', 'n']);
  });
});

describe('within', () => {
  test('runs in the transaction: what it throws takes the change back and is what the client gets', async () => {
    const seen: TenantChange[] = [];
    const { send, scimd } = await hooked({
      within(change) {
        if (change.type === 'Group') throw new ScimError(409, undefined, 'no seats are left');
        seen.push(change);
      },
    });
    const { id } = (await send('POST', '/Users', user('a'))).json;
    const refused = await send('POST', '/Groups', { schemas: [groupSchema], displayName: 'g' });
    assert.deepEqual([refused.status, refused.json.detail], [409, 'no seats are left']);
    assert.equal((await send('GET', '/Groups')).json.totalResults, 0);
    await send('DELETE', `/Users/${id}`);
    assert.deepEqual(seen, await scimd.changes());
    assert.deepEqual(
      seen.map(({ operation }) => operation),
      ['create', 'delete'],
    );
  });

  test('a refused change between others takes none of them with it, and none is told twice', async () => {
    const told: string[] = [];
    const { send } = await hooked({
      within: ({ id, operation }) => void told.push(`${operation} ${id}`),
    });
    const names = ['a', 'b', 'A', 'c'];
    const answers = await Promise.all(names.map((name) => send('POST', '/Users', user(name))));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 409, 201],
    );
    assert.deepEqual(
      told,
      answers.filter(({ status }) => status === 201).map(({ json }) => `create ${json.id}`),
    );
  });

  test('an async function is refused, since the transaction would not wait for it', async () => {
    const errors: { err?: Error }[] = [];
    const within = (async () => {}) as unknown as () => void;
    const { send, scimd } = await hooked({ within }, errors);
    assert.equal((await send('POST', '/Users', user('a'))).status, 500);
    assert.match(errors[0]?.err?.message ?? '', /does not wait for a promise/);
    assert.deepEqual(await scimd.changes(), []);
  });
});

test('bulk: each operation passes the hooks; of a circle all are made, or none is', async () => {
  const proposed: string[] = [];
  const { send, scimd } = await hooked({
    before({ after, refuse }) {
      proposed.push(String(after?.displayName ?? after?.userName));
      if (after?.displayName === 'forbidden') refuse(403, 'not this one');
    },
  });
  const group = (bulkId: string, displayName: string, member: string) => ({
    ...{ method: 'POST', path: '/Groups', bulkId },
    data: { schemas: [groupSchema], displayName, members: [{ value: `bulkId:${member}` }] },
  });
  const bulk = (...Operations: object[]) =>
    send('POST', '/Bulk', { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations });
  const good = await bulk(
    { method: 'POST', path: '/Users', bulkId: 'u', data: user('a') },
    group('g1', 'one', 'g2'),
    group('g2', 'two', 'g1'),
  );
  assert.deepEqual(
    good.json.Operations.map(({ status }: { status: string }) => status),
    ['201', '201', '201'],
  );
  const made = async () => (await scimd.changes()).map(({ type, operation }) => `${operation} ${type}`);
  const all = ['create User', 'create Group', 'create Group'];
  assert.deepEqual(await made(), all);
  const bad = await bulk(group('g3', 'three', 'g4'), group('g4', 'forbidden', 'g3'));
  assert.deepEqual(
    bad.json.Operations.map(({ status }: { status: string }) => status),
    ['409', '403'],
  );
  assert.deepEqual(await made(), all, 'no ghost of what never was');
  assert.deepEqual(proposed, ['a', 'one', 'two', 'three', 'forbidden']);
});

test('the change record tells of a bulk as one transaction, and of each request by its id', async () => {
  const { send, scimd, tokenId } = await hooked({}, [], 'entra');
  await send('POST', '/Bulk', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: ['a', 'b'].map((name) => ({
      ...{ method: 'POST', path: '/Users', bulkId: name, data: user(name) },
    })),
  });
  await send('POST', '/Users', user('c', { active: 'True' }));
  const [first, second, third] = await scimd.changes();
  assert.equal(first?.transaction, second?.transaction);
  assert.equal(first?.request, second?.request);
  assert.notEqual(third?.transaction, first?.transaction);
  assert.notEqual(third?.request, first?.request);
  for (const change of [first, second, third])
    assert.deepEqual(change?.actor, { kind: 'token', id: tokenId, name: 'okta', idp: 'entra' });
  assert.deepEqual([first?.tolerances, third?.tolerances], [undefined, ['booleanText']]);
});

test('imports pass the hooks', async () => {
  const registry = configuredRegistry({});
  const [type] = registry.resourceTypes;
  assert.ok(type);
  const store = openSqliteStore({ file: ':memory:', registry });
  const proposed: unknown[] = [];
  const hooks: Hooks = {
    before: ({ after, actor }) => void proposed.push([after?.userName, actor.kind]),
  };
  const importer = new Importer(new Directory(store, { hooks }), 1, 'fail');
  const items = ['a', 'b'].map((userName, line) => ({
    place: `users.ndjson:${line + 1}`,
    found: { type, body: user(userName) },
    bytes: 100,
  }));
  const { counts } = await load(Readable.from(items), {
    importer,
    stopAtConflict: true,
    stop: new AbortController().signal,
    report() {},
    reportStranger() {},
    progressed() {},
  });
  assert.equal(counts.created, 2);
  assert.deepEqual(proposed, [
    ['a', 'import'],
    ['b', 'import'],
  ]);
  await store.close();
});
