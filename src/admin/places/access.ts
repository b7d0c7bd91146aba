import { ScimError } from '../../error.ts';
import type { HttpResponse } from '../../http/message.ts';
import { confirmationsOf, leaversFor, leaversQuery } from '../api/access.ts';
import { noteAction, tenantFor } from '../api/endpoint.ts';
import {
  evidenceFile,
  type Made,
  type ReportName,
  reportFor,
  reportNames,
  rowsShown,
} from '../api/reports.ts';
import { changeShown, groupShown, historyOf, resourceOf } from '../api/resources.ts';
import { dayOf, nameOfDocument } from '../explained.ts';
import type { Page } from '../layout.ts';
import { accessPage, proofPage } from '../pages/access.ts';
import { orphansPage, reportPage, reportTitles } from '../pages/reports.ts';
import { type Given, pageOf, parsed } from './given.ts';

export async function showAccess(given: Given): Promise<Page> {
  const query = parsed(leaversQuery, given.query);
  return pageOf('Access', '/access', accessPage(await leaversFor({ ...given, query }), given.view));
}

/** People above whom a report is made when it is asked for, and not by opening its page. */
const manyPeople = 5000;

/** What a report is asked by: the form's own fields, and the tenant. */
function askedOf({ query }: Given): Record<string, string> {
  const { show: _show, ...asked } = query;
  return asked;
}

/** The page of a report: at once where that is quick, else when it is asked for. */
export async function showReport(given: Given, name: 'access' | 'diff' | 'seats'): Promise<Page> {
  const query = askedOf(given);
  const tenant = await tenantFor(given, query.tenant);
  const { total } = await given.counts.people(tenant.number);
  const canBeAsked = name !== 'diff' || (query.from ?? '') !== '';
  const isAsked = canBeAsked && (given.query.show !== undefined || total <= manyPeople);
  const page = (outcome: Parameters<typeof reportPage>[1]): Page =>
    pageOf(reportTitles[name], '/access', reportPage(name, outcome, query, given.view));
  if (!isAsked) return page({ people: total });
  try {
    return page({ report: (await reportFor(given, name, { query })).shown(rowsShown) });
  } catch (error) {
    if (error instanceof ScimError && error.status === 400) return page({ problem: error.message });
    throw error;
  }
}

/** Orphans: a list that is given, and what nobody should have of it; as a page, or as a file. */
export async function showOrphans(given: Given): Promise<Page | HttpResponse> {
  const accounts = given.form?.get('accounts') ?? '';
  const isMissing = given.form?.get('missing') === 'on';
  const page = (outcome: Parameters<typeof orphansPage>[0]): Page =>
    pageOf(reportTitles.orphans, '/access', orphansPage(outcome, { accounts, isMissing }, given.view));
  if (given.form === undefined) return page({});
  try {
    const body = { accounts, ...(isMissing ? { missing: 'on' } : {}) };
    const made = await reportFor(given, 'orphans', { query: askedOf(given), body });
    const format = formatOf(given.form.get('as') ?? '');
    if (format !== undefined) return await fileAnswer(given, 'orphans', made, format);
    return page({ report: made.shown(rowsShown) });
  } catch (error) {
    if (error instanceof ScimError && error.status === 400) return page({ problem: error.message });
    throw error;
  }
}

function formatOf(text: string): 'csv' | 'json' | undefined {
  return text === 'csv' || text === 'json' ? text : undefined;
}

/** `/access/files/leavers.csv?from=…` */
export async function showReportFile(given: Given): Promise<HttpResponse> {
  const [, name, ending = ''] = /^(\w+)\.(\w+)$/.exec(given.path.file ?? '') ?? [];
  const report = reportNames.find((each) => each === name && each !== 'orphans');
  const format = formatOf(ending);
  if (report === undefined || format === undefined)
    throw new ScimError(
      404,
      undefined,
      'There is no such report: as .csv and .json there are access, diff, leavers, seats and history',
    );
  return fileAnswer(given, report, await reportFor(given, report, { query: askedOf(given) }), format);
}

async function fileAnswer(
  given: Given,
  name: ReportName,
  made: Made,
  format: 'csv' | 'json',
): Promise<HttpResponse> {
  const body = evidenceFile(given, made, format);
  const tenant = await tenantFor(given, given.query.tenant);
  await noteAction(given, 'report.export', { tenant: tenant.number, subject: name, detail: made.command });
  return {
    status: 200,
    headers: [
      'Content-Type',
      `${format === 'csv' ? 'text/csv' : 'application/json'}; charset=utf-8`,
      'Content-Disposition',
      `attachment; filename="${name}.${format}"`,
      'Cache-Control',
      'no-store',
    ],
    body,
  };
}

export async function showProof(given: Given): Promise<Page> {
  const { store, options, clock } = given.parts;
  const { tenant, resource } = await resourceOf({
    ...given,
    path: { ...given.path, type: 'User' },
    query: { tenant: given.query.tenant },
  });
  const id = given.path.id ?? '';
  const changes = await historyOf(given.parts, tenant, id);
  if (resource === undefined && changes.length === 0)
    throw new ScimError(404, undefined, 'Nothing is recorded of a person with this id');
  const last = changes.find((each) => each.last !== undefined);
  const leaving = changes.filter(
    ({ operation, edits }) => operation === 'delete' || edits.some(({ path }) => path === 'active'),
  );
  const confirmed = await confirmationsOf(store, tenant, leaving);
  const { newest } = await store.changeRange(tenant);
  const document = resource === undefined ? last?.last?.document : JSON.parse(resource.body);
  const shown = {
    name: nameOfDocument(document) ?? id,
    id,
    state:
      resource === undefined
        ? `deleted${last === undefined ? '' : ` on ${dayOf(last.at)}`}`
        : document?.active === false
          ? 'inactive'
          : 'active',
    history: changes.map(changeShown),
    groups: (resource?.groups ?? []).map(groupShown),
    confirmations: new Map(leaving.map((change) => [change.sequence, confirmed(change)] as const)),
    asOf: { sequence: newest, at: clock().toISOString() },
    author: given.session.name,
    version: options.version,
  };
  return pageOf(shown.name, '/access', proofPage(shown, given.view));
}
