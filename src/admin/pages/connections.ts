/** Connections: providers with their set-up guides, webhooks, consumers, set-up links. */
import type { Attempt } from '../../store/attempts.ts';
import type { ExchangeRow } from '../api/exchanges.ts';
import { type ConnectionShown, spanOf } from '../api/now.ts';
import type { TokenShown } from '../api/tokens.ts';
import type { WebhookShown } from '../api/webhooks.ts';
import { type Html, html, type Part, trusted } from '../html.ts';
import { buttonForm, copyBox, moment, proofField, stateMark, type View } from '../layout.ts';
import { connectionLine } from './now.ts';
import { exchangeLine } from './traffic.ts';

const providers = [
  ['okta', 'Okta'],
  ['entra', 'Entra ID'],
  ['onelogin', 'OneLogin'],
  ['jumpcloud', 'JumpCloud'],
  ['google', 'Google'],
  ['ping', 'Ping'],
  ['generic', 'Another provider'],
] as const;

/** Within a sentence. */
function providerWords(idp: string): string {
  if (idp === 'generic') return 'another provider';
  return providers.find(([each]) => each === idp)?.[1] ?? idp;
}

export function connectionsPage(
  shown: {
    readonly connections: readonly ConnectionShown[];
    readonly webhooks: readonly WebhookShown[];
    readonly consumers: readonly {
      readonly name: string;
      readonly position: string;
      readonly acknowledged: string;
      readonly behind: number;
    }[];
    readonly links: readonly {
      readonly id: string;
      readonly name: string;
      readonly expires: string;
      readonly token?: string;
    }[];
  },
  view: View,
): Html {
  const { to, session } = view;
  const mayAct = session.role === 'admin';
  return html`<div class="head"><h1>Connections</h1>${mayAct ? html`<div class="actions"><a class="button primary" href="${to('/connections/add')}">Connect a provider</a><a class="button" href="${to('/connections/webhooks/add')}">Add a webhook</a><a class="button" href="${to('/connections/links/add')}">Make a set-up link</a></div>` : ''}</div>
<div class="grid two">
<section class="card" aria-labelledby="in"><h2 id="in">Who writes: identity providers</h2>
${shown.connections.length === 0 ? html`<p class="empty">No token yet.</p>` : html`<ul class="list">${shown.connections.map((each) => connectionLine(each, to))}</ul>`}</section>
<div>
<section class="card" aria-labelledby="out"><h2 id="out">Who is told: webhooks</h2>
${shown.webhooks.length === 0 ? html`<p class="empty">None. Your application hears of changes by a webhook, or by <a href="/docs/application">the feed</a>.</p>` : html`<ul class="list">${shown.webhooks.map((each) => html`<li>${stateMark(each.state === 'disabled' || each.failingSince !== undefined ? 'attention' : each.state === 'paused' ? 'off' : 'good')}<div><a href="${to(`/connections/webhooks/${each.id}`)}">${each.url}</a><small>${each.state}${each.failingSince === undefined ? '' : html`, failing since ${moment(each.failingSince)}`}${each.types === undefined ? '' : `, ${each.types.join(', ')}`}${each.reason === undefined ? '' : `: ${each.reason}`}</small></div></li>`)}</ul>`}</section><p></p>
<section class="card" aria-labelledby="consumers"><h2 id="consumers">Who follows the feed</h2>
${shown.consumers.length === 0 ? html`<p class="empty">No consumer has acknowledged anything.</p>` : html`<ul class="list">${shown.consumers.map(({ name, position, acknowledged, behind }) => html`<li>${stateMark(behind === 0 ? 'good' : 'attention')}<div>${name}<small>at ${position}, ${behind === 0 ? 'up to date' : `${behind} changes behind`} · heard ${moment(acknowledged)}</small></div></li>`)}</ul>`}</section><p></p>
<section class="card" aria-labelledby="links"><h2 id="links">Set-up links</h2>
${shown.links.length === 0 ? html`<p class="empty">None. A link lets a customer’s administrator connect this tenant, and nothing else.</p>` : html`<ul class="list">${shown.links.map(({ id, name, expires, token }) => html`<li><div>${name}<small>until ${moment(expires)} · ${token === undefined ? 'not used yet' : html`<a href="${to(`/connections/tokens/${token}`)}">connected</a>`}</small></div>${buttonForm(view, `/set-up-links/${id}/close`, 'Close', { back: to('/connections'), done: 'closed' })}</li>`)}</ul>`}</section>
</div></div>`;
}

