/** What is left of stored texts when somebody that they speak of is erased. */
import { isObject } from '../scim/object.ts';
import type { LastState, RecordedEdit } from './change.ts';

/** What says that there is somebody, and not who it is. */
const kept: ReadonlySet<string> = new Set(['id', 'value', '$ref', 'type', 'version']);

/** The JSON text without anything about the resource but its id, types and versions. */
export function erasedText(text: string, id: string): string {
  return JSON.stringify(erased(JSON.parse(text), id));
}

function erased(value: unknown, id: string): unknown {
  if (Array.isArray(value)) return value.map((each) => erased(each, id));
  if (!isObject(value)) return value;
  if (value.id === id || value.value === id)
    return Object.fromEntries(Object.entries(value).filter(([name]) => kept.has(name)));
  const { subject } = value;
  const isAbout = isObject(subject) && subject.id === id;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      if (!isAbout) return [[name, erased(each, id)]];
      if (name === 'previous') return [];
      if (name === 'data') return [[name, null]];
      if (name === 'changes' && Array.isArray(each))
        return [[name, each.map((change) => (isObject(change) ? { path: change.path } : change))]];
      return [[name, erased(each, id)]];
    }),
  );
}

/** That an attribute changed is left, and when. */
export function blankEdits(text: string): string {
  const edits = JSON.parse(text) as readonly RecordedEdit[];
  return JSON.stringify(
    edits.map(({ path, omitted }) => ({ path, omitted: omitted === 'sensitive' ? omitted : 'erased' })),
  );
}

/** By what else an answer may speak of them. */
export function namesIn({ document }: LastState): string[] {
  const { userName, externalId } = document;
  return [userName, externalId].filter((name) => typeof name === 'string' && name !== '') as string[];
}
