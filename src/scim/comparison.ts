/**
 * Comparison keys: what a value is turned into before it is compared, ordered or indexed. Computed here once, at
 * write time for stored values and at bind time for literals, so that SQL and the in-memory matcher only ever
 * compare keys: text by code point, numbers numerically, booleans as 0 and 1.
 */
import { foldingRuns } from './case-folding.ts';
import type { Attribute } from './registry.ts';

/** A comparison key; booleans are 0 and 1. */
export type Key = string | number;

let folding: Map<number, number> | undefined;

function foldingMap(): Map<number, number> {
  folding = new Map();
  let last = 0;
  for (let i = 0; i < foldingRuns.length; i += 4) {
    const [distance, length, step, delta] = foldingRuns.slice(i, i + 4) as [number, number, number, number];
    const first = last + distance;
    last = first + length;
    for (let code = first; code <= last; code += step) folding.set(code, code + delta);
  }
  return folding;
}

/** Each character beyond ASCII that folds to another one, and beside it the other one: for databases that fold text. */
export function foldingPairs(): readonly [from: string, to: string] {
  const pairs = [...(folding ?? foldingMap())].filter(([code]) => code >= 0x80);
  return [
    String.fromCodePoint(...pairs.map(([code]) => code)),
    String.fromCodePoint(...pairs.map(([, to]) => to)),
  ];
}

const ascii = /^[\x00-\x7f]*$/;

/**
 * Unicode simple case folding (CaseFolding.txt C + S) of the NFC form: what text is compared as where `caseExact` is
 * false (RFC 7643 §2.2).
 */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  const map = folding ?? foldingMap();
  let folded = '';
  for (const character of text.normalize('NFC')) {
    const code = character.codePointAt(0) as number;
    if (code < 0x80) folded += character.toLowerCase();
    else {
      const to = map.get(code);
      folded += to === undefined ? character : String.fromCodePoint(to);
    }
  }
  return folded.normalize('NFC');
}

/** Orders by code point, which is the order of UTF-8 bytes; JavaScript's own `<` orders by UTF-16 unit. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const surrogateX = x >= 0xd800 && x <= 0xdfff;
      const surrogateY = y >= 0xd800 && y <= 0xdfff;
      return surrogateX === surrogateY ? x - y : surrogateX ? 1 : -1;
    }
  }
  return a.length - b.length;
}

/** The number at two digits; NaN where there are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/**
 * The instant of a UTC dateTime that needs no calculation: what nearly every server writes, read without a regular
 * expression or a Date. Undefined says nothing. Shown by the figure `loop` of npm run bench, and by bench:filter.
 */
function plainInstant(text: string): string | undefined {
  let end = text.length - 1;
  if (end < 19 || end > 50 || text.charCodeAt(end) !== 90) return undefined;
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || text.charCodeAt(10) !== 84) return undefined;
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31)) return undefined;
  // The lengths of the months; February's end is left to the calendar.
  if (day > 28 && (month === 2 || day > 31 - (((month - 1) % 7) % 2))) return undefined;
  if (!(twoDigits(text, 0) >= 0 && twoDigits(text, 2) >= 0)) return undefined;
  if (!(twoDigits(text, 11) <= 23 && twoDigits(text, 14) <= 59 && twoDigits(text, 17) <= 59))
    return undefined;
  if (end === 19) return text.slice(0, 19);
  if (text[19] !== '.' || end === 20) return undefined;
  for (let i = 20; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return undefined;
  }
  while (text[end - 1] === '0') end--;
  return text.slice(0, end === 20 ? 19 : end);
}

const xsdDateTime =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/;

/**
 * The instant of an xsd:dateTime (RFC 7643 §2.3.5) as text that sorts chronologically and keeps every digit of the
 * fraction: `2011-05-13T04:42:34.5`. A missing zone is UTC. Undefined for anything else, and outside
 * the years 0000 to 9999 in UTC.
 */
export function instantKey(text: string): string | undefined {
  const plain = plainInstant(text);
  if (plain !== undefined) return plain;
  const match = xsdDateTime.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match as unknown as string[];
  const midnight = hour === '24' && minute === '00' && second === '00' && !/[1-9]/.test(fraction ?? '');
  if (Number(hour) > 23 && !midnight) return undefined;
  if (Number(minute) > 59 || Number(second) > 59) return undefined;
  const time = new Date(0);
  time.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (time.getUTCMonth() !== Number(month) - 1 || time.getUTCDate() !== Number(day)) return undefined;
  let offset = 0;
  if (zone !== undefined && zone !== 'Z') {
    const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
    if (minutes > 14 * 60) return undefined;
    offset = zone.startsWith('-') ? minutes : -minutes;
  }
  time.setUTCHours(Number(hour), Number(minute) + offset, Number(second));
  const utcYear = time.getUTCFullYear();
  if (utcYear < 0 || utcYear > 9999) return undefined;
  const digits = (fraction ?? '').replace(/0+$/, '');
  return time.toISOString().slice(0, 19) + (digits === '' ? '' : `.${digits}`);
}

