/**
 * /admin: pages for administrators, rendered here from the same functions as the API below it. Who may come in, from where, and
 * in which form things are answered; what the pages are is in pages.ts.
 */
import { ScimError } from '../error.ts';
import { ExchangeLogError } from '../http/exchange-log.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import { anybody, type Mount, mount, type Visit } from '../http/mounts.ts';
import type { HttpOptions, MountParts } from '../http/options.ts';
import { errorResponse, isExpected } from '../http/responses.ts';
import { parseJson } from '../scim/json.ts';
import { decoded, htmlResponse, queryOf, redirect } from './answers.ts';
import {
  type AdminOptions,
  type AdminParts,
  type Asked,
  type Endpoint,
  requireRole,
} from './api/endpoint.ts';
import { Counts } from './api/now.ts';
import { longestList } from './api/reports.ts';
import { endpointsWith } from './api/table.ts';
import { assets, icon } from './assets.ts';
import { Doors } from './doors.ts';
import { ExchangeWords } from './explained.ts';
import { barePageHtml, root } from './layout.ts';
import { openApiDocument } from './openapi.ts';
import { messagePage } from './pages/sign-in.ts';
import { Pages } from './pages.ts';
import { noCookie, requireSameOrigin, type Session, Sessions } from './sessions.ts';
import { exchangeStream } from './stream.ts';

const apiRoot = `${root}/api`;
const largestBody = 65_536;
/** A list of accounts, as a form writes it: commas and line ends take three bytes. */
const largestList = 3 * longestList;

/** On every answer: nothing from elsewhere, no script in a page, no frame around it, nothing kept. */
const adminHeaders: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff', 'Referrer-Policy', 'same-origin', 'X-Frame-Options', 'DENY'],
  ...['Cross-Origin-Opener-Policy', 'same-origin', 'Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
  'Content-Security-Policy',
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
];

/** The mounts of the page, of its API and of /openapi.json, for a server. */
export function adminMounts(options: AdminOptions): NonNullable<HttpOptions['mounts']> {
  return (given) => {
    let made: { readonly admin: Admin; readonly endpoints: readonly Endpoint[] } | undefined;
    // On the first visit: most servers never get one.
    const itself = () => {
      if (made === undefined) {
        const words = new ExchangeWords(given.store, given.directory);
        const parts: AdminParts = { ...given, options, words };
        const counts = new Counts(parts);
        const endpoints = endpointsWith(counts);
        made = { admin: new Admin(parts, endpoints, counts), endpoints };
      }
      return made;
    };
    return [
      mount({
        path: root,
        below: true,
        route: root,
        methods: ['GET', 'HEAD', 'POST'],
        headers: adminHeaders,
        recorded: true,
        authenticate: anybody,
        answer: (visit) => itself().admin.answer(visit),
        refuse: (error, visit) => itself().admin.refuse(error, visit),
      }),
      openApiMount(given, () => itself().endpoints),
    ];
  };
}

function openApiMount(parts: MountParts, endpoints: () => readonly Endpoint[]): Mount {
  let text: string | undefined;
  return mount({
    path: '/openapi.json',
    route: '/openapi.json',
    methods: ['GET', 'HEAD'],
    headers: [
      'Cache-Control',
      'no-cache',
      'X-Content-Type-Options',
      'nosniff',
      'Access-Control-Allow-Origin',
      '*',
    ],
    recorded: true,
    authenticate: anybody,
    answer({ request }) {
      text ??= JSON.stringify(
        openApiDocument(parts.store.registry, new URL(parts.baseOf(request)).pathname, endpoints()),
      );
      return { status: 200, headers: ['Content-Type', 'application/json; charset=utf-8'], body: text };
    },
  });
}

class Admin {
  readonly #parts: AdminParts;
  readonly #endpoints: readonly { readonly endpoint: Endpoint; readonly pattern: RegExp }[];
  readonly #sessions: Sessions;
  readonly #pages: Pages;
  readonly #doors: Doors;

