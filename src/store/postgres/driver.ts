/**
 * One connection, and the only module that knows the driver. Measured on two cores, 32 requests at once over one
 * connection: `pg` answers 8,400 reads a second, 25,900 when it need not wait for one answer to send the next statement,
 * and the package `postgres` 29,300, with the same time of the processor for each.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { isForgottenStatement, Stalled } from '../sql/postgres-errors.ts';
import type { PostgresAddress } from './address.ts';
import { type Answered, stalls } from './stalls.ts';

export type Value =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly (string | number | null | Uint8Array)[];

export interface Rows {
  readonly rows: unknown[][];
  /** How many were written. */
  readonly count: number;
}

/** By the numbers that PostgreSQL gives its types; the others are read as texts. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  17: (text) => Buffer.from(text.slice(2), 'hex'),
  20: Number,
  21: Number,
  23: Number,
  700: Number,
  701: Number,
  1700: Number,
};

const asText = (text: string): string => text;

/** The driver looks for what reads a type here. What is sent as it is kept, is of texts alone: see {@link Connection.run}. */
const types = {
  getTypeParser: (oid: number, format: string) => (format === 'binary' ? asText : (parsers[oid] ?? asText)),
};

/** A statement as the server is given it. */
interface Statement {
  /** With its parameters numbered. */
  readonly text: string;
  readonly name: string;
  /** For each number what is bound to it. */
  readonly bound: readonly ('parameter' | 'tenant' | 'base')[];
}

const statements = new Map<string, Statement>();
/** Texts that are compiled from queries are without number: the first of them go. */
const mostStatements = 1000;

function statementOf(sql: string): Statement {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  const bound: Statement['bound'][number][] = [];
  const places: { tenant?: number; base?: number } = {};
  const text = sql.replaceAll(/'[^']*'|"[^"]*"|\?|@tenant\b|@base\b/g, (part) => {
    if (part === '?') return `$${bound.push('parameter')}`;
    if (part !== '@tenant' && part !== '@base') return part;
    const what = part === '@tenant' ? 'tenant' : 'base';
    places[what] ??= bound.push(what);
    return `$${places[what]}`;
  });
  const name = `s${createHash('sha256').update(text).digest('base64url').slice(0, 20)}`;
  const statement = { text, name, bound };
  statements.set(sql, statement);
  if (statements.size > mostStatements) {
    const [oldest] = statements.keys();
    statements.delete(oldest as string);
  }
  return statement;
}

/** The statement with its parameters numbered, for those who prepare it by themselves. */
export function textOf(sql: string): string {
  return statementOf(sql).text;
}

/**
 * PostgreSQL has no text with NUL. Documents have none either, but what a client asks for may, and what a receiver of
 * webhooks answers: it is a character of which nobody can say more.
 */
function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}

/**
 * The text of an array (PostgreSQL's manual, 8.15.2), which the driver would make in several passes over each element: a
 * create has some sixty of them. Shown by the workload `create` of npm run bench -- --postgres.
 */
function arrayText(array: readonly (string | number | null | Uint8Array)[]): string {
  let text = '{';
  for (let at = 0; at < array.length; at++) {
    const each = array[at];
    if (at > 0) text += ',';
    if (each === null || each === undefined) text += 'NULL';
    else if (typeof each === 'number') text += each;
    else if (typeof each === 'string') text += quoted(each);
    else text += `"\\\\x${Buffer.from(each.buffer, each.byteOffset, each.byteLength).toString('hex')}"`;
  }
  return storable(`${text}}`);
}

