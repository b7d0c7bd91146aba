/** The error of schemas and resource types that are wrong: a leaf, which the server and the language share. */

/** What is wrong, and where: `['schemas', 0, 'attributes', 2, 'name']` (RFC 7643 §7). */
export interface DefinitionProblem {
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/**
 * Schemas (RFC 7643 §7) or resource types that are wrong, where they are given. The message has a line for each problem:
 * `schemas[0].attributes[2].subAttributes[0].type: must be one of string, …`.
 */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  readonly problems: readonly DefinitionProblem[];

  constructor(problems: readonly DefinitionProblem[]) {
    super(problems.map(({ path, reason }) => `${placeOf(path)}: ${reason}`).join('\n'));
    this.problems = problems;
  }
}

function placeOf(path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}
