/** A resource as the store has it. */
import type { Document } from '../scim/document.ts';

/** An answer now or later: SQLite reads answer at once, other engines do not. */
export type Awaitable<T> = T | Promise<T>;

/** Also of a promise of another kind, as embedders' code and drivers may answer. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

export interface StoredResource {
  readonly id: string;
  /** Name of the resource type, which is `meta.resourceType`. */
  readonly type: string;
  /** 1 at creation, one more with each effective change; `W/"3"` as an entity tag. */
  readonly version: number;
  /** RFC 3339 in UTC with milliseconds. */
  readonly created: string;
  readonly modified: string;
  /** JSON object text: `{"schemas":[…],"id":"…",…}` without meta, members and groups. */
  readonly body: string;
  /** The same without its last brace, where the store has it so: shown by the workload `list` of npm run bench. */
  readonly openBody?: string | undefined;
  /** Is it a member of any group? Of which, reads tell that ask for `groups`. */
  readonly grouped: boolean;
  /** How many members it has, up to as many as a change was to count. */
  readonly memberCount?: number | undefined;
}

const documents = new WeakMap<StoredResource, Document>();

/** Keeps the document that the store made to have its text, for {@link documentOf}. */
export function keepDocument(resource: StoredResource, document: Document): void {
  documents.set(resource, document);
}

/** The body as an object, to be read and not to be changed. */
export function documentOf(resource: StoredResource): Document {
  return documents.get(resource) ?? (JSON.parse(resource.body) as Document);
}
