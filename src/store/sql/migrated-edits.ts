/** What the change record has of a document that was fitted to other schemas. */
import { differenceOf } from '../../scim/difference.ts';
import { isObject } from '../../scim/object.ts';
import type { ResourceType } from '../../scim/registry.ts';
import type { RecordedEdit } from '../change.ts';
import type { Document, SensitivePaths } from '../store.ts';
import { recordedEdits } from './change-row.ts';

/**
 * How the document that is shown differs from the one that was. Of what no schema defines any more the values are not
 * recorded, since nothing says whether they are secret; they are kept aside.
 */
export function migratedEdits(
  type: ResourceType,
  before: Document,
  after: Document,
  hidden: SensitivePaths,
): RecordedEdit[] {
  const edits: RecordedEdit[] = [...recordedEdits(differenceOf(type, before, after).edits, hidden)];
  const gone = (
    names: Document,
    known: ReadonlyMap<string, unknown>,
    left: unknown,
    prefix: string,
  ): void => {
    for (const name of Object.keys(names))
      if (!known.has(name.toLowerCase()) && !(isObject(left) && name in left))
        edits.push({ path: prefix + name, omitted: 'unrecorded' });
  };
  const base = new Map<string, unknown>([...type.attributes, ...type.extensions]);
  gone(before, base, after, '');
  for (const { schema, attributes } of type.extensions.values()) {
    const container = before[schema.id];
    if (isObject(container)) gone(container, attributes, after[schema.id], `${schema.id}:`);
  }
  return edits;
}
