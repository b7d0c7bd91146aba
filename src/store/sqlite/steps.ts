/** Carries steps out in SQLite: statements are answered at once. */
import { guardSql } from '../sql/guard.ts';
import { runSteps, type Step, type Steps, type StepsPort } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import type { Counters, LossCount } from './counters.ts';
import type { Statements } from './statements.ts';

/** Milliseconds that what nobody is kept waiting by waits for requests that write: it shares their commits. */
const longestRide = 50;

function rowsOf(statements: Statements, { text, parameters }: Step): readonly unknown[] {
  const statement = statements.get(text);
  if (statement.reader) return statement.all(...parameters);
  statement.run(...parameters);
  return [];
}

function carryOut<Result>(statements: Statements, steps: Steps<Result>): Result {
  return runSteps(steps, (step) => rowsOf(statements, step));
}

/** The same of what commands mean for access: losses are counted once for all commands of the transaction. */
export function carryOutWatched<Result>(
  statements: Statements,
  counts: Counters,
  steps: Steps<Result>,
): Result {
  return runSteps(steps, (step) => {
    if (step.text === guardSql.count) {
      counts.lose(step.parameters as LossCount);
      return [];
    }
    if (step.text === guardSql.sum) counts.writeLosses();
    return rowsOf(statements, step);
  });
}

export interface StepsTools {
  readonly statements: Statements;
  readonly read: <Result>(action: () => Result) => Result;
  readonly write: <Result>(action: () => Result) => Promise<Result>;
  /** The same with what is written next, within so many milliseconds. */
  readonly ride: <Result>(action: () => Result, milliseconds: number) => Promise<Result>;
  /** Records a notice, in a transaction. */
  readonly note: (notice: NewNotice) => unknown;
  /** What is known of groups and guards may be otherwise from here on; what commands counted by then is written. */
  readonly forget: () => void;
}

export function stepsPort({ statements, read, write, ride, note, forget }: StepsTools): StepsPort {
  return {
    read: (steps) => read(() => carryOut(statements, steps())),
    write: (steps) => write(() => carryOut(statements, steps())),
    ride: (steps) => ride(() => carryOut(statements, steps()), longestRide),
    writeNoted: (_, steps) =>
      write(() => {
        forget();
        const { result, notices } = carryOut(statements, steps());
        for (const notice of notices) note(notice);
        return result;
      }),
    note: (notice) => write(() => note(notice)),
  };
}
