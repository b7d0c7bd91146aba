/** Edits of a group's members, each at the cost of what it changes. */
import { invalidValue, type ScimError } from '../../error.ts';
import type { Plan } from '../../query/plan.ts';
import { compilePlan } from '../../query/sql.ts';
import { resourceUriKey } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { MemberChanges } from '../sql/command-watch.ts';
import type { MemberEdit } from '../store.ts';
import { dialects } from './conditions.ts';
import { type SqlValue, type Steps, statement } from './database.ts';
import { displayKey, type MappedMembers, memberColumn } from './memberships.ts';
import { idText, request } from './names.ts';
import type { ServedType } from './reading.ts';
import { exactKey } from './row-key.ts';
import { RefusedUnit, type UnitAtWork, type WritingTools } from './unit-at-work.ts';
import { IgnoredByDatabase } from './violations.ts';

/** A row that can be a member. */
interface Candidate {
  readonly row: unknown;
  readonly nested: boolean;
}

const noEffect: MemberChanges = { added: new Set(), removed: new Set() };
/** So many rows are found, added or removed in one statement. */
const atOnce = 200;

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += atOnce) yield all.slice(from, from + atOnce);
}

export class MemberEdits {
  readonly #tools: WritingTools;

  constructor(tools: WritingTools) {
    this.#tools = tools;
  }

  *of(
    mapped: MappedMembers,
    row: unknown,
    condition?: { readonly text: string; readonly parameters: readonly SqlValue[]; readonly base: string },
  ): Steps<readonly { readonly value: string; readonly row: unknown; readonly nested: boolean }[]> {
    const { row: key } = mapped.owner.table;
    const needsBase = condition?.text.includes(`${request}.base`) === true;
    const rows = yield statement(
      `SELECT e.value, e.member, e.nested FROM (${this.#tools.memberships.memberRows(mapped)}) e${needsBase ? ` CROSS JOIN (SELECT CAST(? AS text) AS base) ${request}` : ''} WHERE e.owner = ${key.parameter}${condition === undefined ? '' : ` AND (${condition.text})`}`,
      ...(needsBase ? [resourceUriKey(condition?.base ?? '')] : []),
      key.bind(row),
      ...(condition?.parameters ?? []),
    );
    return rows.map(({ value, member, nested }) => ({
      value: String(value),
      row: member,
      nested: Number(nested) === 1,
    }));
  }

  *selected(
    work: UnitAtWork,
    mapped: MappedMembers,
    row: unknown,
    plan: Plan,
  ): Steps<readonly { readonly value: string; readonly row: unknown; readonly nested: boolean }[]> {
    const { dialect } = this.#tools.database;
    const map = { key: 'e.value', resolve: (sub: Attribute) => memberColumn(dialect, sub) };
    const { sql, parameters } = compilePlan(plan, map, dialects[dialect]);
    if (sql.includes(displayKey))
      yield* this.#tools.reading.foldTexts(sql, this.#tools.memberships.memberRows(mapped));
    return yield* this.of(mapped, row, { text: sql, parameters, base: work.base ?? '' });
  }

