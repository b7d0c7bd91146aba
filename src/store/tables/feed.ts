/** What events are made of: resources of whatever type by their ids, the groups they are in, and all at one moment. */
import type { Granted, GrantKind } from '../../scim/roles.ts';
import {
  type FeedReads,
  type FeedSnapshot,
  type FoundPresent,
  type GroupOf,
  type PersonAccess,
  personAccess,
  type SnapshotEntry,
} from '../feed.ts';
import type { Awaitable } from '../stored-resource.ts';
import { changeRange, newestChanges } from './changes.ts';
import { type SqlRow, type Steps, statement } from './database.ts';
import { type MappedMembers, type Memberships, removeMemberships } from './memberships.ts';
import { idText } from './names.ts';
import type { Reading, Row, ServedType } from './reading.ts';

export interface FeedTools {
  readonly reading: Reading;
  readonly memberships: Memberships;
  readonly types: readonly ServedType[];
  readonly read: <T>(tenant: number, steps: () => Steps<T>) => Awaitable<T>;
  /** All of one moment. */
  readonly readAtOnce: <T>(tenant: number, steps: () => Steps<T>) => Awaitable<T>;
}

/** Resources in one step of a snapshot. */
const stepSize = 100;
const idsAtOnce = 500;

export class FeedSteps {
  readonly #reading: Reading;
  readonly #memberships: Memberships;
  readonly #types: readonly ServedType[];

  constructor({ reading, memberships, types }: Omit<FeedTools, 'read' | 'readAtOnce'>) {
    this.#reading = reading;
    this.#memberships = memberships;
    this.#types = types;
  }

