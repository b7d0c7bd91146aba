/** One resource: POST, GET, PUT, PATCH, DELETE (RFC 7644 §3.3 to §3.6), for every resource type alike. */
import { ScimError } from '../error.ts';
import { bindValueFilter } from '../query/bind.ts';
import { matchElement } from '../query/match.ts';
import { applyEdits, type PatchResult, type Selector } from '../scim/patch.ts';
import type { EdgePatch } from '../scim/patch-edges.ts';
import { type Edit, readPatch } from '../scim/patch-request.ts';
import {
  everything,
  readSelection,
  type Selection,
  suppliedByBody,
  suppliedByEdits,
} from '../scim/projection.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { entityTag } from '../scim/representation.ts';
import {
  changedAttributes,
  checkNew,
  checkReplacement,
  type Document,
  edgeAttribute,
} from '../scim/resource.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import type {
  Awaitable,
  CreateCommand,
  DeleteCommand,
  EdgeEdit,
  Store,
  StoredResource,
  UpdateCommand,
  UpdateResult,
} from '../store/store.ts';
import { requireWrite } from './authenticate.ts';
import { checkPrecondition, hasPrecondition, isNotModified, preconditionFailed } from './conditional.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { hashPassword } from './password.ts';
import { listParameter } from './query-string.ts';
import { locationOf, Renderer, renderResource } from './render.ts';
import { emptyResponse, jsonResponse, negotiate } from './responses.ts';
import { Turns } from './turns.ts';

/** How often a change is computed anew when another one came in between. */
const attempts = 20;

/** A group larger than this is not sent back after each PATCH: the answer is 204 (RFC 7644 §3.5.2 allows both). */
const membersInPatchAnswer = 100;

function notFound(type: ResourceType, id: string): ScimError {
  return new ScimError(404, undefined, `There is no ${type.name} with id ${id}`);
}

/** `attributes` and `excludedAttributes` of the request (RFC 7644 §3.9). */
export function selectionOf(exchange: Exchange): Selection {
  return readSelection(
    listParameter(exchange.query, 'attributes'),
    listParameter(exchange.query, 'excludedAttributes'),
  );
}

export class ResourceHandlers {
  private readonly store: Store;
  private readonly limits: Limits;
  private readonly turns = new Turns();

  constructor(store: Store, limits: Limits) {
    this.store = store;
    this.limits = limits;
  }

  async get(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const selection = selectionOf(exchange);
    const resource = await this.store.get(exchange.principal.tenant, type, id);
    if (resource === undefined) throw notFound(type, id);
    const headers = [
      'ETag',
      entityTag(resource.version),
      'Content-Location',
      locationOf(exchange.base, type, id),
    ];
    if (isNotModified(exchange.request, resource.version)) return emptyResponse(304, headers);
    return jsonResponse(200, contentType, await this.render(exchange, type, resource, selection), headers);
  }

