/** Who is believed when it says for whom it speaks: Forwarded (RFC 7239) and X-Forwarded-*. */
import { BlockList, isIP } from 'node:net';
import type { HttpRequest } from './message.ts';

export class TrustedProxies {
  readonly #ranges = new BlockList();
  readonly #isEmpty: boolean;

  /** Addresses or CIDR ranges. */
  constructor(ranges: readonly string[] = []) {
    this.#isEmpty = ranges.length === 0;
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#ranges.addAddress(address, family);
      else this.#ranges.addSubnet(address, Number(prefix), family);
    }
  }

  has(address: string | undefined): boolean {
    if (address === undefined || this.#isEmpty) return false;
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && this.#ranges.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  }

  /**
   * Where the request comes from: the peer, or what the nearest trusted proxies say before they name one that is
   * not. What stands further left was written by whom nobody vouches for.
   */
  clientOf(request: HttpRequest): string {
    let client = request.remoteAddress ?? '';
    if (!this.has(client)) return withoutMapping(client);
    for (const hop of hopsOf(request).reverse()) {
      const address = addressOf(hop);
      if (address === undefined) break;
      client = address;
      if (!this.has(address)) break;
    }
    return withoutMapping(client);
  }
}

function hopsOf(request: HttpRequest): string[] {
  const forwarded = request.header('forwarded');
  if (forwarded === undefined) return request.header('x-forwarded-for')?.split(',') ?? [];
  return forwarded.split(',').map((element) => /(?:^|;)\s*for="?([^";]+)"?/i.exec(element)?.[1] ?? '');
}

/** `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`; undefined for a name or `unknown` (RFC 7239 §6). */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
}

function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** What counts as one client where addresses are counted: the whole /64 of an IPv6 address, which one host can use. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%')[0] as string).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(gap).fill('0'), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
