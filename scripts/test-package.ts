/**
 * `npm run test:package`: what `npm pack` makes (it builds first), as its users get it. publint and attw look at the
 * tarball; installed into an empty project, the types of `scimd/filter` and the documentation's examples compile there, and the
 * tests of filter and grammar run against it, and the embedded server answers a scan. `scimd-language`, which is built beside it, is tested likewise. Nothing is installed with it that
 * is bundled already.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testLanguage } from './test-language.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const folder = mkdtempSync(join(tmpdir(), 'scimd-package-'));
const consumer = join(folder, 'consumer');

function run(cwd: string, command: string, ...args: string[]): void {
  console.log(`\n> ${command} ${args.join(' ').replaceAll(folder, '…')}`);
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  execFileSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: {
      ...environment,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      SCIMD_FILTER: join(consumer, 'node_modules/scimd/dist/filter.js'),
    },
  });
}

/** Every TypeScript example of the documentation that imports scimd, as a module of its own. */
function examples(): string[] {
  const pages = ['embedding', 'application'].map((name) =>
    readFileSync(join(root, `src/docs/${name}.md`), 'utf8'),
  );
  const blocks = pages.flatMap((page) => [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]);
  const found = blocks
    .map(([, code]) => code!)
    .filter((code) => /from 'scimd(?:-language|\/filter)?'/.test(code));
  if (found.length === 0) throw new Error('the documentation shows nothing of scimd');
  return found;
}

/** As strict as TypeScript gets, without the types of Node.js; `DOM` for the Request and Response of an example. */
const tsconfig = (moduleResolution: 'bundler' | 'nodenext') => ({
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'dom'],
    types: [],
    module: moduleResolution === 'bundler' ? 'preserve' : 'nodenext',
    moduleResolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
  },
  include: ['*.ts'],
});

/** The embedded server's types, which refer to nothing that is not installed. */
const embedding = `
import { createScimd, type HttpOptions, type Proposal, type Scimd } from 'scimd';

export async function answer(request: Request, limits: NonNullable<HttpOptions['limits']>): Promise<Response> {
  const before = ({ refuse }: Proposal): void => {
    if (limits.bodyBytes === 1) refuse(400, 'nothing comes in');
  };
  const scimd: Scimd = await createScimd({ database: ':memory:', limits, before });
  return scimd.fetch(request);
}
`;

/** The server embedded, with so much that a scan and a change run in threads, which find the package's own SQLite. */
const embedded = `
import assert from 'node:assert/strict';
import { createScimd } from 'scimd';

const scimd = await createScimd({ database: new URL('embedded.db', import.meta.url).pathname });
const { token } = await scimd.createToken({ name: 'test' });
const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/scim+json' };
const ask = async (path, init) => {
  const answer = await scimd.fetch(new Request('http://localhost/scim/v2' + path, { headers, ...init }));
  assert.equal(answer.status, 200);
  return answer.json();
};
const operations = (from) =>
  Array.from({ length: 600 }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: String(index),
    data: { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'u' + (from + index) },
  }));
for (const from of [0, 600])
  await ask('/Bulk', {
    method: 'POST',
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: operations(from),
    }),
  });
const filter = encodeURIComponent('userName co "u11" and meta.created gt "2000-01-01T00:00:00Z"');
assert.equal((await ask('/Users?filter=' + filter)).totalResults, 111);
const threads = new Set();
process.on('worker', (thread) => threads.add(thread));
const members = Array.from({ length: 2000 }, (_, index) => ({ value: 'member-' + index }));
const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
const group = { method: 'POST', body: JSON.stringify({ schemas, displayName: 'all', members }) };
assert.equal((await scimd.fetch(new Request('http://localhost/scim/v2/Groups', { headers, ...group }))).status, 201);
assert.equal(threads.size, 1);
await scimd.close();
`;

mkdirSync(consumer);
run(root, 'npm', 'pack', '--silent', '--pack-destination', folder);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const tarball = join(folder, `scimd-${version}.tgz`);
run(root, 'publint', 'run', tarball, '--strict');
run(root, 'attw', tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii');

writeFileSync(join(consumer, 'package.json'), '{ "private": true, "type": "module" }');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};
run(
  consumer,
  'npm',
  'install',
  '--silent',
  '--no-audit',
  '--no-fund',
  '--ignore-scripts',
  tarball,
  `kysely@${devDependencies.kysely}`,
);
const installed = readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
assert.deepEqual(installed.sort(), ['better-sqlite3', 'kysely', 'node-addon-api', 'scimd']);
assert.equal(existsSync(join(consumer, 'node_modules/scimd/dist/language')), false);
const dist = join(consumer, 'node_modules/scimd/dist');
for (const name of ['index.js', 'filter.js']) {
  const map = JSON.parse(readFileSync(join(dist, `${name}.map`), 'utf8')) as { sourcesContent: unknown[] };
  assert.ok(
    map.sourcesContent.every((content) => typeof content === 'string'),
    `${name} has its sources`,
  );
  assert.match(readFileSync(join(dist, name), 'utf8'), new RegExp(`sourceMappingURL=${name}\\.map\\s*$`));
}
const language = join(folder, `scimd-language-${version}.tgz`);
run(join(root, 'dist/language'), 'npm', 'pack', '--silent', '--pack-destination', folder);
run(consumer, 'npm', 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', language);
writeFileSync(join(consumer, 'embedding.ts'), embedding);
for (const [index, code] of examples().entries()) writeFileSync(join(consumer, `example-${index}.ts`), code);
for (const resolution of ['bundler', 'nodenext'] as const) {
  const file = `tsconfig.${resolution}.json`;
  writeFileSync(join(consumer, file), JSON.stringify(tsconfig(resolution)));
  run(consumer, 'tsc', '-p', file);
}
writeFileSync(join(consumer, 'embedded.mjs'), embedded);
// From another folder: nothing is looked for in the current one.
run(root, 'node', join(consumer, 'embedded.mjs'));
run(
  root,
  'node',
  '--import',
  'tsx',
  '--import',
  './test/filter/published.ts',
  '--test',
  '--test-reporter',
  'dot',
  'test/filter/*.test.ts',
  'test/grammar/*.test.ts',
);
testLanguage(language, run);
rmSync(folder, { recursive: true });
console.log('\nThe package is as it should be.');
