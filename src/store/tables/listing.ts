/** Pages of what a filter selects, of one type or several (RFC 7644 §3.4.2). */
import type { Parameter } from '../../query/dialect.ts';
import { resourceUriKey } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { FoundResource, Page, Position, Query } from '../store.ts';
import { termOf } from './conditions.ts';
import {
  isAtOnce,
  one,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
  type Statement,
  type Steps,
  statement,
  Texts,
} from './database.ts';
import type { ShownRow } from './groups.ts';
import { idText, request } from './names.ts';
import { lookUpEnd, type Reading, type ServedType } from './reading.ts';

/**
 * The end of a page's statement. Bound to LIMIT alone, a parameter has SQLite compile the statement anew whenever it is
 * bound, since the plan may depend on it; what is an expression has not.
 */
function limitAndOffset(dialect: SqlDatabase['dialect']): string {
  return dialect === 'sqlite' ? 'LIMIT ? + 0 OFFSET ? + 0' : 'LIMIT ? OFFSET ?';
}

/** Where statements are answered at once, those of a list are within these. */
const [beginning, ending] = ['SAVEPOINT scimd_list', 'RELEASE scimd_list'];

/** The beginning of a statement that has a page and its total. */
const pageAndTotal = 'WITH p AS MATERIALIZED (';

/** Is it the statement of a page? */
export function isOfPage(dialect: SqlDatabase['dialect'], text: string): boolean {
  return text.startsWith(pageAndTotal) || text.endsWith(limitAndOffset(dialect)) || text.endsWith(lookUpEnd);
}

/** Does it begin or end what is read at once? */
export function isOfTransaction(text: string): boolean {
  return text === beginning || text === ending;
}

export class Listing {
  readonly #dialect: SqlDatabase['dialect'];
  readonly #isAtOnce: boolean;
  readonly #reading: Reading;
  readonly #texts = new Texts();
  /** Conditions that a value is one that an index finds, by the attribute; empty where none does. */
  readonly #keys = new Texts();

  constructor(database: Pick<SqlDatabase, 'dialect' | 'waits'>, reading: Reading) {
    this.#dialect = database.dialect;
    this.#isAtOnce = isAtOnce(database);
    this.#reading = reading;
  }

