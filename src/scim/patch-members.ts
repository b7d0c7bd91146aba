/** Edits of `Group.members` as changes of the memberships that the store keeps: each costs what the change costs. */
import type { CompareValue, Filter } from '../../grammar/ast.ts';
import { and, eq, ew, not, or, pr } from '../../grammar/index.ts';
import { invalidValue, ScimError } from '../error.ts';
import type { MemberValue } from './document.ts';
import { addedValues } from './patch-lists.ts';
import { type Description, describedValues, namedMembers } from './patch-named.ts';
import { type Edit, immutable, namedValue } from './patch-request.ts';
import { segmentOf } from './representation.ts';
import { memberValuesFrom, memberValuesOf } from './resource.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { complexMembers, elementValidatorOf } from './value.ts';

export type MembersPatch =
  | { readonly kind: 'add'; readonly members: readonly MemberValue[] }
  | { readonly kind: 'remove'; readonly values: readonly string[] }
  | { readonly kind: 'removeWhere'; readonly filter: Filter }
  | { readonly kind: 'replace'; readonly members: readonly MemberValue[] }
  /** The filter must select a member, or with `orEmpty` there must be none at all; else 400 noTarget with `detail`. */
  | {
      readonly kind: 'require';
      readonly filter: Filter;
      readonly orEmpty: boolean;
      readonly detail: string;
    };

/** What an edit of `members` asks of the store. */
export function membersPatches(edit: Edit, tolerated: Tolerated): MembersPatch[] {
  const { attribute, filter, sub, op, value, at } = edit;
  if (sub !== undefined) throw immutable(edit, sub);
  if (op === 'remove') return removals(edit, tolerated);
  if (filter !== undefined) return memberByPath(edit, filter, tolerated);
  if (op === 'replace')
    return [{ kind: 'replace', members: memberValuesOf(attribute, value, at, tolerated) }];
  return [{ kind: 'add', members: memberValuesFrom(attribute, addedValues(edit, tolerated), at) }];
}

/** Each of them is looked for in the whole group. */
const mostWithoutId = 100;

function removals(edit: Edit, tolerated: Tolerated): MembersPatch[] {
  const { attribute, filter, at } = edit;
  const named = namedValue(edit, tolerated);
  if (named !== undefined) {
    const descriptions = describedValues(attribute, named.value, at, tolerated);
    if (descriptions.filter((each) => !hasId(each)).length > mostWithoutId)
      throw new ScimError(
        413,
        undefined,
        `${at}: at most ${mostWithoutId} members can be named without value`,
      );
    const values = filter === undefined ? descriptions.map(soleValue) : [];
    const others = descriptions.filter((_, index) => values[index] === undefined).map(filterOf);
    return [
      { kind: 'remove', values: values.filter((each) => each !== undefined) },
      ...others.map((each): MembersPatch => {
        return { kind: 'removeWhere', filter: filter === undefined ? each : and(filter, each) };
      }),
    ];
  }
  if (filter === undefined) {
    // An unset template names nobody, and must not empty a group (reading A-08).
    if (edit.value === '') throw invalidValue(`${at} names no member; leave it out to remove all of them`);
    return [{ kind: 'replace', members: [] }];
  }
  const values = namedMembers(filter);
  if (values !== undefined) return [{ kind: 'remove', values }];
  // Whether it is used the store knows; strict needs to know beforehand.
  return tolerated.enabled.has('removeWithoutMatch')
    ? [{ kind: 'removeWhere', filter }]
    : [required(edit, filter), { kind: 'removeWhere', filter }];
}

function required({ attribute, op, at }: Edit, filter: Filter): MembersPatch {
  const detail = `${at}: no value of ${attribute.path} matches the filter`;
  return { kind: 'require', filter, orEmpty: op === 'add', detail };
}

/** The member that a value path names, added if it is not there (readings ). */
function memberByPath(edit: Edit, filter: Filter, tolerated: Tolerated): MembersPatch[] {
  const { attribute, op, value, at } = edit;
  const [id, ...others] = namedMembers(filter) ?? [];
  if (id === undefined || others.length > 0)
    throw new ScimError(400, 'noTarget', `${at}: select the member to ${op} with value eq "…"`);
  const given = complexMembers(attribute, value, at, tolerated);
  if (given === undefined) return op === 'add' ? [] : [{ kind: 'remove', values: [id] }];
  const whole = { ...Object.fromEntries(given), value: given.get('value') ?? id };
  const [member] = memberValuesFrom(attribute, [elementValidatorOf(attribute)(whole, at, tolerated)], at);
  if (member?.value !== id) throw immutable(edit, attribute.subAttributes.get('value') ?? attribute);
  const name = op === 'add' ? 'addByValuePath' : 'createByValuePath';
  const add: MembersPatch = { kind: 'add', members: [member] };
  return tolerate(tolerated, name, whole) === undefined ? [required(edit, filter), add] : [add];
}

/** The id, where a member is described by nothing else. */
function soleValue(description: Description): string | undefined {
  const [first, ...others] = description;
  const isId = first !== undefined && first[0].name === 'value' && others.length === 0;
  return isId && typeof first[1] === 'string' ? first[1] : undefined;
}

/**
 * A description as a filter. Beside `value`, which names the member, what the store knows nothing of does not
 * contradict: `type`, `display` and `$ref` of an id that is unknown here.
 */
function filterOf(description: Description): Filter {
  const parts = [...description].map(([{ name }, wanted]): Filter => {
    const equal =
      name === '$ref' && typeof wanted === 'string'
        ? referenceFilter(wanted)
        : eq(name, wanted as CompareValue);
    return name === 'value' || !hasId(description) ? equal : or(equal, not(pr(name)));
  });
  const [first, ...others] = parts as [Filter, ...Filter[]];
  return others.length === 0 ? first : and(first, ...others);
}

function hasId(description: Description): boolean {
  return [...description.keys()].some(({ name }) => name === 'value');
}

/** A segment of a URL encoded as ours are, whatever of it the client encoded. */
function inNormalForm(segment: string): string {
  try {
    return segmentOf(decodeURIComponent(segment));
  } catch {
    return segment;
  }
}

/** By its endpoint and id: the base may be left out of a reference (`../Users/2819c223`, RFC 7643 §8.4). */
function referenceFilter(uri: string): Filter {
  const [, endpoint, id = ''] = /(\/[^/]+\/)([^/]+)$/.exec(uri) ?? [];
  return endpoint === undefined ? eq('$ref', uri) : ew('$ref', endpoint + inNormalForm(id));
}