  constructor(parts: AdminParts, endpoints: readonly Endpoint[], counts: Counts) {
    this.#parts = parts;
    this.#sessions = new Sessions(parts);
    this.#pages = new Pages(parts, counts);
    this.#doors = new Doors(parts, this.#sessions);
    this.#endpoints = endpoints.map((endpoint) => ({ endpoint, pattern: patternOf(endpoint.path) }));
  }

  async answer(visit: Visit): Promise<HttpResponse> {
    const { request } = visit;
    const { path, method } = request;
    if (path.startsWith(`${root}/assets/`)) return this.#asset(path);
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead) requireSameOrigin(request, this.#parts.baseOf(request));
    const form = !isRead && isForm(request) ? await formOf(request) : undefined;
    const open = await this.#doors.answer(visit, form);
    if (open !== undefined) return open;
    const isApi = path.startsWith(`${apiRoot}/`);
    const session = await this.#sessionOf(visit);
    if (session === undefined) {
      if (isApi || !isRead)
        throw new ScimError(
          401,
          undefined,
          'Sign in first: with the cookie of /admin, or a token of scope admin or read',
        );
      return redirect(
        `${root}/sign-in?to=${encodeURIComponent(path + (request.search === '' ? '' : `?${request.search}`))}`,
      );
    }
    visit.identity = {
      tenant: session.tenant,
      actor: { kind: 'admin', id: session.id, name: session.name },
    };
    if (!isRead && !this.#sessions.isProven(session, form?.get('proof') ?? request.header('x-scimd-proof')))
      throw new ScimError(
        403,
        undefined,
        'The form is too old, or not ours: reload the page and try again; nothing was changed',
      );
    if (path === `${root}/sign-out` && method === 'POST') {
      await this.#sessions.end(session);
      await this.#parts.store.admin.addAction({ actor: session.name, action: 'sign-out' });
      return redirect(`${root}/sign-in`, ['Set-Cookie', noCookie]);
    }
    if (session.role === 'set-up') return this.#doors.setUp(visit, session, form);
    const base = this.#parts.baseOf(request);
    const asked = { parts: this.#parts, session, base };
    if (path === `${apiRoot}/exchanges/stream` && isRead)
      return exchangeStream(asked, request, () =>
        this.#sessionOf(visit).then(
          (now) => now !== undefined,
          (error) => (isExpected(error) ? false : Promise.reject(error)),
        ),
      );
    if (isApi) return this.#api(visit, asked, form);
    const page = await this.#pages.answer(asked, visit, form);
    if (page === undefined) throw new ScimError(404, undefined, 'There is no page at this address');
    return page;
  }

  refuse(error: unknown, visit: Visit): HttpResponse | undefined {
    const { request, requestId } = visit;
    const known = knownError(error);
    if (known === error && !isExpected(error))
      this.#parts.log.error(
        { requestId, err: error, method: request.method, path: request.path },
        'request failed',
      );
    const answer = errorResponse(known, requestId);
    const wantsHtml = /\btext\/html\b/.test(request.header('accept') ?? '');
    if (!wantsHtml)
      return {
        ...answer,
        headers: [
          ...withoutType(answer.headers),
          'Content-Type',
          'application/json; charset=utf-8',
          'Cache-Control',
          'no-store',
        ],
      };
    const detail =
      typeof answer.body === 'string' ? (JSON.parse(answer.body) as { detail?: string }).detail : undefined;
    const title =
      titles[answer.status] ?? (answer.status < 500 ? 'That cannot be done' : 'Something went wrong');
    const text =
      answer.status === 401
        ? 'Your session has ended. Nothing was changed: sign in, and do it again.'
        : (detail ?? `It was answered ${answer.status}.`);
    const way = answer.status === 401 ? this.#pages.wayIn(request) : this.#pages.wayBack(request);
    return htmlResponse(barePageHtml(title, messagePage(title, text, way)), answer.status);
  }

