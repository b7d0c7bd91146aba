/**
 * A scimd for a test: a real store on a real file, answering on a real socket. With SCIMD_COMMAND set (the bundle, the
 * binary; an absolute path) that program is started in place of the sources; with SCIMD_TEST_TABLES (sqlite, server)
 * it is on tables of an application.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashSecret, newSecret } from '../src/directory/secret.ts';
import type { HttpOptions } from '../src/http/options.ts';
import { startServer } from '../src/http/server.ts';
import type { Registry } from '../src/scim/registry.ts';
import { standardRegistry } from '../src/scim/standard.ts';
import { openSqliteStore } from '../src/store/sqlite/index.ts';
import type { Scope, Store } from '../src/store/store.ts';
import { openTestStore } from './store-under-test.ts';

export interface TokenOptions {
  readonly idp?: string;
  readonly scope?: Scope;
  /** Name of the tenant; made if there is none. */
  readonly tenant?: string;
  readonly subject?: string;
  readonly expires?: Date;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined if there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
}

export interface RequestOptions {
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Null leaves a default header out. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Another token than the default one; null sends none. */
  readonly token?: string | null;
}

export interface TestServer {
  /** `http://127.0.0.1:port/scim/v2` */
  readonly base: string;
  readonly token: string;
  /** Only in-process: the store behind the server. */
  readonly store: Store | undefined;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  newToken(options: TokenOptions): Promise<string>;
  close(): Promise<void>;
}

export interface ServerOptions extends Partial<Omit<HttpOptions, 'store'>> {
  readonly registry?: Registry;
  /** Of the default token. */
  readonly idp?: string;
}

const run = promisify(execFile);
const command = process.env.SCIMD_COMMAND;
const ownTables = process.env.SCIMD_TEST_TABLES;

/** Starts one. Options other than `idp` need the sources and ignore SCIMD_COMMAND. */
export async function startScimd(options: ServerOptions = {}): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'scimd-test-'));
  const database = join(directory, 'scimd.db');
  const plain = Object.keys(options).every((name) => name === 'idp');
  const started =
    command !== undefined && plain
      ? await startCommand(command, database, options)
      : await startHere(database, options);
  return {
    ...started,
    request: (method, path, requestOptions) =>
      send(started.base, started.token, method, path, requestOptions ?? {}),
    async close() {
      await started.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Started = Omit<TestServer, 'request'>;

async function startHere(database: string, options: ServerOptions): Promise<Started> {
  const { registry = standardRegistry(), idp = 'generic', ...http } = options;
  const store =
    ownTables === undefined ? await openTestStore(database, { registry }) : await onTables(registry);
  const newToken = (token: TokenOptions) => makeToken(store, token);
  const token = await newToken({ idp });
  const server = await startServer({ basePath: '/scim/v2', ...http, store, host: '127.0.0.1', port: 0 });
  return {
    base: server.url,
    token,
    store,
    newToken,
    async close() {
      await server.close();
      await store.close();
    },
  };
}

/** The store over an embedder's tables of that kind, for tests that are run on it too. */
async function onTables(registry: Registry): Promise<Store> {
  const { openStore } = await import('./tables/fixture.ts');
  return openStore(ownTables === 'server' ? 'server' : 'sqlite', { registry });
}

async function makeToken(store: Store, token: TokenOptions): Promise<string> {
  const secret = newSecret();
  const name = token.tenant ?? 'default';
  const tenant =
    (await store.tenants()).find((each) => each.name === name) ?? (await store.createTenant(name));
  await store.createToken({
    hash: hashSecret(secret),
    name: `test-${randomBytes(4).toString('hex')}`,
    tenant: tenant.number,
    idp: token.idp ?? 'generic',
    scope: token.scope ?? 'scim',
    ...(token.expires === undefined ? {} : { expires: token.expires.toISOString() }),
    ...(token.subject === undefined ? {} : { subject: token.subject }),
  });
  return secret;
}

async function startCommand(program: string, database: string, options: ServerOptions): Promise<Started> {
  const [file = '', ...prefix] = program.split(' ');
  const bootstrap = newSecret();
  const child = spawn(file, [...prefix, 'serve', '--port', '0', '--database', database], {
    env: { ...process.env, SCIMD_BOOTSTRAP_TOKEN: bootstrap, SCIMD_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const base = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk;
      const found = /listening on (\S+)/.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${printed}`)));
  });
  const newToken = async (token: TokenOptions): Promise<string> => {
    if (token.expires !== undefined && token.expires.getTime() <= Date.now()) {
      // The command line makes none that is over.
      const store = openSqliteStore({ file: database, registry: standardRegistry() });
      return makeToken(store, token).finally(() => store.close());
    }
    const name = `test-${randomBytes(4).toString('hex')}`;
    const flags = [
      '--idp',
      token.idp ?? 'generic',
      '--scope',
      token.scope ?? 'scim',
      '--tenant',
      token.tenant ?? 'default',
    ];
    if (token.tenant !== undefined) {
      await run(file, [...prefix, 'tenant', 'create', token.tenant, '--database', database]).catch(
        () => undefined,
      );
    }
    if (token.expires !== undefined) flags.push('--expires', token.expires.toISOString());
    if (token.subject !== undefined) flags.push('--subject', token.subject);
    const { stdout } = await run(file, [
      ...prefix,
      'token',
      'create',
      '--name',
      name,
      '--json',
      '--database',
      database,
      ...flags,
    ]);
    return (JSON.parse(stdout) as { token: string }).token;
  };
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    base,
    token: options.idp === undefined ? bootstrap : await newToken({ idp: options.idp }),
    store: undefined,
    newToken,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function send(
  base: string,
  token: string,
  method: string,
  path: string,
  options: RequestOptions,
): Promise<Answer> {
  const { body } = options;
  const fields = new Headers({ accept: 'application/scim+json' });
  const bearer = options.token === undefined ? token : options.token;
  if (bearer !== null) fields.set('authorization', `Bearer ${bearer}`);
  if (body !== undefined) fields.set('content-type', 'application/scim+json');
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value === null) fields.delete(name);
    else fields.set(name, value);
  }
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(path.startsWith('http') ? path : base + path, {
    method,
    headers: fields,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: (raw ? body : JSON.stringify(body)) as string }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';
export const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
export const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

let count = 0;

/** A user to POST, with a userName of its own. */
export function newUser(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    schemas: [userSchema],
    userName: `user${++count}.${randomBytes(3).toString('hex')}@example.com`,
    ...more,
  };
}

/** A group to POST. */
export function newGroup(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    schemas: [groupSchema],
    displayName: `Group ${++count} ${randomBytes(3).toString('hex')}`,
    ...more,
  };
}

/** A PatchOp message. */
export function patchOp(
  ...operations: readonly Readonly<Record<string, unknown>>[]
): Record<string, unknown> {
  return { schemas: [patchSchema], Operations: operations };
}
