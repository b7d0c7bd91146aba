/** `attributes` and `excludedAttributes` for those who answer resources themselves (RFC 7644 §3.4.2.5, §3.9). */
import { projectionBy, readSelection } from '../scim/projection.ts';
import { resolveName } from '../scim/registry.ts';
import { resourceTypeFrom, type SchemaSource } from './compile.ts';
import type { JsonObject } from './read.ts';

/** Options of {@link compileProjection} (RFC 7644 §3.9). */
export type ProjectionOptions = SchemaSource & {
  /** As the query has it, separated by commas, or as a SearchRequest has it; it excludes the other one. */
  readonly attributes?: string | readonly string[] | null | undefined;
  readonly excludedAttributes?: string | readonly string[] | null | undefined;
  /** Paths that the request itself wrote (`validateCreate` answers them): they show what is returned on request. */
  readonly supplied?: ReadonlySet<string>;
};

/** What an answer shows of a resource (RFC 7644 §3.9). */
export interface CompiledProjection {
  /** Is the attribute, or a part of it, shown? What is not need not be loaded. */
  shows(path: string): boolean;
  /** The resource with what is shown of it, as a new object; what no schema defines is not. */
  apply(resource: object): Record<string, unknown>;
}

/**
 * Compiles what an answer shows (RFC 7644 §3.4.2.5, §3.9; `returned` of RFC 7643 §7). Without options that is everything
 * but what is returned never, or on request.
 * @throws ScimError 400 invalidValue if both are given.
 */
export function compileProjection(options: ProjectionOptions): CompiledProjection {
  const type = resourceTypeFrom(options);
  const selection = readSelection(namesOf(options.attributes), namesOf(options.excludedAttributes));
  const { shows, apply } = projectionBy(type, selection, options.supplied);
  return {
    apply: (resource) => apply(resource as JsonObject),
    shows(path) {
      const extension = type.extensions.get(path.toLowerCase());
      if (extension !== undefined) return [...extension.attributes.values()].some(shows);
      const resolved = resolveName(type, path);
      return resolved?.kind === 'attribute' && shows(resolved.attribute);
    },
  };
}

/** Empty is as if it were not given. */
function namesOf(given: string | readonly string[] | null | undefined): readonly string[] | undefined {
  const names = typeof given === 'string' ? given.split(',') : (given ?? []);
  const trimmed = names.map((name) => name.trim()).filter((name) => name !== '');
  return trimmed.length === 0 ? undefined : trimmed;
}
