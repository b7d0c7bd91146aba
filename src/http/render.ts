/** Stored resources as answer text, with what the store reads beside the text: groups, members. */
import { groupsAttribute, membersAttribute } from '../scim/document.ts';
import { everything, type Projection, projectionOf, type Selection } from '../scim/projection.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { groupsPart, metaText, resourceText, segmentOf } from '../scim/representation.ts';
import type { FoundResource, GroupReference, Parts } from '../store/store.ts';
import type { BodyPieces } from './message.ts';

export interface Rendering {
  readonly registry: Registry;
  readonly base: string;
  readonly selection: Selection;
  /** Paths that the request itself wrote: they show `returned: request` attributes. */
  readonly supplied?: ReadonlySet<string>;
}

export function locationOf(base: string, type: ResourceType, id: string): string {
  return `${base}${type.endpoint}/${segmentOf(id)}`;
}

/** How resources of one type are rendered for one request. */
export class Renderer {
  /** What is shown beside the text, and so what the store is asked for. */
  readonly parts: Required<Parts>;
  readonly type: ResourceType;
  readonly #rendering: Rendering;
  readonly #projection: Projection | undefined;
  /** The beginning of the JSON text of each location. */
  readonly #locations: string;

  /** One for all requests in a row that show everything: shown by the workload `get` of npm run bench. */
  static of(type: ResourceType, rendering: Rendering): Renderer {
    const { base, registry, selection, supplied } = rendering;
    if (selection !== everything || supplied !== undefined) return new Renderer(type, rendering);
    const before = latest.get(type);
    if (before !== undefined && before.#rendering.base === base && before.#rendering.registry === registry)
      return before;
    const renderer = new Renderer(type, rendering);
    latest.set(type, renderer);
    return renderer;
  }

  constructor(type: ResourceType, rendering: Rendering) {
    this.type = type;
    this.#rendering = rendering;
    this.#projection = projectionOf(type, rendering.selection, rendering.supplied);
    this.#locations = JSON.stringify(`${rendering.base}${type.endpoint}/`).slice(0, -1);
    const members = membersAttribute(type);
    const groups = groupsAttribute(type);
    this.parts = {
      members: members !== undefined && (this.#projection?.shows(members) ?? true),
      groups: groups !== undefined && (this.#projection?.shows(groups) ?? true),
    };
  }

  /** Names of the members of a document that are shown; undefined if all may be. */
  get shown(): readonly string[] | undefined {
    const projection = this.#projection;
    if (projection === undefined) return undefined;
    const names = [...this.type.attributes.values()].filter(projection.shows).map(({ name }) => name);
    for (const { schema, attributes } of this.type.extensions.values())
      if ([...attributes.values()].some(projection.shows)) names.push(schema.id);
    return names;
  }

  /** The text of a resource that has `members`, as far as they are shown. */
  text(resource: FoundResource, members: string): string {
    const location = this.#location(resource);
    const shown = this.parts.members && members !== '' ? `,"members":[${members}]` : '';
    const parts = `${this.#groups(resource.groups)}${shown}`;
    if (this.#projection === undefined) return resourceText(resource, location, parts);
    return JSON.stringify(this.#projection.apply(JSON.parse(resourceText(resource, location, parts))));
  }

  /** The text in pieces: members are read and sent part by part. */
  async *pieces(resource: FoundResource): AsyncGenerator<string> {
    const { members } = resource;
    if (members === undefined || typeof members === 'string') {
      yield this.text(resource, members ?? '');
      return;
    }
    const first = await members.next();
    let part = first === undefined ? undefined : await members.next();
    if (part === undefined) {
      yield this.text(resource, first ?? '');
      return;
    }
    const location = this.#location(resource);
    let [head, meta] = [resource.body.slice(0, -1), `,"meta":${metaText(resource, location)}`];
    let pick = (chunk: string) => chunk;
    if (this.#projection !== undefined) {
      const projection = this.#projection;
      const whole = projection.apply(JSON.parse(resourceText(resource, location, '')));
      meta = '';
      head = JSON.stringify(whole).slice(0, -1);
      pick = (chunk) =>
        JSON.stringify(
          (projection.apply({ members: JSON.parse(`[${chunk}]`) }).members ?? []) as unknown,
        ).slice(1, -1);
    }
    yield `${head}${this.#groups(resource.groups)},"members":[${pick(first ?? '')}`;
    for (; part !== undefined; part = await members.next()) yield `,${pick(part)}`;
    yield `]${meta}}`;
  }

  /** As JSON text, in which a segment has nothing to escape. */
  #location({ id }: FoundResource): string {
    return `${this.#locations}${segmentOf(id)}"`;
  }

  #groups(groups: readonly GroupReference[] | undefined): string {
    if (!this.parts.groups) return '';
    const { base, registry } = this.#rendering;
    return groupsPart(groups, (name) => {
      const type = registry.resourceTypes.find((candidate) => candidate.name === name);
      return `${base}${type?.endpoint ?? '/Groups'}`;
    });
  }
}

/** By what they render. */
const latest = new WeakMap<ResourceType, Renderer>();

/** One resource as a body: a text, or pieces if its members are read part by part. */
export function renderResource(renderer: Renderer, resource: FoundResource): string | BodyPieces {
  const { members } = resource;
  if (members === undefined || typeof members === 'string') return renderer.text(resource, members ?? '');
  return bodyPieces(renderer.pieces(resource), [resource]);
}

/** Pieces that are read from these resources' members. */
export function bodyPieces(pieces: AsyncGenerator<string>, resources: readonly FoundResource[]): BodyPieces {
  return {
    [Symbol.asyncIterator]: () => pieces,
    close: () => closeMembers(resources),
  };
}

/** Lets go of what was read and is not shown. */
function closeMembers(resources: readonly FoundResource[]): void {
  for (const { members } of resources) if (typeof members === 'object') members.close();
}
