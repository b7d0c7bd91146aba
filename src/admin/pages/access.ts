/** Access: who left and who heard of it; the proof about one person. */
import type { Confirmation, Leaver } from '../api/access.ts';
import { spanOf } from '../api/now.ts';
import type { ChangeShown } from '../api/resources.ts';
import { type Html, html, type Part } from '../html.ts';
import { moment, stateMark, type View } from '../layout.ts';
import { downloads, reportTabs } from './reports.ts';

export function accessPage(
  report: {
    readonly tenant: string;
    readonly from: string;
    readonly to: string;
    readonly asOf: { readonly sequence: number; readonly at: string };
    readonly isComplete: boolean;
    readonly count: number;
    readonly leavers: readonly Leaver[];
  },
  view: View,
): Html {
  const { to } = view;
  const day = (time: string): string => time.slice(0, 10);
  const lastDay = new Date(Date.parse(report.to) - 1);
  const shown = {
    from: day(report.from),
    until: day(new Date(lastDay.getTime() + 86_400_000).toISOString()),
  };
  return html`<div class="head"><h1>Access</h1><div class="actions"><button type="button" class="js" data-print>Print</button>${downloads('leavers', shown, view)}</div>
<p>Who left, when it was durable here, and when each application confirmed that it heard of it.</p></div>
${reportTabs('leavers', view)}
<form class="filters" method="get" action="${to('/access').split('?')[0]}">
${view.tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${view.tenant}">` : ''}
<div><label for="from">From</label><input id="from" name="from" type="date" value="${day(report.from)}"></div>
<div><label for="to">To</label><input id="to" name="to" type="date" value="${day(lastDay.toISOString())}"></div><button>Show</button></form>
<p class="hint">Days begin in UTC.</p>
<p class="muted">${report.count} left${report.leavers.length < report.count ? `; the slowest ${report.leavers.length} are shown` : ''}. As of change ${report.asOf.sequence}, ${moment(report.asOf.at)}.${report.isComplete ? '' : ' The record is still being looked through: reload in a moment.'}</p>
${
  report.leavers.length === 0
    ? html`<p class="empty card">Nobody left in these days.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Leavers"><table><thead><tr><th scope="col">Who</th><th scope="col">Left</th><th scope="col">How</th><th scope="col">Applications</th><th scope="col" class="num">Slowest</th></tr></thead><tbody>
${report.leavers.map((each) => html`<tr><td><a href="${to(`/access/proof/${encodeURIComponent(each.id)}`)}">${each.name}</a></td><td class="nowrap">${moment(each.at)}</td><td>${each.how} by ${each.by}</td><td>${each.confirmations.length === 0 ? html`<span class="muted">none is connected</span>` : each.confirmations.map((one, index) => html`${index === 0 ? '' : html`<br>`}${confirmationLine(one)}`)}</td><td class="num nowrap">${each.slowest === undefined ? (each.confirmations.length === 0 ? '' : html`${stateMark('attention')} not heard`) : elapsed(each.slowest)}</td></tr>`)}</tbody></table></div>`
}`;
}

/** `https://app…: +181 ms` */
function confirmationLine({ application, after, tries }: Confirmation): Part {
  if (after === undefined) return html`${application}: <b>not confirmed</b>`;
  return html`${application}: +${elapsed(after)}${tries !== undefined && tries > 1 ? ` after ${tries} tries` : ''}`;
}

export function elapsed(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return spanOf(milliseconds);
}

/** Milliseconds of a time, for evidence. */
function exact(time: string): Html {
  const text = `${time.slice(0, 10)} ${time.slice(11, 23)} UTC`;
  return html`<time datetime="${time}">${text}</time>`;
}

export function proofPage(
  shown: {
    readonly name: string;
    readonly id: string;
    readonly state: string;
    readonly history: readonly ChangeShown[];
    readonly groups: readonly { readonly id: string; readonly display?: string; readonly type: string }[];
    readonly confirmations: ReadonlyMap<number, readonly Confirmation[]>;
    readonly asOf: { readonly sequence: number; readonly at: string };
    readonly author: string;
    readonly version: string;
  },
  view: View,
): Html {
  const { name, id, state, history, groups, confirmations, asOf, author, version } = shown;
  const { to } = view;
  return html`<div class="head"><h1>${name}: what happened, and who heard of it</h1><div class="actions"><button type="button" class="js" data-print>Print</button>${downloads('history', { id }, view)}<a class="button" href="${to(`/directory/User/${encodeURIComponent(id)}`)}">Directory</a></div>
<p>${state} · <span class="mono">${id}</span></p></div>
<section class="card"><ol class="time-line">${history.map((change) => {
    const active = change.edits.find(({ path }) => path === 'active')?.to;
    const words =
      active === false
        ? 'deactivated'
        : active === true
          ? 'activated'
          : change.operation === 'patch' || change.operation === 'replace'
            ? `changed ${change.edits.map(({ path }) => path).join(', ')}`
            : (change.notice ?? `${change.operation}d`);
    const heard = confirmations.get(change.sequence) ?? [];
    return html`<li class="${active !== undefined || change.operation === 'delete' ? 'key' : ''}"><p><b>${exact(change.at)}</b> ${change.by} ${words}</p><p class="muted">change ${change.sequence}${change.notice === undefined ? `, version ${change.version}` : ''}, durable before it was answered${change.request === undefined ? '' : html`, request <a href="${to('/traffic', { about: change.request })}" class="mono">${change.request}</a>`}</p>
${heard.map((one) => html`<p class="muted">→ ${confirmationLine(one)}</p>`)}</li>`;
  })}</ol></section>
${groups.length === 0 ? '' : html`<p></p><section class="card" aria-labelledby="groups"><h2 id="groups">Groups now</h2><p>${groups.map(({ display, id: group }) => display ?? group).join(', ')}</p></section>`}
<p></p><p class="hint">As of change ${asOf.sequence}, ${exact(asOf.at)}; made by ${author} with scimd ${version}. <code>scimd verify</code> checks that the record was not rewritten.</p>`;
}
