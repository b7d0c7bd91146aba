/**
 * Writes the references of what npm packages export into src/docs, from the published declarations: of scimd/filter, each export on one
 * line, and of the server with its other modules, with the members of what they take and answer. `npm run generate:reference`; with
 * --check it only says, by its exit code, whether they are up to date. An export without a docstring, or of the language one whose
 * docstring names no section of an RFC, is refused either way.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Exported, exportsOf, membersOf } from './types-in-one-file.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const BEGIN = '<!-- reference: written by npm run generate:reference -->';
const END = '<!-- /reference -->';

/** The first sentence, with names for links. */
function summary(words: string): string {
  const text = words
    .replace(/\{@link (?:\w+\.)*(\w+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .replace(/ ?@throws .*/, '');
  return (/^.*?[.:](?= [A-Z`@]|$)/.exec(text)?.[0] ?? text).replace(/[.:]$/, '');
}

const onOneLine = (code: string): string =>
  code
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/; \}/g, ' }')
    .replace(/\breadonly (?=\w+\??:|\[\w+: )/g, '')
    .replace(/;$/, '')
    .trim();

const isType = ({ kind }: Exported) => kind === 'interface' || kind === 'type';

function line({ kind, name, code, words }: Exported): string {
  const shown = kind === 'interface' || kind === 'type' ? name : kind === 'class' ? `class ${name}` : code;
  return `- \`${onOneLine(shown)}\` ${summary(words)}`;
}

/** Two lists: what there is to call, and the types. */
function inShort(declarations: readonly Exported[]): string {
  const section = (title: string, list: readonly Exported[]) =>
    [`## ${title}`, '', ...list.map(line)].join('\n');
  return [
    section(
      'Functions and values',
      declarations.filter((each) => !isType(each)),
    ),
    section('Types', declarations.filter(isType)),
  ].join('\n\n');
}

/** Each type with its members: what options there are, and what can be called. */
function atLength(entry: string, declarations: readonly Exported[]): string {
  const withMembers = (each: Exported): string[] => {
    const members = each.kind === 'interface' ? membersOf(each) : [];
    const [, extended] = /^\w+(?:<[^{]*>)? extends ([\s\S]*?) \{/.exec(each.code) ?? [];
    const of = extended === undefined ? '' : `; all of \`${onOneLine(extended)}\``;
    const alias = each.kind === 'type' ? onOneLine(each.code) : '';
    const first = alias !== '' && alias.length < 160 ? `- \`${alias}\` ${summary(each.words)}` : line(each);
    return [
      `${first}${of}`,
      ...members.map(({ code, words }) => {
        const said = summary(words);
        return `  - \`${onOneLine(code)}\`${said === '' ? '' : ` ${said}`}`;
      }),
    ];
  };
  const list = [...declarations.filter((each) => !isType(each)), ...declarations.filter(isType)];
  return [`## ${entry}`, '', ...list.flatMap(withMembers)].join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'scimd-types-'));
execFileSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', join(root, 'scripts/tsconfig.types.json'), '--outDir', folder],
  {
    stdio: 'inherit',
  },
);
const language = exportsOf(join(folder, 'src/filter.d.ts'));
const entries = [
  ['scimd', 'index'],
  ['scimd/drizzle', 'drizzle'],
  ['scimd/kysely', 'kysely'],
  ['scimd/consumer', 'consumer'],
] as const;
const server = entries.map(([name, file]) => [name, exportsOf(join(folder, `src/${file}.d.ts`))] as const);
rmSync(folder, { recursive: true });

function refuse(problem: string): void {
  console.error(problem);
  process.exitCode = 1;
}

for (const { name, words } of language)
  if (!/RFC \d{4}|§\d/.test(words))
    refuse(`${name} of scimd/filter has no docstring that names its section of an RFC`);
for (const [entry, declarations] of server)
  for (const { name, words } of declarations)
    if (words === '') refuse(`${name} of ${entry} has no docstring`);

const isCheck = process.argv.includes('--check');
for (const [name, reference] of [
  ['reference', inShort(language)],
  ['server-reference', server.map(([entry, declarations]) => atLength(entry, declarations)).join('\n\n')],
] as const) {
  const page = join(root, `src/docs/${name}.md`);
  const before = readFileSync(page, 'utf8');
  const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`src/docs/${name}.md needs the lines ${BEGIN} and ${END}`);
  const after = `${before.slice(0, from)}${BEGIN}\n\n${reference}\n\n${before.slice(to)}`;
  if (after === before) continue;
  if (isCheck) refuse(`src/docs/${name}.md is not up to date: npm run generate:reference`);
  else {
    writeFileSync(page, after);
    console.log(`wrote src/docs/${name}.md`);
  }
}
