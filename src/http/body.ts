import { ScimError } from '../error.ts';
import { parseJson } from '../scim/json.ts';
import type { HttpRequest } from './message.ts';
import type { Limits } from './options.ts';
import { scimJson } from './responses.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a JSON request body (RFC 7644 §3.8): its media type, its size, its encoding, its form. `onText` is told of it before. */
export function readJson(
  request: HttpRequest,
  limits: Limits,
  maxBytes: number,
  onText?: (text: string) => void,
): Promise<unknown> {
  const charset = checkContentType(request.header('content-type'));
  const encoding = request.header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ScimError(
      415,
      undefined,
      `Content-Encoding ${encoding} is not supported; send the body uncompressed`,
    );
  }
  return request.body(maxBytes).then((bytes) => {
    const text = decode(bytes, charset);
    onText?.(text);
    return parseJson(text, limits.bodyDepth);
  });
}

/**
 * JSON is UTF-8, whatever a charset says of it (RFC 8259 §8.1, §11); bytes that are not, and are said to be ISO 8859-1,
 * are that.
 */
function decode(bytes: Uint8Array, charset: Charset): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    if (charset === 'iso-8859-1') return Buffer.from(bytes).toString('latin1');
    throw new ScimError(400, 'invalidSyntax', 'The body is not valid UTF-8', { cause });
  }
}

/** The error for a body over the limit (RFC 7644 §3.12: 413 names the limit). */
export function tooLarge(limit: number): ScimError {
  return new ScimError(413, undefined, `The body is larger than the limit of ${limit} bytes`, {
    headers: [['Connection', 'close']],
  });
}

type Charset = 'utf-8' | 'us-ascii' | 'iso-8859-1';

/** Names in the registry of IANA, and those that clients write. */
const charsets: Readonly<Record<string, Charset>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'us-ascii',
  ascii: 'us-ascii',
  'iso-8859-1': 'iso-8859-1',
  'iso_8859-1': 'iso-8859-1',
  'iso8859-1': 'iso-8859-1',
  'latin-1': 'iso-8859-1',
  latin1: 'iso-8859-1',
};

function checkContentType(contentType: string | undefined): Charset {
  if (contentType === undefined || contentType === scimJson) return 'utf-8';
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  if (type !== scimJson && type !== 'application/json') {
    throw new ScimError(415, undefined, `Content-Type ${type} is not supported; send application/scim+json`, {
      headers: [['Accept-Patch', 'application/scim+json, application/json']],
    });
  }
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=');
    if (name !== 'charset') continue;
    const label = value.replace(/^"(.*)"$/, '$1');
    const charset = Object.hasOwn(charsets, label) ? charsets[label] : undefined;
    if (charset === undefined)
      throw new ScimError(415, undefined, `The charset ${value} is not supported; send the body as UTF-8`);
    return charset;
  }
  return 'utf-8';
}
