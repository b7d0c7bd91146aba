/** The documentation holds together: its links, and the settings and scripts that it names. What it says of commands, metrics and endpoints: test/ops. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { Lexer, type Token } from 'marked';
import manifest from '../../package.json' with { type: 'json' };
import { Anchors, plainText } from '../../src/docs/html.ts';
import { topics } from '../../src/docs/topics.ts';
import { environmentName, fileVariableName, optionNames } from '../../src/ops/options.ts';
import { filesUnder, read, root, sourceFiles } from './sources.ts';

const pages = filesUnder('src/docs', '.md');
const rootPages = ['README.md', 'CHANGELOG.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const documents = [...rootPages, 'grammar/README.md', ...pages];

function* tokensIn(tokens: readonly Token[]): Generator<Token> {
  for (const token of tokens) {
    yield token;
    if (token.type === 'table') {
      for (const row of [token.header, ...token.rows]) for (const cell of row) yield* tokensIn(cell.tokens);
    } else if (token.type === 'list') yield* tokensIn(token.items);
    else if ('tokens' in token && token.tokens !== undefined) yield* tokensIn(token.tokens);
  }
}

const tokensOf = (file: string): Token[] => [...tokensIn(new Lexer().lex(read(file)))];

const linksIn = (file: string): string[] =>
  tokensOf(file).flatMap((token) =>
    token.type === 'link' || token.type === 'image' ? [String(('href' in token && token.href) || '')] : [],
  );

function anchorsOf(file: string): ReadonlySet<string> {
  const anchors = new Anchors();
  const headings = tokensOf(file).filter((token) => token.type === 'heading');
  return new Set(
    headings.map((token) => anchors.of(plainText('tokens' in token ? (token.tokens ?? []) : []))),
  );
}

/** What is written as code, in the text and in blocks for the shell; a line that goes on is one. */
function codeIn(file: string): string[] {
  return tokensOf(file).flatMap((token) => {
    if (token.type === 'codespan') return [String(token.text)];
    if (token.type === 'code' && token.lang === 'sh')
      return String(token.text).replaceAll('\\\n', ' ').split('\n');
    return [];
  });
}

test('every link leads to a file that is there, and to a heading in it', () => {
  const broken: string[] = [];
  for (const file of documents) {
    for (const href of linksIn(file)) {
      if (/^https?:/.test(href)) continue;
      const [path = '', anchor] = href.split('#');
      const target = path === '' ? file : relative(root, join(root, dirname(file), path));
      const found = existsSync(join(root, target)) && (anchor === undefined || anchorsOf(target).has(anchor));
      if (!found) broken.push(`${file}: ${href}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('pages link to one another by name only, so that the links hold in the binary and at /docs', () => {
  const others = pages.flatMap((file) =>
    linksIn(file)
      .filter((href) => !/^(?:https:\/\/|#|[a-z-]+\.md(?:#|$))/.test(href))
      .map((href) => `${file}: ${href}`),
  );
  assert.deepEqual(others, []);
});

test('every page is in the table of contents, and README leads to each', () => {
  const files = topics.map(({ name }) => `src/docs/${name}.md`);
  assert.deepEqual([...files].sort(), pages);
  const readme = read('README.md');
  assert.deepEqual(
    files.filter((file) => !readme.includes(`(${file})`)),
    [],
  );
  assert.ok(readme.split('\n').length <= 201);
});

test('every environment variable that the documentation names exists, and every setting is in it', () => {
  const variables = new Set(
    optionNames.flatMap((name) => [environmentName(name), ...[fileVariableName(name) ?? []].flat()]),
  );
  const wrong = pages.flatMap((file) =>
    codeIn(file).flatMap((code) =>
      [...code.matchAll(/SCIMD_[A-Z_]+/g)]
        .filter(([name]) => !variables.has(name))
        .map(([name]) => `${file}: ${name}`),
    ),
  );
  assert.deepEqual(wrong, []);
  const settings = read('src/docs/settings.md');
  assert.deepEqual(
    optionNames.filter((name) => !settings.includes(`| \`${name}\` |`)),
    [],
  );
});

test('every npm script that a document names is one', () => {
  const wrong = documents.flatMap((file) =>
    codeIn(file).flatMap((code) =>
      [...code.matchAll(/\bnpm run (?:-s )?([a-z][\w:]*)/g)]
        .filter(([, name = '']) => !Object.hasOwn(manifest.scripts, name))
        .map(([whole]) => `${file}: ${whole}`),
    ),
  );
  assert.deepEqual(wrong, []);
});

/** Comments name requirements (`P-3.3-04`) and readings (`A-01`) alike; SHA-256 is none. */
const reading = /(?<![\w-])A-\d\d(?!\d)/g;

test('every path that ARCHITECTURE and CONTRIBUTING name is there', () => {
  const wrong = ['ARCHITECTURE.md', 'CONTRIBUTING.md'].flatMap((file) =>
    tokensOf(file)
      .filter((token) => token.type === 'codespan')
      .flatMap(
        (token) =>
          String('text' in token && token.text).match(
            /(?<![\w/.])(?:src|grammar|test|scripts|\.ci)(?:\/[\w.-]+)+/g,
          ) ?? [],
      )
      .filter((path) => !existsSync(join(root, path)) && path !== 'src/events')
      .map((path) => `${file}: ${path}`),
  );
  assert.deepEqual(wrong, []);
});

test('every reading that the code or a test cites is listed in ARCHITECTURE with its text, and no other', () => {
  const files = [...sourceFiles, ...filesUnder('test', '.ts')].filter(
    (file) => file !== 'test/rfc/requirements.ts',
  );
  const cited = new Set(files.flatMap((file) => read(file).match(reading) ?? []));
  const listed = [...read('ARCHITECTURE.md').matchAll(/^\| (A-\d\d) \|/gm)].map(([, number = '']) => number);
  assert.ok(cited.size > 5);
  assert.deepEqual(listed, [...cited].sort());
});
