/** What a change record says of one change of one resource, as events read it. */
import type { EventActor } from './event.ts';

/** One attribute that changed. `omitted`: of a sensitive one only that it did; older releases kept no values. */
export interface RecordEdit {
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
  readonly omitted?: 'sensitive' | 'unrecorded' | undefined;
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
  readonly transaction?: string;
  readonly request?: string;
  readonly at: string;
  readonly operation: 'create' | 'replace' | 'patch' | 'delete';
  /** The name of the resource type. */
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly actor: EventActor;
  readonly edits: readonly RecordEdit[];
  /** Ids of members that came and went; of a deleted group all that it had. */
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
  /** Of a deletion; absent in rows that older releases wrote. */
  readonly last?: LastState;
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

/** May the change have been of access? Older releases did not keep what `active` was. */
export function concernsActive({ path, omitted }: RecordEdit): boolean {
  return path === 'active' && omitted === 'unrecorded';
}
