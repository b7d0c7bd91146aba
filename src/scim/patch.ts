/**
 * PATCH as a pure function (RFC 7644 §3.5.2): document and edits in, document out. Nothing here knows of SQL or of
 * filters: the value selector comes in as an argument. Edits of the edge attribute (Group.members) are not applied
 * but answered, so that they cost what the change costs and not what the group does.
 */
import type { Filter } from '../../grammar/ast.ts';
import { ScimError } from '../error.ts';
import { type EdgePatch, edgePatches } from './patch-edges.ts';
import { type Edit, immutable, listedValues } from './patch-request.ts';
import type { Attribute, ResourceType } from './registry.ts';
import {
  type Document,
  equalValues,
  inSchemaOrder,
  requireExtension,
  requireSubAttributes,
  schemasOf,
} from './resource.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import {
  type ComplexValue,
  elementValidatorOf,
  invalidValue,
  isObject,
  validatorOf,
  withoutRepetitions,
} from './value.ts';

/** Compiles a value filter into a test of one value of the attribute. */
export type Selector = (attribute: Attribute, filter: Filter) => (element: unknown) => boolean;

export interface PatchResult {
  /** The same object as given if nothing changed. */
  readonly document: Document;
  readonly edges: readonly EdgePatch[];
  /** The clear password to set; null to clear it; undefined to leave it. */
  readonly password: string | null | undefined;
}

export interface PatchOptions {
  readonly select: Selector;
  readonly tolerated: Tolerated;
  /** The attribute whose edits are answered as edges; undefined: all attributes are in the document. */
  readonly edges?: Attribute | undefined;
  /** What is writeOnly and never returned stays in the document too, for those who have no other place for it. */
  readonly secretsInDocument?: boolean;
}

type Mutable = Record<string, unknown>;

/** Values that one request may look at, so that no few megabytes keep the server busy for minutes. */
const mostValues = 1_000_000;

/** Applies edits in order; throws at the first that fails, with the document as given untouched (RFC 7644 §3.5.2). */
export function applyEdits(
  type: ResourceType,
  document: Document,
  edits: readonly Edit[],
  options: PatchOptions,
): PatchResult {
  const edited = new Set(edits.map(({ attribute }) => attribute));
  const draft = draftOf(document, edited);
  const edges: EdgePatch[] = [];
  let password: string | null | undefined;
  let values = 0;
  for (const edit of edits) {
    values += valueCount(draft, edit.attribute);
    if (values > mostValues)
      throw new ScimError(413, undefined, `${edit.at}: too much for one request; split it`);
    if (edit.attribute === options.edges) edges.push(...edgePatches(edit, options.tolerated));
    else if (
      edit.attribute.returned === 'never' &&
      edit.attribute.mutability === 'writeOnly' &&
      !options.secretsInDocument
    ) {
      const value = edit.op === 'remove' ? null : edit.value;
      password =
        (validatorOf(edit.attribute)(value, edit.at, options.tolerated) as string | undefined) ?? null;
    } else applyEdit(draft, edit, options);
  }
  for (const attribute of edited)
    requireSubAttributes(attribute, valueIn(document, attribute), valueIn(draft, attribute));
  for (const extension of type.extensions.values()) {
    // One that no edit names is as it was; edits of members alone come with an empty document.
    if (![...edited].some((attribute) => attribute.extension === extension.schema.id)) continue;
    const container = (draft[extension.schema.id] ?? {}) as ComplexValue;
    if (Object.keys(container).length === 0) delete draft[extension.schema.id];
    requireExtension(extension, container);
  }
  draft.schemas = schemasOf(type, draft);
  return { document: equalValues(draft, document) ? document : inSchemaOrder(type, draft), edges, password };
}

/** What edits replace in: the document and the extensions edited. Values themselves are never changed, but replaced. */
function draftOf(document: Document, edited: Iterable<Attribute>): Mutable {
  const draft: Mutable = { ...document };
  for (const { extension } of edited) {
    if (extension !== undefined && draft[extension] !== undefined)
      draft[extension] = { ...(draft[extension] as object) };
  }
  return draft;
}

