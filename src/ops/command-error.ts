/** The errors of a command: what went wrong, and what to do about it. */

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The command whose help explains it, if the arguments named one. */
  readonly command: string | undefined;
  /** What to do, where that is more than to read the help. */
  readonly advice: string | undefined;

  constructor(message: string, command?: string, advice?: string) {
    super(message);
    this.command = command;
    this.advice = advice;
  }
}

/** What is said of something that was refused; nothing where the message says so itself. */
export function unchanged(message: string): string | undefined {
  return /nothing was changed/i.test(message) ? undefined : 'Nothing was changed.';
}

/** The command could not do its work; `advice` says what the operator can do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly advice: string | undefined;

  constructor(message: string, advice?: string, options?: { cause?: unknown }) {
    super(message, options);
    this.advice = advice;
  }
}
