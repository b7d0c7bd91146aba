/** Lists (RFC 7644 §3.4.2): filter, sorting, index pagination, answered as a ListResponse. */
import { type Filter, parseFilter, ScimFilterError } from '../../grammar/index.ts';
import { ScimError } from '../error.ts';
import { bindFilter, isHidden } from '../query/bind.ts';
import { FilterCache } from '../query/cache.ts';
import type { Plan } from '../query/plan.ts';
import type { Selection } from '../scim/projection.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { resolveName } from '../scim/resolve-name.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import type { Page, Position, Query, Store, StoredResource } from '../store/store.ts';
import type { Cursors } from './cursor.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { integerParameter } from './query-string.ts';
import { Renderer } from './render.ts';
import { selectionOf } from './resources.ts';
import { jsonResponse, negotiate } from './responses.ts';
import type { SensitiveCheck } from './sensitive.ts';

export const listResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** A query as asked, whichever way it came. */
export interface ListRequest {
  readonly filter: string | undefined;
  readonly sortBy: string | undefined;
  readonly sortOrder: string | undefined;
  /** 1-based. */
  readonly startIndex: number | undefined;
  readonly count: number | undefined;
  /** RFC 9865: empty to begin a walk, else a cursor from an earlier page; undefined for index pagination. */
  readonly cursor: string | undefined;
  readonly selection: Selection;
}

export class ListHandlers {
  private readonly store: Store;
  private readonly limits: Limits;
  private readonly cursors: Cursors;
  private readonly sensitive: SensitiveCheck | undefined;
  /**
   * A provider asks the same again and again: plans by filter text, where no tolerance was needed. Few, since it also
   * asks for each user once, and what is kept in vain costs more to clear away than to make.
   */
  private readonly plans = new FilterCache<Plan>(64);
  private readonly lenientPlans = new FilterCache<Plan>(64);

  constructor(store: Store, limits: Limits, cursors: Cursors, sensitive: SensitiveCheck | undefined) {
    this.store = store;
    this.limits = limits;
    this.cursors = cursors;
    this.sensitive = sensitive;
  }

  async get(exchange: Exchange, types: readonly ResourceType[]): Promise<HttpResponse> {
    const { query } = exchange;
    const [filter, cursor] = [query.get('filter'), query.get('cursor')];
    if (filter !== undefined) this.sensitive?.(this.parse(filter), types);
    return this.list(exchange, types, {
      filter,
      sortBy: query.get('sortBy'),
      sortOrder: query.get('sortOrder'),
      startIndex: integerParameter(query, 'startIndex'),
      count: integerParameter(query, 'count', cursor === undefined ? 'invalidValue' : 'invalidCount'),
      cursor,
      selection: selectionOf(exchange),
    });
  }

  async list(
    exchange: Exchange,
    types: readonly ResourceType[],
    request: ListRequest,
  ): Promise<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const { limits } = this;
    const limit = Math.min(Math.max(0, request.count ?? limits.defaultPageSize), limits.maxPageSize);
    const query: Query = {
      tenant: exchange.principal.tenant,
      base: exchange.base,
      targets: types.map((type) => {
        const plan = this.plan(type, request.filter, types.length > 1, exchange.tolerated);
        const sort = sortAttribute(type, request.sortBy, types.length > 1);
        return { type, ...(plan === undefined ? {} : { plan }), ...(sort === undefined ? {} : { sort }) };
      }),
      descending: isDescending(request.sortOrder),
      limit,
    };
    const rendering = {
      store: this.store,
      tenant: query.tenant,
      base: exchange.base,
      selection: request.selection,
    };
    const renderers = new Map(types.map((type) => [type.name, new Renderer(type, rendering)]));
    if (request.cursor !== undefined) {
      const { page, head } = await this.cursorPage(query, types, request, request.cursor);
      return jsonResponse(200, contentType, await renderPage(renderers, page, head));
    }
    const startIndex = Math.max(1, request.startIndex ?? 1);
    const page = await this.store.list({ ...query, offset: startIndex - 1 });
    const head = `${listHead(page)},"startIndex":${startIndex}`;
    return jsonResponse(200, contentType, await renderPage(renderers, page, head));
  }

  /** One page of a walk by cursor, at the same cost at any depth (RFC 9865 §2). */
  private async cursorPage(
    query: Query,
    types: readonly ResourceType[],
    request: ListRequest,
    cursor: string,
  ): Promise<{ page: Page; head: string }> {
    if (request.startIndex !== undefined) {
      throw new ScimError(400, 'invalidValue', 'startIndex and cursor exclude one another; give only one');
    }
    const { attributes, excludedAttributes } = request.selection;
    const binding = [
      query.tenant,
      types.map((type) => type.name).join(','),
      request.filter,
      request.sortBy?.toLowerCase(),
      String(query.descending),
      attributes.join(','),
      excludedAttributes.join(','),
    ];
    const state = cursor === '' ? undefined : this.cursors.read(cursor, binding);
    if (state !== undefined && request.count !== undefined && query.limit !== state.count) {
      throw new ScimError(400, 'invalidCount', `count must stay ${state.count} during a walk by cursor`);
    }
    const limit = state?.count ?? query.limit;
    const page = await this.store.list({
      ...query,
      limit,
      ...(state === undefined ? {} : { [state.direction]: state.position }),
    });
    const backwards = state?.direction === 'before';
    const issue = (direction: 'after' | 'before', position: Position) =>
      this.cursors.issue({ direction, position, count: limit }, binding);
    const next =
      page.last !== undefined && (backwards || page.more)
        ? `,"nextCursor":"${issue('after', page.last)}"`
        : '';
    const hasPrevious = state !== undefined && (!backwards || page.more);
    const previous =
      page.first !== undefined && hasPrevious ? `,"previousCursor":"${issue('before', page.first)}"` : '';
    return { page, head: `${listHead(page)}${next}${previous}` };
  }

  private plan(
    type: ResourceType,
    filter: string | undefined,
    several: boolean,
    tolerated: Tolerated,
  ): Plan | undefined {
    if (filter === undefined) return undefined;
    const options = { source: filter, unknown: several ? 'noValue' : 'error' } as const;
    try {
      return (several ? this.lenientPlans : this.plans).get(type, filter, () =>
        bindFilter(this.parse(filter), type, options),
      );
    } catch (error) {
      if (!(error instanceof ScimFilterError) || !tolerated.enabled.has('booleanText')) throw error;
      const booleanText = (text: string) => tolerate(tolerated, 'booleanText', text);
      return bindFilter(this.parse(filter), type, { ...options, booleanText });
    }
  }

  private parse(filter: string): Filter {
    const { filterCharacters: characters, filterDepth: depth, filterTerms: terms } = this.limits;
    return parseFilter(filter, { limits: { characters, depth, terms } });
  }
}

