/** The change record: what is kept of each change of a resource. */
import type { Document } from '../scim/document.ts';

/** Who did it, for the change record: as they were called then. */
export interface Actor {
  /** `token`: one of the store; `jwt`: another issuer's; `cli`, `import`: who works on the database itself. */
  readonly kind: 'token' | 'jwt' | 'cli' | 'import' | 'admin' | 'system' | 'embedder';
  /** Of the token, or the subject of the JWT. */
  readonly id?: string;
  readonly name?: string;
  /** The provider whose tolerances applied. */
  readonly idp?: string;
  /** The client's address; absent unless personal data may be kept. */
  readonly address?: string;
}

/** The change that made another one happen: the deletion of a member changes its groups. */
export interface Cause {
  readonly operation: Change['operation'];
  readonly type: string;
  readonly id: string;
}

/**
 * What happened to one attribute: `from` or `to` is absent where it had, or has, no value. `omitted` says why neither
 * is there: the attribute is sensitive; it was not recorded, by an older release or since no schema defines it any more;
 * or the person was erased.
 */
export type RecordedEdit =
  | { readonly path: string; readonly from?: unknown; readonly to?: unknown; readonly omitted?: undefined }
  | { readonly path: string; readonly omitted: 'sensitive' | 'unrecorded' | 'erased' };

/** A resource as it was when it was deleted. */
export interface LastState {
  /** With `id`, without `meta`, `groups`, `members`, password and sensitive attributes. */
  readonly document: Document;
  /** RFC 3339 in UTC with milliseconds. */
  readonly created: string;
  /** The groups that it was a direct member of. */
  readonly groups: readonly { readonly value: string; readonly display?: string }[];
}

/**
 * Of what is no change of a resource, and is told in the same order: a connection, a token, an endpoint, a tenant, the
 * guard. `data` is what its event says beside the envelope.
 */
export interface Notice {
  /** The name of the event: `connection.silent`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One change of one resource, written in the transaction of the change itself; or a notice. */
export interface Change {
  /** Dense in the tenant, from 1: commit order is number order, and a gap is a loss. */
  readonly sequence: number;
  readonly tenant: number;
  /** Changes made by one request have one; absent in changes that older releases recorded, as the next ones. */
  readonly transaction?: string;
  readonly request?: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly at: string;
  /**
   * `restore`: a deleted resource is there again, as `last` of its deletion has it. `erase`: all that the record had of a
   * resource was taken out of it; the earlier changes are there with their numbers and without content. `migrate`: the
   * document was brought in accord with schemas that were configured anew. `notice`: nothing of a resource changed; see
   * {@link Notice}.
   */
  readonly operation: 'create' | 'replace' | 'patch' | 'delete' | 'restore' | 'erase' | 'migrate' | 'notice';
  /** Of a notice, what it is about: `Token`, `Endpoint`, …; no type of resource. */
  readonly type: string;
  readonly id: string;
  /** The version that the change made; 0 of a notice. */
  readonly version: number;
  readonly actor: Actor;
  /** Only what really changed; none of a creation or restoration, which made all that the later changes start from. */
  readonly edits: readonly RecordedEdit[];
  /** Ids of members that came and went, for a group; of a deleted group all that it had. */
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
  /** Of a deletion, unless it was erased. */
  readonly last?: LastState;
  readonly tolerances?: readonly string[];
  readonly cause?: Cause;
  readonly notice?: Notice;
  /** Salted SHA-256 of the change, and the chain's link over it and the link before it, in hexadecimal digits. */
  readonly digest?: string;
  readonly link?: string;
}

/** Which changes of a tenant there are: none where `oldest`, the first that retention has left, is `newest` + 1. */
export interface ChangeRange {
  readonly oldest: number;
  readonly newest: number;
}

/** A resource that was deleted. */
export interface DeletedResource {
  readonly id: string;
  /** The number of its deletion in the change record. */
  readonly sequence: number;
  /** When it was deleted, RFC 3339 in UTC. */
  readonly at: string;
  readonly actor: Actor;
  readonly last: LastState;
}
