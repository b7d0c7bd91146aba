/** What the store does in several statements, without a word of who carries them out. */

/** A statement, and what is bound to it. */
export interface Step {
  readonly text: string;
  readonly parameters: readonly (string | number | boolean | null)[];
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
