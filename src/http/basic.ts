/** HTTP Basic (RFC 7617), for clients that know no bearer tokens: any user-id, and a token as the password. */

export const basicChallenge = 'Basic realm="scimd", charset="UTF-8"';

export interface BasicCredentials {
  readonly userId: string;
  readonly password: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined if the field is none of the scheme, or not well-formed (RFC 7617 §2). */
export function basicCredentials(authorization: string | undefined): BasicCredentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  let text: string;
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { userId: text.slice(0, colon), password: text.slice(colon + 1) };
}
