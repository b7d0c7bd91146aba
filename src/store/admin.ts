/** What is stored of administrators: their sessions and links, and what they did that is no change of a resource. */
import type { Awaitable } from './stored-resource.ts';

/** `read` changes nothing. */
export type AdminRole = 'admin' | 'read';

/** A session, or a link that begins one; known by the SHA-256 of its secret. */
export interface Grant {
  readonly id: string;
  /** `link` signs an administrator in, once; `set-up` lets a customer's administrator connect one tenant. */
  readonly kind: 'session' | 'link' | 'set-up';
  readonly role: AdminRole;
  /** Of which tenant; absent: of all. */
  readonly tenant?: number;
  /** Who it is, for the record. */
  readonly name: string;
  /** Of a session: the hash of the token, or the id of the link, that it came from. Of a set-up link: the token made by it. */
  readonly source?: string;
  readonly created: string;
  readonly expires: string;
  readonly ended?: string;
}

export type NewGrant = Omit<Grant, 'id' | 'created' | 'ended'> & { readonly hash: string };

/** What an administrator did, or tried. */
export interface AdminAction {
  readonly number: number;
  readonly at: string;
  readonly tenant?: number;
  readonly actor: string;
  /** `sign-in`, `token.create`, `webhook.pause`, … */
  readonly action: string;
  /** What it was done to. */
  readonly subject?: string;
  readonly detail?: string;
}

export interface AdminStore {
  createGrant(grant: NewGrant): Promise<Grant>;
  /** Those that have ended are answered too: the caller decides. */
  findGrant(hash: string): Awaitable<Grant | undefined>;
  /** Newest first, those that have not ended. */
  grants(kind: Grant['kind'], tenant?: number): Awaitable<readonly Grant[]>;
  /** False if it has ended already, so that a link is used once, whoever else tries at the same time. */
  endGrant(id: string): Promise<boolean>;
  /** Notes which token was made by a set-up link. */
  setSource(id: string, source: string): Promise<void>;
  /** Newest first, those with a smaller number than `before`. */
  actions(options: {
    readonly tenant?: number;
    readonly before?: number;
    readonly limit: number;
  }): Awaitable<readonly AdminAction[]>;
  addAction(action: Omit<AdminAction, 'number' | 'at'>): Promise<void>;
  /** Removes what ended or was done before then. */
  pruneAdmin(before: Date): Promise<void>;
}
