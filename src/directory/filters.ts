/** Filter text and sort order of a query (RFC 7644 §3.4.2), read for a resource type. */
import { type Filter, type Limits, parseFilter, ScimFilterError } from '../../grammar/index.ts';
import { FilterCache } from '../query/cache.ts';
import { readFilter } from '../query/compile.ts';
import type { Plan } from '../query/plan.ts';
import type { ResourceType } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';

export class Filters {
  readonly #limits: Limits;
  /**
   * A provider asks the same again and again: plans by filter text, where no tolerance was needed. Few, since it also
   * asks for each user once, and what is kept in vain costs more to clear away than to make.
   */
  readonly #plans = new FilterCache<Plan>(64);
  readonly #lenientPlans = new FilterCache<Plan>(64);

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @throws ScimFilterError `invalidFilter`, or `tooMany` where it is larger than the limits. */
  parse(filter: string): Filter {
    return parseFilter(filter, { limits: this.#limits });
  }

  /**
   * The plan of a filter; in a search of `several` types, attributes that this one has not are without value
   * (RFC 7644 §3.4.2.1).
   * @throws ScimFilterError as {@link parse}, and where the filter asks what the schemas do not allow.
   */
  plan(type: ResourceType, filter: string, several: boolean, tolerated: Tolerated): Plan {
    const options = { limits: this.#limits, unknown: several ? 'noValue' : 'error' } as const;
    try {
      return (several ? this.#lenientPlans : this.#plans).get(
        type,
        filter,
        () => readFilter(filter, type, options).plan,
      );
    } catch (error) {
      if (!(error instanceof ScimFilterError) || !tolerated.enabled.has('booleanText')) throw error;
      const booleanText = (text: string) => tolerate(tolerated, 'booleanText', text);
      return readFilter(filter, type, { ...options, booleanText }).plan;
    }
  }
}
