import type { HttpRequest } from './message.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

export type BaseUrl = (request: HttpRequest) => string;

/** A base has no query and no fragment: what it is the base of is written behind it (RFC 7644 §1.3). */
function checkBase(basePath: string, baseUrl: string | undefined): void {
  if (!/^(?:\/[^/?#\s]+)*$/.test(basePath))
    throw new TypeError(
      `basePath must start with a slash and not end with one, such as /scim/v2, not ${JSON.stringify(basePath)}`,
    );
  if (baseUrl !== undefined && !(URL.canParse(baseUrl) && /^https?:\/\/[^?#\s]+$/i.test(baseUrl)))
    throw new TypeError(
      `baseUrl must be a URL without query and fragment, such as https://id.example.com/scim/v2, not ${JSON.stringify(baseUrl)}`,
    );
}

/**
 * The absolute base of `meta.location`, `$ref` and Location for a request: the configured one; else what a trusted
 * proxy says (RFC 7239, X-Forwarded-*); else the Host that the client named.
 * @throws TypeError where the options are no base.
 */
export function baseUrlOf(
  options: { readonly basePath: string; readonly baseUrl?: string | undefined },
  proxies: TrustedProxies,
): BaseUrl {
  const { basePath, baseUrl } = options;
  checkBase(basePath, baseUrl);
  if (baseUrl !== undefined) {
    const fixed = baseUrl.replace(/\/+$/, '');
    return () => fixed;
  }
  // Who asks again mostly names the same host.
  let last = { scheme: '', host: '', base: '' };
  return (request) => {
    let scheme = request.secure ? 'https' : 'http';
    let host = request.header('host');
    if (proxies.has(request.remoteAddress)) {
      const forwarded = forwardedBy(request);
      scheme = forwarded.scheme ?? scheme;
      host = forwarded.host ?? host;
    }
    if (host === undefined || host !== last.host || scheme !== last.scheme) {
      const base = `${scheme}://${isHost(host) ? host : 'localhost'}${basePath}`;
      if (host === undefined) return base;
      last = { scheme, host, base };
    }
    return last.base;
  };
}

function isHost(host: string | undefined): host is string {
  return host !== undefined && /^(?:[A-Za-z0-9.\-_]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host);
}

/** The last element is the one that the nearest proxy wrote. */
function forwardedBy(request: HttpRequest): { scheme: string | undefined; host: string | undefined } {
  const forwarded = request.header('forwarded')?.split(',').at(-1);
  const field = (name: string) =>
    new RegExp(`(?:^|;)\\s*${name}="?([^";]+)"?`, 'i').exec(forwarded ?? '')?.[1];
  const scheme = (field('proto') ?? request.header('x-forwarded-proto')?.split(',').at(-1))
    ?.trim()
    .toLowerCase();
  return {
    scheme: scheme === 'https' || scheme === 'http' ? scheme : undefined,
    host: (field('host') ?? request.header('x-forwarded-host')?.split(',').at(-1))?.trim(),
  };
}