export function addProviderPage(view: View): Html {
  const { to } = view;
  return html`<div class="head"><h1>Connect a provider</h1><p>Choose where people and groups come from.</p></div>
<ul class="choices">${providers.map(([idp, name]) => html`<li><a href="${to('/connections/add', { idp })}">${name}</a></li>`)}</ul>`;
}

export function newTokenPage(idp: string, names: readonly string[], view: View): Html {
  const { to, session } = view;
  const provider = providerWords(idp);
  const free =
    [idp, ...Array.from({ length: 20 }, (_, n) => `${idp}-${n + 2}`)].find((name) => !names.includes(name)) ??
    idp;
  return html`<div class="head"><h1>Connect ${provider}</h1><p>A token of its own, so that you see what this provider does, and can revoke it alone.</p></div>
<form class="card fields" method="post" action="${to('/api/tokens')}">${proofField(session)}<input type="hidden" name="idp" value="${idp}"><input type="hidden" name="back" value="${to('/connections')}">
<div><label for="name">Name of the token</label><input id="name" name="name" value="${free}" required maxlength="64"></div>
<div><label for="days">Days until it ends</label><input id="days" name="days" type="number" min="1" max="3650" value="365" required><small>You are told before.</small></div>
<div><label for="scope">What it may do</label><select id="scope" name="scope"><option value="scim">write users and groups (scim)</option><option value="read">read (read)</option><option value="events">read events (events)</option><option value="admin">administer this tenant (admin)</option><option value="metrics">read metrics (metrics)</option></select></div>
<div><button class="primary">Create the token</button></div></form>`;
}

/** Guide and waiting: `secret` is shown once, right after the token was made. */
export function tokenPage(
  shown: {
    readonly token: TokenShown;
    readonly secret?: string | undefined;
    readonly base: string;
    readonly guide?: string | undefined;
    readonly exchanges: readonly ExchangeRow[];
    readonly hasApplication: boolean;
  },
  view: View,
): Html {
  const { to } = view;
  const { token, secret, base, guide, exchanges, hasApplication } = shown;
  const isLive = token.state === 'active' || token.state === 'retiring';
  const page = to(`/connections/tokens/${token.id}`);
  return html`<div class="head"><h1>${token.name}</h1>
<div class="actions">${isLive && secret === undefined ? html`${token.state === 'active' ? buttonForm(view, `/tokens/${token.id}/rotate`, 'Rotate', { back: page, confirm: 'Make a new token? The old one works for a day more.' }) : ''}${token.paused === undefined ? buttonForm(view, `/tokens/${token.id}/pause`, 'Pause', { back: page, done: 'paused', confirm: `Pause ${token.name}? What it writes is answered 503 until you resume it; the provider tries again.` }) : buttonForm(view, `/tokens/${token.id}/resume`, 'Resume', { back: page, done: 'written', kind: 'primary' })}${buttonForm(view, `/tokens/${token.id}/revoke`, 'Revoke', { back: page, done: 'revoked', kind: 'danger', confirm: `Revoke ${token.name}? Whoever uses it is refused from now on.` })}` : ''}<a class="button" href="${to('/traffic', { token: token.name })}">Requests</a></div>
<p>${stateMark(isLive ? (token.paused === undefined ? 'good' : 'attention') : 'off')} ${token.state}${token.paused === undefined ? '' : html`, paused since ${moment(token.paused)}: what it writes is answered 503`} · scope ${token.scope} · ${providerWords(token.idp)} · made ${moment(token.created, 'day')}${token.expires === undefined ? '' : html` · ends ${moment(token.expires, 'day')}`}</p></div>
${connectBoxes(base, token.idp, secret)}
<section class="card" aria-labelledby="arrive"><h2 id="arrive">What comes in</h2>${waitingList(exchanges, to(`/api/tokens/${token.id}/first`), to)}
${exchanges.length > 0 && !hasApplication ? html`<p class="notice">Your application: no consumer yet. <a href="${to('/connections/webhooks/add')}">Add a webhook</a>, and it hears of each change at once.</p>` : ''}</section>
${guide === undefined ? '' : html`<p></p><section class="card guide" aria-label="Guide">${trusted(guide)}</section>`}`;
}

