/** What a unit of commands is carried out with, and what it has done so far. */
import type { Document } from '../../scim/document.ts';
import type { Attribute, ResourceType } from '../../scim/registry.ts';
import type { AccessRules } from '../sql/access-rules.ts';
import type { CommandWatch } from '../sql/command-watch.ts';
import type { Refusal, Unit } from '../store.ts';
import type { SqlDatabase } from './database.ts';
import type { Holders } from './holders.ts';
import type { MappedMembers, Memberships } from './memberships.ts';
import type { Reading, ServedType } from './reading.ts';
import type { NewChange } from './turn.ts';

/** Thrown where a unit is refused: what it has written is taken back. */
export class RefusedUnit extends Error {
  override readonly name = 'RefusedUnit';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.outcome);
    this.refusal = refusal;
  }
}

export interface WritingTools {
  readonly database: SqlDatabase;
  readonly reading: Reading;
  readonly memberships: Memberships;
  readonly tenantName: (tenant: number) => string;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly holders: Holders;
  readonly rules: AccessRules;
  /** Attributes of which the value may be the id of a resource of this type. */
  readonly references: (type: ResourceType) => readonly Reference[];
}

/** An attribute such as `manager`, whose `value` is the id of a resource. */
export interface Reference {
  readonly served: ServedType;
  readonly value: Attribute;
  readonly parent: Attribute;
}

/** A unit that is being carried out. */
export interface UnitAtWork extends Unit {
  readonly transaction: string;
  readonly entries: NewChange[];
  readonly access: CommandWatch;
  /** What each command is to write, by its index. */
  readonly documents: Map<number, Document>;
  /** Ids that later commands give, and members that wait for them. */
  readonly coming: ReadonlySet<string>;
  readonly waiting: {
    readonly mapped: MappedMembers;
    readonly row: unknown;
    readonly id: string;
    readonly added: Set<string>;
  }[];
  /** Keys of rows that are to be adopted, by the index of the command that creates a resource. */
  readonly links: ReadonlyMap<number, unknown>;
}
