/** The resources of another SCIM server, page by page: by cursor (RFC 9865) where it offers that, else by index. */
import { CommandError } from '../ops/command-error.ts';
import { membersAttribute } from '../scim/document.ts';
import { isObject } from '../scim/object.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { type Answer, retryAfter, ScimClient } from '../scim-client.ts';
import type { Item } from './load.ts';

/** A server that is there, and what it tells of itself. */
export interface Remote {
  readonly base: string;
  readonly server: RemoteServer;
  readonly byCursor: boolean;
  /** By base schema; undefined if the server does not tell. */
  readonly endpoints: ReadonlyMap<string, string> | undefined;
}

export interface RemoteInput {
  readonly remote: Remote;
  readonly registry: Registry;
  /** Only of this type. */
  readonly only: string | undefined;
  readonly from: RemotePosition | undefined;
  /** Told what the operator should know. */
  note(text: string): void;
}

/** What comes next: the page of a type. */
export interface RemotePosition {
  readonly type: string;
  readonly startIndex: number;
  readonly cursor?: string;
}

const pageSize = 100;
const attempts = 5;
const timeoutSeconds = 60;
/** Milliseconds. */
const longestWait = 60_000;
/** A page of groups has their members. */
const answerBytes = 256 * 1024 * 1024;

/** Those with members come last: then their members are known. */
export function inOrder(registry: Registry): ResourceType[] {
  const isGroup = (type: ResourceType) => Number(membersAttribute(type) !== undefined);
  return [...registry.resourceTypes].sort((a, b) => isGroup(a) - isGroup(b));
}

/**
 * Looks whether there is a SCIM server to take these types from, before anything is written here.
 * @throws CommandError if there is none, or if it does not take the token.
 */
export async function findRemote(
  base: string,
  token: string | undefined,
  types: readonly ResourceType[],
  stop: AbortSignal,
): Promise<Remote> {
  const server = new RemoteServer(base, token, stop);
  const config = await server.get('/ServiceProviderConfig');
  const told = config.status === 200 && isObject(config.json) ? config.json : {};
  const endpoints = await server.endpoints();
  // A server need not have discovery, but then it must have a list.
  if (!Array.isArray(told.schemas) && endpoints === undefined) {
    const found = [`/ServiceProviderConfig ${said(config)}`];
    for (const { endpoint } of types) {
      const answer = await server.get(`${endpoint}?startIndex=1&count=1`);
      if (isList(answer.json)) break;
      found.push(`${endpoint} ${said(answer)}`);
    }
    if (found.length > types.length)
      throw new CommandError(
        `there is no SCIM server at ${base}: ${found.join(', ')}`,
        'Check the path: the base of a SCIM server often ends with /scim/v2.',
      );
  }
  return {
    base,
    server,
    byCursor: isObject(told.pagination) && told.pagination.cursor === true,
    endpoints,
  };
}

const said = ({ status }: Answer): string => (status === 200 ? 'is no SCIM message' : `is ${status}`);

/** A ListResponse (RFC 7644 §3.4.2), whatever else it lacks. */
function isList(json: unknown): json is Record<string, unknown> {
  return isObject(json) && (typeof json.totalResults === 'number' || Array.isArray(json.Resources));
}

export async function* remoteItems(input: RemoteInput): AsyncGenerator<Item<RemotePosition>> {
  const { server, byCursor, endpoints } = input.remote;
  const types = inOrder(input.registry).filter(({ name }) => input.only === undefined || name === input.only);
  const first = Math.max(
    0,
    types.findIndex(({ name }) => name === input.from?.type),
  );
  for (const [index, type] of types.slice(first).entries()) {
    const endpoint = endpoints?.get(type.schema.id.toLowerCase()) ?? (endpoints ? undefined : type.endpoint);
    if (endpoint === undefined) continue;
    const from = index === 0 ? input.from : undefined;
    yield* new Pages(server, type, endpoint, input.note).items(byCursor, from);
  }
}

class Pages {
  readonly #server: RemoteServer;
  readonly #type: ResourceType;
  readonly #endpoint: string;
  readonly #note: (text: string) => void;

  constructor(server: RemoteServer, type: ResourceType, endpoint: string, note: (text: string) => void) {
    this.#server = server;
    this.#type = type;
    this.#endpoint = endpoint;
    this.#note = note;
  }