function listHead(page: Page): string {
  return `{"schemas":["${listResponseSchema}"],"totalResults":${page.total},"itemsPerPage":${page.resources.length}`;
}

/** `head` is the message up to, and without, `Resources`. */
async function renderPage(
  renderers: ReadonlyMap<string, Renderer>,
  page: Page,
  head: string,
): Promise<string | AsyncIterable<string>> {
  const rendererOf = (resource: StoredResource) => renderers.get(resource.type) as Renderer;
  if ([...renderers.values()].some((renderer) => !renderer.isFlat)) return pagePieces(rendererOf, page, head);
  const withGroups = page.resources.filter((resource) => rendererOf(resource).needsGroups(resource));
  const groups =
    withGroups.length === 0
      ? undefined
      : await rendererOf(withGroups[0] as StoredResource).groupsOf(withGroups.map((resource) => resource.id));
  return `${head},"Resources":[${page.resources.map((resource) => rendererOf(resource).text(resource, groups?.get(resource.id), '')).join(',')}]}`;
}

/** Resources with members, one after the other, each in pieces if need be. */
async function* pagePieces(
  rendererOf: (resource: StoredResource) => Renderer,
  page: Page,
  head: string,
): AsyncGenerator<string> {
  yield `${head},"Resources":[`;
  for (const [index, resource] of page.resources.entries()) {
    if (index > 0) yield ',';
    const renderer = rendererOf(resource);
    yield* renderer.pieces(resource, await renderer.members(resource.id));
  }
  yield ']}';
}

function isDescending(sortOrder: string | undefined): boolean {
  if (sortOrder === undefined || sortOrder.toLowerCase() === 'ascending') return false;
  if (sortOrder.toLowerCase() === 'descending') return true;
  throw new ScimError(
    400,
    'invalidValue',
    `sortOrder must be ascending or descending, not ${JSON.stringify(sortOrder)}`,
  );
}

/** The attribute to sort by (RFC 7644 §3.4.2.3); a multi-valued complex one stands for its `value`. */
function sortAttribute(
  type: ResourceType,
  sortBy: string | undefined,
  several: boolean,
): Attribute | undefined {
  if (sortBy === undefined) return undefined;
  const resolved = resolveName(type, sortBy);
  if (resolved?.kind !== 'attribute') {
    if (several) return undefined;
    throw new ScimError(
      400,
      'invalidValue',
      `sortBy: ${type.name} has no attribute ${JSON.stringify(sortBy)}`,
    );
  }
  const { attribute } = resolved;
  const simple = attribute.type === 'complex' ? attribute.subAttributes.get('value') : attribute;
  if (simple === undefined) {
    throw new ScimError(
      400,
      'invalidValue',
      `sortBy: ${attribute.path} is complex; name one of its sub-attributes`,
    );
  }
  if (isHidden(simple))
    throw new ScimError(400, 'invalidValue', `sortBy: ${attribute.path} cannot be sorted by`);
  return simple;
}
