/** A PATCH that is made in the text of a document leaves what one that is made of the whole document leaves. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { placedValue } from '../../src/scim/document-text.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-patch-in-text-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const extension = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const registry = configuredRegistry({ containsIndex: ['displayName', 'userName'] });
const user = registry.resourceTypes.find(({ name }) => name === 'User');
assert(user);
const caller = operator(1, { kind: 'cli' }, 'generic');

/** Texts that look like parts of a document, among others. */
const texts = fc.oneof(
  fc.constantFrom(
    ...['', 'a', 'A', 'Zoë', '"', '\\', '\\"', '{', '}', '[', ']', ',', ':', '😀', '\u2028', '\n'],
    ...['"active":true', ',"active":false,', '","title":"x', '\\","title":', '{"title":"y"}', 'title'],
  ),
  fc.string({ maxLength: 12 }),
);
const textual = [
  'userName',
  'displayName',
  'title',
  'nickName',
  'externalId',
  'locale',
  'profileUrl',
  'userType',
];

const people = fc.array(
  fc.record(
    {
      displayName: texts,
      title: texts,
      nickName: texts,
      externalId: texts,
      active: fc.boolean(),
      name: fc.record({ formatted: texts, givenName: texts }),
      emails: fc.array(fc.record({ value: texts, display: texts }), { maxLength: 2 }),
      [extension]: fc.record({ department: texts }),
    },
    { requiredKeys: [] },
  ),
  { minLength: 2, maxLength: 3 },
);

const operation = fc.oneof(
  fc.record({
    op: fc.constantFrom('add', 'replace', 'Replace'),
    path: fc.constantFrom('active', 'ACTIVE', `${userSchema}:active`),
    value: fc.oneof(fc.boolean(), fc.constantFrom('true', 'False', null, 1, '')),
  }),
  fc.record({ op: fc.constantFrom('add', 'replace'), path: fc.constantFrom(...textual), value: texts }),
  fc.record({ op: fc.constant('replace'), value: fc.record({ active: fc.boolean() }) }),
  fc.record({
    op: fc.constant('remove'),
    path: fc.constantFrom('active', 'title', 'displayName', 'userName'),
  }),
  fc.record({
    op: fc.constant('replace'),
    path: fc.constantFrom('name.givenName', 'password'),
    value: texts,
  }),
);
const patches = fc.array(
  fc.record({ whom: fc.nat({ max: 2 }), operations: fc.array(operation, { minLength: 1, maxLength: 2 }) }),
  { minLength: 1, maxLength: 12 },
);

/** What the database has, but for times and what is drawn. */
function rowsOf(file: string): unknown {
  const db = new Sqlite(file);
  try {
    const all = (sql: string): unknown[] => db.prepare(sql).raw().all();
    return {
      resources: all(
        'SELECT rid, id, external_id, unique_key, display_key, active, version FROM resource ORDER BY rid',
      ),
      documents: all('SELECT rid, body FROM document ORDER BY rid'),
      keys: all('SELECT rid, keys FROM document_keys ORDER BY rid'),
      elements: all('SELECT * FROM element ORDER BY rid, attribute, ordinal'),
      text: all('SELECT rowid, keys FROM trigram ORDER BY rowid'),
      changes: all('SELECT sequence, id, version, operation, edits FROM change ORDER BY sequence'),
    };
  } finally {
    db.close();
  }
}

let runs = 0;

/** What each patch answers, and what is stored at the end. */
async function play(
  documents: readonly object[],
  asked: readonly { readonly whom: number; readonly operations: readonly object[] }[],
  inText: boolean,
): Promise<unknown> {
  const file = join(folder, `${runs++}.db`);
  let ids = 0;
  const store = openSqliteStore({ file, registry, newId: () => `id-${++ids}` });
  const { change, ...others } = store;
  assert(change);
  const directory = new Directory(inText ? store : others);
  const answers: unknown[] = [];
  const people: string[] = [];
  for (const [index, more] of documents.entries()) {
    const body = { schemas: [userSchema, extension], userName: `user${index}`, ...more };
    const created = await directory.create(caller, user as never, body).catch(() => undefined);
    if (created !== undefined) people.push(created.id);
  }
  for (const { whom, operations } of asked) {
    const id = people[whom % Math.max(1, people.length)] ?? 'nobody';
    const message = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations };
    answers.push(
      await directory.patch(caller, user as never, id, message).then(
        ({ resource: { body, version }, changed }) => ({ body, version, changed }),
        ({ name, message: said }: Error) => ({ name, said }),
      ),
    );
  }
  await store.close();
  return { answers, rows: rowsOf(file) };
}

test('whatever is patched, the answers, the rows and the change record are the same', () =>
  fc.assert(
    fc.asyncProperty(people, patches, async (documents, asked) => {
      assert.deepEqual(await play(documents, asked, true), await play(documents, asked, false));
    }),
    { numRuns: 20 },
  ));

test('a value that is found in a text is the one of the document itself', () => {
  const names = fc.constantFrom('active', 'title', 'a', 'b');
  fc.assert(
    fc.property(
      fc.dictionary(names, fc.oneof(texts, fc.boolean(), fc.double(), fc.constant(null), fc.jsonValue())),
      fc.dictionary(names, fc.oneof(texts, fc.dictionary(names, texts))),
      names,
      texts,
      (document, inner, name, next) => {
        const whole = { schemas: [], inner, ...document };
        const text = JSON.stringify(whole);
        const found = placedValue(text, name);
        if (found === undefined) return;
        const { value, start, end } = found;
        assert.deepEqual(value, JSON.parse(text)[name]);
        const replaced = `${text.slice(0, start)}${JSON.stringify(next)}${text.slice(end)}`;
        assert.equal(replaced, JSON.stringify({ ...whole, [name]: next }));
      },
    ),
    { numRuns: 2000 },
  );
});

test('the usual change is made in the text', () => {
  const text = JSON.stringify({
    schemas: [userSchema],
    id: '1',
    userName: 'a"active":',
    name: {},
    active: true,
  });
  const at = text.length - 'true}'.length;
  assert.deepEqual(placedValue(text, 'active'), { value: true, start: at, end: at + 4 });
});
