/** Roles and the guard in SQLite: the rules in force are held until somebody may have written others. */
import type { Registry } from '../../scim/registry.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { AccessRules, type RulesInForce } from '../sql/access-rules.ts';
import { AccessWatch } from '../sql/access-watch.ts';
import { CommandWatch } from '../sql/command-watch.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { activePeopleSql, guardSql } from '../sql/guard.ts';
import type { Steps } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import { sqliteDialect } from './dialect.ts';

export interface GrantTools {
  readonly types: StoredTypes;
  readonly registry: Registry;
  readonly clock: () => Date;
  /** Records a notice, in a transaction. */
  readonly note: (notice: NewNotice, transaction: string) => unknown;
}

export class GrantTable {
  readonly rules: AccessRules;
  readonly watch: CommandWatch;
  #inForce: RulesInForce | undefined;

  constructor({ types, registry, clock, note }: GrantTools) {
    const rules = new AccessRules(registry, grantSql, holderSql(sqliteDialect, types));
    const activePeople = activePeopleSql(types);
    this.rules = rules;
    this.watch = new CommandWatch({
      ...{ rules, note },
      watch: new AccessWatch({ sql: rules.holderSql, guard: guardSql, activePeople }, clock),
      inForce: () => this.#known(),
      limits: () => this.#inForce?.limits,
    });
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
    this.#inForce ??= yield* this.rules.inForce();
    return this.#inForce;
  }
}
