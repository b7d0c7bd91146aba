/** Who is signed in: sessions, the links that begin them, and the proof that a form is ours. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { hashSecret, newSecret } from '../directory/secret.ts';
import { ScimError } from '../error.ts';
import type { HttpRequest } from '../http/message.ts';
import type { MountParts } from '../http/options.ts';
import type { AdminRole, Grant } from '../store/admin.ts';

/** Hours for which somebody is signed in, and minutes for which a link to sign in can be used. */
const sessionHours = 8;
export const linkMinutes = 15;

export interface Session {
  readonly id: string;
  /** `set-up`: may do nothing but connect the tenant of a link. */
  readonly role: AdminRole | 'set-up';
  /** The number of the only tenant that they see; undefined: they see all. */
  readonly tenant: number | undefined;
  readonly name: string;
  /** What each form has in it; undefined of a program, which no page can make send something. */
  readonly proof: string | undefined;
  /** Of a set-up session: its link. */
  readonly link?: Grant;
}

/** `__Host-`: of this host alone, over TLS (or on this machine), for every path, set by nobody else. */
const cookieName = '__Host-scimd';

export class Sessions {
  readonly #parts: MountParts;

  constructor(parts: MountParts) {
    this.#parts = parts;
  }

  /** The session of a request's cookie; undefined if there is none, or it is over. */
  async of(request: HttpRequest): Promise<Session | undefined> {
    const secret = cookieIn(request);
    if (secret === undefined) return undefined;
    const hash = hashSecret(secret);
    const { store } = this.#parts;
    const grant = await store.admin.findGrant(hash);
    if (grant === undefined || grant.kind === 'link' || !this.#isLive(grant)) return undefined;
    const proof = this.#proof(hash);
    const { id, role, tenant, name, source } = grant;
    if (source?.startsWith('link:')) {
      const link = await this.#setUpLink(source.slice('link:'.length));
      return link === undefined ? undefined : { id, role: 'set-up', tenant, name, proof, link };
    }
    // A session ends with the token that it began with.
    if (source !== undefined && !(await this.#isTokenLive(source))) return undefined;
    return { id, role, tenant, name, proof };
  }

  /** Does the browser come with a session that is over? */
  async isOver(request: HttpRequest): Promise<boolean> {
    return cookieIn(request) !== undefined && (await this.of(request)) === undefined;
  }

  /** A session of whoever has a token of scope admin or read: of its tenant. */
  async byToken(
    request: HttpRequest,
    token: string,
  ): Promise<{ readonly session: Grant; readonly cookie: string }> {
    const { authenticate, clock } = this.#parts;
    const header = (name: string): string | undefined =>
      name === 'authorization' ? `Bearer ${token}` : request.header(name);
    const { principal } = await authenticate({ ...request, header }, new Map(), clock());
    if (principal.scope !== 'admin' && principal.scope !== 'read')
      throw new ScimError(
        403,
        undefined,
        'This token may not be used here: it needs the scope admin, or read',
      );
    const { name = principal.actor.kind } = principal.actor;
    return this.#begin({
      role: principal.scope === 'admin' ? 'admin' : 'read',
      tenant: principal.tenant,
      name: `token ${name}`,
      source: hashSecret(token),
    });
  }

  /** A session of whoever has a link that `scimd admin link` printed; undefined if it was used, or is too old. */
  async byLink(secret: string): Promise<{ readonly session: Grant; readonly cookie: string } | undefined> {
    const { store } = this.#parts;
    const link = await store.admin.findGrant(hashSecret(secret));
    if (link === undefined || link.kind !== 'link' || !this.#isLive(link)) return undefined;
    if (!(await store.admin.endGrant(link.id))) return undefined;
    const { role, tenant, name } = link;
    return this.#begin({ role, name, ...(tenant === undefined ? {} : { tenant }) });
  }

  /** The set-up link of a secret, if it is still one. */
  async setUpLinkOf(secret: string): Promise<Grant | undefined> {
    const link = await this.#parts.store.admin.findGrant(hashSecret(secret));
    return link?.kind === 'set-up' && this.#isLive(link) ? link : undefined;
  }

  /** A session of a customer's administrator, who may connect one tenant; the link stays one until it ends. */
  async bySetUpLink(link: Grant): Promise<string> {
    const { tenant } = link;
    const { cookie } = await this.#begin({
      ...{ role: 'read' as const, name: `set-up link of ${link.name}`, source: `link:${link.id}` },
      ...(tenant === undefined ? {} : { tenant }),
    });
    return cookie;
  }

  async end({ id }: Session): Promise<void> {
    await this.#parts.store.admin.endGrant(id);
  }

  /** Does a form or a script of ours send it? */
  isProven({ proof }: Session, given: string | undefined): boolean {
    if (proof === undefined) return true;
    const [one, other] = [Buffer.from(proof), Buffer.from(given ?? '')];
    return one.length === other.length && timingSafeEqual(one, other);
  }

  async #begin(grant: {
    readonly role: AdminRole;
    readonly tenant?: number;
    readonly name: string;
    readonly source?: string;
  }): Promise<{ readonly session: Grant; readonly cookie: string }> {
    const { store, clock } = this.#parts;
    const secret = newSecret();
    const expires = new Date(clock().getTime() + sessionHours * 3_600_000).toISOString();
    const session = await store.admin.createGrant({
      kind: 'session',
      ...grant,
      hash: hashSecret(secret),
      expires,
    });
    return { session, cookie: cookieText(secret, sessionHours * 3600) };
  }

  #isLive({ ended, expires }: Grant): boolean {
    return ended === undefined && Date.parse(expires) > this.#parts.clock().getTime();
  }

  async #isTokenLive(hash: string): Promise<boolean> {
    const token = await this.#parts.store.findToken(hash);
    if (token === undefined || token.ended) return false;
    const now = this.#parts.clock().getTime();
    return [token.expires, token.revoked].every((end) => end === undefined || Date.parse(end) > now);
  }

  async #setUpLink(id: string): Promise<Grant | undefined> {
    const links = await this.#parts.store.admin.grants('set-up');
    return links.find((each) => each.id === id);
  }

  #proof(hash: string): string {
    return createHmac('sha256', this.#parts.secretKey).update(`form ${hash}`).digest('base64url');
  }
}

export const noCookie = cookieText('', 0);

function cookieText(value: string, seconds: number): string {
  return `${cookieName}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Strict`;
}

function cookieIn(request: HttpRequest): string | undefined {
  for (const pair of request.header('cookie')?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === cookieName && value !== undefined && /^[\w-]{20,}$/.test(value)) return value;
  }
  return undefined;
}

/**
 * Refuses what a page of somebody else makes a browser send (Fetch Metadata, and Origin where a browser has none of it); what
 * is sent by no browser has neither.
 */
export function requireSameOrigin(request: HttpRequest, publicBase: string): void {
  const site = request.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw fromElsewhere();
  const origin = request.header('origin');
  if (origin === undefined) return;
  const hosts = [request.header('host'), new URL(publicBase).host];
  if (!URL.canParse(origin) || !hosts.includes(new URL(origin).host)) throw fromElsewhere();
}

function fromElsewhere(): ScimError {
  return new ScimError(403, undefined, 'This was sent by a page of another site; nothing was changed');
}