function connectBoxes(base: string, idp: string, secret: string | undefined): Html {
  const [addressLabel, tokenLabel] = words[idp] ?? ['Address of SCIM', 'Token'];
  const address = idp === 'entra' ? `${base}?aadOptscim062020` : base;
  return html`<section class="card" aria-labelledby="take"><h2 id="take">Take over</h2>${copyBox('base', addressLabel, address)}
${secret === undefined ? html`<p class="hint">The token was shown when it was made. Rotate it to get a new one.</p>` : html`${copyBox('secret', tokenLabel, secret, true)}<p class="hint">The token is shown only now.</p>`}</section><p></p>`;
}

/** What the providers call the two. */
const words: Readonly<Record<string, readonly [address: string, token: string]>> = {
  okta: ['Base URL (SCIM connector base URL)', 'API Token (HTTP Header, Authorization)'],
  entra: ['Tenant URL', 'Secret Token'],
  onelogin: ['SCIM Base URL', 'SCIM Bearer Token'],
  jumpcloud: ['Base URL', 'Token Key'],
  google: ['Endpoint URL', 'Access token'],
  ping: ['SCIM URL', 'OAuth Access Token'],
};

function waitingList(exchanges: readonly ExchangeRow[], address: string, to: View['to']): Html {
  return html`<div id="first" data-first="${address}" data-page="${to('/traffic/')}" aria-live="polite">
${exchanges.length === 0 ? html`<p class="waiting" id="wait"><span class="pulse" aria-hidden="true"></span>Waiting for the first request…</p>` : ''}
<p class="notice" id="lost" hidden></p>
<ol class="stream" id="first-list"${exchanges.length === 0 ? html` hidden` : ''}>${exchanges.map((row) => exchangeLine(row, to))}</ol></div>`;
}

export function newWebhookPage(view: View): Html {
  const { to, session } = view;
  return html`<div class="head"><h1>Add a webhook</h1><p>Your application is told of each change by POST, signed by <a href="/docs/application">Standard Webhooks</a>.</p></div>
<form class="card fields" method="post" action="${to('/api/webhooks')}">${proofField(session)}<input type="hidden" name="back" value="${to('/connections')}">
<div><label for="url">Address</label><input id="url" name="url" type="url" required placeholder="https://app.example.com/hooks/scimd" maxlength="2000"></div>
<div><label for="types">Events</label><input id="types" name="types" placeholder="all"><small>Such as user.*, user.deactivated, user.access_changed; all if it is empty.</small></div>
${session.tenant === undefined ? html`<div><label><input type="checkbox" name="allowPrivate"> It is on a private network, or without TLS</label></div>` : ''}
<div><button class="primary">Add the webhook</button></div></form>`;
}

