/**
 * `scimd-language` as its users get it: what npm packs of dist/language, installed into an empty folder. publint and attw look at it,
 * its types compile as strictly as can be, and in each runtime that is here it answers by `import` and by `require` as the
 * sources do. NODE20, NODE22, DENO and BUN name programs; .ci/run gets them from npm.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import * as source from '../src/filter.ts';
import { exercise } from '../test/filter/portable.ts';
import { LARGEST_LANGUAGE } from './language-package.ts';

type Run = (cwd: string, command: string, ...args: string[]) => void;

/** What a program of TypeScript says with it. */
const typed = `
import { applyPatch, compileMatcher, type Error, type ListResponse, listResponse, type PatchOp, type User, userSchema } from 'scimd-language';

const schemas = [userSchema];
const user: User = { schemas: [userSchema.id], id: '1', userName: 'bjensen', emails: [{ value: 'b@example.com', type: 'work' }] };
const patch: PatchOp = { schemas: [], Operations: [{ op: 'replace', path: 'title', value: 'Guide' }] };
export const patched: string | undefined = applyPatch(user, patch, { schemas }).resource.title;
export const page: ListResponse<User> = listResponse([user].filter((each) => compileMatcher('title pr', { schemas })(each)));
export const failed: Error['status'] = '404';
`;

/** By `import` and by `require`, and the cursors, which are asynchronous. */
const main = `
const round = async (language, exercise) => {
  const cursors = language.createCursors({ secret: 'a secret of thirty-two bytes, or more than that' });
  const cursor = await cursors.read(await cursors.issue(['b', 7], ['/Users']), ['/Users']);
  return { ...exercise(language), cursor };
};
`;

/** The lines of a stack trace are those of the sources. */
function traceLeadsToSources(consumer: string): void {
  const file = join(consumer, 'trace.mjs');
  writeFileSync(
    file,
    `import { compileMatcher } from 'scimd-language';
     try { compileMatcher('a pr', { schemas: [{}] }); } catch ({ stack }) { console.log(stack); }`,
  );
  const trace = execFileSync(process.execPath, ['--enable-source-maps', file], { encoding: 'utf8' });
  const frames = [...trace.matchAll(/at (\w+) \(scimd:\/\/\/(src\/[\w/-]+\.ts):(\d+):/g)];
  assert.ok(frames.length >= 4, trace);
  const lines = frames.map(([, , path = '', line]) => {
    const text = readFileSync(join(import.meta.dirname, '..', path), 'utf8');
    return text.split('\n')[Number(line) - 1]?.trim();
  });
  assert.match(lines[0] ?? '', /throw new DefinitionError\(/);
  assert.equal(lines[1], 'checkDefinitions(schemas);');
}

/** Tests what was packed into the tarball. */
export function testLanguage(tarball: string, run: Run): void {
  const consumer = mkdtempSync(join(tmpdir(), 'scimd-language-'));
  run(consumer, 'publint', 'run', tarball, '--strict');
  run(consumer, 'attw', tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii');
  writeFileSync(join(consumer, 'package.json'), '{ "private": true }');
  run(consumer, 'npm', 'install', '--silent', '--no-audit', '--no-fund', tarball);
  const modules = join(consumer, 'node_modules');
  assert.deepEqual(
    readdirSync(modules).filter((name) => !name.startsWith('.')),
    ['scimd-language'],
  );
  const installed = join(modules, 'scimd-language');
  const files = readdirSync(installed);
  assert.deepEqual(files.sort(), [
    ...['LICENSE', 'README.md', 'index.d.ts', 'index.js', 'index.js.map', 'package.json'],
  ]);
  const size = files.reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
  assert.ok(size <= LARGEST_LANGUAGE, `${size} bytes are installed`);

  // Readable: names, lines and blanks as they were written, and a map to the lines of the sources.
  const code = readFileSync(join(installed, 'index.js'), 'utf8');
  assert.match(code, /\nfunction parseFilter\(\w+, options\) \{\n\t/);
  assert.match(code, /sourceMappingURL=index\.js\.map\s*$/);
  const { sources } = JSON.parse(readFileSync(join(installed, 'index.js.map'), 'utf8')) as {
    sources: string[];
  };
  assert.ok(sources.includes('scim/patch.ts') && sources.some((each) => each.endsWith('grammar/parse.ts')));
  traceLeadsToSources(consumer);

  mkdirSync(join(consumer, 'types'));
  writeFileSync(join(consumer, 'types/package.json'), '{ "type": "module" }');
  writeFileSync(join(consumer, 'types/main.ts'), typed);
  for (const [module, moduleResolution] of [
    ['preserve', 'bundler'],
    ['nodenext', 'nodenext'],
  ]) {
    const compilerOptions = {
      ...{ target: 'es2023', lib: ['es2023'], types: [], module, moduleResolution, strict: true },
      ...{
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
      },
    };
    writeFileSync(join(consumer, 'types/tsconfig.json'), JSON.stringify({ compilerOptions }));
    run(join(consumer, 'types'), 'tsc', '-p', '.');
  }

  const expected = JSON.stringify({ ...exercise(source), cursor: ['b', 7] });
  const bundled = (name: string, format: 'esm' | 'cjs') =>
    buildSync({
      stdin: {
        contents: `export { exercise } from './portable.ts';`,
        resolveDir: join(import.meta.dirname, '../test/filter'),
      },
      ...{ bundle: true, platform: 'neutral', format, outfile: join(consumer, name), logLevel: 'warning' },
    });
  bundled('exercise.mjs', 'esm');
  bundled('exercise.cjs', 'cjs');
  const print = 'console.log(JSON.stringify(await round(language, exercise)));';
  writeFileSync(
    join(consumer, 'import.mjs'),
    `import * as language from 'scimd-language';\nimport { exercise } from './exercise.mjs';\n${main}\n${print}`,
  );
  writeFileSync(
    join(consumer, 'require.cjs'),
    `const language = require('scimd-language');\nconst { exercise } = require('./exercise.cjs');\n${main}\n(async () => { ${print} })();`,
  );
  const runtimes: readonly (readonly [name: string, command: string, ...flags: string[]])[] = [
    ['this Node.js', process.execPath],
    ['Node.js 20', process.env.NODE20 ?? 'node20'],
    ['Node.js 22', process.env.NODE22 ?? 'node22'],
    ['Deno', process.env.DENO ?? 'deno', 'run', '--quiet', '--allow-read'],
    ['Bun', process.env.BUN ?? 'bun', 'run'],
  ];
  for (const [name, command, ...flags] of runtimes) {
    if (spawnSync(command, ['--version']).status !== 0) {
      console.error(`NOT TESTED HERE: scimd-language in ${name}: there is no ${command}`);
      continue;
    }
    for (const file of ['import.mjs', 'require.cjs']) {
      const output = execFileSync(command, [...flags, join(consumer, file)], {
        cwd: consumer,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      assert.equal(output.trim(), expected, `${file} in ${name}`);
    }
    console.log(`scimd-language runs in ${name}, by import and by require`);
  }
  rmSync(consumer, { recursive: true });
}
