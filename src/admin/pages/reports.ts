/** Reports of Access: who had what on a day, what changed, seats, orphans; each with the file that proves itself. */
import type { ReportName, ReportShown } from '../api/reports.ts';
import { type Html, html, type Part } from '../html.ts';
import { moment, proofField, type View } from '../layout.ts';

export const reportTitles = {
  leavers: 'Leavers',
  access: 'Access at a day',
  diff: 'Changes between two days',
  seats: 'Seats',
  orphans: 'Orphans',
} as const;
type Titled = keyof typeof reportTitles;

const addresses: Readonly<Record<Titled, string>> = {
  leavers: '/access',
  access: '/access/at',
  diff: '/access/changes',
  seats: '/access/seats',
  orphans: '/access/orphans',
};

export function reportTabs(current: Titled, { to }: View): Html {
  return html`<ul class="tabs">${(Object.keys(reportTitles) as Titled[]).map((name) => html`<li><a href="${to(addresses[name])}"${name === current ? html` aria-current="page"` : ''}>${reportTitles[name]}</a></li>`)}</ul>`;
}

/** The two files of a report. */
export function downloads(
  name: Exclude<ReportName, 'orphans'>,
  asked: Readonly<Record<string, string | undefined>>,
  { to }: View,
): Html {
  return html`<a class="button" href="${to(`/access/files/${name}.csv`, asked)}" download>CSV</a><a class="button" href="${to(`/access/files/${name}.json`, asked)}" download>JSON</a>`;
}

/** What came of a question: a report, why there is none, or that it was not asked yet. */
interface Outcome {
  readonly report?: ReportShown;
  readonly problem?: string;
  /** So many people it would go through. */
  readonly people?: number;
}

const says: Readonly<Record<'access' | 'diff' | 'seats', string>> = {
  access: 'Who could sign in at a time, with the groups and roles that they had.',
  diff: 'Who joined and left, and who gained and lost a group or a role, and by whom.',
  seats: 'How many people have each role, entitlement and group, and how many seats are left.',
};

export function reportPage(
  name: 'access' | 'diff' | 'seats',
  outcome: Outcome,
  asked: Readonly<Record<string, string>>,
  view: View,
): Html {
  const { report, problem, people } = outcome;
  const { tenant: _tenant, limit: _limit, ...fields } = asked;
  const day = (field: string, label: string, isRequired = false): Html =>
    html`<div><label for="${field}">${label}</label><input id="${field}" name="${field}" type="date" value="${(asked[field] ?? '').slice(0, 10)}"${isRequired ? html` required` : ''}></div>`;
  const text = (field: string, label: string, hint: string): Html =>
    html`<div><label for="${field}">${label}</label><input id="${field}" name="${field}" value="${asked[field]}" maxlength="200" placeholder="${hint}"></div>`;
  const inputs: Readonly<Record<typeof name, Part>> = {
    access: [
      day('at', 'At the start of'),
      text('group', 'Group', 'any'),
      text('role', 'Role', 'any'),
      html`<div><label><input type="checkbox" name="inactive"${asked.inactive === 'on' ? html` checked` : ''}> inactive people too</label></div>`,
    ],
    diff: [day('from', 'From the start of', true), day('to', 'to the start of')],
    seats: day('at', 'At the start of'),
  };
  return html`<div class="head"><h1>${reportTitles[name]}</h1><div class="actions">${report === undefined ? '' : html`<button type="button" class="js" data-print>Print</button>${downloads(name, fields, view)}`}</div><p>${says[name]}</p></div>
${reportTabs(name, view)}
<form class="filters" method="get" action="${view.to(addresses[name]).split('?')[0]}">${view.tenants.length > 1 ? html`<input type="hidden" name="tenant" value="${view.tenant}">` : ''}${inputs[name]}<button name="show" value="1">Show</button></form>
<p class="hint">Days begin in UTC. An empty one is now.</p>
${problem === undefined ? '' : html`<p class="bad-box" role="alert">${problem}</p>`}
${
  report !== undefined
    ? reportRows(report, name, view)
    : problem !== undefined
      ? ''
      : html`<p class="empty card">${name === 'diff' && (asked.from ?? '') === '' ? 'Choose the day from which on access is compared.' : `This goes through ${people} people: choose, and press Show.`}</p>`
}`;
}

