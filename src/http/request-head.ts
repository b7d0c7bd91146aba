/** What a request's head must be beyond what node:http's parser asks of it (RFC 9110, RFC 9112). */
import type { IncomingMessage } from 'node:http';
import { ScimError } from '../error.ts';

/** Where a request is for: the target's path and query, and the host that it names. */
export interface Target {
  readonly path: string;
  /** What follows the first `?`. */
  readonly search: string;
  /** The authority of a target in absolute form, before which a Host field means nothing (RFC 9112 §3.2.2). */
  readonly host: string | undefined;
}

const closing = { headers: [['Connection', 'close']] } as const;

/** uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2.2). */
const hostForm =
  /^(?:\[[0-9A-Fa-f:.]+\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::\d{0,5})?$/;

/** Throws 400 or 501 for a head that can be read in two ways, or in none. */
export function checkHead(request: IncomingMessage): void {
  let [hosts, authorizations] = [0, 0];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++;
  }
  const { host = '', 'transfer-encoding': codings } = request.headers;
  if (hosts === 0 && request.httpVersion === '1.1')
    throw badRequest('The Host header field is missing (RFC 9112 §3.2)');
  if (hosts > 1) throw badRequest('There are several Host header fields (RFC 9112 §3.2)');
  if (!hostForm.test(host)) throw badRequest('The Host header field contains no host (RFC 9112 §3.2)');
  // One proxy would look at the first, another at the last.
  if (authorizations > 1) throw badRequest('There are several Authorization header fields');
  if (codings !== undefined) checkTransferCodings(request, codings);
}

/** RFC 9112 §6.1. That the last is chunked is the parser's to see. */
function checkTransferCodings({ httpVersion }: IncomingMessage, codings: string): void {
  if (httpVersion !== '1.1') throw badRequest('HTTP/1.0 has no transfer codings (RFC 9112 §6.1)');
  const names = codings.split(',').map((coding) => coding.trim().toLowerCase());
  const unknown = names.find((name) => name !== 'chunked');
  if (unknown !== undefined) {
    const detail = `The transfer coding ${JSON.stringify(unknown)} is not supported; chunked is`;
    throw new ScimError(501, undefined, detail, closing);
  }
  if (names.length > 1) throw badRequest('The body is chunked more than once (RFC 9112 §7)');
}

/** Throws 400 for an authority that is none. */
export function targetOf({ url = '/' }: IncomingMessage): Target {
  let [target, host]: [string, string | undefined] = [url, undefined];
  if (!url.startsWith('/')) {
    const absolute = /^(https?:)\/\/([^/?#]*)/i.exec(url);
    if (absolute !== null) {
      host = absolute[2] as string;
      if (!/^[^:]/.test(host) || !hostForm.test(host))
        throw badRequest('The request target names no host (RFC 9112 §3.2.2)');
      target = url.slice(absolute[0].length);
      if (!target.startsWith('/')) target = `/${target}`;
    }
  }
  const question = target.indexOf('?');
  return {
    path: question === -1 ? target : target.slice(0, question),
    search: question === -1 ? '' : target.slice(question + 1),
    host,
  };
}

function badRequest(detail: string): ScimError {
  return new ScimError(400, undefined, detail, closing);
}
