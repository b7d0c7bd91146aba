/** The form of a check: what is sent, what must come back, where the standard says so and who depends on it. */
import type { Answer, Method } from '../scim-client.ts';

/** Failing a `must` fails the whole visit; a `should` is a warning, a `note` is worth knowing. */
export type Level = 'must' | 'should' | 'note';

export const flowNames = ['core', 'okta', 'entra', 'integrity'] as const;
export type FlowName = (typeof flowNames)[number];

/** What a server can have or not have; read from /ServiceProviderConfig and /ResourceTypes. */
export type Feature = 'patch' | 'filter' | 'sort' | 'etag' | 'bulk' | 'groups' | 'enterprise' | 'token';

/** A chapter of the report. */
export interface Flow {
  readonly name: FlowName;
  readonly title: string;
  readonly checks: readonly Check[];
}

export interface Check {
  /** For machines; it stays when the title changes. */
  readonly id: string;
  /** What holds when it passes. */
  readonly title: string;
  /** `RFC 7644 §3.4.2`, or the provider's own documentation. */
  readonly section: string;
  /** Who depends on it, and what happens to them otherwise. */
  readonly why: string;
  /** Of every expectation that has none of its own; `must` if absent. */
  readonly level?: Level;
  /** Without these the check makes no sense and is skipped. */
  readonly needs?: readonly Feature[];
  /** Only for servers that announce not to have this. */
  readonly lacks?: Feature;
  readonly steps: readonly Step[];
}

/** A value, or what makes it from what the visit has made so far. */
export type Late<T> = T | ((visit: Visit) => T);

export interface Step {
  readonly method: Method;
  /** Below the base URL, with any query. */
  readonly path: Late<string>;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: (visit: Visit) => unknown;
  readonly headers?: Late<Readonly<Record<string, string>>>;
  readonly credentials?: 'none' | 'wrong';
  /** The word under which later steps find what this POST has made. */
  readonly makes?: string;
  readonly expect: readonly Expectation[];
  /**
   * What to do about a refusal in order (400, 403, 405, 422, 501) of something that a server need not take. The
   * refusal is a warning and ends the check; a wrong outcome still fails it.
   */
  readonly mayRefuse?: string;
  /**
   * A 4xx or 501 ends the check without a problem: it says honestly that nothing was done. Another 5xx ends it with a
   * warning.
   */
  readonly mayDecline?: true;
  /** The steps behind it are run whatever came of it. */
  readonly standsAlone?: true;
  /** It looks what the request before it has done: a problem is shown with both. */
  readonly readsBack?: true;
}

export interface Expectation {
  readonly level?: Level;
  readonly says: Late<string>;
  /** What is wrong, or undefined if nothing is. */
  readonly judge: (answer: Answer, visit: Visit) => string | undefined;
}

/** A resource that this visit made. */
export interface Made {
  readonly id: string;
  /** `/Users/2819c223` */
  readonly path: string;
  /** As the answer to its POST showed it. */
  readonly json: unknown;
}

/** What the steps of one visit know. */
export interface Visit {
  /** Stands in the name of everything that this visit makes: `scimd-doctor-3f9a2c1b`. */
  readonly mark: string;
  /** An identifier that no resource has. */
  readonly stranger: string;
  /** A text that is hidden in the report. */
  readonly password: string;
  /** False where the server says that it does not have this. */
  supports(feature: Feature): boolean;
  made(word: string): Made;
  /** Answers to the earlier steps of this check, the last one last. */
  readonly answers: readonly Answer[];
}

/** A step needs something that an earlier check could not make. */
export class NotMade extends Error {
  override readonly name = 'NotMade';
}

export function late<T extends string | Readonly<Record<string, string>>>(value: Late<T>, visit: Visit): T {
  return typeof value === 'function' ? value(visit) : value;
}
