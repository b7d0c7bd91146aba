/** The file of the exchange log: its tables, how it is recognised, how it is opened. */
import { closeSync, openSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { mentionTable } from './exchange-mentions.ts';

/** "SCIX" as a number, in the header of every exchange log. */
const applicationId = 0x53434958;
const version = 4;

/**
 * Ids are the time in milliseconds times 1024, and a number: their order is that of time. What exchanges are found by stands
 * in `mention`, as a number made of the text, since an index over texts takes more time than all the rest. It is in parts by
 * time, so that what is written and what is removed is on few pages. A short body that was sent stands in its exchange where
 * nothing that was answered is kept, since a row of its own takes an eighth of the time; others are in `body`. `tally` counts
 * by ten minutes; `credential` has each token with its last exchange.
 */
const schema = `
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  tenant INTEGER,
  credential INTEGER,
  status INTEGER NOT NULL,
  method TEXT NOT NULL,
  request TEXT NOT NULL,
  entry TEXT NOT NULL,
  sent TEXT
) STRICT;
CREATE INDEX exchange_tenant ON exchange (tenant, id);
CREATE INDEX exchange_credential ON exchange (credential, id);
CREATE INDEX exchange_refused ON exchange (id) WHERE status >= 400;
CREATE TABLE body (id INTEGER PRIMARY KEY, sent TEXT, answered TEXT) STRICT;
${mentionTable}
CREATE TABLE tally (
  slot INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (slot, tenant, refused)
) STRICT, WITHOUT ROWID;
CREATE TABLE credential (
  number INTEGER PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,
  name TEXT,
  tenant INTEGER,
  last INTEGER NOT NULL DEFAULT 0
) STRICT;
`;

type Older = 1 | 2 | 3;

/**
 * From version 1, whose mentions had no parts: all that it has is the first; from version 2, where an index had them; from
 * version 3, where every body was in `body`: what is there stays there.
 */
const toVersion4 = (from: Older): string => `
${from === 3 ? '' : mentionsAgain(from)}
ALTER TABLE exchange ADD COLUMN sent TEXT;
PRAGMA user_version = ${version};
`;

const mentionsAgain = (from: 1 | 2): string => `
ALTER TABLE mention RENAME TO mention_before;
${mentionTable}
INSERT OR IGNORE INTO mention SELECT ${from === 1 ? '0' : 'part'}, key, number / 32 FROM mention_before ORDER BY 1, 2, 3;
DROP TABLE mention_before;`;

/** @throws StoreError where the file cannot be opened, or is something else. */
export function openExchangeFile(file: string): Database {
  if (file !== ':memory:') {
    try {
      // Its owner's alone to read, as the database is.
      closeSync(openSync(file, 'ax', 0o600));
    } catch {
      // It is there already; or SQLite says why it cannot be.
    }
  }
  const db = new Sqlite(file, { timeout: 5000 });
  try {
    const pragma = (name: string): unknown => db.pragma(name, { simple: true });
    const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
    const id = pragma('application_id');
    if (id !== applicationId && !(id === 0 && isEmpty))
      throw new StoreError(
        'foreign-database',
        `${file} is no exchange log of this server`,
        'Give another file: exchangeLog.file.',
      );
    if (Number(pragma('user_version')) > version)
      throw new StoreError(
        'newer-database',
        `${file} was written by a newer release`,
        'Give another file, exchangeLog.file, or remove this one: it holds nothing but the log of requests.',
      );
    // It is a log: what a power cut takes of it is no harm.
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = OFF');
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('trusted_schema = OFF');
    db.pragma('temp_store = MEMORY');
    // What is written is added at the end, and hardly read again: with more it is no faster.
    db.pragma('cache_size = -1024');
    if (isEmpty)
      db.transaction(() => {
        db.exec(schema);
        db.pragma(`application_id = ${applicationId}`);
        db.pragma(`user_version = ${version}`);
      }).immediate();
    else if (pragma('user_version') !== version)
      db.transaction(() => {
        // Another process may have done it by now.
        const from = Number(pragma('user_version'));
        if (from >= 1 && from < version) db.exec(toVersion4(from as Older));
      }).immediate();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
