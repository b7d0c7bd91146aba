/** Directory: people, groups and other resources; one of them with memberships and its time line. */
import type { ChangeShown, ResourceSummary } from '../api/resources.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonForm, moment, proofField, stateMark, type View } from '../layout.ts';
import { jsonView } from './traffic.ts';

export function directoryPage(
  found:
    | { readonly total: number; readonly resources: readonly ResourceSummary[]; readonly after?: string }
    | undefined,
  asked: {
    readonly type: string;
    readonly q: string;
    readonly problem?:
      | { readonly detail: string; readonly offset: number; readonly length: number }
      | undefined;
    readonly after?: string | undefined;
  },
  types: readonly string[],
  view: View,
): Html {
  const { to } = view;
  const { type, q, problem } = asked;
  const columns = type === 'User' ? ['Name', 'External id', 'Changed'] : ['Name', 'External id', 'Changed'];
  return html`<div class="head"><h1>Directory</h1>${found === undefined ? '' : html`<span class="muted num" id="total">${found.total} found</span>`}</div>
<ul class="tabs">${types.map((name) => html`<li><a href="${to('/directory', { type: name })}"${name === type ? html` aria-current="page"` : ''}>${plural(name)}</a></li>`)}
<li><a href="${to('/directory/deleted', { type })}">Deleted</a></li></ul>
<form class="filters" method="get" action="${to('/directory').split('?')[0]}" role="search" aria-label="Search the directory">
${view.tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${view.tenant}">` : ''}<input type="hidden" name="type" value="${type}">
<div class="grow"><label for="q">Words, or a SCIM filter</label>
<div class="combo"><input id="q" name="q" type="search" class="mono" value="${q}" placeholder="${type === 'User' ? 'jane, or: active eq false and emails.value ew "@example.com"' : 'tour, or: displayName sw "Tour"'}" autocomplete="off" spellcheck="false" data-filter="${to('/api/filter', { type })}" data-results="${to(`/api/resources/${type}`)}" data-page="${to(`/directory/${type}/`)}"></div>
<div class="caret" id="caret" aria-hidden="true">${problem === undefined ? '' : `${' '.repeat(Math.min(problem.offset, 200))}${'^'.repeat(Math.max(1, Math.min(problem.length, 40)))}`}</div>
<div id="problem" role="status" class="hint">${problem === undefined ? '' : problem.detail}</div></div>
<button class="no-js">Search</button></form>
${
  found === undefined
    ? ''
    : found.resources.length === 0
      ? html`<p class="empty card" id="results">${q === '' ? `There are no ${plural(type).toLowerCase()} yet.` : 'Nobody is found by this.'}</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Results"><table id="results"><thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>
${found.resources.map((each) => html`<tr><td>${type === 'User' ? html`${stateMark(each.active === false ? 'off' : 'good')} ` : ''}<a href="${to(`/directory/${type}/${encodeURIComponent(each.id)}`)}">${each.name}</a>${each.display === undefined ? '' : html` <span class="muted">${each.display}</span>`}</td><td class="mono">${each.externalId}</td><td class="nowrap">${moment(each.modified)}</td></tr>`)}
</tbody></table></div>`
}
<div class="pages" id="pages">${asked.after === undefined ? '' : html`<a class="button" href="${to('/directory', { type, q })}">First page</a>`}
${found?.after === undefined ? '' : html`<a class="button" href="${to('/directory', { type, q, after: found.after })}">Next page</a>`}</div>`;
}

function plural(type: string): string {
  return type === 'User' ? 'People' : `${type}s`;
}

export interface ResourceShown {
  readonly resource: ResourceSummary | undefined;
  /** Where it is gone, what it was called and when it was deleted. */
  readonly gone?: { readonly name: string; readonly at: string } | undefined;
  readonly id: string;
  readonly type: string;
  readonly document: Readonly<Record<string, unknown>>;
  readonly groups: readonly { readonly id: string; readonly display?: string; readonly type: string }[];
  readonly members: readonly { readonly id: string; readonly name: string; readonly type: string }[];
  readonly memberCount: number;
  readonly history: readonly ChangeShown[];
  readonly names: ReadonlyMap<string, string>;
  readonly confirmations: ReadonlyMap<number, readonly string[]>;
  readonly lock?: { readonly since: string; readonly reason?: string | undefined } | undefined;
  readonly canLock: boolean;
}

export function resourcePage(shown: ResourceShown, view: View): Html {
  const { to } = view;
  const { resource, gone, type, id, groups, members, memberCount, history, document, lock } = shown;
  const name = resource?.name ?? gone?.name ?? id;
  const back = to(`/directory/${type}/${encodeURIComponent(id)}`);
  const path = `/resources/${type}/${encodeURIComponent(id)}`;
  const isUser = type === 'User';
  return html`<div class="head"><h1>${name}</h1>
