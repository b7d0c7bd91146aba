/** Reads of the change record, and what is done to it beside the units that write it. */
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { PastSources } from '../past-over.ts';
import { type ChangeRow, changeMemberSql, changeSql } from '../sql/change.ts';
import {
  type DeletionRow,
  type DigestedParts,
  isNoticeOf,
  noticeEntry,
  noticeType,
  toChange,
  toDeleted,
} from '../sql/change-row.ts';
import { confirmationSql } from '../sql/confirmation.ts';
import { pastSql } from '../sql/past.ts';
import type { NewNotice, Store } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { Pool } from './pool.ts';
import { writeSql } from './statements.ts';
import type { Transactions } from './transactions.ts';

type Reads = Pick<Store, 'changes' | 'changeRange' | 'deletion' | 'deletions' | 'pruneChanges'>;

export function changesOver(pool: Pool, transactions: Transactions, types: StoredTypes): Reads {
  const members = changeMemberSql(postgresDialect);
  return {
    async changes({ tenant, after = 0, id, limit }) {
      const rows =
        id === undefined
          ? await pool.read(changeSql.list, [tenant, after, limit])
          : await pool.read(changeSql.listOfOne, [tenant, after, id, limit]);
      return rows.map((row) => toChange(tenant, row as ChangeRow, types.nameOf));
    },
    async changeRange(tenant) {
      const [row] = (await pool.read(changeSql.range, [tenant])) as [number, number][];
      const [pruned, newest] = row ?? [0, 0];
      return { oldest: pruned + 1, newest };
    },
    async deletion({ tenant, type, id }) {
      const [row] = await pool.read(changeSql.deletionOf, [tenant, types.of(type).number, id]);
      return row === undefined ? undefined : toDeleted(row as unknown as DeletionRow);
    },
    async deletions({ tenant, type, before = Number.MAX_SAFE_INTEGER, limit }) {
      const rows = await pool.read(changeSql.deletions, [tenant, types.of(type).number, before, limit]);
      return (rows as unknown as DeletionRow[]).map(toDeleted);
    },
    async pruneChanges(before, limit) {
      const end = keyOfTime(before.getTime());
      let sum = 0;
      for (const [tenant] of (await pool.read(changeSql.tenants)) as [number][])
        sum += await transactions.run(async (connection) => {
          await connection.run(writeSql.lock, [tenant]);
          const { rows } = await connection.run(changeSql.oldest, [tenant, limit]);
          let last: readonly [sequence: number, link: Buffer | null] | undefined;
          for (const [sequence, at, link] of rows as [number, string, Buffer | null][]) {
            if (at >= end) break;
            last = [sequence, link];
          }
          if (last === undefined) return 0;
          const [sequence, link] = last;
          await connection.run(confirmationSql.prune, [tenant, sequence]);
          await connection.run(members.prune, [tenant, sequence, tenant, sequence, tenant, sequence]);
          const { count } = await connection.run(changeSql.prune, [tenant, sequence]);
          await connection.run(changeSql.setPruned, [sequence, link, tenant]);
          return count;
        });
      return sum;
    },
  };
}

type DigestedRow = [
  sequence: number,
  type: number,
  ...parts: DigestedParts,
  salt: string | null,
  digest: Uint8Array | null,
  link: Uint8Array | null,
];

/** What the past is rebuilt and verified from, beside the changes themselves. */
export function chainOver(
  pool: Pool,
  types: StoredTypes,
): Pick<PastSources, 'changesAbout' | 'ends' | 'digested' | 'unindexed'> {
  const { missing } = changeMemberSql(postgresDialect);
  return {
    async unindexed(tenant, after, upTo) {
      const range = [tenant, after, upTo];
      return (await pool.read(missing, [...range, ...range])) as [number, number][];
    },
    async changesAbout(tenant, id) {
      const rows = await pool.read(pastSql.changesAbout, [tenant, tenant, id, tenant, id]);
      return rows.map((row) => toChange(tenant, row as ChangeRow, types.nameOf));
    },
    async ends(tenant) {
      type EndsRow = [number, Uint8Array | null, number, Uint8Array | null];
      const [row] = (await pool.read(pastSql.ends, [tenant])) as EndsRow[];
      const [sequence, link, pruned, prunedLink] = row ?? [0, null, 0, null];
      return { sequence, link, pruned, prunedLink };
    },
    async digested(tenant, after, limit) {
      const rows = (await pool.read(pastSql.digestedPart, [tenant, after, limit])) as DigestedRow[];
      return rows.map(([sequence, type, ...rest]) => {
        const [salt, digest, link] = rest.slice(-3) as [string | null, Uint8Array | null, Uint8Array | null];
        const parts = rest.slice(0, -3) as unknown as DigestedParts;
        const typeName = noticeType(parts[13]) ?? types.nameOf(type);
        return { sequence, typeName, parts, salt, digest, link };
      });
    },
  };
}

/** Records notices in their order; answers how many were new. */
export async function recordNotices(
  transactions: Transactions,
  notices: readonly NewNotice[],
  now: Date,
  newId: () => string,
): Promise<number> {
  let count = 0;
  for (const notice of notices) {
    const { tenant, subject, unlessSince } = notice;
    const at = keyOfTime(now.getTime());
    const isNew = await transactions.inTenant(
      tenant,
      () => subject.type,
      async (writer) => {
        if (unlessSince !== undefined) {
          const since = keyOfTime(Date.parse(unlessSince));
          const rows = (await writer.query(changeSql.noticesSince, [tenant, subject.id, since])) as [
            string,
          ][];
          if (rows.some(([stored]) => isNoticeOf(stored, notice))) return false;
        }
        writer.append(noticeEntry(notice, at, newId()));
        return true;
      },
    );
    if (isNew) count++;
  }
  return count;
}
