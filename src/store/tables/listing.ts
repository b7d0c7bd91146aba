/** Pages of what a filter selects, of one type or several (RFC 7644 §3.4.2). */
import type { Parameter } from '../../query/dialect.ts';
import { resourceUriKey } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { FoundResource, Page, Position, Query } from '../store.ts';
import { termOf } from './conditions.ts';
import {
  one,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
  type Statement,
  type Steps,
  statement,
  Texts,
} from './database.ts';
import { idText, request } from './names.ts';
import type { Reading, ServedType, ShownRow } from './reading.ts';

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
  readonly #texts = new Texts();

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
    const page = withinBytes(isMore ? wanted.slice(0, limit) : wanted, query.bytes);
    const cut = page.length < Math.min(wanted.length, limit);
    const resources = yield* this.#resources(arms, page, query);
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
    const [first, last] = backwards ? [page.at(-1), page[0]] : [page[0], page.at(-1)];
    return {
      total: sum,
      resources,
      more,
      ...(first === undefined ? {} : { first: positionOf(first) }),
      ...(last === undefined ? {} : { last: positionOf(last) }),
    };
  }

  /** The rows as resources, with the groups and the members that are asked for. */
  *#resources(
    arms: readonly Arm[],
    page: readonly PlacedRow[],
    { groups = false, members = false, base = '' }: Query,
  ): Steps<FoundResource[]> {
    const resources = page.map(({ row }): FoundResource => row.resource);
    for (const [arm, { served }] of arms.entries()) {
      const rows = [...page.entries()].filter(([, { place }]) => place[1] === arm);
      const keys = groups ? rows.map(([, { row }]) => row.row) : [];
      const found = yield* this.#reading.groups(served, keys);
      const mapped = members ? this.#reading.membersOf(served.table.facts.name) : undefined;
      if (found.size === 0 && mapped === undefined) continue;
      for (const [index, { row }] of rows) {
        const its = found.get(String(row.row));
        const resource = its === undefined ? row.resource : { ...row.resource, grouped: true, groups: its };
        const all = Number.MAX_SAFE_INTEGER - 1;
        resources[index] =
          mapped === undefined
            ? resource
            : {
                ...resource,
                members: (yield* this.#reading.members(mapped, row, base, all)) as string,
              };
      }
    }
    return resources;
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
      const isGrouped = !groups;
      const form = `${served.type.name} ${isGrouped} ${direction} ${key} ${where} ${condition?.text} ${fromParameters.length}`;
      const text = this.#texts.of(form, () => {
        const idOrder = `${idText(served.table, 't')}${collation} ${direction}`;
        const [shown, order] =
          key === undefined ? ['', ''] : [`${keyText(key)} AS sort_text, `, `${key} ${direction} ${nulls}, `];
        const beyondIt = condition === undefined ? '' : ` AND (${condition.text})`;
        return `SELECT ${shown}${this.#reading.columns(served, isGrouped)} ${from} WHERE ${where}${beyondIt} ORDER BY ${order}${idOrder} ${limitAndOffset(this.#dialect)}`;
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
      );
      return rows.map((row) => ({ row: this.#reading.toShown(served, row), place: placeOf(row, 0) }));
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
    const places = rows.map((row) => placeOf(row, Number(row.arm)));
    return yield* this.#rowsOf(arms, places, groups);
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
          `SELECT ${this.#reading.columns(served, !groups)} ${this.#reading.from(served)} WHERE t.${column.sql} IN (${some.map(() => column.parameter).join(', ')})`,
          ...some.map((id) => column.bind(id)),
        );
        for (const row of found) rows.set(`${index}/${String(row.id)}`, this.#reading.toShown(served, row));
      }
    }
    return places.flatMap((place) => {
      const row = rows.get(`${place[1]}/${place[2]}`);
      return row === undefined ? [] : [{ row, place }];
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
  readonly row: ShownRow;
  readonly place: Place;
}

type Place = readonly [key: string | number | null, arm: number, id: string];

function positionOf({ place }: PlacedRow): Position {
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
function withinBytes(rows: readonly PlacedRow[], bytes: number | undefined): readonly PlacedRow[] {
  if (bytes === undefined) return rows;
  let sum = 0;
  const end = rows.findIndex(({ row }) => {
    const { length } = row.resource.body;
    sum += length;
    return sum > bytes && sum > length;
  });
  return end === -1 ? rows : rows.slice(0, end);
}
