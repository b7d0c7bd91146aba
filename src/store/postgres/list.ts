/**
 * Lists: a page, its total, and the positions from which one can go on, all of one snapshot. A statement is one by itself:
 * where a page needs nothing else, it shares a connection with others, and there is no transaction to begin and to end.
 */
import type { Layout } from '../layout/layout.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { StoreDialect } from '../sql/dialect.ts';
import {
  type Arm,
  compileArms,
  countSql,
  documentSql,
  type Phase,
  pageShare,
  pageSql,
  phasesBeyond,
  writePosition,
} from '../sql/list.ts';
import {
  type ListJob,
  type ListRows,
  listedResources,
  listSteps,
  type PageRead,
  type PageRow,
  type PartSql,
} from '../sql/list-job.ts';
import { membershipSql, mostMembersAtOnce } from '../sql/membership.ts';
import { runStepsAsync } from '../sql/steps.ts';
import type { Page, Query } from '../store.ts';
import type { Work } from '../work.ts';
import { isCounted } from './counting.ts';
import { postgresDialect } from './dialect.ts';
import { pageInOneSql, pageOfTexts } from './page-in-one.ts';
import type { Pool } from './pool.ts';
import { type Reads, requestValues } from './reads.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { whileWanted, withinWork } from './work-limit.ts';

/** Resources of a page that is read in one statement with its total: others wait behind it. */
const mostInOne = 100;

export interface ListTools {
  readonly dialect: StoreDialect;
  readonly types: StoredTypes;
  readonly reads: Reads;
  readonly pool: Pool;
  readonly snapshots: Snapshots;
}

export function lister({
  dialect,
  types,
  reads,
  pool,
  snapshots,
}: ListTools): (query: Query) => Promise<Page> {
  const numbersOf = (has: (layout: Layout) => boolean): number[] =>
    types.all.filter(({ layout }) => has(layout)).map(({ number }) => number);
  const sql = membershipSql(postgresDialect, types);
  const groupsPart: PartSql = {
    text: sql.groupsOfSome,
    types: numbersOf(({ groups }) => groups !== undefined),
  };
  const membersPart = {
    text: sql.members,
    types: numbersOf(({ members }) => members !== undefined),
    most: mostMembersAtOnce,
  };

  /** The list that providers ask for before each create, `userName eq "x"`. Undefined where it is another one. */
  const findByUnique = (query: Query): Promise<Page> | undefined => {
    const { tenant, targets, offset = 0, limit, after, before, groups = false, members } = query;
    const [target, second] = targets;
    if (target === undefined || second !== undefined || target.sort !== undefined) return undefined;
    if (offset > 0 || limit === 0 || after !== undefined || before !== undefined) return undefined;
    const { type, plan } = target;
    if (plan?.kind !== 'compare' || plan.operator !== 'eq' || typeof plan.key !== 'string') return undefined;
    const stored = types.of(type);
    if (plan.attribute !== stored.layout.uniqueColumn) return undefined;
    if (members && stored.layout.members !== undefined) return undefined;
    return reads.findByUnique(tenant, stored, plan.key, groups).then((found) => {
      if (found === undefined) return { total: 0, resources: [], more: false };
      const position = writePosition([null, found.rid]);
      return { total: 1, resources: [found.resource], first: position, last: position, more: false };
    });
  };

  /** Lists, by tenant and type, of which the last one needed more than one statement. */
  const needMore = new Set<string>();

  /**
   * A page and its total in one statement. Undefined where the page needs more: groups, members, or documents that its row
   * is too large for.
   */
  const readInOne = async (
    job: ListJob,
    arm: Arm,
    { bytes, work }: { readonly bytes: number | undefined; readonly work: Work | undefined },
  ): Promise<ListRows | undefined> => {
    const [[page], [total]] = [job.pages, job.counts];
    if (page?.plain === undefined || total === undefined) return undefined;
    const { text, parameters } = pageInOneSql(page.plain, total, arm.body, bytes);
    const request = requestValues(job.tenant, job.base);
    const found = pageOfTexts(await pool.read(text, parameters, request, work?.milliseconds, true), arm.type);
    const steps = listSteps(job);
    for (let step = steps.next(); ; ) {
      if (step.done) return step.value;
      if (step.value.text === page.text) step = steps.next(found.rows);
      else if (step.value.text === total.text && found.total !== undefined)
        step = steps.next([[found.total]]);
      else return undefined;
    }
  };

  const read = async (job: ListJob, snapshot: Snapshot, key: string): Promise<PageRead> => {
    const request = requestValues(job.tenant, job.base);
    let statements = 0;
    const page = await runStepsAsync(listSteps(job), async ({ text, parameters }) => {
      statements++;
      const { rows } = await snapshot.run(text, parameters, request);
      return rows;
    });
    if (statements <= job.pages.length + job.counts.length) needMore.delete(key);
    if (page.members !== 'many' || job.members === undefined) return page;
    const { types: owners } = job.members;
    const readers = new Map(
      page.rows
        .filter(([, , type]) => owners.includes(type))
        .map(([, rid]) => [rid, snapshot.members(reads, { tenant: job.tenant, rid, base: job.base })]),
    );
    return { ...page, readerOf: (rid) => readers.get(rid) };
  };

  return async (query) => {
    const found = findByUnique(query);
    if (found !== undefined) return found;
    const arms = compileArms(dialect, types, query);
    const position = query.after ?? query.before;
    const turned = query.after === undefined && query.before !== undefined;
    const backwards = turned !== (query.descending ?? false);
    const phases: readonly Phase[] =
      position === undefined ? [{ kind: 'all' }] : phasesBeyond(position, backwards);
    const length = query.offset ? undefined : query.limit + 1;
    const share = pageShare(query);
    const job: ListJob = {
      pages:
        query.limit === 0
          ? []
          : phases.map((phase) =>
              pageSql(dialect, arms, phase, backwards, share, length === undefined, length),
            ),
      counts: arms.map(countSql),
      ...(query.groups ? { groups: groupsPart } : {}),
      ...(query.members ? { members: membersPart } : {}),
      limit: query.limit,
      offset: query.offset ?? 0,
      fromStart: position === undefined,
      tenant: query.tenant,
      base: query.base,
      bytes:
        query.bytes === undefined ? undefined : { most: query.bytes, document: documentSql(dialect, arms) },
    };
    const [arm] = arms;
    const key = `${query.tenant} ${arm?.type}`;
    const isPlain = arm !== undefined && job.pages.length === 1 && job.pages[0]?.plain !== undefined;
    const isTried = isPlain && query.limit <= mostInOne && !needMore.has(key);
    const inOne = isTried
      ? await whileWanted(query.work, () => readInOne(job, arm, { bytes: share, work: query.work }))
      : undefined;
    if (isTried && inOne === undefined) needMore.add(key);
    const counts = [...job.pages, ...job.counts].some(({ text }) => isCounted(text));
    const page: PageRead =
      inOne ?? (await withinWork(query.work, snapshots, (snapshot) => read(job, snapshot, key), counts));
    const rows: readonly PageRow[] = turned ? [...page.rows].reverse() : page.rows;
    const [first, last] = [rows.at(0), rows.at(-1)];
    return {
      total: page.total,
      resources: listedResources(types, rows, page),
      ...(first === undefined || last === undefined
        ? {}
        : { first: writePosition([first[0], first[1]]), last: writePosition([last[0], last[1]]) }),
      more: page.more,
    };
  };
}
