/** What is stored of streams of security event tokens beside their endpoints: subjects, acknowledgements, keys. */
import type { AttemptBatch } from './attempts.ts';
import type { Awaitable } from './stored-resource.ts';

/** A private JSON Web Key (RFC 7517) as JSON. Times are RFC 3339 in UTC with milliseconds. */
export interface SigningKey {
  readonly id: string;
  readonly key: string;
  readonly created: string;
  readonly signsFrom: string;
}

/** The events of a resource that a stream does not get: those of changes behind `since`, up to `until` or all. */
export interface Removal {
  readonly resource: string;
  readonly since: number;
  readonly until: number | null;
}

export interface StreamStore {
  /** Of the resources of these ids. */
  removals(endpoint: string, ids: readonly string[]): Awaitable<readonly Removal[]>;
  /** Removes a resource from the stream behind the change of that number, or brings it back. False if that is so already. */
  setRemoved(endpoint: string, resource: string, isRemoved: boolean, sequence: number): Promise<boolean>;

  /** Ids of tokens behind the position of the stream that are acknowledged. */
  acknowledged(endpoint: string): Awaitable<readonly string[]>;
  /** Acknowledges tokens: those that wait as deliveries go, and others are remembered. `attempts` is the evidence. */
  acknowledge(
    endpoint: string,
    waiting: readonly string[],
    others: readonly string[],
    attempts: readonly AttemptBatch[],
  ): Promise<void>;
  /** Moves the position on, unless it has moved meanwhile, and forgets the acknowledgements that it has passed. */
  advance(endpoint: string, from: string, to: string, passed: readonly string[]): Promise<void>;

  /** Is there anybody who could receive such tokens: a token of scope `events` that is valid at `now`, or a stream? */
  hasReceivers(now: Date): Awaitable<boolean>;

  /** The oldest first. */
  signingKeys(): Awaitable<readonly SigningKey[]>;
  addSigningKey(key: SigningKey): Promise<void>;
  removeSigningKeys(ids: readonly string[]): Promise<void>;
}
