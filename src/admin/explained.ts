/** Exchanges with what they mean in words: names and reasons are looked up in the directory, when somebody reads. */
import { operator } from '../directory/caller.ts';
import type { Directory } from '../directory/directory.ts';
import { isDeactivation } from '../events/change-record.ts';
import type { Document } from '../scim/document.ts';
import { type LoggedExchange, mentionKey } from '../store/exchanges.ts';
import type { Store, StoredResource, Token } from '../store/store.ts';
import { type Known, type Meaning, meaningOf } from './meaning.ts';

export interface ExplainedExchange extends LoggedExchange {
  readonly meaning: Meaning;
}

/** Changes of one resource that are looked through. */
const mostChanges = 2000;

export class ExchangeWords {
  readonly #store: Store;
  readonly #directory: Directory;

  constructor(store: Store, directory: Directory) {
    this.#store = store;
    this.#directory = directory;
  }

  /** In the order given. */
  async explain(exchanges: readonly LoggedExchange[]): Promise<readonly ExplainedExchange[]> {
    const names = await this.#names(exchanges);
    const tokens = exchanges.some(({ refused }) => refused !== undefined)
      ? await this.#store.listTokens()
      : [];
    const explained: ExplainedExchange[] = [];
    for (const exchange of exchanges) {
      const { tenant } = exchange;
      const ended = endOf(exchange, tokens);
      const holder = await this.#holder(exchange);
      const known: Known = {
        nameOf: (id) => names.get(`${tenant} ${id}`),
        ...(holder === undefined ? {} : { holder }),
        ...(ended === undefined ? {} : { ended: dayOf(ended) }),
      };
      explained.push({ ...exchange, meaning: meaningOf(exchange, known) });
    }
    return explained;
  }

  /** What exchanges about somebody are found by: the text, and the ids of those who are called so. */
  async about(tenant: number | undefined, text: string): Promise<string[]> {
    const keys = new Set([mentionKey(text)]);
    const tenants =
      tenant === undefined ? (await this.#store.tenants()).map(({ number }) => number) : [tenant];
    for (const number of tenants)
      for (const [typeName, attributes] of [
        ['User', ['userName', 'externalId', 'emails.value']],
        ['Group', ['displayName', 'externalId']],
      ] as const)
        for (const attribute of attributes) {
          const found = await this.#search(number, typeName, attribute, text);
          for (const { id } of found) keys.add(mentionKey(id));
        }
    return [...keys];
  }

  async #search(
    tenant: number,
    typeName: string,
    attribute: string,
    text: string,
  ): Promise<readonly StoredResource[]> {
    const type = this.#store.registry.resourceTypes.find(({ name }) => name === typeName);
    if (type === undefined) return [];
    const caller = operator(tenant, { kind: 'admin' }, 'strict');
    const filter = `${attribute} eq ${JSON.stringify(text)}`;
    try {
      return (await this.#directory.list(caller, { types: [type], filter, limit: 5 })).resources;
    } catch {
      // A text that cannot be compared is nobody's.
      return [];
    }
  }

  /** Names of those whom the exchanges are about, by tenant and id; from the last change of those who are gone. */
  async #names(exchanges: readonly LoggedExchange[]): Promise<ReadonlyMap<string, string>> {
    const wanted = new Map<number, Set<string>>();
    for (const { tenant, subject, name, asked } of exchanges) {
      if (tenant === undefined) continue;
      const ids = wanted.get(tenant) ?? new Set();
      wanted.set(tenant, ids);
      if (subject !== undefined && name === undefined) ids.add(subject);
      if (asked.kind === 'update')
        for (const id of [...(asked.added ?? []), ...(asked.removed ?? [])]) ids.add(id);
    }
    const names = new Map<string, string>();
    for (const [tenant, ids] of wanted) {
      if (ids.size === 0) continue;
      const found = await this.#store.feed.resources(tenant, ids);
      for (const [id, { resource }] of found) {
        const name = nameOfDocument(JSON.parse(resource.body) as Document);
        if (name !== undefined) names.set(`${tenant} ${id}`, name);
      }
      for (const id of ids)
        if (!found.has(id)) {
          const changes = await this.#store.changes({ tenant, id, limit: mostChanges });
          const name = nameOfDocument(changes.findLast(({ last }) => last !== undefined)?.last?.document);
          if (name !== undefined) names.set(`${tenant} ${id}`, name);
        }
    }
    return names;
  }

  /** Who has the value that was refused, as it is now. */
  async #holder(exchange: LoggedExchange): Promise<string | undefined> {
    const { scimType, detail, tenant, type, asked, at } = exchange;
    if (scimType !== 'uniqueness' || tenant === undefined || type === undefined || detail === undefined)
      return undefined;
    const [, path, value] = /^([\w.:-]+) ("(?:[^"\\]|\\.)*") is already in use/.exec(detail) ?? [];
    if (path === undefined || value === undefined) return undefined;
    const [holder] = await this.#search(tenant, type, path, JSON.parse(value));
    const what = path === 'userName' || path === 'displayName' ? 'the name' : path;
    if (holder === undefined || Date.parse(holder.created) > at)
      return `${what} was taken then; nobody has it now`;
    const { active, externalId } = JSON.parse(holder.body) as Document;
    const noun = type === 'User' ? 'a person' : `a ${type.toLowerCase()}`;
    const same =
      asked.kind !== 'create' || asked.externalId === undefined || typeof externalId !== 'string'
        ? ''
        : asked.externalId === externalId
          ? ', same externalId'
          : ', another externalId';
    if (active !== false) return `${what} is taken by ${noun} created on ${dayOf(holder.created)}${same}`;
    const changes = await this.#store.changes({ tenant, id: holder.id, limit: mostChanges });
    const left = changes.findLast(({ edits }) => edits.some(isDeactivation));
    const when = left === undefined ? '' : ` on ${dayOf(left.at)}`;
    return `${what} is taken by ${noun} deactivated${when}${same}`;
  }
}

function endOf({ refused, token, at }: LoggedExchange, tokens: readonly Token[]): string | undefined {
  if (refused === undefined) return undefined;
  const found = tokens.find(({ id }) => id === token);
  const end = refused === 'revoked' ? found?.revoked : found?.expires;
  return end !== undefined && Date.parse(end) <= at ? end : undefined;
}

/** What a resource is called. */
export function nameOfDocument(document: Document | undefined): string | undefined {
  const name = document?.userName ?? document?.displayName;
  return typeof name === 'string' ? name : undefined;
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);

/** `2 May`, with the year where it is not this one; in UTC. */
export function dayOf(time: string | number | Date): string {
  const date = new Date(time);
  const year = date.getUTCFullYear() === new Date().getUTCFullYear() ? '' : ` ${date.getUTCFullYear()}`;
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}${year}`;
}
