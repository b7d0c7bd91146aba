/**
 * A page of a list without filter and order, and its total, in one statement. What each row is joined with is looked up for
 * all of them together, and whether they are in groups is asked for each only where one is: shown by the workload `list` of
 * npm run bench -- --postgres.
 */
import type { Sql } from '../sql/dialect.ts';
import type { PageRow, PlainPage } from '../sql/list-job.ts';
import { memberExists } from '../sql/resource.ts';
import { postgresDialect } from './dialect.ts';

/** Each column is a text. The total is in one of the rows. */
type Row = readonly [
  rid: string,
  id: string,
  version: string,
  created: string,
  modified: string,
  body: string,
  grouped: string | null,
  total: string | null,
];

const { tenant } = postgresDialect.request;

/** `body` is that of `document d`. A document of more than `mostBytes` is null. */
export function pageInOneSql({ from, order }: PlainPage, total: Sql, body: string, mostBytes?: number): Sql {
  const document =
    mostBytes === undefined ? body : `CASE WHEN ${postgresDialect.bytes('d.body')} <= ? THEN ${body} END`;
  // The ends of the page are for the planner, which could take this for as many members as are worth reading them all.
  const isSome = `EXISTS (SELECT 1 FROM member m WHERE m.tenant = ${tenant}
    AND m.value >= (SELECT min(id) FROM page) AND m.value <= (SELECT max(id) FROM page)
    AND m.value = ANY (ARRAY(SELECT id FROM page)))`;
  return {
    text: `WITH page AS MATERIALIZED (SELECT r.rid, r.id, r.version, r.created, r.modified ${from.text})
SELECT r.rid::text, r.id, r.version::text, r.created, r.modified, ${document},
  CASE WHEN ${isSome} THEN ${memberExists(tenant, 'r.id')}::text END,
  CASE WHEN r.rid = (SELECT rid FROM page LIMIT 1) THEN (${total.text})::text END
FROM page r JOIN document d ON d.rid = r.rid
WHERE d.tenant = ${tenant} AND d.rid = ANY (ARRAY(SELECT rid FROM page)) ORDER BY ${order}`,
    parameters: [...from.parameters, ...(mostBytes === undefined ? [] : [mostBytes]), ...total.parameters],
  };
}

/** Its rows as those of a page of this type. */
export function pageOfTexts(
  rows: readonly unknown[][],
  type: number,
): { readonly rows: PageRow[]; readonly total: number | undefined } {
  let all: number | undefined;
  const page = (rows as unknown as readonly Row[]).map(
    ([rid, id, version, created, modified, body, grouped, total]): PageRow => {
      if (total !== null) all = Number(total);
      return [null, Number(rid), type, id, Number(version), created, modified, body, grouped === 'true'];
    },
  );
  return { rows: page, total: all };
}
