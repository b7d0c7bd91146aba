/** PATCH put together: the operations read into edits, whose value selectors are matched as filters are (RFC 7644 §3.5.2). */
import type { Filter } from '../../grammar/index.ts';
import type { Document } from '../scim/document.ts';
import { applyEdits, type PatchOptions, type PatchResult, type Selector } from '../scim/patch.ts';
import { type Edit, type PathLimits, readPatch } from '../scim/patch-request.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import { bindValueFilter } from './bind.ts';
import { matchElement } from './match.ts';
import { type Plan, termsOf } from './plan.ts';

/** The operations of a PatchOp message for the resource `id` of a type. */
export class Patch {
  readonly edits: readonly Edit[];
  readonly #type: ResourceType;
  readonly #tolerated: Tolerated;

  /** @throws ScimError and ScimFilterError as {@link readPatch} does. */
  constructor(
    type: ResourceType,
    operations: readonly unknown[],
    id: string,
    tolerated: Tolerated,
    limits?: PathLimits,
  ) {
    this.#type = type;
    this.#tolerated = tolerated;
    this.edits = readPatch(type, operations, id, tolerated, limits);
  }

  /** Are all edits of this attribute? */
  areOf(attribute: Attribute): boolean {
    return this.edits.every((edit) => edit.attribute === attribute);
  }

  /**
   * Applies all edits in order; the document given is never touched. `spend` is told how many values are about to be
   * compared, and may throw.
   */
  apply(
    document: Document,
    {
      spend,
      members,
      secretsInDocument = false,
    }: Omit<PatchOptions, 'select' | 'tolerated'> & { readonly spend?: (values: number) => void },
  ): PatchResult {
    const select: Selector = (attribute, filter) => {
      const plan = this.plan(attribute, filter);
      const test = matchElement(plan, attribute);
      if (spend === undefined) return test;
      const terms = termsOf(plan);
      return (value) => {
        spend(terms);
        return test(value);
      };
    };
    const tolerated = this.#tolerated;
    return applyEdits(this.#type, document, this.edits, { members, secretsInDocument, tolerated, select });
  }

  /** The plan of a value filter over one value of `attribute`. */
  plan(attribute: Attribute, filter: Filter): Plan {
    const booleanText = (text: string) => tolerate(this.#tolerated, 'booleanText', text);
    return bindValueFilter(filter, attribute, { booleanText });
  }
}
