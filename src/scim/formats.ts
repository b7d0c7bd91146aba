/**
 * Formats that RFC 7643 demands of certain strings. `required` formats are refused always; the others are what the
 * RFC's letter says and what identity providers fill with free text (tolerance `freeText`).
 */
import type { Attribute } from './registry.ts';
import { isJsonText } from './tolerances.ts';

interface Format {
  /** What it is, for the error: `must be …`. */
  readonly description: string;
  /** The RFC's letter. */
  readonly strict: (text: string) => boolean;
  /** What can still be stored without harm when free text is tolerated. */
  readonly tolerable: (text: string) => boolean;
}

const anyText = () => true;

/** RFC 3986 appendix A, with non-ASCII letters as in an IRI; a relative reference has no colon in its first segment. */
const uriReference =
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=\u00a0-\u{10ffff}]|%[0-9A-Fa-f]{2})*$/u;

export function isUriReference(text: string): boolean {
  if (text === '' || !uriReference.test(text)) return false;
  const colon = text.indexOf(':');
  const delimiter = text.search(/[/?#]/);
  return colon === -1 || (delimiter !== -1 && delimiter < colon) || /^[A-Za-z][A-Za-z0-9+.-]*:./.test(text);
}

function isAbsoluteUri(text: string): boolean {
  return isUriReference(text) && /^[A-Za-z][A-Za-z0-9+.-]*:./.test(text);
}

/** RFC 4648 §4, padding optional (RFC 7643 §2.3.6). */
export function isBase64(text: string): boolean {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return false;
  const digits = text.replace(/=+$/, '').length;
  return digits % 4 !== 1 && (text.length === digits || text.length % 4 === 0);
}

/** Is it exactly one DER SEQUENCE, as a certificate is? */
function isOneDerValue(base64: string): boolean {
  if (!isBase64(base64)) return false;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const length = derLength(bytes);
  return length !== undefined && length === bytes.length;
}

/** Several DER values in a row: what RFC 7643 §4.1.2 forbids in words. */
function isDerSequenceOfMany(base64: string): boolean {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const length = derLength(bytes);
  return length !== undefined && length < bytes.length && bytes[length] === 0x30;
}

function derLength(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0x30 || bytes[1] === undefined) return undefined;
  if (bytes[1] < 0x80) return 2 + bytes[1];
  const count = bytes[1] & 0x7f;
  if (count === 0 || count > 4 || bytes.length < 2 + count) return undefined;
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (bytes[2 + i] as number);
  return 2 + count + length;
}

const languageTag = /^[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8})*$/;

/** RFC 9110 §12.5.4: language ranges with optional weights. */
function isAcceptLanguage(text: string): boolean {
  return text
    .split(',')
    .every((range) =>
      /^\s*(?:\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?\s*$/.test(
        range,
      ),
    );
}

function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** What ICU names beside the codes that ISO 3166-1 has assigned: reserved, private, and groups of countries. */
const noCountries = /^(?:AC|CP|CQ|DG|EA|EU|EZ|IC|QO|TA|UN|XA|XB|XK|ZZ)$/;
let regions: Intl.DisplayNames | undefined;

function isCountry(text: string): boolean {
  if (!/^[A-Za-z]{2}$/.test(text)) return false;
  const code = text.toUpperCase();
  regions ??= new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  const isCurrent = Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}`;
  return isCurrent && !noCountries.test(code) && regions.of(code) !== undefined;
}

/** RFC 5321 §4.1.2 as far as the syntax identifies a mailbox. */
function isMailbox(text: string): boolean {
  return (
    text.length <= 320 &&
    /^(?:"(?:[^"\\\r\n]|\\.)*"|[^\s@"<>,;:\\()[\]]+)@(?:\[[^\]\s]+\]|[^\s@"<>,;:\\()[\]]+)$/.test(text)
  );
}

/** Of `$ref`, which decorates a `value` wherever it stands (RFC 7643 §2.4). */
const reference: Format = {
  description: 'a URI (RFC 3986)',
  strict: isUriReference,
  tolerable: anyText,
};

/** The format that an attribute has beyond its type's, if any. */
export function formatOf({ name, path, extension }: Attribute): Format | undefined {
  if (name === '$ref') return reference;
  return extension === undefined ? formats[path] : undefined;
}

/** The formats of RFC 7643 §4.1, by attribute path. */
const formats: Readonly<Record<string, Format>> = {
  profileUrl: { description: 'a URL (RFC 7643 §4.1.1)', strict: isAbsoluteUri, tolerable: anyText },
  'photos.value': {
    description: 'the URL of an image (RFC 7643 §4.1.2)',
    strict: isAbsoluteUri,
    tolerable: anyText,
  },
  preferredLanguage: {
    description: 'language ranges as in Accept-Language (RFC 7643 §4.1.1)',
    strict: isAcceptLanguage,
    tolerable: anyText,
  },
  locale: {
    description: 'a language tag such as en-US (RFC 5646)',
    strict: (text) => languageTag.test(text),
    tolerable: anyText,
  },
  timezone: {
    description: 'an IANA time zone such as America/Los_Angeles',
    strict: isTimeZone,
    tolerable: anyText,
  },
  'emails.value': {
    description: 'an e-mail address (RFC 5321)',
    strict: isMailbox,
    tolerable: (text) => !isJsonText(text),
  },
  'addresses.country': {
    description: 'an ISO 3166-1 alpha-2 code such as US',
    strict: isCountry,
    tolerable: anyText,
  },
  'x509Certificates.value': {
    description: 'exactly one DER certificate in base64 (RFC 7643 §4.1.2)',
    strict: isOneDerValue,
    tolerable: (text) => isBase64(text) && !isDerSequenceOfMany(text),
  },
};
