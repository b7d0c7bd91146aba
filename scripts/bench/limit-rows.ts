/**
 * The rows that answers are made of, read and written with bare statements: those that scimd reads and writes, each with
 * its index rows and its row of the change record. What is no row is left out: no schema is looked at, no right, no
 * version that was expected. Of the change record the salt, the occasion and the actor are made up, as long as they are.
 */
import type { Database } from 'better-sqlite3';
import { fold } from '../../src/scim/comparison.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { instantText, keyOfTime } from '../../src/store/layout/instant.ts';
import type { StoredType } from '../../src/store/layout/stored-type.ts';
import { digestOf, linkOver, noLink } from '../../src/store/sql/change-row.ts';
import type { GroupRow } from '../../src/store/sql/membership.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import { userId } from './data.ts';
import { elementNumber, limitSql, limitTypes } from './limit-sql.ts';

/** What is sent: JSON of a resource, or of a list. */
type Text = string;

export interface LimitReads {
  get(id: string): Text;
  byUserName(userName: string): Text;
  page(count: number): Text;
  /** Those of which an e-mail address of this type has `part` in it. */
  byEmail(type: string, part: string, count: number): Text;
}

/** Within a transaction, which `finish` ends. */
export interface LimitWrites {
  /** Takes and answers JSON. */
  createUser(body: string): Text;
  createGroup(body: string): Text;
  setActive(id: string, body: string): Text;
  /** Members that the one operation adds, or the one that it removes. */
  editMembers(id: string, body: string): undefined;
  /**
   * Writes what there is once for all of the transaction: versions of groups, totals, what the guard counts, and where the change
   * record ends.
   */
  finish(): void;
}

type Row = [
  rid: number,
  type: number,
  id: string,
  version: number,
  created: string,
  modified: string,
  body: string,
  grouped: 0 | 1,
];

type Value = string | number | null | Uint8Array;

