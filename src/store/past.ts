/**
 * The state of a tenant as it was: from the present one, by undoing every change that came later. The first of these
 * changes that touches an attribute or a membership says what it was; so one pass forwards is enough, and no version of
 * a document is kept anywhere.
 */

import { type Document, schemasOf, setValue } from '../scim/document.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import type { ChainOptions, ChainReport } from './chain.ts';
import type { Change, LastState, Notice, RecordedEdit } from './change.ts';
import type { Awaitable } from './stored-resource.ts';

/** A resource as it was. */
export interface PastResource {
  readonly id: string;
  /** The name of its type. */
  readonly type: string;
  readonly version: number;
  /** Without `meta`, `groups` and members; empty of somebody who was erased. */
  readonly document: Document;
  /** Paths of attributes of which it is not known what they were: sensitive ones, and those of older releases. */
  readonly unknown: readonly string[];
  /** All that was known of it was erased, or an older release recorded nothing of its deletion. */
  readonly lost?: 'erased' | 'unrecorded';
}

export interface PastState {
  /** The last change that it has, its time and its link in the chain; of an empty record 0 and nothing. */
  readonly sequence: number;
  readonly at: string | undefined;
  readonly link: string | undefined;
  readonly resources: ReadonlyMap<string, PastResource>;
  /** By the id of the group. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of people whose access was blocked here, whatever their provider said. */
  readonly locked: ReadonlySet<string>;
}

export interface PastQuery {
  readonly tenant: number;
  /** The number of the last change that is to be in it; the present without it. */
  readonly sequence?: number;
  /** Of users only these top-level attributes; all of them without it. */
  readonly userAttributes?: readonly string[];
}

export interface PastReads {
  /**
   * The number of the last change at or before the time, 0 where there is none; undefined where changes of that time are
   * kept no longer.
   */
  sequenceAt(tenant: number, time: Date): Awaitable<number | undefined>;
  /** Undefined where changes after that number are kept no longer, or it is of the future. */
  state(query: PastQuery): Promise<PastState | undefined>;
  /** Is the record of the tenant what was recorded? */
  verify(options: ChainOptions): Promise<ChainReport>;
  /** Changes of a resource and of the groups that it joined and left, oldest first. */
  changesAbout(tenant: number, id: string): Awaitable<readonly Change[]>;
}

/** A change as it is undone. */
export type UndoRow = readonly [
  id: string,
  type: string,
  version: number,
  operation: string,
  edits: string | null,
  added: string | null,
  removed: string | null,
  last: string | null,
  notice: string | null,
];

interface Present {
  readonly type: string;
  readonly version: number;
  readonly document: Document;
}

/** A resource as it is. */
export type PresentRow = readonly [id: string, type: string, version: number, body: string];

/** What the later changes say of one resource. */
interface Undone {
  readonly type: string;
  /** Of the state that is sought. */
  readonly version: number;
  /** Was there nothing of that id? */
  absent: boolean;
  /** Nothing that comes later says anything of it. */
  isSettled: boolean;
  /** As it was when it was deleted. */
  last: LastState | undefined;
  lost: PastResource['lost'];
  /** By path: the edit that says what it was. */
  readonly edits: Map<string, RecordedEdit>;
}

export class PastBuilder {
  readonly #types: ReadonlyMap<string, ResourceType>;
  readonly #userAttributes: readonly string[] | undefined;
  /** Finds one of the wanted attributes in the text of edits. */
  readonly #wanted: RegExp | undefined;
  readonly #undone = new Map<string, Undone>();
  readonly #present = new Map<string, Present>();
  readonly #members = new Map<string, Set<string>>();
  readonly #locked = new Set<string>();
  readonly #wasLocked = new Map<string, boolean>();
  /** By group and member: was it a member? */
  readonly #wasMember = new Map<string, Map<string, boolean>>();

  constructor(types: readonly ResourceType[], userAttributes: readonly string[] | undefined) {
    this.#types = new Map(types.map((type) => [type.name, type]));
    this.#userAttributes = userAttributes;
    if (userAttributes !== undefined) this.#wanted = new RegExp(`"path":"(?:${userAttributes.join('|')})"`);
  }

  /** To be given all resources, and all memberships. */
  addPresent([id, type, version, body]: PresentRow): void {
    this.#present.set(id, { type, version, document: this.#picked(type, JSON.parse(body) as Document) });
  }

  addLock(id: string): void {
    this.#locked.add(id);
  }

  addMember(group: string, member: string): void {
    const known = this.#members.get(group);
    if (known === undefined) this.#members.set(group, new Set([member]));
    else known.add(member);
  }