  /** `id` is given by a bulk request, whose operations may refer to what does not exist yet. */
  async create(exchange: Exchange, type: ResourceType, id?: string): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const selection = selectionOf(exchange);
    const body = await exchange.body();
    const checked = checkNew(type, body, exchange.tolerated);
    const credential = checked.password == null ? undefined : await hashPassword(checked.password);
    const command: CreateCommand = {
      tenant: exchange.principal.tenant,
      type,
      actor: exchange.principal.actor,
      base: exchange.base,
      document: checked.document,
      ...(id === undefined ? {} : { id }),
      ...(checked.edges === undefined || checked.edges.length === 0
        ? {}
        : { edges: [{ kind: 'add', members: checked.edges }] }),
      ...(credential === undefined ? {} : { credential }),
    };
    const resource = await written(exchange, () => this.store.create(command));
    return this.changed(exchange, type, resource, 201, contentType, selection, suppliedByBody(type, body));
  }

  async replace(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const selection = selectionOf(exchange);
    const body = await exchange.body();
    let hash: string | undefined;
    const resource = await this.change(exchange, type, id, async (stored) => {
      const before = JSON.parse(stored.body) as Document;
      const checked = checkReplacement(type, body, before, exchange.tolerated);
      const attributes = changedAttributes(type, before, checked.document);
      if (checked.password != null) hash ??= await hashPassword(checked.password);
      return {
        operation: 'replace',
        expected: stored.version,
        attributes,
        ...(attributes.length === 0 ? {} : { document: { before, after: checked.document } }),
        ...(checked.edges === undefined ? {} : { edges: [{ kind: 'replace', members: checked.edges }] }),
        ...(checked.password === undefined
          ? {}
          : { credential: checked.password === null ? null : (hash as string) }),
      };
    });
    const supplied = suppliedByBody(type, body);
    return this.changed(exchange, type, resource, 200, contentType, selection, supplied);
  }

  async patch(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const selection = selectionOf(exchange);
    const body = await exchange.body();
    const { filterCharacters: characters, filterDepth: depth, filterTerms: terms } = this.limits;
    const edits = readPatch(type, body, id, exchange.tolerated, { characters, depth, terms });
    const edges = edgeAttribute(type);
    const select = selectorFor(exchange.tolerated);
    const apply = (document: Document): PatchResult =>
      applyEdits(type, document, edits, { select, tolerated: exchange.tolerated, edges });
    let hash: string | undefined;
    const change = async (stored: StoredResource | undefined): Promise<Change> => {
      const before = stored === undefined ? undefined : (JSON.parse(stored.body) as Document);
      const result = before === undefined ? memberEdits(edits, apply) : apply(before);
      if (result.password != null) hash ??= await hashPassword(result.password);
      return {
        operation: 'patch',
        attributes: [
          ...(before === undefined ? [] : changedAttributes(type, before, result.document)),
          ...(result.edges.length === 0 || edges === undefined ? [] : [edges.path]),
        ],
        ...(stored === undefined ? {} : { expected: stored.version }),
        ...(before === undefined || result.document === before
          ? {}
          : { document: { before, after: result.document } }),
        ...(result.edges.length === 0
          ? {}
          : { edges: result.edges.map((edge) => edgeEdit(edge, edges, exchange.tolerated)) }),
        ...(result.password === undefined
          ? {}
          : { credential: result.password === null ? null : (hash as string) }),
      };
    };
    // Edits of members alone need neither the document nor its version: they cost what the change costs.
    const blind =
      edges !== undefined &&
      edits.every((edit) => edit.attribute === edges) &&
      !hasPrecondition(exchange.request);
    const resource = blind
      ? await this.changeBlindly(exchange, type, id, await change(undefined))
      : await this.change(exchange, type, id, change);
    if (
      selection === everything &&
      tolerate(exchange.tolerated, 'patchWithoutContent', exchange.tolerated.used)
    ) {
      return emptyResponse(204, this.changeHeaders(exchange, type, resource));
    }
    if (edges !== undefined && selection === everything) {
      const { tenant } = exchange.principal;
      const count = await this.store.memberCount(tenant, id, membersInPatchAnswer + 1);
      if (count > membersInPatchAnswer)
        return emptyResponse(204, this.changeHeaders(exchange, type, resource));
    }
    return this.changed(exchange, type, resource, 200, contentType, selection, suppliedByEdits(type, edits));
  }

  async delete(exchange: Exchange, type: ResourceType, id: string): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const { tenant, actor } = exchange.principal;
    let expected: number | undefined;
    if (hasPrecondition(exchange.request)) {
      const stored = await this.store.get(tenant, type, id);
      if (stored === undefined) throw notFound(type, id);
      checkPrecondition(exchange.request, stored.version);
      expected = stored.version;
    }
    const command: DeleteCommand = {
      tenant,
      type,
      id,
      actor,
      ...(expected === undefined ? {} : { expected }),
    };
    const { outcome } = await written(exchange, () => this.store.delete(command));
    if (outcome === 'missing') throw notFound(type, id);
    if (outcome === 'conflict') throw preconditionFailed();
    return emptyResponse(204);
  }

  /**
   * Compare and swap: reads, computes, commits; computes anew when another change came in between, in turn with the
   * others of this process who had to, so that only another process can come in between again.
   */
  private async change(
    exchange: Exchange,
    type: ResourceType,
    id: string,
    compute: (stored: StoredResource) => Promise<Change>,
  ): Promise<StoredResource> {
    const key = `${exchange.principal.tenant}/${id}`;
    const first = this.turns.isTaken(key) ? undefined : await this.attempt(exchange, type, id, compute, 1);
    const resource =
      first ?? (await this.turns.take(key, () => this.attempt(exchange, type, id, compute, attempts)));
    if (resource === undefined) throw busy(type, id);
    return resource;
  }

  /** The changed resource; undefined if each of so many attempts came too late. */
  private async attempt(
    exchange: Exchange,
    type: ResourceType,
    id: string,
    compute: (stored: StoredResource) => Promise<Change>,
    times: number,
  ): Promise<StoredResource | undefined> {
    const { tenant, actor } = exchange.principal;
    for (let attempt = 0; attempt < times; attempt++) {
      const stored = await this.store.get(tenant, type, id);
      if (stored === undefined) throw notFound(type, id);
      checkPrecondition(exchange.request, stored.version);
      const computed = await compute(stored);
      if (
        computed.document === undefined &&
        computed.edges === undefined &&
        computed.credential === undefined
      )
        return stored;
      const command: UpdateCommand = { tenant, type, id, actor, base: exchange.base, ...computed };
      const result = await written(exchange, () => this.store.update(command));
      const resource = resultOf(result, type, id);
      if (resource !== undefined) return resource;
    }
    return undefined;
  }

  private async changeBlindly(
    exchange: Exchange,
    type: ResourceType,
    id: string,
    computed: Change,
  ): Promise<StoredResource> {
    const { tenant, actor } = exchange.principal;
    const command: UpdateCommand = { tenant, type, id, actor, base: exchange.base, ...computed };
    const result = await written(exchange, () => this.store.update(command));
    const resource = resultOf(result, type, id);
    if (resource === undefined) throw busy(type, id);
    return resource;
  }

  private changeHeaders(exchange: Exchange, type: ResourceType, resource: StoredResource): string[] {
    const location = locationOf(exchange.base, type, resource.id);
    return ['ETag', entityTag(resource.version), 'Location', location, 'Content-Location', location];
  }

  private async changed(
    exchange: Exchange,
    type: ResourceType,
    resource: StoredResource,
    status: number,
    contentType: string,
    selection: Selection,
    supplied: ReadonlySet<string>,
  ): Promise<HttpResponse> {
    const headers = this.changeHeaders(exchange, type, resource);
    if (prefersMinimal(exchange) && selection === everything) {
      return emptyResponse(status === 200 ? 204 : status, [
        ...headers,
        'Preference-Applied',
        'return=minimal',
      ]);
    }
    const body = await this.render(exchange, type, resource, selection, supplied);
    return jsonResponse(status, contentType, body, headers);
  }

  private render(
    exchange: Exchange,
    type: ResourceType,
    resource: StoredResource,
    selection: Selection,
    supplied?: ReadonlySet<string>,
  ): Promise<string | AsyncIterable<string>> {
    const { base, principal } = exchange;
    const rendering = {
      store: this.store,
      tenant: principal.tenant,
      base,
      selection,
      ...(supplied === undefined ? {} : { supplied }),
    };
    return renderResource(new Renderer(type, rendering), resource);
  }
}

