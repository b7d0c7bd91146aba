/** Carries steps out in SQLite: statements are answered at once. */
import { runSteps, type Steps, type StepsPort } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import type { Statements } from './statements.ts';

/** Milliseconds that what nobody is kept waiting by waits for requests that write: it shares their commits. */
const longestRide = 50;

export function carryOut<Result>(statements: Statements, steps: Steps<Result>): Result {
  return runSteps(steps, ({ text, parameters }) => {
    const statement = statements.get(text);
    if (statement.reader) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
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
  /** What is known of groups and guards may be otherwise from here on. */
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
