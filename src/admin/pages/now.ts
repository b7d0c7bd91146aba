/** Now: one screen that says how a tenant is. */
import { type Now, spanOf } from '../api/now.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonForm, moment, stateMark, type View } from '../layout.ts';

export function nowPage(now: Now, view: View): Html {
  const { to, session } = view;
  const { people, today, connections, applications, errors, traffic } = now;
  const isEmpty = connections.length === 0 && people.total === 0;
  return html`<div class="head"><h1>Now</h1>${isEmpty ? '' : html`<span class="muted">${moment(now.at)}</span>`}</div>
${isEmpty ? firstSteps(to, session.role === 'admin') : ''}
${guardBox(now.guard, view)}
<div class="grid four">
<div class="card figure"><b>${people.active}</b><span>people active, of ${people.total}</span></div>
<div class="card figure"><b>${today.joined} / ${today.left}</b><span>joined / left today${today.isComplete ? '' : ', counting…'}</span></div>
<div class="card figure"><b>${people.groups}</b><span>${people.groups === 1 ? 'group' : 'groups'}</span></div>
<div class="card figure"><b>${now.leaverLagSeconds < 1 ? 'none' : spanOf(now.leaverLagSeconds * 1000)}</b><span>${now.leaverLagSeconds < 1 ? 'waits to be told that somebody left' : 'an application has not heard of a leaver'}</span></div>
</div>
<div class="grid wide">
<section class="card" aria-labelledby="connections"><h2 id="connections">Connections <a class="more" href="${to('/connections')}">all</a></h2>
${connections.length === 0 ? html`<p class="empty">No token yet. <a href="${to('/connections/add')}">Connect a provider</a></p>` : html`<ul class="list">${connections.slice(0, 8).map((each) => connectionLine(each, to))}</ul>`}
</section>
<section class="card" aria-labelledby="traffic"><h2 id="traffic">Requests of the day <a class="more" href="${to('/traffic')}">all</a></h2>
${plot(traffic)}
</section>
</div>
<div class="grid two">
<section class="card" aria-labelledby="errors"><h2 id="errors">Refused in the last 24 hours <a class="more" href="${to('/traffic', { status: 'error' })}">all</a></h2>
${errors.length === 0 ? html`<p class="empty">Nothing was refused.</p>` : html`<ul class="list">${errors.map(({ group, count, last }) => html`<li><b class="num">${count} ×</b><div><a href="${to(`/traffic/${last.exchange}`)}">${group}</a><small>last ${moment(last.at)}</small></div></li>`)}</ul>`}
</section>
<section class="card" aria-labelledby="applications"><h2 id="applications">Your application</h2>
${applications.length === 0 ? html`<p class="empty">No consumer yet: nothing hears of changes. <a href="${to('/connections/webhooks/add')}">Add a webhook</a></p>` : html`<ul class="list">${applications.map((each) => html`<li>${stateMark(each.state)}<div>${each.kind === 'webhook' ? html`<a href="${to(`/connections/webhooks/${each.id}`)}">${each.name}</a>` : each.name}<small>${each.kind}: ${each.words}</small></div></li>`)}</ul>`}
</section>
</div>`;
}

/** Only where there is something to decide. */
function guardBox({ state, words }: Now['guard'], view: View): Part {
  if (state === 'watching') return '';
  return html`<div class="${state === 'held' ? 'bad-box' : 'notice'}"><p>${stateMark(state === 'held' ? 'attention' : 'off')} <b>${words}</b></p>
${state === 'held' ? html`<p>Look at <a href="${view.to('/traffic', { status: '429' })}">what was held back</a>. If it was not meant, correct the assignments in the identity provider.</p>${buttonForm(view, '/guard/release', 'It was meant: let it pass for an hour', { back: view.to(''), done: 'released', kind: 'danger', confirm: 'Let everything pass for an hour? The identity provider sends again what was held back.' })}` : ''}</div>`;
}

export function connectionLine(
  { token, name, provider, state, words, last }: Now['connections'][number],
  to: View['to'],
): Html {
  return html`<li>${stateMark(state)}<div><a href="${to(`/connections/tokens/${token}`)}">${name}</a>${provider === name ? '' : html` <span class="muted">${provider}</span>`}<small>${words}${last === undefined ? '' : html` · <a href="${to(`/traffic/${last.exchange}`)}">${last.text}</a>`}</small></div></li>`;
}

function firstSteps(to: View['to'], mayAct: boolean): Part {
  if (!mayAct) return '';
  return html`<section class="card" aria-labelledby="begin"><h2 id="begin">Begin here</h2>
<ol class="steps">
<li><b>Connect your identity provider.</b><br>Choose it, and take the address and the token over: <a href="${to('/connections/add')}">Connect a provider</a></li>
<li><b>Let your application hear of it.</b><br><a href="${to('/connections/webhooks/add')}">Add a webhook</a>, and send a test.</li>
<li><b>Assign somebody.</b><br>They appear here by name, within a second.</li>
</ol></section><p></p>`;
}

/** Bars of half hours: refused stand on answered, in another colour and named below. */
function plot({ answered, refused, from, minutes }: Now['traffic']): Part {
  if (answered.length === 0) return html`<p class="empty">No exchanges are kept here.</p>`;
  const height = 56;
  const most = Math.max(1, ...answered.map((count, index) => count + (refused[index] ?? 0)));
  const width = 480;
  const step = width / answered.length;
  const bars = answered.map((count, index) => {
    const bad = refused[index] ?? 0;
    const tall = (count / most) * height;
    const badTall = bad === 0 ? 0 : Math.max(2, (bad / most) * height);
    const x = (index * step + 1).toFixed(1);
    const w = (step - 2).toFixed(1);
    return html`${tall === 0 ? '' : html`<rect class="answered" x="${x}" y="${(height - tall).toFixed(1)}" width="${w}" height="${tall.toFixed(1)}" rx="1"/>`}${badTall === 0 ? '' : html`<rect class="refused" x="${x}" y="${(height - tall - badTall).toFixed(1)}" width="${w}" height="${badTall.toFixed(1)}" rx="1"/>`}`;
  });
  const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);
  return html`<svg class="plot" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${sum(answered)} answered and ${sum(refused)} refused since ${from.slice(0, 16).replace('T', ' ')} UTC, by ${minutes} minutes">
<line x1="0" y1="${height}" x2="${width}" y2="${height}"/>${bars}</svg>
<div class="legend"><span>${sum(answered)} answered</span><span>${sum(refused)} refused</span><span>a bar is ${minutes} minutes</span></div>`;
}
