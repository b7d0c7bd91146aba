import type { HttpRequest } from './message.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

export type BaseUrl = (request: HttpRequest) => string;

/**
 * The absolute base of `meta.location`, `$ref` and Location for a request: the configured one; else what a trusted
 * proxy says (RFC 7239, X-Forwarded-*); else the Host that the client named.
 */
export function baseUrlOf(
  options: { readonly basePath: string; readonly baseUrl?: string | undefined },
  proxies: TrustedProxies,
): BaseUrl {
  const { basePath, baseUrl } = options;
  if (baseUrl !== undefined) {
    const fixed = baseUrl.replace(/\/+$/, '');
    return () => fixed;
  }
  return (request) => {
    let scheme = request.secure ? 'https' : 'http';
    let host = request.header('host');
    if (proxies.has(request.remoteAddress)) {
      const forwarded = forwardedBy(request);
      scheme = forwarded.scheme ?? scheme;
      host = forwarded.host ?? host;
    }
    return `${scheme}://${isHost(host) ? host : 'localhost'}${basePath}`;
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
