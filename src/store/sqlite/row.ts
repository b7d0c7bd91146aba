/** The resource as a row of an answer: the columns that StoredResource is made of. */
import type { StoredResource } from '../store.ts';
import { instantText } from './instant.ts';
import type { Kinds } from './kinds.ts';

/** In the order of {@link ResourceRow}, for `resource r` and `document d`. */
export const resourceColumns =
  'r.type, r.id, r.version, r.created, r.modified, d.body, EXISTS (SELECT 1 FROM member WHERE tenant = r.tenant AND value = r.id)';

export type ResourceRow = [
  kind: number,
  id: string,
  version: number,
  created: string,
  modified: string,
  body: string,
  grouped: 0 | 1,
];

export function toResource(
  kinds: Kinds,
  [kind, id, version, created, modified, body, grouped]: ResourceRow,
): StoredResource {
  return {
    id,
    type: kinds.nameOf(kind),
    version,
    created: instantText(created),
    modified: instantText(modified),
    body,
    grouped: grouped === 1,
  };
}
