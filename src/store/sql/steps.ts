/** What the store does in several statements, without a word of who carries them out. */
import type { NewNotice } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';

/** A statement, and what is bound to it. */
export interface Step {
  readonly text: string;
  readonly parameters: readonly (string | number | boolean | null)[];
}

export function step(text: string, ...parameters: Step['parameters']): Step {
  return { text, parameters };
}

/**
 * What is done in several statements: each is yielded and answered with its rows. Who has a connection carries them
 * out, at once or not, within one transaction.
 */
export type Steps<Result> = Generator<Step, Result, readonly unknown[]>;

/** Carries steps out where statements are answered at once. */
export function runSteps<Result>(steps: Steps<Result>, run: (step: Step) => readonly unknown[]): Result {
  for (let step = steps.next(); ; ) {
    if (step.done) return step.value;
    step = steps.next(run(step.value));
  }
}

/** The same where each is waited for. */
export async function runStepsAsync<Result>(
  steps: Steps<Result>,
  run: (step: Step) => Promise<readonly unknown[]>,
): Promise<Result> {
  for (let step = steps.next(); ; ) {
    if (step.done) return step.value;
    step = steps.next(await run(step.value));
  }
}

/** What steps answer, and what is to be recorded of them in their transaction. */
export interface Noted<Result> {
  readonly result: Result;
  readonly notices: readonly NewNotice[];
}

/** How a store carries steps out. Those of one call have one state, or one transaction; they may be begun again. */
export interface StepsPort {
  /** `tenant`: whose they are, where they are of one. */
  readonly read: <Result>(steps: () => Steps<Result>, tenant?: number) => Awaitable<Result>;
  readonly write: <Result>(steps: () => Steps<Result>) => Promise<Result>;
  /** What nobody is kept waiting by: with what is written next, where that costs less. */
  readonly ride?: <Result>(steps: () => Steps<Result>) => Promise<Result>;
  /** While nobody else changes a group or a guard of that tenant, or of any. */
  readonly writeNoted: <Result>(tenant: number | 'all', steps: () => Steps<Noted<Result>>) => Promise<Result>;
  /** Records a notice by itself. */
  readonly note: (notice: NewNotice) => Promise<unknown>;
}
