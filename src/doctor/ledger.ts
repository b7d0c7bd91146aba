/** The book of what a visit makes: nothing else is ever changed, and all of it is deleted at the end. */
import type { Request, RoundTrip } from '../scim-client.ts';
import { type Made, NotMade } from './check.ts';
import type { ExaminedServer } from './examined-server.ts';
import { membersOf, resourcesOf, statusWithReason } from './expect.ts';
import { eq, query } from './messages.ts';

/** One POST that may have made something. */
interface Entry {
  readonly collection: string;
  /** userName or displayName that was sent; how it is found when the answer told no id. */
  readonly name: string | undefined;
  readonly word: string | undefined;
  made: Made | undefined;
  deleted: boolean;
  /** It may have been made twice, or in spite of an error. */
  repeated: boolean;
}

/** What could not be deleted, for a person to do it. */
export interface LeftOver {
  readonly url: string;
  readonly name: string | undefined;
  readonly reason: string;
}

export interface Cleanup {
  readonly made: number;
  readonly deleted: number;
  readonly left: readonly LeftOver[];
}

/** With so many requests in a row unanswered the server is taken to be gone. */
export const silenceLimit = 3;

export class Ledger {
  readonly #client: ExaminedServer;
  readonly #mark: string;
  readonly #stranger: string;
  readonly #entries: Entry[] = [];

  constructor(client: ExaminedServer, mark: string, stranger: string) {
    this.#client = client;
    this.#mark = mark;
    this.#stranger = stranger;
  }

  made(word: string): Made {
    const entry = this.#entries.findLast((candidate) => candidate.word === word && candidate.made);
    if (entry?.made === undefined) throw new NotMade(`needs "${word}", which could not be made`);
    return entry.made;
  }

  has(word: string): boolean {
    return this.#entries.some((entry) => entry.word === word && entry.made !== undefined);
  }

  /** May it be sent? Only reads, POST, and changes of what this visit made. */
  checkAllowed({ method, path }: Request): void {
    if (method === 'GET' || method === 'POST' || path.includes(this.#stranger)) return;
    const [target] = path.split('?');
    if (this.#entries.some(({ made }) => made !== undefined && made.path === target)) return;
    throw new Error(`${method} ${path} is none of what this visit made`);
  }

  /** Sends a POST and writes down what it made, under the word if there is one. */
  async post(request: Request, word: string | undefined): Promise<RoundTrip> {
    const { userName, displayName } = membersOf(request.body);
    const name = userName ?? displayName;
    const entry: Entry = {
      collection: request.path.split('?')[0] ?? '',
      name: typeof name === 'string' ? name : undefined,
      word,
      made: undefined,
      deleted: false,
      repeated: false,
    };
    this.#entries.push(entry);
    const exchange = await this.#client.send(request);
    const { answer } = exchange;
    entry.repeated = exchange.repeated;
    if (answer !== undefined && answer.status >= 300 && answer.status < 500 && !entry.repeated) {
      this.#entries.splice(this.#entries.indexOf(entry), 1);
    } else if (answer !== undefined && answer.status < 300) {
      const id = membersOf(answer.json).id ?? lastSegment(answer.headers.get('location'));
      const path = pathOfId(entry.collection, id);
      // An answer that does not show our name might be about somebody else's resource.
      if (path !== undefined && (answer.text.includes(this.#mark) || (await this.#isOurs(path))))
        entry.made = { id: String(id), path, json: answer.json };
    }
    return exchange;
  }

  /** A check deleted it itself. */
  noteDeleted(path: string): void {
    for (const entry of this.#entries) if (entry.made?.path === path) entry.deleted = true;
  }

  async #isOurs(path: string): Promise<boolean> {
    const { answer } = await this.#client.send({ method: 'GET', path });
    return answer?.status === 200 && answer.text.includes(this.#mark);
  }

  /** Deletes all that is left, the newest first and groups before their members. */
  async cleanUp(): Promise<Cleanup> {
    const left: LeftOver[] = [];
    this.#client.silent = 0;
    for (const entry of this.#entries.filter(({ made, repeated }) => made === undefined || repeated)) {
      const problem = await this.#lookUp(entry);
      if (problem !== undefined)
        left.push({ url: this.#client.base + entry.collection, name: entry.name, reason: problem });
    }
    const made = this.#entries.filter((entry) => entry.made !== undefined);
    const standing = made.filter(({ deleted }) => !deleted).reverse();
    standing.sort((a, b) => Number(b.collection === '/Groups') - Number(a.collection === '/Groups'));
    for (const entry of standing) {
      const reason = await this.#delete(entry.made!.path);
      if (reason === undefined) entry.deleted = true;
      else left.push({ url: this.#client.base + entry.made!.path, name: entry.name, reason });
    }
    return { made: made.length, deleted: made.filter(({ deleted }) => deleted).length, left };
  }

  async #delete(path: string): Promise<string | undefined> {
    let reason = 'the server stopped answering';
    for (let attempt = 0; attempt < 2 && this.#client.silent < silenceLimit; attempt++) {
      const { answer, failure } = await this.#client.send({ method: 'DELETE', path });
      if (answer !== undefined && ((answer.status >= 200 && answer.status < 300) || answer.status === 404))
        return undefined;
      reason =
        answer === undefined ? (failure?.message ?? reason) : `DELETE gave ${statusWithReason(answer)}`;
      if (answer !== undefined && answer.status < 500) break;
    }
    return reason;
  }

  /** Finds what a POST made whose answer did not tell. Resolves to what is wrong, if it cannot be known. */
  async #lookUp(entry: Entry): Promise<string | undefined> {
    const { collection, name } = entry;
    const attribute = { '/Users': 'userName', '/Groups': 'displayName' }[collection];
    if (attribute === undefined || name === undefined) return undefined;
    if (this.#client.silent >= silenceLimit) return 'it may exist: the server stopped answering';
    const path = query(collection, { filter: eq(attribute, name), count: 10 });
    const { answer } = await this.#client.send({ method: 'GET', path });
    if (answer?.status === 404) return undefined;
    if (answer?.status !== 200)
      return 'it may exist: its POST had no clear answer, and it cannot be looked up';
    const known = new Set(this.#entries.map(({ made }) => made?.id));
    for (const resource of resourcesOf(answer.json)) {
      const found = membersOf(resource);
      const same = String(found[attribute]).toLowerCase() === name.toLowerCase();
      const ours = pathOfId(collection, found.id);
      if (same && ours !== undefined && !known.has(String(found.id)))
        this.#entries.push({
          ...entry,
          word: undefined,
          deleted: false,
          made: { id: String(found.id), path: ours, json: found },
        });
    }
    return undefined;
  }
}

function lastSegment(location: string | null): string | undefined {
  const segment = location?.split(/[?#]/)[0]?.split('/').at(-1);
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Undefined for what would address something else than one resource. */
function pathOfId(collection: string, id: unknown): string | undefined {
  if ((typeof id !== 'string' && typeof id !== 'number') || /^\.{0,2}$/.test(String(id))) return undefined;
  return `${collection}/${encodeURIComponent(id)}`;
}
