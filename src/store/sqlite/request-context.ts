/** Sets the row that queries over computed attributes read: the tenant, and the base of its URLs as their key has it. */
import type { Database } from 'better-sqlite3';
import { resourceUriKey } from '../../scim/comparison.ts';
import type { Step } from '../sql/steps.ts';
import type { Statements } from './statements.ts';

/** What the outer query must set before it runs SQL that names it: one row, `tenant` and `base`. */
export const requestTable = 'temp.request';

/** Call it before running `sql`, which may or may not name the row. */
export type SetRequest = (sql: string, tenant: number, base: string | undefined) => void;

export function requestSetter(db: Database): SetRequest {
  const update = db.prepare(`UPDATE ${requestTable} SET tenant = ?, base = ?`);
  return (sql, tenant, base = '') => {
    if (sql.includes(requestTable)) update.run(tenant, resourceUriKey(base));
  };
}

/** Runs the statements of one request. */
export function runner(
  statements: Statements,
  setRequest: SetRequest,
  { tenant, base }: { readonly tenant: number; readonly base?: string | undefined },
): (step: Step) => unknown[] {
  return ({ text, parameters }) => {
    setRequest(text, tenant, base);
    const statement = statements.get(text);
    if (statement.reader) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
  };
}
