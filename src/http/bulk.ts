/**
 * Bulk (RFC 7644 §3.7): many operations in one request, each as if it were sent alone. Identifiers of new resources
 * are made beforehand, so references by bulkId are real ids whatever the order; operations that do not depend on
 * each other run together and so share one commit.
 */
import { randomUUID } from 'node:crypto';
import { Batch, type Submit } from '../directory/batch.ts';
import { type Caller, requireWrite } from '../directory/caller.ts';
import type { Directory } from '../directory/directory.ts';
import { DirectoryError } from '../directory/directory-error.ts';
import { ScimError } from '../error.ts';
import { readBulkRequest } from '../scim/messages.ts';
import { isObject } from '../scim/object.ts';
import type { ResourceType } from '../scim/registry.ts';
import { entityTag } from '../scim/representation.ts';
import { type ToleranceName, type Tolerated, tolerate } from '../scim/tolerances.ts';
import { type Operation, type RefusedOperation, readOperations } from './bulk-operation.ts';
import { BulkSchedule } from './bulk-schedule.ts';
import { versionsIn } from './conditional.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { Limits, Log } from './options.ts';
import { decodePart } from './query-string.ts';
import { locationOf } from './render.ts';
import { errorResponse, isExpected, jsonResponse, negotiate } from './responses.ts';

const bulkResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

/** The resource type at an endpoint as a client spells it: `Users`. */
export type FindType = (endpoint: string, tolerated: Tolerated) => ResourceType | undefined;

interface Result {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: unknown;
}

export class BulkHandler {
  readonly #directory: Directory;
  readonly #limits: Limits;
  readonly #log: Log | undefined;
  readonly #findType: FindType;

  constructor(directory: Directory, limits: Limits, log: Log | undefined, findType: FindType) {
    this.#directory = directory;
    this.#limits = limits;
    this.#log = log;
    this.#findType = findType;
  }

  async post(exchange: Exchange): Promise<HttpResponse> {
    requireWrite(exchange.principal);
    const contentType = negotiate(exchange.request.header('accept'));
    const { operations, failOnErrors } = await this.#readRequest(exchange);
    const read = readOperations(operations, () => this.#directory.store.newId());
    const performer = new Performer(this.#directory, this.#findType, this.#log, {
      ...exchange,
      transaction: randomUUID(),
    });
    const results = await new BulkRun(exchange.base, read, failOnErrors, performer).results();
    return jsonResponse(
      200,
      contentType,
      JSON.stringify({ schemas: [bulkResponseSchema], Operations: results }),
    );
  }

  async #readRequest({
    body,
    tolerated,
  }: Exchange): Promise<{ operations: readonly unknown[]; failOnErrors: number }> {
    const { Operations: operations, failOnErrors } = readBulkRequest(await body(), tolerated);
    if (operations.length > this.#limits.bulkOperations) {
      throw new ScimError(
        413,
        undefined,
        `The request has ${operations.length} operations; the limit is maxOperations = ${this.#limits.bulkOperations}`,
      );
    }
    const passwords = operations.filter(setsPassword).length;
    if (passwords > this.#limits.bulkPasswords) {
      throw new ScimError(
        413,
        undefined,
        `The request sets ${passwords} passwords, each of which takes as long as a hundred operations; the limit is ${this.#limits.bulkPasswords} (limits.bulkPasswords)`,
      );
    }
    return { operations, failOnErrors: failOnErrors || Number.POSITIVE_INFINITY };
  }
}

/** A password that is hashed only to be found too many is as dear as any other. */
function setsPassword(operation: unknown): boolean {
  const named = (value: unknown, name: string): unknown => {
    if (!isObject(value)) return undefined;
    return Object.entries(value).find(([key]) => key.toLowerCase() === name)?.[1];
  };
  const data = named(operation, 'data');
  const isPassword = (name: unknown): boolean => typeof name === 'string' && /(?:^|:)password$/i.test(name);
  const hasPassword = (value: unknown): boolean => isObject(value) && Object.keys(value).some(isPassword);
  if (hasPassword(data)) return true;
  const edits = named(data, 'operations');
  return (
    Array.isArray(edits) &&
    edits.some((edit) => isPassword(named(edit, 'path')) || hasPassword(named(edit, 'value')))
  );
}

/** What became of an operation that was carried out. */
interface Performed {
  readonly status: number;
  readonly location?: string;
  readonly version?: string;
  readonly error?: unknown;
}

/** Carries out single operations: each with its own tolerances, and If-Match for `version`. */
class Performer {
  readonly #directory: Directory;
  readonly #findType: FindType;
  readonly #log: Log | undefined;
  readonly #caller: Caller;

  constructor(directory: Directory, findType: FindType, log: Log | undefined, caller: Caller) {
    this.#directory = directory;
    this.#findType = findType;
    this.#log = log;
    this.#caller = caller;
  }

