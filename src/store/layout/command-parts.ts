/** What commands write and record, whatever the database. */
import { secretAttribute } from '../../scim/document.ts';
import { isObject } from '../../scim/object.ts';
import type { ResourceType } from '../../scim/registry.ts';
import type { RecordedEdit } from '../change.ts';
import type { DocumentChange } from '../document-change.ts';
import type {
  Computed,
  Document,
  Outcome,
  SensitivePaths,
  StoredResource,
  Unit,
  UpdateCommand,
} from '../store.ts';
import type { StoredType } from './stored-type.ts';

/** The id stands behind `schemas`, where readers of the answer look for it. */
export function withId(document: Document, id: string): Document {
  if (document.id === id && isInPlace(document)) return document;
  const { schemas, id: _, ...rest } = document;
  return schemas === undefined ? { id, ...rest } : { schemas, id, ...rest };
}

function isInPlace(document: Document): boolean {
  let before: string | undefined;
  for (const name in document) {
    if (name === 'id') return before === 'schemas';
    if (before !== undefined) return false;
    before = name;
  }
  return false;
}

/** The unit that is computed from the resource as it is; or what became of the change, of which nothing is written then. */
export function computedFrom(
  resource: StoredResource,
  compute: (stored: StoredResource) => Computed,
): Unit | Outcome {
  let computed: Computed;
  try {
    computed = compute(resource);
  } catch (error) {
    return { outcome: 'failed', error };
  }
  if (computed === 'unchanged') return { outcome: 'done', results: [{ outcome: 'unchanged', resource }] };
  return computed === 'apart' ? { outcome: 'conflict', command: 0 } : computed;
}

/** Undefined where nothing differs; else with the id in its place. */
export function documentChangeOf({ document, id }: UpdateCommand): DocumentChange | undefined {
  if (document === undefined || document.difference.edits.length === 0) return undefined;
  return document.inText === undefined ? { ...document, after: withId(document.after, id) } : document;
}

export function displayOf(kind: StoredType, document: Document): string | undefined {
  const display = kind.layout.entries.get('displayName') === undefined ? undefined : document.displayName;
  return typeof display === 'string' ? display : undefined;
}

/** A password is kept as a hash and apart: that it changed is all that is recorded. */
export function passwordEdit({ type }: StoredType): RecordedEdit {
  return { path: secretAttribute(type)?.path ?? 'password', omitted: 'sensitive' };
}

/** What a group says of a member that the store does not hold. */
export function descriptionEdit(member: string): RecordedEdit {
  return { path: `members[value eq ${JSON.stringify(member)}]`, omitted: 'unrecorded' };
}

/** The document without the values of these attributes. */
export function withoutPaths(
  type: ResourceType,
  document: Document,
  paths: SensitivePaths | undefined,
): Document {
  if (paths === undefined || paths.size === 0) return document;
  const kept = { ...document };
  for (const { path, name } of type.attributes.values()) if (paths.has(path)) delete kept[name];
  for (const { schema, attributes } of type.extensions.values()) {
    const container = kept[schema.id];
    if (!isObject(container)) continue;
    const hidden = [...attributes.values()].filter(({ path }) => paths.has(path)).map(({ name }) => name);
    const shown = Object.entries(container).filter(([name]) => !hidden.includes(name));
    if (shown.length === 0) delete kept[schema.id];
    else kept[schema.id] = Object.fromEntries(shown);
  }
  return kept;
}
