/** What the binary's start is made of: scripts/binary/lazily.ts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { lazily } from '../../scripts/binary/lazily.ts';

/** Bundles the modules as the binary's program is, and runs `main.js`; what each module says when it is evaluated, in order. */
async function said(
  modules: Readonly<Record<string, string>>,
  packages: ReadonlySet<string>,
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-lazily-'));
  try {
    for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
    const own = relative(process.cwd(), join(folder, 'late.js')).replaceAll('\\', '/');
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'main.js')],
      plugins: [lazily(packages, new RegExp(`^${own}$`))],
      ...{ bundle: true, format: 'cjs', platform: 'node', write: false },
    });
    const lines: string[] = [];
    const asked = (name: string) => {
      lines.push(name);
      return { connect: () => 'connected' };
    };
    runInNewContext(outputFiles[0]?.text ?? '', { say: (line: string) => lines.push(line), require: asked });
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a module is evaluated when something of it is first used, and once', async () => {
  const lines = await said(
    {
      'main.js': `import { late, other } from './late.js'; import './early.js'; say('main'); say(late()); say(other);`,
      'early.js': `say('early');`,
      'late.js': `say('late evaluated'); export const late = () => 'late used'; export const other = 'other';`,
    },
    new Set(),
  );
  assert.deepEqual(lines, ['early', 'main', 'late evaluated', 'late used', 'other']);
});

test("a module of Node.js's is required when something of it is first used", async () => {
  const lines = await said(
    { 'main.js': `import { connect } from 'node:tls'; say('main'); say(connect());` },
    new Set(['tls']),
  );
  assert.deepEqual(lines, ['main', 'node:tls', 'connected']);
});