  /**
   * A page and its total are of one moment. Of several types that needs a transaction, but where statements are answered
   * at once. `total` knows the number of all resources of a tenant's type, where it has been counted before.
   */
  *list(query: Query, total: (served: ServedType, count: () => Steps<number>) => Steps<number>): Steps<Page> {
    const found = yield* this.#lookUp(query);
    if (found !== undefined) return found;
    const arms = query.targets.map((target) => this.#arm(query, target));
    yield* this.#reading.foldTexts(...arms.flatMap(({ where, key = '' }) => [where, key]));
    if (!this.#isAtOnce) return yield* this.#read(arms, query, total);
    // The application may be in a transaction, of which this is a part then.
    yield statement(beginning);
    try {
      return yield* this.#read(arms, query, total);
    } finally {
      yield statement(ending);
    }
  }

  *#read(
    arms: readonly Arm[],
    query: Query,
    total: (served: ServedType, count: () => Steps<number>) => Steps<number>,
  ): Steps<Page> {
    const { limit, offset = 0, after, before } = query;
    const backwards = before !== undefined;
    const position = after ?? before;
    const { rows: wanted, counted } =
      limit === 0 ? { rows: [], counted: undefined } : yield* this.#page(arms, query, position, backwards);
    const isMore = wanted.length > limit;
    const page = withinBytes(isMore ? wanted.slice(0, limit) : wanted, query.bytes);
    const cut = page.length < Math.min(wanted.length, limit);
    yield* this.#addParts(arms, page, query);
    const resources = page.map(({ resource }): FoundResource => resource);
    if (backwards) resources.reverse();
    const more = isMore || cut;
    let sum = 0;
    if (position === undefined && !isMore && limit > 0 && (wanted.length > 0 || offset === 0))
      sum = offset + wanted.length;
    else if (counted !== undefined) sum = counted;
    else
      for (const arm of arms)
        sum +=
          arm.filter === undefined
            ? yield* total(arm.served, () => this.#count(arm))
            : yield* this.#count(arm);
    const [first, last] = backwards ? [page.at(-1), page[0]] : [page[0], page.at(-1)];
    return {
      total: sum,
      resources,
      more,
      ...(first === undefined ? {} : { first: positionOf(first) }),
      ...(last === undefined ? {} : { last: positionOf(last) }),
    };
  }

  /**
   * The page of a look-up, `userName eq "x"`, by what an index finds: shown by the workload `username` of npm run bench.
   * Undefined where the query asks for something else, or several have the value.
   */
  *#lookUp(query: Query): Steps<Page | undefined> {
    const { tenant, targets, offset = 0, limit, after, before, groups, members } = query;
    const [target, second] = targets;
    if (target === undefined || second !== undefined || target.sort !== undefined || members)
      return undefined;
    if (offset > 0 || limit === 0 || after !== undefined || before !== undefined) return undefined;
    const { type, plan } = target;
    if (plan?.kind !== 'compare' || plan.operator !== 'eq' || typeof plan.key !== 'string') return undefined;
    const served = this.#reading.served(type);
    const condition = this.#keys.of(`${type.name} ${plan.attribute.path}`, () => {
      const { sql, parameters, unindexed } = served.conditions.compile(plan);
      return unindexed.length === 0 && parameters.length === 1 && parameters[0] === plan.key ? sql : '';
    });
    if (condition === '') return undefined;
    const [found, another] = yield* this.#reading.having(served, tenant, condition, plan.key, groups);
    if (another !== undefined) return undefined;
    if (found === undefined) return { total: 0, resources: [], more: false };
    const { resource } = found;
    const position = writePosition([null, 0, resource.id]);
    return { total: 1, resources: [resource], more: false, first: position, last: position };
  }

  /** Reads the groups and the members that are asked for. */
  *#addParts(
    arms: readonly Arm[],
    page: readonly PlacedRow[],
    { groups = false, members = false, base = '' }: Query,
  ): Steps<void> {
    for (const [index, { served }] of arms.entries()) {
      const rows = arms.length === 1 ? page : page.filter(({ arm }) => arm === index);
      if (groups) yield* this.#reading.addGroups(served, rows);
      const mapped = members ? this.#reading.membersOf(served.table.facts.name) : undefined;
      if (mapped === undefined) continue;
      const all = Number.MAX_SAFE_INTEGER - 1;
      for (const row of rows)
        row.resource.members = (yield* this.#reading.members(mapped, row, base, all)) as string;
    }
  }

  #arm({ tenant, base, descending = false }: Query, { type, plan, sort }: Query['targets'][number]): Arm {
    const served = this.#reading.served(type);
    const filter = plan === undefined ? undefined : served.conditions.compile(plan);
    const key = sort === undefined ? undefined : served.conditions.sort(sort, descending);
    const within = this.#reading.within(served, tenant);
    const text = filter === undefined ? within.text : `${within.text} AND (${filter.sql})`;
    const term = key === undefined ? undefined : termOf(key);
    const needsBase = [text, term].some((sql) => sql?.includes(`${request}.base`));
    const join = needsBase ? ` CROSS JOIN (SELECT CAST(? AS text) AS base) ${request}` : '';
    return {
      served,
      filter: plan === undefined ? undefined : text,
      from: `${this.#reading.from(served)}${join}`,
      fromParameters: needsBase ? [resourceUriKey(base ?? '')] : [],
      where: text,
      whereParameters: [...within.parameters, ...(filter?.parameters ?? [])],
      key: term,
      keyParameters: key?.parameters ?? [],
      sort,
    };
  }

  *#count({ from, fromParameters, where, whereParameters }: Arm): Steps<number> {
    const row = yield* one(
      `SELECT count(*) AS n ${from} WHERE ${where}`,
      ...fromParameters,
      ...whereParameters,
    );
    return Number(row?.n ?? 0);
  }

  /**
   * The rows of a page in its order, one more than the page has; from behind, those nearest to the position first. With
   * the total where these do not tell it and one statement can.
   */
  *#page(
    arms: readonly Arm[],
    { descending = false, offset = 0, limit, groups = false }: Query,
    position: Position | undefined,
    backwards: boolean,
  ): Steps<{ readonly rows: PlacedRow[]; readonly counted?: number | undefined }> {
    const isKeyed = arms.some(({ key }) => key !== undefined);
    const down = descending !== backwards;
    const direction = down ? 'DESC' : 'ASC';
    const nulls = down ? 'NULLS FIRST' : 'NULLS LAST';
    const isPostgres = this.#dialect === 'postgres';
    const skipped = position === undefined ? offset : 0;
    const collation = isPostgres ? ' COLLATE "C"' : '';
    const beyond = (arm: Arm, index: number): Statement | undefined =>
      position === undefined
        ? undefined
        : beyondSql(arm, index, `${idText(arm.served.table, 't')}${collation}`, readPosition(position), {
            down,
            isPostgres,
          });
    const keyText = (key: string): string => (isPostgres ? `CAST(${key} AS text)` : key);
    const [only] = arms;
    if (arms.length === 1 && only !== undefined) {
      const { served, key, keyParameters, from, fromParameters, where, whereParameters } = only;
      const condition = beyond(only, 0);
      const isAtOnce = this.#isAtOnce;
      const isFirst = position === undefined;
      const form = `${served.type.name} ${groups} ${isFirst} ${direction} ${key} ${where} ${condition?.text} ${fromParameters.length}`;
      const text = this.#texts.of(form, () => {
        const idOrder = `${idText(served.table, 't')}${collation} ${direction}`;
        const [shown, order] =
          key === undefined ? ['', ''] : [`${keyText(key)} AS sort_text, `, `${key} ${direction} ${nulls}, `];
        const beyondIt = condition === undefined ? '' : ` AND (${condition.text})`;
        const page = `SELECT ${shown}${this.#reading.columns(served, groups ? 'none' : 'grouped')} ${from} WHERE ${where}${beyondIt} ORDER BY ${order}${idOrder} ${limitAndOffset(this.#dialect)}`;
        if (isAtOnce) return page;
        const count = `(SELECT count(*) ${from} WHERE ${where})`;
        // Each row of the page, in its order, beside the one of the total.
        return `${pageAndTotal}${page}) SELECT c.counted, p.* FROM (SELECT CASE WHEN ${isFirst ? '(SELECT count(*) FROM p) BETWEEN 1 AND' : '0 >'} CAST(? AS bigint) THEN NULL ELSE ${count} END AS counted) c LEFT JOIN p ON TRUE`;
      });
      const rows = yield statement(
        text,
        ...(key === undefined ? [] : keyParameters),
        ...fromParameters,
        ...whereParameters,
        ...(condition?.parameters ?? []),
        ...(key === undefined ? [] : keyParameters),
        limit + 1,
        skipped,
        ...(isAtOnce ? [] : [limit, ...fromParameters, ...whereParameters]),
      );
      const counted = rows[0]?.counted ?? undefined;
      return {
        rows: rows
          .filter(({ id }) => id !== null)
          .map((row) => placed(this.#reading.toShown(served, row), 0, keyOf(row))),
        counted: counted === undefined ? undefined : Number(counted),
      };
    }
    const parameters: SqlValue[] = [];
    const selects = arms.map((arm, index) => {
      const condition = beyond(arm, index);
      parameters.push(
        ...(isKeyed ? arm.keyParameters : []),
        ...arm.fromParameters,
        ...arm.whereParameters,
        ...(condition?.parameters ?? []),
      );
      return `SELECT ${isKeyed ? `${arm.key ?? 'NULL'} AS sort_key, ` : ''}${index} AS arm, ${idText(arm.served.table, 't')} AS id ${arm.from} WHERE ${arm.where}${condition === undefined ? '' : ` AND (${condition.text})`}`;
    });
    const rows = yield statement(
      `SELECT ${isKeyed ? `${keyText('p.sort_key')} AS sort_text, ` : ''}p.arm, p.id FROM (${selects.join('\nUNION ALL ')}) p ORDER BY ${isKeyed ? `p.sort_key ${direction} ${nulls}, ` : ''}p.arm ${direction}, p.id${collation} ${direction} ${limitAndOffset(this.#dialect)}`,
      ...parameters,
      limit + 1,
      skipped,
    );
    const places = rows.map((row): Place => [keyOf(row), Number(row.arm), String(row.id)]);
    return { rows: yield* this.#rowsOf(arms, places, groups) };
  }

  /** The rows at these places, in their order. */
  *#rowsOf(arms: readonly Arm[], places: readonly Place[], groups: boolean): Steps<PlacedRow[]> {
    const rows = new Map<string, ShownRow>();
    for (const [index, { served }] of arms.entries()) {
      const ids = places.filter(([, arm]) => arm === index).map(([, , id]) => id);
      const { id: column } = served.table;
      for (let from = 0; from < ids.length; from += 500) {
        const some = ids.slice(from, from + 500);
        const found = yield statement(
          `SELECT ${this.#reading.columns(served, groups ? 'none' : 'grouped')} ${this.#reading.from(served)} WHERE t.${column.sql} IN (${some.map(() => column.parameter).join(', ')})`,
          ...some.map((id) => column.bind(id)),
        );
        for (const row of found) rows.set(`${index}/${String(row.id)}`, this.#reading.toShown(served, row));
      }
    }
    return places.flatMap((place) => {
      const [key, arm, id] = place;
      const row = rows.get(`${arm}/${id}`);
      return row === undefined ? [] : [placed(row, arm, key)];
    });
  }
}

