import { ScimError } from '../../error.ts';
import type { HttpResponse } from '../../http/message.ts';
import { confirmationsOf, leaversFor, leaversQuery } from '../api/access.ts';
import { changeShown, groupShown, historyOf, resourceOf } from '../api/resources.ts';
import { dayOf, nameOfDocument } from '../explained.ts';
import type { Page } from '../layout.ts';
import { accessPage, proofPage } from '../pages/access.ts';

import { type Given, pageOf, parsed } from './given.ts';

export async function showAccess(given: Given): Promise<Page> {
  const query = parsed(leaversQuery, given.query);
  return pageOf('Access', '/access', accessPage(await leaversFor({ ...given, query }), query, given.view));
}

export async function showLeaversCsv(given: Given): Promise<HttpResponse> {
  const query = parsed(leaversQuery, { ...given.query, limit: '1000' });
  const report = await leaversFor({ ...given, query });
  const cell = (value: string | number | undefined): string => {
    const text = String(value ?? '');
    // A spreadsheet takes what begins so for a formula.
    const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const rows = [
    ['id', 'name', 'left', 'change', 'how', 'by', 'application', 'confirmed', 'milliseconds'],
    ...report.leavers.flatMap(({ id, name, at, sequence, how, by, confirmations }) =>
      (confirmations.length === 0 ? [undefined] : confirmations).map((one) => [
        id,
        name,
        at,
        sequence,
        how,
        by,
        one?.application,
        one?.at,
        one?.after,
      ]),
    ),
  ];
  return {
    status: 200,
    headers: [
      'Content-Type',
      'text/csv; charset=utf-8',
      'Content-Disposition',
      'attachment; filename="leavers.csv"',
      'Cache-Control',
      'no-store',
    ],
    body: `${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`,
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
  const confirmed = await confirmationsOf(store, tenant);
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
    confirmations: new Map(
      changes
        .filter(
          ({ operation, edits }) => operation === 'delete' || edits.some(({ path }) => path === 'active'),
        )
        .map((change) => [change.sequence, confirmed(change)] as const),
    ),
    asOf: { sequence: newest, at: clock().toISOString() },
    author: given.session.name,
    version: options.version,
  };
  return pageOf(shown.name, '/access', proofPage(shown, given.view));
}
