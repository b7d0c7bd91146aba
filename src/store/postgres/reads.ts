/** Reads by id. Those that come together go in one statement: each round trip costs more than a row does. */
import { resourceUriKey } from '../../scim/comparison.ts';
import type { ResourceType } from '../../scim/registry.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import {
  type GroupRow,
  groupsSql,
  type MembersRow,
  memberParts,
  membershipSql,
  membersText,
  toGroups,
} from '../sql/membership.ts';
import { joinedResourceSql, type ResourceRow, resourceColumns, toResource } from '../sql/resource.ts';
import type { FoundResource, ResourceQuery } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { RequestValues, Rows, Value } from './driver.ts';
import type { Pool } from './pool.ts';
import { arrayOf, writeSql } from './statements.ts';

const joined = joinedResourceSql(postgresDialect);

/** A resource, and the number of its row. */
export interface ReadRow {
  readonly rid: number;
  readonly resource: FoundResource;
}

/** A group whose members are read, and the base of their `$ref`. */
export interface MembersOf {
  readonly tenant: number;
  readonly rid: number;
  readonly base: string | undefined;
}

/** Runs a statement in the snapshot that is read from. */
export type Run = (sql: string, parameters?: readonly Value[], request?: RequestValues) => Promise<Rows>;

/** What one statement looks for. */
const mostAtOnce = 64;
/** Such statements under way at once: what comes meanwhile goes with the next. */
const mostStatements = 2;

/** A resource that is looked for, by its id or its unique value, and what is wanted with it. */
export interface Asked {
  readonly tenant: number;
  readonly type: number;
  readonly key: string;
  readonly withGroups: boolean;
  /** By `shown` alone: members where there are fewer than so many, and the base of their `$ref`. */
  readonly fewerThan?: number | undefined;
  readonly base?: string | undefined;
}

interface Waiting<Found> extends Asked {
  readonly resolve: (found: Found | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Of resources that are looked for together; by arrays of tenants, types and keys, and whether groups are wanted. */
export function findSql(types: StoredTypes) {
  const groups = `CASE WHEN k.groups AND EXISTS (SELECT 1 FROM member WHERE tenant = r.tenant AND value = r.id) THEN (
  SELECT json_agg(json_build_array(g.value, g.id, g.type, g.display, g.depth))
  FROM (${groupsSql(postgresDialect, types, 'member m WHERE m.tenant = r.tenant AND m.value = r.id')}) AS g (value, id, type, display, depth)
) END`;
  const arrays = (...each: readonly string[]): string => each.map(arrayOf).join(', ');
  const by = (condition: string): string => `SELECT k.place, r.rid, ${resourceColumns}, ${groups}
FROM unnest(${arrays('bigint', 'bigint', 'text', 'boolean')}) WITH ORDINALITY AS k (tenant, type, key, groups, place)
JOIN resource r ON r.tenant = k.tenant AND ${condition}
JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant`;
  return {
    byId: by('r.type = k.type AND r.id = k.key'),
    byUnique: by('r.type = k.type AND r.unique_key = k.key'),
    /**
     * By id, with members: how many they are, as far as is asked, and their text if they are fewer. By arrays of how many
     * and of bases too.
     */
    shown: `SELECT k.place, r.rid, ${resourceColumns}, ${groups}, c.count,
  CASE WHEN c.count < k.most THEN (SELECT ${membersText(postgresDialect)}
    FROM (${memberParts(postgresDialect, types, 'k.base', 'm.owner = r.rid AND m.tenant = r.tenant')} LIMIT k.most) p) END
FROM unnest(${arrays('bigint', 'bigint', 'text', 'boolean', 'bigint', 'text')}) WITH ORDINALITY
  AS k (tenant, type, key, groups, most, base, place)
JOIN resource r ON r.tenant = k.tenant AND r.type = k.type AND r.id = k.key
JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant
LEFT JOIN LATERAL (SELECT count(*) FROM (
  SELECT 1 FROM member m WHERE m.owner = r.rid AND m.tenant = r.tenant ORDER BY m.value LIMIT k.most) p) c ON k.most > 0`,
  } as const;
}

/** A statement that looks for several resources at once, what it is given, and what its rows are. */
export interface Finding<Found> {
  readonly sql: string;
  parametersOf(asked: readonly Asked[]): Value[];
  /** What was found for each. */
  foundIn(rows: readonly unknown[][], asked: readonly Asked[]): (Found | undefined)[];
}

export function findings(types: StoredTypes) {
  const sql = findSql(types);
  const toRow = ([, rid, ...columns]: readonly unknown[]): ReadRow => {
    const groups = columns.pop() as string | null;
    const resource = toResource(types, columns as unknown as ResourceRow);
    const its =
      groups === null ? undefined : toGroups(types, JSON.parse(groups) as GroupRow[]).get(resource.id);
    return { rid: rid as number, resource: its === undefined ? resource : { ...resource, groups: its } };
  };
  const toShown = (row: readonly unknown[]): FoundResource => {
    const [count, members] = row.slice(-2) as [number | null, string | null];
    const { resource } = toRow(row.slice(0, -2));
    if (count === null) return resource;
    return { ...resource, memberCount: count, members: count === 0 ? '' : (members ?? undefined) };
  };
  const finding = <Found>(
    text: string,
    toFound: (row: readonly unknown[]) => Found,
    more: (asked: readonly Asked[]) => Value[] = () => [],
  ): Finding<Found> => ({
    sql: text,
    parametersOf: (asked) => [
      asked.map(({ tenant }) => tenant),
      asked.map(({ type }) => type),
      asked.map(({ key }) => key),
      asked.map(({ withGroups }) => (withGroups ? 'true' : 'false')),
      ...more(asked),
    ],
    foundIn(rows, asked) {
      const found: (Found | undefined)[] = asked.map(() => undefined);
      for (const row of rows) found[(row[0] as number) - 1] = toFound(row);
      return found;
    },
  });
  return {
    byId: finding(sql.byId, (row) => toRow(row).resource),
    byUnique: finding(sql.byUnique, toRow),
    shown: finding(sql.shown, toShown, (asked) => [
      asked.map(({ fewerThan = 0 }) => fewerThan),
      asked.map(({ base = '' }) => base),
    ]),
  } as const;
}

/** Looks for single resources by one condition, several at once, and answers what `toFound` makes of each. */
class Finder<Found> {
  readonly #pool: Pool;
  readonly #finding: Finding<Found>;
  #waiting: Waiting<Found>[] = [];
  #running = 0;
  #isScheduled = false;

  constructor(pool: Pool, finding: Finding<Found>) {
    this.#pool = pool;
    this.#finding = finding;
  }

  find(asked: Asked): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...asked, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#running >= mostStatements || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#run(this.#waiting.splice(0, mostAtOnce));
      this.#schedule();
    });
  }

  async #run(asked: readonly Waiting<Found>[]): Promise<void> {
    this.#running++;
    try {
      const { sql, parametersOf, foundIn } = this.#finding;
      const found = foundIn(await this.#pool.lookUp(sql, parametersOf(asked)), asked);
      for (const [index, { resolve }] of asked.entries()) resolve(found[index]);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.#running--;
      this.#schedule();
    }
  }
}

