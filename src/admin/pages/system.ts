/** System: settings in force, schemas, backups, the filter workbench, what administrators did. */
import { spanOf } from '../api/now.ts';
import type { ResourceSummary } from '../api/resources.ts';
import type { ActionShown, Explained, System } from '../api/system.ts';
import { type Html, html, type Part } from '../html.ts';
import { moment, proofField, type View } from '../layout.ts';

function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB'] as const;
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function systemPage(system: System, view: View): Html {
  const { to, session } = view;
  const { version, node, uptimeSeconds, memoryBytes, database, tenants, settings, schemas, types, backups } =
    system;
  const diagnostics = [
    `scimd ${version}, Node.js ${node}, up ${spanOf(uptimeSeconds * 1000)}, ${bytes(memoryBytes)} of memory`,
    ...(database.file === '' ? [] : [`Database: ${bytes(database.bytes)}`]),
    `Tenants: ${tenants.length}`,
    `Schemas: ${schemas.map(({ name, attributes }) => `${name} (${attributes})`).join(', ')}`,
    ...settings
      .filter(({ origin }) => origin !== 'default')
      .map(({ name, value, origin }) => `${name} = ${value} (${origin})`),
  ].join('\n');
  return html`<div class="head"><h1>System</h1><div class="actions"><a class="button" href="${to('/system/filters')}">Filter workbench</a><a class="button" href="${to('/system/actions')}">What administrators did</a><button type="button" class="js" data-copy="diagnostics">Copy diagnostics</button></div></div>
<textarea id="diagnostics" class="hidden" readonly tabindex="-1" aria-hidden="true">${diagnostics}</textarea>
<div class="grid two">
<section class="card" aria-labelledby="server"><h2 id="server">Server</h2><dl class="facts">
<dt>Version</dt><dd>${version}</dd><dt>Node.js</dt><dd>${node}</dd><dt>Up for</dt><dd>${spanOf(uptimeSeconds * 1000)}</dd><dt>Memory</dt><dd>${bytes(memoryBytes)}</dd>
${database.file === '' ? '' : html`<dt>Database</dt><dd>${database.file} (${bytes(database.bytes)})</dd>`}
<dt>Interface</dt><dd><a href="/openapi.json">OpenAPI</a>, <a href="/docs">documentation</a></dd></dl></section>
<section class="card" aria-labelledby="backups"><h2 id="backups">Backups</h2>
${session.tenant !== undefined ? html`<p class="muted">For administrators of the whole server.</p>` : backups === undefined ? html`<p>None is scheduled. <code>--backup-every 24h</code> makes one a day, each verified; <code>scimd backup</code> makes one now.</p>` : backups.length === 0 ? html`<p class="empty">None was made yet.</p>` : html`<ul class="list">${backups.slice(0, 8).map((each) => html`<li><div>${each.file}<small>${moment(each.at)} · ${bytes(each.bytes)}</small></div></li>`)}</ul>`}</section>
<section class="card" aria-labelledby="tenants"><h2 id="tenants">Tenants</h2><ul class="list">${tenants.map(({ name, created }) => html`<li><div><a href="${to('', { tenant: name })}">${name}</a><small>made ${moment(created, 'day')}</small></div></li>`)}</ul>
${session.tenant === undefined && session.role === 'admin' ? html`<form class="filters" method="post" action="${to('/api/tenants')}">${proofField(session)}<input type="hidden" name="back" value="${to('/system')}"><input type="hidden" name="done" value="made"><div><label for="name">New tenant</label><input id="name" name="name" required maxlength="64"></div><button>Create</button></form>` : ''}</section>
<section class="card" aria-labelledby="schemas"><h2 id="schemas">Schemas and indexes</h2><ul class="list">${schemas.map(({ id, name, attributes }) => html`<li><div>${name}<small class="mono">${id} · ${attributes} attributes</small></div></li>`)}</ul>
<p class="hint">${types.map(({ name, endpoint }) => `${name} at ${endpoint}`).join(', ')}. ${types[0]?.indexed.length ? `Indexed for “contains”: ${types[0].indexed.join(', ')}.` : 'No index for “contains” (containsIndex).'}</p></section>
</div>
${settings.length === 0 ? '' : html`<div class="scroll" tabindex="0" role="region" aria-label="Settings in force"><table><caption>Settings in force</caption><thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">From</th></tr></thead><tbody>${settings.map(({ name, value, origin }) => html`<tr><td class="mono">${name}</td><td class="mono">${value}</td><td class="muted">${origin}</td></tr>`)}</tbody></table></div>`}`;
}

