/** The error of schemas and resource types that are wrong: a leaf, which the server and the language share. */

/** What is wrong, and where: `['schemas', 0, 'attributes', 2, 'name']` (RFC 7643 §7). */
export interface DefinitionProblem {
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/** Schemas (RFC 7643 §7) or resource types that are wrong, where they are given: a line of the message for each problem. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  readonly problems: readonly DefinitionProblem[];

  constructor(
    problems: readonly DefinitionProblem[],
    lineOf = ({ path, reason }: DefinitionProblem): string => `${path.join('.')} ${reason}`,
  ) {
    super(problems.map(lineOf).join('\n'));
    this.problems = problems;
  }
}
