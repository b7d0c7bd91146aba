/** One resource over HTTP: POST, GET, PUT, PATCH, DELETE (RFC 7644 §3.3 to §3.6), for every resource type alike. */
import { requireWrite } from '../directory/caller.ts';
import type { Patched } from '../directory/commits.ts';
import type { Directory } from '../directory/directory.ts';
import type { PatchParts } from '../directory/draft.ts';
import { check } from '../directory/precondition.ts';
import { membersAttribute } from '../scim/document.ts';
import {
  everything,
  readSelection,
  type Selection,
  suppliedByBody,
  suppliedByEdits,
} from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import { entityTag } from '../scim/representation.ts';
import { tolerate } from '../scim/tolerances.ts';
import type { Awaitable, FoundResource, StoredResource } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { WorkError } from '../store/work.ts';
import { isNotModified, preconditionOf } from './conditional.ts';
import type { Exchange, HttpResponse } from './message.ts';
import { listParameter } from './query-string.ts';
import { locationOf, Renderer, renderResource } from './render.ts';
import { emptyResponse, fieldUri, jsonResponse, negotiate } from './responses.ts';

/** A group larger than this is not sent back after each PATCH: the answer is 204 (RFC 7644 §3.5.2 allows both). */
const membersInPatchAnswer = 100;

/** `attributes` and `excludedAttributes` of the request (RFC 7644 §3.9). */
export function selectionOf(exchange: Exchange): Selection {
  return readSelection(
    listParameter(exchange.query, 'attributes'),
    listParameter(exchange.query, 'excludedAttributes'),
  );
}

export class ResourceHandlers {
  readonly #directory: Directory;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** At once where the store answers at once: shown by the workload `get` of npm run bench. */
  get(exchange: Exchange, type: ResourceType, id: string): Awaitable<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const renderer = this.#renderer(exchange, type, selectionOf(exchange));
    const answer = (resource: FoundResource): HttpResponse =>
      jsonResponse(
        200,
        contentType,
        renderResource(renderer, resource),
        headersOf(exchange, type, resource),
        aboutOf(type, id),
      );
    const read = (): Awaitable<HttpResponse> => {
      const found = this.#directory.get(exchange, type, id, renderer.parts);
      return found instanceof Promise ? found.then(answer) : answer(found);
    };
    const precondition = preconditionOf(exchange.request);
    if (precondition === undefined) return read();
    const unlessCurrent = (resource: StoredResource): Awaitable<HttpResponse> => {
      check({ match: precondition.match }, resource.version);
      return isNotModified(precondition, resource.version)
        ? emptyResponse(304, headersOf(exchange, type, resource))
        : read();
    };
    const current = this.#directory.get(exchange, type, id);
    return current instanceof Promise ? current.then(unlessCurrent) : unlessCurrent(current);
  }

  /** `id` is given by a bulk request, whose operations may refer to what does not exist yet. */
  async create(exchange: Exchange, type: ResourceType, id?: string): Promise<HttpResponse> {
    const { contentType, selection } = headOf(exchange);
    const body = await exchange.body();
    const resource = await this.#directory.create(exchange, type, body, id);
    return this.#changed(
      exchange,
      type,
      resource,
      201,
      contentType,
      selection,
      suppliedByBody(type, body, exchange.tolerated),
    );
  }

  async replace(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    const { contentType, selection } = headOf(exchange);
    const body = await exchange.body();
    const precondition = preconditionOf(exchange.request);
    const { resource } = await this.#directory.replace(exchange, type, id, body, precondition);
    const supplied = suppliedByBody(type, body, exchange.tolerated);
    return this.#changed(exchange, type, resource, 200, contentType, selection, supplied);
  }

  async patch(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    const head = headOf(exchange);
    const body = await exchange.body();
    const parts = partsOf(exchange, type, head.selection);
    const precondition = preconditionOf(exchange.request);
    const patched = await this.#directory.patch(exchange, type, id, body, precondition, parts);
    return this.#patched(exchange, type, head, patched, parts.countMembers);
  }

  async delete(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    await this.#directory.delete(exchange, type, id, preconditionOf(exchange.request));
    return emptyResponse(204);
  }

  #patched(
    exchange: Exchange,
    type: ResourceType,
    { contentType, selection }: Head,
    { resource, edits }: Patched,
    countMembers: number | undefined,
  ): Awaitable<HttpResponse> {
    if (
      selection === everything &&
      tolerate(exchange.tolerated, 'patchWithoutContent', exchange.tolerated.used)
    ) {
      return emptyResponse(204, headersOf(exchange, type, resource), aboutOf(type, resource.id));
    }
    const answer = (count: number | undefined): Awaitable<HttpResponse> =>
      count === undefined || count > membersInPatchAnswer
        ? emptyResponse(204, headersOf(exchange, type, resource))
        : this.#changed(exchange, type, resource, 200, contentType, selection, suppliedByEdits(type, edits));
    if (countMembers === undefined) return answer(0);
    if (resource.memberCount !== undefined) return answer(resource.memberCount);
    const { tenant } = exchange.principal;
    return unlessFailing(() => this.#directory.store.memberCount(tenant, resource.id, countMembers)).then(
      answer,
    );
  }

  /** At once, unless parts that are shown have to be read: shown by the workload `patch` of npm run bench. */
  #changed(
    exchange: Exchange,
    type: ResourceType,
    resource: FoundResource,
    status: number,
    contentType: string,
    selection: Selection,
    supplied: ReadonlySet<string>,
  ): Awaitable<HttpResponse> {
    const without = (...more: readonly string[]) =>
      emptyResponse(
        status === 200 ? 204 : status,
        [...headersOf(exchange, type, resource), ...more],
        aboutOf(type, resource.id),
      );
    if (prefersMinimal(exchange) && selection === everything)
      return without('Preference-Applied', 'return=minimal');
    const renderer = this.#renderer(exchange, type, selection, supplied);
    const { members, groups } = renderer.parts;
    // With parts that it lacks it is read again, whole: others may have changed it since.
    const lacks =
      (members && resource.members === undefined) ||
      (groups && resource.grouped && resource.groups === undefined);
    const answer = (found: FoundResource): HttpResponse =>
      jsonResponse(
        status,
        contentType,
        renderResource(renderer, found),
        headersOf(exchange, type, found),
        aboutOf(type, found.id),
      );
    if (!lacks) return answer(resource);
    return unlessFailing(() => this.#directory.find(exchange, type, resource.id, renderer.parts)).then(
      (found) => (found === undefined ? without() : answer(found)),
    );
  }

  #renderer(
    exchange: Exchange,
    type: ResourceType,
    selection: Selection,
    supplied?: ReadonlySet<string>,
  ): Renderer {
    const { registry } = this.#directory;
    const { base } = exchange;
    // Most types have no attribute that is shown to those alone who name it.
    if (supplied === undefined || supplied.size === 0)
      return Renderer.of(type, { registry, base, selection });
    return new Renderer(type, { registry, base, selection, supplied });
  }
}

