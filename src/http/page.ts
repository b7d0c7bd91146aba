/** Pages for people: HTML without scripts, in the reader's light or dark, from 360 pixels on. */
import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponse } from './message.ts';

const style = `
:root { color-scheme: light dark; --ground: #fff; --soft: #f5f6f8; --line: #dfe2e8; --text: #1c1f26; --muted: #596273; --link: #0a58ca; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --soft: #1d2026; --line: #343943; --text: #e4e7ec; --muted: #a0a8b6; --link: #7fb2ff; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
header { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: baseline; padding: 0.75rem 1.25rem; border-bottom: 1px solid var(--line); }
header a { color: inherit; text-decoration: none; padding: 0.25rem 0; }
header a:hover { text-decoration: underline; }
header .name { font-weight: 700; letter-spacing: -0.01em; margin-right: auto; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.25rem; background: var(--ground); padding: 0.5rem; }
.page { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem 4rem; }
main { min-width: 0; max-width: 46rem; margin: 0 auto; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; letter-spacing: -0.01em; }
h1 { font-size: 1.9rem; margin: 2rem 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 0.75rem; }
h3 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
h2 > a, h3 > a { color: inherit; text-decoration: none; }
h2 > a:hover::after, h3 > a:hover::after { content: " #"; color: var(--muted); }
p, ul, ol, pre, .table, dl { margin: 0 0 1rem; }
ul, ol { padding-left: 1.4rem; }
li { margin: 0.3rem 0; }
li > ul, li > ol, li > pre { margin: 0.3rem 0 0.5rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.875em; }
code { background: var(--soft); border-radius: 0.25rem; padding: 0.1em 0.3em; }
code.word { white-space: nowrap; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.8rem 1rem; overflow-x: auto; line-height: 1.5; }
pre code { background: none; padding: 0; font-size: 1em; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92rem; min-width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 0.75rem 0.45rem 0; border-bottom: 1px solid var(--line); min-width: 6.5rem; overflow-wrap: normal; }
th { font-weight: 600; color: var(--muted); }
td:first-child code { white-space: nowrap; }
blockquote { margin: 0 0 1rem; padding: 0.1rem 1rem; border-left: 3px solid var(--line); color: var(--muted); }
nav { border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 1rem; font-size: 0.95rem; }
nav h2 { font-size: 0.8rem; color: var(--muted); font-weight: 600; letter-spacing: 0.02em; margin: 1.25rem 0 0.25rem; }
nav ul { list-style: none; padding: 0; margin: 0; }
nav li { margin: 0; }
nav a { display: inline-block; padding: 0.2rem 0; color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav [aria-current] { font-weight: 650; color: var(--link); }
nav ul ul { padding-left: 0.75rem; border-left: 1px solid var(--line); margin: 0.1rem 0 0.4rem 0.2rem; font-size: 0.9rem; color: var(--muted); }
dt { font-weight: 600; margin-top: 0.75rem; }
dd { margin: 0; color: var(--muted); }
@media (min-width: 62rem) {
  .with-nav { display: grid; grid-template-columns: 14rem minmax(0, 46rem); gap: 3.5rem; justify-content: center; }
  .with-nav main { grid-column: 2; margin: 0; }
  nav { grid-column: 1; grid-row: 1; border: 0; margin: 0; padding: 1rem 0 2rem; position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; }
  .to-nav { display: none; }
}
@media print { header, nav { display: none; } }
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** One link, with what stands below it. */
export interface NavigationLink {
  readonly href: string;
  readonly text: string;
  readonly isCurrent?: boolean;
  readonly inner?: readonly NavigationLink[];
}

export interface Page {
  readonly title: string;
  /** HTML. */
  readonly main: string;
  /** Links in the page's head. */
  readonly links?: readonly NavigationLink[];
  /** Links beside the text, below headings of theirs. */
  readonly navigation?: ReadonlyMap<string, readonly NavigationLink[]>;
}

/** On every answer with pages. */
export const pageHeaders: readonly string[] = [
  ...['Cache-Control', 'no-cache', 'Vary', 'Accept', 'X-Content-Type-Options', 'nosniff'],
  ...['Referrer-Policy', 'no-referrer', 'Cross-Origin-Opener-Policy', 'same-origin'],
  'Content-Security-Policy',
  `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
];

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230a58ca'/%3E%3Cpath d='M11 5.5C10 4 6 4 6 6s5 2 5 4-4 2.5-5.5.8' fill='none' stroke='%23fff' stroke-width='1.6' stroke-linecap='round'/%3E%3C/svg%3E";

export function htmlOf({ title, main, links = [], navigation }: Page): string {
  const beside = navigation === undefined ? '' : navigationOf(navigation);
  const toNavigation = navigation === undefined ? '' : '<a class="to-nav" href="#contents">Contents</a>';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="${icon}">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>${links.map((link, index) => anchor(link, index === 0 ? ' class="name"' : '')).join('')}${toNavigation}</header>
<div class="page${navigation === undefined ? '' : ' with-nav'}">
<main id="main">
${main}
</main>
${beside}
</div>
</body>
</html>
`;
}

function navigationOf(groups: ReadonlyMap<string, readonly NavigationLink[]>): string {
  const list = (links: readonly NavigationLink[]): string =>
    `<ul>${links.map((link) => `<li>${anchor(link)}${link.inner?.length ? list(link.inner) : ''}</li>`).join('')}</ul>`;
  const parts = [...groups].map(([heading, links]) => `<h2>${escaped(heading)}</h2>${list(links)}`);
  return `<nav id="contents" aria-label="Contents">${parts.join('\n')}</nav>`;
}

function anchor({ href, text, isCurrent }: NavigationLink, attributes = ''): string {
  return `<a href="${escaped(href)}"${isCurrent ? ' aria-current="page"' : ''}${attributes}>${escaped(text)}</a>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A text of the documentation or a page; 304 where the reader has it already (RFC 9110 §13.1.2). */
export function textResponse(
  request: HttpRequest,
  type: 'text/html' | 'text/markdown' | 'application/json',
  body: string,
  status = 200,
): HttpResponse {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  if (status === 200 && request.header('if-none-match')?.includes(tag))
    return { status: 304, headers: ['ETag', tag] };
  return { status, headers: ['Content-Type', `${type}; charset=utf-8`, 'ETag', tag], body };
}

/** Does the client, a browser say, prefer HTML to JSON? */
export function prefersHtml(request: HttpRequest): boolean {
  return /\btext\/html\b(?!\s*;\s*q=0(?:\.0*)?(?:\s|,|$))/i.test(request.header('accept') ?? '');
}