  /** By a bearer token, else by the cookie. */
  async #sessionOf(visit: Visit): Promise<Session | undefined> {
    const { request } = visit;
    if (request.header('authorization') !== undefined) {
      const { principal } = await this.#parts.authenticate(request, new Map(), visit.clock());
      const { scope, tenant, actor } = principal;
      if (scope !== 'admin' && scope !== 'read')
        throw new ScimError(403, undefined, 'The admin API needs a token of scope admin, or read');
      return {
        id: actor.id ?? actor.kind,
        role: scope,
        tenant,
        name: `token ${actor.name ?? actor.kind}`,
        proof: undefined,
      };
    }
    return this.#sessions.of(request);
  }

  async #api(
    visit: Visit,
    asked: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'base'>,
    form: URLSearchParams | undefined,
  ): Promise<HttpResponse> {
    const { request } = visit;
    const path = request.path.slice(apiRoot.length);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const matches = this.#endpoints.flatMap(({ endpoint, pattern }) => {
      const match = pattern.exec(path);
      return match === null ? [] : [{ endpoint, groups: match.groups ?? {} }];
    });
    const found = matches.find(({ endpoint }) => endpoint.method === method);
    if (found === undefined) {
      if (matches.length === 0) throw new ScimError(404, undefined, `There is no endpoint ${request.path}`);
      const allowed = matches.map(({ endpoint }) => endpoint.method).join(', ');
      throw new ScimError(405, undefined, `${request.method} is not supported here; ${allowed} is`, {
        headers: [['Allow', allowed]],
      });
    }
    const { endpoint, groups } = found;
    visit.route = apiRoot + endpoint.path;
    requireRole(endpoint, asked.session);
    const whole = {
      ...asked,
      path: Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decoded(value ?? '')])),
      query: queryOf(request),
      body:
        form === undefined
          ? await jsonOf(request, method)
          : Object.fromEntries([...form].filter(([name]) => !['proof', 'back', 'done'].includes(name))),
    };
    const result = await endpoint.run(whole);
    if (form !== undefined) return this.#pages.afterForm(whole, endpoint.path, result, form, request);
    return {
      status: 200,
      headers: ['Content-Type', 'application/json; charset=utf-8', 'Cache-Control', 'no-store'],
      body: JSON.stringify(result),
    };
  }

  #asset(path: string): HttpResponse {
    const name = path.slice(`${root}/assets/`.length);
    const kept = ['Cache-Control', 'public, max-age=31536000, immutable'];
    if (name === 'icon.svg')
      return { status: 200, headers: ['Content-Type', 'image/svg+xml', ...kept], body: icon };
    const { css, js } = assets();
    const found = [css, js].find((each) => each.name === name);
    if (found === undefined) throw new ScimError(404, undefined, `There is no ${path}`);
    return { status: 200, headers: ['Content-Type', found.type, ...kept], body: found.body };
  }
}

const titles: Readonly<Record<number, string>> = { 401: 'You are signed out', 404: 'There is nothing here' };

/** What a person may be told, as the error that it is in HTTP. */
function knownError(error: unknown): unknown {
  if (error instanceof ExchangeLogError)
    return new ScimError(503, undefined, `The exchange log cannot be read at the moment: ${error.message}`, {
      cause: error,
    });
  return error;
}

function withoutType(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index]?.toLowerCase() !== 'content-type')
      kept.push(headers[index] as string, headers[index + 1] as string);
  return kept;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

function largestOf({ path }: HttpRequest): number {
  return path.endsWith('/orphans') ? largestList : largestBody;
}

function isForm(request: HttpRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(request.header('content-type') ?? '');
}

async function formOf(request: HttpRequest): Promise<URLSearchParams> {
  return new URLSearchParams(Buffer.from(await request.body(largestOf(request))).toString('utf8'));
}

async function jsonOf(request: HttpRequest, method: string): Promise<unknown> {
  if (method === 'GET') return {};
  const text = Buffer.from(await request.body(largestOf(request))).toString('utf8');
  if (text.trim() === '') return {};
  if (!/^application\/(?:\w+\+)?json\b/i.test(request.header('content-type') ?? ''))
    throw new ScimError(415, undefined, 'Send application/json');
  return parseJson(text, 16);
}
