/** What is left of a stored message when somebody that it speaks of is erased. */
import { isObject } from '../scim/value.ts';

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