/** Half-width and full-width forms to their ordinary letters: the width mapping of RFC 8265 §3.3.1. */
export function mapWidth(text: string): string {
  return text.replace(/[\u3000\uff01-\uff9f\uffa0-\uffdc\uffe0-\uffee]/g, (character) =>
    character.normalize('NFKC'),
  );
}

/** Character by character, so that a prefix is lower-cased as within the whole string (no final sigma). */
export function lowerCase(text: string): string {
  let lower = '';
  for (const character of text) lower += character.toLowerCase();
  return lower;
}

/** userName is compared in the form that RFC 8265 §3.3 (UsernameCaseMapped) prepares: width and case mapped, NFC. */
function usernameKey(text: string): string {
  return ascii.test(text) ? text.toLowerCase() : lowerCase(mapWidth(text)).normalize('NFC');
}

/**
 * A URI as RFC 3986 §6.2 normalises it without asking anyone: letter case of scheme and host, the scheme's own
 * port, needless percent-encoding, dot segments. A part of a URI comes out as that part of the whole does.
 */
function uriKey(text: string): string {
  const decoded = text.replace(/%[0-9A-Fa-f]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
  });
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/su.exec(decoded);
  if (match === null) return decoded;
  const [, scheme = '', authority = '', rest = ''] = match;
  const lower = scheme.toLowerCase();
  const at = authority.lastIndexOf('@') + 1;
  const port = lower === 'http' ? /:(?:80)?$/ : lower === 'https' ? /:(?:443)?$/ : /:$/;
  const host = authority.slice(at).toLowerCase().replace(port, '');
  return `${lower}://${authority.slice(0, at)}${host}${withoutDots(rest === '/' ? '' : rest)}`;
}

/** RFC 3986 §5.2.4: `/a/./b/../c` is `/a/c`. */
function withoutDots(rest: string): string {
  const end = rest.search(/[?#]/);
  const path = end === -1 ? rest : rest.slice(0, end);
  if (!/\/\.\.?(?:\/|$)/.test(path)) return rest;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (index === segments.length - 1 && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}${end === -1 ? '' : rest.slice(end)}`;
}

/** The URI of a SCIM resource is the same with, without or with another version segment (RFC 7643 §2.4). */
export function resourceUriKey(text: string): string {
  return uriKey(text).replace(/\/v\d+(?=\/|$)/, '');
}

/** Does it refer to resources of this server: `$ref`, `meta.location`, or what names a resource type? */
function refersToResources(attribute: Attribute): boolean {
  return (
    attribute.name === '$ref' ||
    attribute.path === 'meta.location' ||
    attribute.referenceTypes.some((type) => type !== 'external' && type !== 'uri')
  );
}

/**
 * What `co`, `sw` and `ew` seek in the key of a URI. A part has no normal form of its own and is sought as it
 * stands, but for the version segment that keys of references to resources do without.
 */
export function uriPart(attribute: Attribute, text: string): string {
  return attribute.normalized && refersToResources(attribute) ? text.replace(/\/v\d+(?=\/)/, '') : text;
}

/**
 * The function that turns a text value of this attribute into its key; undefined where the text has none (a bad
 * dateTime).
 */
export function textKey(attribute: Attribute): (text: string) => string | undefined {
  switch (attribute.type) {
    case 'dateTime':
      return instantKey;
    case 'reference':
      // Schema URIs are names, not addresses.
      if (attribute.path === 'schemas' || !attribute.normalized) return exactKey;
      return refersToResources(attribute) ? resourceUriKey : uriKey;
    case 'binary':
      return exactKey;
    default:
      if (attribute.caseExact) return exactKey;
      return attribute.path === 'userName' && attribute.normalized ? usernameKey : fold;
  }
}

/** The key of a value that is compared unchanged. */
export function exactKey(text: string): string {
  return text;
}

/** The comparison key of a stored value; undefined when it is unassigned or of another type than the schema's. */
export function keyOf(attribute: Attribute, value: unknown): Key | undefined {
  return keyReader(attribute)(value);
}

/** {@link keyOf} of one attribute, for many values. */
export function keyReader(attribute: Attribute): (value: unknown) => Key | undefined {
  switch (attribute.type) {
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? Number(value) : undefined);
    case 'integer':
    case 'decimal':
      return numberKey;
    case 'complex':
      return () => undefined;
    default: {
      const ofText = textKey(attribute);
      return (value) => (typeof value === 'string' ? ofText(value) : undefined);
    }
  }
}

/** The key of a number is the double that it is (RFC 7643 §2.3.3, §2.3.4); negative zero is zero. */
export function numberKey(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined;
}
