/**
 * PATCH as a pure function (RFC 7644 §3.5.2): document and edits in, document out. Nothing here knows of SQL or of
 * filters: the value selector comes in as an argument. Edits of `Group.members` are not applied but
 * returned, so that they cost what the change costs and not what the group does.
 */
import type { Filter } from '../../grammar/ast.ts';
import { invalidValue, ScimError } from '../error.ts';
import { type Document, equalValues, inSchemaOrder, schemasOf } from './document.ts';
import { type ComplexValue, isObject } from './object.ts';
import { addedValues, append, orderedComplex, settled, valuesOf } from './patch-lists.ts';
import type { MembersPatch } from './patch-members.ts';
import { described, fits, isMembership, namedAmong } from './patch-named.ts';
import { withoutStaleReference } from './patch-references.ts';
import { describedBy, type Edit, immutable, namedValue } from './patch-request.ts';
import type { Attribute, ResourceType } from './registry.ts';
import { keepsInactive, requireExtension, requireSubAttributes } from './resource.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { complexMembers, elementValidatorOf, isIdentifiedByValue, validatorOf } from './value.ts';

/** Compiles a value filter into a test of one value of the attribute. */
export type Selector = (attribute: Attribute, filter: Filter) => (element: unknown) => boolean;

export interface PatchResult {
  /** The same object as given if nothing changed. */
  readonly document: Document;
  readonly members: readonly MembersPatch[];
  /** The password in clear text; null removes it; undefined keeps it. */
  readonly password: string | null | undefined;
}

export interface PatchOptions {
  readonly select: Selector;
  readonly tolerated: Tolerated;
  /** The attribute whose edits are returned as member edits, and how; undefined: all attributes are in the document. */
  readonly members?:
    | {
        readonly attribute: Attribute;
        readonly patches: (edit: Edit, tolerated: Tolerated) => readonly MembersPatch[];
      }
    | undefined;
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
  const members: MembersPatch[] = [];
  let password: string | null | undefined;
  let values = 0;
  for (const edit of edits) {
    values += valuesOf(valueIn(draft, edit.attribute)).length;
    if (values > mostValues)
      throw new ScimError(413, undefined, `${edit.at}: too much for one request; split it`);
    if (edit.attribute === options.members?.attribute)
      members.push(...options.members.patches(edit, options.tolerated));
    else if (isSecret(edit.attribute) && !options.secretsInDocument) password = newSecret(edit, options);
    else applyEdit(draft, edit, options);
  }
  // Nothing of the document was edited: shown by the workload `member-10000` of npm run bench.
  if (edited.size === 1 && members.length > 0) return { document, members, password };
  for (const attribute of edited) {
    const [before, after] = [valueIn(document, attribute), valueIn(draft, attribute)];
    if (isObject(after)) putIn(draft, attribute, withoutStaleReference(attribute, before, after));
    requireSubAttributes(attribute, before, valueIn(draft, attribute));
  }
  for (const extension of type.extensions.values()) {
    // One that no edit names is as it was; edits of members alone come with an empty document.
    if (![...edited].some((attribute) => attribute.extension === extension.schema.id)) continue;
    const container = draft[extension.schema.id];
    const members = isObject(container) ? container : {};
    if (Object.keys(members).length === 0) delete draft[extension.schema.id];
    requireExtension(extension, members);
  }
  return { document: settledDocument(type, document, draft, edited), members, password };
}

/** The draft in schema order with the `schemas` that it has now; the document as given if they are the same. */
function settledDocument(type: ResourceType, document: Document, draft: Mutable, edited: Set<Attribute>) {
  draft.schemas = schemasOf(type, draft);
  // Nothing but what edits name can differ, and only a member that was not there has no place yet.
  let isSame = equalValues(draft.schemas, document.schemas);
  let isOrdered = document.schemas !== undefined;
  for (const attribute of edited) {
    const [before, after] = [valueIn(document, attribute), valueIn(draft, attribute)];
    if (before === after || equalValues(before, after)) continue;
    isSame = false;
    if (document[attribute.extension ?? attribute.name] === undefined) isOrdered = false;
  }
  if (isSame) return document;
  return isOrdered ? draft : inSchemaOrder(type, draft);
}

function isSecret(attribute: Attribute): boolean {
  return attribute.returned === 'never' && attribute.mutability === 'writeOnly';
}