<div class="actions">
${resource === undefined ? buttonForm(view, `${path}/restore`, 'Restore', { back, done: 'restored', kind: 'primary' }) : ''}
${isUser && resource !== undefined ? (resource.active === false ? buttonForm(view, `${path}/reactivate`, 'Reactivate', { back, done: 'reactivated' }) : buttonForm(view, `${path}/deactivate`, 'Deactivate', { back, done: 'deactivated', kind: 'danger', confirm: `Deactivate ${name}? Every application is told at once.` })) : ''}
${isUser && resource !== undefined && shown.canLock ? (lock === undefined ? lockForm(name, path, back, view) : buttonForm(view, `${path}/unlock`, 'Unlock', { back, done: 'unlocked' })) : ''}
<a class="button" href="${to('/traffic', { about: name })}">Requests</a>
${isUser ? html`<a class="button" href="${to(`/access/proof/${encodeURIComponent(id)}`)}">Proof</a>` : ''}
</div>
<p>${isUser && resource !== undefined ? html`${stateMark(lock !== undefined ? 'attention' : resource.active === false ? 'off' : 'good')} ${lock !== undefined ? html`locked here since ${moment(lock.since)}${lock.reason === undefined ? '' : `: ${lock.reason}`}` : resource.active === false ? 'inactive' : 'active'} · ` : ''}${gone === undefined ? '' : html`${stateMark('off')} deleted ${moment(gone.at)} · `}${type} <span class="mono">${id}</span></p></div>
<div class="grid wide">
<section class="card" aria-labelledby="history"><h2 id="history">What happened</h2>${timeLine(shown, view)}</section>
<div>
<section class="card" aria-labelledby="groups"><h2 id="groups">${isUser ? 'Groups' : 'In groups'}</h2>
${groups.length === 0 ? html`<p class="muted">In none.</p>` : html`<ul class="list">${groups.map((group) => html`<li><div><a href="${to(`/directory/Group/${encodeURIComponent(group.id)}`)}">${group.display ?? group.id}</a>${group.type === 'indirect' ? html`<small>by a group in it</small>` : ''}</div></li>`)}</ul>`}
</section><p></p>
${
  isUser || resource === undefined
    ? ''
    : html`<section class="card" aria-labelledby="members"><h2 id="members">Members <span class="muted num">${memberCount}</span></h2>
${members.length === 0 ? html`<p class="muted">Nobody.</p>` : html`<ul class="people">${members.map((each) => html`<li><a href="${to(`/directory/${each.type}/${encodeURIComponent(each.id)}`)}">${each.name}</a></li>`)}</ul>`}
${memberCount > members.length && members.length > 0 ? html`<p class="hint">The first ${members.length} of ${memberCount}.</p>` : ''}</section><p></p>`
}
<section class="card" aria-labelledby="attributes"><h2 id="attributes">Attributes</h2>${jsonView(JSON.stringify(document), undefined, 'Attributes')}</section>
</div></div>
${isUser && view.session.role === 'admin' && (resource !== undefined || gone !== undefined) ? forgetForm(name, path, view) : ''}
${history.length === 0 ? '' : html`<p class="hint">Changes are kept for as long as <code>changes.retentionDays</code> says.</p>`}`;
}

/** With room for why: whoever looks later sees it. */
function lockForm(name: string, path: string, back: string, { to, session }: View): Part {
  if (session.role !== 'admin') return '';
  return html`<form class="joined" method="post" action="${to(`/api${path}/lock`)}" data-confirm="Lock ${name}? Access ends at once, and the identity provider is not told.">${proofField(session)}<input type="hidden" name="back" value="${back}"><input type="hidden" name="done" value="locked"><input name="reason" maxlength="200" size="14" placeholder="Reason" aria-label="Reason of the lock"><button class="danger">Lock</button></form>`;
}

/** Behind a fold, and confirmed by a word: nothing brings it back. */
function forgetForm(name: string, path: string, { to, session }: View): Html {
  return html`<details class="fold"><summary>Forget ${name}</summary><form class="card fields" method="post" action="${to(`/api${path}/forget`)}">${proofField(session)}<input type="hidden" name="back" value="${to('/directory')}"><input type="hidden" name="done" value="forgotten">
