/** What a change of the record means for whoever it is about. */
import type { Change, RecordedEdit } from '../store/change.ts';

/** A change, in whatever tenant. */
export type ChangeRecord = Omit<Change, 'tenant'>;

/** Does the change end somebody's access? Such events go ahead of others. */
export function isLeaver({ type, operation, edits, notice }: ChangeRecord): boolean {
  if (notice !== undefined)
    return notice.event === 'tenant.deleted' || (type === 'User' && notice.data.locked === true);
  if (type !== 'User') return false;
  return operation === 'delete' || edits.some(isDeactivation);
}

/** May the change end somebody's access? When an endpoint has heard of it is kept: `confirmation.ofEndpoint` of src/store/sql asks the same. */
export function mayEndAccess({ operation, edits }: ChangeRecord): boolean {
  return operation === 'delete' || edits.some(({ path }) => path === 'active');
}

export function isDeactivation(edit: RecordedEdit): boolean {
  return edit.path === 'active' && edit.omitted === undefined && edit.to === false && edit.from !== false;
}

export function isReactivation(edit: RecordedEdit): boolean {
  return edit.path === 'active' && edit.omitted === undefined && edit.from === false && edit.to !== false;
}

/** May the change have been of access? Older releases did not keep what `active` was, and erasures take it away. */
export function concernsActive({ path, omitted }: RecordedEdit): boolean {
  return path === 'active' && (omitted === 'unrecorded' || omitted === 'erased');
}
