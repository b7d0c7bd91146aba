/** One exchange as a line, as the server renders it. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { timeText } from './times.ts';

export interface Row {
  readonly id: number;
  readonly at: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly meaning: { readonly text: string; readonly tone: 'done' | 'refused' | 'failed' };
}

export function Line({
  row,
  page,
  isNew,
}: {
  readonly row: Row;
  readonly page: string | undefined;
  readonly isNew: boolean;
}): VNode {
  const { id, at, status, milliseconds, meaning } = row;
  const good = meaning.tone === 'done';
  const took = milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds);
  return html`<li class="${meaning.tone}${isNew ? ' new' : ''}"><a href=${page === undefined ? undefined : addressOf(page, id)}>
<time datetime=${at} title=${at}>${timeText(at, 'time')}</time>
<span class="code"><svg class="mark ${good ? 'good' : 'attention'}" viewBox="0 0 12 12" width="12" height="12" role="img" aria-label=${good ? 'good' : 'needs attention'}>
${good ? html`<circle cx="6" cy="6" r="4.5" fill="currentColor" />` : html`<path d="M6 1 11.5 11H.5z" fill="currentColor" />`}</svg>${status}</span>
<span class="words">${meaning.text}</span><span class="took">${took} ms</span></a></li>` as VNode;
}

/** The page's address has the tenant behind it, if there are several. */
function addressOf(page: string, id: number): string {
  const [path = '', query] = page.split('?');
  return `${path}${id}${query === undefined ? '' : `?${query}`}`;
}
