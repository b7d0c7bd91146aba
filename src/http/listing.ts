/** Lists over HTTP (RFC 7644 §3.4.2): pagination by index and by cursor, answered as a ListResponse. */
import type { Directory, ListQuery } from '../directory/directory.ts';
import { ScimError } from '../error.ts';
import { isDescending } from '../query/sort.ts';
import type { Selection } from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import type { Awaitable, FoundResource, Page, Position, StoredResource } from '../store/store.ts';
import type { Cursors } from './cursor.ts';
import type { BodyPieces, Exchange, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { integerParameter } from './query-string.ts';
import { bodyPieces, Renderer } from './render.ts';
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
  readonly #directory: Directory;
  readonly #limits: Limits;
  readonly #cursors: Cursors;
  readonly #sensitive: SensitiveCheck | undefined;

  constructor(directory: Directory, limits: Limits, cursors: Cursors, sensitive: SensitiveCheck | undefined) {
    this.#directory = directory;
    this.#limits = limits;
    this.#cursors = cursors;
    this.#sensitive = sensitive;
  }

  /** At once where the store answers at once: shown by the workload `username` of npm run bench. */
  get(exchange: Exchange, types: readonly ResourceType[]): Awaitable<HttpResponse> {
    const { query } = exchange;
    const [filter, cursor] = [query.get('filter'), query.get('cursor')];
    if (filter !== undefined) this.#sensitive?.(this.#directory.filters.parse(filter), types);
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

  list(exchange: Exchange, types: readonly ResourceType[], request: ListRequest): Awaitable<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const { defaultPageSize, maxPageSize, pageBytes } = this.#limits;
    const { filter, sortBy, sortOrder } = request;
    const limit = Math.min(Math.max(0, request.count ?? defaultPageSize), maxPageSize);
    const { registry } = this.#directory;
    const rendering = { registry, base: exchange.base, selection: request.selection };
    const renderers = types.map((type) => Renderer.of(type, rendering));
    const query: ListQuery & { offset?: number } = {
      types,
      filter,
      sortBy,
      sortOrder,
      limit,
      bytes: pageBytes,
      shownOf: (type) => renderers.find((renderer) => renderer.type === type)?.shown,
      groups: renderers.some(({ parts }) => parts.groups),
      members: renderers.some(({ parts }) => parts.members),
    };
    const answer = (page: Page, head: string): HttpResponse =>
      jsonResponse(200, contentType, renderPage(renderers, page, head));
    if (request.cursor !== undefined)
      return this.#cursorPage(exchange, query, request, request.cursor).then(({ page, head }) =>
        answer(page, head),
      );
    const startIndex = Math.max(1, request.startIndex ?? 1);
    query.offset = startIndex - 1;
    const indexed = (page: Page) => answer(page, `${listHead(page)},"startIndex":${startIndex}`);
    const found = this.#directory.list(exchange, query);
    return found instanceof Promise ? found.then(indexed) : indexed(found);
  }

  /** One page of a walk by cursor, at the same cost at any depth (RFC 9865 §2). */
  async #cursorPage(
    exchange: Exchange,
    query: ListQuery,
    request: ListRequest,
    cursor: string,
  ): Promise<{ page: Page; head: string }> {
    if (request.startIndex !== undefined) {
      throw new ScimError(400, 'invalidValue', 'startIndex and cursor exclude one another; give only one');
    }
    const { attributes, excludedAttributes } = request.selection;
    const binding = [
      exchange.principal.tenant,
      query.types.map((type) => type.name).join(','),
      request.filter,
      request.sortBy?.toLowerCase(),
      String(isDescending(request.sortOrder)),
      attributes.join(','),
      excludedAttributes.join(','),
    ];
    const state = cursor === '' ? undefined : this.#cursors.read(cursor, binding);
    if (state !== undefined && request.count !== undefined && query.limit !== state.count) {
      throw new ScimError(400, 'invalidCount', `count must stay ${state.count} during a walk by cursor`);
    }
    const limit = state?.count ?? query.limit;
    const page = await this.#directory.list(exchange, {
      ...query,
      limit,
      ...(state === undefined ? {} : { [state.direction]: state.position }),
    });
    const backwards = state?.direction === 'before';
    const issue = (direction: 'after' | 'before', position: Position) =>
      this.#cursors.issue({ direction, position, count: limit }, binding);
    const next =
      page.last !== undefined && (backwards || page.more)
        ? `,"nextCursor":"${issue('after', page.last)}"`
        : '';
    const hasPrevious = state !== undefined && (!backwards || page.more);
    const previous =
      page.first !== undefined && hasPrevious ? `,"previousCursor":"${issue('before', page.first)}"` : '';
    return { page, head: `${listHead(page)}${next}${previous}` };
  }
}

function listHead(page: Page): string {
  return `{"schemas":["${listResponseSchema}"],"totalResults":${page.total},"itemsPerPage":${page.resources.length}`;
}

/** `head` is the message up to, and without, `Resources`. */
function renderPage(renderers: readonly Renderer[], page: Page, head: string): string | BodyPieces {
  const rendererOf = ({ type }: StoredResource): Renderer =>
    renderers.find((renderer) => renderer.type.name === type) as Renderer;
  let [length, isRead] = [0, false];
  for (const { body, members } of page.resources) {
    length += body.length;
    isRead ||= typeof members === 'object';
  }
  if (isRead) return bodyPieces(pagePieces(rendererOf, page, head), page.resources);
  if (length > mostAtOnce) return bodyPieces(inPieces(pagePieces(rendererOf, page, head), pieceLength), []);
  const start = `${head},"Resources":[`;
  if (page.resources.length === 0) return `${start}]}`;
  const textOf = (resource: FoundResource): string =>
    rendererOf(resource).text(resource, (resource.members as string | undefined) ?? '');
  const [first, second] = page.resources;
  // One by far the most often: shown by the workload `username` of npm run bench.
  if (first !== undefined && second === undefined) return `${start}${textOf(first)}]}`;
  const texts = page.resources.map(textOf);
  // The whole is put together once: shown by the workload `list` of npm run bench.
  texts[0] = `${start}${texts[0]}`;
  texts.push(`${texts.pop()}]}`);
  return texts.join(',');
}

/** Characters of a page that is rendered and sent as a whole; a larger one is as its reader takes it. */
const mostAtOnce = 256 * 1024;
/** Characters that are sent together. */
const pieceLength = 64 * 1024;

/** Fewer pieces, of so many characters at least. */
async function* inPieces(parts: AsyncIterable<string>, length: number): AsyncGenerator<string> {
  let piece = '';
  for await (const part of parts) {
    piece += part;
    if (piece.length < length) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** The resources one after the other, those with many members in pieces. */
async function* pagePieces(
  rendererOf: (resource: StoredResource) => Renderer,
  page: Page,
  head: string,
): AsyncGenerator<string> {
  yield `${head},"Resources":[`;
  for (const [index, resource] of page.resources.entries()) {
    if (index > 0) yield ',';
    yield* rendererOf(resource).pieces(resource);
  }
  yield ']}';
}
