/** Pages of what a filter selects, of one type or several (RFC 7644 §3.4.2). */
import type { Parameter } from '../../query/dialect.ts';
import { resourceUriKey } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { FoundResource, GroupReference, Page, Position, Query } from '../store.ts';
import { termOf } from './conditions.ts';
import {
  one,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
  type Statement,
  type Steps,
  statement,
} from './database.ts';
import { idText, request } from './names.ts';
import type { Reading, Row, ServedType } from './reading.ts';

/**
 * The end of a page's statement. Bound to LIMIT alone, a parameter has SQLite compile the statement anew whenever it is
 * bound, since the plan may depend on it; what is an expression has not.
 */
export function limitAndOffset(dialect: SqlDatabase['dialect']): string {
  return dialect === 'sqlite' ? 'LIMIT ? + 0 OFFSET ? + 0' : 'LIMIT ? OFFSET ?';
}

export class Listing {
  readonly #dialect: SqlDatabase['dialect'];
  readonly #reading: Reading;

  constructor(dialect: SqlDatabase['dialect'], reading: Reading) {
    this.#dialect = dialect;
    this.#reading = reading;
  }

  /** `total` knows the number of all resources of a tenant's type, where it has been counted before. */
  *list(query: Query, total: (served: ServedType, count: () => Steps<number>) => Steps<number>): Steps<Page> {
    const arms = query.targets.map((target) => this.#arm(query, target));
    yield* this.#reading.foldTexts(...arms.flatMap(({ where, key = '' }) => [where, key]));
    const { limit, offset = 0, after, before } = query;
    const backwards = before !== undefined;
    const position = after ?? before;
    const wanted = limit === 0 ? [] : yield* this.#page(arms, query, position, backwards);
    const isMore = wanted.length > limit;
    const walked = wanted.slice(0, limit);
    let page: Row[] = walked.map(({ row }) => row);
    const groups = new Map<Row, readonly GroupReference[]>();
    if (query.groups)
      for (const { served } of arms) {
        const rows = page.filter(({ resource }) => resource.type === served.type.name);
        const found = yield* this.#reading.groups(
          served,
          rows.map(({ row }) => row),
        );
        for (const row of rows) {
          const its = found.get(String(row.row));
          if (its !== undefined) groups.set(row, its);
        }
      }
    const full = withinBytes(page, query.bytes);
    const cut = full.length < page.length;
    page = full;
    const resources: FoundResource[] = [];
    for (const row of page) {
      const its = groups.get(row);
      let resource: FoundResource =
        its === undefined ? row.resource : { ...row.resource, grouped: true, groups: its };
      const served = arms.find((arm) => arm.served.type.name === row.resource.type)?.served as ServedType;
      const mapped = query.members ? this.#reading.membersOf(served.table.facts.name) : undefined;
      if (mapped !== undefined) {
        const members = yield* this.#reading.members(
          mapped,
          row,
          query.base ?? '',
          Number.MAX_SAFE_INTEGER - 1,
        );
        resource = { ...resource, members: members as string };
      }
      resources.push(resource);
    }
    if (backwards) resources.reverse();
    const more = isMore || cut;
    let sum = 0;
    if (position === undefined && !more && limit > 0 && (page.length > 0 || offset === 0))
      sum = offset + page.length;
    else
      for (const arm of arms)
        sum +=
          arm.filter === undefined
            ? yield* total(arm.served, () => this.#count(arm))
            : yield* this.#count(arm);
    const shown = walked.slice(0, page.length);
    const ends = backwards ? [shown.at(-1), shown[0]] : [shown[0], shown.at(-1)];
    return {
      total: sum,
      resources,
      more,
      ...(ends[0] === undefined ? {} : { first: ends[0].position }),
      ...(ends[1] === undefined ? {} : { last: ends[1].position }),
    };
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

  /** The rows of a page in its order, one more than the page has; from behind, those nearest to the position first. */
  *#page(
    arms: readonly Arm[],
    { descending = false, offset = 0, limit, groups = false }: Query,
    position: Position | undefined,
    backwards: boolean,
  ): Steps<PlacedRow[]> {
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
    const placeOf = (row: SqlRow, arm: number): Place => {
      const key = row.sort_text ?? null;
      return [typeof key === 'number' || key === null ? key : String(key), arm, String(row.id)];
    };
    const [only] = arms;
    if (arms.length === 1 && only !== undefined) {
      const { served, key, keyParameters, from, fromParameters, where, whereParameters } = only;
      const condition = beyond(only, 0);
      const idOrder = `${idText(served.table, 't')}${collation} ${direction}`;
      const rows = yield statement(
        `SELECT ${key === undefined ? '' : `${keyText(key)} AS sort_text, `}${this.#reading.columns(served, !groups)} ${from} WHERE ${where}${condition === undefined ? '' : ` AND (${condition.text})`} ORDER BY ${key === undefined ? '' : `${key} ${direction} ${nulls}, `}${idOrder} ${limitAndOffset(this.#dialect)}`,
        ...(key === undefined ? [] : keyParameters),
        ...fromParameters,
        ...whereParameters,
        ...(condition?.parameters ?? []),
        ...(key === undefined ? [] : keyParameters),
        limit + 1,
        skipped,
      );
      return rows.map((row) => ({
        row: this.#reading.toRow(served, row),
        position: JSON.stringify(placeOf(row, 0)),
      }));
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
    const keys = rows.map((row) => {
      const place = placeOf(row, Number(row.arm));
      return { arm: place[1], id: place[2], position: JSON.stringify(place) };
    });
    return yield* this.#rowsOf(arms, keys, groups);
  }

  /** The rows of these keys, in the order of the keys. */
  *#rowsOf(arms: readonly Arm[], keys: readonly PageKey[], groups: boolean): Steps<PlacedRow[]> {
    const rows = new Map<string, Row>();
    for (const [index, { served }] of arms.entries()) {
      const ids = keys.filter(({ arm }) => arm === index).map(({ id }) => id);
      const { id: column } = served.table;
      for (let from = 0; from < ids.length; from += 500) {
        const some = ids.slice(from, from + 500);
        const found = yield statement(
          `SELECT ${this.#reading.columns(served, !groups)} ${this.#reading.from(served)} WHERE t.${column.sql} IN (${some.map(() => column.parameter).join(', ')})`,
          ...some.map((id) => column.bind(id)),
        );
        for (const row of found) rows.set(`${index}/${String(row.id)}`, this.#reading.toRow(served, row));
      }
    }
    return keys.flatMap(({ arm, id, position }) => {
      const row = rows.get(`${arm}/${id}`);
      return row === undefined ? [] : [{ row, position }];
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

interface PlacedRow {
  readonly row: Row;
  readonly position: Position;
}

interface PageKey {
  readonly arm: number;
  readonly id: string;
  readonly position: Position;
}

type Place = readonly [key: string | number | null, arm: number, id: string];

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
  const text = `${key} ${down ? '<' : '>'} ${parameter} OR (${key} = ${parameter} AND ${tie.text})`;
  const parameters = [...keyParameters, value, ...keyParameters, value, ...tie.parameters];
  if (down) return { text, parameters };
  return { text: `${text} OR ${isNull.text}`, parameters: [...parameters, ...isNull.parameters] };
}

/** The key's own type, of the text that a position has. */
function castOf(sort: Attribute | undefined): string {
  switch (sort?.type) {
    case 'dateTime':
      return 'CAST(CAST(? AS text) AS timestamptz)';
    case 'boolean':
      return 'CAST(CAST(? AS text) AS boolean)';
    case 'integer':
    case 'decimal':
      return 'CAST(CAST(? AS text) AS double precision)';
    default:
      return '?';
  }
}

/** As many as are not larger together; one at least. */
function withinBytes(rows: readonly Row[], bytes: number | undefined): Row[] {
  if (bytes === undefined) return [...rows];
  let sum = 0;
  const end = rows.findIndex(({ resource: { body } }) => {
    sum += body.length;
    return sum > bytes && sum > body.length;
  });
  return end === -1 ? [...rows] : rows.slice(0, end);
}