function newSecret(edit: Edit, { tolerated }: PatchOptions): string | null {
  const { attribute, op, at } = edit;
  if (op === 'remove' && namedValue(edit, tolerated) !== undefined)
    throw invalidValue(`${at}: ${attribute.path} cannot be compared with a value; remove takes none`);
  const clean = op === 'remove' ? undefined : validatorOf(attribute)(edit.value, at, tolerated);
  return typeof clean === 'string' ? clean : null;
}

/** What edits replace in: the document and the extensions edited. Values themselves are never changed, but replaced. */
function draftOf(document: Document, edited: Iterable<Attribute>): Mutable {
  const draft: Mutable = { ...document };
  for (const { extension } of edited) {
    const container = extension === undefined ? undefined : draft[extension];
    if (extension !== undefined && isObject(container)) draft[extension] = { ...container };
  }
  return draft;
}

function valueIn(document: Document, attribute: Attribute): unknown {
  const container = attribute.extension === undefined ? document : document[attribute.extension];
  return isObject(container) ? container[attribute.name] : undefined;
}

function applyEdit(draft: Mutable, edit: Edit, options: PatchOptions): void {
  const before = valueIn(draft, edit.attribute);
  const after = edited(edit, before, options);
  if (after !== before) putIn(draft, edit.attribute, after);
}

function putIn(draft: Mutable, { name, extension }: Attribute, value: unknown): void {
  const present = extension === undefined ? draft : draft[extension];
  const container = isObject(present) ? present : {};
  if (extension !== undefined) draft[extension] = container;
  put(container, name, value);
}

function put(container: Mutable, name: string, value: unknown): void {
  if (value === undefined) delete container[name];
  else container[name] = value;
}

/** The attribute's value after the edit; the very `before` if nothing changes. */
function edited(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const { attribute, filter, sub, at } = edit;
  const after =
    filter === undefined && sub === undefined
      ? whole(edit, before, options)
      : inValues(edit, before, options);
  if (equalValues(before, after) || (after === undefined && keepsInactive(attribute, before))) return before;
  if (attribute.mutability === 'immutable' && before !== undefined) throw immutable(edit, attribute);
  if (!attribute.multiValued && isObject(before))
    keptImmutable(edit, before, isObject(after) ? after : {}, true);
  if (after === undefined && attribute.required)
    throw new ScimError(400, 'mutability', `${at}: ${attribute.path} is required and cannot be removed`);
  return after;
}

// ---- paths without a value filter -------------------------------------------------------------------------

function whole(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const { attribute, op, value, at } = edit;
  const { tolerated } = options;
  if (op === 'remove') {
    const named = namedValue(edit, tolerated);
    return named === undefined ? undefined : withoutNamed({ ...edit, value: named.value }, before, options);
  }
  if (attribute.multiValued) {
    if (op === 'replace') return validatorOf(attribute)(value, at, tolerated);
    const values = addedValues(edit, tolerated);
    if (values.length === 0) return before;
    return append(attribute, valuesOf(before), values, (other) => immutable(edit, other));
  }
  if (attribute.type !== 'complex') return validatorOf(attribute)(value, at, tolerated);
  const members = complexMembers(attribute, value, at, tolerated);
  return members === undefined ? undefined : merged(edit, before, members, options);
}

/** Given sub-attributes are edited as by their own paths, the others stay (RFC 7644 §3.5.2.3, reading A-57). */
function merged(
  edit: Edit,
  before: unknown,
  members: ReadonlyMap<string, unknown>,
  options: PatchOptions,
): ComplexValue | undefined {
  const result: Mutable = isObject(before) ? { ...before } : {};
  let readOnly: Attribute | undefined;
  let settable = false;
  for (const [name, value] of members) {
    const sub = edit.attribute.subAttributes.get(name);
    if (sub === undefined) continue;
    if (sub.mutability === 'readOnly') readOnly = sub;
    else {
      settable = true;
      const own = editOf(edit, sub, value, `${edit.at}.${sub.name}`);
      put(result, sub.name, edited(own, result[sub.name], options));
    }
  }
  if (!settable && readOnly !== undefined)
    throw new ScimError(400, 'mutability', `${edit.at}: ${readOnly.path} is read-only`);
  return orderedComplex(edit.attribute, result);
}

/** The edit of one sub-attribute that an edit comes down to. */
function editOf(edit: Edit, sub: Attribute, value: unknown, at = edit.at): Edit {
  return {
    op: edit.op,
    attribute: sub,
    filter: edit.subFilter,
    sub: undefined,
    subFilter: undefined,
    value,
    at,
  };
}