/** What is read of one type for a list. */
interface Arm {
  readonly served: ServedType;
  /** Undefined: all of the type. */
  readonly filter: string | undefined;
  readonly from: string;
  readonly fromParameters: readonly Parameter[];
  readonly where: string;
  readonly whereParameters: readonly SqlValue[];
  readonly key: string | undefined;
  readonly keyParameters: readonly Parameter[];
  readonly sort: Attribute | undefined;
}

interface PlacedRow extends ShownRow {
  readonly arm: number;
  /** What is sorted by; null where nothing is, or it is not assigned. */
  readonly key: Place[0];
}

type Place = readonly [key: string | number | null, arm: number, id: string];

function placed({ resource, row }: ShownRow, arm: number, key: Place[0]): PlacedRow {
  return { resource, row, arm, key };
}

function keyOf({ sort_text: key }: SqlRow): Place[0] {
  return key === undefined || key === null || typeof key === 'number' ? (key ?? null) : String(key);
}

function positionOf({ key, arm, resource }: PlacedRow): Position {
  return writePosition([key, arm, resource.id]);
}

function writePosition(place: Place): Position {
  return JSON.stringify(place);
}

function readPosition(position: Position): Place {
  return JSON.parse(position);
}

/** What lies beyond a position: keys first, then types, then ids; a resource without a key is last, or first. */
function beyondSql(
  { key, keyParameters, sort }: Arm,
  arm: number,
  id: string,
  [value, atArm, atId]: Place,
  { down, isPostgres }: { readonly down: boolean; readonly isPostgres: boolean },
): Statement {
  const tie: Statement =
    arm === atArm
      ? statement(`${id} ${down ? '<' : '>'} ?`, atId)
      : statement((down ? arm < atArm : arm > atArm) ? 'TRUE' : 'FALSE');
  if (key === undefined) return value === null ? tie : statement(down ? 'FALSE' : 'TRUE');
  // Nulls are last going up, first going down.
  const isNull = statement(`${key} IS NULL`, ...keyParameters);
  if (value === null) {
    const same = {
      text: `${isNull.text} AND ${tie.text}`,
      parameters: [...isNull.parameters, ...tie.parameters],
    };
    if (!down) return same;
    return {
      text: `${key} IS NOT NULL OR (${same.text})`,
      parameters: [...keyParameters, ...same.parameters],
    };
  }
  const parameter = isPostgres ? castOf(sort) : '?';
  // Of JSON it is a number, of a column a boolean: as texts they have the same order.
  const compared = isPostgres && sort?.type === 'boolean' ? `CAST(${key} AS text) COLLATE "C"` : key;
  const text = `${compared} ${down ? '<' : '>'} ${parameter} OR (${compared} = ${parameter} AND ${tie.text})`;
  const parameters = [...keyParameters, value, ...keyParameters, value, ...tie.parameters];
  if (down) return { text, parameters };
  return { text: `${text} OR ${isNull.text}`, parameters: [...parameters, ...isNull.parameters] };
}

/** The key's own type, of the text that a position has. */
function castOf(sort: Attribute | undefined): string {
  switch (sort?.type) {
    case 'dateTime':
      return 'CAST(CAST(? AS text) AS timestamptz)';
    case 'integer':
    case 'decimal':
      return 'CAST(CAST(? AS text) AS double precision)';
    default:
      return '?';
  }
}

/** As many as are not larger together; one at least. */
function withinBytes(rows: readonly PlacedRow[], bytes: number | undefined): readonly PlacedRow[] {
  if (bytes === undefined) return rows;
  let sum = 0;
  const end = rows.findIndex(({ resource }) => {
    const { length } = resource.body;
    sum += length;
    return sum > bytes && sum > length;
  });
  return end === -1 ? rows : rows.slice(0, end);
}
