/** Paths that are read without the grammar are read as it reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePath, safeParsePath } from '../../grammar/index.ts';
import { usualPath } from '../../src/scim/usual-path.ts';

const id = '2819c223-7f76-453a-919d-413861904646';

test('the usual paths are the trees of the grammar, with their ranges', () => {
  for (const text of ['active', 'a', 'not', 'pr', 'and', 'true', 'null', 'displayName', 'ACTIVE', 'x9'])
    assert.deepEqual(usualPath(text), parsePath(text), text);
  for (const value of [id, '1', '_', 'true', '-'])
    assert.deepEqual(usualPath(`members[value eq "${value}"]`), parsePath(`members[value eq "${value}"]`));
});

test('any other path is left to the grammar', () => {
  const others = [
    ...['', ' active', 'name.givenName', 'urn:x:active', 'a-b', '$ref', 'a\n', 'active '],
    ...['members[value eq ""]', `members[value EQ "${id}"]`, `Members[value eq "${id}"]`],
    ...[`members[value eq "a\\u0041"]`, `members[value eq "${id}"].display`, `members[value eq "${id}"]\n`],
  ];
  for (const text of others) assert.equal(usualPath(text), undefined, text);
});

test('whatever the text, what is read is what the grammar reads', () => {
  const part = fc.constantFrom(
    'members',
    'value',
    'eq',
    '[',
    ']',
    '"',
    ' ',
    '.',
    '-',
    '_',
    'a',
    '9',
    'é',
    '\\',
  );
  const texts = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.array(part, { maxLength: 9 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        texts,
        texts.map((text) => `members[value eq "${text}"]`),
      ),
      (text) => {
        const path = usualPath(text);
        if (path !== undefined) assert.deepEqual(safeParsePath(text), { ok: true, path });
      },
    ),
    { numRuns: 3000 },
  );
});
