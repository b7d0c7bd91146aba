/** What commands need of a database that is about no resource: tokens, tenants, and the record of what was done. */
import { uuidV7Source } from '../layout/ids.ts';
import { keyOfTime } from '../layout/instant.ts';
import { adminOver } from '../sql/admin.ts';
import type { AccessStore, NewNotice, Store } from '../store.ts';
import { accessOver } from './access.ts';
import { ChangeLog } from './changes.ts';
import { openConnection, usualBusyTimeout } from './connection.ts';
import { walOf } from './durability.ts';
import { groupCommit } from './group-commit.ts';
import { fileGuard } from './guards.ts';
import type { SqliteStoreOptions } from './index.ts';
import { dataVersion, readSnapshot } from './snapshot.ts';
import { Statements } from './statements.ts';
import { stepsPort } from './steps.ts';

/** Tokens and tenants alone: whatever resource types the database has, they are neither needed nor touched. */
export function openSqliteAccess({
  file,
  clock = () => new Date(),
  busyTimeout = usualBusyTimeout,
}: Pick<SqliteStoreOptions, 'file' | 'clock' | 'busyTimeout'>): AccessStore & Pick<Store, 'admin'> {
  const db = openConnection(file, busyTimeout);
  const others = dataVersion(db);
  const snapshot = readSnapshot(db, others.check, busyTimeout);
  // What it records is of no resource.
  const changes = new ChangeLog(db, { nameOf: String });
  const commit = groupCommit(db, walOf(db, snapshot.leave), {
    beforeWrite: snapshot.leave,
    check: others.check,
    counts: { write: () => changes.write(), forget: () => changes.forget() },
    busyTimeout,
  });
  const newId = uuidV7Source(() => clock().getTime());
  const note = (notice: NewNotice) => changes.note(notice, keyOfTime(clock().getTime()), newId());
  const access = accessOver({
    db,
    clock,
    newId,
    snapshot,
    commit,
    others,
    guard: fileGuard(undefined),
    note,
    settle: () => changes.write(),
  });
  const port = stepsPort({
    ...{ read: snapshot.read, write: commit.run, ride: commit.ride, note, statements: new Statements(db) },
    // Groups and guards are no matter here.
    forget() {},
  });
  return {
    ...access,
    admin: adminOver(clock, newId, port),
    close() {
      access.close();
      commit.close();
      snapshot.close();
      db.close();
    },
  };
}
