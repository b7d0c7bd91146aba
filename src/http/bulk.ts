/**
 * Bulk (RFC 7644 §3.7): many operations in one request, each as if it were sent alone. Identifiers of new resources
 * are made beforehand, so references by bulkId are real ids whatever the order; operations that do not depend on
 * each other run together and so share one commit.
 */
import { ScimError } from '../error.ts';
import { isObject, membersByName } from '../scim/value.ts';
import type { Store } from '../store/store.ts';
import { requireWrite } from './authenticate.ts';
import type { Exchange, HttpRequest, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { errorResponse, jsonResponse, negotiate } from './responses.ts';

const bulkRequestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const bulkResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

/** Carries out one request below the base, as the routes would. `id` is the identifier for a POST. */
export type Perform = (exchange: Exchange, id: string | undefined) => Promise<HttpResponse>;

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Operation {
  readonly method: Method;
  readonly bulkId: string | undefined;
  readonly version: string | undefined;
  readonly path: string;
  readonly data: unknown;
  /** Identifier made beforehand, for a POST. */
  readonly id: string | undefined;
  /** Indexes of the operations that must come first. */
  readonly after: Set<number>;
  /** Of those, the ones that create what this one refers to. */
  readonly needs: Set<number>;
}

interface Result {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: unknown;
}

const resourcePath = /^\/([^/?#]+)\/(?!(?:\.|%2e){1,2}$)([^/?#\\]+)$/i;
const endpointPath = /^\/([^/?#]+)$/;

export class BulkHandler {
  private readonly store: Store;
  private readonly limits: Limits;
  private readonly perform: Perform;

  constructor(store: Store, limits: Limits, perform: Perform) {
    this.store = store;
    this.limits = limits;
    this.perform = perform;
  }

  async post(exchange: Exchange): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const { operations, failOnErrors } = this.readRequest(await exchange.body());
    const run = new BulkRun(exchange, operations, failOnErrors, this.store, this.perform);
    const results = await run.results();
    return jsonResponse(
      200,
      contentType,
      JSON.stringify({ schemas: [bulkResponseSchema], Operations: results }),
    );
  }

  private readRequest(body: unknown): { operations: readonly unknown[]; failOnErrors: number } {
    if (!isObject(body)) throw invalidSyntax('The body must be a JSON object: a BulkRequest message');
    const members = membersByName(body, '');
    const schemas = members.get('schemas');
    if (
      !Array.isArray(schemas) ||
      !schemas.some((uri) => String(uri).toLowerCase() === bulkRequestSchema.toLowerCase())
    ) {
      throw invalidSyntax(`schemas must hold ${bulkRequestSchema}`);
    }
    const operations = members.get('operations');
    if (!Array.isArray(operations) || operations.length === 0) {
      throw invalidSyntax('Operations must be an array of at least one operation');
    }
    if (operations.length > this.limits.bulkOperations) {
      throw new ScimError(
        413,
        undefined,
        `The request has ${operations.length} operations; the limit is maxOperations = ${this.limits.bulkOperations}`,
      );
    }
    const failOnErrors = members.get('failonerrors') ?? Number.POSITIVE_INFINITY;
    if (
      typeof failOnErrors !== 'number' ||
      (failOnErrors !== Number.POSITIVE_INFINITY && !Number.isInteger(failOnErrors)) ||
      failOnErrors < 0
    ) {
      throw invalidSyntax('failOnErrors must be a positive integer');
    }
    return { operations, failOnErrors: failOnErrors === 0 ? Number.POSITIVE_INFINITY : failOnErrors };
  }
}

class BulkRun {
  private readonly exchange: Exchange;
  private readonly failOnErrors: number;
  private readonly store: Store;
  private readonly perform: Perform;
  /** The operations as read, or why one cannot be. */
  private readonly operations: (Operation | { readonly refused: Result })[] = [];
  private readonly outcome = new Map<number, Result>();
  private readonly ids = new Map<string, { readonly id: string; readonly index: number }>();
  private errors = 0;

  constructor(
    exchange: Exchange,
    operations: readonly unknown[],
    failOnErrors: number,
    store: Store,
    perform: Perform,
  ) {
    this.exchange = exchange;
    this.failOnErrors = failOnErrors;
    this.store = store;
    this.perform = perform;
    operations.forEach((operation, index) => {
      this.reserveId(operation, index);
    });
    const latest = new Map<string, number>();
    operations.forEach((operation, index) => {
      this.operations.push(this.read(operation, index, latest));
    });
  }

  /** A result for each operation that was processed, in the order of the request (RFC 7644 §3.7.3). */
  async results(): Promise<readonly Result[]> {
    const waiting = new Set(this.operations.keys());
    while (waiting.size > 0 && this.errors < this.failOnErrors) {
      // As many at once as could all fail without one too many having been run.
      const room = this.failOnErrors - this.errors;
      const settled = (index: number) => !waiting.has(index);
      let ready = [...waiting].filter((index) => [...this.afterOf(index)].every(settled));
      // What is left waits for itself: a circle of references, whose ids are known all the same.
      if (ready.length === 0) ready = [...waiting];
      const batch = Number.isFinite(room) ? ready.slice(0, room) : ready;
      await Promise.all(
        batch.map(async (index) => {
          const result = await this.carryOut(index);
          this.outcome.set(index, result);
          if (isFailure(result)) this.errors++;
        }),
      );
      for (const index of batch) waiting.delete(index);
    }
    await this.undoBrokenCircles();
    return [...this.outcome].sort(([a], [b]) => a - b).map(([, result]) => result);
  }

  private afterOf(index: number): ReadonlySet<number> {
    const operation = this.operations[index] as Operation | { refused: Result };
    return 'refused' in operation ? new Set() : operation.after;
  }

  private reserveId(operation: unknown, index: number): void {
    if (!isObject(operation)) return;
    const { method, bulkId } = operation;
    if (
      typeof method !== 'string' ||
      method.toUpperCase() !== 'POST' ||
      typeof bulkId !== 'string' ||
      this.ids.has(bulkId)
    )
      return;
    this.ids.set(bulkId, { id: this.store.newId(), index });
  }

  private read(source: unknown, index: number, latest: Map<string, number>): Operation | { refused: Result } {
    const given = isObject(source) ? source : {};
    const text = (name: string) => (typeof given[name] === 'string' ? (given[name] as string) : undefined);
    const [method, path, bulkId] = [text('method')?.toUpperCase(), text('path'), text('bulkId')];
    const refuse = (detail: string, scimType: 'invalidSyntax' | 'invalidValue' = 'invalidSyntax') => ({
      refused: failure(new ScimError(400, scimType, `Operations[${index}]: ${detail}`), method, bulkId),
    });
    if (method === undefined || path === undefined) return refuse('method and path are required');
    if (method !== 'POST' && method !== 'PUT' && method !== 'PATCH' && method !== 'DELETE') {
      return refuse(`method must be POST, PUT, PATCH or DELETE, not ${method}`);
    }
    if (!(method === 'POST' ? endpointPath : resourcePath).test(path)) {
      return refuse(
        method === 'POST'
          ? 'the path of a POST must be an endpoint: /Users'
          : 'the path must be a resource: /Users/{id}',
      );
    }
    if (method === 'POST' && (bulkId === undefined || bulkId === '')) return refuse('a POST needs a bulkId');
    if (method === 'POST' && this.ids.get(bulkId as string)?.index !== index)
      return refuse(`the bulkId ${bulkId} is there twice`);
    if (method !== 'DELETE' && !isObject(given.data)) return refuse('data is required');
    const after = new Set<number>();
    const needs = new Set<number>();
    const resolve = (reference: string): string => {
      const found = this.ids.get(reference);
      if (found === undefined)
        throw new ScimError(400, 'invalidValue', `no operation has the bulkId ${reference}`);
      if (found.index !== index) {
        after.add(found.index);
        needs.add(found.index);
      }
      return found.id;
    };
    try {
      const resolvedPath = path.replace(
        /\/bulkId:([^/]+)$/,
        (_, reference: string) => `/${resolve(reference)}`,
      );
      const data = method === 'DELETE' ? undefined : resolveReferences(given.data, resolve);
      if (method !== 'POST') {
        const earlier = latest.get(resolvedPath);
        if (earlier !== undefined) after.add(earlier);
        latest.set(resolvedPath, index);
      }
      return {
        method,
        bulkId,
        version: text('version'),
        path: resolvedPath,
        data,
        id: method === 'POST' ? this.ids.get(bulkId as string)?.id : undefined,
        after,
        needs,
      };
    } catch (error) {
      if (error instanceof ScimError) return refuse(error.message, 'invalidValue');
      throw error;
    }
  }

  private async carryOut(index: number): Promise<Result> {
    const operation = this.operations[index] as Operation | { refused: Result };
    if ('refused' in operation) return operation.refused;
    const { method, bulkId, path } = operation;
    const location = `${this.exchange.base}${path}`;
    for (const needed of operation.needs) {
      const before = this.outcome.get(needed);
      if (before !== undefined && isFailure(before)) {
        const error = new ScimError(
          409,
          undefined,
          `The operation with bulkId ${before.bulkId}, which this one refers to, failed`,
        );
        return failure(error, method, bulkId, method === 'POST' ? undefined : location);
      }
    }
    const response = await this.send(operation).catch(errorResponse);
    const header = (name: string) => {
      const at = response.headers.indexOf(name);
      return at === -1 ? undefined : response.headers[at + 1];
    };
    const failed = response.status >= 300;
    const [place, etag] = [header('Location') ?? (method === 'POST' ? undefined : location), header('ETag')];
    return {
      method,
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(place === undefined ? {} : { location: place }),
      ...(etag === undefined || failed ? {} : { version: etag }),
      status: String(response.status),
      ...(failed && typeof response.body === 'string' ? { response: JSON.parse(response.body) } : {}),
    };
  }

  private send(operation: Operation): Promise<HttpResponse> {
    const { request } = this.exchange;
    const single: HttpRequest = {
      ...request,
      method: operation.method,
      path: operation.path,
      search: '',
      header: (name) => (name === 'if-match' ? operation.version : undefined),
    };
    const exchange: Exchange = {
      ...this.exchange,
      request: single,
      query: new Map(),
      body: async () => operation.data,
    };
    return this.perform(exchange, operation.id);
  }

  /** A resource that refers to one whose creation failed in the same circle must not stay (RFC 7644 §3.7.1). */
  private async undoBrokenCircles(): Promise<void> {
    for (let again = true; again; ) {
      again = false;
      for (const [index, operation] of this.operations.entries()) {
        const result = this.outcome.get(index);
        if ('refused' in operation || operation.id === undefined || result === undefined || isFailure(result))
          continue;
        const broken = [...operation.needs].find((needed) => {
          const other = this.outcome.get(needed);
          return other === undefined || isFailure(other);
        });
        if (broken === undefined) continue;
        await this.send({
          ...operation,
          method: 'DELETE',
          path: `${operation.path}/${operation.id}`,
          version: undefined,
        });
        const error = new ScimError(
          409,
          undefined,
          'A resource that this one refers to in a circle could not be created',
        );
        this.outcome.set(index, failure(error, operation.method, operation.bulkId));
        again = true;
      }
    }
  }
}

function isFailure(result: Result): boolean {
  return Number(result.status) >= 300;
}

function failure(
  error: ScimError,
  method: string | undefined,
  bulkId: string | undefined,
  location?: string,
): Result {
  return {
    ...(method === undefined ? {} : { method }),
    ...(bulkId === undefined ? {} : { bulkId }),
    ...(location === undefined ? {} : { location }),
    status: String(error.status),
    response: error.toJSON(),
  };
}

/** Replaces every text `bulkId:x` by the identifier of x; throws for an unknown one (RFC 7644 §3.7.2). */
function resolveReferences(value: unknown, resolve: (bulkId: string) => string): unknown {
  // `bulkId:x`, or `/Users/bulkId:x` as in a $ref; text that a filter of a PATCH path quotes too.
  if (typeof value === 'string') {
    return value.replace(
      /(^|[/"])bulkId:([^/"]+)(?=$|")/g,
      (_, before: string, id: string) => before + resolve(id),
    );
  }
  if (Array.isArray(value)) return value.map((each) => resolveReferences(each, resolve));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, resolveReferences(member, resolve)]),
  );
}

function invalidSyntax(detail: string): ScimError {
  return new ScimError(400, 'invalidSyntax', detail);
}
