/** Filters are read by what was kept of earlier ones as they are read for the first time (RFC 7644 §3.4.2.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS, parseFilter, ScimFilterError } from '../../grammar/index.ts';
import { Filters } from '../../src/directory/filters.ts';
import { LookUps } from '../../src/query/look-ups.ts';
import { toleratedFor } from '../../src/scim/tolerances.ts';
import { staffType, staffUri } from '../query/staff.ts';

const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env.SCIMD_RUNS ?? 2000);

const limits = { ...DEFAULT_LIMITS, characters: 120 };

/** The plan, or what is wrong with the filter: everything that a client could see of it. */
function read(filters: Filters, text: string, several: boolean): unknown {
  try {
    return filters.plan(staffType, text, several, toleratedFor('generic'));
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    return { ...error, message: error.message };
  }
}

const paths = [
  'userName', 'USERNAME', 'displayName', 'externalId', 'id', 'name.familyName', 'emails', 'emails.value', 'meta.created',
  'profileUrl', 'active', 'password', 'nobody', `${staffUri}:joined`, `${staffUri}:seal`, `${staffUri}:skills`, staffUri,
  'not (userName', 'emails[type', 'userName pr and title', '"',
]; // biome-ignore format: a pool
const operators = ['eq', 'EQ', 'ne', 'co', 'sw', 'ew', 'gt', 'le', 'pr', 'is', ''];
const pieces = [
  'ada', 'Ada', 'É', 'e\u0301', 'ß', '😀', '\ud83d', '\udca9', '"', '\\"', '\\', '\\\\', '\\u0041', '\\u00', '\\ud83d', '\\u0000',
  '\u0000', '\u0007', '\n', ' ', '', ' and ', ' or title eq "', ')', ']', '].value', '2020-01-01T00:00:00Z', 'True', 'null',
  'x'.repeat(70),
]; // biome-ignore format: a pool
const literal = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((parts) => parts.join(''));
const beginning = fc
  .tuple(
    fc.constantFrom('', ' '),
    fc.constantFrom(...paths),
    fc.constantFrom(...operators),
    fc.constantFrom(' ', '  ', ''),
  )
  .map(([before, path, operator, after]) => `${before}${path} ${operator}${after}`);
const ending = fc.oneof(
  { weight: 6, arbitrary: fc.constant('"') },
  fc.constantFrom('', '" ', '")', '"]', '" and title pr'),
);
const filter = fc.tuple(literal, ending).map(([text, end]) => `"${text}${end}`);

test(`a filter that begins as one before it is read as if it were the first (seed ${seed})`, () => {
  let found = 0;
  fc.assert(
    fc.property(beginning, filter, filter, fc.boolean(), (start, first, then, several) => {
      const filters = new Filters(limits);
      read(filters, `${start}"x"`, several);
      read(filters, start + first, several);
      const text = start + then;
      assert.deepEqual(read(filters, text, several), read(new Filters(limits), text, several), text);
      const lookUps = new LookUps();
      for (const before of [`${start}"x"`, start + first])
        try {
          lookUps.note(before, parseFilter(before));
        } catch {
          // Nothing is noted of what is no filter.
        }
      const tree = lookUps.find(text);
      if (tree === undefined) return;
      found++;
      assert.deepEqual(tree, parseFilter(text), text);
    }),
    { seed, numRuns },
  );
  assert.ok(found > numRuns / 20, `${found} of ${numRuns} were found`);
});

test('what is kept does not lift the limit of characters', () => {
  const filters = new Filters(limits);
  const ofLength = (length: number) => `userName eq "${'a'.repeat(length - 14)}"`;
  read(filters, ofLength(20), false);
  assert.equal(Reflect.get(read(filters, ofLength(120), false) as object, 'kind'), 'compare');
  assert.equal(Reflect.get(read(filters, ofLength(121), false) as object, 'code'), 'tooLong');
});

test('a beginning is kept however many others came, if not for ever', () => {
  const lookUps = new LookUps();
  const note = (text: string) => lookUps.note(text, parseFilter(text));
  for (let n = 0; n < 1000; n++) note(`a${n} eq "x"`);
  assert.equal(lookUps.find('a0 eq "y"'), undefined);
  assert.deepEqual(lookUps.find('a999 eq "y"'), parseFilter('a999 eq "y"'));
  note(`${'a'.repeat(300)} eq "x"`);
  assert.equal(lookUps.find(`${'a'.repeat(300)} eq "x"`), undefined);
});
