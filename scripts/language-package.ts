/**
 * The package `scimd-language`: `scimd/filter` without the server, which brings a native addon. Its name needs no organisation at the registry,
 * stands beside `scimd` there, and is not `filter`, since filters are one part of it. It is one form for `import` and
 * `require`, which Node.js has taken ECMAScript modules by since 20.19.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode, type SourceMapMappings } from '@jridgewell/sourcemap-codec';
import { transformSync } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { bundleFilter } from './filter-bundle.ts';
import { typesInOneFile } from './types-in-one-file.ts';

/** What it may take on the disk at most, in bytes, with source maps and types. */
export const LARGEST_LANGUAGE = 300_000;

const readme = `# scimd-language

SCIM 2.0 (RFC 7643, RFC 7644) without a server and without dependencies: filters and PATCH paths parsed, printed, matched on
objects and compiled to SQL over your own tables; PATCH, POST and PUT as pure functions; projection, \`sortBy\`, cursors,
discovery documents, messages and the types of the standard. It is the language of [scimd](https://www.npmjs.com/package/scimd),
whose \`scimd docs embedding\` and \`scimd docs reference\` describe it.

\`\`\`ts
import { applyPatch, compileMatcher, userSchema } from 'scimd-language';

const schemas = [userSchema];
const isAtWork = compileMatcher('emails[type eq "work" and value ew "@example.com"]', { schemas });
const { resource, changes } = applyPatch(user, await request.json(), { schemas });
\`\`\`

It runs in Node.js 20.19 and newer (by \`import\` and \`require\`), Deno, Bun, workers and browsers. A bundler takes only what is
used: \`parseFilter\` alone is 10 kB, minified and in gzip. Source maps lead to the lines of scimd's sources, which are not
installed with it: the code is readable as it is.
`;

/** What it says of itself at the registry. */
function packageJson(): object {
  const { version, license } = manifest;
  return {
    name: 'scimd-language',
    version,
    description: 'SCIM 2.0 filters, PATCH, schemas and messages, without a server and without dependencies',
    license,
    keywords: ['scim', 'scim2', 'rfc7643', 'rfc7644', 'filter', 'patch', 'provisioning'],
    type: 'module',
    sideEffects: false,
    main: './index.js',
    types: './index.d.ts',
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      './package.json': './package.json',
    },
    engines: { node: '^20.19.0 || >=22' },
  };
}

interface SourceMap {
  readonly version: number;
  readonly sources: readonly string[];
  readonly mappings: string;
}

/** What an error or a breakpoint can be at: not the heads of functions. */
const executed =
  /^(?!\t*(?:(?:async )?function\b|constructor\(|#?\w+\([\w, ]*\) \{$)).*(?:[(.]|\b(?:throw|new|await)\b)/;

interface Line {
  readonly text: string;
  /** Where it stood, from 0. */
  readonly from: number;
}

/** A map from line to line, without the sources: they are larger than all of the package may be. */
function lineMap({ version, sources, mappings }: SourceMap, lines: readonly Line[]): object {
  const segments = decode(mappings);
  const short: SourceMapMappings = lines.map(({ text, from }) => {
    const [, source, line] = segments[from]?.find(({ length }) => length > 1) ?? [];
    return source === undefined || line === undefined || !executed.test(text) ? [] : [[0, source, line, 0]];
  });
  return {
    version,
    sourceRoot: 'scimd:///src/',
    sources: sources.map((source) => source.replace(/^(?:\.\.\/)+(?:src\/)?/, '')),
    names: [],
    mappings: encode(short),
  };
}

/** Without the few comments that esbuild leaves, and indented by tabs, which are half as large. */
function shortened(code: string): Line[] {
  let isComment = false;
  const lines = code.split('\n').flatMap((line, from) => {
    isComment ||= /^ *(?:\/\*\*|\/\/ )/.test(line) || line === '';
    const isLeftOut = isComment;
    if (line.endsWith('*/') || /^ *(?:\/\/|$)/.test(line)) isComment = false;
    // Within functions nothing is left out by what is pure.
    const own = line.startsWith(' ')
      ? line.replaceAll('/* @__PURE__ */ ', '').replace(/\breturn void 0;$/, 'return;')
      : line;
    const text = own.replace(/^(?: {2})+/, (blanks) => '\t'.repeat(blanks.length / 2));
    return isLeftOut ? [] : [{ text, from }];
  });
  const [before, after] = [code, textOf(lines)].map((each) => transformSync(each, { minify: true }).code);
  if (before !== after) throw new Error('a text within the code looks like a comment, or is indented');
  return lines;
}

const textOf = (lines: readonly Line[]) => lines.map(({ text }) => text).join('\n');

/** Writes the package to the folder, from the declarations in `types`; answers the bytes of all its files together. */
export async function buildLanguage(folder: string, types: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'index.js');
  await bundleFilter(file);
  const map: SourceMap = JSON.parse(readFileSync(`${file}.map`, 'utf8'));
  const lines = shortened(readFileSync(file, 'utf8'));
  writeFileSync(file, textOf(lines));
  writeFileSync(`${file}.map`, JSON.stringify(lineMap(map, lines)));
  writeFileSync(join(folder, 'index.d.ts'), typesInOneFile(join(types, 'src/filter.d.ts')));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packageJson(), null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme);
  cpSync('LICENSE', join(folder, 'LICENSE'));
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
