/** The resources of another SCIM server, page by page: by cursor (RFC 9865) where it offers that, else by index. */
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../../package.json' with { type: 'json' };
import { CommandError } from '../ops/command-error.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { edgeAttribute } from '../scim/resource.ts';
import { isObject } from '../scim/value.ts';
import type { Item } from './load.ts';

/** A server that is there, and what it tells of itself. */
export interface Remote {
  readonly base: string;
  readonly client: Client;
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
/** Milliseconds. */
const timeout = 60_000;
const longestWait = 60_000;

/** Those with members come last: then their members are known. */
export function inOrder(registry: Registry): ResourceType[] {
  const isGroup = (type: ResourceType) => Number(edgeAttribute(type) !== undefined);
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
  const client = new Client(base, token, stop);
  const config = await client.get('/ServiceProviderConfig');
  const told = config.status === 200 && isObject(config.json) ? config.json : {};
  const endpoints = await client.endpoints();
  // A server need not have discovery, but then it must have a list.
  if (!Array.isArray(told.schemas) && endpoints === undefined) {
    const found = [`/ServiceProviderConfig ${said(config)}`];
    for (const { endpoint } of types) {
      const answer = await client.get(`${endpoint}?startIndex=1&count=1`);
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
    client,
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
  const { client, byCursor, endpoints } = input.remote;
  const types = inOrder(input.registry).filter(({ name }) => input.only === undefined || name === input.only);
  const first = Math.max(
    0,
    types.findIndex(({ name }) => name === input.from?.type),
  );
  for (const [index, type] of types.slice(first).entries()) {
    const endpoint = endpoints?.get(type.schema.id.toLowerCase()) ?? (endpoints ? undefined : type.endpoint);
    if (endpoint === undefined) continue;
    const from = index === 0 ? input.from : undefined;
    yield* new Pages(client, type, endpoint, input.note).items(byCursor, from);
  }
}

class Pages {
  private readonly client: Client;
  private readonly type: ResourceType;
  private readonly endpoint: string;
  private readonly note: (text: string) => void;

  constructor(client: Client, type: ResourceType, endpoint: string, note: (text: string) => void) {
    this.client = client;
    this.type = type;
    this.endpoint = endpoint;
    this.note = note;
  }

  async *items(byCursor: boolean, from: RemotePosition | undefined): AsyncGenerator<Item<RemotePosition>> {
    const { name } = this.type;
    let startIndex = from?.startIndex ?? 1;
    let cursor: string | undefined = byCursor ? (from?.cursor ?? '') : undefined;
    let firstId: unknown;
    for (;;) {
      const page = await this.page(cursor, startIndex);
      if (page === undefined) return;
      const { resources, total } = page;
      const [first] = resources;
      if (first !== undefined && first.id !== undefined && first.id === firstId)
        throw new CommandError(
          `${this.endpoint} gives the same page again and again`,
          'The server does not page as RFC 7644 §3.4.2.4 says; what came is imported.',
        );
      firstId = first?.id;
      const next = startIndex + resources.length;
      cursor = page.next;
      const isLast = byCursor ? cursor === undefined : resources.length === 0 || next > total;
      for (const [index, resource] of resources.entries()) {
        const last = index === resources.length - 1;
        yield {
          place: `${this.endpoint.slice(1)}:${startIndex + index}`,
          found: { type: this.type, body: await this.complete(resource) },
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
        this.note(`${this.endpoint}: ${startIndex - 1} of the ${total} that it tells of came`);
      return;
    }
  }

  /** Undefined where the server has no such endpoint. */
  private async page(cursor: string | undefined, startIndex: number) {
    const query = cursor === undefined ? `startIndex=${startIndex}` : `cursor=${encodeURIComponent(cursor)}`;
    const { status, json, bytes } = await this.client.get(`${this.endpoint}?${query}&count=${pageSize}`);
    if (status === 404 || status === 501) return undefined;
    if (status === 400 && cursor)
      throw new CommandError(
        `${this.endpoint}: the place where it stopped is not known there any more`,
        'Import from the start, without --resume: what is there already stays.',
      );
    if (status !== 200 || !isList(json)) throw unexpected(this.endpoint, status);
    const resources = (Array.isArray(json.Resources) ? json.Resources : []).filter(isObject);
    const total = typeof json.totalResults === 'number' ? json.totalResults : resources.length;
    const next = typeof json.nextCursor === 'string' && json.nextCursor !== '' ? json.nextCursor : undefined;
    return { resources, total, next, bytes };
  }

  /** Some servers leave members out of lists. */
  private async complete(resource: Record<string, unknown>): Promise<unknown> {
    const edges = edgeAttribute(this.type);
    if (edges === undefined || edges.name in resource || typeof resource.id !== 'string') return resource;
    const { status, json } = await this.client.get(`${this.endpoint}/${encodeURIComponent(resource.id)}`);
    return status === 200 && isObject(json) ? json : resource;
  }
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly bytes: number;
}

class Client {
  private readonly base: string;
  private readonly token: string | undefined;
  private readonly stop: AbortSignal;

  constructor(base: string, token: string | undefined, stop: AbortSignal) {
    this.base = base;
    this.token = token;
    this.stop = stop;
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
      const path = type.endpoint.startsWith(this.base)
        ? type.endpoint.slice(this.base.length)
        : type.endpoint;
      if (/^\/?[\w.~-]+$/.test(path)) endpoints.set(type.schema.toLowerCase(), `/${path.replace(/^\//, '')}`);
    }
    return endpoints.size === 0 ? undefined : endpoints;
  }

  /** Waits and tries again where that may help. */
  async get(path: string): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.once(path, attempt === attempts);
      if (answer === undefined) {
        await this.wait(attempt * 1000);
        continue;
      }
      const { status } = answer;
      if (status === 401 || status === 403)
        throw new CommandError(
          `${this.base} does not take the token: ${status}`,
          'Give one that may read users and groups: --token-file FILE.',
        );
      if (status !== 429 && status < 500) return answer;
      if (status === 501) return answer;
      if (attempt === attempts) throw unexpected(path.split('?')[0] ?? '', status);
      await this.wait(answer.retryAfter ?? attempt * 1000);
    }
  }

  private async once(path: string, last: boolean): Promise<(Answer & { retryAfter?: number }) | undefined> {
    try {
      const response = await fetch(this.base + path, {
        headers: {
          accept: 'application/scim+json, application/json;q=0.5',
          'user-agent': `scimd-import/${manifest.version}`,
          ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        },
        // The token is for the given URL only.
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(timeout), this.stop]),
      });
      const text = await response.text();
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      return {
        status: response.status,
        json: parse(text),
        bytes: text.length,
        ...(seconds >= 0 ? { retryAfter: Math.min(seconds * 1000, longestWait) } : {}),
      };
    } catch (error) {
      if (this.stop.aborted) throw new CommandError('interrupted', undefined, { cause: error });
      if (!last) return undefined;
      const cause = (error as { cause?: Error }).cause ?? (error as Error);
      throw new CommandError(
        `${this.base} does not answer: ${cause.message}`,
        'Is the address right, and can it be reached from here?',
        { cause: error },
      );
    }
  }

  private async wait(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stop }).catch(() => undefined);
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
