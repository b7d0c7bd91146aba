/** How an endpoint of the admin API is declared: once, for the check of requests, for OpenAPI, for scripts and for forms. */
import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { ScimError } from '../../error.ts';
import type { Account } from '../../history/orphans.ts';
import type { ExchangeLog } from '../../http/exchange-log.ts';
import type { Documentation, MountParts } from '../../http/options.ts';
import { isObject } from '../../scim/object.ts';
import type { Tenant } from '../../store/store.ts';
import type { ExchangeWords } from '../explained.ts';
import type { Session } from '../sessions.ts';

/** How a filter runs, as `scimd explain` tells it. */
export interface FilterExplanation {
  readonly tree: readonly string[];
  readonly plan: readonly string[];
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly steps: readonly string[];
  readonly unindexed: readonly string[];
  /** The statement for PostgreSQL. */
  readonly postgres?: string;
}

/** What only the program that starts the server knows. */
export interface AdminOptions {
  readonly version: string;
  readonly exchangeLog: ExchangeLog | undefined;
  /** @throws ScimFilterError */
  readonly explain: (filter: string, type: string) => FilterExplanation;
  /** The settings in force, without secrets, and where each comes from. */
  readonly settings: () => readonly {
    readonly name: string;
    readonly value: string;
    readonly origin: string;
  }[];
  readonly docs: Documentation;
  /** Signs the files of reports; undefined where none is configured. */
  readonly signingKey: KeyObject | undefined;
  /** The accounts in a CSV. @throws CommandError that says what is wrong with it. */
  readonly accountsOf: (csv: string) => Promise<readonly Account[]>;
  /** Scheduled backups; undefined where none are made. */
  readonly backups: () => Promise<
    readonly { readonly file: string; readonly bytes: number; readonly at: string }[] | undefined
  >;
  /** Where the database is, and how large it is, with what stands beside it. */
  readonly database: () => { readonly file: string; readonly bytes: number };
}

/** What every handler works with. */
export interface AdminParts extends MountParts {
  readonly options: AdminOptions;
  readonly words: ExchangeWords;
}

export interface Asked<Query, Body> {
  readonly parts: AdminParts;
  readonly session: Session;
  /** The parts of the path, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The absolute base of SCIM, as clients reach it. */
  readonly base: string;
}

type Schema = v.GenericSchema;

export interface EndpointDefinition<Query extends Schema, Body extends Schema, Answer extends Schema> {
  readonly method: 'GET' | 'POST';
  /** Below the API: `/tokens/{id}/rotate`. */
  readonly path: string;
  readonly summary: string;
  /** `read` for all who are signed in, `admin` for who may change something, `server` for who sees all tenants. */
  readonly needs: 'read' | 'admin' | 'server';
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
  readonly handle: (
    asked: Asked<v.InferOutput<Query>, v.InferOutput<Body>>,
  ) => Promise<v.InferInput<Answer>> | v.InferInput<Answer>;
}

export interface Endpoint {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  readonly needs: 'read' | 'admin' | 'server';
  readonly query: Schema | undefined;
  readonly body: Schema | undefined;
  readonly answer: Schema;
  /** Checks what was given, and carries it out. @throws ScimError 400 that names what is wrong. */
  readonly run: (asked: Asked<unknown, unknown>) => Promise<unknown>;
}

const nothing = v.object({});

export function endpoint<
  const Query extends Schema = typeof nothing,
  const Body extends Schema = typeof nothing,
  const Answer extends Schema = Schema,
>(definition: EndpointDefinition<Query, Body, Answer>): Endpoint {
  const { query, body, handle, ...rest } = definition;
  return {
    ...rest,
    query,
    body,
    run: async (asked) =>
      handle({
        ...asked,
        query: checked(query, asked.query, 'query') as v.InferOutput<Query>,
        body: checked(body, asked.body, 'body') as v.InferOutput<Body>,
      }),
  };
}

