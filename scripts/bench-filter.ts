/**
 * `npm run bench:filter`: the published bundle of scimd/filter beside the filter libraries of npm, in one run: parsing,
 * matching, the cache, SQL and cold import. Ratios, and whether each target holds; the exit code says so too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measure } from 'mitata';
import { compileFilter as compileWithApg } from 'scim-query-filter-parser';
import { filter as scim2Filter, parse as scim2Parse } from 'scim2-parse-filter';
import SCIMMY from 'scimmy';
import { tokenize } from '../grammar/lexer.ts';
import { DEFAULT_LIMITS } from '../grammar/limits.ts';
import { createTokenTypes } from '../grammar/tokens.ts';
import type * as Filter from '../src/filter.ts';
import { standardSchemas, userSchema } from '../src/scim/standard.ts';
import { bundleFilter } from './filter-bundle.ts';

const USERS = 10_000;

/** As directories have them: a part of the names is in capitals. */
type User = {
  readonly userName: string;
  readonly displayName: string;
  readonly title: string;
  readonly active: boolean;
  readonly name: { readonly givenName: string; readonly familyName: string };
  readonly emails: readonly { readonly value: string; readonly type: string; readonly primary: boolean }[];
  readonly meta: { readonly created: string };
};

const users: readonly User[] = Array.from({ length: USERS }, (_, i) => ({
  userName: `user${i}`,
  displayName: i % 9 === 0 ? `GIVEN${i % 1000} FAMILY${i % 100}` : `Given${i % 1000} Family${i % 100}`,
  title: i % 3 === 0 ? 'engineer' : 'clerk',
  active: i % 4 !== 0,
  name: { givenName: `Given${i % 1000}`, familyName: `Family${i % 100}` },
  emails: [
    { value: `user${i}@work.example`, type: i % 5 === 0 ? 'other' : 'work', primary: true },
    { value: `user${i}@home.example`, type: 'home', primary: false },
  ],
  meta: { created: `20${10 + (i % 10)}-01-01T00:00:00.000Z` },
}));

/** A filter, how many clauses it has, and by hand whom it finds. */
type Case = readonly [filter: string, finds: (user: User) => boolean];

const work = (user: User, end: string) =>
  user.emails.some(({ type, value }) => type === 'work' && value.endsWith(end));

const parsed: readonly Case[] = [
  ['userName eq "user77"', ({ userName }) => userName === 'user77'],
  ['title eq "engineer" and active eq true', ({ title, active }) => title === 'engineer' && active],
  [
    'emails[type eq "work" and value ew "7@work.example"] and active eq true',
    (user) => work(user, '7@work.example') && user.active,
  ],
  [
    'active eq true and (userName sw "user1" or userName sw "user2") and title eq "clerk" and name.familyName eq "Family7"',
    ({ active, userName, title, name }) =>
      active && /^user[12]/.test(userName) && title === 'clerk' && name.familyName === 'Family7',
  ],
  [
    Array.from({ length: 8 }, (_, i) => `userName eq "user${i * 1000}"`).join(' or '),
    ({ userName }) => /^user[0-7]?000$|^user0$/.test(userName),
  ],
  [
    'active eq true and title pr and (userName sw "user1" or userName sw "user2" or userName sw "user3" or userName sw "user4") and not (title eq "clerk") and emails[type eq "work" and value co "7@"] and name.givenName sw "Given" and displayName pr and name.familyName eq "Family7"',
    (user) =>
      user.active &&
      /^user[1-4]/.test(user.userName) &&
      user.title !== 'clerk' &&
      user.emails.some(({ type, value }) => type === 'work' && value.includes('7@')) &&
      user.name.familyName === 'Family7',
  ],
];

const matched: readonly Case[] = [
  ...parsed,
  ['displayName co "family7"', ({ displayName }) => /family7/i.test(displayName)],
  ['userName co "er77"', ({ userName }) => userName.includes('er77')],
  ['userName ew "77"', ({ userName }) => userName.endsWith('77')],
  ['USERNAME eq "User77"', ({ userName }) => userName === 'user77'],
  ['not (active eq true)', ({ active }) => !active],
  ['meta.created gt "2015-01-01T00:00:00Z"', ({ meta }) => Number(meta.created.slice(2, 4)) > 15],
  ['title pr', () => true],
];

interface Library {
  readonly name: string;
  readonly parse: (text: string) => unknown;
  readonly match: (text: string) => (users: readonly User[]) => readonly User[];
}

const libraries: readonly Library[] = [
  {
    name: 'scim2-parse-filter',
    parse: scim2Parse,
    match: (text) => {
      const matches = scim2Filter(scim2Parse(text));
      return (all) => all.filter((user) => matches(user));
    },
  },
  {
    name: 'scimmy',
    parse: (text) => new SCIMMY.Types.Filter(text),
    match: (text) => {
      const filter = new SCIMMY.Types.Filter(text);
      return (all) => filter.match(all as User[]) as User[];
    },
  },
  {
    name: 'scim-query-filter-parser',
    parse: compileWithApg,
    match: (text) => {
      const matches = compileWithApg(text);
      return (all) => all.filter((user) => matches(user));
    },
  },
];

/** Nanoseconds of one call: the calmest of five rounds, which alternate with those of the others. */
async function compare(calls: readonly (() => unknown)[]): Promise<number[]> {
  const best = calls.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 5; round++) {
    for (const [index, call] of calls.entries()) {
      const { p25 } = await measure(call, { min_cpu_time: 40e6 });
      best[index] = Math.min(best[index]!, p25);
    }
  }
  return best;
}

