/**
 * Where a webhook may go. The host is resolved once, every address that it has is looked at, and the connection is made
 * to one that was: a name that answers something else a moment later (DNS rebinding) gets nowhere.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';

/** Why an endpoint is not called; is told to who set it up. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  /** Would it be taken on a closed network? */
  readonly mayBeAllowed: boolean;

  constructor(message: string, mayBeAllowed = false) {
    super(message);
    this.mayBeAllowed = mayBeAllowed;
  }
}

/** IANA's registries of special-purpose addresses: what is not globally reachable, and what leads to it. */
const refused4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Of IPv6 only 2000::/3 is given out; in it, what is reserved, or tunnels to IPv4 (6to4, Teredo). */
const refused6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const;

const blocked4 = new BlockList();
for (const [network, bits] of refused4) blocked4.addSubnet(network, bits, 'ipv4');
const blocked6 = new BlockList();
for (const [network, bits] of refused6) blocked6.addSubnet(network, bits, 'ipv6');
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** Does the address belong to the public internet? NAT64 (64:ff9b::/96) and mapped addresses do not. */
export function isPublic(address: string): boolean {
  // A link-local address names its interface.
  if (address.includes('%')) return false;
  if (isIPv4(address)) return !blocked4.check(address, 'ipv4');
  return isIP(address) === 6 && global6.check(address, 'ipv6') && !blocked6.check(address, 'ipv6');
}

export type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>;

const resolveAll: Resolve = (host) => lookup(host, { all: true, verbatim: true });

/** What of a URL can be said without asking the DNS; the URL in its normal form. */
export function checkUrl(text: string, allowPrivate: boolean): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new AddressError(`${JSON.stringify(text)} is not a URL`);
  }
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    throw new AddressError(
      `The URL must begin with https://, not ${url.protocol}//`,
      url.protocol === 'http:',
    );
  if (url.username !== '' || url.password !== '')
    throw new AddressError('The URL must not hold a user name or a password; messages are signed');
  if (url.hash !== '') throw new AddressError('The URL must not have a fragment');
  const host = hostOf(url);
  // The URL parser has made one form of decimal, octal, hexadecimal and shortened addresses.
  const isOwn = host === 'localhost' || host.endsWith('.localhost');
  if (!allowPrivate && (isOwn || (isIP(host) !== 0 && !isPublic(host)))) throw notPublic(host, host);
  return url;
}

/** The host without the brackets of IPv6 and without the dot of a complete name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/**
 * The addresses to connect to. Refused if any that the name has is not public: which one is taken would be the choice of
 * whoever answers for the name.
 * @throws AddressError, and the resolver's error.
 */
export async function addressesOf(
  url: URL,
  allowPrivate: boolean,
  resolve: Resolve = resolveAll,
): Promise<string[]> {
  const host = hostOf(url);
  const addresses = isIP(host) !== 0 ? [host] : (await resolve(host)).map(({ address }) => address);
  if (addresses.length === 0) throw new AddressError(`${host} has no address`);
  const wrong = allowPrivate ? undefined : addresses.find((address) => !isPublic(address));
  if (wrong !== undefined) throw notPublic(host, wrong);
  return addresses;
}

function notPublic(host: string, address: string): AddressError {
  const what = host === address ? address : `${host} is ${address}, which`;
  return new AddressError(
    `${what} is not an address of the public internet; endpoints there must be allowed first`,
    true,
  );
}
