import { ScimError } from '../error.ts';
import { parseJson } from '../scim/json.ts';
import type { HttpRequest } from './message.ts';
import type { Limits } from './options.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a JSON request body (RFC 7644 §3.8): its media type, its size, its encoding, its form. */
export async function readJson(request: HttpRequest, limits: Limits, maxBytes: number): Promise<unknown> {
  checkContentType(request.header('content-type'));
  const encoding = request.header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ScimError(
      415,
      undefined,
      `Content-Encoding ${encoding} is not supported; send the body uncompressed`,
    );
  }
  const bytes = await request.body(maxBytes);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new ScimError(400, 'invalidSyntax', 'The body is not valid UTF-8', { cause });
  }
  return parseJson(text, limits.bodyDepth);
}

/** The error for a body over the limit (RFC 7644 §3.12: 413 names the limit). */
export function tooLarge(limit: number): ScimError {
  return new ScimError(413, undefined, `The body is larger than the limit of ${limit} bytes`, {
    headers: [['Connection', 'close']],
  });
}

function checkContentType(contentType: string | undefined): void {
  if (contentType === undefined) return;
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  if (type !== 'application/scim+json' && type !== 'application/json') {
    throw new ScimError(415, undefined, `Content-Type ${type} is not supported; send application/scim+json`, {
      headers: [['Accept-Patch', 'application/scim+json, application/json']],
    });
  }
  for (const parameter of parameters) {
    const [name, value] = parameter.split('=');
    if (name === 'charset' && !/^"?utf-?8"?$/.test(value ?? '')) {
      throw new ScimError(415, undefined, `The charset ${value} is not supported; JSON is UTF-8`);
    }
  }
}