export class Reads {
  readonly #types: StoredTypes;
  readonly #byId: Finder<FoundResource>;
  readonly #byUnique: Finder<ReadRow>;
  readonly #shown: Finder<FoundResource>;
  readonly #pool: Pool;
  readonly #membership: ReturnType<typeof membershipSql>;

  constructor(pool: Pool, types: StoredTypes) {
    this.#pool = pool;
    this.#types = types;
    this.#membership = membershipSql(postgresDialect, types);
    const { byId, byUnique, shown } = findings(types);
    this.#byId = new Finder(pool, byId);
    this.#byUnique = new Finder(pool, byUnique);
    this.#shown = new Finder(pool, shown);
  }

  get(tenant: number, type: ResourceType, id: string, groups: boolean): Promise<FoundResource | undefined> {
    const stored = this.#types.of(type);
    return this.#byId.find({
      ...{ tenant, type: stored.number, key: id },
      withGroups: groups && stored.layout.groups !== undefined,
    });
  }

  /** The same with its members, if there are fewer than so many: in one statement, and so of one state. */
  getWithMembers(
    { tenant, type, id, base, groups }: ResourceQuery,
    fewerThan: number,
  ): Promise<FoundResource | undefined> {
    const { number, layout } = this.#types.of(type);
    const withGroups = groups === true && layout.groups !== undefined;
    return this.#shown.find({ tenant, type: number, key: id, withGroups, fewerThan, base });
  }

  /** By the key of its value of the type's unique attribute. */
  findByUnique(
    tenant: number,
    { number, layout }: StoredType,
    key: string,
    groups: boolean,
  ): Promise<ReadRow | undefined> {
    return this.#byUnique.find({
      ...{ tenant, type: number, key },
      withGroups: groups && layout.groups !== undefined,
    });
  }

  /** The row of a resource within a snapshot. */
  async getIn(run: Run, tenant: number, type: ResourceType, id: string): Promise<ReadRow | undefined> {
    const { rows } = await run(joined.get, [tenant, id, this.#types.of(type).number]);
    const [found] = rows;
    if (found === undefined) return undefined;
    const [rid, ...row] = found;
    return { rid: rid as number, resource: toResource(this.#types, row as unknown as ResourceRow) };
  }

  async groupsIn(run: Run, tenant: number, id: string) {
    const { rows } = await run(this.#membership.groupsOfOne, [tenant, id]);
    return toGroups(this.#types, rows as unknown as GroupRow[]).get(id);
  }

  /** Members behind one, as JSON objects; `next` is undefined behind the last. */
  async membersIn(
    run: Run,
    { tenant, rid, base }: MembersOf,
    most: number,
    after = '',
  ): Promise<{ readonly text: string; readonly next: string | undefined }> {
    const { rows } = await run(
      this.#membership.members,
      [base ?? '', rid, after, most],
      requestValues(tenant, base),
    );
    const [[text, last, count]] = rows as unknown as [MembersRow];
    return { text: text ?? '', next: count === most && last !== null ? last : undefined };
  }

  async memberCount(tenant: number, group: string, most: number): Promise<number> {
    const [row] = await this.#pool.lookUp(writeSql.memberCount, [tenant, group, tenant, most]);
    return (row as [number] | undefined)?.[0] ?? 0;
  }

  async credential(tenant: number, id: string): Promise<string | undefined> {
    const [row] = await this.#pool.lookUp(joined.credential, [tenant, id]);
    return (row as [string] | undefined)?.[0];
  }
}

/** What statements that name the request are given. */
export function requestValues(tenant: number, base: string | undefined): RequestValues {
  return { tenant, base: resourceUriKey(base ?? '') };
}
