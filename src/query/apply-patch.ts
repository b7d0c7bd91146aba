/** PATCH for those who keep resources themselves: the server's own code, as one pure function. */
import { ScimError } from '../error.ts';
import { differenceOf } from '../scim/difference.ts';
import { type Idp, type ToleranceName, toleratedFor } from '../scim/tolerances.ts';
import { resourceTypeFrom, type SchemaSource } from './compile.ts';
import { Patch } from './patch.ts';

/** One operation of a PatchOp message (RFC 7644 §3.5.2), as it was received. */
export interface PatchOperation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

/** Which attributes there are, and what is accepted that RFC 7644 §3.5.2 does not allow. */
export type PatchOptions = SchemaSource & {
  /** Whose quirks are accepted; `strict` is the RFC's letter. Default `generic`: all that known providers send. */
  readonly tolerances?: Idp;
};

/** What {@link applyPatch} (RFC 7644 §3.5.2) answers. */
export interface PatchedResource<R> {
  /** The same object as given if nothing changed, else a new one; the one given is never touched. */
  readonly resource: R;
  /** What changed, by attribute path. */
  readonly changes: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
  /** The tolerances that were needed to read the operations. */
  readonly tolerated: readonly ToleranceName[];
}

/**
 * Applies PATCH operations in order, all or none (RFC 7644 §3.5.2). The resource has its members in the schema's
 * spelling and multi-valued attributes as arrays; what no schema defines is kept.
 * @throws ScimError or ScimFilterError with the `scimType` and `detail` to answer: invalidSyntax, invalidPath,
 * invalidFilter, invalidValue, mutability, noTarget.
 */
export function applyPatch<R extends Readonly<Record<string, unknown>>>(
  resource: R,
  operations: readonly PatchOperation[],
  options: PatchOptions,
): PatchedResource<R> {
  const type = resourceTypeFrom(options);
  const tolerated = toleratedFor(options.tolerances ?? 'generic');
  if (!Array.isArray(operations) || operations.length === 0)
    throw new ScimError(400, 'invalidSyntax', 'Operations must be an array of at least one operation');
  const patch = new Patch(type, operations, String(resource.id ?? ''), tolerated);
  const { document: patched } = patch.apply(resource, { secretsInDocument: true });
  const changes = differenceOf(type, resource, patched).edits.map(({ path, from, to }) => ({
    path,
    before: from,
    after: to,
  }));
  return {
    resource: patched as R,
    changes,
    tolerated: [...tolerated.used],
  };
}
