/**
 * A stored resource as the text of an answer (RFC 7643 §3.1). The stored text is completed with what is computed,
 * groups, members and meta, and is neither parsed nor serialised again: shown by the workloads `get` and `list` of npm run
 * bench.
 */

/** What the store knows of a resource beside its text. */
export interface Stored {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly created: string;
  readonly modified: string;
  readonly body: string;
  /** The same without its last brace, where it was put together: to cut that off would copy all of it first. */
  readonly openBody?: string | undefined;
}

/** The weak entity tag of a version, as in the ETag header and in `meta.version` (RFC 7644 §3.14). */
export function entityTag(version: number): string {
  return `W/"${version}"`;
}

/** `meta` as JSON text; `location` is JSON text too. */
export function metaText(stored: Stored, location: string): string {
  return `{"resourceType":"${stored.type}","created":"${stored.created}","lastModified":"${stored.modified}","location":${location},"version":"W/\\"${stored.version}\\""}`;
}

/**
 * The resource's text up to its closing brace with `meta`, and what is added behind it: `,"members":[…]`. Parts are
 * JSON members with their leading comma; `location` is JSON text.
 */
export function resourceText(stored: Stored, location: string, parts: string): string {
  return `${stored.openBody ?? stored.body.slice(0, -1)}${parts},"meta":${metaText(stored, location)}}`;
}

/** One value of User.groups (RFC 7643 §4.1.2). */
export interface GroupValue {
  readonly value: string;
  readonly display: string | undefined;
  readonly type: string;
  readonly resourceType: string;
}

/** `,"groups":[…]`, or nothing when there are none. `endpointOf` gives the absolute URI of a type's endpoint. */
export function groupsPart(
  groups: readonly GroupValue[] | undefined,
  endpointOf: (resourceType: string) => string,
): string {
  if (groups === undefined || groups.length === 0) return '';
  // JSON leaves out a display that is undefined.
  const values = groups.map(({ value, display, type, resourceType }) => ({
    value,
    $ref: `${endpointOf(resourceType)}/${segmentOf(value)}`,
    display,
    type,
  }));
  return `,"groups":${JSON.stringify(values)}`;
}

/** Characters that stand in a segment of a URL as they are (RFC 3986 §3.3). */
const plainId = /^[\w.~@:-]+$/;

/** An id as a segment of a URL: one that an import has kept may hold any character. */
export function segmentOf(id: string): string {
  if (plainId.test(id)) return id;
  return encodeURIComponent(id.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%40', '@')
    .replaceAll('%3A', ':');
}

/** An id must not be empty and must not contain `bulkId` (RFC 7643 §3.1); a URL with `.` or `..` is another one (RFC 3986 §5.2.4). */
export function isAllowedId(id: string): boolean {
  return !/^\.{0,2}$|bulkId/.test(id);
}
