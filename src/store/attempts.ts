/** Attempts of deliveries, and as they are stored: many in one text. */

export interface Attempt {
  readonly message: string;
  readonly sequence: number;
  readonly try: number;
  readonly at: string;
  readonly milliseconds: number;
  readonly status?: number;
  readonly error?: string;
  /** The first bytes of the answer. */
  readonly answer: string;
  /** Seconds by which the receiver's clock is ahead. */
  readonly clockDifference?: number;
}

/** Attempts as they are stored: made a text where they are known, which is another thread than that which stores it. */
export interface AttemptBatch {
  readonly count: number;
  readonly text: string;
  /** Those that were successful, and whose change may have ended somebody's access: evidence that it was told. */
  readonly told: readonly Pick<Attempt, 'at' | 'sequence'>[];
}

/** `endsNoAccess`: it is known that its change ends nobody's access. */
export type TriedOnce = Attempt & { readonly endsNoAccess?: true };

type StoredAttempt = readonly [
  message: string,
  sequence: number,
  tried: number,
  at: string,
  milliseconds: number,
  status: number | null,
  error: string | null,
  answer: string,
  clockDifference: number | null,
];

/** When there are too many of an endpoint a batch is removed whole. */
export const mostOfBatch = 100;

/** Oldest first, as they are given. */
export function attemptBatches(attempts: readonly TriedOnce[]): AttemptBatch[] {
  const batches: AttemptBatch[] = [];
  for (let from = 0; from < attempts.length; from += mostOfBatch) {
    const some = attempts.slice(from, from + mostOfBatch);
    const told = some.filter(
      ({ status = 0, endsNoAccess = false }) => status >= 200 && status < 300 && !endsNoAccess,
    );
    batches.push({
      count: some.length,
      text: JSON.stringify(some.map(toStored)),
      told: told.map(({ at, sequence }) => ({ at, sequence })),
    });
  }
  return batches;
}

function toStored(attempt: Attempt): StoredAttempt {
  const { message, sequence, try: tried, at, milliseconds, answer } = attempt;
  const { status = null, error = null, clockDifference = null } = attempt;
  return [message, sequence, tried, at, milliseconds, status, error, answer, clockDifference];
}

function fromStored(stored: StoredAttempt): Attempt {
  const [message, sequence, tried, at, milliseconds, status, error, answer, clockDifference] = stored;
  return {
    ...{ message, sequence, try: tried, at, milliseconds, answer },
    ...(status === null ? {} : { status }),
    ...(error === null ? {} : { error }),
    ...(clockDifference === null ? {} : { clockDifference }),
  };
}

/** Of a batch's text, newest first. */
export function attemptsOf(text: string): Attempt[] {
  return (JSON.parse(text) as StoredAttempt[]).reverse().map(fromStored);
}

/** The text without the answers that `isAbout` says are about somebody; undefined where there are none. */
export function withoutAnswers(
  text: string,
  isAbout: (sequence: number, answer: string) => boolean,
): string | undefined {
  const attempts = JSON.parse(text) as StoredAttempt[];
  let isOther = false;
  const blank = attempts.map((attempt): StoredAttempt => {
    const [message, sequence, tried, at, milliseconds, status, error, answer, clockDifference] = attempt;
    if (answer === '' || !isAbout(sequence, answer)) return attempt;
    isOther = true;
    return [message, sequence, tried, at, milliseconds, status, error, '', clockDifference];
  });
  return isOther ? JSON.stringify(blank) : undefined;
}
