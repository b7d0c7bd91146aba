/** The ways in: by a token, by a link that works once, by a customer's set-up link; and all that such a customer sees. */
import { setTimeout as wait } from 'node:timers/promises';
import { Tokens } from '../directory/tokens.ts';
import { ScimError } from '../error.ts';
import { FailedAttempts } from '../http/failed-attempts.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Visit } from '../http/mounts.ts';
import { networkOf } from '../http/trusted-proxies.ts';
import { idps } from '../scim/tolerances.ts';
import type { Grant } from '../store/admin.ts';
import { htmlResponse, ownAddress, redirect } from './answers.ts';
import type { AdminParts } from './api/endpoint.ts';
import { rowOf } from './api/exchanges.ts';
import { tokenShown } from './api/tokens.ts';
import { guideFor } from './guide.ts';
import { barePageHtml, root } from './layout.ts';
import { setUpPage } from './pages/connections.ts';
import { enterPage, messagePage, signInPage } from './pages/sign-in.ts';
import type { Session, Sessions } from './sessions.ts';

/** Days for which a token lives that was made by a set-up link. */
const tokenDays = 365;
const day = 86_400_000;
/** Days for which actions, and sessions that are over, are kept. */
const keptDays = 400;

export class Doors {
  readonly #parts: AdminParts;
  readonly #sessions: Sessions;
  readonly #failures: FailedAttempts;

  constructor(parts: AdminParts, sessions: Sessions) {
    this.#parts = parts;
    this.#sessions = sessions;
    const { failedAttempts: free } = parts.limits;
    this.#failures = new FailedAttempts({ free, clock: parts.clock, wait });
  }

