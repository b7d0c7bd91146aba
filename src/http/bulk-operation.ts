/** The operations of a bulk request as read: what each does, and which others must come first (RFC 7644 §3.7.2). */
import { invalidSyntax, ScimError } from '../error.ts';
import { isObject, membersByName } from '../scim/object.ts';

export type BulkMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Operation {
  readonly method: BulkMethod;
  readonly bulkId: string | undefined;
  readonly version: string | undefined;
  /** With references by bulkId resolved: `/Users/01a2…`. */
  readonly path: string;
  readonly data: unknown;
  /** Identifier made beforehand, for a POST. */
  readonly newId: string | undefined;
  /** Indexes of the operations that must come first. */
  readonly after: ReadonlySet<number>;
  /** Of those, the ones that create what this one refers to. */
  readonly needs: ReadonlySet<number>;
}

/** An operation that cannot be read, with as much of it as its result must show. */
export interface RefusedOperation {
  readonly refused: ScimError;
  readonly method: string | undefined;
  readonly bulkId: string | undefined;
  readonly path: string | undefined;
}

const resourcePath = /^\/[^/?#]+\/[^/?#]+$/;
const endpointPath = /^\/[^/?#]+$/;

function isMethod(method: string): method is BulkMethod {
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE';
}

/** Reads every operation; `newId` gives the identifiers of resources that are to be created. */
export function readOperations(
  operations: readonly unknown[],
  newId: () => string,
): readonly (Operation | RefusedOperation)[] {
  const reader = new OperationReader(operations, newId);
  return operations.map((_, index) => reader.read(index));
}

type Members = ReadonlyMap<string, unknown>;

class OperationReader {
  /** Members by lower-cased name, or why there are none. */
  readonly #members: readonly (Members | ScimError)[];
  readonly #created = new Map<string, { readonly id: string; readonly index: number }>();
  /** The latest operation on each resource, by path. */
  readonly #latest = new Map<string, number>();

  constructor(operations: readonly unknown[], newId: () => string) {
    this.#members = operations.map((operation, index) => membersOf(operation, index));
    this.#members.forEach((members, index) => {
      if (members instanceof ScimError) return;
      const [method, bulkId] = [members.get('method'), members.get('bulkid')];
      if (typeof method !== 'string' || method.toUpperCase() !== 'POST') return;
      if (typeof bulkId !== 'string' || this.#created.has(bulkId)) return;
      this.#created.set(bulkId, { id: newId(), index });
    });
  }

  read(index: number): Operation | RefusedOperation {
    const members = this.#members[index] as Members | ScimError;
    if (members instanceof ScimError) {
      return { refused: members, method: undefined, bulkId: undefined, path: undefined };
    }
    try {
      return this.#operation(members, index);
    } catch (error) {
      if (!(error instanceof ScimError)) throw error;
      const shown = (name: string) => {
        const value = members.get(name);
        return typeof value === 'string' ? value : undefined;
      };
      const path = shown('path');
      return {
        refused: new ScimError(400, error.scimType, `Operations[${index}]: ${error.message}`),
        method: shown('method')?.toUpperCase(),
        bulkId: shown('bulkid'),
        path: path !== undefined && resourcePath.test(path) && !path.includes('bulkId:') ? path : undefined,
      };
    }
  }

  #operation(members: Members, index: number): Operation {
    const text = (name: string): string | undefined => {
      const value = members.get(name.toLowerCase());
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'string') throw invalidSyntax(`${name} must be a string`);
      return value;
    };
    const [method, path] = [text('method')?.toUpperCase(), text('path')];
    const [bulkId, version] = [text('bulkId'), text('version')];
    if (method === undefined || path === undefined) throw invalidSyntax('method and path are required');
    if (!isMethod(method)) throw invalidSyntax(`method must be POST, PUT, PATCH or DELETE, not ${method}`);
    let newId: string | undefined;
    if (method === 'POST') {
      if (!endpointPath.test(path)) throw invalidSyntax('the path of a POST must be an endpoint: /Users');
      newId = this.#newIdOf(bulkId, index);
    } else if (!resourcePath.test(path)) throw invalidSyntax('the path must be a resource: /Users/{id}');
    const given = members.get('data');
    if (method !== 'DELETE' && !isObject(given)) throw invalidSyntax('data is required, as an object');
    const needs = new Set<number>();
    const resolve = (reference: string): string => {
      const found = this.#created.get(reference);
      if (found === undefined) {
        throw new ScimError(400, 'invalidValue', `no POST of this request has the bulkId "${reference}"`);
      }
      if (found.index !== index) needs.add(found.index);
      return found.id;
    };
    const resolvedPath = path.replace(/(?<=\/)bulkId:(.*)$/, (_, reference: string) => resolve(reference));
    const data = method === 'DELETE' ? undefined : resolveReferences(given, resolve);
    const after = new Set(needs);
    if (method !== 'POST') {
      const earlier = this.#latest.get(resolvedPath);
      if (earlier !== undefined) after.add(earlier);
      this.#latest.set(resolvedPath, index);
    }
    return { method, bulkId, version, path: resolvedPath, data, newId, after, needs };
  }

  #newIdOf(bulkId: string | undefined, index: number): string {
    if (bulkId === undefined || bulkId === '') throw invalidSyntax('a POST needs a bulkId');
    const created = this.#created.get(bulkId);
    if (created?.index !== index) throw invalidSyntax(`the bulkId "${bulkId}" is duplicated`);
    return created.id;
  }
}

function membersOf(operation: unknown, index: number): Members | ScimError {
  if (!isObject(operation)) return invalidSyntax(`Operations[${index}] must be an object`);
  try {
    return membersByName(operation, `Operations[${index}]`);
  } catch (error) {
    if (error instanceof ScimError) return error;
    throw error;
  }
}

/**
 * Replaces every text `bulkId:x` by the identifier of x; throws for an unknown one. So it does in `/Users/bulkId:x`,
 * as a $ref has it, and in text that the filter of a PATCH path quotes.
 */
function resolveReferences(value: unknown, resolve: (bulkId: string) => string): unknown {
  if (typeof value === 'string') {
    if (!value.includes('bulkId:')) return value;
    return value.replace(
      /(^|[/"])bulkId:([^/"]*)(?=$|")/g,
      (_, before: string, reference: string) => before + resolve(reference),
    );
  }
  if (Array.isArray(value)) return value.map((each) => resolveReferences(each, resolve));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, resolveReferences(member, resolve)]),
  );
}