export function webhookPage(
  shown: {
    readonly webhook: WebhookShown;
    readonly behind: number;
    readonly waiting: number;
    readonly attempts: readonly Attempt[];
  },
  more: {
    readonly secret?: string | undefined;
    readonly tested?:
      | {
          readonly succeeded: boolean;
          readonly status?: number;
          readonly error?: string;
          readonly body: string;
          readonly milliseconds: number;
        }
      | undefined;
  },
  view: View,
): Html {
  const { to } = view;
  const { webhook, behind, waiting, attempts } = shown;
  const { secret, tested } = more;
  const page = to(`/connections/webhooks/${webhook.id}`);
  const path = `/webhooks/${webhook.id}`;
  return html`<div class="head"><h1>${webhook.url}</h1>
<div class="actions">${buttonForm(view, `${path}/test`, 'Send test', { back: page, kind: 'primary' })}${webhook.state === 'active' ? buttonForm(view, `${path}/pause`, 'Pause', { back: page, done: 'paused' }) : buttonForm(view, `${path}/resume`, 'Resume', { back: page, done: 'resumed' })}${buttonForm(view, `${path}/rotate`, 'Rotate secret', { back: page, confirm: 'Make a new secret? The old one signs beside it for a day.' })}${buttonForm(view, `${path}/delete`, 'Delete', { back: to('/connections'), done: 'deleted', kind: 'danger', confirm: 'Delete this webhook with its attempts?' })}</div>
<p>${stateMark(webhook.state === 'active' && webhook.failingSince === undefined ? 'good' : webhook.state === 'paused' ? 'off' : 'attention')} ${webhook.state}${webhook.reason === undefined ? '' : `: ${webhook.reason}`}${webhook.failingSince === undefined ? '' : html`, failing since ${moment(webhook.failingSince)}`} · ${behind === 0 ? 'up to date' : `${behind} changes behind`}${waiting === 0 ? '' : `, ${waiting} to be sent again`} · ${webhook.types?.join(', ') ?? 'all events'}</p></div>
${secret === undefined ? '' : html`<section class="card">${copyBox('secret', 'Signing secret', secret, true)}<p class="hint">The secret is shown only now.</p></section><p></p>`}
${tested === undefined ? '' : html`<div class="${tested.succeeded ? 'notice' : 'bad-box'}" role="status"><b>Test → ${tested.status ?? 'no answer'}</b> in ${tested.milliseconds} ms${tested.error === undefined ? '' : `: ${tested.error}`}${tested.body === '' ? '' : html`<pre tabindex="0" aria-label="Answer">${tested.body.slice(0, 500)}</pre>`}</div>`}
<section class="card" aria-labelledby="attempts"><h2 id="attempts">Last deliveries</h2>
${
  attempts.length === 0
    ? html`<p class="empty">Nothing was sent yet.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Deliveries"><table><thead><tr><th scope="col">When</th><th scope="col">Answer</th><th scope="col">Change</th><th scope="col">Try</th><th scope="col" class="num">Took</th><th scope="col">It said</th></tr></thead><tbody>
${attempts.map((each) => html`<tr><td class="nowrap">${moment(each.at)}</td><td class="nowrap">${stateMark(each.status !== undefined && each.status < 300 ? 'good' : 'attention')} ${each.status ?? each.error ?? ''}</td><td class="num">${each.sequence}</td><td class="num">${each.try}</td><td class="num nowrap">${each.milliseconds} ms</td><td class="mono">${each.answer.slice(0, 120)}</td></tr>`)}</tbody></table></div>`
}
${
  view.session.role !== 'admin'
    ? ''
    : html`<form class="filters" method="post" action="${to(`/api${path}/replay`)}">${proofField(view.session)}<input type="hidden" name="back" value="${page}"><input type="hidden" name="done" value="replayed">
<div><label for="from">Send again from change</label><input id="from" name="from" required inputmode="numeric" size="8"></div><div><label for="to">to</label><input id="to" name="to" inputmode="numeric" size="8" placeholder="the same"></div><button>Replay</button></form>`
}
</section>`;
}

