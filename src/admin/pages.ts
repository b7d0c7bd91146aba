/** The pages: which address shows what, from the same functions as the API. */
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Visit } from '../http/mounts.ts';
import { decoded, htmlResponse, ownAddress, queryOf, redirect } from './answers.ts';
import { type AdminParts, type Asked, tenantFor, tenantsOf } from './api/endpoint.ts';
import type { Counts } from './api/now.ts';
import { systemOf } from './api/system.ts';
import { type Html, html } from './html.ts';
import { linksFor, type Page, pageHtml, root, type View } from './layout.ts';
import { linkMadePage, newLinkPage, newWebhookPage } from './pages/connections.ts';
import { systemPage } from './pages/system.ts';
import { showAccess, showOrphans, showProof, showReport, showReportFile } from './places/access.ts';
import { showAddProvider, showConnections, showToken, showWebhook } from './places/connections.ts';
import { showDeleted, showDirectory, showResource } from './places/directory.ts';
import { type Base, type Given, pageOf, type Show } from './places/given.ts';
import { showActions, showWorkbench } from './places/system.ts';
import { showExchange, showFind, showNow, showTraffic } from './places/traffic.ts';

/** What was just done, by the word in the address: never text of somebody else's. */
const notices: Readonly<Record<string, string>> = {
  deactivated: 'Deactivated. Applications are told now.',
  reactivated: 'Reactivated. Applications are told now.',
  locked: 'Locked. Applications are told now; the identity provider is not.',
  unlocked: 'Unlocked.',
  restored: 'Restored, with id and memberships.',
  revoked: 'Revoked.',
  paused: 'Paused.',
  resumed: 'It goes on where it stopped.',
  deleted: 'Deleted.',
  closed: 'The link is closed.',
  replayed: 'The events are sent again.',
  made: 'Made.',
  forgotten: 'Erased, with everything that was stored of them; backups of before still have it.',
  written: 'It may write again.',
  released: 'The guard lets it pass now.',
};

export class Pages {
  readonly #parts: AdminParts;
  readonly #counts: Counts;
  readonly #shows: readonly { readonly pattern: RegExp; readonly show: Show }[];

  constructor(parts: AdminParts, counts: Counts) {
    this.#parts = parts;
    this.#counts = counts;
    const shows: Readonly<Record<string, Show>> = {
      '': showNow,
      '/traffic': showTraffic,
      '/traffic/{id}': showExchange,
      '/find': showFind,
      '/directory': showDirectory,
      '/directory/deleted': showDeleted,
      '/directory/{type}/{id}': showResource,
      '/connections': showConnections,
      '/connections/add': showAddProvider,
      '/connections/tokens/{id}': showToken,
      '/connections/webhooks/add': async ({ view }) =>
        pageOf('Add a webhook', '/connections', newWebhookPage(view)),
      '/connections/webhooks/{id}': showWebhook,
      '/connections/links/add': async ({ view }) =>
        pageOf('Make a set-up link', '/connections', newLinkPage(view)),
      '/access': showAccess,
      '/access/at': (given) => showReport(given, 'access'),
      '/access/changes': (given) => showReport(given, 'diff'),
      '/access/seats': (given) => showReport(given, 'seats'),
      '/access/orphans': showOrphans,
      '/access/files/{file}': showReportFile,
      '/access/proof/{id}': showProof,
      '/system': async (given) => pageOf('System', '/system', systemPage(await systemOf(given), given.view)),
      '/system/filters': showWorkbench,
      '/system/actions': showActions,
    };
    this.#shows = Object.entries(shows).map(([path, show]) => ({
      pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
      show,
    }));
  }

  /** Undefined where there is no page. */
  async answer(
    base: Base,
    { request }: Visit,
    form: URLSearchParams | undefined,
  ): Promise<HttpResponse | undefined> {
    const path = request.path.slice(root.length).replace(/\/$/, '');
    const query = queryOf(request);
    const view = await this.#view(base, query.tenant);
    for (const { pattern, show } of this.#shows) {
      const match = pattern.exec(path);
      if (match === null) continue;
      const groups = Object.fromEntries(
        Object.entries(match.groups ?? {}).map(([name, value]) => [name, decoded(value ?? '')]),
      );
      const shown = await show({ ...base, counts: this.#counts, query, form, view, path: groups, body: {} });
      if ('status' in shown) return shown;
      const notice = Object.hasOwn(notices, query.done ?? '') ? notices[query.done ?? ''] : undefined;
      return htmlResponse(pageHtml(view, { ...shown, notice }));
    }
    return undefined;
  }

  /** After a form: secrets and answers are shown at once; else the page that it came from says what was done. */
  async afterForm(
    asked: Asked<unknown, unknown>,
    path: string,
    result: unknown,
    form: URLSearchParams,
    request: HttpRequest,
  ): Promise<HttpResponse> {
    const query = queryOf(request);
    const view = await this.#view(asked, query.tenant);
    const given: Given = { ...asked, counts: this.#counts, query, form, view };
    const shown = await this.#result(given, path, result);
    if (shown !== undefined) return htmlResponse(pageHtml(view, shown));
    const back = ownAddress(form.get('back'));
    const done = form.get('done');
    if (done === null || !Object.hasOwn(notices, done)) return redirect(back);
    return redirect(`${back}${back.includes('?') ? '&' : '?'}done=${done}`);
  }

  wayBack(request: HttpRequest): Html {
    return html`<p><a class="button" href="${cameFrom(request)}">Back</a></p>`;
  }

  wayIn(request: HttpRequest): Html {
    return html`<p><a class="button" href="${root}/sign-in?to=${encodeURIComponent(cameFrom(request))}">Sign in</a></p>`;
  }

  async #view(base: Base, asked: string | undefined): Promise<View> {
    const tenants = (await tenantsOf(this.#parts, base.session)).map(({ name }) => name);
    const tenant = (
      await tenantFor(base, asked).catch((error) =>
        tenants.length === 0 ? { name: '' } : Promise.reject(error),
      )
    ).name;
    return { session: base.session, tenants, tenant, to: linksFor(tenants, tenant) };
  }

  async #result(given: Given, path: string, result: unknown): Promise<Page | undefined> {
    switch (path) {
      case '/tokens':
      case '/tokens/{id}/rotate': {
        const { token, secret } = result as { token: { id: string; tenant: string }; secret: string };
        return showToken({ ...given, path: { id: token.id } }, secret);
      }
      case '/webhooks':
      case '/webhooks/{id}/rotate': {
        const { webhook, secret } = result as { webhook: { id: string }; secret: string };
        return showWebhook({ ...given, path: { id: webhook.id } }, { secret });
      }
      case '/webhooks/{id}/test':
        return showWebhook(given, { tested: result as never });
      case '/set-up-links': {
        const { link, url } = result as { link: { name: string; expires: string }; url: string };
        return pageOf('Set-up link', '/connections', linkMadePage(link, url, given.view));
      }
      default:
        return undefined;
    }
  }
}

function cameFrom(request: HttpRequest): string {
  const from = request.header('referer');
  if (from === undefined || !URL.canParse(from)) return root;
  return ownAddress(new URL(from).pathname + new URL(from).search);
}
