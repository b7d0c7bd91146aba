/** What is left of stored texts when somebody that they speak of is erased. */
import { isObject } from '../scim/object.ts';
import type { LastState, RecordedEdit } from './change.ts';

/** What says that there is somebody, and not who it is. */
const kept: ReadonlySet<string> = new Set(['id', 'value', '$ref', 'type', 'version']);

/**
 * A stored message without anything about the resource but its id, types and versions; undefined where it speaks of
 * others only. `subjects`: the ids of what it is about, as JSON.
 */
export function erasedMessage(text: string, subjects: string, id: string): string | undefined {
  const isAbout = subjects.includes(JSON.stringify(id));
  if (!isAbout && !text.includes(id)) return undefined;
  const message: unknown = JSON.parse(text);
  if (isAbout && isObject(message) && isObject(message.sub_id) && isObject(message.events))
    return JSON.stringify({
      ...message,
      sub_id: erasedSubject(message.sub_id, id),
      events: Object.fromEntries(Object.entries(message.events).map(erasedEvent)),
    });
  return JSON.stringify(erased(message, id));
}

/** The subject of a security event token: what names somebody beside their id goes. */
function erasedSubject({ format, uri }: Record<string, unknown>, id: string): object {
  return format === 'scim' ? { format, uri } : { format: 'opaque', id };
}

/** An event in full (RFC 9967 §2.4) becomes a notice, which has names of attributes and no values. */
function erasedEvent([uri, payload]: [string, unknown]): [string, unknown] {
  if (!isObject(payload) || !isObject(payload.data)) return [uri, payload];
  const { data, ...others } = payload;
  const { Operations: operations } = data;
  const attributes = Array.isArray(operations) ? operations.map(({ path }) => path) : Object.keys(data);
  return [uri.replace(/:full$/, ':notice'), { ...others, attributes }];
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