export function newLinkPage(view: View): Html {
  const { to, session } = view;
  return html`<div class="head"><h1>Make a set-up link</h1><p>For a customer’s administrator: whoever has the link connects the tenant <b>${view.tenant}</b> to their identity provider, sees their own requests arrive, and sees nothing else.</p></div>
<form class="card fields" method="post" action="${to('/api/set-up-links')}">${proofField(session)}<input type="hidden" name="back" value="${to('/connections')}">
<div><label for="name">For whom</label><input id="name" name="name" required maxlength="64" placeholder="Acme, Jane Doe"></div>
<div><label for="days">Days until it ends</label><input id="days" name="days" type="number" min="1" max="30" value="7" required></div>
<div><button class="primary">Make the link</button></div></form>`;
}

export function linkMadePage(
  link: { readonly name: string; readonly expires: string },
  url: string,
  view: View,
): Html {
  return html`<div class="head"><h1>Set-up link for ${link.name}</h1><p>Until ${moment(link.expires)}. Close it any time under <a href="${view.to('/connections')}">Connections</a>.</p></div>
<section class="card">${copyBox('link', 'Send this to them', url, true)}<p class="hint">The link is shown only now. Whoever has it can make a token for the tenant ${view.tenant}.</p></section>`;
}

/** What a customer's administrator sees: nothing of us but this. */
export function setUpPage(
  shown: {
    readonly tenant: string;
    readonly expires: string;
    readonly proof: string | undefined;
    readonly chosen?:
      | {
          readonly idp: string;
          readonly base: string;
          readonly token: TokenShown;
          readonly secret?: string | undefined;
          readonly guide?: string | undefined;
          readonly exchanges: readonly ExchangeRow[];
        }
      | undefined;
  },
  now: number,
): Html {
  const { tenant, expires, proof, chosen } = shown;
  const left = spanOf(Date.parse(expires) - now);
  const proofInput: Part =
    proof === undefined ? '' : html`<input type="hidden" name="proof" value="${proof}">`;
  if (chosen === undefined)
    return html`<h1>Connect ${tenant}</h1><p>Choose your identity provider. You get an address and a token for it, and a guide in its own words.</p>
<form method="post" action="/admin/set-up/token">${proofInput}<ul class="choices">${providers.map(([idp, name]) => html`<li><button name="idp" value="${idp}">${name}</button></li>`)}</ul></form><p class="hint">This link works for ${left} more.</p>`;
  const { idp, base, secret, guide, exchanges } = chosen;
  const provider = providers.find(([each]) => each === idp)?.[1] ?? idp;
  return html`<h1>Connect ${tenant} to ${provider}</h1>
${connectBoxes(base, idp, secret)}
<section class="card" aria-labelledby="arrive"><h2 id="arrive">What we see</h2>
<div id="first" data-first="/admin/set-up/first" aria-live="polite">${exchanges.length === 0 ? html`<p class="waiting" id="wait"><span class="pulse" aria-hidden="true"></span>Waiting for the first request…</p>` : ''}
<ol class="stream" id="first-list"${exchanges.length === 0 ? html` hidden` : ''}>${exchanges.map(plainLine)}</ol></div></section><p></p>
<form method="post" action="/admin/set-up/token">${proofInput}<input type="hidden" name="idp" value="${idp}"><button>Make another token</button> <span class="hint">The one before works no more then.</span></form><p></p>
${guide === undefined ? '' : html`<section class="card guide" aria-label="Guide">${trusted(guide)}</section>`}<p class="hint">This link works for ${left} more.</p>`;
}

function plainLine({ at, status, milliseconds, meaning }: ExchangeRow): Html {
  return html`<li class="${meaning.tone}"><a>${moment(at, 'time')}<span class="code">${stateMark(meaning.tone === 'done' ? 'good' : 'attention')}${status}</span><span class="words">${meaning.text}</span><span class="took">${Math.round(milliseconds)} ms</span></a></li>`;
}
