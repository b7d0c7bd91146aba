/**
 * Tens of millions of memberships, as rows: through the store they take hours and twice the disk. The rows are those that the
 * store writes, but for the change record: it is as if the memberships were older than `changes.retentionDays`.
 */
import Sqlite from 'better-sqlite3';
import type { Store } from '../../src/store/store.ts';
import { groupDocument, groupId, userId } from './data.ts';

/** Every group has so many members. */
const size = 10_000;
/** Of so many people all groups are written before those of the next: their index is written once. */
const block = 10_000;

/** So many are written as rows, where the database is a file. */
export const isBulk = (memberships: number): boolean => memberships >= 20_000_000;

const idOf = (n: number): string => groupId(2_000_000_000 + n);

/** Makes the groups in the store, and then their members in its file, which the store must not have open. */
export async function writeBulk(
  file: string,
  open: () => Promise<Store>,
  users: number,
  memberships: number,
): Promise<void> {
  if (users % block !== 0) throw new Error(`the number of users must be a multiple of ${block}`);
  const groups = Math.floor(memberships / size);
  const store = await open();
  const type = store.registry.resourceTypes[1];
  if (type === undefined) throw new Error('no groups in the registry');
  for (let first = 0; first < groups; first += 1000) {
    const ids = Array.from({ length: Math.min(1000, groups - first) }, (_, index) => first + index);
    const outcomes = await store.commit(
      ids.map((n) => ({
        tenant: 1,
        context: { actor: { kind: 'system' } },
        commands: [{ kind: 'create', type, id: idOf(n), document: groupDocument(`Division ${n}`) }],
      })),
    );
    const other = outcomes.find(({ outcome }) => outcome !== 'done' && outcome !== 'taken');
    if (other !== undefined) throw new Error(`the store answered ${JSON.stringify(other)}`);
  }
  await store.close();
  writeRows(file, users, groups);
}

function writeRows(file: string, users: number, groups: number): void {
  const db = new Sqlite(file);
  try {
    db.pragma('synchronous = OFF');
    // With them SQLite keeps a copy of every page that a statement changes.
    db.pragma('foreign_keys = OFF');
    db.pragma('temp_store = MEMORY');
    db.pragma('cache_size = -400000');
    db.exec('CREATE TEMP TABLE person (id TEXT PRIMARY KEY, type INTEGER, display TEXT) WITHOUT ROWID');
    const rid = db.prepare<[string], number>('SELECT rid FROM resource WHERE tenant = 1 AND id = ?').pluck();
    const people = db.prepare<[string, string]>(
      `INSERT INTO temp.person SELECT r.id, r.type, d.body ->> 'displayName'
       FROM resource r JOIN document d ON d.rid = r.rid WHERE r.tenant = 1 AND r.id BETWEEN ? AND ? ORDER BY r.id`,
    );
    const insert = db.prepare(
      `INSERT OR IGNORE INTO member (owner, value, tenant, kind, display, display_key)
       SELECT ?, id, 1, type, display, lower(display) FROM temp.person`,
    );
    const isMember = db.prepare('SELECT 1 FROM member WHERE owner = ? AND value = ?');
    const blocks = users / block;
    for (let first = 0; first < blocks; first++) {
      // Goes on where it was ended.
      if (isMember.get(rid.get(idOf(first)), userId((first + 1) * block)) !== undefined) continue;
      db.transaction(() => {
        db.exec('DELETE FROM temp.person');
        people.run(userId(first * block + 1), userId((first + 1) * block));
        for (let n = first; n < groups; n += blocks) insert.run(rid.get(idOf(n)));
      })();
      db.pragma('wal_checkpoint(TRUNCATE)');
      process.stderr.write(`${first + 1} of ${blocks} blocks of people\n`);
    }
  } finally {
    db.close();
  }
}
