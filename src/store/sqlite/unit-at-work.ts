/** What the commands of a unit share while they are carried out. */
import type { Database } from 'better-sqlite3';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { CommandWatch } from '../sql/command-watch.ts';
import type { Unit } from '../store.ts';
import type { ChangeLog } from './changes.ts';
import type { Counters } from './counters.ts';
import type { EdgeWriter } from './membership.ts';
import type { Statements } from './statements.ts';
import type { RowWriter } from './writer.ts';

export interface Tools {
  readonly db: Database;
  readonly types: StoredTypes;
  readonly rows: RowWriter;
  readonly edges: EdgeWriter;
  readonly changes: ChangeLog;
  readonly counts: Counters;
  readonly statements: Statements;
  readonly access: CommandWatch;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly newTransaction: () => string;
  /** Resources are about to be written. */
  readonly changing: () => void;
}

/** A unit with the id of its transaction. */
export interface UnitAtWork extends Unit {
  readonly transaction: string;
}
