/** PATCH for those who keep resources themselves: the server's own code, as one pure function. */
import { invalidSyntax } from '../error.ts';
import { differenceOf } from '../scim/difference.ts';
import type { Document } from '../scim/document.ts';
import { isObject, membersByName } from '../scim/object.ts';
import type { ResourceType } from '../scim/registry.ts';
import type { PatchOp, PatchOperation } from '../scim/resource-types.ts';
import {
  type Idp,
  type Readings,
  type ToleranceName,
  type Tolerated,
  tolerate,
  toleratedBy,
} from '../scim/tolerances.ts';
import { resourceTypeFrom, type SchemaSource } from './compile.ts';
import { Patch } from './patch.ts';

/** Which attributes there are, and what is accepted that RFC 7644 §3.5.2 does not allow. */
export type PatchOptions = SchemaSource & {
  /**
   * Whose quirks are accepted, or functions that read them; `strict` is the RFC's letter. Default `generic`: all that known
   * providers send.
   */
  readonly tolerances?: Idp | Readings;
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
 * Applies PATCH operations, or a PatchOp message, in order, all or none (RFC 7644 §3.5.2). The resource has its members in the schema's
 * spelling and multi-valued attributes as arrays; what no schema defines is kept.
 * @throws ScimError or ScimFilterError with the `scimType` and `detail` to answer: invalidSyntax, invalidPath,
 * invalidFilter, invalidValue, mutability, noTarget.
 */
export function applyPatch<R extends object>(
  resource: R,
  operations: readonly PatchOperation[] | PatchOp,
  options: PatchOptions,
): PatchedResource<R> {
  const type = resourceTypeFrom(options);
  const tolerated = toleratedBy(options.tolerances ?? 'generic');
  const before = resource as Document;
  const patch = new Patch(
    type,
    operationsOf(operations, type, tolerated),
    String(before.id ?? ''),
    tolerated,
  );
  const { document: patched } = patch.apply(before, { secretsInDocument: true });
  const changes = differenceOf(type, before, patched).edits.map(({ path, from, to }) => ({
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

const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** The operations themselves, or of a message: the body of a PATCH as it was parsed. */
function operationsOf(given: unknown, type: ResourceType, tolerated: Tolerated): readonly unknown[] {
  let operations = given;
  if (!Array.isArray(given)) {
    if (!isObject(given)) throw invalidSyntax('The body must be a JSON object: a PatchOp');
    const members = membersByName(given, '');
    const schemas = members.get('schemas');
    const uris = tolerate(tolerated, 'singleForArray', schemas) ?? schemas;
    const isNamed =
      Array.isArray(uris) && uris.some((uri) => String(uri).toLowerCase() === patchOp.toLowerCase());
    if (!isNamed && tolerate(tolerated, 'messageSchemas', schemas, type.schema.id) === undefined)
      throw invalidSyntax(`schemas must contain ${patchOp}`);
    operations = members.get('operations');
  }
  if (!Array.isArray(operations) || operations.length === 0)
    throw invalidSyntax('Operations must be an array of at least one operation');
  return operations;
}
