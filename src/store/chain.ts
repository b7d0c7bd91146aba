/** What a check of the chain of the change record is asked, and answers. */
import type { Gap } from './restored.ts';

/** What is wrong, at which number. */
export interface ChainProblem {
  readonly sequence: number;
  readonly problem: string;
}

/** A place in the chain, as it was noted down at some time. */
export interface ChainHead {
  readonly sequence: number;
  /** 64 hexadecimal digits. */
  readonly link: string;
}

export interface ChainReport {
  /** Changes that were looked at. */
  readonly changes: number;
  /** Of which the content was erased, so that their links alone could be checked. */
  readonly erased: number;
  /** Made by releases that kept no digests, before all others. */
  readonly unchained: number;
  /** Numbers between two changes that a restored database has left out, which a change says. */
  readonly gaps: readonly Gap[];
  /** Where the record ends; undefined if it has no digest. */
  readonly head: ChainHead | undefined;
  /** The first ones. */
  readonly problems: readonly ChainProblem[];
}

export interface ChainOptions {
  readonly tenant: number;
  /** Noted down before: the record must still have that link at that number. */
  readonly expected?: ChainHead;
}
