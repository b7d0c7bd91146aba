/** Lists (RFC 7644 §3.4.2): filter, sorting, index pagination, answered as a ListResponse. */
import { parseAttrPath, parseFilter, ScimFilterError } from '../../grammar/index.ts';
import { ScimError } from '../error.ts';
import { bindFilter, isHidden } from '../query/bind.ts';
import type { Plan } from '../query/plan.ts';
import type { Selection } from '../scim/projection.ts';
import { type Attribute, type ResourceType, resolveAttrPath } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import type { Page, Store, StoredResource } from '../store/store.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { integerParameter } from './query-string.ts';
import { Renderer } from './render.ts';
import { selectionOf } from './resources.ts';
import { jsonResponse, negotiate } from './responses.ts';

export const listResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** A query as asked, whichever way it came. */
export interface ListRequest {
  readonly filter: string | undefined;
  readonly sortBy: string | undefined;
  readonly sortOrder: string | undefined;
  /** 1-based. */
  readonly startIndex: number | undefined;
  readonly count: number | undefined;
  readonly selection: Selection;
}

export class ListHandlers {
  private readonly store: Store;
  private readonly limits: Limits;

  constructor(store: Store, limits: Limits) {
    this.store = store;
    this.limits = limits;
  }

  get(exchange: Exchange, types: readonly ResourceType[]): Promise<HttpResponse> {
    const { query } = exchange;
    return this.list(exchange, types, {
      filter: query.get('filter'),
      sortBy: query.get('sortBy'),
      sortOrder: query.get('sortOrder'),
      startIndex: integerParameter(query, 'startIndex'),
      count: integerParameter(query, 'count'),
      selection: selectionOf(exchange),
    });
  }

  async list(
    exchange: Exchange,
    types: readonly ResourceType[],
    request: ListRequest,
  ): Promise<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const startIndex = Math.max(1, request.startIndex ?? 1);
    const limit = Math.min(
      Math.max(0, request.count ?? this.limits.defaultPageSize),
      this.limits.maxPageSize,
    );
    const descending = isDescending(request.sortOrder);
    const page = await this.store.list({
      tenant: exchange.principal.tenant,
      targets: types.map((type) => {
        const plan = this.plan(type, request.filter, types.length > 1, exchange.tolerated);
        const sort = sortAttribute(type, request.sortBy, types.length > 1);
        return { type, ...(plan === undefined ? {} : { plan }), ...(sort === undefined ? {} : { sort }) };
      }),
      descending,
      offset: startIndex - 1,
      limit,
    });
    const renderers = new Map(
      types.map((type) => [
        type.name,
        new Renderer(type, {
          store: this.store,
          tenant: exchange.principal.tenant,
          base: exchange.base,
          selection: request.selection,
        }),
      ]),
    );
    const head = `{"schemas":["${listResponseSchema}"],"totalResults":${page.total},"itemsPerPage":${page.resources.length},"startIndex":${startIndex},"Resources":[`;
    return jsonResponse(200, contentType, await renderPage(renderers, page, head));
  }

  private plan(
    type: ResourceType,
    filter: string | undefined,
    several: boolean,
    tolerated: Tolerated,
  ): Plan | undefined {
    if (filter === undefined) return undefined;
    const limits = {
      characters: this.limits.filterCharacters,
      depth: this.limits.filterDepth,
      terms: this.limits.filterTerms,
    };
    return bindFilter(parseFilter(filter, { limits }), type, {
      source: filter,
      unknown: several ? 'noValue' : 'error',
      booleanText: (text) => tolerate(tolerated, 'booleanText', text),
    });
  }
}

async function renderPage(
  renderers: ReadonlyMap<string, Renderer>,
  page: Page,
  head: string,
): Promise<string | AsyncIterable<string>> {
  const rendererOf = (resource: StoredResource) => renderers.get(resource.type) as Renderer;
  if ([...renderers.values()].some((renderer) => !renderer.isFlat)) return pagePieces(rendererOf, page, head);
  const withGroups = page.resources.filter((resource) => rendererOf(resource).needsGroups);
  const groups =
    withGroups.length === 0
      ? undefined
      : await rendererOf(withGroups[0] as StoredResource).groupsOf(withGroups.map((resource) => resource.id));
  return `${head}${page.resources.map((resource) => rendererOf(resource).text(resource, groups?.get(resource.id), '')).join(',')}]}`;
}

/** Resources with members, one after the other, each in pieces if need be. */
async function* pagePieces(
  rendererOf: (resource: StoredResource) => Renderer,
  page: Page,
  head: string,
): AsyncGenerator<string> {
  yield head;
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
  const attribute = resolveSort(type, sortBy);
  if (attribute === undefined) {
    if (several) return undefined;
    throw new ScimError(
      400,
      'invalidValue',
      `sortBy: ${type.name} has no attribute ${JSON.stringify(sortBy)}`,
    );
  }
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

function resolveSort(type: ResourceType, sortBy: string): Attribute | undefined {
  try {
    const resolved = resolveAttrPath(type, parseAttrPath(sortBy));
    return resolved?.kind === 'attribute' ? resolved.attribute : undefined;
  } catch (error) {
    if (error instanceof ScimFilterError) return undefined;
    throw error;
  }
}
