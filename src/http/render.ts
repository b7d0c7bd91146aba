/** Stored resources as answer text, with what the store computes beside the text: groups, members. */
import { type Projection, projectionOf, type Selection } from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import { groupsPart, metaText, resourceText } from '../scim/representation.ts';
import { edgeAttribute, inverseAttribute } from '../scim/resource.ts';
import type { Awaitable, GroupReference, MemberChunk, Store, StoredResource } from '../store/store.ts';

/** Members per chunk. Measured: ten times as many hold the event loop and the memory longer, and are no faster. */
const chunkSize = 250;

export interface Rendering {
  readonly store: Store;
  readonly tenant: number;
  readonly base: string;
  readonly selection: Selection;
  /** Paths that the request itself wrote: they show `returned: request` attributes. */
  readonly supplied?: ReadonlySet<string>;
}

export function locationOf(base: string, type: ResourceType, id: string): string {
  return `${base}${type.endpoint}/${id}`;
}

/** How resources of one type are rendered for one request. */
export class Renderer {
  private readonly rendering: Rendering;
  private readonly type: ResourceType;
  private readonly projection: Projection | undefined;
  private readonly showsMembers: boolean;
  private readonly showsGroups: boolean;

  constructor(type: ResourceType, rendering: Rendering) {
    this.type = type;
    this.rendering = rendering;
    this.projection = projectionOf(type, rendering.selection, rendering.supplied);
    const edges = edgeAttribute(type);
    const inverse = inverseAttribute(type);
    this.showsMembers = edges !== undefined && (this.projection?.shows(edges) ?? true);
    this.showsGroups = inverse !== undefined && (this.projection?.shows(inverse) ?? true);
  }

  /** Can every resource be rendered at once, without members that come in chunks? */
  get isFlat(): boolean {
    return !this.showsMembers;
  }

  /** Must it be given the groups of this resource? */
  needsGroups(resource: StoredResource): boolean {
    return this.showsGroups && resource.grouped;
  }

  location(resource: StoredResource): string {
    return locationOf(this.rendering.base, this.type, resource.id);
  }

  /** The text of a resource whose members, if shown, are given whole. */
  text(resource: StoredResource, groups: readonly GroupReference[] | undefined, members: string): string {
    const location = this.location(resource);
    const parts = `${this.groups(groups)}${members === '' ? '' : `,"members":[${members}]`}`;
    if (this.projection === undefined) return resourceText(resource, location, parts);
    return JSON.stringify(this.projection.apply(JSON.parse(resourceText(resource, location, parts))));
  }

  /** The text in pieces: members are read and sent chunk by chunk. */
  async *pieces(resource: StoredResource, first: MemberChunk): AsyncGenerator<string> {
    const groups = await this.groupsOf([resource.id]);
    if (first.next === undefined) {
      yield this.text(resource, groups.get(resource.id), first.text);
      return;
    }
    const location = this.location(resource);
    let [head, meta] = [resource.body.slice(0, -1), `,"meta":${metaText(resource, location)}`];
    let pick = (chunk: string) => chunk;
    if (this.projection !== undefined) {
      const projection = this.projection;
      const whole = projection.apply(JSON.parse(resourceText(resource, location, '')));
      meta = '';
      head = JSON.stringify(whole).slice(0, -1);
      pick = (chunk) =>
        JSON.stringify(
          (projection.apply({ members: JSON.parse(`[${chunk}]`) }).members ?? []) as unknown,
        ).slice(1, -1);
    }
    yield `${head}${this.groups(groups.get(resource.id))},"members":[${pick(first.text)}`;
    for (let next: string | undefined = first.next; next !== undefined; ) {
      // Other requests have their turn between two chunks.
      await new Promise((resolve) => setImmediate(resolve));
      const chunk: MemberChunk = await this.members(resource.id, next);
      await this.rendering.store.durable();
      if (chunk.text !== '') yield `,${pick(chunk.text)}`;
      next = chunk.next;
    }
    yield `]${meta}}`;
  }

  members(id: string, after?: string): Awaitable<MemberChunk> {
    const { store, tenant, base } = this.rendering;
    return this.showsMembers ? store.members(tenant, id, base, chunkSize, after) : { text: '' };
  }

  groupsOf(ids: readonly string[]): Awaitable<ReadonlyMap<string, readonly GroupReference[]>> {
    return this.showsGroups ? this.rendering.store.groupsOf(this.rendering.tenant, ids) : new Map();
  }

  private groups(groups: readonly GroupReference[] | undefined): string {
    const { base, store } = this.rendering;
    return groupsPart(groups, (name) => {
      const type = store.registry.resourceTypes.find((candidate) => candidate.name === name);
      return `${base}${type?.endpoint ?? '/Groups'}`;
    });
  }
}

/** One resource as a body: a text, or pieces if its members come in several chunks. */
export async function renderResource(
  renderer: Renderer,
  resource: StoredResource,
): Promise<string | AsyncIterable<string>> {
  const first = await renderer.members(resource.id);
  if (first.next !== undefined) return renderer.pieces(resource, first);
  const groups = renderer.needsGroups(resource)
    ? (await renderer.groupsOf([resource.id])).get(resource.id)
    : undefined;
  return renderer.text(resource, groups, first.text);
}