function applyEdit(draft: Mutable, edit: Edit, options: PatchOptions): void {
  const { attribute } = edit;
  const container = containerOf(draft, attribute);
  const before = container[attribute.name];
  const after =
    edit.filter === undefined
      ? withoutFilter(edit, before, options)
      : withFilter(edit, edit.filter, before, options);
  if (equalValues(before, after)) return;
  if (attribute.mutability === 'immutable' && before !== undefined) throw immutable(edit, attribute);
  if (!attribute.multiValued) refuseImmutable(edit, before, after);
  if (after === undefined && attribute.required) {
    throw new ScimError(400, 'mutability', `${edit.at}: ${attribute.path} is required and cannot be removed`);
  }
  if (after === undefined) delete container[attribute.name];
  else container[attribute.name] = after;
}

/** An immutable sub-attribute that has a value keeps it (RFC 7643 §2.2). */
function refuseImmutable(edit: Edit, before: unknown, after: unknown): void {
  if (!isObject(before)) return;
  for (const sub of edit.attribute.subAttributes.values()) {
    const value = before[sub.name];
    if (sub.mutability !== 'immutable' || value === undefined) continue;
    if (!isObject(after) || !equalValues(value, after[sub.name])) throw immutable(edit, sub);
  }
}

function valueIn(document: Document, attribute: Attribute): unknown {
  const container = attribute.extension === undefined ? document : document[attribute.extension];
  return isObject(container) ? container[attribute.name] : undefined;
}

function valueCount(draft: Mutable, attribute: Attribute): number {
  const value = valueIn(draft, attribute);
  return Array.isArray(value) ? value.length : 0;
}

function containerOf(draft: Mutable, attribute: Attribute): Mutable {
  if (attribute.extension === undefined) return draft;
  draft[attribute.extension] ??= {};
  return draft[attribute.extension] as Mutable;
}

// ---- paths without a value filter -------------------------------------------------------------------------

function withoutFilter(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const { attribute, sub, op } = edit;
  if (sub !== undefined) {
    return attribute.multiValued
      ? subOfAll(edit, sub, before, options)
      : subOfOne(edit, sub, before, options);
  }
  if (op === 'remove') return attribute.multiValued ? removeListed(edit, before, options) : undefined;
  const given = attribute.multiValued ? edit.value : withRequired(attribute, edit.value, before);
  const value = validatorOf(attribute)(given, edit.at, options.tolerated);
  if (attribute.multiValued) {
    return op === 'replace' ? value : append((before ?? []) as unknown[], (value ?? []) as unknown[]);
  }
  if (attribute.type === 'complex')
    return value === undefined && edit.value === null ? undefined : merge(attribute, edit, before, value);
  return value;
}

/** Required sub-attributes that stay as they are need not be given again. */
function withRequired(attribute: Attribute, value: unknown, before: unknown): unknown {
  if (!isObject(value) || !isObject(before)) return value;
  const given = new Set(Object.keys(value).map((name) => name.toLowerCase()));
  const kept: Mutable = {};
  for (const [key, sub] of attribute.subAttributes) {
    if (sub.required && !given.has(key)) kept[sub.name] = before[sub.name];
  }
  return { ...value, ...kept };
}

/** Given sub-attributes replace, the others stay (RFC 7644 §3.5.2.3, reading A-57); null clears one. */
function merge(attribute: Attribute, edit: Edit, before: unknown, value: unknown): unknown {
  const result: Mutable = { ...(before as ComplexValue | undefined), ...(value as ComplexValue | undefined) };
  if (isObject(edit.value)) {
    for (const [name, member] of Object.entries(edit.value)) {
      const sub = attribute.subAttributes.get(name.toLowerCase());
      if (sub !== undefined && (member === null || (Array.isArray(member) && member.length === 0)))
        delete result[sub.name];
    }
  }
  return orderedComplex(attribute, result);
}

