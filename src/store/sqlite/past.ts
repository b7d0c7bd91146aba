/** Reads the past of a tenant, all of one moment and in steps between which others have their turn. */
import type { Database } from 'better-sqlite3';
import type { ChainOptions, ChainReport } from '../chain.ts';
import { instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { PastBuilder, type PastReads, type PastState } from '../past.ts';
import { ChainCheck } from '../sql/chain-check.ts';
import { changeMemberSql } from '../sql/change.ts';
import { type DigestedParts, noticeType } from '../sql/change-row.ts';
import { grantSql } from '../sql/grants.ts';
import { pastSql } from '../sql/past.ts';
import type { ChangeLog } from './changes.ts';
import { sqliteDialect } from './dialect.ts';

type HeadRow = [sequence: number, link: Uint8Array | null, pruned: number];
type ChangeRow = [
  id: string,
  type: number,
  version: number,
  operation: string,
  edits: string | null,
  added: string | null,
  removed: string | null,
  last: string | null,
  notice: string | null,
];

type DigestedRow = [
  sequence: number,
  type: number,
  ...parts: DigestedParts,
  salt: string | null,
  digest: Uint8Array | null,
  link: Uint8Array | null,
];
type EndsRow = [sequence: number, link: Uint8Array | null, pruned: number, prunedLink: Uint8Array | null];

/** Rows between two turns of the event loop: about ten milliseconds' work. */
const rowsPerTurn = 5000;

interface Tools {
  readonly db: Database;
  readonly types: StoredTypes;
  readonly changes: ChangeLog;
  readonly read: <T>(action: () => T) => T;
  /** Another connection to the same database; undefined where there can be none. */
  readonly connection: (() => Database) | undefined;
}

export function pastReads({ db, types, changes, read, connection }: Tools): PastReads {
  const head = db.prepare<[number], HeadRow>(pastSql.head).raw();
  const timeFrom = db.prepare<[number, number], string>(pastSql.timeFrom).pluck();
  return {
    sequenceAt: (tenant, time) =>
      read(() => {
        const key = keyOfTime(time.getTime());
        const [newest, , pruned] = head.get(tenant) ?? [0, null, 0];
        const isLater = (sequence: number): boolean => (timeFrom.get(tenant, sequence) ?? '') > key;
        // Times go with numbers.
        let [low, high] = [pruned, newest];
        while (low < high) {
          const middle = Math.ceil((low + high) / 2);
          if (isLater(middle)) high = middle - 1;
          else low = middle;
        }
        return low === pruned && pruned > 0 ? undefined : low;
      }),
    changesAbout: (tenant, id) => read(() => changes.about(tenant, id)),
    state: (query) => apart((from) => stateIn(from, types, query)),
    verify: (options) => apart((from) => verifyIn(from, types, options)),
  };

  /** Over a snapshot of its own, in steps. */
  async function apart<T>(stepsOver: (from: Database) => Generator<void, T>): Promise<T> {
    if (connection === undefined) return read(() => finished(stepsOver(db)));
    const other = connection();
    try {
      other.exec('BEGIN');
      const steps = stepsOver(other);
      for (;;) {
        const { done, value } = steps.next();
        if (done) return value;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      other.close();
    }
  }
}

function finished<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Yields where others may have their turn. */
function* stateIn(
  db: Database,
  types: StoredTypes,
  { tenant, sequence: asked, userAttributes }: Parameters<PastReads['state']>[0],
): Generator<void, PastState | undefined> {
  const [newest, newestLink, pruned] = db.prepare<[number], HeadRow>(pastSql.head).raw().get(tenant) ?? [
    0,
    null,
    0,
  ];
  const sequence = asked ?? newest;
  if (sequence > newest || sequence < pruned) return undefined;
  const [at, itsLink] =
    db
      .prepare<[number, number], [at: string, link: Uint8Array | null]>(pastSql.moment)
      .raw()
      .get(tenant, sequence) ?? [];
  const link = sequence === newest ? newestLink : itsLink;
  const builder = new PastBuilder(
    types.all.map(({ type }) => type),
    userAttributes,
  );
  let rows = 0;
  const resources = db.prepare<[number], [string, number, number, string]>(pastSql.resources).raw();
  for (const [id, type, version, body] of resources.iterate(tenant)) {
    builder.addPresent([id, types.nameOf(type), version, body]);
    if (++rows % rowsPerTurn === 0) yield;
  }
  const members = db.prepare<[number], [string, string]>(pastSql.members).raw();
  for (const [group, member] of members.iterate(tenant)) {
    builder.addMember(group, member);
    if (++rows % rowsPerTurn === 0) yield;
  }
  for (const { id } of db.prepare<[number], { id: string }>(grantSql.locks).all(tenant)) builder.addLock(id);
  const changes = db.prepare<[number, number], ChangeRow>(pastSql.changesAfter).raw();
  for (const [id, type, ...rest] of changes.iterate(tenant, sequence)) {
    builder.undo([id, types.nameOf(type), ...rest]);
    if (++rows % rowsPerTurn === 0) yield;
  }
  return {
    sequence,
    at: at === undefined ? undefined : instantText(at),
    link: link == null ? undefined : Buffer.from(link).toString('hex'),
    ...builder.build(),
  };
}

function* verifyIn(
  db: Database,
  types: StoredTypes,
  { tenant, expected }: ChainOptions,
): Generator<void, ChainReport> {
  const [sequence, link, pruned, prunedLink] = db
    .prepare<[number], EndsRow>(pastSql.ends)
    .raw()
    .get(tenant) ?? [0, null, 0, null];
  const check = new ChainCheck({ sequence, link, pruned, prunedLink }, expected);
  const missing = db.prepare<number[], [number, number]>(changeMemberSql(sqliteDialect).missing).raw();
  let rows = 0;
  for (const row of db.prepare<[number], DigestedRow>(pastSql.digested).raw().iterate(tenant)) {
    const [number, type, id, version, operation, at, txn, request, actor, edits, added, removed] = row;
    const [, , , , , , , , , , , , last, tolerances, cause, notice, salt, digest, ownLink] = row;
    check.add({
      ...{ sequence: number, salt, digest, link: ownLink },
      typeName: noticeType(notice) ?? types.nameOf(type),
      parts: [
        ...([id, version, operation, at, txn, request, actor, edits] as const),
        ...([added, removed, last, tolerances, cause, notice] as const),
      ],
    });
    if (added !== null || removed !== null) {
      const range = [tenant, number - 1, number];
      for (const found of missing.all(...range, ...range)) check.unindexed(...found);
    }
    if (++rows % rowsPerTurn === 0) yield;
  }
  return check.end();
}
