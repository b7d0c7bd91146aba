/**
 * How `scimd/filter` is bundled, which is also the package `scimd-language`: one file, of which bundlers take what is used
 * ("sideEffects" in package.json).
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { foldingRuns } from '../src/scim/case-folding.ts';
import { ll1Chevrotain } from './ll1-chevrotain.ts';

/** What a bundler makes of parts of it, minified and in gzip, at most. */
export const parts = [
  { what: 'parseFilter alone', most: 16_000, names: ['parseFilter'] },
  {
    what: 'filters, SQL and PATCH',
    most: 40_000,
    names: [
      ...['parseFilter', 'parsePath', 'parseAttrPath', 'safeParseFilter', 'safeParsePath', 'stringify'],
      ...['and', 'or', 'not', 'eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'pr', 'valuePath'],
      ...['patchPath', 'attrPaths', 'walk', 'DEFAULT_LIMITS', 'ScimFilterError', 'ScimError'],
      ...['compileMatcher', 'compileSql', 'sqlTemplate', 'sqlite', 'postgres', 'applyPatch'],
      ...['comparisonKeys', 'fold', 'instantKey', 'resourceTypeOf'],
    ],
  },
] as const;

const defaults: Readonly<Record<string, unknown>> = {
  type: 'string',
  multiValued: false,
  required: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
};

/** An attribute without what is the default of RFC 7643 §2.2 anyway. */
function shortened(attribute: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const said = Object.entries(attribute).filter(
    ([name, value]) => defaults[name] !== value && !(name === 'caseExact' && value === false),
  );
  const { subAttributes } = attribute;
  return {
    ...Object.fromEntries(said),
    ...(Array.isArray(subAttributes) ? { subAttributes: subAttributes.map(shortened) } : {}),
  };
}

/**
 * Schemas and the table of case folding as JSON that is read when it is asked for: as code, with a line for each number, they
 * are four times as large.
 */
const shortData: Plugin = {
  name: 'short-data',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]scim[\\/]schemas[\\/]\w+\.json$/ }, ({ path }) => {
      const schema = JSON.parse(readFileSync(path, 'utf8'));
      const short = Array.isArray(schema)
        ? schema.map(shortened)
        : { ...schema, attributes: schema.attributes.map(shortened), meta: undefined, schemas: undefined };
      const lines = JSON.stringify(short)
        .replaceAll('{"name":', '\n{"name":')
        .replace(/\. {2,}/g, '. ');
      const text = lines.replace(/[\\`]|\$\{/g, '\\$&');
      return { contents: `export default /* @__PURE__ */ JSON.parse(\`${text}\`);`, loader: 'js' };
    });
    onLoad({ filter: /[\\/]scim[\\/]case-folding\.ts$/ }, () => ({
      contents: `export const foldingRuns = /* @__PURE__ */ JSON.parse('${JSON.stringify(foldingRuns)}');`,
      loader: 'js',
    }));
  },
};

const shared: BuildOptions = {
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  bundle: true,
  format: 'esm',
  // Nothing of Node's, nothing of browsers.
  platform: 'neutral',
  target: 'es2023',
  charset: 'utf8',
  sourcemap: true,
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** The file is of a package whose modules have no side effects, wherever it is written to. */
const pure: Plugin = {
  name: 'pure',
  setup({ onResolve }) {
    onResolve({ filter: /[\\/]\w+\.js$/ }, ({ path }) => ({ path, sideEffects: false }));
  },
};

export interface FilterBundle {
  /** What each of {@link parts} weighs, and what everything does that is exported. */
  readonly weights: readonly { readonly what: string; readonly gzip: number; readonly most?: number }[];
}

/** Writes it, with its source map, to the file. */
export async function bundleFilter(file: string): Promise<FilterBundle> {
  await build({
    ...shared,
    entryPoints: ['src/filter.ts'],
    outfile: file,
    plugins: [ll1Chevrotain, shortData],
  });
  const module = JSON.stringify(resolve(file));
  const weights = await Promise.all([
    ...parts.map(async ({ what, most, names }) => ({
      what,
      most,
      gzip: await weightOf(`export { ${names.join(', ')} } from ${module};`),
    })),
    weightOf(`export * from ${module};`).then((gzip) => ({ what: 'everything', gzip })),
  ]);
  return { weights };
}

/** Bytes in gzip of what a bundler makes of a module, minified. */
async function weightOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    ...shared,
    stdin: { contents, resolveDir: shared.absWorkingDir! },
    ...{ minify: true, sourcemap: false, write: false, plugins: [pure] },
  });
  return gzipSync(outputFiles[0]!.contents).length;
}
