import { Batch, type Submit } from '../directory/batch.ts';
import { type Caller, operator } from '../directory/caller.ts';
import type { Directory } from '../directory/directory.ts';
import { DirectoryError } from '../directory/directory-error.ts';
import type { Draft } from '../directory/draft.ts';
import { hashPassword } from '../directory/password.ts';
import { invalidValue, ScimError } from '../error.ts';
import { differenceOf } from '../scim/difference.ts';
import { type Document, equalValues, membersAttribute } from '../scim/document.ts';
import { isObject, kind } from '../scim/object.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { type CheckedResource, checkNew, checkReplacement } from '../scim/resource.ts';
import type { Actor } from '../store/change.ts';
import { memberParts } from '../store/member-parts.ts';
import type { StoredResource } from '../store/store.ts';
import { MemberIds } from './member-ids.ts';

/** What to do where a resource is there already, and is another. */
export const conflictAnswers = ['fail', 'skip', 'replace'] as const;
export type OnConflict = (typeof conflictAnswers)[number];

export type Outcome =
  | { readonly kind: 'created' | 'same'; readonly name: string }
  | { readonly kind: 'replaced'; readonly name: string; readonly attributes: readonly string[] }
  | { readonly kind: 'skipped' | 'conflict' | 'refused'; readonly name: string; readonly reason: string };

export interface Given {
  readonly type: ResourceType;
  readonly body: unknown;
  /** Members may be written by name, and must be somebody here. */
  readonly membersByName?: true;
}

/** A member whose id no resource has: kept, since it may come yet, and told at the end if it did not. */
export interface Stranger {
  readonly name: string;
  readonly member: string;
}

const noMembers = { members: [], strangers: [] };

/** How often another process may come in between one line's reading and writing. */
const attempts = 20;

export class Importer {
  /** Members of bodies that no schema here has a place for, with how many bodies had them. */
  readonly unknown = new Map<string, number>();
  /** The same of values that only the server writes, such as a user's groups. */
  readonly readOnly = new Map<string, number>();
  /** Was there a group among what is here now? Then memberships came with it. */
  tookMembers = false;
  readonly #directory: Directory;
  readonly #tenant: number;
  /** One for all that is imported: the record keeps the text of it. */
  readonly #actor: Actor;
  readonly #onConflict: OnConflict;
  readonly #ids: MemberIds;

  /** `by`: the user of the operating system who imports. */
  constructor(directory: Directory, tenant: number, onConflict: OnConflict, by?: string) {
    this.#directory = directory;
    this.#tenant = tenant;
    this.#onConflict = onConflict;
    this.#actor = by === undefined ? { kind: 'import' } : { kind: 'import', name: by };
    this.#ids = new MemberIds(this.#directory, operator(tenant, this.#actor, 'generic'));
  }

  /** For so many resources that are taken together. */
  batch(resources: number): Batch {
    return new Batch(this.#directory.store, resources);
  }

  /**
   * Undefined if something that came in between must be looked at first: then it is to be taken again, alone. It is
   * `waiting` while it names members who may come with a later line, unless this is the `last` time. Members whose id
   * is unknown are added to `strangers`. `submit` is the way to the store for one of several that are taken together.
   */
  async take(
    { type, body, membersByName }: Given,
    last: boolean,
    strangers: Stranger[],
    submit?: Submit,
  ): Promise<Outcome | 'waiting' | undefined> {
    const name = nameOf(type, body);
    const caller: Caller = {
      ...operator(this.#tenant, this.#actor, 'generic'),
      ...(submit === undefined ? {} : { submit }),
    };
    try {
      const written = checkNew(type, body, caller.tolerated);
      const given = idOf(body);
      const found = await this.#find(caller, type, given, written.document);
      if (typeof found === 'string') return { kind: 'refused', name, reason: found };
      const { members } = written;
      const resolved =
        members === undefined || members.length === 0
          ? noMembers
          : await this.#ids.of(members, given === undefined);
      const [first] = resolved.strangers;
      if (membersByName && first !== undefined)
        return last
          ? {
              kind: 'refused',
              name,
              reason: `members: nobody here has the id or name ${JSON.stringify(first)}`,
            }
          : 'waiting';
      const checked = written.members === undefined ? written : { ...written, members: resolved.members };
      const outcome =
        found === undefined
          ? await this.#create(caller, type, given, checked, name)
          : await this.#compare(caller, type, found, given, checked, body, name);
      if (outcome === undefined) return undefined;
      this.#noteLeftOut(type, body, checked.given);
      if (outcome.kind === 'created' || outcome.kind === 'same' || outcome.kind === 'replaced') {
        this.tookMembers ||= membersAttribute(type) !== undefined;
        for (const member of resolved.strangers) strangers.push({ name, member });
      }
      return outcome;
    } catch (error) {
      const isRefusal =
        error instanceof DirectoryError
          ? error.code !== 'busy'
          : error instanceof ScimError && error.status < 500;
      if (isRefusal && error instanceof Error) return { kind: 'refused', name, reason: error.message };
      throw error;
    }
  }

  /** The same for one that stands alone. */
  async takeAlone(given: Given, last: boolean, strangers: Stranger[]): Promise<Outcome | 'waiting'> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const outcome = await this.take(given, last, strangers);
      if (outcome !== undefined) return outcome;
    }
    return {
      kind: 'refused',
      name: nameOf(given.type, given.body),
      reason: 'is being changed by others all the time; import it again',
    };
  }