  /** To be given all later changes, in their order. */
  undo([id, type, version, operation, edits, added, removed, last, notice]: UndoRow): void {
    if (operation === 'notice') {
      if (notice !== null) this.#undoNotice(id, JSON.parse(notice) as Notice);
      return;
    }
    let undone = this.#undone.get(id);
    if (undone === undefined) {
      undone = {
        ...{ type, version: version - 1, absent: false, isSettled: false },
        ...{ last: undefined, lost: undefined, edits: new Map() },
      };
      this.#undone.set(id, undone);
    }
    if (operation === 'erase' && undone.lost !== undefined) undone.lost = 'erased';
    if (undone.isSettled) return;
    if (added !== null) this.#touch(id, added, false);
    if (removed !== null) this.#touch(id, removed, true);
    switch (operation) {
      case 'create':
      case 'restore':
      case 'erase':
        undone.absent = true;
        undone.isSettled = true;
        return;
      case 'delete':
        undone.isSettled = true;
        if (last === null) undone.lost = 'unrecorded';
        else undone.last = JSON.parse(last) as LastState;
        return;
      default:
        if (edits === null || (type === 'User' && this.#wanted?.test(edits) === false)) return;
        for (const edit of JSON.parse(edits) as readonly RecordedEdit[])
          if (!undone.edits.has(edit.path)) undone.edits.set(edit.path, edit);
    }
  }

  /** A lock is no change of the resource, and is told by what access there is from then on. */
  #undoNotice(id: string, { data: { locked } }: Notice): void {
    if (typeof locked === 'boolean' && !this.#wasLocked.has(id)) this.#wasLocked.set(id, !locked);
  }

  #touch(group: string, text: string, was: boolean): void {
    let known = this.#wasMember.get(group);
    if (known === undefined) {
      known = new Map();
      this.#wasMember.set(group, known);
    }
    for (const member of JSON.parse(text) as readonly string[])
      if (!known.has(member)) known.set(member, was);
  }

  /** What there was. */
  build(): Pick<PastState, 'resources' | 'members' | 'locked'> {
    const resources = new Map<string, PastResource>();
    for (const [id, present] of this.#present)
      if (!this.#undone.has(id)) resources.set(id, { id, ...present, unknown: [] });
    for (const [id, undone] of this.#undone) {
      const resource = this.#resourceOf(id, undone);
      if (resource !== undefined) resources.set(id, resource);
    }
    const members = new Map<string, ReadonlySet<string>>();
    for (const { id } of resources.values()) {
      const set = this.#membersOf(id);
      if (set.size > 0) members.set(id, set);
    }
    const locked = new Set(this.#locked);
    for (const [id, was] of this.#wasLocked) {
      if (was) locked.add(id);
      else locked.delete(id);
    }
    return { resources, members, locked };
  }

  #resourceOf(id: string, undone: Undone): PastResource | undefined {
    const { type, version, absent, last, lost, edits } = undone;
    if (absent) return undefined;
    if (lost !== undefined) return { id, type, version, document: {}, unknown: [], lost };
    const present = this.#present.get(id);
    if (last === undefined && present === undefined)
      return { id, type, version, document: {}, unknown: [], lost: 'unrecorded' };
    const from = last === undefined ? present?.document : this.#picked(type, last.document);
    const document: Record<string, unknown> = { ...from };
    const unknown: string[] = [];
    const places = this.#placesOf(type);
    for (const [path, edit] of edits) {
      const attribute = places.get(path);
      if (attribute === undefined) continue;
      if (edit.omitted !== undefined) unknown.push(path);
      setValue(document, attribute, edit.omitted === undefined ? edit.from : undefined);
    }
    const known = this.#types.get(type);
    if (known !== undefined && document.schemas !== undefined) document.schemas = schemasOf(known, document);
    return { id, type, version, document, unknown };
  }

  #membersOf(group: string): ReadonlySet<string> {
    // Of one that was deleted the deletion has all that it had; the present members came after it.
    const isAnother = this.#undone.get(group)?.isSettled === true;
    const present = (isAnother ? undefined : this.#members.get(group)) ?? new Set<string>();
    const touched = this.#wasMember.get(group);
    if (touched === undefined) return present;
    const members = new Set(present);
    for (const [member, was] of touched) {
      if (was) members.add(member);
      else members.delete(member);
    }
    return members;
  }

  readonly #places = new Map<string, ReadonlyMap<string, Attribute>>();

  /** The attributes of a type, by path. */
  #placesOf(name: string): ReadonlyMap<string, Attribute> {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const type = this.#types.get(name);
    const attributes = [
      ...(type?.attributes.values() ?? []),
      ...[...(type?.extensions.values() ?? [])].flatMap((extension) => [...extension.attributes.values()]),
    ];
    const wanted = name === 'User' ? this.#userAttributes : undefined;
    const places = new Map(
      attributes
        .filter(({ path }) => wanted === undefined || wanted.includes(path))
        .map((attribute) => [attribute.path, attribute]),
    );
    this.#places.set(name, places);
    return places;
  }

  #picked(type: string, document: Document): Document {
    if (type !== 'User' || this.#userAttributes === undefined) return document;
    const picked: Record<string, unknown> = {};
    for (const name of this.#userAttributes) if (document[name] !== undefined) picked[name] = document[name];
    return picked;
  }
}