const micro = (ns: number) => `${(ns / 1000).toFixed(ns < 10_000 ? 2 : 0)} µs`;
const clauses = (text: string) => text.match(/ (?:eq|sw|ew|co|gt|pr)\b/g)!.length;
const short = (text: string) => (text.length > 58 ? `${text.slice(0, 57)}…` : text);

function accepts(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

let failed = false;
function target(words: string, holds: boolean): void {
  failed ||= !holds;
  console.log(`  ${holds ? 'holds' : 'FAILS'}: ${words}`);
}

const folder = mkdtempSync(join(tmpdir(), 'scimd-bench-'));
const file = join(folder, 'filter.js');
const { weights } = await bundleFilter(file);
const bundle = pathToFileURL(file).href;
const scimd: typeof Filter = await import(bundle);
const options = { schemas: standardSchemas.filter(({ id }) => id === userSchema) };

console.log('Parsing, one call');
for (const [text] of parsed) {
  const own = () => scimd.parseFilter(text);
  const able = libraries.filter(({ parse }) => accepts(() => parse(text)));
  const [ours, ...theirs] = await compare([
    own,
    ...able.map(
      ({ parse }) =>
        () =>
          parse(text),
    ),
  ]);
  const fastest = Math.min(...theirs);
  const others = libraries.map(({ name }) => {
    const index = able.findIndex((library) => library.name === name);
    return index < 0 ? `${name} refuses it` : `${name} ${micro(theirs[index]!)}`;
  });
  console.log(`${String(clauses(text)).padStart(2)} clauses: scimd ${micro(ours!)}, ${others.join(', ')}`);
  target(`at least as fast as the fastest: ${(fastest / ours!).toFixed(1)} times`, ours! <= fastest);
  const [cached] = await compare([() => scimd.compileMatcher(text, options)]);
  target(
    `with the cache at least 10 times: ${(fastest / cached!).toFixed(0)} times (${Math.round(cached!)} ns)`,
    fastest >= cached! * 10,
  );
}

console.log('\nWhere the time of parsing goes, twelve clauses and one');
const types = createTokenTypes();
for (const text of [parsed[0]![0], parsed.at(-1)![0]]) {
  const [whole, lexing] = await compare([
    () => scimd.parseFilter(text),
    () => tokenize(text, DEFAULT_LIMITS, types),
  ]);
  console.log(
    `  ${clauses(text)} clauses: ${micro(whole!)}, of these our lexer ${micro(lexing!)}; the rest, ${Math.round((1 - lexing! / whole!) * 100)} %, is Chevrotain with our actions, and is the limit`,
  );
}

console.log(`\nMatching ${USERS} users`);
for (const [text, finds] of matched) {
  const expected = users.filter(finds);
  const isRight = (found: readonly User[]) =>
    found.length === expected.length && found.every((user, index) => user === expected[index]);
  const matches = scimd.compileMatcher(text, options);
  if (!isRight(users.filter(matches))) throw new Error(`scimd answers ${text} wrongly`);
  const right: { name: string; find: (users: readonly User[]) => readonly User[] }[] = [];
  const wrong: string[] = [];
  for (const { name, match } of libraries) {
    if (!accepts(() => match(text)(users))) wrong.push(`${name} refuses it`);
    else if (isRight(match(text)(users))) right.push({ name, find: match(text) });
    else wrong.push(`${name} answers wrongly`);
  }
  const rivals = right.map(
    ({ find }) =>
      () =>
        find(users),
  );
  const [ours, ...theirs] = await compare([() => users.filter(matches), ...rivals]);
  const others = [...right.map(({ name }, index) => `${name} ${micro(theirs[index]!)}`), ...wrong];
  console.log(`${short(text)}: scimd ${micro(ours!)}, ${others.join(', ')}`);
  if (right.length > 0) {
    const ratio = Math.min(...theirs) / ours!;
    target(`at least 3 times the fastest that answers rightly: ${ratio.toFixed(1)} times`, ratio >= 3);
  }
}

console.log('\nParse, bind and SQL of userName eq "…", never the same text twice');
const texts = Array.from({ length: 1 << 16 }, (_, i) => `userName eq "user${i}"`);
const sqlOptions: Filter.SqlFilterOptions = {
  ...options,
  dialect: scimd.sqlite,
  resolve: () => ({ column: 'user_name', folded: true, indexed: true }),
};
let next = 0;
const [fresh, repeated] = await compare([
  () => scimd.compileSql(texts[next++ & 0xffff]!, sqlOptions),
  () => scimd.compileSql(texts[0]!, sqlOptions),
]);
target(`under 3 µs: ${micro(fresh!)}; the same text again ${micro(repeated!)}`, fresh! < 3000);

console.log('\nCold: a new process imports the bundle, and parses');
const script = `const t = performance.now(); const m = await import(${JSON.stringify(bundle)}); const i = performance.now(); m.parseFilter('userName eq "x"'); console.log(JSON.stringify([i - t, performance.now() - i]));`;
const cold = Array.from(
  { length: 15 },
  () =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
    ) as [number, number],
);
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
const imported = median(cold.map(([ms]) => ms));
target(
  `import under 25 ms: ${imported.toFixed(1)} ms; the first parse ${median(cold.map(([, ms]) => ms)).toFixed(1)} ms more (Chevrotain analyses the grammar)`,
  imported < 25,
);
for (const { what, gzip, most } of weights)
  if (most !== undefined)
    target(`${what} under ${most / 1000} kB in gzip: ${(gzip / 1000).toFixed(1)} kB`, gzip < most);

rmSync(folder, { recursive: true });
process.exitCode = failed ? 1 : 0;
