/** The resource as a row of an answer: the columns that StoredResource is made of. */
import type { StoredResource } from '../store.ts';
import { instantText } from './instant.ts';
import type { Kinds } from './kinds.ts';

/** In the order of {@link ResourceRow}, for `resource r` and `document d`. */
export const resourceColumns = 'r.type, r.id, r.version, r.created, r.modified, d.body';

export type ResourceRow = [
  kind: number,
  id: string,
  version: number,
  created: string,
  modified: string,
  body: string,
];

export function toResource(
  kinds: Kinds,
  [kind, id, version, created, modified, body]: ResourceRow,
): StoredResource {
  return {
    id,
    type: kinds.nameOf(kind),
    version,
    created: instantText(created),
    modified: instantText(modified),
    body,
  };
}
