/**
 * `npm run test:package`: what `npm pack` makes (it builds first), as its users get it. publint and attw look at the
 * tarball; installed into an empty project, the types of `scimd/filter` and README's examples compile there, and the
 * tests of filter and grammar run against it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** Every TypeScript example of README that imports the filter language, as a module of its own. */
function examples(): string[] {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  const found = blocks.map(([, code]) => code!).filter((code) => code.includes("'scimd/filter'"));
  if (found.length === 0) throw new Error('README shows nothing of scimd/filter');
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
for (const [index, code] of examples().entries()) writeFileSync(join(consumer, `example-${index}.ts`), code);
for (const resolution of ['bundler', 'nodenext'] as const) {
  const file = `tsconfig.${resolution}.json`;
  writeFileSync(join(consumer, file), JSON.stringify(tsconfig(resolution)));
  run(consumer, 'tsc', '-p', file);
}
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
rmSync(folder, { recursive: true });
console.log('\nThe package is as it should be.');