  /** What is for those who are not signed in; undefined for what is not. */
  async answer({ request }: Visit, form: URLSearchParams | undefined): Promise<HttpResponse | undefined> {
    const { path } = request;
    const query = new URLSearchParams(request.search);
    const code = form?.get('code') ?? query.get('code');
    switch (path) {
      case `${root}/sign-in`:
        if (form === undefined)
          return this.#signIn(request, {
            to: ownAddress(query.get('to')),
            ...((await this.#sessions.isOver(request))
              ? { problem: 'Your session has ended: sign in again.' }
              : {}),
          });
        return this.#byToken(request, form);
      case `${root}/enter`:
        if (form === undefined)
          return htmlResponse(
            barePageHtml(
              'Sign in',
              enterPage(code ?? '', path, {
                title: 'Sign in',
                text: 'This link works once.',
                button: 'Sign in',
              }),
            ),
          );
        return this.#byLink(request, code ?? '');
      case `${root}/set-up`:
        if (code === null || code === undefined) return undefined;
        if (form === undefined)
          return htmlResponse(
            barePageHtml(
              'Set up',
              enterPage(code, path, {
                title: 'Connect your identity provider',
                text: 'You were sent a link to set up a connection.',
                button: 'Begin',
              }),
            ),
          );
        return this.#bySetUpLink(request, code);
      default:
        return undefined;
    }
  }

  /** All that a set-up session may do. */
  async setUp(
    { request }: Visit,
    session: Session,
    form: URLSearchParams | undefined,
  ): Promise<HttpResponse> {
    const { store, clock, baseOf, options } = this.#parts;
    const link = session.link as Grant;
    const tenant = (await store.tenants()).find(({ number }) => number === session.tenant);
    if (tenant === undefined) throw new ScimError(404, undefined, 'This tenant is gone');
    const page = async (secret?: string, id = link.source): Promise<HttpResponse> => {
      const token = (await store.listTokens(tenant.number)).find((each) => each.id === id);
      const exchanges = token === undefined ? [] : await this.#exchanges(token.id, tenant.number);
      const base = baseOf(request);
      const chosen =
        token === undefined
          ? undefined
          : {
              idp: token.idp,
              base,
              token: tokenShown(token, clock()),
              secret,
              exchanges,
              guide: await guideFor(options.docs, token.idp, base),
            };
      const shown = { tenant: tenant.name, expires: link.expires, proof: session.proof, chosen };
      return htmlResponse(barePageHtml(`Connect ${tenant.name}`, setUpPage(shown, clock().getTime())));
    };
    switch (request.path) {
      case `${root}/set-up`:
        return page();
      case `${root}/set-up/token`: {
        if (form === undefined) return redirect(`${root}/set-up`);
        const idp = idps.find((each) => each === form.get('idp') && each !== 'strict');
        if (idp === undefined) throw new ScimError(400, undefined, 'Choose a provider');
        const tokens = new Tokens(store, clock);
        if (link.source !== undefined) await tokens.revoke(link.source);
        const name = `${idp} ${link.name}`.replace(/[^\p{L}\p{N} ._@+-]/gu, '').slice(0, 50);
        const expires = new Date(clock().getTime() + tokenDays * day);
        const { token, secret } = await tokens.create({
          name,
          tenant: tenant.number,
          idp,
          scope: 'scim',
          expires,
        });
        await store.admin.setSource(link.id, token.id);
        await store.admin.addAction({
          tenant: tenant.number,
          actor: session.name,
          action: 'token.create',
          subject: token.id,
          detail: name,
        });
        return page(secret, token.id);
      }
      case `${root}/set-up/first`: {
        const exchanges = link.source === undefined ? [] : await this.#exchanges(link.source, tenant.number);
        return {
          status: 200,
          headers: ['Content-Type', 'application/json; charset=utf-8', 'Cache-Control', 'no-store'],
          body: JSON.stringify({ exchanges }),
        };
      }
      default:
        if (request.path.startsWith(`${root}/api/`))
          throw new ScimError(403, undefined, 'A set-up link may do nothing but connect its tenant');
        return redirect(`${root}/set-up`);
    }
  }

  async #exchanges(token: string, tenant: number) {
    const page = await this.#parts.options.exchangeLog?.find({ token, tenant, limit: 20 });
    return (await this.#parts.words.explain(page?.exchanges ?? [])).map(rowOf);
  }

  #signIn(
    request: HttpRequest,
    {
      to,
      problem,
      status = 200,
    }: { readonly to: string; readonly problem?: string; readonly status?: number },
  ): HttpResponse {
    const page = signInPage({ to, problem, isSafe: keepsCookies(this.#parts.baseOf(request), request) });
    return htmlResponse(barePageHtml('Sign in', page), status);
  }

  async #byToken(request: HttpRequest, form: URLSearchParams): Promise<HttpResponse> {
    const to = ownAddress(form.get('to'));
    const token = form.get('token')?.trim() ?? '';
    try {
      if (!/^[\w.~+/=-]+$/.test(token)) throw new ScimError(401, undefined, 'This is no token');
      const { session, cookie } = await this.#sessions.byToken(request, token);
      await this.#note({
        actor: session.name,
        action: 'sign-in',
        ...(session.tenant === undefined ? {} : { tenant: session.tenant }),
      });
      return redirect(to, ['Set-Cookie', cookie]);
    } catch (error) {
      if (!(error instanceof ScimError) || error.status >= 500 || error.status === 429) throw error;
      await this.#note({
        actor: networkOf(this.#parts.clientOf(request)),
        action: 'sign-in.refused',
        detail: error.message.slice(0, 200),
      });
      return this.#signIn(request, {
        to,
        problem: error.status === 403 ? error.message : 'This token is not known here, or it has ended.',
        status: error.status === 403 ? 403 : 401,
      });
    }
  }

  async #byLink(request: HttpRequest, code: string): Promise<HttpResponse> {
    const begun = code === '' ? undefined : await this.#sessions.byLink(code);
    if (begun === undefined)
      return this.#refused(
        request,
        'This link was used already, or is too old.',
        'A new one: scimd admin link.',
      );
    const { session, cookie } = begun;
    await this.#note({
      actor: session.name,
      action: 'sign-in',
      detail: 'by a link',
      ...(session.tenant === undefined ? {} : { tenant: session.tenant }),
    });
    return redirect(root, ['Set-Cookie', cookie]);
  }

  async #bySetUpLink(request: HttpRequest, code: string): Promise<HttpResponse> {
    const link = await this.#sessions.setUpLinkOf(code);
    if (link === undefined)
      return this.#refused(request, 'This link has ended.', 'Ask whoever sent it for a new one.');
    const cookie = await this.#sessions.bySetUpLink(link);
    await this.#note({
      actor: `set-up link of ${link.name}`,
      action: 'set-up.begin',
      subject: link.id,
      ...(link.tenant === undefined ? {} : { tenant: link.tenant }),
    });
    return redirect(`${root}/set-up`, ['Set-Cookie', cookie]);
  }

  /** Guessing is slow, as it is for tokens. */
  async #refused(request: HttpRequest, title: string, text: string): Promise<HttpResponse> {
    const network = networkOf(this.#parts.clientOf(request));
    await this.#failures.note(network);
    await this.#note({ actor: network, action: 'sign-in.refused', detail: 'by a link' });
    return htmlResponse(barePageHtml('Not signed in', messagePage(title, text)), 401);
  }

  /** With what is too old to keep gone. */
  async #note(action: Parameters<AdminParts['store']['admin']['addAction']>[0]): Promise<void> {
    const { store, clock } = this.#parts;
    await store.admin.addAction(action);
    await store.admin.pruneAdmin(new Date(clock().getTime() - keptDays * day));
  }
}

/** Browsers keep cookies that are Secure over TLS, and of this machine. */
function keepsCookies(base: string, request: HttpRequest): boolean {
  if (request.secure || base.startsWith('https:')) return true;
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(request.header('host') ?? '');
}