const special = /["\\]/;
/** What JSON would write otherwise than an array has it. */
const unlikeJson = /[\0-\x1f\ud800-\udfff]/;

/** Most that has a quote is JSON, and V8 escapes that in a quarter of the time as JSON again; shown by the workload `patch`. */
function quoted(text: string): string {
  if (!special.test(text)) return `"${text}"`;
  return unlikeJson.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : JSON.stringify(text);
}

/** As the driver takes it. */
function toParameter(value: Value | undefined): string | number | boolean | null | undefined | Uint8Array {
  if (typeof value === 'string') return storable(value);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return arrayText(value);
}

/** Values for `@tenant` and `@base`. */
export interface RequestValues {
  readonly tenant: number;
  /** As `resourceUriKey` has it. */
  readonly base: string;
}

/** So many statements of one connection have a name: the server keeps each for as long as the connection lasts. */
const mostNames = 400;

/** Milliseconds after which the server is asked again to end what it does. */
const cancelAgain = [100, 500];

export class Connection implements Answered {
  readonly #client: pg.Client;
  readonly #address: PostgresAddress;
  readonly #tls: pg.ClientConfig['ssl'];
  /** How often each statement was run; those that come again get a name. */
  readonly #runs = new Map<string, number>();
  #names = 0;
  #lost: Error | undefined;
  #stalled: Stalled | undefined;
  /** Milliseconds that each statement which is not answered yet may take once it is its turn. */
  readonly #waiting: number[] = [];
  #answers = 0;
  /** Of the statements that are sent from now on. */
  longest = Number.POSITIVE_INFINITY;
  #isCorked = false;

  private constructor(client: pg.Client, address: PostgresAddress, tls: pg.ClientConfig['ssl']) {
    this.#client = client;
    this.#address = address;
    this.#tls = tls;
    client.on('error', (error) => {
      this.#lost ??= error;
    });
    client.on('end', () => {
      this.#lost ??= new Error('Connection terminated');
      stalls.forget(this);
    });
  }

  static async open(address: PostgresAddress): Promise<Connection> {
    const { host, port, database, user, password, tls, schema, applicationName, connectSeconds } = address;
    const ssl =
      tls === false
        ? false
        : {
            ...{ ca: tls.ca, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.rejectUnauthorized },
            ...(tls.checkName ? {} : { checkServerIdentity: () => undefined }),
          };
    const config: pg.ClientConfig & { pipeline: boolean } = {
      ...{ host, port, database, user },
      // An empty one keeps the driver from looking for one in the home of the account by itself.
      password: password ?? '',
      ssl,
      application_name: applicationName,
      connectionTimeoutMillis: connectSeconds * 1000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      pipeline: true,
      types: types as unknown as pg.CustomTypesConfig,
      ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
    };
    const client = new pg.Client(config);
    const connection = new Connection(client, address, ssl);
    try {
      await client.connect();
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
    stalls.watch(connection);
    return connection;
  }

  /** Statements that are not answered yet. */
  get inFlight(): number {
    return this.#waiting.length;
  }

  get answers(): number {
    return this.#answers;
  }

  get patience(): number | undefined {
    return this.#waiting[0];
  }

  /** Whoever waits is told that nothing came for so many milliseconds, and the server is asked to end what it does. */
  giveUp(patience: number): void {
    const stalled = new Stalled(patience);
    this.#stalled = stalled;
    this.#lost ??= stalled;
    this.cancel();
    // A pooler passes on what comes from a client that is there. What waits behind it ends when nobody hears of it.
    setTimeout(() => (this.#client as unknown as Wired).connection.stream.destroy(stalled), cancelAgain[0]);
    for (const later of cancelAgain) setTimeout(() => this.cancel(), later).unref();
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** It is not to be used any more: it leads to a server that cannot write, say. */
  discard(): void {
    this.#lost ??= new Error('Connection terminated');
    this.#client.end().catch(() => {});
  }

  /**
   * Sends it at once, whatever is under way. Rows are arrays of their columns. Where `areTexts`, each of these is text or
   * json, and the server sends it as it is kept, without writing it out first: shown by the workload `list` of npm run bench
   * -- --postgres.
   */
  async run(
    sql: string,
    parameters: readonly Value[] = [],
    request?: RequestValues,
    longest = this.longest,
    areTexts = false,
  ): Promise<Rows> {
    const { text, name, bound } = statementOf(sql);
    let next = 0;
    const values = bound.map((what) => {
      if (what === 'parameter') return toParameter(parameters[next++]);
      if (request === undefined) throw new Error(`the statement needs the request: ${sql}`);
      return request[what];
    });
    const format = areTexts ? { binary: true } : {};
    const named = this.#isNamed(name) ? { name } : {};
    return this.#send({ text, values, rowMode: 'array', ...format, ...named }, longest);
  }

  /** Several statements without parameters, in one message. */
  async script(text: string): Promise<void> {
    await this.#send({ text, rowMode: 'array' }, this.longest);
  }

  /** Asks the server to end what this connection waits for, over one of its own. */
  cancel(): void {
    // The driver cancels for its own queue alone, but tells what that takes.
    const { processID, secretKey } = this.#client as unknown as CancelKey;
    const { host, port } = this.#address;
    const wire: Wire = new (pg as unknown as Wires).Connection({ ssl: this.#tls });
    const end = (): void => {
      wire.stream.destroy();
    };
    wire.on('error', end);
    wire.on(this.#tls === false ? 'connect' : 'sslconnect', () => wire.cancel(processID, secretKey));
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`);
    else wire.connect(port, host);
    setTimeout(end, 5000).unref();
  }

  async close(): Promise<void> {
    this.#lost ??= new Error('Connection terminated');
    await this.#client.end().catch(() => {});
  }

  #isNamed(name: string): boolean {
    if (!this.#address.prepares) return false;
    const runs = (this.#runs.get(name) ?? 0) + 1;
    // Behind the name the server keeps a plan, which is worth it for what comes again.
    if (runs === 2) {
      if (this.#names >= mostNames) return false;
      this.#names++;
    }
    if (runs <= 2) this.#runs.set(name, runs);
    if (this.#runs.size > 10 * mostNames)
      for (const [each, count] of this.#runs) if (count < 2) this.#runs.delete(each);
    return runs >= 2;
  }

  /**
   * What is sent within one turn of the event loop leaves in one write: a transaction of creates has seventeen statements.
   * Shown by the workload `create` of npm run bench -- --postgres.
   */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const { stream } = (this.#client as unknown as Wired).connection;
    stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }

  async #send(query: pg.QueryArrayConfig & { readonly binary?: boolean }, longest: number): Promise<Rows> {
    if (this.#lost !== undefined) throw this.#lost;
    this.#waiting.push(longest);
    this.#cork();
    try {
      const { rows, rowCount } = await this.#client.query<unknown[]>(query);
      return { rows: rows ?? [], count: rowCount ?? 0 };
    } catch (error) {
      if (isForgottenStatement(error)) this.discard();
      throw this.#stalled ?? error;
    } finally {
      // Answers come in the order of statements.
      this.#waiting.shift();
      this.#answers++;
    }
  }
}

/** What the server knows a connection by that wants another one cancelled. */
interface CancelKey {
  readonly processID: number;
  readonly secretKey: number;
}

interface Wired {
  readonly connection: { readonly stream: { cork(): void; uncork(): void; destroy(reason: Error): void } };
}

interface Wire {
  readonly stream: { destroy(): void };
  on(event: 'error' | 'connect' | 'sslconnect', listener: () => void): void;
  connect(port: number | string, host?: string): void;
  cancel(processID: number, secretKey: number): void;
}

interface Wires {
  readonly Connection: new (config: { readonly ssl: pg.ClientConfig['ssl'] }) => Wire;
}