export function orphansPage(
  outcome: Outcome,
  asked: { readonly accounts: string; readonly isMissing: boolean },
  view: View,
): Html {
  const { report, problem } = outcome;
  return html`<div class="head"><h1>Orphans</h1><p>Accounts of an application that nobody in the directory should have. Nothing of the list is kept.</p></div>
${reportTabs('orphans', view)}
${problem === undefined ? '' : html`<p class="bad-box" role="alert">${problem}</p>`}
<form class="card fields broad" method="post" action="${view.to(addresses.orphans)}">${proofField(view.session)}
<div><label for="accounts">Accounts, as CSV</label><textarea id="accounts" name="accounts" rows="${report === undefined ? 8 : 3}" required spellcheck="false" aria-describedby="accounts-hint" placeholder="userName,email&#10;jane,jane@example.com">${asked.accounts}</textarea>
<small id="accounts-hint">The first line names the columns: id, externalId, userName or email. Larger lists: <code>scimd orphans --against accounts.csv</code>.</small></div>
<div class="js"><label for="accounts-file">or choose the file</label><input id="accounts-file" type="file" accept=".csv,text/csv,text/plain" data-into="accounts"></div>
<div><label><input type="checkbox" name="missing"${asked.isMissing ? html` checked` : ''}> People without an account too</label></div>
<div class="actions"><button class="primary">Compare</button><button name="as" value="csv">CSV</button><button name="as" value="json">JSON</button></div></form>
${report === undefined ? '' : html`<p></p>${reportRows(report, 'orphans', view)}`}`;
}

/** Words of columns where the name of the column is none. */
const heads: Readonly<Record<string, string>> = {
  at: 'When',
  by: 'By',
  userName: 'Who',
  displayName: 'Name',
  account: 'Account',
  seats: 'Seats',
};
/** For files: nobody reads ids. */
const hidden: ReadonlySet<string> = new Set(['id', 'groupId', 'externalId']);
const numbers: ReadonlySet<string> = new Set(['used', 'seats', 'free', 'inactive', 'line']);
/** Of one word each, which is not to be broken. */
const words: ReadonlySet<string> = new Set(['state', 'membership', 'change', 'what', 'kind', 'reason']);
const classOf = (column: string): string => (numbers.has(column) ? 'num' : words.has(column) ? 'nowrap' : '');

function reportRows(report: ReportShown, name: Titled, view: View): Html {
  const { rows, count, summary, asOf, query } = report;
  const columns = report.columns.filter(
    (column) =>
      !hidden.has(column) && rows.some((row) => row[column] !== undefined && String(row[column]) !== ''),
  );
  const about = html`<p class="muted">${summary.map((each) => html`${each[0]?.toUpperCase()}${each.slice(1)}. `)}${rows.length < count ? `The first ${rows.length} of ${count} rows are shown; the files have them all. ` : ''}As of change ${asOf.sequence}${asOf.at === undefined ? '' : html`, ${moment(asOf.at)}`}. <code>${query}</code> makes the same.</p>`;
  if (rows.length === 0) return html`${about}<p class="empty card">${empty[name]}</p>`;
  return html`${about}<div class="scroll" tabindex="0" role="region" aria-label="${reportTitles[name]}"><table><thead><tr>${columns.map((column) => html`<th scope="col"${numbers.has(column) ? html` class="num"` : ''}>${heads[column] ?? wordOf(column)}</th>`)}</tr></thead><tbody>
${rows.map((row) => html`<tr>${columns.map((column) => html`<td class="${classOf(column)}">${cellOf(row, column, view)}</td>`)}</tr>`)}</tbody></table></div>`;
}

const empty: Readonly<Record<Titled, string>> = {
  leavers: 'Nobody left.',
  access: 'Nobody had access.',
  diff: 'Nothing changed between the two.',
  seats: 'There are no people yet.',
  orphans: 'Each of these accounts belongs to somebody who may sign in.',
};

function wordOf(column: string): string {
  const words = column.replaceAll(/([A-Z])/g, ' $1').toLowerCase();
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`;
}

function cellOf(row: ReportShown['rows'][number], column: string, { to }: View): Part {
  const value = row[column];
  if (value === undefined) return '';
  if (typeof value === 'object') return value.join(', ');
  if (column === 'at' || column === 'since')
    return html`<span class="nowrap">${moment(String(value))}</span>`;
  const id = row[column === 'group' ? 'groupId' : 'id'];
  if ((column === 'userName' || column === 'group') && typeof id === 'string')
    return html`<a href="${to(`/directory/${column === 'group' ? 'Group' : 'User'}/${encodeURIComponent(id)}`)}">${String(value)}</a>`;
  return String(value);
}
