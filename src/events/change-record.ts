/** What a change record says of one change of one resource, as events read it. */
import type { EventActor } from './event.ts';

/** One attribute that changed. Of a sensitive one, such as a password, only that it did. */
export interface RecordEdit {
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** A resource as it was when it was deleted. */
export interface LastState {
  readonly document: Readonly<Record<string, unknown>>;
  /** Groups that it was in. */
  readonly groups: readonly { readonly value: string; readonly display?: string | undefined }[];
}

export interface ChangeRecord {
  /** Dense within a tenant, from 1. */
  readonly sequence: number;
  readonly transaction: string | undefined;
  readonly request: string | undefined;
  readonly at: string;
  readonly operation: 'create' | 'replace' | 'patch' | 'delete' | 'restore' | 'erase';
  /** The name of the resource type. */
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly actor: EventActor;
  readonly edits: readonly RecordEdit[];
  /** Ids of members that came and went. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Of a deletion; absent in rows that older releases wrote. */
  readonly last: LastState | undefined;
}

/** Does the change end somebody's access? Such events go ahead of others. */
export function isLeaver({ type, operation, edits }: ChangeRecord): boolean {
  if (type !== 'User') return false;
  return operation === 'delete' || edits.some(isDeactivation);
}

export function isDeactivation({ path, from, to }: RecordEdit): boolean {
  return path === 'active' && to === false && from !== false;
}

export function isReactivation({ path, from, to }: RecordEdit): boolean {
  return path === 'active' && from === false && to !== false;
}
