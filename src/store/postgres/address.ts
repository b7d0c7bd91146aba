/** `postgres://…` as settings of a connection: what libpq's URLs say, as far as it is supported, and two words of our own. */
import { readFileSync } from 'node:fs';
import { StoreError } from '../store-error.ts';

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Undefined: none is sent; then the server must trust the account, or know its certificate. */
  readonly password: string | undefined;
  readonly tls: TlsSettings | false;
  /** Where the tables are; undefined: where the server puts them for the account. */
  readonly schema: string | undefined;
  /** How many connections there may be at once. */
  readonly connections: number;
  /** Are statements prepared by name? Not where a pooler hands each transaction to another session. */
  readonly prepares: boolean;
  readonly applicationName: string;
  readonly connectSeconds: number;
  /** The URL without what is secret, for people and logs. */
  readonly shown: string;
}

export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
  /** False: the certificate's name is not compared with the host. */
  readonly checkName: boolean;
}

/** Is it the address of a PostgreSQL database, and not a file? */
export function isPostgresUrl(database: string): boolean {
  return /^postgres(?:ql)?:\/\//i.test(database);
}

/**
 * The address without its password, also where it cannot be read: nobody knows how far a password goes whose characters are
 * not percent-encoded, so that all is left out up to the last @. The name of a file as it is.
 */
export function withoutPassword(database: string): string {
  if (!isPostgresUrl(database)) return database;
  return database.replace(/(:\/\/[^/?#@:]*):.*@/s, '$1@').replace(/([?&]password=)[^&]*/gi, '$1…');
}

const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
const known = [
  ...(['schema', 'connections', 'prepare', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const),
  ...(['application_name', 'connect_timeout', 'host', 'port'] as const),
] as const;

/** What is used of the environment, as libpq uses it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws StoreError `cannot-open` that says what is wrong with it, without what is secret. */
export function parseAddress(database: string, environment: Environment = process.env): PostgresAddress {
  const shown = withoutPassword(database);
  const wrong = (what: string): StoreError =>
    new StoreError(
      'cannot-open',
      `${shown} is no address of a PostgreSQL database: ${what}`,
      'Give postgres://USER@HOST:PORT/DATABASE, and the password by SCIMD_DATABASE_PASSWORD_FILE, or all of it by SCIMD_DATABASE_FILE; see scimd docs scale.',
    );
  const authority = /^\w+:\/\/(?:[^/?#]*@)?([^/?#@]*)/.exec(database)?.[1] ?? '';
  if (authority.includes(','))
    throw wrong(
      'it names several hosts; give one that leads to the primary, such as a balancer or PgBouncer',
    );
  let url: URL;
  try {
    // libpq's form for a Unix socket, which URLs do not have: postgres://USER@/DATABASE?host=FOLDER
    url = new URL(database.replace(/^(\w+:\/\/[^/?#]*@)(?=[:/?#]|$)/, '$1localhost'));
  } catch {
    throw wrong('it is no URL');
  }
  const { searchParams: query } = url;
  for (const name of query.keys()) {
    if ((known as readonly string[]).includes(name) && query.getAll(name).length > 1)
      throw wrong(`${name} is given twice`);
    if (!(known as readonly string[]).includes(name))
      throw wrong(
        name === 'password'
          ? 'a password is given before the @, or by a file'
          : // It may be a part of a password that has a question mark.
            /^\w+$/.test(name)
            ? `there is no parameter ${name}`
            : 'one of its parameters has a name that none has',
      );
  }
  const decoded = (text: string, what: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      throw wrong(`${what} is not percent-encoded`);
    }
  };
  const number = (name: string, from: number, to: number, otherwise: number): number => {
    const text = query.get(name);
    if (text === null) return otherwise;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to)
      throw wrong(`${name} must be a whole number from ${from} to ${to}`);
    return value;
  };
  const host =
    query.get('host') ?? (decoded(url.hostname.replace(/^\[(.*)\]$/, '$1'), 'the host') || 'localhost');
  const name = decoded(url.pathname.slice(1), 'the name of the database');
  if (name === '' || name.includes('/')) throw wrong('it must name one database');
  const user = decoded(url.username, 'the user') || environment.PGUSER;
  if (user === undefined || user === '') throw wrong('it must name the user');
  const schema = query.get('schema') ?? undefined;
  if (schema !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw wrong('schema must be of at most 63 lower-case letters, digits and _');
  if (schema !== undefined && /^(?:pg_.*|information_schema)$/.test(schema))
    throw wrong(`the schema ${schema} is PostgreSQL's own`);
  const prepare = query.get('prepare') ?? 'true';
  if (prepare !== 'true' && prepare !== 'false') throw wrong('prepare must be true or false');
  const applicationName = query.get('application_name') ?? 'scimd';
  return {
    host,
    port: url.port === '' ? number('port', 1, 65_535, 5432) : Number(url.port),
    database: name,
    user,
    password: decoded(url.password, 'the password') || environment.PGPASSWORD || undefined,
    tls: tlsOf(query, host, wrong),
    schema,
    connections: number('connections', 3, 500, 10),
    prepares: prepare === 'true',
    applicationName,
    connectSeconds: number('connect_timeout', 1, 300, 10),
    shown,
  };
}

/** Nothing leaves the machine. */
function isLocal(host: string): boolean {
  return host.startsWith('/') || /^(localhost|127(\.\d+){3}|::1)$/.test(host);
}

/** As libpq's sslmode, but with verify-full where nothing is said and the server is elsewhere. */
function tlsOf(
  query: URLSearchParams,
  host: string,
  wrong: (what: string) => StoreError,
): TlsSettings | false {
  const mode = query.get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full');
  if (!(sslModes as readonly string[]).includes(mode))
    throw wrong(`sslmode must be one of ${sslModes.join(', ')}, not ${mode}`);
  if (mode === 'disable') return false;
  const file = (name: string): string | undefined => {
    const path = query.get(name);
    if (path === null) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw wrong(`${name} ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  const [ca, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: mode !== 'require',
    checkName: mode === 'verify-full',
  };
}
