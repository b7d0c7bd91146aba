/**
 * A SCIM server of users and groups that takes the plainest requests and refuses all others with 400, so that it never
 * loses anything; but each fault makes it lose something behind a 2xx, as servers do that were seen.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** Members that name nobody are filtered away, and what is left replaces the list. */
  | 'filters-members'
  /** `remove` clears the attribute, whatever its value names. */
  | 'remove-ignores-value'
  /** A PATCH that is not understood is answered with 200 and the resource as it is. */
  | 'says-done'
  /** A value path without a match stores what its filter says, and not the value. */
  | 'stores-filter-only'
  /** A text for an object becomes the `value` of one. */
  | 'text-becomes-value'
  /** Only these attributes of a body are stored. */
  | 'drops-attributes'
  /** A group of a known name is stored over the first one. */
  | 'overwrites-group'
  /** The 400 comes when the members are gone already. */
  | 'refuses-after-change'
  /** An unexpected value is answered 500. */
  | 'fails'
  /** `active` can be removed. */
  | 'forgets-active'
  /** Values that are left when one goes have only their value and type. */
  | 'thins-values';

type Resource = Record<string, unknown> & { id: string };
interface Operation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

class Refusal extends Error {}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isValue = (value: unknown): value is { value: string } =>
  isObject(value) && typeof value.value === 'string' && value.value !== '';
const same = (a: unknown, b: unknown) => String(a).toLowerCase() === String(b).toLowerCase();

class Losing {
  readonly stored = new Map<string, Resource>();
  readonly #faults: ReadonlySet<Fault>;

  constructor(faults: readonly Fault[]) {
    this.#faults = new Set(faults);
  }

