/** How the published `scimd/consumer` is bundled: one file, with nothing of Node's. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Writes it to the folder; answers its path. */
export async function bundleConsumer(folder: string): Promise<string> {
  const outfile = `${folder}/consumer.js`;
  await build({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    sourcemap: true,
    mainFields: ['module', 'main'],
    legalComments: 'none',
    logLevel: 'warning',
    entryPoints: ['src/consumer.ts'],
    outfile,
  });
  return outfile;
}