function checked(schema: Schema | undefined, given: unknown, what: string): unknown {
  if (schema === undefined) return {};
  const known = 'entries' in schema ? Object.keys(schema.entries as object) : undefined;
  if (known !== undefined && isObject(given)) {
    // What is misspelled would otherwise be done with its default: a token for a year instead of a day.
    const unknown = Object.keys(given).find((name) => given[name] !== undefined && !known.includes(name));
    if (unknown !== undefined)
      throw new ScimError(
        400,
        'invalidValue',
        `The ${what} has ${JSON.stringify(unknown)}, which is not known here; known are: ${known.join(', ') || 'none'}`,
      );
  } else if (known !== undefined) {
    throw new ScimError(400, 'invalidValue', `The ${what} must be an object`);
  }
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  throw invalid(result.issues[0], `The ${what}`);
}

/** What is wrong with one member, by its name. */
export function invalid(issue: v.BaseIssue<unknown>, what: string): ScimError {
  const isMissing =
    issue.kind === 'schema' && issue.type.endsWith('object') && issue.received === 'undefined';
  return new ScimError(
    400,
    'invalidValue',
    `${v.getDotPath(issue) ?? what}: ${isMissing ? 'is required' : issue.message}`,
  );
}

/** May they do it? @throws ScimError 403. */
export function requireRole({ needs, summary }: Endpoint, { role, tenant }: Session): void {
  if (role === 'set-up')
    throw new ScimError(403, undefined, 'A set-up link may do nothing but connect its tenant');
  if (needs === 'read') return;
  if (role !== 'admin') throw new ScimError(403, undefined, `${summary}: you may only read here`);
  if (needs === 'server' && tenant !== undefined)
    throw new ScimError(
      403,
      undefined,
      `${summary}: this is for administrators of the whole server (scimd admin link)`,
    );
}

/**
 * The tenant that is asked for: the session's own, or the one named, or the first.
 * @throws ScimError 404 for one that is not there, or not theirs; the two are not told apart.
 */
export async function tenantFor(
  { parts, session }: Pick<Asked<unknown, unknown>, 'parts' | 'session'>,
  name: string | undefined,
): Promise<Tenant> {
  const tenants = await tenantsOf(parts, session);
  const found = name === undefined || name === '' ? tenants[0] : tenants.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new ScimError(
    404,
    undefined,
    name === undefined ? 'There is no tenant yet' : `There is no tenant ${JSON.stringify(name)}`,
  );
}

/** Those that they may see. */
export async function tenantsOf({ store }: AdminParts, { tenant }: Session): Promise<readonly Tenant[]> {
  const all = await store.tenants();
  return tenant === undefined ? all : all.filter(({ number }) => number === tenant);
}

/** Do they see requests of which it is not known whose they are: without a token, or with one that nobody has? */
export function seesNobodys({ tenant }: Session): boolean {
  return tenant === undefined;
}

/** The record of what is no change of a resource. */
export function noteAction(
  { parts, session }: Pick<Asked<unknown, unknown>, 'parts' | 'session'>,
  action: string,
  {
    tenant = session.tenant,
    ...more
  }: { readonly tenant?: number | undefined; readonly subject?: string; readonly detail?: string } = {},
): Promise<void> {
  return parts.store.admin.addAction({
    actor: session.name,
    action,
    ...more,
    ...(tenant === undefined ? {} : { tenant }),
  });
}

/** A whole number in a query, or a form, where all is text. */
export function wholeNumber(from: number, to: number) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return v.pipe(
    v.union([v.number(rule), v.pipe(v.string(rule), v.regex(/^\d{1,16}$/, rule), v.transform(Number))], rule),
    v.integer(rule),
    v.minValue(from, rule),
    v.maxValue(to, rule),
  );
}

/** Text without control characters, of a length. */
export function line(most: number, what = 'text') {
  const rule = `must be ${what} of at most ${most} characters, without control characters`;
  return v.pipe(v.string(rule), v.maxLength(most, rule), v.regex(/^[^\x00-\x1f\x7f-\x9f]*$/, rule));
}

/** Text that may be left out; an empty one, as forms send it, is left out too. */
export function optionalLine(most: number, what?: string) {
  return v.optional(
    v.pipe(
      line(most, what),
      v.transform((text) => (text === '' ? undefined : text)),
    ),
  );
}

export const tenantQuery = { tenant: optionalLine(64, 'the name of a tenant') };
