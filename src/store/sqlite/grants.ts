/** Roles, the guard and locks in SQLite: the rules in force are held until somebody may have written others. */
import type { Registry } from '../../scim/registry.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { AccessPort } from '../sql/access-over.ts';
import { AccessRules, type RulesInForce } from '../sql/access-rules.ts';
import { AccessWatch } from '../sql/access-watch.ts';
import { CommandWatch } from '../sql/command-watch.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { activePeopleSql, guardSql } from '../sql/guard.ts';
import type { Steps } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import type { Statements } from './statements.ts';

export interface GrantTools {
  readonly statements: Statements;
  readonly types: StoredTypes;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly read: <Result>(action: () => Result) => Result;
  readonly write: <Result>(action: () => Result) => Promise<Result>;
  /** Records a notice, in a transaction. */
  readonly note: (notice: NewNotice, transaction?: string) => unknown;
}

export class GrantTable {
  readonly watch: CommandWatch;
  readonly port: AccessPort;
  readonly #rules: AccessRules;
  #inForce: RulesInForce | undefined;

  constructor({ statements, types, registry, clock, read, write, note }: GrantTools) {
    const rules = new AccessRules(registry, grantSql, holderSql(sqliteDialect, types));
    const activePeople = activePeopleSql(types);
    this.#rules = rules;
    this.watch = new CommandWatch({
      ...{ rules, note },
      watch: new AccessWatch({ sql: rules.holderSql, guard: guardSql, activePeople }, clock),
      inForce: () => this.#known(),
    });
    this.port = {
      ...{ rules, guard: guardSql, clock },
      read: (steps) => read(() => statements.carryOut(steps())),
      write: (_, steps) =>
        write(() => {
          this.forget();
          const { result, notices } = statements.carryOut(steps());
          for (const notice of notices) note(notice);
          return result;
        }),
      note: (notice) => write(() => note(notice)),
    };
  }

  /** The rules, and what people have by them, may be others now. */
  forget(): void {
    this.forgetRules();
    this.watch.forget();
  }

  forgetRules(): void {
    this.#inForce = undefined;
  }

  *#known(): Steps<RulesInForce> {
    this.#inForce ??= yield* this.#rules.inForce();
    return this.#inForce;
  }
}
