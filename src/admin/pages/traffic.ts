/** Traffic: the exchange log as it comes in, and one exchange with both of its sides. */
import type { ExchangeRow } from '../api/exchanges.ts';
import { type Html, html, type Part } from '../html.ts';
import { moment, proofField, toneMark, type View } from '../layout.ts';

export interface TrafficQuery {
  readonly status?: string | undefined;
  readonly token?: string | undefined;
  readonly about?: string | undefined;
  readonly method?: string | undefined;
  readonly before?: number | undefined;
}

export function trafficPage(
  {
    rows,
    before,
    after,
  }: {
    readonly rows: readonly ExchangeRow[];
    readonly before?: number;
    /** The newest that is shown here: the stream goes on behind it. */
    readonly after: number;
  },
  query: TrafficQuery,
  tokens: readonly string[],
  view: View,
): Html {
  const { to } = view;
  const choice = (
    name: string,
    label: string,
    values: readonly (readonly [value: string, words: string])[],
    chosen: string | undefined,
  ) =>
    html`<div><label for="${name}">${label}</label><select id="${name}" name="${name}" data-submit>${values.map(([value, words]) => html`<option value="${value}"${value === (chosen ?? '') ? html` selected` : ''}>${words}</option>`)}</select></div>`;
  const isFirst = query.before === undefined;
  return html`<div class="head"><h1>Traffic</h1>
<div class="actions js"><button type="button" id="pause" aria-pressed="false">Pause</button></div>
<p>What came in, newest first, and why it was answered so.</p></div>
<form class="filters" method="get" action="${to('/traffic').split('?')[0]}" role="search" aria-label="Filter the traffic">
${view.tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${view.tenant}">` : ''}
<div class="grow"><label for="about">About</label><input id="about" name="about" type="search" value="${query.about}" placeholder="jane@example.com, a group, a request id" autocomplete="off" spellcheck="false"></div>
${choice(
  'status',
  'Answer',
  [
    ['', 'any'],
    ['error', 'refused or failed'],
    ['2xx', '2xx'],
    ['4xx', '4xx'],
    ['5xx', '5xx'],
    ['401', '401'],
    ['404', '404'],
    ['409', '409'],
  ],
  query.status,
)}
${choice('token', 'Token', [['', 'any'], ...tokens.map((name) => [name, name] as const)], query.token)}
${choice(
  'method',
  'Method',
  ['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((name) => [name, name === '' ? 'any' : name] as const),
  query.method,
)}
<button class="no-js">Filter</button>
</form>
<p class="hidden" id="announce" role="status" aria-live="polite"></p>
<p class="notice" id="lost" role="status" hidden></p>
${rows.length === 0 ? html`<p class="empty card" id="nothing">${query.about !== undefined || query.status !== undefined || query.token !== undefined ? 'Nothing like that came in.' : 'Nothing came in yet. Requests appear here within a second.'}</p>` : ''}
<ol class="stream" id="stream" data-address="${view.to('/api/exchanges/stream', { ...query, before: undefined, after })}" data-live="${isFirst ? 'yes' : 'no'}" data-page="${to('/traffic/')}"${rows.length === 0 ? html` hidden` : ''}>${rows.map((row) => exchangeLine(row, to))}</ol>
<div class="pages">${isFirst ? '' : html`<a class="button" href="${to('/traffic', { ...query, before: undefined })}">Newest</a>`}
${before === undefined ? '' : html`<a class="button" href="${to('/traffic', { ...query, before })}">Older</a>`}</div>`;
}

export function exchangeLine(
  { id, at, status, method, milliseconds, meaning }: ExchangeRow,
  to: View['to'],
): Html {
  return html`<li class="${meaning.tone}"><a href="${to(`/traffic/${id}`)}">${moment(at, 'time')}<span class="code">${toneMark(meaning.tone)}${status}<span class="hidden"> ${method}</span></span><span class="words">${meaning.text}</span><span class="took">${shortTime(milliseconds)}</span></a></li>`;
}

function shortTime(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}

export interface WholeExchangeShown {
  readonly exchange: ExchangeRow;
  readonly sent?: string;
  readonly answered?: string;
  readonly rule?: { readonly rule: string; readonly section: string };
}

export function exchangePage(
  { exchange, sent, answered, rule }: WholeExchangeShown,
  more: {
    readonly base: string;
    readonly strict?: { readonly outcome: string; readonly reason: string } | undefined;
    readonly explained?: Html | undefined;
    readonly subject?: string | undefined;
  },
  view: View,
): Html {
  const { to } = view;
  const {
    meaning,
    method,
    path,
    search,
    status,
    scimType,
    detail,
    tokenName,
    token,
    agent,
    milliseconds,
    tolerances,
    requestId,
    at,
    id,
  } = exchange;
  const query = search === undefined ? '' : `?${search}`;
  const fault = detail === undefined ? undefined : faultIn(detail);
  return html`<div class="head"><h1>${meaning.text}</h1>
<div class="actions">
<form method="post" action="${to(`/traffic/${id}`)}">${proofField(view.session)}<button name="strict" value="yes">Replay as strict</button></form>
<button type="button" class="js" data-copy="support">Copy for support</button>
<button type="button" class="js" data-copy="curl">Copy as curl</button>
</div>
<p>${moment(at)} · ${status}${scimType === undefined ? '' : ` ${scimType}`} · ${shortTime(milliseconds)}</p></div>
${more.strict === undefined ? '' : html`<div class="${more.strict.outcome === 'refused' ? 'bad-box' : 'notice'}" role="status"><b>As strict: ${more.strict.outcome}.</b> <span class="mono">${more.strict.reason}</span></div>`}
${rule === undefined ? '' : html`<div class="bad-box"><p><b>${firstLine(detail ?? '')}</b></p><p class="muted">${rule.rule} <span class="nowrap">${rule.section}</span></p></div>`}
<div class="grid two">
<section class="card" aria-labelledby="request"><h2 id="request">Request</h2>
<pre tabindex="0" aria-label="Request line">${method} ${path}${query}</pre>
${sent === undefined ? html`<p class="muted">${method === 'GET' || method === 'DELETE' ? 'It has no body.' : 'Its body is not kept.'}</p>` : html`<p></p>${jsonView(sent, fault, 'Body of the request')}`}
</section>
<section class="card" aria-labelledby="answer"><h2 id="answer">Answer</h2>
<pre tabindex="0" aria-label="Status">${status}${scimType === undefined ? '' : ` ${scimType}`}</pre>
${detail === undefined || !detail.includes('\n') ? '' : html`<p></p><pre tabindex="0" aria-label="What is wrong">${detail}</pre>`}
${answered === undefined ? html`<p class="muted">Its body is not kept.</p>` : html`<p></p>${jsonView(answered, undefined, 'Body of the answer')}`}
</section>
</div>
<section class="card" aria-labelledby="facts"><h2 id="facts">About it</h2>
<dl class="facts">
<dt>Token</dt><dd>${token === undefined ? 'none that is known' : html`<a href="${to(`/connections/tokens/${token}`)}">${tokenName ?? token}</a>`}</dd>
${exchange.subject === undefined ? '' : html`<dt>About</dt><dd>${exchange.type === undefined ? (more.subject ?? exchange.subject) : html`<a href="${to(`/directory/${exchange.type}/${encodeURIComponent(exchange.subject)}`)}">${more.subject ?? exchange.subject}</a>`}</dd>`}
<dt>User agent</dt><dd>${agent ?? 'none'}</dd>
<dt>Request id</dt><dd class="mono">${requestId}</dd>
<dt>Tolerances</dt><dd>${tolerances.length === 0 ? 'none was needed' : tolerances.map((name, index) => html`${index === 0 ? '' : ', '}<a href="/docs/tolerances">${name}</a>`)}</dd>
</dl></section>
${more.explained === undefined ? '' : html`<p></p><details><summary>SQL and plan of the filter</summary>${more.explained}</details>`}
<textarea id="curl" class="hidden" readonly tabindex="-1" aria-hidden="true">${curl(exchange, sent, more.base)}</textarea>
<textarea id="support" class="hidden" readonly tabindex="-1" aria-hidden="true">${forSupport(exchange, sent, answered, rule)}</textarea>`;
}

function firstLine(text: string): string {
  return text.split('\n')[0] as string;
}

/** The member that a refusal names: the last name of the path that it begins with, or of one that it quotes. */
function faultIn(detail: string): string | undefined {
  const path =
    /^(?:Operations\[\d+\]:? ?)?((?:urn:[\w:.]+:)?[A-Za-z][\w$-]*(?:\[[^\]]*\])?(?:\.[A-Za-z][\w$-]*)*)\b/.exec(
      detail,
    )?.[1];
  const name = path
    ?.replace(/\[[^\]]*\]/g, '')
    .split(/[.:]/)
    .at(-1);
  return name;
}

/** JSON with a line for each member; the one at fault is marked by colour, a sign and a word. */
export function jsonView(text: string, fault: string | undefined, label: string): Html {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // As it came.
  }
  let isMarked = false;
  const lines: Part[] = shown.split('\n').map((line) => {
    const isFault =
      !isMarked &&
      fault !== undefined &&
      (line.includes(`"${fault}":`) || line.includes(`"path": "${fault}"`));
    if (isFault) isMarked = true;
    return html`<span class="line${isFault ? ' fault' : ''}">${line}${isFault ? html`<span class="hidden"> (at fault)</span>` : ''}</span>`;
  });
  return html`<pre class="json" tabindex="0" role="group" aria-label="${label}">${lines}</pre>`;
}

/** Within single quotes nothing means anything to a shell but a single quote. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl({ method, path, search }: ExchangeRow, sent: string | undefined, base: string): string {
  const origin = new URL(base).origin;
  const parameters = new URLSearchParams(search ?? '').toString();
  const parts = [
    `curl -X ${method} ${shellQuoted(`${origin}${path}${parameters === '' ? '' : `?${parameters}`}`)}`,
    `  -H "Authorization: Bearer $TOKEN"`,
    ...(sent === undefined
      ? []
      : [`  -H 'Content-Type: application/scim+json'`, `  -d ${shellQuoted(sent)}`]),
  ];
  return parts.join(' \\\n');
}

function forSupport(
  { meaning, at, method, path, search, status, scimType, detail, requestId, tolerances, agent }: ExchangeRow,
  sent: string | undefined,
  answered: string | undefined,
  rule: WholeExchangeShown['rule'],
): string {
  return [
    meaning.text,
    '',
    `When: ${at}`,
    `Request id: ${requestId}`,
    `Request: ${method} ${path}${search === undefined ? '' : `?${search}`}`,
    `Answer: ${status}${scimType === undefined ? '' : ` ${scimType}`}`,
    ...(detail === undefined ? [] : [`Detail: ${detail}`]),
    ...(rule === undefined ? [] : [`Rule: ${rule.rule} (${rule.section})`]),
    ...(agent === undefined ? [] : [`User agent: ${agent}`]),
    ...(tolerances.length === 0 ? [] : [`Tolerances: ${tolerances.join(', ')}`]),
    ...(sent === undefined ? [] : ['', 'Sent:', sent]),
    ...(answered === undefined ? [] : ['', 'Answered:', answered]),
  ].join('\n');
}