/** Gives the command to the store, in turn where there is an order to keep. */
function written<T>({ write }: Exchange, command: () => Awaitable<T>): Awaitable<T> {
  return write === undefined ? command() : write(command);
}

/** RFC 7240 §4.2; a client that asks for attributes wants them (RFC 7644 §3.5.2). */
function prefersMinimal(exchange: Exchange): boolean {
  return /(?:^|[,;\s])return\s*=\s*"?minimal"?/i.test(exchange.request.header('prefer') ?? '');
}

type Change = Omit<UpdateCommand, 'tenant' | 'type' | 'id' | 'actor' | 'base'>;

/** The changed resource; undefined when another change came first. */
function resultOf(result: UpdateResult, type: ResourceType, id: string): StoredResource | undefined {
  if (result.outcome === 'missing') throw notFound(type, id);
  return 'resource' in result ? result.resource : undefined;
}

function busy(type: ResourceType, id: string): ScimError {
  return new ScimError(
    503,
    undefined,
    `${type.name} ${id} is being changed by too many requests at once; try again`,
    {
      headers: [['Retry-After', '1']],
    },
  );
}

/** Edits of members alone, computed without a document. */
function memberEdits(edits: readonly Edit[], apply: (document: Document) => PatchResult): PatchResult {
  return edits.length === 0 ? { document: {}, edges: [], password: undefined } : apply({});
}

function booleanTextOf(tolerated: Tolerated): (text: string) => boolean | undefined {
  return (text) => tolerate(tolerated, 'booleanText', text);
}

/** Value selectors of PATCH paths, with the boolean texts that the provider may send. */
function selectorFor(tolerated: Tolerated): Selector {
  const booleanText = booleanTextOf(tolerated);
  return (attribute, filter) => matchElement(bindValueFilter(filter, attribute, { booleanText }), attribute);
}

function edgeEdit(edge: EdgePatch, attribute: Attribute | undefined, tolerated: Tolerated): EdgeEdit {
  if (!('filter' in edge)) return edge;
  const { filter, ...rest } = edge;
  const plan = bindValueFilter(filter, attribute as Attribute, { booleanText: booleanTextOf(tolerated) });
  return { ...rest, plan };
}
