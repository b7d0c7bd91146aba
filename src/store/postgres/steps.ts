/** Carries steps out in PostgreSQL: each is waited for that answers something. */
import { keyOfTime } from '../layout/instant.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { type Noted, runStepsAsync, type Steps, type StepsPort } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import type { Connection, Value } from './driver.ts';
import { lockedWriter, noTenant, type Transactions } from './transactions.ts';
import type { UnitWriter } from './unit-writer.ts';

/** Runs a statement, in whatever transaction. */
export type RunSql = (text: string, parameters: readonly Value[]) => Promise<readonly unknown[][]>;

const answers = /^(?:SELECT|WITH)|RETURNING/;

export function carryOut<Result>(run: RunSql, steps: Steps<Result>): Promise<Result> {
  return runStepsAsync(steps, ({ text, parameters }) => run(text, parameters));
}

export function runBy(writer: UnitWriter): RunSql {
  return async (text, parameters) => {
    if (answers.test(text)) return writer.query(text, parameters);
    writer.send(text, parameters);
    return [];
  };
}

/** The first statement that fails takes all of it back. */
async function carryOutOn<Result>(connection: Connection, steps: Steps<Result>): Promise<Result> {
  const sent: Promise<unknown>[] = [];
  const run: RunSql = async (text, parameters) => {
    const answered = connection.run(text, parameters);
    if (answers.test(text)) return (await answered).rows;
    answered.catch(() => {});
    sent.push(answered);
    return [];
  };
  try {
    return await carryOut(run, steps);
  } finally {
    await Promise.all(sent);
  }
}

/** Records a notice with what a writer writes. */
export function append(writer: UnitWriter, notice: NewNotice, now: Date, transaction: string): void {
  writer.append(noticeEntry(notice, keyOfTime(now.getTime()), transaction), notice.subject.type);
}

export interface StepsTools {
  readonly transactions: Transactions;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** Records notices, each in a transaction of its own. */
  readonly note: (notices: readonly NewNotice[]) => Promise<unknown>;
}

export function stepsPort({ transactions, clock, newId, note }: StepsTools): StepsPort {
  const ofTenant = async <Result>(tenant: number, steps: () => Steps<Noted<Result>>): Promise<Result> => {
    const done = await transactions.inTenant(tenant, String, async (writer) => {
      const { result, notices } = await carryOut(runBy(writer), steps());
      for (const notice of notices) append(writer, notice, clock(), newId());
      return { result };
    });
    if (done === undefined) throw noTenant(tenant);
    return done.result;
  };
  const ofAll = <Result>(steps: () => Steps<Noted<Result>>): Promise<Result> =>
    transactions.run(async (connection) => {
      await connection.run('SELECT 1 FROM change_counter ORDER BY tenant FOR UPDATE');
      const { result, notices } = await carryOutOn(connection, steps());
      for (const tenant of new Set(notices.map((notice) => notice.tenant))) {
        const writer = await lockedWriter(connection, tenant, String);
        if (writer === undefined) continue;
        for (const notice of notices) if (notice.tenant === tenant) append(writer, notice, clock(), newId());
        writer.sendRest();
        await writer.settle();
      }
      return result;
    });
  return {
    read: (steps) => carryOut((text, parameters) => transactions.pool.read(text, parameters), steps()),
    write: (steps) => transactions.run((connection) => carryOutOn(connection, steps())),
    writeNoted: (tenant, steps) => (tenant === 'all' ? ofAll(steps) : ofTenant(tenant, steps)),
    note: (notice) => note([notice]),
  };
}
