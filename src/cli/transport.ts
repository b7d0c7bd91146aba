/** Where the server listens. Tokens and people's data do not travel in the clear (RFC 7644 §7.2, §7.4). */
import { isIP } from 'node:net';
import { CommandError } from '../ops/command-error.ts';
import type { Settings } from '../ops/options.ts';

/** Throws for what looks like an address and is none: no resolver would find it. */
export function checkHost({ host }: Pick<Settings, 'host'>): void {
  if (!/^[\d.]+$|:/.test(host) || isIP(host) !== 0) return;
  throw new CommandError(`${host} is not an IP address`, 'Use 127.0.0.1, 0.0.0.0 for all, or a host name.');
}

/** Throws unless the transport is TLS, ends on this machine, or was said to be protected by other means. */
export function checkTransport({ host, tls, insecureHttp, trustedProxies }: Settings): void {
  const protectedBy = tls.certificateFile !== undefined || insecureHttp || trustedProxies.length > 0;
  if (protectedBy || isLoopback(host)) return;
  throw new CommandError(
    `plain HTTP on ${host} would show tokens and people's data to the network`,
    [
      'Serve HTTPS: --tls-certificate-file FILE --tls-key-file FILE,',
      'or name the proxy in front that does: --trusted-proxies RANGES,',
      'or allow it where the network is protected: --insecure-http.',
    ].join(' '),
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
