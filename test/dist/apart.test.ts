/** How the binary's program is made of two: scripts/binary/apart.ts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { build, type Plugin } from 'esbuild';
import { Apart } from '../../scripts/binary/apart.ts';
import { lazily } from '../../scripts/binary/lazily.ts';

type Program = (required: (name: string) => unknown, module?: object) => void;

/** Bundles the modules as the binary's programs are, and runs `main.js`; what each module says when it is evaluated, in order. */
async function said(modules: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-apart-'));
  try {
    for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
    const seldom = new RegExp(
      `^${relative(process.cwd(), join(folder, 'seldom')).replaceAll('\\', '/')}.*\\.js$`,
    );
    const apart = new Apart(seldom);
    const bundled = async (entry: string, plugins: Plugin[]) => {
      const { outputFiles, metafile } = await build({
        entryPoints: [entry],
        plugins,
        outfile: join(folder, 'out.cjs'),
        banner: { js: '(function (require, module) {' },
        footer: { js: '})' },
        ...{ bundle: true, format: 'cjs', platform: 'node', write: false, metafile: true },
      });
      return { text: outputFiles?.[0]?.text ?? '', files: new Set(Object.keys(metafile?.inputs ?? {})) };
    };
    const first = () =>
      bundled(join(folder, 'main.js'), [apart.ofFirst, lazily(new Set(), seldom, apart.require)]);
    const { files } = await first();
    const second = await bundled(apart.entry, [apart.ofSecond(files), lazily(new Set(), seldom)]);
    const lines: string[] = [];
    const context = { say: (line: string) => lines.push(line) };
    const program = ({ text }: { readonly text: string }): Program => runInNewContext(text, context);
    program(await first())((name) => {
      lines.push(name);
      return name === 'apart:' ? program(second) : { connect: () => 'connected' };
    });
    // What is imported later.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the second program is read when something of it is first used, once, and shares the modules of the first', async () => {
  const lines = await said({
    'main.js': `import { one } from './seldom.js'; import { two } from './seldom-too.js'; import { count } from './shared.js';
      say('main ' + count()); say('one ' + one()); say('two ' + two()); say('main ' + count());`,
    'shared.js': `say('shared evaluated'); let counted = 0; export const count = () => ++counted;`,
    'seldom.js': `import { count } from './shared.js'; import { own } from './own.js'; say('one evaluated'); export const one = () => own + count();`,
    'seldom-too.js': `import { count } from './shared.js'; import { own } from './own.js'; import { connect } from 'node:tls';
      say('two evaluated'); export const two = () => own + count() + connect();`,
    'own.js': `say('own evaluated'); export const own = 'own ';`,
  });
  assert.deepEqual(lines, [
    ...['shared evaluated', 'main 1', 'apart:', 'own evaluated', 'one evaluated', 'one own 2'],
    ...['node:tls', 'two evaluated', 'two own 3connected', 'main 4'],
  ]);
});

test('what is imported later is of the second program too', async () => {
  const lines = await said({
    'main.js': `import './shared.js'; import('./seldom.js').then(({ one }) => say(one())); say('main');`,
    'shared.js': `say('shared evaluated'); export const shared = 'shared';`,
    'seldom.js': `import { shared } from './shared.js'; say('one evaluated'); export const one = () => 'one ' + shared;`,
  });
  assert.deepEqual(lines, ['shared evaluated', 'main', 'apart:', 'one evaluated', 'one shared']);
});
