/**
 * Writes the reference of scimd/filter into src/docs/reference.md, from the published declarations: each export on one line.
 * `npm run generate:reference`; with --check it only says, by its exit code, whether it is up to date. An export
 * whose docstring names no section of an RFC is refused either way.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Declaration {
  readonly name: string;
  readonly kind: 'function' | 'const' | 'class' | 'interface' | 'type';
  /** On one line, without `export declare` and without its end. */
  readonly signature: string;
  /** The docstring as running text; empty if there is none. */
  readonly words: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const BEGIN = '<!-- reference: written by npm run generate:reference -->';
const END = '<!-- /reference -->';

/** What a declaration file exports, in its own order. */
function declarationsOf(file: string): Declaration[] {
  const text = readFileSync(file.replace(/\.ts$/, '.d.ts'), 'utf8');
  const found: Declaration[] = [];
  const exports = /^export (?:type )?(?:\*|\{([^}]*)\}) from '([^']+)';$/gm;
  for (const [, names, from] of text.matchAll(exports)) {
    const all = declarationsOf(join(dirname(file), from!));
    const listed = names?.split(',').map((name) => name.trim().replace(/^type /, ''));
    if (listed === undefined) found.push(...all);
    for (const name of listed ?? []) {
      if (name === '') continue;
      const declaration = all.find((each) => each.name === name);
      if (declaration === undefined) throw new Error(`${from} declares no ${name}`);
      found.push(declaration);
    }
  }
  const declarations =
    /^(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:declare )?(function|const|class|interface|type) (\w+)([\s\S]*?);?\n(?=export|\/\*\*|import|declare|$(?![\s\S]))/gm;
  for (const [, comment = '', kind, name, rest] of text.matchAll(declarations)) {
    found.push({
      name: name!,
      kind: kind as Declaration['kind'],
      signature: `${name}${rest}`.replace(/\s+/g, ' ').replace(/; \}/g, ' }').trim(),
      words: comment
        .replace(/^\/\*\*|\*\/\s*$/g, '')
        .replace(/^\s*\*? ?/gm, '')
        .trim(),
    });
  }
  return found;
}

/** The first sentence, with names for links. */
function summary({ words }: Declaration): string {
  const text = words.replace(/\{@link (\w+)\}/g, '`$1`').replace(/\s+/g, ' ');
  return (/^.*?[.:](?= [A-Z`@]|$)/.exec(text)?.[0] ?? text).replace(/[.:]$/, '');
}

function line(declaration: Declaration): string {
  const { kind, name, signature } = declaration;
  const shown =
    kind === 'interface' || kind === 'type' ? name : kind === 'class' ? `class ${name}` : signature;
  return `- \`${shown}\` ${summary(declaration)}`;
}

function reference(declarations: readonly Declaration[]): string {
  const isType = ({ kind }: Declaration) => kind === 'interface' || kind === 'type';
  const section = (title: string, list: readonly Declaration[]) =>
    [`## ${title}`, '', ...list.map(line)].join('\n');
  return [
    section(
      'Functions and values',
      declarations.filter((each) => !isType(each)),
    ),
    section('Types', declarations.filter(isType)),
  ].join('\n\n');
}

const folder = mkdtempSync(join(tmpdir(), 'scimd-types-'));
execFileSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', join(root, 'scripts/tsconfig.types.json'), '--outDir', folder],
  {
    stdio: 'inherit',
  },
);
const declarations = declarationsOf(join(folder, 'src/filter.ts'));
rmSync(folder, { recursive: true });

for (const { name, words } of declarations) {
  if (/RFC \d{4}|§\d/.test(words)) continue;
  console.error(`${name} of scimd/filter has no docstring that names its section of an RFC`);
  process.exitCode = 1;
}

const page = join(root, 'src/docs/reference.md');
const before = readFileSync(page, 'utf8');
const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
if (from < 0 || to < from) throw new Error(`src/docs/reference.md needs the lines ${BEGIN} and ${END}`);
const after = `${before.slice(0, from)}${BEGIN}\n\n${reference(declarations)}\n\n${before.slice(to)}`;
if (after !== before && process.argv.includes('--check')) {
  console.error('src/docs/reference.md is not up to date: npm run generate:reference');
  process.exitCode = 1;
} else if (after !== before) {
  writeFileSync(page, after);
  console.log('wrote src/docs/reference.md');
}
