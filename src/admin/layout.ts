/** What every page has around it: places, tenant, search, who is signed in. */
import { assets } from './assets.ts';
import { type Html, html, type Part } from './html.ts';
import type { Session } from './sessions.ts';

export const root = '/admin';

/** The six places. */
const places = [
  ['', 'Now'],
  ['/traffic', 'Traffic'],
  ['/directory', 'Directory'],
  ['/connections', 'Connections'],
  ['/access', 'Access'],
  ['/system', 'System'],
] as const;
export type Place = (typeof places)[number][0];

export interface View {
  readonly session: Session;
  /** Names of the tenants that they may choose from, and the one that is shown. */
  readonly tenants: readonly string[];
  readonly tenant: string;
  /** An address of the page, in the tenant that is shown. */
  readonly to: (path: string, parameters?: Readonly<Record<string, string | number | undefined>>) => string;
}

export interface Page {
  readonly title: string;
  readonly place: Place;
  readonly main: Html;
  /** What was just done, in words. */
  readonly notice?: string | undefined;
}

/** Addresses keep the tenant, where there are several. */
export function linksFor(tenants: readonly string[], tenant: string): View['to'] {
  return (path, parameters = {}) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined && value !== '') query.set(name, String(value));
    if (tenants.length > 1 && !query.has('tenant')) query.set('tenant', tenant);
    const text = query.toString();
    return `${root}${path}${text === '' ? '' : `?${text}`}`;
  };
}

export function pageHtml(view: View, { title, place, main, notice }: Page): Html {
  const { session, tenants, tenant, to } = view;
  const nav = places.map(
    ([path, name]) =>
      html`<li><a href="${to(path)}"${path === place ? html` aria-current="page"` : ''}>${icons[path]}<span>${name}</span></a></li>`,
  );
  const tenantChoice =
    tenants.length < 2
      ? ''
      : html`<form class="tenant" method="get" action="${root}${place}">
<label for="tenant">Tenant</label>
<select id="tenant" name="tenant" data-submit>${tenants.map((name) => html`<option${name === tenant ? html` selected` : ''}>${name}</option>`)}</select>
<button class="small no-js">Show</button></form>`;
  return documentHtml(
    `${title} · scimd`,
    html`<div class="frame">
<header class="side">
<a class="name" href="${to('')}">${mark}<span>scimd</span></a>
<nav aria-label="Places"><ul>${nav}</ul></nav>
${tenantChoice}
<form class="find" method="get" action="${root}/find" role="search">
<label class="hidden" for="find">Find a person, a group or a request</label>
<input id="find" name="q" type="search" placeholder="Find  /" autocomplete="off" spellcheck="false" aria-keyshortcuts="/">
${tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${tenant}">` : ''}
</form>
<div class="who"><span title="${session.name}">${session.name}${session.role === 'read' ? ' (reads only)' : ''}</span>
<form method="post" action="${root}/sign-out">${proofField(session)}<button class="plain">Sign out</button></form></div>
</header>
<main id="main" tabindex="-1">
${notice === undefined ? '' : html`<p class="notice" role="status">${notice}</p>`}
${main}
</main>
</div>
<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
<dl class="keys"><dt><kbd>/</kbd></dt><dd>find</dd><dt><kbd>g</kbd> <kbd>n</kbd></dt><dd>Now</dd><dt><kbd>g</kbd> <kbd>t</kbd></dt><dd>Traffic</dd><dt><kbd>g</kbd> <kbd>d</kbd></dt><dd>Directory</dd><dt><kbd>g</kbd> <kbd>c</kbd></dt><dd>Connections</dd><dt><kbd>g</kbd> <kbd>a</kbd></dt><dd>Access</dd><dt><kbd>g</kbd> <kbd>s</kbd></dt><dd>System</dd><dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous line</dd><dt><kbd>p</kbd></dt><dd>pause what streams</dd><dt><kbd>?</kbd></dt><dd>this list</dd></dl>
<form method="dialog"><button>Close</button></form></dialog>`,
    'signed-in',
  );
}

/** A page without places: to sign in, or to set one connection up. */
export function barePageHtml(title: string, main: Html): Html {
  return documentHtml(
    `${title} · scimd`,
    html`<main id="main" tabindex="-1" class="bare"><p class="name">${mark}<span>scimd</span></p>${main}</main>`,
    'bare-page',
  );
}

function documentHtml(title: string, body: Html, kind: string): Html {
  const { css, js } = assets();
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${root}/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${root}/assets/${css.name}">
<script src="${root}/assets/${js.name}" type="module"></script>
</head>
<body class="${kind}">
<a class="skip" href="#main">Skip to the content</a>
${body}
</body>
</html>
`;
}