  answer(method: string, path: string, body: unknown): { readonly status: number; readonly json?: object } {
    const [, collection = '', id] = /^\/(\w+)(?:\/([^/?]+))?/.exec(path) ?? [];
    if (collection === 'ServiceProviderConfig')
      return {
        status: 200,
        json: {
          schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
          patch: { supported: true },
        },
      };
    if (collection !== 'Users' && collection !== 'Groups') return { status: 404 };
    if (method === 'POST') return this.#create(collection, body);
    const found = id === undefined ? undefined : this.stored.get(`${collection}/${id}`);
    if (id === undefined) return { status: 200, json: this.#list(collection) };
    if (found === undefined) return { status: 404 };
    if (method === 'GET') return { status: 200, json: found };
    if (method === 'DELETE') {
      this.stored.delete(`${collection}/${id}`);
      return { status: 204 };
    }
    const changed = structuredClone(found);
    if (method === 'PUT') this.#replaceAll(changed, this.#checked(body));
    else
      for (const operation of (body as { Operations: Operation[] }).Operations)
        this.#apply(changed, operation);
    this.stored.set(`${collection}/${id}`, changed);
    return { status: 200, json: changed };
  }

  #list(collection: string): object {
    const Resources = [...this.stored]
      .filter(([key]) => key.startsWith(`${collection}/`))
      .map(([, each]) => each);
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: Resources.length,
      Resources,
    };
  }

  #create(collection: string, body: unknown): { readonly status: number; readonly json: object } {
    const sent = this.#checked(body);
    const first = [...this.stored].find(
      ([key, each]) =>
        key.startsWith('Groups/') && collection === 'Groups' && same(each.displayName, sent.displayName),
    )?.[1];
    const resource: Resource = {
      ...sent,
      id: first !== undefined && this.#faults.has('overwrites-group') ? first.id : randomUUID(),
    };
    this.stored.set(`${collection}/${resource.id}`, resource);
    return { status: 201, json: resource };
  }

  #replaceAll(resource: Resource, sent: Record<string, unknown>): void {
    for (const name of Object.keys(resource)) if (name !== 'id' && name !== 'active') delete resource[name];
    Object.assign(resource, sent, { id: resource.id });
  }

  /** A body without what it may not have. */
  #checked(body: unknown): Record<string, unknown> {
    if (!isObject(body) || !Array.isArray(body.schemas)) throw new Refusal('schemas');
    const attributes = Object.entries(body).map(([name, value]) => {
      if (/:\w+$/.test(name) && !isObject(value)) throw new Refusal(name);
      if (name === 'profileUrl' && String(value).trim() === '') throw new Refusal(name);
      return [name, this.#valuesFor(name, value)] as const;
    });
    const kept = ['schemas', 'userName', 'displayName', 'name', 'emails', 'members', 'active', 'nickName'];
    return Object.fromEntries(
      attributes.filter(([name]) => !this.#faults.has('drops-attributes') || kept.includes(name)),
    );
  }

  /** Of `members` and `emails` each must be a value. */
  #valuesFor(name: string, value: unknown): unknown {
    if (name !== 'members' && name !== 'emails') return value;
    if (Array.isArray(value) && value.every(isValue)) return value;
    if (this.#faults.has('text-becomes-value')) {
      const texts = typeof value === 'string' ? [value] : value;
      if (Array.isArray(texts) && texts.every((each) => typeof each === 'string' && each !== ''))
        return texts.map((text) => ({ value: text }));
    }
    if (this.#faults.has('filters-members') && name === 'members')
      return (Array.isArray(value) ? value : [value]).filter(isValue);
    throw new Refusal(name);
  }

  #apply(resource: Resource, operation: Operation): void {
    try {
      this.#applyStrictly(resource, operation);
    } catch (error) {
      if (!(error instanceof Refusal) || !this.#faults.has('says-done')) throw error;
    }
  }

  #applyStrictly(resource: Resource, { op, path, value }: Operation): void {
    if (path === undefined) {
      if (!isObject(value)) throw new Refusal('value');
      for (const [name, each] of Object.entries(value))
        this.#apply(resource, { op, path: name, value: each });
      return;
    }
    const selected = /^(\w+)\[(\w+) eq "([^"]*)"\](?:\.(\w+))?$/.exec(path);
    if (selected !== null) {
      this.#applySelected(resource, op, selected, value);
      return;
    }
    if (!(path in resource) || path.includes(':')) throw new Refusal(path);
    if (op === 'remove') {
      if (path === 'active' && !this.#faults.has('forgets-active')) throw new Refusal('active');
      if (value !== undefined && !this.#faults.has('remove-ignores-value')) throw new Refusal('value');
      delete resource[path];
    } else if (path === 'members' && this.#faults.has('refuses-after-change') && !Array.isArray(value)) {
      const stored = this.stored.get(`Groups/${resource.id}`);
      if (stored !== undefined) stored.members = [];
      throw new Refusal('members');
    } else if (op === 'add' && (path === 'members' || path === 'emails')) {
      resource[path] = [...(resource[path] as unknown[]), ...(this.#valuesFor(path, value) as unknown[])];
    } else if (path === 'members' || path === 'emails') {
      resource[path] = this.#valuesFor(path, value);
    } else {
      if (typeof value !== typeof resource[path]) throw new Refusal(path);
      if (path === 'name' && !('givenName' in (value as object))) throw new Refusal(path);
      resource[path] = value;
    }
  }

  #applySelected(
    resource: Resource,
    op: string,
    [, name = '', by = '', wanted = '', sub]: readonly (string | undefined)[],
    value: unknown,
  ): void {
    const values = resource[name];
    if (!Array.isArray(values)) throw new Refusal(name);
    const index = values.findIndex((each) => same(each[by], wanted));
    if (index < 0 && this.#faults.has('stores-filter-only')) values.push({ [by]: wanted });
    else if (index < 0) throw new Refusal('noTarget');
    else if (op === 'replace' && sub !== undefined && this.#faults.has('thins-values'))
      resource[name] = values.map(({ value: each, type }, at) => ({
        value: at === index ? value : each,
        type,
      }));
    else if (op === 'remove' && value === undefined) values.splice(index, 1);
    else if (sub !== undefined && typeof value === 'string') values[index][sub] = value;
    else throw new Refusal(name);
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text === '' ? undefined : JSON.parse(text);
}

export interface LosingServer {
  readonly base: string;
  size(): number;
  close(): void;
}

export async function startLosing(...faults: readonly Fault[]): Promise<LosingServer> {
  const losing = new Losing(faults);
  const server = createServer(async (request, response) => {
    const answer = (status: number, json?: object): void => {
      response.writeHead(status, { 'content-type': 'application/scim+json' });
      response.end(json === undefined ? '' : JSON.stringify(json));
    };
    const body = await bodyOf(request).catch(() => undefined);
    try {
      const { status, json } = losing.answer(request.method ?? '', request.url ?? '', body);
      answer(status, json);
    } catch (error) {
      const status = error instanceof Refusal && !faults.includes('fails') ? 400 : 500;
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
      answer(status, { schemas, status: String(status), detail: String(error) });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    size: () => losing.stored.size,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
