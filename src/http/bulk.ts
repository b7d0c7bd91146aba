/**
 * Bulk (RFC 7644 §3.7): many operations in one request, each as if it were sent alone. Identifiers of new resources
 * are made beforehand, so references by bulkId are real ids whatever the order; operations that do not depend on
 * each other run together and so share one commit.
 */
import { ScimError } from '../error.ts';
import { isObject, membersByName } from '../scim/value.ts';
import type { Store } from '../store/store.ts';
import { requireWrite } from './authenticate.ts';
import { type Operation, type RefusedOperation, readOperations } from './bulk-operation.ts';
import { BulkSchedule } from './bulk-schedule.ts';
import type { Exchange, HttpRequest, HttpResponse } from './message.ts';
import type { Limits, Log } from './options.ts';
import { errorResponse, isExpected, jsonResponse, negotiate } from './responses.ts';
import { WriteOrder } from './write-order.ts';

const bulkRequestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const bulkResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

/** Carries out one request on a resource or, for a POST, on an endpoint. `newId` is the identifier for a POST. */
export type Perform = (exchange: Exchange, newId: string | undefined) => Promise<HttpResponse>;

interface Result {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: unknown;
}

export class BulkHandler {
  private readonly store: Store;
  private readonly limits: Limits;
  private readonly log: Log | undefined;
  private readonly perform: Perform;

  constructor(store: Store, limits: Limits, log: Log | undefined, perform: Perform) {
    this.store = store;
    this.limits = limits;
    this.log = log;
    this.perform = perform;
  }

  async post(exchange: Exchange): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const { operations, failOnErrors } = this.readRequest(await exchange.body());
    const read = readOperations(operations, () => this.store.newId());
    const results = await new BulkRun(exchange, read, failOnErrors, this.log, this.perform).results();
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
    const failOnErrors = members.get('failonerrors') ?? 0;
    if (typeof failOnErrors !== 'number' || !Number.isSafeInteger(failOnErrors) || failOnErrors < 0) {
      throw invalidSyntax('failOnErrors must be a positive integer, or 0 for no limit');
    }
    return { operations, failOnErrors: failOnErrors === 0 ? Number.POSITIVE_INFINITY : failOnErrors };
  }
}

class BulkRun {
  private readonly exchange: Exchange;
  private readonly failOnErrors: number;
  private readonly log: Log | undefined;
  private readonly perform: Perform;
  private readonly operations: readonly (Operation | RefusedOperation)[];
  private readonly outcome = new Map<number, Result>();
  private errors = 0;

  constructor(
    exchange: Exchange,
    operations: readonly (Operation | RefusedOperation)[],
    failOnErrors: number,
    log: Log | undefined,
    perform: Perform,
  ) {
    this.exchange = exchange;
    this.operations = operations;
    this.failOnErrors = failOnErrors;
    this.log = log;
    this.perform = perform;
  }

  /** A result for each operation that was processed, in the order of the request (RFC 7644 §3.7.3). */
  async results(): Promise<readonly Result[]> {
    const nothing: ReadonlySet<number> = new Set();
    const schedule = new BulkSchedule(
      this.operations.map((operation) => ('refused' in operation ? nothing : operation.after)),
    );
    while (!schedule.isDone && this.errors < this.failOnErrors) {
      // As many at once as could all fail without one too many having been run.
      const { indexes, isCircle } = schedule.next(this.failOnErrors - this.errors);
      const order = new WriteOrder();
      await Promise.all(indexes.map((index) => this.carryOut(index, order)));
      if (isCircle) await this.undoBroken(indexes);
      for (const index of indexes) if (this.hasFailed(index)) this.errors++;
      schedule.settle(indexes);
    }
    return [...this.outcome].sort(([a], [b]) => a - b).map(([, result]) => result);
  }

  private async carryOut(index: number, order: WriteOrder): Promise<void> {
    const turn = order.take();
    const operation = this.operations[index] as Operation | RefusedOperation;
    const result =
      'refused' in operation ? this.refusal(operation) : await this.result(operation, { write: turn.write });
    turn.done();
    this.outcome.set(index, result);
  }

  private async result(operation: Operation, more: Partial<Exchange>): Promise<Result> {
    const { method, bulkId, path } = operation;
    const failed = [...operation.needs].find((needed) => this.hasFailed(needed));
    const response =
      failed === undefined ? await this.send(operation, more) : errorResponse(this.brokenReference(failed));
    const header = (name: string) => {
      const at = response.headers.indexOf(name);
      return at === -1 ? undefined : response.headers[at + 1];
    };
    const location = header('Location') ?? (method === 'POST' ? undefined : this.exchange.base + path);
    const version = header('ETag');
    const isError = response.status >= 300;
    return {
      method,
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(location === undefined ? {} : { location }),
      ...(version === undefined || isError ? {} : { version }),
      status: String(response.status),
      ...(isError && typeof response.body === 'string' ? { response: JSON.parse(response.body) } : {}),
    };
  }

  /** The operation as the single request that it stands for: its own tolerances, no query, If-Match for `version`. */
  private async send(operation: Operation, more: Partial<Exchange>): Promise<HttpResponse> {
    const { method, path, version, data } = operation;
    const { enabled, used } = this.exchange.tolerated;
    const request: HttpRequest = {
      ...this.exchange.request,
      method,
      path,
      search: '',
      header: (name) => (name === 'if-match' ? version : undefined),
    };
    const exchange: Exchange = {
      ...this.exchange,
      ...more,
      request,
      query: new Map(),
      tolerated: { enabled, used: new Set() },
      body: async () => data,
    };
    try {
      return await this.perform(exchange, operation.newId);
    } catch (error) {
      if (!isExpected(error)) this.log?.error({ err: error, method, path }, 'bulk operation failed');
      return errorResponse(error);
    } finally {
      for (const name of exchange.tolerated.used) used.add(name);
    }
  }

  /** Resources that refer to each other are all created or none is (RFC 7644 §3.7.1). */
  private async undoBroken(circle: readonly number[]): Promise<void> {
    const failed = circle.find((index) => this.hasFailed(index));
    if (failed === undefined) return;
    for (const index of circle) {
      const operation = this.operations[index];
      if (operation === undefined || 'refused' in operation || this.hasFailed(index)) continue;
      const path = `${operation.path}/${operation.newId}`;
      await this.send({ ...operation, method: 'DELETE', path, version: undefined }, {});
      const { method, bulkId } = operation;
      const refused = this.brokenReference(failed);
      this.outcome.set(index, this.refusal({ refused, method, bulkId, path: undefined }));
    }
  }

  private hasFailed(index: number): boolean {
    const result = this.outcome.get(index);
    return result !== undefined && Number(result.status) >= 300;
  }

  private brokenReference(index: number): ScimError {
    const bulkId = this.operations[index]?.bulkId;
    return new ScimError(
      409,
      undefined,
      `The operation with bulkId "${bulkId}", to which this one refers, failed`,
    );
  }

  /** RFC 7644 §3.7.3: a location for all but a failed POST, and why it failed. */
  private refusal({ refused, method, bulkId, path }: RefusedOperation): Result {
    return {
      ...(method === undefined ? {} : { method }),
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(path === undefined || method === 'POST' ? {} : { location: this.exchange.base + path }),
      status: String(refused.status),
      response: refused.toJSON(),
    };
  }
}

function invalidSyntax(detail: string): ScimError {
  return new ScimError(400, 'invalidSyntax', detail);
}
