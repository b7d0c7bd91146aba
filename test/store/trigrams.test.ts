/** `co` (RFC 7644 §3.4.2.2) served by an index: it finds what a scan finds, whatever was written before. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { co, type Filter, not, or, parseFilter, stringify, valuePath } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { compileMatcher } from '../../src/query/compile.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { listSteps } from '../../src/store/sql/list-job.ts';
import type { Step } from '../../src/store/sql/steps.ts';
import { runSteps } from '../../src/store/sql/steps.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Document } from '../../src/store/store.ts';
import { badgeSchema, badgeUri, registryWith, userDocument, withContainsIndex } from './registry.ts';
import { Setting } from './setting.ts';
import { changeOf, remove, update } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-trigrams-'));
after(() => rmSync(folder, { recursive: true }));
const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const plain = registryWith(badgeSchema());
const color = `${badgeUri}:color`;
const indexed = withContainsIndex(
  plain,
  'displayName',
  'name.familyName',
  'emails.value',
  'addresses.locality',
  color,
);

function open(file: string, registry: Registry): Promise<Setting> {
  return Setting.open(async (options) => openSqliteStore({ file, ...options }), registry);
}

/** Few characters, so that needles are found: of one, two and more bytes, quotes, and what FTS5 could misread. */
const character = fc.constantFrom('a', 'b', 'É', 'ß', 'ſ', '"', "'", ' ', '*', '\u0001', '𝒳', '中');
const text = fc.array(character, { maxLength: 9 }).map((characters) => characters.join(''));
const person = fc.record(
  {
    displayName: text,
    name: fc.record({ familyName: text }, { requiredKeys: [] }),
    emails: fc.array(fc.record({ value: text, type: fc.constantFrom('work', 'home') }), { maxLength: 3 }),
    addresses: fc.array(fc.record({ locality: text }), { maxLength: 2 }),
    [badgeUri]: fc.record({ color: text }),
  },
  { requiredKeys: [] },
);
interface Change {
  readonly at: number;
  readonly what: 'replace' | 'delete' | 'create';
  readonly to: Document;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(20),
  what: fc.constantFrom('replace' as const, 'delete' as const, 'create' as const),
  to: person,
});
const needle = fc.array(character, { minLength: 1, maxLength: 6 }).map((characters) => characters.join(''));
const filter: fc.Arbitrary<Filter> = fc
  .tuple(
    fc.constantFrom('displayName', 'name.familyName', 'emails.value', 'addresses.locality', color),
    needle,
  )
  .chain(([path, value]) =>
    fc.constantFrom(
      co(path, value),
      not(co(path, value)),
      or(co(path, value), co('displayName', value)),
      valuePath('emails', co('value', value)),
    ),
  );

test(`co finds with trigrams whom the matcher finds, after any changes (seed ${seed})`, async () => {
  const s = await open(join(folder, 'property.db'), indexed);
  let round = 0;
  const agrees = async (
    crowd: readonly Document[],
    changes: readonly Change[],
    filters: readonly Filter[],
  ) => {
    s.tenant = (await s.store.createTenant(`round ${++round}`)).number;
    const ids: string[] = [];
    let names = 0;
    const create = async (more: Document) => {
      const { id } = await s.create(s.user, {
        ...userDocument(`u${++names}`),
        displayName: undefined,
        emails: [],
        ...more,
      });
      ids.push(id);
    };
    for (const each of crowd) await create(each);
    for (const { at, what, to } of changes) {
      const id = ids[at % Math.max(1, ids.length)];
      if (what === 'create' || id === undefined) await create(to);
      else if (what === 'delete') {
        await remove(s.store, { tenant: s.tenant, type: s.user, id, actor: { kind: 'system' } });
        ids.splice(ids.indexOf(id), 1);
      } else {
        const stored = await s.store.get({ tenant: s.tenant, type: s.user, id });
        const before = JSON.parse(stored?.body ?? '') as Document;
        const { schemas, userName } = before;
        const document = changeOf(s.user, before, { schemas, userName, ...to });
        await update(s.store, {
          tenant: s.tenant,
          type: s.user,
          id,
          operation: 'replace',
          actor: { kind: 'system' },
          document,
        });
      }
    }
    const documents = await Promise.all(
      ids.map(
        async (id) =>
          JSON.parse((await s.store.get({ tenant: s.tenant, type: s.user, id }))?.body ?? '') as Document,
      ),
    );
    for (const each of filters) {
      const asked = stringify(each);
      const expected = documents.filter(compileMatcher(asked, { resourceType: s.user })).map(({ id }) => id);
      const page = await s.list({
        targets: [{ type: s.user, plan: bindFilter(parseFilter(asked), s.user) }],
      });
      assert.deepEqual(page.resources.map(({ id }) => id).sort(), expected.sort(), asked);
      assert.equal(page.total, expected.length, asked);
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(person, { maxLength: 8 }),
      fc.array(change, { maxLength: 8 }),
      fc.array(filter, { minLength: 8, maxLength: 8 }),
      agrees,
    ),
    { seed, numRuns: 60 },
  );
  await s.store.close();
});