export function workbenchPage(
  asked: { readonly filter: string; readonly type: string },
  explained: Explained | undefined,
  people: readonly ResourceSummary[],
  types: readonly string[],
  view: View,
): Html {
  const { to } = view;
  return html`<div class="head"><h1>Filter workbench</h1><p>What a filter means, and what it costs.</p></div>
<form class="filters" method="get" action="${to('/system/filters').split('?')[0]}">
${view.tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${view.tenant}">` : ''}
<div><label for="type">Type</label><select id="type" name="type">${types.map((name) => html`<option${name === asked.type ? html` selected` : ''}>${name}</option>`)}</select></div>
<div class="grow"><label for="filter">Filter</label><div class="combo"><input id="filter" name="filter" class="mono" value="${asked.filter}" required spellcheck="false" autocomplete="off" placeholder='emails[type eq "work" and value co "@example.com"]' data-filter="${to('/api/filter', { type: asked.type })}"></div><div class="caret" id="caret" aria-hidden="true"></div><div id="problem" role="status" class="hint"></div></div>
<button class="primary">Explain</button></form>
${explained === undefined ? '' : explainedHtml(explained)}
${people.length === 0 ? '' : html`<section class="card" aria-labelledby="found"><h2 id="found">The first of them</h2><ul class="people">${people.map(({ id, type, name }) => html`<li><a href="${to(`/directory/${type}/${encodeURIComponent(id)}`)}">${name}</a></li>`)}</ul></section>`}`;
}

export function explainedHtml(explained: Explained): Html {
  const { problem, tree, plan, sql, postgres, parameters, steps, unindexed, total, milliseconds } = explained;
  if (problem !== undefined)
    return html`<div class="bad-box"><pre tabindex="0" aria-label="What is wrong">${problem}</pre></div>`;
  const block = (title: string, text: string): Part =>
    html`<section class="card"><h2>${title}</h2><pre tabindex="0" aria-label="${title}">${text}</pre></section>`;
  return html`<p class="notice">${total === undefined ? '' : `${total} found${milliseconds === undefined ? '' : ` in ${milliseconds} ms`}. `}${unindexed.length === 0 ? 'An index serves this filter.' : `No index serves ${unindexed.join(', ')}: each resource is looked at.`}</p>
<div class="grid two">${block('Tree', tree.join('\n'))}${block('Plan', plan.join('\n'))}${block('SQL', `${sql}\n\n${JSON.stringify(parameters)}`)}${block('Query plan', steps.join('\n'))}${postgres === undefined ? '' : block('SQL of PostgreSQL', postgres)}</div>`;
}

export function actionsPage(actions: readonly ActionShown[], before: number | undefined, view: View): Html {
  const { to } = view;
  return html`<div class="head"><h1>What administrators did</h1><p>Changes of people and groups stand in their own history; this is all else, and who tried to sign in.</p></div>
${actions.length === 0 ? html`<p class="empty card">Nothing yet.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Actions"><table><thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Of</th></tr></thead><tbody>${actions.map((each) => html`<tr><td class="nowrap">${moment(each.at)}</td><td>${each.actor}</td><td>${each.action}</td><td>${each.detail ?? each.subject}${each.tenant === undefined ? '' : html` <span class="muted">${each.tenant}</span>`}</td></tr>`)}</tbody></table></div>`}
<div class="pages">${before === undefined ? '' : html`<a class="button" href="${to('/system/actions')}">Newest</a>`}${actions.length < 50 ? '' : html`<a class="button" href="${to('/system/actions', { before: actions.at(-1)?.number })}">Older</a>`}</div>`;
}
