/**
 * Units that change very many rows, such as the deletion of a group of 100,000, are carried out in a thread: each would hold
 * up everybody for a second or more (10 µs for each member, measured).
 */
import type { Database, Statement } from 'better-sqlite3';
import { termsOf } from '../../query/plan.ts';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { type Reference, referencesOf, refersTo } from '../layout/reference.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { membershipSql } from '../sql/membership.ts';
import { resourceSql } from '../sql/resource.ts';
import type { Command, DeleteCommand, EraseCommand, Outcome, Unit, UpdateCommand } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import type { GroupCommit } from './group-commit.ts';
import { WriteThread, WriteThreadFailure, type WriteThreadOptions } from './write-thread.ts';

/**
 * Terms of plans that are sent to the thread: more take longer to be sent than what their budget (`limits.patchedValues`)
 * lets them find.
 */
const mostTerms = 100;

export interface LargeUnitTools extends WriteThreadOptions {
  readonly db: Database;
  readonly types: StoredTypes;
  /** Runs what reads. Most units need nothing read. */
  readonly read: <T>(action: () => T) => T;
  /** From how many rows on a unit is large. */
  readonly from: number;
  /** Carries a unit out in this thread. */
  readonly here: (unit: Unit) => Promise<Outcome>;
  /** Does what writes over another connection in its place between other writes. */
  readonly away: GroupCommit['away'];
}

export class LargeUnits {
  readonly #thread: WriteThread;
  readonly #read: LargeUnitTools['read'];
  readonly #here: LargeUnitTools['here'];
  readonly #away: LargeUnitTools['away'];
  readonly #types: StoredTypes;
  readonly #from: number;
  readonly #references: readonly Reference[];
  readonly #members: Statement<[tenant: number, group: string, most: number], number>;
  readonly #groups: Statement<[tenant: number, id: string, most: number], number>;
  readonly #referring: Statement<[tenant: number, attribute: number, value: Key, most: number], number>;

  constructor({ db, types, read, from, here, away, ...thread }: LargeUnitTools) {
    this.#thread = new WriteThread(thread);
    // A unit that is computed in its transaction is looked at there.
    this.#read = (action) => (db.inTransaction ? action() : read(action));
    this.#here = here;
    this.#away = away;
    this.#types = types;
    this.#from = from;
    this.#references = referencesOf(types);
    this.#members = db
      .prepare<[number, string, number], number>(membershipSql(sqliteDialect, types).count)
      .pluck();
    this.#groups = db.prepare<[number, string, number], number>(resourceSql.groupCount).pluck();
    this.#referring = db.prepare<[number, number, Key, number], number>(resourceSql.referringCount).pluck();
  }

  /** May the unit change so many rows? One that is to call a function cannot go to the thread. */
  has({ tenant, commands, within }: Unit): boolean {
    if (within !== undefined || termsIn(commands) > mostTerms) return false;
    let rows = 0;
    try {
      for (const command of commands) {
        rows += this.#rowsOf(tenant, command);
        if (rows >= this.#from) return true;
      }
    } catch {
      // What is the matter with the database is told where it is written to.
    }
    return false;
  }

  /** In the thread, or here where there can be none. */
  carryOut(unit: Unit): Promise<Outcome> {
    return this.#away(() => this.#thread.run(unit)).catch((error: unknown) =>
      error instanceof WriteThreadFailure ? this.#here(unit) : { outcome: 'failed', error },
    );
  }

  /** Resolves when the thread has ended; undefined if there is none. */
  close(): Promise<void> | undefined {
    return this.#thread.close();
  }

  #rowsOf(tenant: number, command: Command): number {
    switch (command.kind) {
      case 'create':
        return named(command);
      case 'update':
        return named(command) + (this.#meansAll(command) ? this.#membersOf(tenant, command) : 0);
      case 'delete':
      case 'erase':
        return (
          this.#membersOf(tenant, command) +
          this.#count(this.#groups, tenant, command.id) +
          this.#referringTo(tenant, command)
        );
      case 'restore':
        return this.#hasMembers(command) ? this.#from : 0;
    }
  }

  /** A new name of the group may change what each member may do; so may edits that name none of them. */
  #meansAll(command: UpdateCommand): boolean {
    const { document, members = [] } = command;
    if (document !== undefined && this.#hasMembers(command)) return true;
    return members.some(({ kind }) => kind === 'replace' || kind === 'removeWhere');
  }

  #hasMembers({ type }: Pick<Command, 'type'>): boolean {
    return this.#types.of(type).layout.members !== undefined;
  }

  #membersOf(tenant: number, command: Exclude<Command, { readonly kind: 'create' }>): number {
    return this.#hasMembers(command) ? this.#count(this.#members, tenant, command.id) : 0;
  }

  #count<P extends readonly unknown[]>(statement: Statement<[...P, most: number], number>, ...of: P): number {
    return this.#read(() => statement.get(...of, this.#from)) ?? 0;
  }

  #referringTo(tenant: number, { type, id }: DeleteCommand | EraseCommand): number {
    let rows = 0;
    for (const reference of this.#references) {
      if (!refersTo(reference, type.name)) continue;
      const { kind, value } = reference;
      const key = keyOf(value, id);
      if (key !== undefined) rows += this.#count(this.#referring, tenant, kind.attributeNumber(value), key);
    }
    return rows;
  }
}

/** How many members the edits of a command name. */
function named({ members = [] }: Pick<UpdateCommand, 'members'>): number {
  let count = 0;
  for (const edit of members)
    if (edit.kind === 'add' || edit.kind === 'replace') count += edit.members.length;
    else if (edit.kind === 'remove') count += edit.values.length;
  return count;
}

function termsIn(commands: readonly Command[]): number {
  let terms = 0;
  for (const command of commands)
    if (command.kind === 'update')
      for (const edit of command.members ?? []) if ('plan' in edit) terms += termsOf(edit.plan);
  return terms;
}