  *edit(
    work: UnitAtWork,
    edits: readonly MemberEdit[] | undefined,
    { table, type }: ServedType,
    row: unknown,
    index: number,
  ): Steps<MemberChanges> {
    if (edits === undefined || edits.length === 0) return noEffect;
    const mapped = this.#tools.memberships.of(table.facts.name);
    if (mapped === undefined) throw new Error(`resource type ${type.name} has no members`);
    const added = new Set<string>();
    const removed = new Set<string>();
    for (const edit of edits) {
      switch (edit.kind) {
        case 'add':
          yield* this.add(
            work,
            mapped,
            row,
            edit.members.map(({ value }) => value),
            added,
            removed,
          );
          break;
        case 'remove':
          yield* this.remove(mapped, row, yield* this.find(work.tenant, mapped, edit.values), added, removed);
          break;
        case 'removeWhere': {
          const found = yield* this.selected(work, mapped, row, edit.plan);
          yield* this.remove(mapped, row, new Map(found.map((each) => [each.value, each])), added, removed);
          break;
        }
        case 'require': {
          const found = yield* this.selected(work, mapped, row, edit.plan);
          const isMet =
            found.length > 0 ||
            (edit.orEmpty && (yield* this.#tools.reading.membersOfRow(mapped, row, 1)) === 0);
          if (!isMet) throw new RefusedUnit({ outcome: 'unmatched', command: index, detail: edit.detail });
          break;
        }
        case 'replace': {
          const wanted = new Set(edit.members.map(({ value }) => value));
          const now = yield* this.of(mapped, row);
          const gone = now.filter(({ value }) => !wanted.delete(value));
          yield* this.remove(mapped, row, new Map(gone.map((each) => [each.value, each])), added, removed);
          yield* this.add(work, mapped, row, [...wanted], added, removed);
        }
      }
    }
    return { added, removed };
  }

  /** The rows of these ids, people first. */
  *find(tenant: number, mapped: MappedMembers, values: readonly string[]): Steps<Map<string, Candidate>> {
    const found = new Map<string, Candidate>();
    const { reading } = this.#tools;
    for (const [{ table }, nested] of [
      [mapped.people, false],
      [mapped.owner, true],
    ] as const) {
      if (nested && mapped.nested === undefined) continue;
      const served = reading.served(table.type);
      const within = reading.within(served, tenant, 'u');
      const wanted = values.filter((value) => !found.has(value) && reading.isPossible(table, value));
      for (const some of chunks(wanted)) {
        const rows = yield statement(
          `SELECT ${idText(table, 'u')} AS id, u.${table.row.sql} AS row_key FROM ${table.facts.sql} u WHERE u.${table.id.sql} IN (${some.map(() => table.id.parameter).join(', ')}) AND ${within.text}`,
          ...some.map((value) => table.id.bind(value)),
          ...within.parameters,
        );
        for (const { id, row_key } of rows) found.set(String(id), { row: exactKey(table, row_key), nested });
      }
    }
    return found;
  }

  *add(
    work: UnitAtWork,
    mapped: MappedMembers,
    row: unknown,
    values: readonly string[],
    added: Set<string>,
    removed: Set<string>,
  ): Steps<void> {
    const { facts, group, member, nested, owner, people } = mapped;
    const { tenant, coming, waiting } = work;
    const found = yield* this.find(tenant, mapped, values);
    for (const id of values) {
      if (found.has(id)) continue;
      // A later command of the unit may make it; what waits is not waited for a second time.
      if (!coming.has(id) || waiting.some((each) => each.id === id && each.row === row))
        throw yield* this.#noMember(tenant, mapped, id);
      waiting.push({ mapped, row, id, added });
    }
    for (const isNested of [false, true]) {
      const column = isNested ? nested : member;
      const { table } = isNested ? owner : people;
      const all = [...found].filter(([, candidate]) => candidate.nested === isNested);
      if (column === undefined || all.length === 0) continue;
      const ids = new Map(all.map(([id, candidate]) => [String(candidate.row), id]));
      for (const some of chunks(all)) {
        const rows = yield statement(
          `INSERT INTO ${facts.sql} (${group.sql}, ${column.sql}) VALUES ${some.map(() => `(${owner.table.row.parameter}, ${table.row.parameter})`).join(', ')} ON CONFLICT DO NOTHING RETURNING ${column.sql} AS row_key`,
          ...some.flatMap(([, candidate]) => [owner.table.row.bind(row), table.row.bind(candidate.row)]),
        );
        for (const { row_key } of rows) {
          const id = ids.get(String(row_key));
          if (id !== undefined && !removed.delete(id)) added.add(id);
        }
        // The others were there already.
        if (rows.length < some.length && (yield* this.#among(mapped, row, some)) < some.length)
          throw new IgnoredByDatabase(`INSERT of ${facts.name}`);
      }
    }
  }

  /** How many of them, all of one table, are in the group. */
  *#among(
    { facts, group, member, nested, owner, people }: MappedMembers,
    row: unknown,
    some: readonly (readonly [string, Candidate])[],
  ): Steps<number> {
    const isNested = some[0]?.[1].nested === true;
    const { row: key } = owner.table;
    const of = (isNested ? owner : people).table.row;
    const { sql } = isNested ? (nested ?? member) : member;
    const [found] = yield statement(
      `SELECT count(*) AS n FROM ${facts.sql} WHERE ${group.sql} = ${key.parameter} AND ${sql} IN (${some.map(() => of.parameter).join(', ')})`,
      key.bind(row),
      ...some.map(([, candidate]) => of.bind(candidate.row)),
    );
    return Number(found?.n);
  }

  *#noMember(tenant: number, mapped: MappedMembers, value: string): Steps<ScimError> {
    const { owner, people } = mapped;
    const group =
      mapped.nested === undefined
        ? yield* this.#tools.reading.find(owner.table.type, tenant, value)
        : undefined;
    if (group !== undefined)
      return invalidValue(
        `members: ${JSON.stringify(value)} is a ${owner.table.type.name}, and only ${people.table.type.endpoint.slice(1)} can be members here`,
      );
    return invalidValue(`members: there is no ${people.table.type.name} ${JSON.stringify(value)}`);
  }

  *remove(
    mapped: MappedMembers,
    row: unknown,
    found: ReadonlyMap<string, Candidate>,
    added: Set<string>,
    removed: Set<string>,
  ): Steps<void> {
    const { facts, group, member, nested, owner, people } = mapped;
    for (const isNested of [false, true]) {
      const column = isNested ? nested : member;
      const { table } = isNested ? owner : people;
      const all = [...found].filter(([, candidate]) => candidate.nested === isNested);
      if (column === undefined || all.length === 0) continue;
      const ids = new Map(all.map(([id, candidate]) => [String(candidate.row), id]));
      for (const some of chunks(all)) {
        const rows = yield statement(
          `DELETE FROM ${facts.sql} WHERE ${group.sql} = ${owner.table.row.parameter} AND ${column.sql} IN (${some.map(() => table.row.parameter).join(', ')}) RETURNING ${column.sql} AS row_key`,
          owner.table.row.bind(row),
          ...some.map(([, candidate]) => table.row.bind(candidate.row)),
        );
        for (const { row_key } of rows) {
          const id = ids.get(String(row_key));
          if (id !== undefined && !added.delete(id)) removed.add(id);
        }
        // The others were not there.
        if (rows.length < some.length && (yield* this.#among(mapped, row, some)) > 0)
          throw new IgnoredByDatabase(`DELETE of ${facts.name}`, { status: 409 });
      }
    }
  }
}
