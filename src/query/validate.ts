/** The bodies of POST and PUT for those who keep resources themselves: the server's own code, as pure functions. */
import { type Document, inSchemaOrder, membersAttribute, secretAttribute } from '../scim/document.ts';
import { suppliedByBody } from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import { type CheckedResource, checkNew, checkReplacement } from '../scim/resource.ts';
import {
  type Idp,
  type Readings,
  type ToleranceName,
  type Tolerated,
  toleratedBy,
} from '../scim/tolerances.ts';
import { resourceTypeFrom, type SchemaSource } from './compile.ts';

/** Which attributes there are, and what is accepted that RFC 7644 §3.3 and §3.5.1 do not allow. */
export type ValidateOptions = SchemaSource & {
  /**
   * Whose quirks are accepted, or functions that read them: `{ booleanText: (text) => … }`. `strict` is the RFC's letter.
   * Default `generic`: all that known providers send.
   */
  readonly tolerances?: Idp | Readings;
};

/** What {@link validateCreate} (RFC 7644 §3.3) and {@link validateReplace} (§3.5.1) answer. */
export interface ValidatedResource {
  /** To store: registered names in the schema's order, values of their types, without what is not assigned. */
  readonly resource: Readonly<Record<string, unknown>>;
  /** Paths of the attributes that the body gave, for those that are returned on request (RFC 7643 §7). */
  readonly supplied: ReadonlySet<string>;
  /** The tolerances that were needed to read the body. */
  readonly tolerated: readonly ToleranceName[];
}

/**
 * Checks the body of a POST (RFC 7644 §3.3) against its schemas. `id`, `meta` and whatever else is readOnly are ignored:
 * they are yours to give. A user for whom it does not say otherwise is `active`.
 * @throws ScimError 400 invalidSyntax, invalidValue or invalidPath, with the path of what is wrong.
 */
export function validateCreate(body: unknown, options: ValidateOptions): ValidatedResource {
  const type = resourceTypeFrom(options);
  const tolerated = toleratedBy(options.tolerances ?? 'generic');
  return validated(type, body, checkNew(type, body, tolerated), undefined, tolerated);
}

/**
 * Checks the body of a PUT (RFC 7644 §3.5.1) against its schemas and the stored resource. What it leaves out is cleared,
 * except what is readOnly, immutable or writeOnly, and `active`: a PUT that does not speak of it reactivates nobody. What
 * no schema defines is kept.
 * @throws ScimError 400 invalidSyntax, invalidValue, invalidPath, or mutability for another value of what is immutable.
 */
export function validateReplace(body: unknown, stored: object, options: ValidateOptions): ValidatedResource {
  const before = stored as Document;
  const type = resourceTypeFrom(options);
  const tolerated = toleratedBy(options.tolerances ?? 'generic');
  return validated(type, body, checkReplacement(type, body, before, tolerated), before, tolerated);
}

function validated(
  type: ResourceType,
  body: unknown,
  { document, members, password }: CheckedResource,
  stored: Document | undefined,
  tolerated: Tolerated,
): ValidatedResource {
  const resource: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(stored ?? {}))
    if (!isDefined(type, name)) resource[name] = value;
  Object.assign(resource, document);
  const [membership, secret] = [membersAttribute(type), secretAttribute(type)];
  if (membership !== undefined && members !== undefined && members.length > 0)
    resource[membership.name] = members;
  if (secret !== undefined) {
    const kept = password === undefined ? stored?.[secret.name] : password;
    if (kept !== undefined && kept !== null) resource[secret.name] = kept;
  }
  return {
    resource: inSchemaOrder(type, resource),
    supplied: suppliedByBody(type, body, tolerated),
    tolerated: [...tolerated.used],
  };
}

function isDefined(type: ResourceType, name: string): boolean {
  const key = name.toLowerCase();
  return type.attributes.has(key) || type.extensions.has(key);
}
