/** How `scimd/consumer`, `scimd/drizzle` and `scimd/kysely` are bundled: a file each, with nothing of Node's. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { ofEmbedders } from '../src/cli/third-party.ts';

/** Writes one to the folder; answers its path. */
export async function bundleSmall(name: 'consumer' | 'drizzle' | 'kysely', folder: string): Promise<string> {
  const outfile = `${folder}/${name}.js`;
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
    entryPoints: [`src/${name}.ts`],
    // The query builder is the embedder's own.
    external: [...ofEmbedders],
    outfile,
  });
  return outfile;
}