<p>Erases this person and all that is stored of them: attributes, history, requests. Groups lose the member. The erasure itself is recorded, and the record still verifies. It cannot be undone.</p>
<div><label for="confirm">Type the word forget</label><input id="confirm" name="confirm" required pattern="forget" autocomplete="off" autocapitalize="none"></div>
<div><button class="danger">Forget for ever</button></div></form></details>`;
}

const operations: Readonly<Record<string, string>> = {
  create: 'Created',
  replace: 'Replaced',
  patch: 'Changed',
  delete: 'Deleted',
  restore: 'Restored',
  erase: 'Erased',
};

function timeLine(
  { history, names, confirmations }: Pick<ResourceShown, 'history' | 'names' | 'confirmations'>,
  { to }: View,
): Html {
  if (history.length === 0) return html`<p class="muted">Nothing is recorded, or it is kept no longer.</p>`;
  const whom = (ids: readonly string[]): Part => {
    const first = ids.slice(0, 4).map((id, index) => html`${index === 0 ? '' : ', '}${names.get(id) ?? id}`);
    return html`${first}${ids.length > 4 ? ` and ${ids.length - 4} more` : ''}`;
  };
  return html`<ol class="time-line">${history.map((change) => {
    const { at, operation, by, edits, added, removed, request, sequence, version, notice } = change;
    const active = edits.find(({ path }) => path === 'active')?.to;
    const words =
      active === false
        ? 'Deactivated'
        : active === true && operation !== 'create'
          ? 'Reactivated'
          : notice === undefined
            ? (operations[operation] ?? operation)
            : notice.charAt(0).toUpperCase() + notice.slice(1);
    const isKey =
      operation === 'create' || operation === 'delete' || operation === 'restore' || active !== undefined;
    return html`<li class="${isKey ? 'key' : ''}"><p><b>${words}</b> by ${by} <span class="muted">· ${moment(at)}${notice === undefined ? ` · version ${version}` : ''}</span></p>
${edits.length === 0 ? '' : html`<ul class="edits">${edits.slice(0, 20).map((edit) => editLines(edit))}</ul>`}
${added === undefined ? '' : html`<p class="muted">+ ${whom(added)}</p>`}${removed === undefined ? '' : html`<p class="muted">− ${whom(removed)}</p>`}
${(confirmations.get(sequence) ?? []).map((line) => html`<p class="muted">→ ${line}</p>`)}
${request === undefined ? '' : html`<p class="hint"><a href="${to('/traffic', { about: request })}">the request</a></p>`}</li>`;
  })}</ol>`;
}

function editLines({ path, from, to, omitted }: ChangeShown['edits'][number]): Html {
  if (omitted !== undefined)
    return html`<li>${path} <span class="muted">changed; ${omitted === 'sensitive' ? 'its values are not kept' : 'its values were not recorded'}</span></li>`;
  return html`${from === undefined ? '' : html`<li class="minus">− ${path} ${shortJson(from)}</li>`}${to === undefined ? '' : html`<li class="plus">+ ${path} ${shortJson(to)}</li>`}`;
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

export function deletedPage(
  deleted: readonly { readonly id: string; readonly name: string; readonly at: string }[],
  type: string,
  types: readonly string[],
  view: View,
): Html {
  const { to } = view;
  return html`<div class="head"><h1>Deleted</h1><p>What was deleted can be restored for as long as its history is kept.</p></div>
<ul class="tabs">${types.map((name) => html`<li><a href="${to('/directory/deleted', { type: name })}"${name === type ? html` aria-current="page"` : ''}>${plural(name)}</a></li>`)}</ul>
${deleted.length === 0 ? html`<p class="empty card">Nothing was deleted.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Deleted"><table><thead><tr><th scope="col">Name</th><th scope="col">Deleted</th></tr></thead><tbody>${deleted.map(({ id, name, at }) => html`<tr><td><a href="${to(`/directory/${type}/${encodeURIComponent(id)}`)}">${name}</a></td><td>${moment(at)}</td></tr>`)}</tbody></table></div>`}`;
}