  /** For so many operations that run together; `isCircle`: that are done all or none. */
  batch(operations: number, isCircle: boolean): Batch {
    return new Batch(this.#directory.store, operations, isCircle);
  }

  async perform(operation: Operation, submit: Submit): Promise<Performed> {
    const { tolerated } = this.#caller;
    const caller = {
      ...this.#caller,
      tolerated: { enabled: tolerated.enabled, used: new Set<ToleranceName>() },
      submit,
    };
    try {
      return await this.#carryOut(caller, operation);
    } catch (error) {
      const { method, path } = operation;
      if (!isExpected(error)) this.#log?.error({ err: error, method, path }, 'bulk operation failed');
      return failed(error);
    } finally {
      for (const name of caller.tolerated.used) tolerated.used.add(name);
    }
  }

  async #carryOut(caller: Caller, operation: Operation): Promise<Performed> {
    const { method, path, version, data, newId } = operation;
    const [, endpoint = '', name] = path.split('/');
    const type = this.#findType(endpoint, caller.tolerated);
    if (type === undefined) throw new ScimError(404, undefined, `There is no resource type at /${endpoint}`);
    if (name === undefined) {
      const { id, version: created } = await this.#directory.create(caller, type, data, newId);
      return { status: 201, location: locationOf(caller.base, type, id), version: entityTag(created) };
    }
    const id = decodePart(name, 'The path');
    const precondition = version === undefined ? undefined : { match: versionsIn(version) };
    if (method === 'DELETE') {
      await this.#directory.delete(caller, type, id, precondition);
      return { status: 204 };
    }
    const { resource } =
      method === 'PUT'
        ? await this.#directory.replace(caller, type, id, data, precondition)
        : await this.#directory.patch(caller, type, id, data, precondition);
    const without =
      method === 'PATCH' && tolerate(caller.tolerated, 'patchWithoutContent', caller.tolerated.used);
    return {
      status: without ? 204 : 200,
      location: locationOf(caller.base, type, id),
      version: entityTag(resource.version),
    };
  }
}

function failed(error: unknown): Performed {
  return { status: errorResponse(error).status, error };
}

class BulkRun {
  readonly #base: string;
  readonly #failOnErrors: number;
  readonly #performer: Performer;
  readonly #operations: readonly (Operation | RefusedOperation)[];
  readonly #outcome = new Map<number, Result>();
  /** Operations that would have been done, had others of their circle been. */
  readonly #undone = new Set<number>();
  #errors = 0;

  constructor(
    base: string,
    operations: readonly (Operation | RefusedOperation)[],
    failOnErrors: number,
    performer: Performer,
  ) {
    this.#base = base;
    this.#operations = operations;
    this.#failOnErrors = failOnErrors;
    this.#performer = performer;
  }

  /** A result for each operation that was processed, in the order of the request (RFC 7644 §3.7.3). */
  async results(): Promise<readonly Result[]> {
    const nothing: ReadonlySet<number> = new Set();
    const schedule = new BulkSchedule(
      this.#operations.map((operation) => ('refused' in operation ? nothing : operation.after)),
    );
    while (!schedule.isDone && this.#errors < this.#failOnErrors) {
      // As many at once as could all fail without one too many having been run.
      const { indexes, isCircle } = schedule.next(this.#failOnErrors - this.#errors);
      const batch = this.#performer.batch(indexes.length, isCircle);
      await Promise.all(
        indexes.map((index, writer) => batch.run(writer, (submit) => this.#carryOut(index, submit))),
      );
      this.#blame(indexes);
      for (const index of indexes) if (this.#hasFailed(index)) this.#errors++;
      schedule.settle(indexes);
    }
    return [...this.#outcome].sort(([a], [b]) => a - b).map(([, result]) => result);
  }

  async #carryOut(index: number, submit: Submit): Promise<void> {
    const operation = this.#operations[index] as Operation | RefusedOperation;
    const result =
      'refused' in operation ? this.#refusal(operation) : await this.#result(index, operation, submit);
    this.#outcome.set(index, result);
  }

  async #result(index: number, operation: Operation, submit: Submit): Promise<Result> {
    const { method, bulkId, path } = operation;
    const broken = [...operation.needs].find((needed) => this.#hasFailed(needed));
    const { status, version, error, ...performed } =
      broken === undefined
        ? await this.#performer.perform(operation, submit)
        : failed(this.#brokenReference(broken));
    if (error instanceof DirectoryError && error.code === 'undone') this.#undone.add(index);
    const location = performed.location ?? (method === 'POST' ? undefined : this.#base + path);
    return {
      method,
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(location === undefined ? {} : { location }),
      ...(version === undefined ? {} : { version }),
      status: String(status),
      ...(error === undefined ? {} : { response: responseTo(error) }),
    };
  }

  /**
   * Resources that refer to each other are all created or none is (RFC 7644 §3.7.1): those that could have been are
   * told which of them could not.
   */
  #blame(circle: readonly number[]): void {
    const failed = circle.find((index) => this.#hasFailed(index) && !this.#undone.has(index));
    if (failed === undefined) return;
    for (const index of circle) {
      const operation = this.#operations[index];
      if (!this.#undone.has(index) || operation === undefined || 'refused' in operation) continue;
      const { method, bulkId } = operation;
      const refused = this.#brokenReference(failed);
      this.#outcome.set(index, this.#refusal({ refused, method, bulkId, path: undefined }));
    }
  }

  #hasFailed(index: number): boolean {
    const result = this.#outcome.get(index);
    return result !== undefined && Number(result.status) >= 300;
  }

  #brokenReference(index: number): ScimError {
    const bulkId = this.#operations[index]?.bulkId;
    return new ScimError(
      409,
      undefined,
      `The operation with bulkId "${bulkId}", to which this one refers, failed`,
    );
  }

  /** RFC 7644 §3.7.3: a location for all but a failed POST, and why it failed. */
  #refusal({ refused, method, bulkId, path }: RefusedOperation): Result {
    return {
      ...(method === undefined ? {} : { method }),
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(path === undefined || method === 'POST' ? {} : { location: this.#base + path }),
      status: String(refused.status),
      response: refused.toJSON(),
    };
  }
}

/** The error message that an operation is answered with. */
function responseTo(error: unknown): unknown {
  const { body } = errorResponse(error);
  return typeof body === 'string' ? JSON.parse(body) : undefined;
}