  async *items(byCursor: boolean, from: RemotePosition | undefined): AsyncGenerator<Item<RemotePosition>> {
    const { name } = this.#type;
    let startIndex = from?.startIndex ?? 1;
    let cursor: string | undefined = byCursor ? (from?.cursor ?? '') : undefined;
    let firstId: unknown;
    for (;;) {
      const page = await this.#page(cursor, startIndex);
      if (page === undefined) return;
      const { resources, total } = page;
      const [first] = resources;
      if (first !== undefined && first.id !== undefined && first.id === firstId)
        throw new CommandError(
          `${this.#endpoint} gives the same page again and again`,
          'The server does not page as RFC 7644 §3.4.2.4 says; what came is imported.',
        );
      firstId = first?.id;
      const next = startIndex + resources.length;
      cursor = page.next;
      const isLast = byCursor ? cursor === undefined : resources.length === 0 || next > total;
      for (const [index, resource] of resources.entries()) {
        const last = index === resources.length - 1;
        yield {
          place: `${this.#endpoint.slice(1)}:${startIndex + index}`,
          found: { type: this.#type, body: await this.#complete(resource) },
          bytes: page.bytes / resources.length,
          ...(last && !isLast
            ? { position: { type: name, startIndex: next, ...(cursor === undefined ? {} : { cursor }) } }
            : {}),
          part: Math.min(1, (startIndex + index) / Math.max(total, 1)),
        };
      }
      startIndex = next;
      if (!isLast) continue;
      if (startIndex - 1 < total)
        this.#note(`${this.#endpoint}: ${startIndex - 1} of the ${total} that it tells of came`);
      return;
    }
  }

  /** Undefined where the server has no such endpoint. */
  async #page(cursor: string | undefined, startIndex: number) {
    const query = cursor === undefined ? `startIndex=${startIndex}` : `cursor=${encodeURIComponent(cursor)}`;
    const { status, json, text } = await this.#server.get(`${this.#endpoint}?${query}&count=${pageSize}`);
    if (status === 404 || status === 501) return undefined;
    if (status === 400 && cursor)
      throw new CommandError(
        `${this.#endpoint}: the place where it stopped is not known there any more`,
        'Import from the start, without --resume: what is there already stays.',
      );
    if (status !== 200 || !isList(json)) throw unexpected(this.#endpoint, status);
    const resources = (Array.isArray(json.Resources) ? json.Resources : []).filter(isObject);
    const total = typeof json.totalResults === 'number' ? json.totalResults : resources.length;
    const next = typeof json.nextCursor === 'string' && json.nextCursor !== '' ? json.nextCursor : undefined;
    return { resources, total, next, bytes: text.length };
  }

  /** Some servers leave members out of lists. */
  async #complete(resource: Record<string, unknown>): Promise<unknown> {
    const members = membersAttribute(this.#type);
    if (members === undefined || members.name in resource || typeof resource.id !== 'string') return resource;
    const { status, json } = await this.#server.get(`${this.#endpoint}/${encodeURIComponent(resource.id)}`);
    return status === 200 && isObject(json) ? json : resource;
  }
}

/** The server to import from: asks again where that may help. */
class RemoteServer {
  readonly #base: string;
  readonly #client: ScimClient;

  constructor(base: string, token: string | undefined, stop: AbortSignal) {
    this.#base = base;
    this.#client = new ScimClient({
      base,
      token,
      program: 'scimd-import',
      timeoutSeconds,
      answerBytes,
      signal: stop,
      patience({ answer }, attempt) {
        const mayHelp =
          answer === undefined || answer.status === 429 || (answer.status >= 500 && answer.status !== 501);
        if (!mayHelp || attempt === attempts) return undefined;
        const asked = answer === undefined ? undefined : retryAfter(answer);
        return Math.min(asked ?? attempt * 1000, longestWait);
      },
    });
  }

  /** By base schema; undefined if the server does not tell. */
  async endpoints(): Promise<Map<string, string> | undefined> {
    const { status, json } = await this.get('/ResourceTypes');
    const list = isObject(json) && Array.isArray(json.Resources) ? json.Resources : json;
    if (status !== 200 || !Array.isArray(list)) return undefined;
    const endpoints = new Map<string, string>();
    for (const type of list) {
      if (!isObject(type) || typeof type.schema !== 'string' || typeof type.endpoint !== 'string') continue;
      // Some give the whole URL.
      const path = type.endpoint.startsWith(this.#base)
        ? type.endpoint.slice(this.#base.length)
        : type.endpoint;
      if (/^\/?[\w.~-]+$/.test(path)) endpoints.set(type.schema.toLowerCase(), `/${path.replace(/^\//, '')}`);
    }
    return endpoints.size === 0 ? undefined : endpoints;
  }

  /** @throws CommandError if no answer comes, the token is refused, or the server goes on failing. */
  async get(path: string): Promise<Answer> {
    const { answer, failure } = await this.#client.send({ method: 'GET', path });
    if (answer === undefined) {
      if (failure?.code === 'ENDED') throw new CommandError('interrupted');
      throw new CommandError(
        `${this.#base} does not answer: ${failure?.message}`,
        'Is the address right, and can it be reached from here?',
      );
    }
    const { status } = answer;
    if (status === 401 || status === 403)
      throw new CommandError(
        `${this.#base} does not take the token: ${status}`,
        'Give one that may read users and groups: --token-file FILE.',
      );
    if (status === 429 || (status >= 500 && status !== 501))
      throw unexpected(path.split('?')[0] ?? '', status);
    return answer;
  }
}

function unexpected(path: string, status: number): CommandError {
  return new CommandError(
    status === 200
      ? `${path} answered with something else than a list of resources`
      : `${path} answered ${status}, where 200 and a list belong`,
    'Examine the server: scimd doctor URL --token-file FILE',
  );
}