/** `base` is that of all URLs. */
export function limitRows(db: Database, registry: Registry, base: () => string): LimitReads & LimitWrites {
  const types = loadTypes(db, registry);
  const { user, group } = limitTypes(registry, types);
  const emails = elementNumber(user, 'emails');
  const sql = limitSql(types);

  const get = db.prepare<[number, string, number], Row>(sql.get).raw();
  const byUnique = db.prepare<[number, number, string], Row>(sql.byUnique).raw();
  const page = db.prepare<[number, number], Row>(sql.page).raw();
  const rowOf = db.prepare<[number], Row>(sql.row).raw();
  const total = db.prepare<[number, number], number>(sql.total).pluck();
  const byElement = db.prepare<[number, string, string], number>(sql.byElement).pluck();
  const groupsOfSome = db.prepare<[string, number], GroupRow>(sql.groupsOfSome).raw();

  const textOf = (row: Row, groups: string | undefined): Text => {
    const [, type, id, version, created, modified, body] = row;
    const name = types.nameOf(type);
    return `${body.slice(0, -1)}${groups === undefined ? '' : `,"groups":[${groups}]`},"meta":{"resourceType":"${name}","created":"${instantText(created)}","lastModified":"${instantText(modified)}","location":"${base()}/${name}s/${id}","version":"W/\\"${version}\\""}}`;
  };
  const texts = (rows: readonly Row[]): Text[] => {
    const ids = rows.filter(([, , , , , , , grouped]) => grouped === 1).map(([, , id]) => id);
    if (ids.length === 0) return rows.map((row) => textOf(row, undefined));
    const groups = new Map<string, string[]>();
    for (const [member, id, , display, depth] of groupsOfSome.all(JSON.stringify(ids), 1)) {
      const text = `{"value":"${id}","$ref":"${base()}/Groups/${id}","display":${JSON.stringify(display)},"type":"${depth === 0 ? 'direct' : 'indirect'}"}`;
      groups.set(member, [...(groups.get(member) ?? []), text]);
    }
    return rows.map((row) => textOf(row, groups.get(row[2])?.join(',')));
  };
  const listOf = (sum: number, rows: readonly Row[]): Text =>
    `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":${sum},"startIndex":1,"itemsPerPage":${rows.length},"Resources":[${texts(rows).join(',')}]}`;
  const rowById = (id: string): Row => {
    const row = get.get(1, id, user.number);
    if (row === undefined) throw new Error(`no user ${id}`);
    return row;
  };

  const insertResource = db.prepare(sql.insertResource);
  const insertDocument = db.prepare(sql.insertDocument);
  const insertKeys = db.prepare(sql.insertKeys);
  const insertElements = sql.insertElements.map((text) => db.prepare<Value[]>(text));
  const insertText = db.prepare(sql.insertText);
  const setActive = db.prepare(sql.setActive);
  const setBody = db.prepare(sql.setBody);
  const touch = db.prepare(sql.touch);
  const placeOf = db
    .prepare<[number, string], [rid: number, type: number, version: number, modified: string]>(sql.place)
    .raw();
  const findMember = db
    .prepare<[number, string], [type: number, display: string | null]>(sql.findMember)
    .raw();
  const insertMember = db.prepare(sql.insertMember);
  const deleteMember = db.prepare(sql.deleteMember);
  const count = db.prepare(sql.count);
  const insertChange = db.prepare<Value[]>(sql.insertChange);
  const insertChangeMember = db.prepare(sql.insertChangeMember);
  const countLosses = db.prepare(sql.countLosses);
  const setHead = db.prepare(sql.setHead);

  const head = db.prepare<[number], [number, Uint8Array | null]>(sql.head).raw().get(1);
  let [sequence, link] = [head?.[0] ?? 0, head?.[1] ?? noLink];
  let lastId = 1_000_000_000;
  const created = new Map<StoredType, number>();
  const losses = { left: 0, removed: 0 };
  /** Groups that the transaction has changed, whose rows are written at its end. */
  const touched = new Map<string, { readonly rid: number; readonly version: number; readonly at: string }>();
  // As long as those of scimd are.
  const [transaction, request] = [userId(0), userId(0)];
  const actor = JSON.stringify({ kind: 'token', id: userId(0), name: 'first', idp: 'generic' });
  const salt = 's'.repeat(22);

  const record = (
    { number }: StoredType,
    id: string,
    version: number,
    operation: 'create' | 'patch',
    at: string,
    [edits = null, added = null, removed = null]: readonly [
      edits?: string | null,
      added?: string | null,
      removed?: string | null,
    ] = [],
  ): void => {
    const what = [id, version, operation, at, transaction, request, actor, edits, added, removed] as const;
    const digest = digestOf(salt, ++sequence, types.nameOf(number), [...what, null, null, null, null]);
    link = linkOver(link, digest);
    insertChange.run(1, sequence, number, ...what, null, null, null, salt, digest, link, null);
    for (const ids of [added, removed])
      if (ids !== null) for (const member of JSON.parse(ids)) insertChangeMember.run(1, member, sequence);
  };

  const groupOf = (id: string): { readonly rid: number; readonly version: number } => {
    const known = touched.get(id);
    if (known !== undefined) return known;
    const [rid, , version] = placeOf.get(1, id) ?? [];
    if (rid === undefined || version === undefined) throw new Error(`no group ${id}`);
    return { rid, version };
  };

  const create = (kind: StoredType, body: string): Text => {
    const id = userId(++lastId);
    const { columns, keys, elements, text } = kind.indexRows(JSON.parse(body));
    const { external_id, unique_key, display_key, active } = columns;
    const at = keyOfTime(Date.now());
    const document = `{"id":"${id}",${body.slice(1)}`;
    const { lastInsertRowid } = insertResource.run(
      ...[1, kind.number, id, external_id, unique_key, display_key, active, at, at],
    );
    const rid = Number(lastInsertRowid);
    insertDocument.run(rid, document);
    insertKeys.run(rid, keys);
    const values: Value[] = [];
    for (const { attribute, ordinal, value, number, type, display, primary, rest } of elements)
      values.push(rid, attribute, ordinal, 1, value, number, type, display, primary, rest);
    if (elements.length > 0) insertElements[elements.length - 1]?.run(...values);
    if (text !== '') insertText.run(rid, text);
    record(kind, id, 1, 'create', at);
    created.set(kind, (created.get(kind) ?? 0) + 1);
    return textOf([rid, kind.number, id, 1, at, at, document, 0], undefined);
  };

  return {
    get: (id) => texts([rowById(id)])[0] as Text,
    byUserName(userName) {
      const row = byUnique.get(1, user.number, fold(userName));
      return row === undefined ? listOf(0, []) : listOf(1, [row]);
    },
    page: (count) => listOf(total.get(1, user.number) ?? 0, page.all(user.number, count)),
    byEmail(type, part, count) {
      const found = byElement.all(emails, type, part);
      return listOf(
        found.length,
        found.slice(0, count).map((rid) => rowOf.get(rid) as Row),
      );
    },

    createUser: (body) => create(user, body),
    createGroup: (body) => create(group, body),
    setActive(id, body) {
      const [rid, type, , version, made, , before, grouped] = rowById(id);
      const document = JSON.parse(before);
      const from: unknown = document.active;
      const to: unknown = JSON.parse(body).Operations[0].value;
      document.active = to;
      const after = JSON.stringify(document);
      const at = keyOfTime(Date.now());
      setActive.run(to === true ? 1 : 0, version + 1, at, rid);
      setBody.run(after, rid);
      if (from === true && to === false) losses.left++;
      record(user, id, version + 1, 'patch', at, [JSON.stringify([{ path: 'active', from, to }])]);
      return texts([[rid, type, id, version + 1, made, at, after, grouped]])[0] as Text;
    },
    editMembers(id, body) {
      const { rid, version } = groupOf(id);
      const { op, path, value } = JSON.parse(body).Operations[0];
      let ids: string[];
      if (op === 'add') {
        ids = value.map((member: { readonly value: string }) => member.value);
        for (const member of ids) {
          const [kind, display] = findMember.get(1, member) ?? [null, null];
          insertMember.run(
            rid,
            member,
            1,
            kind,
            display,
            null,
            display === null ? null : fold(display),
            null,
          );
        }
      } else {
        ids = [path.slice('members[value eq "'.length, -2)];
        deleteMember.run(rid, ids[0]);
        losses.removed++;
      }
      const at = keyOfTime(Date.now());
      touched.set(id, { rid, version: version + 1, at });
      const changed = JSON.stringify(ids);
      record(group, id, version + 1, 'patch', at, op === 'add' ? [null, changed] : [null, null, changed]);
    },
    finish() {
      for (const { rid, version, at } of touched.values()) touch.run(version, at, rid);
      touched.clear();
      for (const [{ number }, sum] of created) count.run(number, sum, 1);
      created.clear();
      for (const kind of ['left', 'removed'] as const) {
        if (losses[kind] === 0) continue;
        countLosses.run(1, kind, Math.floor(Date.now() / 60_000), losses[kind]);
        losses[kind] = 0;
      }
      setHead.run(sequence, link, 1);
    },
  };
}