  async #create(
    caller: Caller,
    type: ResourceType,
    id: string | undefined,
    checked: CheckedResource,
    name: string,
  ): Promise<Outcome | undefined> {
    try {
      await this.#directory.createChecked(caller, type, checked, id);
      return { kind: 'created', name };
    } catch (error) {
      if (!(error instanceof DirectoryError) || error.code !== 'taken') throw error;
      // Another line of the same batch was first, or something that is unique beside what was looked for is taken.
      const found = await this.#find(caller, type, id, checked.document);
      if (found !== undefined && typeof found !== 'string') return undefined;
      return this.#conflict(name, error.message);
    }
  }

  async #compare(
    caller: Caller,
    type: ResourceType,
    stored: StoredResource,
    id: string | undefined,
    { members: wanted }: CheckedResource,
    body: unknown,
    name: string,
  ): Promise<Outcome | undefined> {
    if (id !== undefined && id !== stored.id) {
      const reason = `is ${stored.id} here already, under which others know it`;
      return this.#onConflict === 'skip'
        ? { kind: 'skipped', name, reason }
        : { kind: 'conflict', name, reason };
    }
    const before = JSON.parse(stored.body) as Document;
    const { document, password } = checkReplacement(type, body, before, caller.tolerated);
    const difference = differenceOf(type, before, document);
    const attributes = difference.edits
      .filter(({ from, to }) => !sameInAnyOrder(from, to))
      .map(({ path }) => path);
    const members = membersAttribute(type);
    const membersDiffer = wanted !== undefined && !(await this.#hasMembers(caller, type, stored.id, wanted));
    if (members !== undefined && membersDiffer) attributes.push(members.path);
    const setsPassword = this.#onConflict === 'replace' && password != null;
    if (attributes.length === 0 && !setsPassword) return { kind: 'same', name };
    if (this.#onConflict !== 'replace')
      return this.#conflict(name, `is there already with another ${attributes.join(', ')}`);
    const written = await this.#replace(caller, type, stored, {
      operation: 'replace',
      ...(difference.edits.length === 0 ? {} : { document: { before, after: document, difference } }),
      ...(membersDiffer ? { members: [{ kind: 'replace', members: wanted }] } : {}),
      ...(setsPassword ? { password: () => hashPassword(password) } : {}),
    });
    if (!written) return undefined;
    return { kind: 'replaced', name, attributes: setsPassword ? [...attributes, 'password'] : attributes };
  }

  /** False if it was changed, or removed, since it was read. */
  async #replace(caller: Caller, type: ResourceType, stored: StoredResource, draft: Draft): Promise<boolean> {
    try {
      return (await this.#directory.changeVersion(caller, type, stored, draft)) !== undefined;
    } catch (error) {
      if (error instanceof DirectoryError && error.code === 'not-found') return false;
      throw error;
    }
  }

  #conflict(name: string, reason: string): Outcome {
    return { kind: this.#onConflict === 'skip' ? 'skipped' : 'conflict', name, reason };
  }

  /** What is there of it; a text says why that is not clear. */
  async #find(
    caller: Caller,
    type: ResourceType,
    id: string | undefined,
    document: Document,
  ): Promise<StoredResource | string | undefined> {
    if (id !== undefined) {
      const found = await this.#directory.find(caller, type, id);
      if (found !== undefined) return found;
    }
    const { withId, withoutId } = known(type);
    for (const attribute of id === undefined ? withoutId : withId) {
      const value = document[attribute.name];
      if (typeof value !== 'string' || value === '') continue;
      const page = await this.#directory.findBy(caller, type, attribute, value, 2);
      if (page.total > 1)
        return `${attribute.path} ${JSON.stringify(value)} is that of ${page.total} ${type.name}s here: give the id`;
      if (page.resources[0] !== undefined) return page.resources[0];
    }
    return undefined;
  }

  async #hasMembers(
    caller: Caller,
    type: ResourceType,
    id: string,
    wanted: readonly { readonly value: string }[],
  ): Promise<boolean> {
    const missing = new Set(wanted.map(({ value }) => value));
    const group = await this.#directory.find(caller, type, id, { members: true });
    if (group === undefined) return false;
    for await (const part of memberParts(group))
      for (const { value } of JSON.parse(`[${part}]`) as { value: string }[])
        if (!missing.delete(value)) return false;
    return missing.size === 0;
  }

  /** Is there by now a resource of that id? */
  isKnown(id: string): Promise<boolean> {
    return this.#ids.has(id);
  }

  #noteLeftOut(type: ResourceType, body: unknown, given: ReadonlyMap<string, unknown>): void {
    if (!isObject(body)) return;
    for (const key of Object.keys(body)) {
      const value = body[key];
      // What was named by a path has gone to its place.
      if (!given.has(key.toLowerCase())) continue;
      const extension = type.extensions.get(key.toLowerCase());
      if (extension === undefined) this.#noteIn(type.attributes, key, value, '');
      else if (isObject(value))
        for (const member of Object.keys(value))
          this.#noteIn(extension.attributes, member, value[member], `${key}:`);
    }
  }

  #noteIn(attributes: ReadonlyMap<string, Attribute>, key: string, value: unknown, prefix: string): void {
    const attribute = attributes.get(key.toLowerCase());
    if (attribute === undefined) count(this.unknown, prefix + key);
    else if (attribute.mutability === 'readOnly') {
      const isOfServer = attribute.path === 'id' || attribute.path === 'meta';
      if (!isOfServer && !isEmpty(value)) count(this.readOnly, prefix + attribute.name);
    } else if (attribute.type === 'complex') {
      const strangers = new Set<string>();
      for (const each of Array.isArray(value) ? value : [value])
        if (isObject(each))
          for (const sub of Object.keys(each))
            if (!attribute.subAttributes.has(sub.toLowerCase())) strangers.add(sub);
      for (const sub of strangers) count(this.unknown, `${prefix}${key}.${sub}`);
    }
  }
}

