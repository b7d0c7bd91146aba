/**
 * `node --import tsx --import ./test/filter/published.ts --test …` runs tests against the published module at
 * SCIMD_FILTER instead of the sources: what a test imports from `src/filter.ts` or `grammar/index.ts` comes from there.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const module = process.env.SCIMD_FILTER;
if (module === undefined) throw new Error('SCIMD_FILTER must name the module to test');
const published = pathToFileURL(module).href;

const tests = new URL('../', import.meta.url).href;
const sources = new Set(
  ['src/filter.ts', 'grammar/index.ts'].map((file) => new URL(`../../${file}`, import.meta.url).href),
);

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (context.parentURL?.startsWith(tests) && specifier.startsWith('.')) {
      if (sources.has(new URL(specifier, context.parentURL).href))
        return { url: published, shortCircuit: true };
    }
    return nextResolve(specifier, context);
  },
});