export function proofField({ proof }: Session): Part {
  return proof === undefined ? '' : html`<input type="hidden" name="proof" value="${proof}">`;
}

/** A form that is one button, to an endpoint of the API. */
export function buttonForm(
  view: View,
  path: string,
  words: string,
  options: {
    readonly back: string;
    readonly done?: string;
    readonly kind?: 'danger' | 'primary' | 'plain';
    readonly confirm?: string;
    readonly fields?: Readonly<Record<string, string>>;
  },
): Part {
  if (view.session.role !== 'admin') return '';
  const { back, done, kind = '', confirm, fields = {} } = options;
  return html`<form method="post" action="${view.to(`/api${path}`)}"${confirm === undefined ? '' : html` data-confirm="${confirm}"`}>
${proofField(view.session)}<input type="hidden" name="back" value="${back}">
${done === undefined ? '' : html`<input type="hidden" name="done" value="${done}">`}
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="${kind}">${words}</button></form>`;
}

/** A moment: in UTC, and in the reader's own time where scripts run. */
export function moment(time: string | number, form: 'time' | 'day' | 'both' = 'both'): Html {
  const iso = new Date(time).toISOString();
  const day = iso.slice(0, 10);
  const clock = iso.slice(11, 19);
  const shown = form === 'time' ? clock : form === 'day' ? day : `${day} ${clock}`;
  return html`<time datetime="${iso}" data-form="${form}" title="${day} ${iso.slice(11, 23)} UTC">${shown}</time>`;
}

/** State by shape and word, never by colour alone. */
export function stateMark(state: 'good' | 'attention' | 'off'): Html {
  const shape = {
    good: html`<circle cx="6" cy="6" r="4.5" fill="currentColor"/>`,
    attention: html`<path d="M6 1 11.5 11H.5z" fill="currentColor"/>`,
    off: html`<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.6"/>`,
  }[state];
  const word = { good: 'good', attention: 'needs attention', off: 'inactive' }[state];
  return html`<svg class="mark ${state}" viewBox="0 0 12 12" width="12" height="12" role="img" aria-label="${word}">${shape}</svg>`;
}

/** Of an exchange: by shape, with the status beside it. */
export function toneMark(tone: 'done' | 'refused' | 'failed'): Html {
  return stateMark(tone === 'done' ? 'good' : 'attention');
}

export function copyBox(id: string, label: string, value: string, isSecret = false): Html {
  return html`<div class="copy"><label for="${id}">${label}</label>
<div><input id="${id}" class="mono${isSecret ? ' secret' : ''}" value="${value}" readonly spellcheck="false" autocomplete="off" data-select>
<button type="button" class="js" data-copy="${id}">Copy</button></div></div>`;
}

const mark = html`<svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true"><rect width="16" height="16" rx="4.5" class="logo"/><path d="M11 5.5C10 4 6 4 6 6s5 2 5 4-4 2.5-5.5.8" fill="none" class="logo-line" stroke-width="1.6" stroke-linecap="round"/></svg>`;

function icon(path: string): Html {
  return html`<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${path}"/></svg>`;
}

const icons: Readonly<Record<Place, Html>> = {
  '': icon('M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 5v3.2l2.2 1.6'),
  '/traffic': icon('M2 5h10M9.5 2.5 12 5 9.5 7.5M14 11H4m2.5-2.5L4 11l2.5 2.5'),
  '/directory': icon('M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3 14c.3-2.8 2.2-4.2 5-4.2s4.7 1.4 5 4.2'),
  '/connections': icon(
    'M6.5 9.500l3-3M7.5 4.5 9 3a2.8 2.8 0 0 1 4 4l-1.5 1.500M8.5 11.5 7 13a2.8 2.8 0 0 1-4-4l1.5-1.5',
  ),
  '/access': icon('M8 2l5 2v4c0 3-2.1 5-5 6-2.9-1-5-3-5-6V4zM6 8l1.5 1.500L10.5 6.5'),
  '/system': icon('M3 5h10M3 11h10M6 3.500v3M10 9.500v3'),
};