/** What every write with a body reads of its head. */
interface Head {
  readonly contentType: string;
  readonly selection: Selection;
}

function headOf(exchange: Exchange): Head {
  requireWrite(exchange.principal);
  const contentType = negotiate(exchange.request.header('accept'));
  return { contentType, selection: selectionOf(exchange) };
}

/** What a PATCH is to answer beside the document. */
function partsOf(exchange: Exchange, type: ResourceType, selection: Selection): PatchParts {
  const groups = selection === everything && !prefersMinimal(exchange);
  const isCounted = groups && membersAttribute(type) !== undefined;
  return { groups, countMembers: isCounted ? membersInPatchAnswer + 1 : undefined };
}

/** Whom an answer is about that tells of this resource alone; undefined where it may have members. */
function aboutOf(type: ResourceType, id: string): string | undefined {
  return membersAttribute(type) === undefined ? id : undefined;
}

/** Of the answer to a GET too (RFC 7644 §3.4.1). */
function headersOf({ base }: Exchange, type: ResourceType, { id, version }: StoredResource): string[] {
  const location = fieldUri(locationOf(base, type, id));
  return ['ETag', entityTag(version), 'Location', location, 'Content-Location', location];
}

/**
 * What is read behind a change, undefined where it cannot be read: the change is stored, and an error would say that it is
 * not. Then the answer is without content.
 */
async function unlessFailing<T>(read: () => Awaitable<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StoreError || error instanceof WorkError) return undefined;
    throw error;
  }
}

/** RFC 7240 §4.2; a client that asks for attributes wants them (RFC 7644 §3.5.2). */
function prefersMinimal(exchange: Exchange): boolean {
  const preferences = exchange.request.header('prefer');
  return preferences !== undefined && /(?:^|[,;\s])return\s*=\s*"?minimal"?/i.test(preferences);
}
