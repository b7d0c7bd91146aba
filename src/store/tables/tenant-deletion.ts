/** The end of a tenant, in one transaction: all that is its own goes, and the embedder's own code is told within it. */
import type { Actor, Change } from '../change.ts';
import type { NewNotice, Tenant } from '../store.ts';
import { removeTenant, succeedTenant, tenantDeleted } from './access.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';
import { lockTenant } from './grants.ts';
import { IgnoredByDatabase } from './violations.ts';
import type { Within, WithinReads } from './within.ts';

export interface DeletionTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly clock: () => Date;
  readonly within: Within | undefined;
  readonly reads: WithinReads;
  /** Records notices in the transaction, and answers them as changes. */
  readonly note: (notices: readonly NewNotice[]) => Steps<readonly Change[]>;
}

export function* deleteTenant(
  { dialect, clock, within, reads, note }: DeletionTools,
  tenant: Tenant,
  actor: Actor | undefined,
): Steps<void> {
  const { number, name } = tenant;
  const { feed } = reads;
  // Whoever writes in it is done before it goes, or finds it gone.
  if (dialect === 'postgres') yield statement(lockTenant, number);
  const counts = yield* feed.counts(number);
  const people = within === undefined ? [] : yield* feed.everybody(number);
  yield* succeedTenant(tenant, counts, actor, clock(), note);
  yield* feed.clear(number);
  const [left] = Object.keys(yield* feed.counts(number));
  if (left !== undefined) throw new IgnoredByDatabase(`DELETE of ${left}`, { status: 409 });
  if (within !== undefined)
    for (const change of yield* note([tenantDeleted(number, name, counts, actor)]))
      yield* within.tenantDeleted(change, people, reads);
  yield* removeTenant(number);
}