function orderedComplex(attribute: Attribute, value: ComplexValue): ComplexValue | undefined {
  const result: Mutable = {};
  for (const sub of attribute.subAttributes.values()) {
    if (value[sub.name] !== undefined) result[sub.name] = value[sub.name];
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** `remove` with values listed removes those, never more (reading A-08). */
function removeListed(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const listed = listedValues(edit, options.tolerated);
  if (listed === undefined || before === undefined) return undefined;
  const left = (before as unknown[]).filter(
    (element) => !listed.some((value) => matchesListed(edit.attribute, element, value)),
  );
  return left.length === 0 ? undefined : left;
}

function matchesListed(attribute: Attribute, element: unknown, listed: unknown): boolean {
  if (!isObject(element)) return equalValues(element, listed);
  if (typeof listed === 'string') return element.value === listed;
  if (!isObject(listed)) return false;
  const wanted = Object.entries(listed).filter(
    ([name, value]) => value !== null && attribute.subAttributes.has(name.toLowerCase()),
  );
  return (
    wanted.length > 0 &&
    wanted.every(([name, value]) => {
      const sub = attribute.subAttributes.get(name.toLowerCase()) as Attribute;
      return sub.name === '$ref' || sub.name === 'display' || equalValues(element[sub.name], value);
    })
  );
}

function subOfOne(edit: Edit, sub: Attribute, before: unknown, options: PatchOptions): unknown {
  const result = { ...(before as ComplexValue | undefined) } as Mutable;
  setSub(edit, sub, result, subValue(edit, sub, options));
  return orderedComplex(edit.attribute, result);
}

/** A sub-attribute of a multi-valued attribute without filter means that of every value. */
function subOfAll(edit: Edit, sub: Attribute, before: unknown, options: PatchOptions): unknown {
  const value = subValue(edit, sub, options);
  const elements = (before ?? []) as ComplexValue[];
  if (elements.length === 0) {
    if (edit.op === 'remove' || value === undefined) return before;
    return [{ [sub.name]: value }];
  }
  if (sub.name === 'primary' && value === true && elements.length > 1) {
    throw invalidValue(`${edit.at}: only one value can be primary; select it with a filter`);
  }
  return setInElements(edit, sub, elements, () => true, value);
}

function subValue(edit: Edit, sub: Attribute, options: PatchOptions): unknown {
  return edit.op === 'remove' ? undefined : validatorOf(sub)(edit.value, edit.at, options.tolerated);
}

function setSub(edit: Edit, sub: Attribute, element: Mutable, value: unknown): void {
  const before = element[sub.name];
  if (sub.mutability === 'immutable' && before !== undefined && !equalValues(before, value))
    throw immutable(edit, sub);
  if (value === undefined) {
    if (sub.required && before !== undefined) {
      throw new ScimError(400, 'mutability', `${edit.at}: ${sub.path} is required and cannot be removed`);
    }
    delete element[sub.name];
  } else
    element[sub.name] =
      sub.multiValued && edit.op === 'add' ? append((before ?? []) as unknown[], value as unknown[]) : value;
}

// ---- value paths --------------------------------------------------------------------------------------------

function withFilter(edit: Edit, filter: Filter, before: unknown, options: PatchOptions): unknown {
  const { attribute, sub, op } = edit;
  const matches = options.select(attribute, filter);
  const elements = (before === undefined ? [] : attribute.multiValued ? before : [before]) as unknown[];
  const chosen = elements.map((element) => matches(element));
  const back = (changed: readonly unknown[] | undefined) =>
    changed === undefined || changed.length === 0 ? undefined : attribute.multiValued ? changed : changed[0];
  if (!chosen.includes(true)) {
    if (op === 'remove') return before;
    return back(append(elements, [created(edit, filter, options)]));
  }
  if (op === 'remove' && sub === undefined) return back(elements.filter((_, index) => !chosen[index]));
  if (sub !== undefined) {
    return back(
      setInElements(
        edit,
        sub,
        elements as ComplexValue[],
        (index) => chosen[index] === true,
        subValue(edit, sub, options),
      ),
    );
  }
  const value = elementValidatorOf(attribute)(edit.value, edit.at, options.tolerated);
  if (value === undefined) return op === 'add' ? before : back(elements.filter((_, index) => !chosen[index]));
  const changed = elements.map((element, index) => {
    if (!chosen[index]) return element;
    if (op !== 'add' || !isObject(element)) return value;
    const merged = orderedComplex(attribute, { ...element, ...(value as ComplexValue) });
    refuseImmutable(edit, element, merged);
    return merged;
  });
  return back(onePrimary(withoutRepetitions(changed), isPrimary(value) ? chosen.indexOf(true) : -1));
}

/** The value that a filter of plain equalities describes, with what is to be set in it (readings ). */
function created(edit: Edit, filter: Filter, options: PatchOptions): unknown {
  const { attribute, sub, op, at } = edit;
  const described = attribute.type === 'complex' ? describedBy(filter, attribute) : undefined;
  let element: Mutable | undefined = described;
  if (described !== undefined) {
    const value = sub === undefined ? edit.value : { [sub.name]: edit.value };
    element = isObject(value) ? { ...described, ...value } : described;
  }
  const allowed = op === 'replace' ? tolerate(options.tolerated, 'createByValuePath', element) : element;
  if (allowed === undefined) {
    throw new ScimError(400, 'noTarget', `${at}: no value of ${attribute.path} matches the filter`);
  }
  const clean = elementValidatorOf(attribute)(allowed, at, options.tolerated);
  if (clean === undefined) throw invalidValue(`${at}: there is nothing to add`);
  return clean;
}

/** `type eq "work" and primary eq true` as a value; undefined for anything but a conjunction of equalities. */
function describedBy(filter: Filter, attribute: Attribute): Mutable | undefined {
  const parts = filter.type === 'and' ? filter.filters : [filter];
  const element: Mutable = {};
  for (const part of parts) {
    if (
      part.type !== 'compare' ||
      part.operator !== 'eq' ||
      part.value === null ||
      part.attrPath.subAttr !== undefined
    )
      return undefined;
    const sub = attribute.subAttributes.get(part.attrPath.name.toLowerCase());
    if (sub === undefined) return undefined;
    element[sub.name] = part.value;
  }
  return element;
}

function setInElements(
  edit: Edit,
  sub: Attribute,
  elements: readonly ComplexValue[],
  chosen: (index: number) => boolean,
  value: unknown,
): unknown[] | undefined {
  const changed = elements.map((element, index) => {
    if (!chosen(index)) return element;
    const copy: Mutable = { ...element };
    setSub(edit, sub, copy, value);
    return orderedComplex(edit.attribute, copy);
  });
  const kept = withoutRepetitions(changed.filter((element) => element !== undefined));
  const primary =
    sub.name === 'primary' && value === true ? elements.findIndex((_, index) => chosen(index)) : -1;
  if (primary !== -1 && elements.filter((_, index) => chosen(index)).length > 1) {
    throw invalidValue(`${edit.at}: only one value can be primary`);
  }
  return kept.length === 0 ? undefined : onePrimary(kept, primary);
}

// ---- multi-valued attributes ------------------------------------------------------------------------------

function isPrimary(element: unknown): boolean {
  return isObject(element) && element.primary === true;
}

/** Setting primary on one value clears it on the others (RFC 7644 §3.5.2). */
function onePrimary(elements: readonly unknown[], keep: number): unknown[] {
  if (keep === -1) return [...elements];
  return elements.map((element, index) =>
    index !== keep && isPrimary(element) ? { ...(element as ComplexValue), primary: false } : element,
  );
}

/** Appends values; what is already there stays once and as it is (RFC 7644 §3.5.2.1). */
function append(before: readonly unknown[], values: readonly unknown[]): unknown[] | undefined {
  const all = withoutRepetitions([...before, ...values]);
  // A value added again as primary is the value that is there.
  const added = values.findIndex(isPrimary);
  if (added !== -1) {
    const target = all.findIndex((element) => withoutRepetitions([element, values[added]]).length === 1);
    const chosen = all[target];
    if (isObject(chosen) && chosen.primary !== true) all[target] = { ...chosen, primary: true };
    return onePrimary(all, target);
  }
  return all.length === 0 ? undefined : all;
}