/** With so many names, those of further ones are not kept. */
const mostNames = 100;

function count(names: Map<string, number>, name: string): void {
  const before = names.get(name);
  if (before !== undefined || names.size < mostNames) names.set(name, (before ?? 0) + 1);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

interface Known {
  /** Where an id is given, and where none is. */
  readonly withId: readonly Attribute[];
  readonly withoutId: readonly Attribute[];
  /** Lower-cased names of the latter. */
  readonly names: ReadonlySet<string>;
}

const knownBy = new WeakMap<ResourceType, Known>();

function known(type: ResourceType): Known {
  let found = knownBy.get(type);
  if (found === undefined) {
    const withoutId = identifying(type, false);
    const names = new Set(withoutId.map(({ name }) => name.toLowerCase()));
    found = { withId: identifying(type, true), withoutId, names };
    knownBy.set(type, found);
  }
  return found;
}

/**
 * What a resource is known by where its id is not. A displayName is shared by many, so only where nothing better is
 * given, which `hasId` would be.
 */
function identifying(type: ResourceType, hasId: boolean): Attribute[] {
  const attributes = [...type.attributes.values()].filter(
    ({ type: kind, multiValued }) => kind === 'string' && !multiValued,
  );
  const unique = attributes.filter(
    ({ uniqueness, mutability }) => uniqueness !== 'none' && mutability !== 'readOnly',
  );
  if (hasId) return unique;
  const named = (name: string) => attributes.filter((attribute) => attribute.name === name);
  return [...unique, ...named('externalId'), ...(unique.length === 0 ? named('displayName') : [])];
}

/** What two resources must not share that are taken at the same time: each is known by these. */
export function keysOf(type: ResourceType, body: unknown): string[] {
  if (!isObject(body)) return [];
  const { names } = known(type);
  const keys: string[] = [];
  for (const name of Object.keys(body)) {
    const value = body[name];
    if (typeof value !== 'string') continue;
    const key = name.toLowerCase();
    if (key === 'id' || names.has(key))
      keys.push(`${key === 'id' ? '' : type.name} ${key} ${value.normalize('NFKC').toLowerCase()}`);
  }
  return keys;
}

/** A POST leaves an id out, whatever it is: here one that cannot be kept would lose the memberships that name it. */
function idOf(body: unknown): string | undefined {
  if (!isObject(body)) return undefined;
  const name = Object.keys(body).find((each) => each.toLowerCase() === 'id');
  const id = name === undefined ? undefined : body[name];
  if (id === undefined || isEmpty(id)) return undefined;
  if (typeof id === 'string') return id;
  throw invalidValue(`id must be a string, not ${kind(id)}`);
}

function nameOf(type: ResourceType, body: unknown): string {
  const { userName, displayName, externalId, id } = isObject(body) ? body : {};
  const name = [userName, displayName, externalId, id].find(
    (each) => typeof each === 'string' && each !== '',
  );
  return name === undefined ? type.name : `${type.name} ${name}`;
}

/** The values of an attribute have no order (RFC 7643 §2.4). */
function sameInAnyOrder(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  const left = [...b];
  return a.every((value) => {
    const index = left.findIndex((other) => equalValues(value, other));
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
}