/** What is left when the values named are gone: nobody named, nothing goes. */
function withoutNamed(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const { attribute, value, at } = edit;
  const { tolerated } = options;
  if (attribute.multiValued || attribute.type !== 'complex') {
    const isNamed = namedAmong(attribute, value, at, tolerated);
    const left = valuesOf(before).filter((element) => !isNamed(element));
    return attribute.multiValued ? someOf(left) : left[0];
  }
  if (Array.isArray(value) && value.length === 0) return before;
  const description = described(attribute, value, at, tolerated);
  if (!isObject(before) || !fits(description, before)) return before;
  // Its `value` names the whole; other sub-attributes name themselves.
  if ([...description.keys()].some(({ name }) => name === 'value')) return undefined;
  const result: Mutable = { ...before };
  for (const [sub, named] of description) {
    if (sub.mutability === 'readOnly')
      throw new ScimError(400, 'mutability', `${at}: ${sub.path} is read-only`);
    put(result, sub.name, withoutNamed(editOf(edit, sub, named), before[sub.name], options));
  }
  return orderedComplex(attribute, result);
}

function someOf(values: readonly unknown[]): readonly unknown[] | undefined {
  return values.length === 0 ? undefined : values;
}

// ---- value paths and sub-attributes -----------------------------------------------------------------------

/** Edits the values that a path selects, or a sub-attribute of theirs; without a filter, of all of them. */
function inValues(edit: Edit, before: unknown, options: PatchOptions): unknown {
  const { attribute, sub, op } = edit;
  const values = valuesOf(before);
  const isChosen = chooser(edit, options);
  const chosen = values.map(isChosen);
  const named = op === 'remove' ? namedValue(edit, options.tolerated) : undefined;
  const back = (left: readonly unknown[]) => (attribute.multiValued ? someOf(left) : left[0]);
  if (!chosen.includes(true)) {
    // What a remove names must make sense even where nobody is left to be named.
    if (named !== undefined) withoutNamed(editOf(edit, sub ?? attribute, named.value), undefined, options);
    if (op === 'remove') return withoutMatch(edit, before, options);
    const element = created(edit, values, options);
    if (element === undefined) return before;
    return back(append(attribute, values, [element], (other) => immutable(edit, other)));
  }
  if (sub === undefined && op === 'remove' && named !== undefined && !attribute.multiValued)
    return withoutNamed({ ...edit, value: named.value }, before, options);
  if (sub === undefined && op === 'add' && attribute.type !== 'complex') {
    const value = elementValidatorOf(attribute)(edit.value, edit.at, options.tolerated);
    return value === undefined
      ? before
      : append(attribute, values, [value], (other) => immutable(edit, other));
  }
  const change = changer(edit, named, options);
  const after = values.map((element, index) => (chosen[index] ? change(element) : element));
  return attribute.multiValued
    ? someOf(settled(attribute, { before: values, chosen, after }, edit.at))
    : after[0];
}

/** Which values the path selects. */
function chooser({ attribute, filter, sub, subFilter }: Edit, { select }: PatchOptions) {
  const byFilter = filter === undefined ? undefined : select(attribute, filter);
  const bySub = sub === undefined || subFilter === undefined ? undefined : select(sub, subFilter);
  return (element: unknown): boolean =>
    byFilter?.(element) !== false &&
    (sub === undefined ||
      bySub === undefined ||
      (isObject(element) && valuesOf(element[sub.name]).some((value) => bySub(value))));
}

/** What becomes of one selected value; undefined if it goes. */
function changer(
  edit: Edit,
  named: { readonly value: unknown } | undefined,
  options: PatchOptions,
): (element: unknown) => unknown {
  const { attribute, sub, op, value, at } = edit;
  const { tolerated } = options;
  if (sub !== undefined) {
    return (element) => {
      if (!isObject(element)) return element;
      const after = edited(editOf(edit, sub, value), element[sub.name], options);
      if (after === element[sub.name]) return element;
      const copy = { ...element };
      put(copy, sub.name, after);
      return orderedComplex(attribute, copy);
    };
  }
  if (op === 'remove') {
    const isNamed = named === undefined ? () => true : namedAmong(attribute, named.value, at, tolerated);
    return (element) => (isNamed(element) ? undefined : element);
  }
  const members = attribute.type === 'complex' ? complexMembers(attribute, value, at, tolerated) : undefined;
  if (op === 'add')
    return (element) => (members === undefined ? element : merged(edit, element, members, options));
  if (!attribute.multiValued)
    return (element) => (members === undefined ? undefined : merged(edit, element, members, options));
  // Of several values each is replaced as a whole (RFC 7644 §3.5.2.3).
  const replacement = elementValidatorOf(attribute)(value, at, tolerated);
  if (replacement === undefined && members !== undefined) throw invalidValue(`${at} has no value`);
  return (element) =>
    isObject(element) && isObject(replacement) ? keptImmutable(edit, element, replacement) : replacement;
}

