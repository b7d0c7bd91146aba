/**
 * `npm run fuzz`: whatever the text, scimd/filter neither crashes nor hangs, and matcher, SQLite and PostgreSQL find
 * the same people. `--seconds N` (180), `--seed N`; the seed and the text of a failure are printed.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util';
import fc from 'fast-check';
import { type Filter, ScimFilterError, safeParseFilter, safeParsePath, stringify } from '../grammar/index.ts';
import { ScimError } from '../src/error.ts';
import { applyPatch } from '../src/query/apply-patch.ts';
import { bindFilter } from '../src/query/bind.ts';
import { openEngines } from '../test/query/engines.ts';
import { filters, people } from '../test/query/generated.ts';
import { staff, staffType } from '../test/query/staff.ts';

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '180' }, seed: { type: 'string' } },
});
const seconds = Number(flags.seconds);
const seed = Number(flags.seed ?? Date.now() % 2 ** 31);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) throw new Error('--seconds and --seed take numbers');
console.log(`seed ${seed}, ${seconds} seconds; again with: npm run fuzz -- --seed ${seed}`);

/** Nothing within the limits takes a tenth of it, on the slowest of machines. */
const TIME_OUT = 2000;

const valid: fc.Arbitrary<string> = filters.map(stringify);

const words = [
  'and', 'or', 'not', 'not (', '(', ')', '[', ']', '"', '\\', '\\u', 'eq', 'ne', 'co', 'pr', 'null', 'true', '-', '1e999', '1e-999',
  '9007199254740993', '""', '"\\ud800"', '"\\u0000"', '\0', '\ufeff', '\u2028', 'ı', '😀', 'urn:', ':', '.', '$', '__proto__', 'constructor',
  'emails', 'emails[', 'name.', 'meta.created', 'userName', 'urn:ietf:params:scim:schemas:core:2.0:User:userName', "' OR 1=1 --", '?', '$1', '%', '\n', '\t',
]; // biome-ignore format: a pool

/** A valid text with pieces cut out, doubled, exchanged, and with words in between. */
const mutated: fc.Arbitrary<string> = fc
  .tuple(
    valid,
    valid,
    fc.array(
      fc.tuple(fc.nat(4), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(12), fc.constantFrom(...words)),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([text, other, changes]) =>
    changes.reduce((current, [kind, where, length, word]) => {
      const at = Math.floor(where * (current.length + 1));
      const [before, after] = [current.slice(0, at), current.slice(at)];
      switch (kind) {
        case 0:
          return before + after.slice(length);
        case 1:
          return before + word + after;
        case 2:
          return `${before} ${word} ${after}`;
        case 3:
          return before + after.slice(0, length) + after;
        default:
          return before + other.slice(Math.floor(where * other.length));
      }
    }, text),
  );

const random: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((list) => list.join(' ')),
  fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((list) => list.join('')),
);

/** Texts at the limits and far beyond them. */
const huge: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(
      ['(', 'a pr', ')'], ['not (', 'a pr', ')'], ['emails[', 'type pr', ']'], ['', 'a pr', ' and a pr'], ['a pr or ', 'b pr', ''],
      ['a eq "', 'x', '"'], ['', '"', '\\'], ['a.', 'b', ''], ['urn:', 'x', ':'], ['((', 'a pr', ') and b pr)'], [' ', 'a pr', ' '], ['a eq 1', '0', ''],
      ['not(', '', ''], ['[', '', ''], ['a[', '', ''],
    ), // biome-ignore format: a pool
    fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 20_000 }), fc.constant(1_000_000)),
  )
  .map(([[before, middle, after], times]) => before!.repeat(times) + middle + after!.repeat(times));

let texts = 0;
let asked = 0;
let accepted = 0;

/** Reads a text in all ways; what is accepted prints and reads back as itself. */
function read(text: string): Filter | undefined {
  texts++;
  const filter = safeParseFilter(text);
  const path = safeParsePath(text);
  for (const result of [filter, path]) {
    if (result.ok) continue;
    const { error } = result;
    const { status, detail } = error.toJSON();
    if (status !== '400' || detail !== error.message || !error.message.isWellFormed())
      throw new Error('an error that is no answer');
    if (error.offset < 0 || error.offset + error.length > text.length)
      throw new Error('an error outside the text');
  }
  try {
    const operation = { op: 'add', path: text, value: { value: text, [text]: text } };
    applyPatch(staff[0]!, [operation], { resourceType: staffType });
  } catch (error) {
    if (!(error instanceof ScimError || error instanceof ScimFilterError)) throw error;
  }
  if (!filter.ok) return undefined;
  accepted++;
  const printed = stringify(filter.filter);
  const again = safeParseFilter(printed);
  if (!again.ok || stringify(again.filter) !== printed) throw new Error(`printed as ${printed}`);
  return filter.filter;
}

const engines = await openEngines(staffType);

/** Binds the filter and asks everyone; schemas may refuse it, and then for everybody. */
async function ask(filter: Filter, source: string): Promise<void> {
  let plan: ReturnType<typeof bindFilter>;
  try {
    plan = bindFilter(filter, staffType, { source });
  } catch (error) {
    if (error instanceof ScimFilterError) return;
    throw error;
  }
  asked++;
  const [[first, ids], ...others] = Object.entries(await engines.select(plan)) as [
    [string, readonly string[]],
    ...[string, readonly string[]][],
  ];
  for (const [engine, found] of others) {
    if (!isDeepStrictEqual(found, ids))
      throw new Error(`${engine} finds ${found.join(' ')}, ${first} finds ${ids.join(' ')}`);
  }
}

async function withinTime(text: string, work: () => Promise<void> | void): Promise<void> {
  const start = performance.now();
  await work();
  const taken = performance.now() - start;
  if (taken > TIME_OUT) throw new Error(`${Math.round(taken)} ms for ${text.length} characters`);
}

const end = performance.now() + seconds * 1000;
for (let round = 0; performance.now() < end; round++) {
  const options = { seed: seed + round };
  const crowd = round === 0 ? staff : fc.sample(people, { ...options, numRuns: 1 })[0]!;
  await engines.load(crowd);
  const check = (arbitrary: fc.Arbitrary<string>, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(arbitrary, (text) =>
        withinTime(text, async () => {
          const filter = read(text);
          if (filter !== undefined) await ask(filter, text);
        }),
      ),
      { ...options, numRuns },
    );
  for (const [arbitrary, runs] of [
    [valid, 60],
    [mutated, 300],
    [random, 600],
    [huge, 20],
  ] as const)
    if (performance.now() < end) await check(arbitrary, runs);
}
await engines.close();
console.log(
  `${texts} texts, ${accepted} of them filters, ${asked} asked of matcher, SQLite and PostgreSQL: no crash, no time-out, no disagreement`,
);