const contains = (s: Setting, path: string, value: string) => ({
  targets: [{ type: s.user, plan: bindFilter(co(path, value), s.user) }],
});

test('where trigrams find a large part of all, every one is looked at instead', async () => {
  const s = await open(':memory:', indexed);
  await Promise.all(Array.from({ length: 1200 }, (_, n) => s.createUser(`u${n}`)));
  for (const [needle, total] of [
    ['name of u', 1200],
    ['of u11', 111],
  ] as const) {
    const page = await s.list({ ...contains(s, 'displayName', needle), limit: 100, offset: 1 });
    assert.deepEqual([page.resources.length, page.total], [100, total]);
  }
  await s.store.close();
  const db = new Sqlite(':memory:');
  const run = ({ text, parameters }: Step) =>
    db
      .prepare(text)
      .raw()
      .all(...parameters);
  const page = (from: string) => ({
    pages: [{ text: `SELECT '${from}', 1 LIMIT ? OFFSET ?`, parameters: [] }],
    counts: [{ text: 'SELECT 7', parameters: [] }],
  });
  const job = { ...page('index'), limit: 10, offset: 0, fromStart: false, tenant: 1, base: undefined };
  for (const [found, from] of [
    [3, 'index'],
    [4, 'scan'],
  ] as const) {
    const probes = [1, found].map((count) => ({ text: `SELECT ${count}`, parameters: [] }));
    const { rows, total } = runSteps(
      listSteps({ ...job, wide: { probes, most: 3, scan: page('scan') } }),
      run,
    );
    assert.deepEqual([rows, total], [[[from, 1]], 7]);
  }
  db.close();
});

test('the index is built over what is there when it is configured, and goes when it is not', async () => {
  const file = join(folder, 'configured.db');
  const before = await open(file, plain);
  await before.createUser('bjensen');
  await before.createUser('jsmith');
  await before.store.close();
  const rows = () => {
    const db = new Sqlite(file, { readonly: true });
    const count = db.prepare('SELECT count(*) FROM trigram').pluck().get();
    db.close();
    return count;
  };
  assert.equal(rows(), 0);
  const after = await open(file, indexed);
  assert.equal(rows(), 2);
  assert.equal((await after.list(contains(after, 'displayName', 'of bje'))).total, 1);
  await after.store.close();
  const again = await open(file, plain);
  assert.equal(rows(), 0);
  assert.equal((await again.list(contains(again, 'displayName', 'of bje'))).total, 1);
  await again.store.close();
});

test('a command beside the server keeps up the index that the server has', async () => {
  const file = join(folder, 'beside.db');
  const server = await open(file, indexed);
  await server.createUser('bjensen');
  const command = await Setting.open(
    async (options) => openSqliteStore({ file, rebuild: false, ...options }),
    plain,
  );
  await command.createUser('jsmith');
  assert.equal((await server.list(contains(server, 'displayName', 'of jsm'))).total, 1);
  assert.equal((await command.list(contains(command, 'emails.value', '@work.ex'))).total, 2);
  await command.store.close();
  await server.store.close();
});

test('with a tenant goes what the index has of it', async () => {
  const s = await open(join(folder, 'tenant.db'), indexed);
  await s.store.createTenant('acme');
  s.tenant = 2;
  await s.createUser('bjensen');
  assert.equal((await s.list(contains(s, 'displayName', 'bjensen'))).total, 1);
  await s.store.deleteTenant('acme');
  s.tenant = 1;
  // It gets the number of the row that went.
  await s.createUser('jsmith');
  assert.equal((await s.list(contains(s, 'displayName', 'bjensen'))).total, 0);
  assert.equal((await s.list(contains(s, 'displayName', 'jsmith'))).total, 1);
  await s.store.close();
});