  *rows(served: ServedType, tenant: number, ids: readonly string[]): Steps<Row[]> {
    const { table } = served;
    const rows: Row[] = [];
    const possible = ids.filter((id) => this.#reading.isPossible(table, id));
    const within = this.#reading.within(served, tenant);
    for (let first = 0; first < possible.length; first += idsAtOnce) {
      const some = possible.slice(first, first + idsAtOnce);
      const found = yield statement(
        `SELECT ${this.#reading.columns(served)} ${this.#reading.from(served)} WHERE t.${table.id.sql} IN (${some.map(() => table.id.parameter).join(', ')}) AND ${within.text}`,
        ...some.map((id) => table.id.bind(id)),
        ...within.parameters,
      );
      rows.push(...found.map((row: SqlRow) => this.#reading.toRow(served, row)));
    }
    return rows;
  }

  *resources(tenant: number, ids: readonly string[]): Steps<Map<string, FoundPresent>> {
    const found = new Map<string, FoundPresent>();
    for (const served of this.#types)
      for (const { resource, row } of yield* this.rows(served, tenant, ids)) {
        const mapped = this.#reading.membersOf(served.table.facts.name);
        const memberCount =
          mapped === undefined ? 0 : yield* this.#reading.membersOfRow(mapped, row, Number.MAX_SAFE_INTEGER);
        found.set(resource.id, { resource, memberCount, locked: false });
      }
    for (const id of yield* this.locked(tenant, [...found.keys()])) {
      const known = found.get(id);
      if (known !== undefined) found.set(id, { ...known, locked: true });
    }
    return found;
  }

  /** Those of these whose access is blocked here. */
  *locked(tenant: number, ids: readonly string[]): Steps<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const rows = yield statement(
      `SELECT id FROM scimd_access_lock WHERE tenant = ?${ids.length > idsAtOnce ? '' : ` AND id IN (${ids.map(() => '?').join(', ')})`}`,
      ...[tenant, ...(ids.length > idsAtOnce ? [] : ids)],
    );
    return new Set(rows.map(({ id }) => String(id)));
  }

  /** What groups give, by their ids. */
  *#giving(tenant: number, ids: readonly string[]): Steps<ReadonlyMap<string, Granted[]>> {
    const given = new Map<string, Granted[]>();
    for (let first = 0; first < ids.length; first += idsAtOnce) {
      const some = ids.slice(first, first + idsAtOnce);
      const rows = yield statement(
        `SELECT group_id, kind, name FROM scimd_access_grant WHERE tenant = ? AND group_id IN (${some.map(() => '?').join(', ')}) ORDER BY group_id, kind DESC, name`,
        tenant,
        ...some,
      );
      for (const { group_id, kind, name } of rows) {
        const id = String(group_id);
        given.set(id, [...(given.get(id) ?? []), { kind: kind as GrantKind, name: String(name) }]);
      }
    }
    return given;
  }

  *groupsOf(tenant: number, ids: readonly string[]): Steps<Map<string, GroupOf[]>> {
    const found = new Map<string, GroupOf[]>();
    for (const served of this.#types) {
      const all = this.#memberships.with(served.table.facts.name);
      if (all.length === 0) continue;
      const rows = (yield* this.rows(served, tenant, ids)).filter(({ resource }) => resource.grouped);
      yield* this.#groupsOfRows(tenant, served, all, rows, found);
    }
    return found;
  }

  *#groupsOfRows(
    tenant: number,
    served: ServedType,
    all: readonly MappedMembers[],
    rows: readonly Row[],
    found: Map<string, GroupOf[]>,
  ): Steps<void> {
    const idsByRow = new Map(rows.map(({ row, resource }) => [String(row), resource.id]));
    for (const mapped of all)
      for (let first = 0; first < rows.length; first += idsAtOnce) {
        const some = rows.slice(first, first + idsAtOnce).map(({ row }) => row);
        const edges = yield this.#memberships.groupsSql(mapped, served.table.facts.name, some);
        const owner = this.#reading.served(mapped.owner.table.type);
        const groups = new Map<string, GroupOf>();
        const ids = [...new Set(edges.map(({ value }) => String(value)))];
        const given = yield* this.#giving(tenant, ids);
        for (const { resource, document } of yield* this.rows(owner, tenant, ids)) {
          const gives = given.get(resource.id);
          groups.set(resource.id, {
            group: resource.id,
            ...(typeof document.externalId === 'string' ? { externalId: document.externalId } : {}),
            ...(typeof document.displayName === 'string' ? { display: document.displayName } : {}),
            ...(gives === undefined ? {} : { gives }),
          });
        }
        for (const { member, value } of edges) {
          const id = idsByRow.get(String(member));
          const group = groups.get(String(value));
          if (id === undefined || group === undefined) continue;
          const known = found.get(id);
          if (known === undefined) found.set(id, [group]);
          else known.push(group);
        }
      }
    for (const groups of found.values()) groups.sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  /** The ids of all people in a group, by groups in it too. */
  *people(tenant: number, group: string): Steps<readonly string[]> {
    const people = new Set<string>();
    const seen = new Set<string>();
    for (const mapped of this.#memberships.all) {
      const start = yield* this.#reading.find(mapped.owner.table.type, tenant, group);
      let rows: unknown[] = start === undefined ? [] : [start.row];
      while (rows.length > 0) {
        const next: unknown[] = [];
        for (const row of rows) {
          if (seen.has(String(row))) continue;
          seen.add(String(row));
          const { row: key } = mapped.owner.table;
          const found = yield statement(
            `SELECT e.value, e.member, e.nested FROM (${this.#memberships.memberRows(mapped)}) e WHERE e.owner = ${key.parameter}`,
            key.bind(row),
          );
          for (const { value, member, nested } of found) {
            if (Number(nested) === 1) next.push(member);
            else people.add(String(value));
          }
        }
        rows = next;
      }
    }
    return [...people].sort();
  }

  *accessOf(tenant: number, after: string, limit: number): Steps<readonly PersonAccess[]> {
    const users = this.#types.find(({ type }) => type.name === 'User');
    if (users === undefined) return [];
    const rows = yield* this.#after(users, tenant, after, limit);
    const locked = yield* this.locked(
      tenant,
      rows.map(({ resource }) => resource.id),
    );
    const isActive = ({ document, resource }: Row): boolean =>
      document.active !== false && !locked.has(resource.id);
    const active = rows.filter(isActive).map(({ resource }) => resource.id);
    const groups = yield* this.groupsOf(tenant, active);
    return rows.map((row) => {
      const { id, version } = row.resource;
      return personAccess({ id, version, active: isActive(row) }, groups.get(id));
    });
  }

  *#after(served: ServedType, tenant: number, after: string, limit: number): Steps<Row[]> {
    const { table } = served;
    const within = this.#reading.within(served, tenant);
    const id = idText(table, 't');
    const found = yield statement(
      `SELECT ${this.#reading.columns(served)} ${this.#reading.from(served)} WHERE ${within.text} AND ${id} > ? ORDER BY ${id} LIMIT ?`,
      ...within.parameters,
      after,
      limit,
    );
    return found.map((row: SqlRow) => this.#reading.toRow(served, row));
  }

  *entries(tenant: number): Steps<{ readonly sequence: number; readonly entries: SnapshotEntry[] }> {
    const { newest: sequence } = yield* changeRange(tenant);
    const entries: SnapshotEntry[] = [];
    const order = [...this.#types].sort(
      (a, b) => Number(b.type.name === 'User') - Number(a.type.name === 'User'),
    );
    for (const served of order) {
      for (let rows = yield* this.#after(served, tenant, '', stepSize); rows.length > 0; ) {
        const ids = rows.map(({ resource }) => resource.id);
        const groups = served.type.name === 'User' ? yield* this.groupsOf(tenant, ids) : undefined;
        const mapped = this.#memberships.of(served.table.facts.name);
        const locked = yield* this.locked(tenant, ids);
        for (const { resource, row } of rows) {
          const members = mapped === undefined ? undefined : yield* this.#memberList(mapped, row);
          entries.push({
            resource,
            members,
            groups: groups?.get(resource.id) ?? [],
            locked: locked.has(resource.id),
          });
        }
        rows = yield* this.#after(served, tenant, ids.at(-1) ?? '', stepSize);
      }
    }
    return { sequence, entries };
  }

  *#memberList(mapped: MappedMembers, row: unknown): Steps<string> {
    const { row: key } = mapped.owner.table;
    const found = yield statement(
      `SELECT e.value, e.type FROM (${this.#memberships.memberRows(mapped)}) e WHERE e.owner = ${key.parameter} ORDER BY e.value`,
      key.bind(row),
    );
    return JSON.stringify(found.map(({ value, type }) => ({ value: String(value), type: String(type) })));
  }

  /** Is there a resource of that id, of whatever type? */
  *has(tenant: number, id: string): Steps<boolean> {
    for (const { table, type } of this.#types)
      if (this.#reading.isPossible(table, id) && (yield* this.#reading.find(type, tenant, id)) !== undefined)
        return true;
    return false;
  }

  /** How many resources a tenant has of each type. */
  *counts(tenant: number): Steps<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const served of this.#types) {
      const within = this.#reading.within(served, tenant);
      const row = (yield statement(
        `SELECT count(*) AS n FROM ${served.table.facts.sql} t WHERE ${within.text}`,
        ...within.parameters,
      ))[0];
      const total = Number(row?.n ?? 0);
      if (total > 0) counts[served.type.name] = total;
    }
    return counts;
  }

  /** Of all people of a tenant. */
  *everybody(tenant: number): Steps<readonly string[]> {
    const users = this.#types.find(({ type }) => type.name === 'User');
    if (users === undefined) return [];
    const { table } = users;
    const within = this.#reading.within(users, tenant);
    const rows = yield statement(
      `SELECT ${idText(table, 't')} AS id FROM ${table.facts.sql} t WHERE ${within.text} ORDER BY 1`,
      ...within.parameters,
    );
    return rows.map(({ id }) => String(id));
  }

  /** What is to go with a tenant. */
  *clear(tenant: number): Steps<void> {
    for (const { owner, facts, group } of this.#memberships.all) {
      const within = this.#reading.within(this.#reading.served(owner.table.type), tenant, 'g');
      const { row, facts: groups } = owner.table;
      yield* removeMemberships(
        { facts },
        `${group.sql} IN (SELECT g.${row.sql} FROM ${groups.sql} g WHERE ${within.text})`,
        ...within.parameters,
      );
    }
    for (const served of this.#types) {
      const { table, type } = served;
      const within = this.#reading.within(served, tenant);
      const rows = `SELECT t.${table.row.sql} FROM ${table.facts.sql} t WHERE ${within.text}`;
      yield statement(
        `DELETE FROM scimd_resource WHERE type = ? AND id IN (SELECT ${idText(table, 't')} FROM ${table.facts.sql} t WHERE ${within.text})`,
        type.name,
        ...within.parameters,
      );
      if (table.onDelete === undefined)
        yield statement(
          `DELETE FROM ${table.facts.sql} WHERE ${table.row.sql} IN (${rows})`,
          ...within.parameters,
        );
      else {
        const all = (yield statement(
          `SELECT ${this.#reading.columns(served)} ${this.#reading.from(served)} WHERE ${within.text}`,
          ...within.parameters,
        )).map((row: SqlRow) => this.#reading.toRow(served, row));
        for (const { row, document } of all) {
          const sets = table.onDelete.map(({ column, value }) => ({
            sql: `${column.sql} = ${column.parameter}`,
            value: column.bind(
              typeof value === 'function' ? (value as (given: unknown) => unknown)(document) : value,
            ),
          }));
          yield statement(
            `UPDATE ${table.facts.sql} SET ${sets.map(({ sql }) => sql).join(', ')} WHERE ${table.row.sql} = ${table.row.parameter}`,
            ...sets.map(({ value }) => value),
            table.row.bind(row),
          );
        }
      }
    }
  }
}

export function feedReads(
  steps: FeedSteps,
  { read, readAtOnce }: Pick<FeedTools, 'read' | 'readAtOnce'>,
): FeedReads {
  return {
    extent: (tenant) => read(tenant, () => changeRange(tenant)),
    newest: () => read(1, newestChanges),
    resources: (tenant, ids) => read(tenant, () => steps.resources(tenant, [...ids])),
    groupsOf: (tenant, ids) => read(tenant, () => steps.groupsOf(tenant, [...ids])),
    people: (tenant, group) => read(tenant, () => steps.people(tenant, group)),
    accessOf: (tenant, after, limit) => read(tenant, () => steps.accessOf(tenant, after, limit)),
    async snapshot(tenant): Promise<FeedSnapshot> {
      const { sequence, entries } = await readAtOnce(tenant, () => steps.entries(tenant));
      const counts: Record<string, number> = {};
      for (const { resource } of entries) counts[resource.type] = (counts[resource.type] ?? 0) + 1;
      return { sequence, counts, next: () => entries.splice(0, stepSize), close() {} };
    },
  };
}
