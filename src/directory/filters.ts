/** Filter text and sort order of a query (RFC 7644 §3.4.2), read for a resource type. */
import {
  type AttrPath,
  type Filter,
  type Limits,
  parseFilter,
  ScimFilterError,
  safeParseFilter,
  walk,
} from '../../grammar/index.ts';
import { bindFilter } from '../query/bind.ts';
import { readFilter } from '../query/compile.ts';
import { LookUps } from '../query/look-ups.ts';
import type { Plan } from '../query/plan.ts';
import { type ResourceType, resolveAttrPath } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';

export class Filters {
  readonly #limits: Limits;
  readonly #lookUps = new LookUps();

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
    const lookUp = filter.length > this.#limits.characters ? undefined : this.#lookUps.find(filter);
    try {
      if (lookUp !== undefined) return bindFilter(lookUp, type, { unknown: options.unknown, source: filter });
      const read = readFilter(filter, type, options);
      this.#lookUps.note(filter, read.filter);
      return read.plan;
    } catch (error) {
      if (!(error instanceof ScimFilterError)) throw error;
      const meant = this.#withColons(type, filter, tolerated);
      if (meant === filter && !tolerated.enabled.has('booleanText')) throw error;
      const booleanText = (text: string) => tolerate(tolerated, 'booleanText', text);
      return readFilter(meant, type, { ...options, booleanText }).plan;
    }
  }

  /** Each dot behind the URN of an extension becomes a colon in its place. */
  #withColons(type: ResourceType, filter: string, tolerated: Tolerated): string {
    const parsed = safeParseFilter(filter, { limits: this.#limits });
    if (!parsed.ok) return filter;
    let text = filter;
    const put = (attrPath: AttrPath): void => {
      const { schema, name, subAttr, range } = attrPath;
      if (schema === undefined || subAttr === undefined || resolveAttrPath(type, attrPath) !== undefined)
        return;
      if (tolerate(tolerated, 'urnDotPath', attrPath, type) === undefined) return;
      const dot = range[0] + schema.length + 1 + name.length;
      text = `${text.slice(0, dot)}:${text.slice(dot + 1)}`;
    };
    walk(parsed.filter, { attrPath: put });
    return text;
  }
}
