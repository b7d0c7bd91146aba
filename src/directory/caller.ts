/** On whose behalf the directory reads and writes. */
import { type Idp, type Tolerated, toleratedFor } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Scope } from '../store/store.ts';
import type { Work } from '../store/work.ts';
import type { Submit } from './batch.ts';
import { DirectoryError } from './directory-error.ts';

/** Who asks, and what they may do. */
export interface Principal {
  /** The number of the tenant. */
  readonly tenant: number;
  /** Its name, for logs, where it is known. */
  readonly tenantName?: string;
  readonly scope: Scope;
  readonly actor: Actor;
  /** The provider whose conventions hold: `generic`, `strict`, `okta`, … */
  readonly idp: string;
  /** The id of the user that /Me stands for. */
  readonly subject: string | undefined;
  /** Since when an operator has paused what it writes. */
  readonly paused?: string | undefined;
}

/** Who asks, and how what they send is read: the part that a request has in every use case. */
export interface Caller {
  readonly principal: Principal;
  /** The tolerances of the provider; those that are needed are noted in it. */
  readonly tolerated: Tolerated;
  /** Absolute base of the URLs that the caller sends and gets: `https://id.example.com/scim/v2`. */
  readonly base: string;
  /** The request's id, as its answer and the log have it. */
  readonly requestId?: string | undefined;
  /** The client's address, where the change record may keep it. */
  readonly address?: string | undefined;
  /** What several use cases are to be known by as one, in the change record. */
  readonly transaction?: string;
  /** The way to the store for one of several use cases that run together; absent: by itself. */
  readonly submit?: Submit;
  /** What the request may cost; without it there is no limit. */
  readonly work?: Work | undefined;
}

/** Whoever works on the database itself: may do everything in one tenant; URLs begin at an endpoint. */
export function operator(tenant: number, actor: Actor, idp: Idp): Caller {
  const principal: Principal = { tenant, scope: 'admin', actor, idp, subject: undefined };
  return { principal, tolerated: toleratedFor(idp), base: '' };
}

/** @throws DirectoryError `read-only` unless the principal may write, `paused` while that is paused. */
export function requireWrite({ scope, paused }: Principal): void {
  if (scope === 'read') throw new DirectoryError('read-only', 'This token may only read');
  if (paused !== undefined)
    throw new DirectoryError(
      'paused',
      `The operator of this application has paused provisioning since ${paused}; nothing was changed. Nothing is to be done in your identity provider: it sends the change again, and meanwhile everything can be read.`,
    );
}

/** @throws DirectoryError `read-only` where it is not the provider who writes, by a token of its own. */
export function requireProvider({ actor: { kind } }: Principal): void {
  if (kind === 'token' || kind === 'jwt' || kind === 'system') return;
  throw new DirectoryError(
    'read-only',
    'The profile ipsie leaves people and groups to the identity provider: nothing is changed by hand, or imported',
  );
}
