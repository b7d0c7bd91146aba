/** What the paths of a PATCH may be, and what it costs to read them. */
import type { Limits } from '../../grammar/index.ts';
import type { PathLimits } from '../scim/patch-request.ts';
import type { Work } from '../store/work.ts';

/** To read a character of a path takes as long as to compare so many values. */
const comparedPerCharacter = 64;
/** A path of up to this many characters costs nothing worth counting. */
const usualPath = 200;

export class PathCosts implements PathLimits {
  readonly characters: number;
  readonly depth: number;
  readonly terms: number;
  readonly #work: Work | undefined;

  constructor({ characters, depth, terms }: Limits, work: Work | undefined) {
    this.characters = characters;
    this.depth = depth;
    this.terms = terms;
    this.#work = work;
  }

  beforePath({ length }: string): void {
    if (length > usualPath && length <= this.characters)
      this.#work?.spendInWrites((length - usualPath) * comparedPerCharacter);
  }
}
