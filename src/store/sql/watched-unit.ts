/** What is watched of a unit for who has access, whichever database carries it out. */
import type { GuardReason } from '../guard.ts';
import type { StoredType } from '../layout/stored-type.ts';
import type { Document, Unit } from '../store.ts';

/** Thrown where the guard does not let a command pass; what the unit has written by then is to be taken back. */
export class GuardedError extends Error {
  override readonly name = 'GuardedError';
  readonly reason: GuardReason;

  constructor(reason: GuardReason) {
    super(`the guard refuses it: ${reason.kind}`);
    this.reason = reason;
  }
}

/** A resource that a command is about. */
export interface Target {
  readonly kind: StoredType;
  readonly rid: number;
  readonly id: string;
}

/** A unit with the id of its transaction. */
export interface WatchedUnit extends Unit {
  readonly transaction: string;
}

export const isActive = (document: Document): boolean => document.active !== false;
export const isUser = ({ kind }: Pick<Target, 'kind'>): boolean => kind.type.name === 'User';
export const givesRoles = ({ kind }: Pick<Target, 'kind'>): boolean => kind.type.name === 'Group';