/** Removing by a path that selects nothing: done already, unless strict (reading A-05; RFC 7644 §3.12 table 9). */
function withoutMatch(edit: Edit, before: unknown, { tolerated }: PatchOptions): unknown {
  const { attribute, filter, subFilter } = edit;
  if (filter === undefined && subFilter === undefined) return before;
  // RFC 7644 §3.5.2.2: removing somebody who is no member succeeds.
  if (filter !== undefined && isMembership(attribute, filter)) return before;
  if (tolerate(tolerated, 'removeWithoutMatch')) return before;
  throw noTarget(edit);
}

function noTarget({ at, sub, subFilter, attribute }: Edit): ScimError {
  const { path } = subFilter !== undefined && sub !== undefined ? sub : attribute;
  return new ScimError(400, 'noTarget', `${at}: no value of ${path} matches the filter`);
}

/**
 * The value to add where a path selects none: what its filter of plain equalities describes, with what is given for it
 * (readings ). Undefined if nothing is given. To the letter there must be no value yet for `add`, which
 * creates what is not there (RFC 7644 §3.5.2.1), and `replace` has no target (§3.5.2.3).
 */
function created(edit: Edit, values: readonly unknown[], options: PatchOptions): unknown {
  const { attribute, filter, subFilter, op, at } = edit;
  const { tolerated } = options;
  const given = givenValue(edit, options);
  if (filter === undefined && subFilter === undefined) return given;
  const isDescribed = attribute.multiValued && filter !== undefined && subFilter === undefined;
  const description = isDescribed ? describedBy(filter, attribute) : undefined;
  const element =
    given === undefined
      ? {}
      : description !== undefined && isObject(given)
        ? { ...description, ...given }
        : undefined;
  const name = op === 'add' ? 'addByValuePath' : 'createByValuePath';
  const allowed = op === 'add' && values.length === 0 ? element : tolerate(tolerated, name, element);
  if (allowed === undefined || !attribute.multiValued) throw noTarget(edit);
  return given === undefined ? undefined : elementValidatorOf(attribute)(allowed, at, tolerated);
}

/** What is given for a value that is not there yet; undefined if it is nothing. Throws what a wrong value throws. */
function givenValue(edit: Edit, options: PatchOptions): unknown {
  const { attribute, sub, subFilter, value, at } = edit;
  if (sub !== undefined) {
    const clean =
      subFilter === undefined
        ? edited(editOf(edit, sub, value), undefined, options)
        : elementValidatorOf(sub)(value, at, options.tolerated);
    return clean === undefined ? undefined : { [sub.name]: clean };
  }
  if (attribute.type !== 'complex') return elementValidatorOf(attribute)(value, at, options.tolerated);
  const members = complexMembers(attribute, value, at, options.tolerated);
  const element = members === undefined ? undefined : merged(edit, undefined, members, options);
  if (members !== undefined && element === undefined) throw invalidValue(`${at} has no value`);
  return element;
}

/**
 * A new complex value with the immutable sub-attributes of the old one (RFC 7643 §2.2); refused where it has others. Of
 * a member only `value` is compared (reading A-29). `wholly`: leaving one out is refused too.
 */
function keptImmutable(edit: Edit, before: ComplexValue, after: ComplexValue, wholly = false): ComplexValue {
  const kept: Mutable = { ...after };
  for (const sub of edit.attribute.subAttributes.values()) {
    const [old, value] = [before[sub.name], after[sub.name]];
    if (sub.mutability !== 'immutable' || old === undefined || equalValues(old, value)) continue;
    const isLeftOut = value === undefined && !wholly;
    if (!isLeftOut && !(isIdentifiedByValue(edit.attribute) && sub.name !== 'value'))
      throw immutable(edit, sub);
    kept[sub.name] = old;
  }
  return orderedComplex(edit.attribute, kept) ?? {};
}
